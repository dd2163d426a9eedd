"""How names are cut into words, and what languages fasten to them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.entities.affixes import bases, cyrillic_stem, language_family
from streams.entities.names import inflected, person_cuts, place_cuts, plain_cuts, words_of
from streams.entities.sounds import prepare, script_of


def cuts(name: str, language: str = "en", country: str | None = None) -> dict[str, str]:
    return {" ".join(cut.words): cut.form for cut in person_cuts(name, language, country)}


def test_a_person_is_met_in_full_in_part_and_by_surname() -> None:
    found = cuts("Recep Tayyip Erdoğan", "tr")
    assert found["Recep Tayyip Erdoğan"] == "name"
    assert found["Tayyip Erdoğan"] == found["Recep Erdoğan"] == "partial"
    assert found["Erdoğan"] == "surname"
    assert "Recep" not in found and "Recep Tayyip" not in found


def test_names_are_cut_and_joined_as_languages_do() -> None:
    assert "Hossein Amirabdollahian" in cuts("Hossein Amir-Abdollahian")
    assert "Çavuş oğlu" in cuts("Mevlüt Çavuşoğlu", "tr")
    assert "أبومحمد الجولاني" in cuts("أبو محمد الجولاني", "ar")
    assert {"Bashar Assad": "name", "Assad": "surname"} == cuts("Bashar al-Assad")


def test_what_belongs_to_a_surname_is_not_left_out() -> None:
    assert cuts("Mohammed bin Salman")["bin Salman"] == "surname"
    assert cuts("Ursula von der Leyen")["von der Leyen"] == "surname"
    assert cuts("مولود تشاووش أوغلو", "ar")["تشاووش أوغلو"] == "surname"
    assert "أوغلو" not in cuts("مولود تشاووش أوغلو", "ar")
    assert "الفتاح السيسي" not in cuts("عبد الفتاح السيسي", "ar")


def test_some_names_have_no_surname() -> None:
    assert set(cuts("Abdullah II").values()) == {"name"}
    assert set(cuts("Xi Jinping", "en", "CN").values()) == {"name"}
    assert cuts("نصر الله", "ar") == {"نصر الله": "called", "نصرالله": "called"}
    assert cuts("Erdogan") == {"Erdogan": "called"}


def test_places_and_organisations_keep_their_words() -> None:
    assert [cut.words for cut in plain_cuts("Syrian Democratic Forces", "en")] == [("Syrian", "Democratic", "Forces")]
    assert ("Tal", "Abyad") in [cut.words for cut in place_cuts("Tal Abyad", "en")]
    assert [cut.words for cut in place_cuts("al-Bab", "en")] == [("al", "Bab"), ("albab",)]


def test_a_tie_is_seen() -> None:
    assert [word.tied for word in words_of("چاووش\u200cاوغلو", "fa")] == [False, True]
    assert [word.tied for word in words_of("Amir-Abdollahian", "en")] == [False, True]


@pytest.mark.parametrize(
    ("word", "family", "base"),
    [
        ("وأردوغان", "ar", "اردوغان"),
        ("للأسد", "ar", "الاسد"),
        ("والأسد", "ar", "اسد"),
        ("شویگوی", "fa", "شويگو"),
        ("ئەردۆغانیش", "ckb", "ئەردۆغان"),
        ("ולארדואן", "he", "ארדואנ"),
        ("בווינה", "he", "וינה"),
        ("Лавровым", "ru", "лавров"),
        ("Зеленского", "ru", "зеленск"),
        ("Erdoğan'ın", "tr", "erdoğan"),
        ("Moskvada", "tr", "moskva"),
        ("d'Ankara", "other", "ankara"),
        ("Îranê", "ku", "îran"),
    ],
)
def test_clitics_and_endings_come_off(word: str, family: str, base: str) -> None:
    script = script_of(word)
    found = [each.word for each in bases(prepare(word, script), script, family)]
    assert base in found


def test_a_nisba_is_no_izafe() -> None:
    assert "شيراز" not in [base.word for base in bases("شيرازي", "arabic", "fa")]


@given(st.text(max_size=30), st.sampled_from(["ar", "fa", "ur", "ckb", "he", "ru", "tr", "ku", "ps", "other", "und"]))
def test_any_word_is_its_own_first_base(word: str, family: str) -> None:
    script = script_of(word)
    found = bases(word, script, family)
    assert found[0] == (word, 0.0)
    assert len({base.word for base in found}) == len(found)


def test_a_cyrillic_stem_meets_the_cases_but_not_the_indeclinable() -> None:
    assert cyrillic_stem("москва", alone=True) == "москв"
    assert cyrillic_stem("дели", alone=True) == "дели"
    assert cyrillic_stem("силы", alone=False) == "сил"


def test_demonyms_are_bent() -> None:
    assert {"سورية", "سوريين", "سوريون"} <= set(inflected("سوري", "ar"))
    assert {"סורית", "סורים", "סוריים"} <= set(inflected("סורי", "he"))
    assert "syrienne" in inflected("syrien", "fr")
    assert inflected("сирийский", "ru") == ["сирийский"]


def test_every_language_has_a_family() -> None:
    assert language_family("fa") == "fa"
    assert language_family("sw") == "other"
    assert language_family("und") == "und"
