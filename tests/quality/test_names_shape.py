"""The labelled names are what their README says: one hundred persons, six languages, no spelling for two persons."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

CORPUS = Path(__file__).parent / "corpus"
LANGUAGES = ("fa", "tr", "ru", "ckb", "he", "ur")
SCRIPTS = {
    "fa": "\u0600-\u06ff\u200c ",
    "tr": "A-Za-zÇĞİÖŞÜçğıöşüâî' \\-",
    "ru": "\u0400-\u04ff \\-",
    "ckb": "\u0600-\u06ff ",
    "he": "\u0590-\u05ff' \\-",
    "ur": "\u0600-\u06ff ",
}
# They share a name in life: the president of the Palestinian Authority is called as the Syrian minister ends.
ONE_INSIDE_THE_OTHER = {"ali-mahmoud-abbas", "mahmoud-abbas"}


def load_names() -> dict[str, Any]:
    names: dict[str, Any] = yaml.safe_load((CORPUS / "names.yaml").read_text(encoding="utf-8"))
    return names


NAMES = load_names()
PERSONS = NAMES["persons"]


def test_there_are_a_hundred_persons_in_two_halves() -> None:
    assert len(PERSONS) >= 100
    assert len({person["id"] for person in PERSONS}) == len(PERSONS)
    halves = Counter(person["split"] for person in PERSONS)
    assert set(halves) == {"dev", "held_out"}
    assert abs(halves["dev"] - halves["held_out"]) <= 1


def test_every_person_has_a_spelling_in_every_language_and_script() -> None:
    for person in PERSONS:
        assert re.fullmatch(r"[\u0600-\u06ff ]+", person["arabic"]), person["id"]
        assert tuple(person["expected"]) == LANGUAGES, person["id"]
        for language, spellings in person["expected"].items():
            assert spellings and len(set(spellings)) == len(spellings), (person["id"], language)
            for spelling in spellings:
                assert re.fullmatch(f"[{SCRIPTS[language]}]+", spelling), (person["id"], spelling)


def test_the_russian_ones_have_cases() -> None:
    declined = sum(len(person["expected"]["ru"]) >= 2 for person in PERSONS)
    assert declined >= 90


def test_no_spelling_stands_for_two_persons() -> None:
    owners: dict[tuple[str, str], set[str]] = {}
    for person in PERSONS:
        for language, spellings in person["expected"].items():
            for spelling in spellings:
                owners.setdefault((language, spelling), set()).add(person["id"])
    assert all(len(who) == 1 for who in owners.values())


def test_no_name_of_another_contains_or_is_a_person() -> None:
    for language, others in NAMES["others"].items():
        for other in others:
            for person in PERSONS:
                spellings = [person["arabic"]] if language == "ar" else person["expected"][language]
                assert not any(spelling in other for spelling in spellings), (other, person["id"])


def test_only_one_pair_stands_inside_another() -> None:
    for person in PERSONS:
        for other in PERSONS:
            if person is not other and person["arabic"] in other["arabic"]:
                assert {person["id"], other["id"]} == ONE_INSIDE_THE_OTHER
