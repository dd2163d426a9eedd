"""Which spellings fold together, which stay apart, and where words end."""

from __future__ import annotations

import pytest

from streams.text.fold import fold
from streams.text.tokens import tokenize

SAME = [
    # Arabic script
    ("yeh", "علي يوسف", "علی یوسف"),
    ("yeh, final, long word", "مستوى", "مستوي"),
    ("kaf", "كردستان", "کردستان"),
    ("heh of Urdu", "ہمارا", "همارا"),
    ("heh with do chashmi", "ھەولێر", "هەولێر"),
    ("heh of Kurdish", "هەولێر", "ههولير"),
    ("ta marbuta", "سورية", "سوريه"),
    ("alef with madda", "آكار", "اكار"),
    ("alef with hamza above", "أردوغان", "اردوغان"),
    ("alef with hamza below", "إردوغان", "اردوغان"),
    ("alef wasla", "ٱلله", "الله"),
    ("waw with hamza", "مسؤول", "مسوول"),
    ("yeh with hamza", "رئيس", "رييس"),
    ("hamza, combining", "ر\u064a\u0654يس", "رئيس"),
    ("diacritics", "التَّطْبِيعُ", "التطبيع"),
    ("superscript alef", "هٰذا", "هذا"),
    ("tatweel", "ســوريــا", "سوريا"),
    ("presentation forms", "\ufeb3\ufeee\ufead\ufef3\ufe8e", "سوريا"),
    ("lam-alef ligature", "ا\ufefbجئين", "الاجئين"),
    ("Arabic-Indic digits", "٢٠٢٣", "2023"),
    ("Persian digits", "۲۰۲۳", "2023"),
    ("Kurdish letters without their marks", "ڕۆژی گەڵا", "روژی گەلا"),
    ("Uyghur vowels", "ئۇيغۇر", "ئويغور"),
    ("bidi controls", "\u202bسوريا\u202c \u200fتركيا\u200f", "سوريا تركيا"),
    ("zero-width joiner", "ه\u200dم", "هم"),
    # Latin script
    ("dotted capital i", "İstanbul", "istanbul"),
    ("dotless i", "ırak", "IRAK"),
    ("Turkish letters", "ÇAVUŞOĞLU", "cavusoglu"),
    ("Azerbaijani schwa", "Əliyev", "eliyev"),
    ("decomposed", "Erdog\u0306an", "Erdoğan"),
    ("sharp s", "Straße", "STRASSE"),
    ("ligature", "ﬁnance", "finance"),
    ("full width", "ＩＭＦ", "imf"),
    ("soft hyphen", "Ver\u00adhand\u00adlung", "Verhandlung"),
    ("curly apostrophe", "Erdoğan’ın", "Erdoğan'ın"),
    ("crossed letters", "Łódź Ørsted Đinđić", "lodz orsted dindic"),
    ("Vietnamese", "Việt Nam", "viet nam"),
    # Cyrillic, Greek
    ("yo", "Артём", "артем"),
    ("short i, decomposed", "войска и \u0438\u0306", "войска и й"),
    ("stress", "Шо\u0301йгу", "шойгу"),
    ("ge with upturn", "ґвалт", "гвалт"),
    ("Ukrainian apostrophe", "об’єднані", "об'єднані"),
    ("final sigma", "Πούτιν ΣΥΡΊΑΣ", "πουτιν συριασ"),
    # Hebrew
    ("niqqud", "שָׁלוֹם", "שלום"),
    ("final letters", "ביטחון", "ביטחונ"),
    ("gershayim", "צה״ל", 'צה"ל'),
    ("no gershayim", 'ארה"ב', "ארהב"),
    ("geresh", "ג'נבה", "ג׳נבה"),
    ("Yiddish digraphs", "װײַל", "ווייל"),
    # others
    ("nukta", "ज़मीन", "जमीन"),
    ("half-width kana", "ｼﾘｱ ｶﾞｻﾞ", "シリア ガザ"),
]
APART = [
    ("علي", "على"),
    ("وعلي", "وعلى"),
    ("й", "и"),
    ("їжа", "іжа"),
    ("پر", "بر"),
    ("چین", "جين"),
    ("گل", "كل"),
    ("か", "が"),
    ("हि", "ह"),
]


@pytest.mark.parametrize(("one", "other"), [pair[1:] for pair in SAME], ids=[pair[0] for pair in SAME])
def test_spellings_that_fold_together(one: str, other: str) -> None:
    assert fold(one) == fold(other)
    assert tokenize(one).terms == tokenize(other).terms


@pytest.mark.parametrize(("one", "other"), APART)
def test_words_that_stay_apart(one: str, other: str) -> None:
    assert fold(one) != fold(other)


def test_persian_writes_the_yeh_of_a_short_word_either_way() -> None:
    assert fold("على", "fa") == fold("علی", "fa") == fold("علي", "fa")


def test_older_kurdish_writes_its_e_with_a_non_joiner() -> None:
    assert tokenize("ده‌وڵه‌تى كوردستان", "ckb").terms == tokenize("دەوڵەتی کوردستان", "ckb").terms


WORDS = [
    ("می‌خواهد", "fa", ["می", "خواهد"]),
    ("خبرگزاری‌ها", "fa", ["خبرگزاری", "ها"]),
    ("سوريا_تركيا #الهدنة", "ar", ["سوريا", "تركيا", "الهدنة"]),
    ("سوريا،تركيا؛العراق؟", "ar", ["سوريا", "تركيا", "العراق"]),
    ("«الحوار»", "ar", ["الحوار"]),
    ("anti-Assad (AK-47)", "en", ["anti", "Assad", "AK", "47"]),
    ("l’Arménie, d'Erdogan", "fr", ["l’Arménie", "d'Erdogan"]),
    ("'quoted' O'Brien's", "en", ["quoted", "O'Brien's"]),
    ("Об'єднані п’ять", "uk", ["Об'єднані", "п’ять"]),
    ('צה"ל וארה"ב: "שלום"', "he", ['צה"ל', 'וארה"ב', "שלום"]),
    ('ב"הארץ" נכתב', "he", ["ב", "הארץ", "נכתב"]),
    ('מנכ"לית ודו"חות', "he", ['מנכ"לית', 'ודו"חות']),
    ("ז'בוטינסקי ג'ורג'", "he", ["ז'בוטינסקי", "ג'ורג"]),
    ("シリア軍", "ja", ["シ", "リ", "ア", "軍"]),
    ("ซีเรีย", "th", ["ซี", "เ", "รี", "ย"]),
    ("시리아 정부", "ko", ["시리아", "정부"]),
    ("हिन्दी में", "hi", ["हिन्दी", "में"]),
    ("1️⃣ 👩‍👩‍👧 ok", "en", ["1️⃣", "ok"]),
    ("ـــ ً x", "ar", ["x"]),
]


@pytest.mark.parametrize(("text", "language", "words"), WORDS)
def test_where_words_begin_and_end(text: str, language: str, words: list[str]) -> None:
    tokens = tokenize(text, language)
    assert [text[start:end] for start, end in zip(tokens.starts, tokens.ends, strict=True)] == words
    assert tokens.terms == [fold(word, language) for word in words]


def test_what_stands_between_words_is_kept() -> None:
    assert fold("«سُورِيا» — İSTANBUL!\n") == "«سوريا» — istanbul!\n"
