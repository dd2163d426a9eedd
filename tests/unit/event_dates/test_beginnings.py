"""Days are looked for only where one may be named: looking everywhere finds nothing else."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams.event_dates import reading
from streams.event_dates.names import _tables, month_names, names_of
from streams.text.tokens import tokenize

LANGUAGES = ("ar", "fa", "ps", "ur", "ckb", "ku", "tr", "az", "he", "ru", "uk", "en", "fr", "de", "es", "vi")


def words(language: str) -> list[str]:
    table = _tables().get(language, {})
    listed = [form.rstrip("*") for forms in table.values() for one in forms for form in one]
    months = [" ".join(terms) for entries in names_of(language).months.exact.values() for terms, _ in entries]
    return [
        *listed,
        *months,
        "5",
        "25",
        "31",
        "32",
        "2023",
        "1402",
        "25.04.2023",
        "2023/4/25",
        "3-4",
        "28th",
        "و16",
        "من",
        ".",
    ]


@given(data=st.data(), language=st.sampled_from(LANGUAGES))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_looking_everywhere_finds_nothing_else(
    data: st.DataObject, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = tokenize(" ".join(data.draw(st.lists(st.sampled_from(words(language)), max_size=16))), language)
    quick = reading.read(tokens)
    with monkeypatch.context() as patch:
        patch.setattr(reading, "_BEGINNING", re.compile(b".", re.DOTALL))
        assert reading.read(tokens) == quick


def test_months_are_told_by_calendar_and_number() -> None:
    names = set(month_names())
    assert {
        ("gregorian", 4, "نيسان"),
        ("jalali", 2, "اردیبهشت"),
        ("hijri", 10, "şevval"),
        ("gregorian", 1, "січень"),
    } <= names
    assert all(1 <= number <= 12 and not name.endswith("*") for _, number, name in names)


@given(data=st.data(), language=st.sampled_from(LANGUAGES))
@settings(max_examples=300, deadline=None)
def test_a_term_that_begins_as_no_name_of_a_day_has_no_role(data: st.DataObject, language: str) -> None:
    affixes = st.sampled_from(("", "", "و", "ف", "وب", "ال", "ב", "ול", "ה", "ta", "ın", "'s", "а", "های", "ي", "x"))
    word = data.draw(st.sampled_from(words(language)))
    table = reading._tables(language)[0]
    for term in tokenize(data.draw(affixes) + word + data.draw(affixes) + data.draw(affixes), language).terms:
        assert table[term] == table._role_of(term), term
