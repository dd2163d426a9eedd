"""Stem keys widen a search, and cannot be taken for terms."""

from __future__ import annotations

import pytest

from streams.text.stems import STEM_MARK, query_stem_keys, stem_keys
from streams.text.tokens import tokenize


@pytest.mark.parametrize(
    ("language", "one", "other"),
    [
        ("ru", "нормализация", "нормализации"),
        ("ru", "переговоров", "переговоры"),
        ("en", "negotiations", "negotiation"),
        ("tr", "görüşmeler", "görüşme"),
        ("de", "Verhandlungen", "Verhandlung"),
        ("fr", "négociations", "négociation"),
        ("uk", "переговорів", "переговори"),
        ("bg", "преговорите", "преговори"),
    ],
)
def test_inflected_forms_share_a_key(language: str, one: str, other: str) -> None:
    keys = stem_keys(tokenize(one, language).terms, language)
    assert keys
    assert keys == stem_keys(tokenize(other, language).terms, language)
    assert set(keys) <= set(query_stem_keys(tokenize(one).terms[0]))


def test_keys_of_two_languages_never_meet_and_are_no_terms() -> None:
    assert set(stem_keys(["information"], "en")).isdisjoint(stem_keys(["information"], "fr"))
    assert all(key.startswith(STEM_MARK) for key in stem_keys(["information"], "en"))
    assert STEM_MARK not in "".join(tokenize(f"{STEM_MARK}en:inform").terms)


def test_no_stems_for_arabic_script_short_words_and_numbers() -> None:
    assert stem_keys(["وزير", "الوزير"], "ar") == []
    assert stem_keys(["the", "2023", "a'b"], "en") == []
    assert query_stem_keys("وزير") == []
    assert query_stem_keys("") == []
