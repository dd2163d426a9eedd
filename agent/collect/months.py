"""Names of months in the languages of feeds, and the calendars that they belong to.

Names are folded before they are looked up (`fold`): digits and letters of one shape, no vowel signs, no case. An
underscore stands for a blank, which may be missing or a zero-width one in the text.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from functools import cache
from typing import Literal

Calendar = Literal["gregorian", "jalali", "hijri"]

_GREGORIAN = (
    # January
    "jan january januar jänner janvier janv enero ene gennaio gen janeiro januari ocak oca yanvar yan ýanwar "
    "januára stycznia styczeń ledna leden ianuarie január января янв январь січня січ студзеня януари јануар "
    "январ қаңтар ιανουαρίου ιαν ιανουάριος ינואר ינו يناير كانون_الثاني ك2 جانفي ژانویه جنوری جنوري "
    "کانوونی_دووەم کانونی_دووەم rêbendan çile kanûna_paşîn kanûna_duyem հունվարի հունվար იანვარი जनवरी",
    # February
    "feb february februar feber février fevrier févr fév febrero febbraio fevereiro fev februari şubat şub fevral "
    "fewral februára lutego luty února únor februarie február февраля фев февр февраль лютого лют лютага февруари "
    "фебруар феврал ақпан φεβρουαρίου φεβ φεβρουάριος פברואר פבר فبراير شباط فيفري فوریه فبروری فروری فبروري "
    "فېبروري شوبات sibat reşemî փետրվարի փետրվար თებერვალი फ़रवरी फरवरी",
    # March
    "mar march marts märz maerz mrz mars marzo março marco mart maart mrt marca marzec března březen martie "
    "március maret марта мар март березня бер сакавіка наурыз μαρτίου μαρ μάρτιος מרץ מרס مارس آذار ازار اذار "
    "مارچ ئازار ئادار adar մարտի մարտ მარტი मार्च",
    # April
    "apr april avril avr abril abr aprile nisan nis aprel kwietnia kwiecień dubna duben aprilie apríla április "
    "апреля апр апрель квітня квіт красавіка април апрел сәуір απριλίου απρ απρίλιος אפריל אפר أبريل إبريل نيسان "
    "نیسان أفريل آوریل اپریل اپرېل nîsan ապրիլի ապրիլ აპრილი अप्रैल",
    # May
    "may mai mayo maggio mag maio mayıs mayis mei maý maja maj května květen mája máj május мая май травня трав "
    "мај мамыр μαΐου μάιος μαι מאי مايو أيار ايار ماي مه می مئی مۍ ئایار gulan մայիսի մայիս მაისი मई",
    # June
    "jun june juni juin junio giugno giu junho haziran haz iyun iýun czerwca czerwiec června červen iunie júna "
    "jún június июня июн июнь червня черв чэрвеня юни јун маусым ιουνίου ιουν ιούνιος יוני يونيو يونيه حزيران "
    "جوان ژوئن جون حوزەیران hezîran pûşper հունիսի հունիս ივნისი जून",
    # July
    "jul july juli juillet juil julio luglio lug julho temmuz tem iyul iýul lipca lipiec července červenec iulie "
    "júla júl július июля июл июль липня лип ліпеня юли јул шілде ιουλίου ιουλ ιούλιος יולי يوليو يوليه تموز "
    "جويلية يوليوز ژوئیه جولای جولائی تەمووز tîrmeh temûz հուլիսի հուլիս ივლისი जुलाई",
    # August
    "aug august août aout agosto ago ağustos ağu agustos agustus augustus augusti avqust awgust avgust sierpnia "
    "sierpień srpna srpen augusta augusztus августа авг август серпня серп жніўня тамыз αυγούστου αυγ αύγουστος "
    "אוגוסט אוג أغسطس اغسطس آب أوت غشت اوت آگوست اگست اګست ئاب tebax gelawêj օգոստոսի օգոստոս აგვისტო अगस्त",
    # September
    "sep sept september septembre septiembre setiembre settembre set setembro eylül eyl sentyabr sentabr sentýabr "
    "września wrzesień září septembrie septembra szeptember сентября сен сент сентябрь вересня верасня вер "
    "септември септембар сентябр қыркүйек σεπτεμβρίου σεπ σεπτέμβριος ספטמבר ספט سبتمبر أيلول ایلول شتنبر سپتامبر "
    "سپتمبر ستمبر سېپتمبر ئەیلوول ئەیلول îlon rezber սեպտեմբերի սեպտեմբեր სექტემბერი सितंबर सितम्बर",
    # October
    "oct october oktober okt octobre octubre ottobre ott outubro out ekim eki oktyabr oktabr oktýabr października "
    "październik října říjen octombrie október октября окт октябрь жовтня жовт кастрычніка октомври октобар "
    "октябр қазан οκτωβρίου οκτ οκτώβριος אוקטובר אוק أكتوبر تشرين_الأول تشرين_أول ت1 اکتبر اکتوبر تشرینی_یەکەم "
    "cotmeh kewçêr çiriya_pêşîn çirîya_pêşîn teşrîna_yekem հոկտեմբերի հոկտեմբեր ოქტომბერი अक्टूबर",
    # November
    "nov november novembre noviembre novembro noviembro kasım kas kasim noyabr noýabr listopada listopadu "
    "listopad noiembrie novembra ноября ноя нояб ноябрь листопада лист лістапада ноември новембар ноябр қараша "
    "νοεμβρίου νοε νοέμβριος נובמבר נוב نوفمبر تشرين_الثاني تشرين_ثاني ت2 نونبر نوامبر نومبر تشرینی_دووەم mijdar "
    "çiriya_paşîn çirîya_paşîn teşrîna_duyem "
    "sermawez նոյեմբերի նոյեմբեր ნოემბერი नवंबर नवम्बर",
    # December
    "dec december dezember dez décembre décembr déc diciembre dic dicembre dezembro aralık aralik ara dekabr "
    "grudnia grudzień prosince prosinec decembrie decembra desember декабря дек декабрь грудня груд снежня "
    "декември децембар декабр желтоқсан δεκεμβρίου δεκ δεκέμβριος דצמבר דצמ ديسمبر كانون_الأول كانون_أول ك1 دجنبر "
    "دسامبر دسمبر ډسمبر کانونی_یەکەم کانوونی_یەکەم berfanbar kanûn դեկտեմբերի դեկտեմբեր დეკემბერი दिसंबर दिसम्बर "
    "kanûna_pêşîn kanûna_yekem",
)
_JALALI = (
    "فروردین فروردين حمل farvardin فەروەردین خاکەلێوە",
    "اردیبهشت ارديبهشت ثور ordibehesht گوڵان بانەمەڕ",
    "خرداد جوزا khordad جۆزەردان",
    "تیر سرطان tir پووشپەڕ",
    "مرداد امرداد اسد mordad گەلاوێژ",
    "شهریور شهريور سنبله shahrivar خەرمانان",
    "مهر میزان mehr ڕەزبەر",
    "آبان عقرب aban خەزەڵوەر گەڵاڕێزان",
    "آذر قوس azar سەرماوەز",
    "دی جدی dey بەفرانبار",
    "بهمن دلو bahman ڕێبەندان",
    "اسفند حوت esfand ڕەشەمە ڕەشەمێ",
)
_HIJRI = (
    "محرم محرم_الحرام muharram",
    "صفر صفر_المظفر safar",
    "ربيع_الأول ربيع_اول ربیع_الاول rabi_al-awwal",
    "ربيع_الآخر ربيع_الثاني ربیع_الثانی rabi_al-thani",
    "جمادى_الأولى جمادى_الاول جمادی_الاول جمادی_الاولی جمادی_اول jumada_al-awwal",
    "جمادى_الآخرة جمادى_الثانية جمادى_الآخر جمادی_الثانی جمادی_الثانیه jumada_al-thani",
    "رجب رجب_المرجب rajab",
    "شعبان شعبان_المعظم shaban",
    "رمضان رمضان_المبارك رمضان_المبارک ramadan",
    "شوال شوال_المكرم shawwal",
    "ذو_القعدة ذي_القعدة ذوالقعده ذیقعده ذی_القعده dhu_al-qadah",
    "ذو_الحجة ذي_الحجة ذوالحجه ذیحجه ذی_الحجه dhu_al-hijjah",
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
    for calendar, months in calendars:
        for number, names in enumerate(months, start=1):
            for name in names.split():
                found.setdefault(fold(name).replace("_", ""), (calendar, number))
    written = {fold(name) for _, months in calendars for names in months for name in names.split()}
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
