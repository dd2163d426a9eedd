"""What language identification makes of hard, mixed and hostile texts."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.text.language import CombinedIdentifier, LanguageGuess, default_identifier
from streams.text.ngrams import Cld2Model

identify = default_identifier().identify


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "ab", "1403/02/11", "12 345,67 %", "https://example.org/news/2023/05/12", "editor@example.org", "@handle",
        "😀 🎉 👍", "!?… — «»", "\ud800\udfff", "\x00\x01", "ـــــ", "<br/> &nbsp;", "hjkl hjkl jkl", "xkcd qwrtz mnbvx plkjh",
    ],
)  # fmt: skip
def test_it_says_und_where_it_cannot_know(text: str) -> None:
    assert identify(text) == LanguageGuess("und", 0.0)


@pytest.mark.parametrize(
    "text",
    [
        "ya habibi shu 3am ta3mel", "kifak inta lyom shou akhbarak", "sba7 el kheir ya gama3a", "wallah ma ba3ref shi",
        "salam khoobi chetori azizam", "inshallah bukra mnshoof",
    ],
)  # fmt: skip
def test_arabic_and_persian_in_latin_letters_are_not_named_with_confidence(text: str) -> None:
    assert identify(text).score < 0.6


TEXTS = [
    # Arabic script, among look-alikes
    ("ar", "الدراري ديال الحومة مشاو للبحر البارح"),
    ("ar", "إيه اللي حصل في ماتش إمبارح"),
    ("fa", "او را در خانه دید و سلام کرد"),
    ("fa", "وزير راه از پايان كار بزرگراه شمال خبر داد"),
    ("fa", "والی هرات از توزیع کمک به بیجاشدگان خبر داد"),
    ("ps", "د ولسي جرګې غړي نن غونډه کوي"),
    ("ur", "وزیر خزانہ نے نیا بجٹ پیش کر دیا"),
    ("ckb", "پەرلەمان پڕۆژە یاساکەی پەسەند کرد"),
    ("ckb", "په‌رله‌مان پرۆژه‌ یاساكه‌ی په‌سه‌ند كرد"),
    ("ug", "ھاۋا رايى بۈگۈن بۇلۇتلۇق بولىدۇ"),
    ("azb", "شهرین مرکزینده یئنی کیتاب ائوی آچیلدی"),
    ("sd", "سنڌ ۾ برسات کان پوءِ حالتون خراب ٿي ويون"),
    # Latin script
    ("tr", "ISPARTA'DA YANGIN: ÜÇ EV KÜL OLDU"),
    ("tr", "Ogretmenler yarin isbasi yapmayacak"),
    ("az", "Gəncədə yeni məktəb tikiləcək"),
    ("ku", "Xwendekar îro çûn ber deriyê zanîngehê"),
    ("ku", "Di sere bajer de xelk li benda nan e"),
    ("fr", "Erdoğan reçoit Loukachenko à Ankara ce jeudi"),
    ("de", "Çavuşoğlu trifft Mikdad am Rande der Konferenz"),
    ("sr", "Sednica vlade odložena za sledeću nedelju"),
    ("hr", "Sjednica vlade odgođena je za sljedeći tjedan"),
    ("uz", "O‘zbekistonda yangi zavod ish boshladi"),
    ("id", "Pemerintah akan menaikkan harga bahan bakar karena subsidi"),
    ("ms", "Kerajaan akan menaikkan harga minyak selepas mesyuarat itu"),
    ("sw", "Serikali ya Kenya imesema kwamba bei ya mafuta itapanda"),
    ("nl", "De gemeente wil meer woningen bouwen langs de rivier"),
    ("sv", "Regeringen vill att skolorna ska börja tidigare"),
    ("pl", "Rząd chce budować więcej mieszkań nad rzeką"),
    ("pt", "O governo quer construir mais casas junto ao rio"),
    ("it", "Il governo vuole costruire più case lungo il fiume"),
    ("vi", "Chính phủ muốn xây thêm nhà ở ven sông"),
    ("hu", "A kormány több lakást akar építeni a folyó mentén"),
    ("fi", "Hallitus haluaa rakentaa lisää asuntoja joen varrelle"),
    ("ro", "Guvernul vrea să construiască mai multe locuințe lângă râu"),
    ("cs", "Vláda chce u řeky postavit více bytů"),
    # Cyrillic
    ("ru", "В области отменили занятия в школах"),
    ("uk", "В області скасували заняття в школах"),
    ("bg", "Отмениха учебните занятия в областта"),
    ("sr", "Отказана настава у школама у округу"),
    ("mk", "Откажана е наставата во училиштата во општината"),
    ("be", "У вобласці адмянілі заняткі ў школах"),
    ("kk", "Облыста мектептердегі сабақтар тоқтатылды"),
    ("tg", "Дар вилоят дарсҳо дар мактабҳо қатъ шуданд"),
    # Hebrew script
    ("he", "הַמֶּמְשָׁלָה אִשְּׁרָה אֶת הַתַּקְצִיב"),
    ("he", "מנכ״ל החברה התפטר"),
    ("yi", "די שולן אין שטאט וועלן מארגן זיין פארמאכט"),
    ("yi", "די רעגירונג האָט באַשטעטיקט דעם בודזשעט"),
    # one look at the script
    ("el", "Η κυβέρνηση ανακοίνωσε νέα μέτρα"),
    ("hy", "Կառավարությունը հաստատեց բյուջեն"),
    ("ka", "მთავრობამ ბიუჯეტი დაამტკიცა"),
    ("hi", "सरकार ने नया बजट पेश किया"),
    ("mr", "सरकारने नवा अर्थसंकल्प मांडला आहे"),
    ("bn", "সরকার নতুন বাজেট পেশ করেছে"),
    ("ta", "அரசு புதிய பட்ஜெட்டை தாக்கல் செய்தது"),
    ("th", "รัฐบาลเสนองบประมาณใหม่"),
    ("ko", "정부가 새 예산안을 내놓았다"),
    ("ja", "政府は新しい予算案を発表した"),
    ("ja", "首相が訪米"),
    ("zh", "政府公布了新的预算案"),
    ("am", "መንግስት አዲስ በጀት አቀረበ ነው"),
]


@pytest.mark.parametrize(("language", "text"), TEXTS)
def test_it_knows(language: str, text: str) -> None:
    assert identify(text).code == language


def test_it_knows_at_least_forty_languages() -> None:
    assert len({identify(text).code for _, text in TEXTS}) >= 40


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("ar", "قناة النيل الإخبارية - Nile News Channel Live HD"),
        ("ar", "BBC News عربي | مقتل عشرة في قصف على السوق"),
        ("fa", "ورزش ۳ | گل‌های بازی Real Madrid و Barcelona"),
        ("en", "Protesters in London chanted «الشعب يريد» outside the embassy"),
        ("de", "Der Sänger Мumiy Тролль tritt am Freitag in Berlin auf"),
        ("fr", "Macron : « I want to speak English », polémique à Paris"),
        ("de", 'Trump: "America First" bleibt Leitlinie der Regierung'),
        ("uk", 'Путін назвав "русский мир" головною метою'),
        ("ru", "«Слава Україні»: лозунг запретили в школах"),
        ("he", 'יו"ר הכנסת: "נמשיך לעבוד" - צה"ל בכוננות'),
        ("en", "What does “Schadenfreude über alles” mean in English newspapers?"),
    ],
)
def test_a_title_is_in_the_language_that_carries_it(language: str, text: str) -> None:
    assert identify(text).code == language


MENU = "Home\nWorld\nPolitics\nBusiness\nAbout us\nPrivacy policy\nTerms of use\n"
FOOTER = "We use cookies to give you the best experience. By using this site you agree to our use of cookies.\n" * 3
ARTICLES = {
    "ar": "أعلنت البلدية إغلاق الجسر القديم ثلاثة أسابيع للصيانة، ودعت السائقين إلى سلوك الطريق الدائري.\nوقالت إن الأشغال تبدأ فجر الأحد.",
    "tr": "Belediye, eski köprünün bakım için üç hafta kapatılacağını açıkladı ve sürücüleri çevre yoluna yönlendirdi.\nÇalışmalar pazar günü başlıyor.",
    "ckb": "شارەوانی ڕایگەیاند پردە کۆنەکە بۆ ماوەی سێ هەفتە دادەخرێت بۆ نۆژەنکردنەوە و داوای لە شۆفێران کرد ڕێگای ئەڵقەیی بەکاربهێنن.",
}


@pytest.mark.parametrize("language", ARTICLES)
def test_a_page_is_in_the_language_of_its_article(language: str) -> None:
    article = ARTICLES[language]
    assert identify(MENU * 3 + article + "\n" + FOOTER).code == language
    assert identify(MENU + article + "\n" + MENU + FOOTER, title="Example Times | Home").code == language


def test_a_menu_on_one_line_does_not_hide_an_article_in_another_script() -> None:
    menu = MENU.replace("\n", " ") * 5
    assert identify(f"{menu} {ARTICLES['ar']} {menu}").code == "ar"


def test_a_long_english_article_that_quotes_arabic_stays_english() -> None:
    prose = (
        "The minister told reporters on Sunday that the bridge would be closed for three weeks and then opened again. "
    )
    assert identify(prose * 6 + ARTICLES["ar"] + " " + prose * 6).code == "en"


def test_a_claim_decides_between_neighbours() -> None:
    text = "informacija o prometu"
    assert identify(text, declared="sr-Latn-RS").code == "sr"
    assert identify(text, declared="hr").code == "hr"
    assert identify("OPEC", declared="en-GB").code == "en"


@pytest.mark.parametrize("declared", ["en", "ar", "xx", "", "not a language", "EN_us", "und", "\ud800"])
def test_a_claim_never_overrules_a_clear_text(declared: str) -> None:
    assert identify("وزیر خارجه ترکیه با همتای سوری خود در مسکو دیدار کرد", declared=declared).code == "fa"
    assert identify("12345", declared=declared).code == "und"


def test_a_few_words_score_less_than_a_sentence() -> None:
    assert (
        identify("Angela Merkel").score
        < identify("Angela Merkel ist nach Ankara gereist und hat dort gesprochen").score
    )
    assert identify("حسن روحانی").score < 0.9


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(), max_size=120), st.text(max_size=30), st.one_of(st.none(), st.text(max_size=8)))
def test_any_string_gets_an_answer(text: str, title: str, declared: str | None) -> None:
    code, score = identify(text, title=title, declared=declared)
    assert 0 <= score <= 1
    assert code and code == code.strip()
    assert (code == "und") == (score == 0)


@pytest.mark.parametrize("unit", ["a", "1", "ا", "<", "&", "@", "a.", "x@y", "http://", "\n", 'ש"', "中", "3a"])
def test_a_huge_text_takes_no_longer_than_a_long_one(unit: str) -> None:
    identify(unit * 1_000_000, title=unit * 100_000)


def test_the_understudy_does_where_eldc_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "eldc", None)
    identifier = CombinedIdentifier()
    assert isinstance(identifier._ngrams, Cld2Model)
    for language, text in ARTICLES.items():
        assert identifier.identify(text).code == language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("ﻭﺯﻳﺮ ﺍﻟﺪﻓﺎﻉ ﺍﻟﺘﺮﻛﻲ ﻳﺼﻞ ﺇﻟﻰ ﻣﻮﺳﻜﻮ", "ar"),
        ("ﻭﺯﯾﺮ ﺩﻓﺎﻉ ﺍﯾﺮﺍﻥ ﺑﺮﺍی ﮔﻔﺖ‌ﻭﮔﻮ ﺑﻪ ﺩﻣﺸﻖ ﺭﻓﺖ", "fa"),
        ("Ｔｈｅ ｍｉｎｉｓｔｅｒｓ ｏｆ ｂｏｔｈ ｓｔａｔｅｓ ｍｅｔ", "en"),
    ],
)
def test_letters_in_presentation_forms_are_letters(text: str, language: str) -> None:
    assert identify(text).code == language
