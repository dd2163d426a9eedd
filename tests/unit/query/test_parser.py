from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.query import QueryError, QueryTooCostly, parse
from streams.query.builder import Builder
from streams.query.parser import _syntax_tree
from streams.query.quick import quick_query
from streams.query.syntax import (
    AtLeast,
    Clauses,
    Everything,
    FieldIs,
    Has,
    InLanguage,
    InScope,
    Near,
    Phrase,
    Reference,
    Weighted,
    Word,
)
from tests.unit.query.generate import Maker


def word(key: str) -> Phrase:
    return Phrase((Word(key),))


A, B, C, D = map(word, "abcd")


def either(*nodes: object) -> Clauses:
    return Clauses(should=nodes)  # type: ignore[arg-type]


def both(*nodes: object) -> Clauses:
    return Clauses(must=nodes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "root"),
    [
        ("a", A),
        ("a b", either(A, B)),
        ("a OR b", either(A, B)),
        ("a || b", either(A, B)),
        ("a AND b", both(A, B)),
        ("a && b AND c", both(A, B, C)),
        ("a AND b OR c", either(both(A, B), C)),
        ("a OR b AND c", either(A, both(B, C))),
        ("a b AND c", either(A, both(B, C))),
        ("(a OR b) AND c", both(either(A, B), C)),
        ("+a b", Clauses(must=(A,), should=(B,))),
        ("+a +b -c d", Clauses(must=(A, B), should=(D,), must_not=(C,))),
        ("a -b", Clauses(should=(A,), must_not=(B,))),
        ("a NOT b", Clauses(should=(A,), must_not=(B,))),
        ("a AND NOT b", Clauses(must=(A,), must_not=(B,))),
        ("a AND -b", Clauses(must=(A,), must_not=(B,))),
        ("a !b", Clauses(should=(A,), must_not=(B,))),
        ("NOT a", Clauses(must_not=(A,))),
        ("-a", Clauses(must_not=(A,))),
        ("a OR NOT b", either(A, Clauses(must_not=(B,)))),
        ('"a b"', Phrase((Word("a"), Word("b")))),
        ('"a  b,"', Phrase((Word("a"), Word("b")))),
        ("“a b”", Phrase((Word("a"), Word("b")))),
        ("«a b»", Phrase((Word("a"), Word("b")))),
        ("„a b“", Phrase((Word("a"), Word("b")))),
        ('"a b"~3', Near((A, B), 3, is_ordered=False)),
        ('"a b"~>3', Near((A, B), 3, is_ordered=True)),
        ("near/4:(a b)", Near((A, B), 4, is_ordered=False)),
        ("near/4:(a AND (b OR c))", Near((A, either(B, C)), 4, is_ordered=False)),
        ("before/4:(a b)", Near((A, B), 4, is_ordered=True)),
        ("min_mentions/2:(a OR b)", AtLeast(either(A, B), 2)),
        ("in/fa:a", InLanguage(("fa",), A)),
        ("in/CKB+ku:(a OR b)", InLanguage(("ckb", "ku"), either(A, B))),
        ("abc*", Phrase((Word("abc", "prefix"),))),
        ('"a bcd*"', Phrase((Word("a"), Word("bcd", "prefix")))),
        ("exact:a", Phrase((Word("a", "exact", "a"),))),
        ("=A", Phrase((Word("a", "exact", "A"),))),
        ('="A b"', Phrase((Word("a", "exact", "A"), Word("b", "exact", "b")))),
        ("exact:(A b)", either(Phrase((Word("a", "exact", "A"),)), Phrase((Word("b", "exact", "b"),)))),
        ("title:a", InScope("title", A, 1)),
        ("title:(a b)", InScope("title", either(A, B), 1)),
        ("title: a", InScope("title", A, 1)),
        ("title:near/2:(a b)", InScope("title", Near((A, B), 2, is_ordered=False), 1)),
        ("lead:title:a", InScope("title", A, 1)),
        ("a^2", Weighted(A, 2.0)),
        ("title:a^2", Weighted(InScope("title", A, 1), 2.0)),
        ("a^.5", Weighted(A, 0.5)),
        ("+a b^-2", Clauses(must=(A,), against=(Weighted(B, -2.0),))),
        ("(a b)^2 c", either(Weighted(either(A, B), 2.0), C)),
        ("lang:ar", FieldIs("lang", ("ar",))),
        ("lang:AR-eg", FieldIs("lang", ("ar-eg",))),
        ("lang:(ar OR fa)", FieldIs("lang", ("ar", "fa"))),
        ("lang:(ar fa)", FieldIs("lang", ("ar", "fa"))),
        ("country:sy", FieldIs("country", ("SY",))),
        ("source:SANA", FieldIs("source", ("sana",))),
        ('source:"Al Jazeera"', FieldIs("source", ("al jazeera",))),
        ("feed:https://a.example/rss?x=1", FieldIs("feed", ("https://a.example/rss?x=1",))),
        ("entity:hulusi-akar", FieldIs("entity", ("hulusi-akar",))),
        ("has:image", Has("image")),
        ("has:entities", Has("entity")),
        ("topic:*", Has("topic")),
        ("@syria", Reference("syria", 1)),
        ("*", Everything()),
        ("*:*", Everything()),
        ("", Everything()),
        ("  ", Everything()),
        # Right-to-left, invisible and typographic characters
        ("\u202bسوريا\u202c", word("سوريا")),
        ("سوريا، تركيا؟", either(word("سوريا"), word("تركيا"))),
        ("سوريا،تركيا", either(word("سوريا"), word("تركيا"))),
        ("سوریه", word("سوريه")),
        ("Şoygu", word("soygu")),
        ("IRAK ırak", either(word("irak"), word("irak"))),
        ("U.S.", Phrase((Word("u"), Word("s")))),
        ("Syria-Turkey", Phrase((Word("syria"), Word("turkey")))),
        ("Syria – Turkey", either(word("syria"), word("turkey"))),
        ('ארה"ב', word("ארהב")),
        ('"ארה"ב ואיראן"', Phrase((Word("ארהב"), Word("ואיראנ")))),
        ("a\\:b", Phrase((Word("a"), Word("b")))),
        ("a\\*", A),
        ('"and"', word("and")),
    ],
)
def test_meaning(text: str, root: object) -> None:
    assert parse(text).root == root


def test_zwnj_word_is_looked_for_split_and_joined() -> None:
    split, joined = Phrase((Word("خبرگزاري"), Word("ها"))), word("خبرگزاريها")
    assert parse("خبرگزاری‌ها").root == either(either(split, joined))
    assert parse("خبرگزاریها").root == either(either(joined, split))


def test_settings_are_of_the_whole_query() -> None:
    query = parse("a b min_score:2.5 min_mentions:3")
    assert (query.root, query.min_score, query.min_mentions) == (either(A, B), 2.5, 3)
    assert parse("+min_score:2 +a").min_score == 2
    assert parse("a AND min_score:2").root == A


@pytest.mark.parametrize(
    ("text", "column", "hint"),
    [
        ("/تركي.*/", 1, "regular expressions"),
        ("a /b/", 3, "regular expressions"),
        ("Shoigu~", 7, "entity:"),
        ("Shoigu~1", 7, "entity:"),
        ("(a b)~3", 6, "near/5"),
        ("*غان", 1, "word*"),
        ("سور?ا", 4, "prefix*"),
        ("ab*cd", 3, "end of a word"),
        ("ab*", 1, "3 letters"),
        ("a*", 1, "3 letters"),
        ("[a TO b]", 1, "dates only"),
        ("title:[a TO b]", 7, "dates only"),
        ("lang:[a TO b]", 6, "dates only"),
        ("a > b", 3, "dates only"),
        ("titel:a", 1, "did you mean `title:`"),
        ("language:ar", 1, "did you mean `lang:`"),
        ("a AND publishd:2023", 7, "did you mean `published:`"),
        ("http://a.example", 1, "`\\:`"),
        ("near:(a b)", 1, "near/5"),
        ("near/5:a", 1, "side by side"),
        ("near/5:(a OR b)", 1, "side by side"),
        ("near/500:(a b)", 1, "100"),
        ("near/5:(a (b AND c))", 11, "no AND"),
        ("near/5:(a lang:ar)", 11, "no AND"),
        ("near/5:(a b^2)", 11, "weight"),
        ("near/5:(a b c d e f g)", 1, "6 parts"),
        ('"a b"~', 6, '"a b"~5'),
        ('"a"~5', 1, "two words"),
        ('"a b"~500', 1, "~100"),
        ("in/fa:(a AND b)", 1, "no AND"),
        ("in/farsi:a", 1, "did you mean `in/fa:`"),
        ("min_mentions/0:a", 1, "how many"),
        ("title:text:a", 1, "beside"),
        ("title:(a OR text:b)", 1, "beside"),
        ("title:lang:ar", 1, "beside"),
        ("title:(a AND has:image)", 1, "beside"),
        ("exact:ab*", 7, "contradict"),
        ("exact:(title:a)", 8, "followed by"),
        ("has:imag", 5, "did you mean `has:image`"),
        ("lang:arabic!", 6, "BCP 47"),
        ("country:Syria", 9, "two letters"),
        ("source:al*", 8, "has:source"),
        ("lang:", 6, "value"),
        ("published:yesterday", 11, "no date"),
        ("published:2023-02-30", 11, "calendar"),
        ("published:[2024 TO 2023]", 11, "before it begins"),
        ("published:now-7d", 11, ">=now-7d"),
        ("published:[2023 2024]", 11, "TO"),
        ("a AND", 6, "missing"),
        ("AND a", 1, "both sides"),
        ("a OR OR b", 6, "both sides"),
        ("(a", 1, "never closed"),
        ("a)", 2, "closes nothing"),
        ("()", 2, "nothing between"),
        ('"a', 1, "never closed"),
        ('a ""', 3, "no word"),
        ("🙂", 1, "no word"),
        ("a^", 2, "number"),
        ("a ^2", 3, "directly behind"),
        ("^2", 1, "directly behind"),
        ("a^0", 1, "not 0"),
        ("a^2000", 1, "1,000"),
        ("-a^2 b", 1, "weight"),
        ("NOT a^2", 1, "weight"),
        ("(a^-2)^3 b", 1, "negative"),
        ("a^-2", 1, "one must be looked for"),
        ("a - b", 3, "directly before"),
        ("+ a", 1, "directly before"),
        ("a –b", 3, "hyphen"),
        ("NOT NOT a", 1, "cancel"),
        ("--a", 1, "directly before"),
        ("+-a", 1, "directly before"),
        ("+a OR b", 1, "AND"),
        ("a OR -b", 6, "AND NOT"),
        ("a and b", 3, "capitals"),
        ("a or b", 3, "capitals"),
        ("'a b'", 1, "double quotes"),
        ("a(b)", 2, "space"),
        ('a"b c"', 2, "space"),
        ("@", 1, "name"),
        ("@سوريا", 1, "name"),
        ("min_score:x a", 1, "min_score:3"),
        ("min_mentions:1.5 a", 1, "min_mentions:3"),
        ("a min_score:1 min_score:2", 15, "twice"),
        ("(a min_score:2)", 4, "whole query"),
        ("a OR min_score:2", 6, "whole query"),
        (":a", 1, "field name"),
    ],
)
def test_refusals_name_the_column_and_say_what_to_write(text: str, column: int, hint: str) -> None:
    with pytest.raises(QueryError) as refused:
        parse(text)
    assert refused.value.column == column
    assert hint in refused.value.message
    assert str(refused.value).startswith(f"column {column}: ")


@pytest.mark.parametrize(
    "text",
    [
        "(" * 100_000,
        "(" * 9_999 + "a" + ")" * 9_999,
        "(" * 30 + "a" + ")" * 30,
        "NOT " * 4_000 + "a",
        "a OR " * 3_000 + "a",
        "a AND b OR " * 1_500 + "a",
        "a " * 9_000,
        "a^2^2" * 3_000,
        "title:" * 3_000 + "a",
        '"' + "a " * 9_000 + '"',
        '"' * 19_999,
        "\\" * 19_999,
        "near/5:(a " * 2_000,
        "- " * 9_000,
        "published:" + "2" * 19_000,
        "lang:(" * 3_000,
        "a" * 1_000_000,
        "AND " * 5_000,
        "[" * 19_999,
        "published:[" + " " * 19_000,
        '"a b"~' + "9" * 19_000,
        "min_score:" + "9" * 19_000,
        "a\u200cb" * 6_000,
        "ه‌ا" * 5_000,
        "'" * 19_999,
        'ם"ב' * 6_000,
    ],
    ids=lambda text: f"{text[:8]!r} x {len(text)}",
)
def test_hostile_queries_end_fast(text: str) -> None:
    started = time.process_time()
    with pytest.raises(QueryError):
        parse(text)
    # Far above what it takes (tens of milliseconds), far below what anything quadratic would take.
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    "text", [f"{'a OR ' * 1_900}b", "(" * 20 + "a" + ")" * 20, " ".join(f'"a{i} b"' for i in range(1_000))]
)
def test_large_queries_within_the_limits_are_taken(text: str) -> None:
    parse(text)


@given(
    st.text(
        alphabet=st.one_of(st.sampled_from("aب \"()[]{}*?~^+-!&|:=@/\\'،؟«»“”ANDORNOT \u200c\u200f"), st.characters()),
        max_size=80,
    )
)
def test_any_text_is_a_query_or_a_query_error(text: str) -> None:
    try:
        parse(text)
    except QueryError as error:
        assert 1 <= error.column <= len(text) + 1
        assert error.message


GOOD = [
    "سوريا",
    "تركيا",
    "a",
    "b",
    '"a b"',
    '"تركيا أنقرة"',
    "ده‌وڵه‌ت",
    "خبرگزاریها",
    "bcde*",
    "lang:ar",
    "entity:x-y",
    "country:sy",
    "title:a",
    'text:"a b"',
    "(a OR b)",
    "near/5:(a b)",
    "min_mentions/2:(a OR b)",
    "x_y",
]
PARTS = [
    *GOOD, *("AND", "OR") * 3, *("(", ")") * 3, "NOT", "and", "TO", "ab*", "country:syria", "title:", "title:(", "lead:a", "near/5:(",
    "near/4:(a", "before/3:(", "min_mentions/0:(", "min_score:2", "has:title", "^2", "-a", "+b", '"c"~3', "@n", "=a",
    "exact:b", "a)", "(b", ",", ".", "3", '""', "*",
]  # fmt: skip
"""What the short way takes, what it must leave to the grammar, and what is a fault."""


def test_the_short_way_says_what_the_grammar_says() -> None:
    pick = random.Random(7)
    maker = Maker(pick)
    queries = [maker.query()[0] for _ in range(3_000)]
    queries += [" ".join(pick.choices(PARTS, k=pick.randrange(1, 9))) for _ in range(12_000)]
    queries += ["".join(pick.choices([*PARTS, " ", " "], k=pick.randrange(2, 9))) for _ in range(6_000)]
    for shape in ("{} AND ({} OR {})", "near/5:({} ({} OR {}))", "({} OR {}) AND {} min_score:2", "title:({} OR {})"):
        queries += [shape.format(*pick.choices(GOOD, k=3)) for _ in range(1_000)]
    taken = 0
    for text in queries:
        quick = quick_query(text)
        if quick is not None:
            taken += 1
            assert quick == Builder(text).build(_syntax_tree(text)), text
    assert taken > 3_000


@pytest.mark.parametrize(
    "text",
    [
        "سوريا",
        '"a b" AND (c OR d)',
        "(a OR b) AND (c OR d OR e) AND NOT f",
        'near/8:(("a b" OR c) (d OR e))',
        "title:(a OR b)",
        "lang:ar AND entity:x-y AND a min_score:2",
        "min_mentions/2:(a OR b) AND (abc* OR d)",
    ],
)
def test_rules_as_people_write_them_go_the_short_way(text: str) -> None:
    assert quick_query(text) is not None


def test_limits_name_themselves() -> None:
    with pytest.raises(QueryTooCostly, match="20,000"):
        parse("a" * 20_001)
    with pytest.raises(QueryTooCostly, match="2,000"):
        parse("a " * 2_001)
    with pytest.raises(QueryTooCostly, match="32 are allowed"):
        parse('"' + "a " * 33 + '"')


@pytest.mark.parametrize("text", ["a^1e999", "a^2b", "(a b)^2c"])
def test_what_is_glued_to_a_weight_is_refused(text: str) -> None:
    with pytest.raises(QueryError, match="put a space between the weight"):
        parse(text)


@pytest.mark.parametrize("text", ["a " * 500_000, "(" * 500_000, "(" * 9_000 + "a", '"' * 500_000, "-" * 500_000])
def test_a_megabyte_is_refused_at_once(text: str) -> None:
    with pytest.raises(QueryError):
        parse(text)
