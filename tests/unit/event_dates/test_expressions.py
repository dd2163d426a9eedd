"""Expressions of days as outlets write them, in the languages that Rasad is made for; published on Wednesday 26 April 2023."""

from __future__ import annotations

from datetime import date

import pytest

from streams.event_dates import find_event_dates
from streams.text.document import Document

PUBLISHED = date(2023, 4, 26)

EXPRESSIONS = [
    ("ar", "عقد الاجتماع يوم الثلاثاء 25 نيسان", "2023-04-25"),
    ("ar", "عُقد في ٢٥ أبريل/نيسان ٢٠٢٣ في موسكو", "2023-04-25"),
    ("ar", "عُقد في 25 نيسان/أبريل الجاري", "2023-04-25"),
    ("ar", "منذ الثامن والعشرين من كانون الأول الماضي", "2022-12-28"),
    ("ar", "منذ الحادي عشر من آذار الماضي", "2023-03-11"),
    ("ar", "في الخامس والعشرين من شهر نيسان الجاري", "2023-04-25"),
    ("ar", "وذلك في 5 شوال 1444هـ", "2023-04-25"),
    ("ar", "التقى الوزيران أمس الثلاثاء", "2023-04-25"),
    ("ar", "قصف ليل الاثنين الثلاثاء", "2023-04-24"),
    ("ar", "في 25/04/2023 وقع الطرفان", "2023-04-25"),
    ("ar", "يلتقيان الجمعة المقبل", "2023-04-28"),
    ("ar", "في 12 جويلية 2022 بالجزائر", "2022-07-12"),
    ("ar", "انعقد في 3 و4 نيسان", "2023-04-03"),
    ("ar", "بتاريخ 29-12-2018", "2018-12-29"),
    ("fa", "نشست روز سه‌شنبه ۵ اردیبهشت ۱۴۰۲ برگزار شد", "2023-04-25"),
    ("fa", "نشست سه شنبه (۵ اردیبهشت) برگزار شد", "2023-04-25"),
    ("fa", "در تاریخ ۱۴۰۲/۰۲/۰۵ اعلام شد", "2023-04-25"),
    ("fa", "هفتم دی‌ماه سال گذشته دیدار کردند", "2022-12-28"),
    ("fa", "در بیست‌وهشتم دسامبر ۲۰۲۲", "2022-12-28"),
    ("fa", "در بیست و پنجم آوریل", "2023-04-25"),
    ("fa", "دوشنبه‌شب وارد مسکو شد", "2023-04-24"),
    ("fa", "در روزهای 3 و 4 آوریل", "2023-04-03"),
    ("fa", "از سوم تا پنجم اردیبهشت", "2023-04-25"),
    ("tr", "Toplantı 25 Nisan'da yapıldı", "2023-04-25"),
    ("tr", "Toplantı 25 Nisan 2023 Salı günü yapıldı", "2023-04-25"),
    ("tr", "28 Aralık'taki görüşme", "2022-12-28"),
    ("tr", "25.04.2023 tarihinde", "2023-04-25"),
    ("tr", "geçen pazartesi günü", "2023-04-24"),
    ("tr", "Salı günü Moskova'da", "2023-04-25"),
    ("tr", "14 Mayıs'ta seçim var", "2023-05-14"),
    ("ru", "встреча прошла 25 апреля", "2023-04-25"),
    ("ru", "встреча прошла 25-го апреля 2023 года", "2023-04-25"),
    ("ru", "во вторник, 25 апреля, в Москве", "2023-04-25"),
    ("ru", "в прошлый понедельник", "2023-04-24"),
    ("ru", "28 декабря прошлого года", "2022-12-28"),
    ("ru", "МОСКВА, 25 апр. — ТАСС", "2023-04-25"),
    ("uk", "у вівторок, 25 квітня", "2023-04-25"),
    ("uk", "28 грудня минулого року", "2022-12-28"),
    ("en", "met on Tuesday, April 25, 2023", "2023-04-25"),
    ("en", "met on 25 April in Moscow", "2023-04-25"),
    ("en", "on the 25th of April", "2023-04-25"),
    ("en", "on April 3-4 the deputies met", "2023-04-03"),
    ("en", "on April 3 and 4 the deputies met", "2023-04-03"),
    ("en", "on Dec. 28 last year", "2022-12-28"),
    ("en", "They met last Monday", "2023-04-24"),
    ("en", "They will meet next Friday", "2023-04-28"),
    ("en", "MOSCOW, April 25 (TASS)", "2023-04-25"),
    ("he", "הפגישה התקיימה ב-25 באפריל", "2023-04-25"),
    ("he", "הפגישה התקיימה ביום שלישי", "2023-04-25"),
    ("he", "ב-28 בדצמבר 2022", "2022-12-28"),
    ("he", "אתמול (שלישי) במוסקבה", "2023-04-25"),
    ("he", "ה-3 וה-4 באפריל", "2023-04-03"),
    ("he", "ביום ג' האחרון", "2023-04-25"),
    ("ckb", "کۆبوونەوەکە ڕۆژی سێشەممە، ٢٥ی نیسان", "2023-04-25"),
    ("ckb", "لە ٢٨ی کانوونی یەکەمی ٢٠٢٢", "2022-12-28"),
    ("ckb", "لە ٢٥/٤/٢٠٢٣", "2023-04-25"),
    ("ckb", "دوێنێ سێشەممە", "2023-04-25"),
    ("ku", "di 25ê nîsanê de", "2023-04-25"),
    ("ku", "roja sêşemê", "2023-04-25"),
    ("ku", "di 28ê kanûna 2022an de", "2022-12-28"),
    ("ur", "اجلاس منگل 25 اپریل کو ہوا", "2023-04-25"),
    ("ur", "28 دسمبر 2022ء کو", "2022-12-28"),
    ("ur", "پیر کے روز ماسکو میں", "2023-04-24"),
    ("ur", "ہفتے کے روز ماسکو میں", "2023-04-22"),
    ("ur", "3 اور 4 اپریل کو", "2023-04-03"),
    ("az", "aprelin 25-də Moskvada", "2023-04-25"),
    ("az", "25 aprel 2023-cü ildə", "2023-04-25"),
    ("fr", "mardi 25 avril à Moscou", "2023-04-25"),
    ("fr", "le 1er mai", "2023-05-01"),
    ("de", "am Dienstag, dem 25. April, in Moskau", "2023-04-25"),
    ("de", "am 28. Dezember 2022", "2022-12-28"),
    ("es", "el martes 25 de abril", "2023-04-25"),
    ("es", "el 28 de diciembre de 2022", "2022-12-28"),
    ("bg", "на 25 април в Москва", "2023-04-25"),
    ("ps", "د سه‌شنبې په ورځ", "2023-04-25"),
]  # fmt: skip

NO_DAYS = [
    ("ar", "في نيسان 2023 زاد الإنتاج 25 في المئة"),
    ("ar", "الأول في الشرق الأوسط"),
    ("fa", "مهر و محبت ۲۵ نفر"),
    ("fa", "در آذر ماه سال ۱۴۰۱"),
    ("tr", "Faiz 4,75-5 aralığına çıktı, dünya piyasaları"),
    ("tr", "pazar payı yüzde 25"),
    ("en", "He may 3 times march; the second quarter of 2023"),
    ("en", "Version 1.2.3 and 10-12-8"),
    ("ru", "в этой среде обитают 25 видов"),
    ("he", "הוא היה שני בתחרות"),
    ("ur", "ایک ہفتے میں 25 افراد"),
    ("und", "42"),
]


@pytest.mark.parametrize(("language", "text", "day"), EXPRESSIONS)
def test_a_day_is_found_and_resolved(language: str, text: str, day: str) -> None:
    found = find_event_dates(Document.of("", text, language), PUBLISHED)
    spoken = [event for event in found if event.spans]
    assert day in [event.first.isoformat() for event in spoken], found
    for event in spoken:
        for span in event.spans:
            assert text[span.start : span.end].strip()


@pytest.mark.parametrize(("language", "text"), NO_DAYS)
def test_what_fixes_no_day_is_passed_over(language: str, text: str) -> None:
    assert find_event_dates(Document.of("", text, language), PUBLISHED) == ()
