"""Names of months in the languages of feeds, and the calendars that they belong to.

Names are folded before they are looked up (`fold`): digits and letters of one shape, no vowel signs, no case. An
underscore stands for a blank, which may be missing or a zero-width one in the text.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from functools import cache
from itertools import chain
from typing import Literal

from streams.event_dates.names import month_names

Calendar = Literal["gregorian", "jalali", "hijri"]

# January first. What the languages of event dates call them stands in streams/event_dates/names.txt; here is what other
# languages do, and how feeds cut names short.
_GREGORIAN = (
    "januar jänner janvier janv enero ene gennaio gen janeiro januari oca yanvar yan ýanwar januára stycznia "
    "styczeń ledna leden ianuarie január января январь січня січ студзеня януари јануар январ қаңтар ιανουαρίου ιαν "
    "ιανουάριος ינו ك2 rêbendan çile kanûna_paşîn kanûna_duyem հունվարի հունվար იანვარი जनवरी",
    "februar feber février fevrier févr fév febrero febbraio fevereiro fev februari şub fevral fewral februára "
    "lutego luty února únor februarie február февраля февраль лют лютага февруари фебруар феврал ақпан φεβρουαρίου "
    "φεβ φεβρουάριος פבר فېبروري sibat reşemî փետրվարի փետրվար თებერვალი फ़रवरी फरवरी",
    "marts märz maerz mrz mars marzo março marco maart mrt marca marzec března březen martie március maret мар "
    "березня бер сакавіка наурыз μαρτίου μαρ μάρτιος ازار ئادار adar մարտի մարտ მარტი मार्च",
    "avril avr abril abr aprile nis aprel kwietnia kwiecień dubna duben aprilie apríla április апреля апрель квітня "
    "квіт красавіка април апрел сәуір απριλίου απρ απρίλιος אפר nîsan ապրիլի ապրիլ აპრილი अप्रैल",
    "mai mayo maggio mag maio mei maý maja maj května květen mája máj május травня трав мај мамыр μαΐου μάιος μαι "
    "gulan մայիսի մայիս მაისი मई",
    "juni juin junio giugno giu junho haz iýun czerwca czerwiec června červen iunie júna jún június июн червня черв "
    "чэрвеня юни јун маусым ιουνίου ιουν ιούνιος hezîran pûşper հունիսի հունիս ივნისი जून",
    "juli juillet juil julio luglio lug julho tem iýul lipca lipiec července červenec iulie júla júl július июл лип "
    "ліпеня юли јул шілде ιουλίου ιουλ ιούλιος تەمووز tîrmeh temûz հուլիսի հուլիս ივლისი जुलाई",
    "août aout agosto ago ağu agustos agustus augustus augusti avqust awgust avgust sierpnia sierpień srpna srpen "
    "augusta augusztus серпня серп жніўня тамыз αυγούστου αυγ αύγουστος אוג tebax gelawêj օգոստոսի օգոստոս აგვისტო "
    "अगस्त",
    "septembre septiembre setiembre settembre set setembro eyl sentyabr sentabr sentýabr września wrzesień září "
    "septembrie septembra szeptember сентября сентябрь вересня верасня вер септември септембар сентябр қыркүйек "
    "σεπτεμβρίου σεπ σεπτέμβριος ספט سېپتمبر îlon rezber սեպտեմբերի սեպտեմբեր სექტემბერი सितंबर सितम्बर",
    "oktober okt octobre octubre ottobre ott outubro out eki oktyabr oktabr oktýabr października październik října "
    "říjen octombrie október октября октябрь жовтня жовт кастрычніка октомври октобар октябр қазан οκτωβρίου οκτ "
    "οκτώβριος אוק تشرين_أول ت1 cotmeh kewçêr çiriya_pêşîn çirîya_pêşîn teşrîna_yekem հոկտեմբերի հոկտեմբեր "
    "ოქტომბერი अक्टूबर",
    "novembre noviembre novembro noviembro kas noyabr noýabr listopada listopadu listopad noiembrie novembra ноября "
    "ноябрь листопада лист лістапада ноември новембар ноябр қараша νοεμβρίου νοε νοέμβριος נוב تشرين_ثاني ت2 mijdar "
    "çiriya_paşîn çirîya_paşîn teşrîna_duyem sermawez նոյեմբերի նոյեմբեր ნოემბერი नवंबर नवम्बर",
    "dezember dez décembre décembr déc diciembre dic dicembre dezembro ara dekabr grudnia grudzień prosince "
    "prosinec decembrie decembra desember декабря декабрь грудня груд снежня декември децембар декабр желтоқсан "
    "δεκεμβρίου δεκ δεκέμβριος דצמ كانون_أول ك1 berfanbar kanûn դեկտեմբերի դեկտեմբեր დეკემბერი दिसंबर दिसम्बर "
    "kanûna_pêşîn kanûna_yekem",
)
_JALALI = (
    "حمل farvardin فەروەردین",
    "ثور ordibehesht بانەمەڕ",
    "جوزا khordad",
    "سرطان tir",
    "اسد mordad",
    "سنبله shahrivar",
    "میزان mehr",
    "عقرب aban",
    "قوس azar",
    "جدی dey",
    "دلو bahman",
    "حوت esfand ڕەشەمێ",
)
_HIJRI = (
    "",
    "صفر_المظفر",
    "",
    "",
    "جمادی_اول",
    "جمادى_الآخر",
    "رجب_المرجب",
    "شعبان_المعظم",
    "رمضان_المبارك رمضان_المبارک",
    "شوال_المكرم",
    "",
    "",
)
_LETTERS = str.maketrans(
    {
        "أ": "ا", "إ": "ا", "آ": "ا", "ٱ": "ا", "ي": "ی", "ى": "ی", "ې": "ی", "ۍ": "ی", "ك": "ک", "ة": "ه", "ە": "ه",
        "ۀ": "ه", "ھ": "ه", "ہ": "ه", "ۂ": "ه", "ؤ": "و", "ۆ": "و", "ئ": "ی", "ڕ": "ر", "ڵ": "ل", "ګ": "گ", "ډ": "د",
        "ێ": "ی", "ı": "i", "ё": "е", "ـ": "", "\u200c": " ", "\u200d": "", "\u200e": "", "\u200f": "", "\u0307": "",
        "\u202a": "", "\u202b": "", "\u202c": "", "\u2066": "", "\u2067": "", "\u2068": "", "\u2069": "", "\ufeff": "",
        "\u0654": "", "׳": "", "'": "", "\u2019": "",
    }
)  # fmt: skip


def fold(text: str) -> str:
    """Return `text` in lower case, digits of every script as ASCII, letters of Arabic script in one shape each."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
        text = "".join(
            str(unicodedata.decimal(c)) if c.isdecimal() and not c.isascii() else c
            for c in text
            if not "\u064b" <= c <= "\u0652"
        ).translate(_LETTERS)
    return text.lower().translate(_LETTERS)


@cache
def _tables() -> tuple[dict[str, tuple[Calendar, int]], re.Pattern[str]]:
    found: dict[str, tuple[Calendar, int]] = {}
    calendars: tuple[tuple[Calendar, tuple[str, ...]], ...] = (
        ("gregorian", _GREGORIAN),
        ("jalali", _JALALI),
        ("hijri", _HIJRI),
    )
    own = (
        (calendar, number, name)
        for calendar, months in calendars
        for number, names in enumerate(months, start=1)
        for name in names.split()
    )
    written = set()
    for calendar, number, name in chain(own, month_names()):
        folded = "_".join(fold(name).split())
        found.setdefault(folded.replace("_", ""), (calendar, number))
        written.add(folded)
    # The longest first; a Hebrew month may carry its preposition, a Kurdish one its ezafe.
    names = "|".join(re.escape(name).replace("_", r"[\s_]*") for name in sorted(written, key=len, reverse=True))
    return found, re.compile(rf"(?<![^\W\d_])(?:ב)?({names})(?:ی|y?[êa])?(?![^\W\d_])")


def month_pattern() -> re.Pattern[str]:
    """Return a pattern that finds a month in folded text; its first group is the name."""
    return _tables()[1]


def month_of(name: str) -> tuple[Calendar, int] | None:
    """Return the calendar and the number of the month with this name, folded or not."""
    return _tables()[0].get(re.sub(r"[\s_]+", "", fold(name)))


def to_gregorian(calendar: Calendar, year: int, month: int, day: int) -> date | None:
    """Return the day that a date of `calendar` is, or None where there is no such day."""
    try:
        if calendar == "gregorian":
            return date(year, month, day)
        if calendar == "jalali":
            return jalali_to_gregorian(year, month, day)
        from hijridate import Hijri

        found = Hijri(year, month, day).to_gregorian()
        return date(found.year, found.month, found.day)
    except (ValueError, OverflowError):
        return None


def jalali_to_gregorian(year: int, month: int, day: int) -> date:
    """Return the Gregorian day of a day of the Solar Hijri calendar, right for the years 1206 to 1497.

    The 33-year rule (leap where the year modulo 33 is one of eight numbers), which agrees with the calendar of Iran in
    these years: A. Borkowski, "The Persian calendar for 3000 years", Earth, Moon, and Planets 74 (1996).

    Raises:
        ValueError: there is no such day.
    """
    if not 1206 <= year <= 1497 or not 1 <= month <= 12:
        raise ValueError(f"no such month: {year}/{month}")
    days = 31 if month <= 6 else 30 if month <= 11 or _is_jalali_leap(year) else 29
    if not 1 <= day <= days:
        raise ValueError(f"no such day: {year}/{month}/{day}")
    # 1 Farvardin 1206 was 21 March 1827.
    leap_days = sum(_is_jalali_leap(earlier) for earlier in range(1206, year))
    passed = 365 * (year - 1206) + leap_days + 31 * min(month - 1, 6) + 30 * max(month - 7, 0) + day - 1
    return date.fromordinal(date(1827, 3, 22).toordinal() + passed)


def _is_jalali_leap(year: int) -> bool:
    return year % 33 in {1, 5, 9, 13, 17, 22, 26, 30}
