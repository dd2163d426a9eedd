"""What a word of a document also stands for, and what it does not."""

from __future__ import annotations

import pytest

from streams.text.tokens import tokenize, variants

STANDS_FOR = [
    # Arabic
    ("والتطبيع", "ar", "التطبيع"),
    ("والتطبيع", "ar", "تطبيع"),
    ("فتطبيع", "ar", "تطبيع"),
    ("بالتطبيع", "ar", "التطبيع"),
    ("وبالتطبيع", "ar", "تطبيع"),
    ("للتطبيع", "ar", "التطبيع"),
    ("وللتطبيع", "ar", "تطبيع"),
    ("كتركيا", "ar", "تركيا"),
    ("لسوريا", "ar", "سوريا"),
    ("بألمانيا", "ar", "ألمانيا"),
    ("سيلتقي", "ar", "يلتقي"),
    ("وسيلتقي", "ar", "يلتقي"),
    ("حكومتها", "ar", "حكومة"),
    ("وحكومتهم", "ar", "حكومة"),
    ("جيشهم", "ar", "جيش"),
    ("نظيره", "ar", "نظير"),
    ("بلادنا", "ar", "بلاد"),
    ("لقائهما", "ar", "لقاء"),
    ("أصدقاؤه", "ar", "أصدقاء"),
    ("مستواها", "ar", "مستوى"),
    ("وعلى", "ar", "على"),
    ("والتطبيع", "und", "تطبيع"),
    # Persian
    ("خبرگزاریها", "fa", "خبرگزاری"),
    ("خبرگزاریهای", "fa", "خبرگزاری"),
    ("کتابهایی", "fa", "کتاب"),
    ("میخواهد", "fa", "خواهد"),
    ("نمی‌خواهد".replace("\u200c", ""), "fa", "خواهد"),
    ("دولتی", "fa", "دولت"),
    ("کشورشان", "fa", "کشور"),
    ("خانه‌ات".replace("\u200c", ""), "fa", "خانه"),
    ("سوريهاي", "fa", "سوری"),
    # Kurdish
    ("حکومەتەکە", "ckb", "حکومەت"),
    ("حکومەتەکەیان", "ckb", "حکومەت"),
    ("وەزیرەکانی", "ckb", "وەزیر"),
    ("وەزیرێکی", "ckb", "وەزیر"),
    ("سوریای", "ckb", "سوریا"),
    ("Moskowê", "ku", "Moskow"),
    ("Enqereyê", "ku", "Enqere"),
    # Turkic
    ("Erdoğan'ın", "tr", "Erdoğan"),
    ("Erdoğan’ın", "tr", "Erdoğan"),
    ("Erdoğanın", "tr", "Erdoğan"),
    ("ERDOĞAN'DAN", "tr", "Erdoğan"),
    ("Suriyeden", "tr", "Suriye"),
    ("Suriyeyle", "tr", "Suriye"),
    ("görüşmelerinde", "tr", "görüşme"),
    ("bakanları", "tr", "bakan"),
    ("Irağı", "tr", "Irak"),
    ("Türkiyədən", "az", "Türkiyə"),
    ("تبریزین", "azb", "تبریز"),
    ("تۈركىيەنىڭ", "ug", "تۈركىيە"),
    ("ئەسەدنى", "ug", "ئەسەد"),
    # Hebrew
    ("והמשלחת", "he", "משלחת"),
    ("כשהנשיא", "he", "נשיא"),
    ("בסוריה", "he", "סוריה"),
    ("שמסוריה", "he", "סוריה"),
    ("ולטורקיה", "he", "טורקיה"),
    # others
    ("وزیروں", "ur", "وزیر"),
    ("l'Arménie", "fr", "Arménie"),
    ("d’Erdogan", "fr", "Erdogan"),
    ("Ukraine's", "en", "Ukraine"),
    ("Sana'a", "en", "Sanaa"),
    ("об'єднані", "uk", "обєднані"),
]


def _term(word: str, language: str) -> str:
    (term,) = tokenize(word, language).terms
    return term


@pytest.mark.parametrize(("word", "language", "other"), STANDS_FOR)
def test_a_word_stands_for(word: str, language: str, other: str) -> None:
    assert _term(other, language) in variants(_term(word, language), language)


@pytest.mark.parametrize(
    ("word", "language", "other"),
    [
        ("وعلى", "ar", "علي"),
        ("ولد", "ar", "لد"),
        ("مردم", "fa", "مرد"),
        ("wine's", "en", "win"),
        ("п'ять", "uk", "ять"),
        ("Erdoğan", "en", "Erdoga"),
        ("כלב", "he", "לב"),
        ("Kara", "tr", "kar"),
    ],
)
def test_a_word_does_not_stand_for(word: str, language: str, other: str) -> None:
    assert _term(other, "und") not in variants(_term(word, language), language)


def test_a_flood_of_words_does_not_fill_the_memory() -> None:
    from streams.text.variants import variants_table

    table = variants_table("ar")
    for number in range(100_000):
        variants(f"و{number}ها", "ar")
    assert len(table) <= 15_000
    for number in range(500):
        variants("والتطبيع", f"x{number}")
    assert variants("والتطبيع", "ar")


def test_words_of_other_scripts_in_a_text_have_no_variants_of_its_language() -> None:
    assert variants("erdogan", "ar") == ()
    assert variants("نظام", "tr") == variants("نظام", "und")
