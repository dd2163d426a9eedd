"""What folding and tokens promise for any string at all."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streams.text.document import Document
from streams.text.fold import fold
from streams.text.tokens import tokenize, variants
from streams.text.words import FORMAT_CHARACTERS

LANGUAGES = ("und", "ar", "fa", "ckb", "tr", "he", "ug", "en")

_TRICKY = (
    "اأإآٱىيیئؤءةهھەكکـًّٰ\u200c\u200d\u200f\ufefb\ufdf2\ufdfa٣۳"
    "צהל\"'״׳ךםןףץװ\u05b8\ufb2aİIıißẞŞşﬁœǆé\u0301\u0308ёйїґ\u0306ʼ’‘ʻ-_.,  \n\u00ad\ufeff\u202e"
    "中文カガｶﾞ한글\u1112\u1161ไทยำ\u0e31हिन्दी\u093cকோ𝐀𝟘①Ⅳ⑴㍿ﷺ\ud800\udfff\U0001f600\u0345ͅΣς"
)
tricky_text = st.text(st.sampled_from(sorted(set(_TRICKY))), max_size=40)
any_text = st.one_of(
    tricky_text,
    st.text(max_size=60),
    st.text(st.characters(), max_size=40),  # surrogates too
    st.lists(
        st.sampled_from(["والتطبيع", "می‌خواهد", "Erdoğan'ın", 'צה"ל', "l’Arménie", "О́Ё", "ده‌وڵه‌ت"]), max_size=6
    ).map("".join),
)
languages = st.sampled_from(LANGUAGES)
many = settings(max_examples=1500, deadline=None)


@many
@given(any_text, languages)
def test_folding_twice_changes_nothing(text: str, language: str) -> None:
    once = fold(text, language)
    assert fold(once, language) == once


@many
@given(any_text, languages)
def test_offsets_are_valid_increasing_and_fold_to_the_term(text: str, language: str) -> None:
    tokens = tokenize(text, language)
    assert len(tokens) == len(tokens.terms) == len(tokens.starts) == len(tokens.ends)
    end_before = 0
    for term, start, end in zip(tokens.terms, tokens.starts, tokens.ends, strict=True):
        assert end_before <= start < end <= len(text)
        assert tokenize(text[start:end], language).terms == [term]
        assert fold(text[start:end], language) == term
        end_before = end


@many
@given(any_text, languages)
def test_the_tokens_of_a_folded_text_are_its_tokens(text: str, language: str) -> None:
    assert tokenize(fold(text, language), language).terms == tokenize(text, language).terms


_SEPARATORS = " \t\n.,;:!?()[]{}|/\\«»،؛؟-–—+=#@&%*<>…\u200b\u3000"


@many
@given(any_text, any_text, st.sampled_from(_SEPARATORS), languages)
def test_words_are_never_merged(left: str, right: str, separator: str, language: str) -> None:
    together = tokenize(left + separator + right, language)
    apart = tokenize(left, language).terms + tokenize(right, language).terms
    assert together.terms == apart
    for start, end in zip(together.starts, together.ends, strict=True):
        assert separator not in together.text[start:end]


@many
@given(any_text, languages)
def test_no_letter_or_digit_is_lost(text: str, language: str) -> None:
    tokens = tokenize(text, language)
    covered = set()
    for start, end in zip(tokens.starts, tokens.ends, strict=True):
        covered.update(range(start, end))
    for index, character in enumerate(text):
        if character.isalnum() and fold(character, language) and character not in "\uff9e\uff9f":
            assert index in covered


@many
@given(any_text)
def test_composed_or_decomposed_is_the_same(text: str) -> None:
    assert tokenize(unicodedata.normalize("NFC", text)).terms == tokenize(unicodedata.normalize("NFD", text)).terms


@given(any_text, languages)
def test_terms_are_clean(text: str, language: str) -> None:
    for term in tokenize(text, language).terms:
        assert term
        assert not set(term) & set(FORMAT_CHARACTERS.replace("-", ""))
        assert not any(character.isspace() for character in term)


@given(st.text(st.sampled_from("والكفبلسهاتنيمپەکانیerdoganinלהבוש'"), min_size=1, max_size=14), languages)
def test_variants_are_shorter_words_and_never_the_term(term: str, language: str) -> None:
    for word in tokenize(term, language).terms:
        found = variants(word, language)
        assert word not in found
        assert len(set(found)) == len(found)
        assert all(len(variant) >= 3 for variant in found)


@example("")
@given(any_text)
def test_index_terms_are_terms_and_their_variants_once(text: str) -> None:
    document = Document.of(text, text, "ar")
    keys = document.index_terms()
    assert len(set(keys)) == len(keys)
    assert set(keys) >= set(document.title.terms)
    assert set(keys) >= {variant for term in document.text.terms for variant in variants(term, "ar")}


@pytest.mark.parametrize(
    "text",
    [
        "ا" * 1_000_000,
        "a'" * 300_000,
        'צ"' * 300_000,
        "\u0301" * 1_000_000,
        "e\u0301" * 300_000,
        "\u200c" * 1_000_000,
        "中" * 200_000,
    ],
    ids=["one letter", "apostrophes", "gershayim", "marks", "letter and mark", "non-joiners", "ideographs"],
)
def test_a_huge_text_is_only_more_text(text: str) -> None:
    tokens = tokenize(text)
    assert len(tokens.starts) == len(tokens)
    Document.of(text, text).index_terms()


_FORMS = [
    chr(code_point)
    for first, last in ((0xFB1D, 0xFB4F), (0xFB50, 0xFDCF), (0xFDF0, 0xFDFB), (0xFE70, 0xFEFC), (0xFF21, 0xFF5A))
    for code_point in range(first, last + 1)
    if unicodedata.category(chr(code_point)).startswith("L")
]


@pytest.mark.parametrize("language", ["ar", "fa", "ckb", "he"])
def test_every_presentation_form_folds_to_what_it_stands_for(language: str) -> None:
    """Ligatures of lam and alef, final forms, pointed Hebrew, full width: the letters themselves."""
    wrong = []
    for form in _FORMS:
        plain = unicodedata.normalize("NFKC", form)
        if plain.isspace() or plain[0] == " ":  # a vowel sign by itself
            plain = ""
        elif " " in plain:  # a blessing in one character stays one word
            continue
        for before, after in (("مكتب", "مكتب"), ("", "مكتب")):  # inside a word and at its beginning
            if tokenize(before + form + after, language).terms != tokenize(before + plain + after, language).terms:
                wrong.append(f"{form} U+{ord(form):04X}")
    assert len(_FORMS) > 600
    assert not wrong


@many
@given(any_text, languages)
def test_what_is_asked_of_one_token_is_what_the_lists_say(text: str, language: str) -> None:
    tokens, lists = tokenize(text, language), tokenize(text, language)
    spans = list(zip(lists.starts, lists.ends, strict=True))
    assert [tokens.span(index) for index in range(len(tokens))] == spans
    assert tokens.words == [text[start:end] for start, end in spans]
    for index in range(1, len(tokens)):
        assert tokens.gap(index) == text[lists.ends[index - 1] : lists.starts[index]]
    for mark in ("\u200c", "-"):
        assert tokens.behind(mark) == [index for index in range(1, len(tokens)) if tokens.gap(index) == mark]


@many
@given(any_text, languages, st.integers(0, 60), st.integers(0, 20))
def test_the_tokens_within_a_stretch_are_those_that_stand_in_it(
    text: str, language: str, start: int, length: int
) -> None:
    tokens, lists = tokenize(text, language), tokenize(text, language)
    end = start + length
    standing = [
        index
        for index, (first, last) in enumerate(zip(lists.starts, lists.ends, strict=True))
        if first < end and last > start
    ]
    first, after = tokens.within(start, end)
    assert list(range(first, after)) == standing


@many
@given(
    st.lists(st.sampled_from(["سوريا", "a-b", "x", " ", "\n", "\n\n", "\n\n", "\n\n\n", "  ", "\u2003"]), max_size=14)
)
def test_tokens_stand_where_they_are_whatever_separates_paragraphs(parts: list[str]) -> None:
    text = "".join(parts)
    pieces = [(match.start(), match.group()) for match in re.finditer(r"\S+", text)]
    expected = [start + at for start, piece in pieces for at in tokenize(piece, "ar").starts]
    assert tokenize(text, "ar").starts == expected
