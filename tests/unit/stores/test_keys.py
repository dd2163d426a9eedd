"""Keys: one token each to every tokenizer, and whatever is cut only widens."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.query import AllOf, AnyOf, Everything, FieldIs, FieldRange, Prefix, Term
from streams.stores.keys import MAX_KEY_LENGTH, field_key, join_terms, term_key
from streams.stores.wanted import MAX_KEYS, MAX_PARTS, AllKeys, AnyKeys, Key, Period, wanted

anything = st.text(st.characters(exclude_categories=()), min_size=1, max_size=80)
LOW, MIDDLE, HIGH = (datetime(2023, month, 1, tzinfo=UTC) for month in (1, 2, 3))


@given(st.lists(anything, min_size=1, max_size=20))
def test_every_key_is_one_token_to_sqlite(terms: list[str]) -> None:
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("CREATE VIRTUAL TABLE t USING fts5 (keys, content='', detail='none', tokenize='ascii')")
        connection.execute("CREATE VIRTUAL TABLE v USING fts5vocab (t, 'row')")
        connection.execute("INSERT INTO t (rowid, keys) VALUES (1, ?)", (join_terms(terms),))
        tokens = {token for (token,) in connection.execute("SELECT term FROM v")}
        assert tokens == {term_key(term).lower() if term.isascii() else ascii_lower(term_key(term)) for term in terms}
        for term in terms:
            key = term_key(term)
            assert connection.execute("SELECT rowid FROM t WHERE t MATCH ?", (f'"{key}"',)).fetchall() == [(1,)]
            assert connection.execute("SELECT rowid FROM t WHERE t MATCH ?", (f'"{key[:3]}" *',)).fetchall() == [(1,)]
    finally:
        connection.close()


def ascii_lower(text: str) -> str:
    return "".join(c.lower() if c.isascii() else c for c in text)


@given(anything)
def test_every_key_is_short_and_can_be_encoded(term: str) -> None:
    key = term_key(term)
    assert 1 <= len(key) <= MAX_KEY_LENGTH
    assert len(key.encode()) <= 4 * MAX_KEY_LENGTH
    assert not any(c.isspace() or (c.isascii() and not c.isalnum()) for c in key)
    assert term_key(key) == key


@given(anything, st.integers(1, 80))
def test_the_key_of_a_beginning_begins_the_key(term: str, length: int) -> None:
    assert term_key(term).startswith(term_key(term[:length]))


def test_fields_are_no_words_and_know_no_case() -> None:
    assert field_key("topic", "Syria") == field_key("topic", "SYRIA") == field_key("topic", "Syria")
    assert field_key("topic", "syria") != field_key("lang", "syria") != term_key("syria")


def test_the_period_is_taken_from_what_must_hold() -> None:
    times = FieldRange("published", LOW, HIGH)
    assert wanted(times) == (None, Period(LOW, HIGH))
    assert wanted(AllOf((Term("a"), times, FieldRange("published", MIDDLE, None)))) == (Key("a"), Period(MIDDLE, HIGH))
    assert wanted(AnyOf((Term("a"), times))) == (None, Period())


def test_trees_become_keys() -> None:
    tree = AllOf((AnyOf((Term("a"), Prefix("b"))), FieldIs("lang", ("fa", "ar")), Everything()))
    keys, _ = wanted(tree, [Key("filter")])
    langs = AnyKeys((Key(field_key("lang", "fa")), Key(field_key("lang", "ar"))))
    assert keys == AllKeys((AnyKeys((Key("a"), Key("b", is_prefix=True))), langs, Key("filter")))
    assert wanted(AnyOf(()))[0] == AnyKeys(())
    assert wanted(Everything())[0] is None
    assert wanted(AnyOf((Term("a"), Everything())))[0] is None


def test_what_no_database_can_be_asked_is_widened() -> None:
    many = tuple(Term(f"w{number}") for number in range(MAX_KEYS + 1))
    assert isinstance(wanted(AnyOf(many[:-1]))[0], AnyKeys)
    assert wanted(AnyOf(many))[0] is None
    prefixes = tuple(Prefix(f"w{number}") for number in range(MAX_PARTS + 1))
    assert wanted(AnyOf(prefixes))[0] is None
    both, _ = wanted(AllOf(many))
    assert isinstance(both, AllKeys) and len(both.parts) == MAX_PARTS
    deep: AllOf | AnyOf = AnyOf((Term("x"), Term("y")))
    for number in range(30):
        deep = AllOf((Term(f"a{number}"), AnyOf((Term(f"b{number}"), deep))))
    assert isinstance(wanted(deep)[0], AllKeys)


def test_the_costliest_parts_are_left_out_first() -> None:
    def prefixes(letter: str, count: int) -> AnyOf:
        return AnyOf(tuple(Prefix(f"{letter}{number}") for number in range(count)))

    parts = tuple(
        prefixes(letter, count) for letter, count in (("a", 250), ("b", 10), ("c", 255), ("d", 251), ("e", 252))
    )
    kept, _ = wanted(AllOf((*parts, Term("rare"))))
    assert isinstance(kept, AllKeys)
    assert [len(part.parts) for part in kept.parts if isinstance(part, AnyKeys)] == [10, 250, 251, 252]
    assert kept.parts[0] == Key("rare")


def test_a_long_list_of_phrases_is_asked_by_the_rarest_word_of_each() -> None:
    phrases = [AllOf((Term("of"), Term(f"word{number}"), FieldIs("lang", ("fa",)))) for number in range(1000)]
    assert wanted(AnyOf(tuple(phrases)))[0] == AnyKeys(tuple(Key(f"word{number}") for number in range(1000)))
    nested = AnyOf(
        tuple(
            AllOf((Term(f"t{number}"), AnyOf(tuple(Prefix(f"p{number}x{other}") for other in range(100)))))
            for number in range(20)
        )
    )
    assert wanted(nested)[0] == AnyKeys(tuple(Key(f"t{number}") for number in range(20)))
    hopeless = AnyOf(tuple(AllOf((Prefix(f"a{number}"), Prefix(f"b{number}"))) for number in range(300)))
    assert wanted(hopeless)[0] is None


@pytest.mark.parametrize("key", ["", "x" * 200])
def test_odd_terms(key: str) -> None:
    found, _ = wanted(Term(key))
    assert found is None if not key else found == Key("x" * MAX_KEY_LENGTH)
