"""Whom a report credits, in every language: chains in order, and what only looks like a credit."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from agent.config_files import Faults
from agent.source_lists import listed_source, load_sources
from streams.attribution import AttributionFinder
from streams.model import AttributionStep, RawArticle
from streams.text.document import Document

NOW = datetime(2023, 4, 25, tzinfo=UTC)


@cache
def finder() -> AttributionFinder:
    faults = Faults()
    sources = load_sources(Path("config"), faults)
    faults.check()
    return AttributionFinder((*sources, listed_source("qasr", "شبكة القصر", "ar")))


def steps(
    language: str, text: str, title: str = "", *, source_id: str | None = None, name: str | None = None
) -> tuple[AttributionStep, ...]:
    article = RawArticle(
        article_id="0" * 32,
        title=title,
        text=text,
        source_id=source_id,
        source_name=name,
        declared_language=language,
        collected_at=NOW,
    )
    found = finder().find(Document.of(title, text, language), article)
    for step in found:
        assert step.span is not None
        assert getattr(article, step.span.field)[step.span.start : step.span.end] == step.name
    return found


def chains(found: tuple[AttributionStep, ...]) -> list[list[str]]:
    together: dict[int, list[str]] = {}
    for step in found:
        together.setdefault(step.chain, []).append(step.source_id or step.name)
    assert list(together) == list(range(len(together)))
    return list(together.values())


CHAINS = [
    ("ar", "وبحسب وكالة رويترز، فإن الاجتماع انتهى دون اتفاق.", [["reuters"]]),
    ("ar", "أفادت وكالة «سانا» بأن القصف توقف.", [["sana"]]),
    ("ar", "موسكو-سانا\nبحث الوزيران التعاون.", [["sana"]]),
    ("ar", "الرياض - واس\nاستقبل الوزير نظيره.", [["spa"]]),
    ("ar", "بيروت (رويترز) - قال وزير المالية إن الاتفاق قريب.", [["reuters"]]),
    ("ar", "انتهى اللقاء مساء اليوم. (د ب أ)", [["dpa"]]),
    ("ar", "ونقلت صحيفة القدس العربي عن وكالة الأناضول أن الوفد غادر.", [["al-quds-al-arabi", "anadolu"]]),
    ("ar", "وذكرت قناة الجزيرة نقلاً عن رويترز أن المحادثات تأجلت.", [["al-jazeera", "reuters"]]),
    ("ar", "جرى اللقاء أمس.\nالمصدر: روسيا اليوم", [["rt"]]),
    ("ar", "جرى اللقاء أمس.\nالمصدر: شبكة أخبار الساحل", [["شبكة أخبار الساحل"]]),
    ("ar", "ولم يعلق أحد.\nنقلاً عن شبكة القصر", [["qasr"]]),
    ("ar", "قالت صحيفة «صوت الشرقية» إن المعبر فتح.", [["صحيفة «صوت الشرقية»"]]),
    ("ar", "أوردت وكالتا سانا ورويترز الخبر.", [["sana"], ["reuters"]]),
    ("fa", "به گزارش خبرگزاری تسنیم به نقل از خبرگزاری «نووستی»، دیدار برگزار شد.", [["tasnim", "ria-novosti"]]),
    ("fa", "به گزارش مهر، رئیس جمهور وارد آنکارا شد.", [["mehr"]]),
    ("fa", "به نوشتهٔ روزنامه گاردین، توافق نزدیک است.", [["guardian"]]),
    ("fa", "خبرگزاری رویترز روز سه‌شنبه در گزارشی از پایتخت ترکیه نوشت که مذاکرات ادامه دارد.", [["reuters"]]),
    ("fa", "منبع: ایسنا\nوزیر خارجه ایران وارد بیروت شد.", [["isna"]]),
    ("fa", "ایرنا به نقل از تاس نوشت که دو طرف توافق کردند.", [["irna", "tass"]]),
    ("tr", "AA'ya göre görüşme iki saat sürdü.", [["anadolu"]]),
    ("tr", "Reuters haber ajansının haberine göre taraflar anlaştı.", [["reuters"]]),
    ("tr", "Bloomberg, anlaşmanın cuma günü imzalanacağını yazdı.", [["bloomberg"]]),
    ("tr", "Sputnik'in RIA Novosti'ye dayandırdığı habere göre heyet döndü.", [["sputnik", "ria-novosti"]]),
    ("tr", "Kaynak: Anadolu Ajansı\nBakan konuştu.", [["anadolu"]]),
    ("ru", "Об этом сообщает РИА Новости со ссылкой на Минобороны.", [["ria-novosti"]]),
    ("ru", "МОСКВА, 25 апреля. (ТАСС) — Министры встретились.", [["tass"]]),
    ("ru", "МОСКВА, 4 апр — РИА Новости. Министры встретились.", [["ria-novosti"]]),
    ("ru", "По данным агентства «Анадолу», погибли трое.", [["anadolu"]]),
    ("ru", "Как сообщает Интерфакс со ссылкой на агентство Рейтер, сделка отложена.", [["interfax", "reuters"]]),
    ("en", "The meeting was cut short, according to Reuters.", [["reuters"]]),
    ("en", "MOSCOW, April 25 (Reuters) - Ministers met on Tuesday.", [["reuters"]]),
    ("en", "The state news agency, SANA, said the road would reopen.", [["sana"]]),
    ("en", "Iran's Tasnim, citing RIA Novosti, reported that the talks were over.", [["tasnim", "ria-novosti"]]),
    ("en", "The minister resigned, the Levant Courier newspaper said.\nSource: Anadolu Agency", [["anadolu"]]),
    ("en", "According to the Gulf Tribune, oil exports stopped.", [["Gulf Tribune"]]),
    ("he", "לפי סוכנות הידיעות רויטרס, השיחות נדחו.", [["reuters"]]),
    ("he", "סוכנות תסנים דיווחה כי המשלחת חזרה.", [["tasnim"]]),
    ("he", 'לפי "הארץ", ההצבעה תידחה.', [["haaretz"]]),
    ("ur", "ماسکو (اے ایف پی) وزرائے دفاع کا اجلاس ہوا۔", [["afp"]]),
    ("ur", "خبر رساں ادارے رائٹرز کے مطابق مذاکرات ملتوی ہو گئے۔", [["reuters"]]),
    ("ur", "ارنا نیوز ایجنسی نے بتایا ہے کہ صدر روانہ ہو گئے۔", [["irna"]]),
    ("ckb", "ڕووداو بڵاویکردەوە کە شاندەکە گەیشت.", [["rudaw"]]),
    ("ckb", "بەگوێرەی ئاژانسی ئەنادۆڵ، کۆبوونەوەکە تەواو بوو.", [["anadolu"]]),
    ("ku", "Li gorî ajansa ANHAyê, rê hat vekirin.", [["hawar"]]),
    ("uk", "Про це повідомляє Укрінформ з посиланням на Reuters.", [["ukrinform", "reuters"]]),
    ("fr", "Selon l'AFP, les négociations ont échoué.", [["afp"]]),
    ("de", "Wie die Nachrichtenagentur Reuters berichtet, wurde das Treffen verschoben.", [["reuters"]]),
    ("es", "Según la agencia EFE, la reunión terminó sin acuerdo.", [["efe"]]),
    ("az", "AZƏRTAC xəbər verir ki, nazir Ankaraya gedib.", [["azertac"]]),
]  # fmt: skip


@pytest.mark.parametrize(("language", "text", "expected"), CHAINS)
def test_a_credit_is_found_in_its_chain(language: str, text: str, expected: list[list[str]]) -> None:
    assert chains(steps(language, text)) == expected


NO_CREDITS = [
    ("en", "Trust in news fell again, according to the Reuters Institute's survey."),
    ("en", "The band will play the new hall, said its manager. An AP course is offered."),
    ("en", "He told Reuters in 2019 that he would not run."),
    ("en", "State media reported a blast; officials said nobody was hurt."),
    ("tr", "Anadolu Efes maçı kazandı. Anadolu'ya göre bir hava vardı."),
    ("tr", "Rus basınının yazdığına göre heyet bugün dönecek. Bu sana göre değil."),
    ("ar", "وقالت وزارة الدفاع في بيان إن القوات انسحبت، نقلاً عن مصدر مسؤول."),
    ("ar", "كان الوطن كبيراً، وقالت الصحيفة إن الفارس وصل."),
    ("ar", "وأعلنت وكالة «وفا» الحداد."),
    ("ar", "وأضاف المصدر: القتلى هم من المدنيين."),
    ("fa", "به گفتهٔ استاندار فارس، در ماه مهر باران بارید."),
    ("fa", "فارس به نقل از تاریخ‌نگاران همواره سرسبز بوده است."),
    ("fa", "به نقل از یک منبع آگاه در وزارت خارجه، سفر لغو شد."),
    ("ru", "По данным онлайн-табло, рейс задержан. Спутник вышел на орбиту."),
    ("he", "לפי גורם במשרד הביטחון, הארץ כולה ערוכה."),
    ("ckb", "ڕووداوەکە لە سلێمانی بوو و دوو کەس بریندار بوون."),
    ("ur", "ذرائع کے مطابق اجلاس کل ہوگا۔ جنگ نے شہر تباہ کر دیا۔"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "text"), NO_CREDITS)
def test_what_only_looks_like_a_credit_is_none(language: str, text: str) -> None:
    assert steps(language, text) == ()


def test_the_outlet_itself_is_no_attribution() -> None:
    text = "به گزارش خبرگزاری مهر به نقل از تاس، وزیران دیدار کردند."
    assert chains(steps("fa", text)) == [["mehr", "tass"]]
    assert chains(steps("fa", text, source_id="mehr")) == [["tass"]]
    assert chains(steps("fa", text, name="خبرگزاری مهر")) == [["tass"]]
    assert steps("ar", "دمشق-سانا\nبحث الوزيران التعاون.", source_id="sana") == ()


def test_an_edition_is_its_house() -> None:
    assert steps("ar", "ذكرت قناة الجزيرة أن الوفد غادر.", source_id="aljazeera-english") == ()


def test_a_source_line_at_the_end_comes_before_what_the_report_credits_itself() -> None:
    text = "قالت وكالة سانا إن الطريق فتح أمام المدنيين.\nوعادت الحركة إلى السوق.\nالمصدر: عنب بلدي"
    assert chains(steps("ar", text)) == [["enab-baladi", "sana"]]


def test_what_a_later_passage_credits_is_a_chain_of_its_own() -> None:
    text = "به گزارش تسنیم به نقل از نووستی، وزیران دیدار کردند.\nخبرگزاری تاس به نقل از وزارت دفاع سوریه خبر داد که راه باز می‌شود."
    assert chains(steps("fa", text)) == [["tasnim", "ria-novosti"], ["tass"]]


def test_a_title_that_names_a_source_credits_it() -> None:
    assert chains(steps("ar", "انتهى الاجتماع.", title="رويترز: تأجيل المحادثات")) == [["reuters"]]
    assert chains(steps("ru", "Встреча завершена.", title="Переговоры отложены — ТАСС")) == [["tass"]]


def test_half_spaces_quotes_and_other_keyboards_do_not_matter() -> None:
    for name in ("نامه‌نیوز", "نامه نیوز", "نامهنیوز", "نامه نيوز"):
        assert chains(steps("fa", f"به نقل از {name}: دیدار برگزار شد.")) == [["namehnews"]]
