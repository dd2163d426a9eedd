from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from streams.model import EnrichedArticle, EntityLabel, RawArticle, Span, TopicLabel
from streams.query import Match, Query, QueryError, candidates, compile_queries, parse
from streams.query import compile as compile_module
from streams.query import matcher as matcher_module
from streams.query.candidates import FieldRange
from streams.text.document import Document
from tests.unit.query.generate import Maker
from tests.unit.query.generate import article as made_up_article

NOW = datetime(2023, 5, 10, 12, tzinfo=UTC)


def article(title: str = "", text: str = "", lang: str = "und", **fields: object) -> EnrichedArticle:
    return EnrichedArticle(
        article_id="0" * 32,
        title=title,
        text=text,
        language=lang,
        **{"collected_at": NOW, "enriched_at": NOW, **fields},  # type: ignore[arg-type]
    )


def matches(query: str, record: EnrichedArticle) -> list[Match]:
    matcher = compile_queries({"q": parse(query)}, clock=lambda: NOW)
    return matcher.match(Document.of(record.title, record.text, record.language), record)


def shown(query: str, title: str = "", text: str = "", lang: str = "und") -> list[str]:
    record = article(title, text, lang)
    return [
        getattr(record, span.field)[span.start : span.end] for match in matches(query, record) for span in match.spans
    ]


@pytest.mark.parametrize(
    ("query", "text", "lang", "words"),
    [
        ("تطبيع", "جرى اللقاء والتطبيع بينهما", "ar", ["والتطبيع"]),
        ("سوريا", "في سُوريا اليوم", "ar", ["سُوريا"]),
        ("خبرگزاری‌ها", "به گزارش خبرگزاریها", "fa", ["خبرگزاریها"]),
        ("خبرگزاریها", "به گزارش خبرگزاری‌ها", "fa", ["خبرگزاری‌ها"]),
        ("عادی‌سازی", "عادی سازی روابط", "fa", ["عادی سازی"]),
        ("دەوڵەت", "ده‌وڵه‌ت گوتی", "ckb", ["ده‌وڵه‌ت"]),
        ("Suriye", "SURİYE'nin sınırı", "tr", ["SURİYE'nin"]),
        ("ırak", "IRAK’ta", "tr", ["IRAK’ta"]),
        ("Erdogan", "Erdoğan'ın", "tr", ["Erdoğan'ın"]),
        ("еще", "Ещё раз", "ru", ["Ещё"]),
        ("סוריה", "בסוריה", "he", ["בסוריה"]),
        ("U.S.", "the U.S. said", "en", ["U.S"]),
        ("叙利亚", "在叙利亚会谈", "zh", ["叙利亚"]),
        ("سیرگئی", "سيرگئي", "fa", ["سيرگئي"]),
    ],
)
def test_words_are_found_in_every_spelling_and_shown_as_written(
    query: str, text: str, lang: str, words: list[str]
) -> None:
    assert shown(query, text=text, lang=lang) == words


@pytest.mark.parametrize(
    ("query", "text", "lang", "is_match"),
    [
        ("exact:تطبيع", "والتطبيع", "ar", False),
        ("exact:تطبيع", "تَطبيع", "ar", True),
        ("exact:سوریه", "سوريه", "fa", True),
        ('="عادی سازی"', "عادی سازی", "fa", True),
        ("exact:US", "tell us", "en", False),
        ("exact:us", "tell US", "en", True),
        ("exact:Sara", "Şara", "tr", False),
        ("exact:Şara", "Şara", "tr", True),
        ("Sara", "Şara", "tr", True),
        ("exact:Esad", "Esad'ın", "tr", False),
        ("exact:Esad'ın", "Esad’ın", "tr", True),
        ("exact:إيران", "ايران", "ar", False),
        ("إيران", "ايران", "ar", True),
    ],
)
def test_exact_means_as_written(query: str, text: str, lang: str, is_match: bool) -> None:
    assert bool(shown(query, text=text, lang=lang)) == is_match


def test_short_arabic_words_keep_alef_maqsura_apart() -> None:
    assert shown("علي", text="على الطاولة", lang="ar") == []
    assert shown("علی", text="على رفت", lang="fa") == ["على"]


@pytest.mark.parametrize(
    ("query", "title", "text", "score"),
    [
        ("a", "a", "", 3.0),
        ("a", "", "a", 2.0),
        ("a", "", "x " * 60 + "a", 1.0),
        ("a", "a", "a", 4.0),  # 3 + 2/2
        ("a", "", "x " * 60 + "a a a", 1.75),
        ("a b", "a b", "", 6.0),
        ("c (a b)", "a b", "", 4.5),  # one concept: 3 + 3/2
        ("c (a^1 b^1)", "a b", "", 6.0),
        ("a AND b", "a b", "", 6.0),
        ("(a AND b)^2", "a b", "", 12.0),
        ("+a b^-1", "a b", "", 0.0),
        ("near/1:(a b)", "a x b", "", 3.0),
        ("lang:und", "a", "", 0.0),
    ],
)
def test_scores(query: str, title: str, text: str, score: float) -> None:
    assert [match.score for match in matches(query, article(title, text))] == [score]


def test_min_score_and_min_mentions_decide() -> None:
    assert matches("a^2 b min_score:9", article("a b")) != []
    assert matches("a^2 b min_score:9.5", article("a b")) == []
    assert matches("+a b^-4 min_score:0", article("a b")) == []
    assert matches("a b min_mentions:3", article("a b", "a")) != []
    assert matches("a b min_mentions:4", article("a b", "a")) == []
    assert matches("min_mentions/3:(a OR b)", article("a b", "a")) != []


def test_title_and_text_are_not_near_one_another() -> None:
    assert shown('"a b"', "x a", "b x") == []
    assert shown('"a b"~50', "x a", "b x") == []


def test_fields_of_the_record() -> None:
    record = article(
        "Shoigu met Akar",
        lang="en",
        source_id="SANA",
        country="SY",
        feed_url="https://sana.example/rss",
        topics=(TopicLabel(id="syria-turkey-normalization", score=3),),
        entities=(
            EntityLabel(id="sergei-shoigu", kind="person", mentions=(Span(field="title", start=0, end=6),)),
            EntityLabel(id="hulusi-akar", kind="person", mentions=(Span(field="title", start=11, end=15),)),
        ),
    )
    for query in (
        "lang:en", "source:sana", "country:sy", "feed:https://sana.example/rss", "topic:syria-turkey-normalization",
        "entity:sergei-shoigu", "has:entity", "near/1:(entity:sergei-shoigu entity:hulusi-akar)",
        "near/0:(entity:sergei-shoigu met)", "title:entity:hulusi-akar", "-lang:ar", "has:source -has:image",
    ):  # fmt: skip
        assert matches(query, record), query
    for query in ("lang:ar", "topic:football", "near/0:(entity:sergei-shoigu entity:hulusi-akar)", "text:entity:hulusi-akar", "story:x", "frame:x"):  # fmt: skip
        assert not matches(query, record), query
    (match,) = matches("near/1:(entity:sergei-shoigu entity:hulusi-akar)", record)
    assert [(span.start, span.end) for span in match.spans] == [(0, 6), (11, 15)]


def test_a_raw_article_simply_has_no_topics() -> None:
    raw = RawArticle(article_id="0" * 32, title="a", collected_at=NOW)
    matcher = compile_queries({"t": parse("topic:x"), "l": parse("lang:en"), "a": parse("a")})
    assert [match.query_id for match in matcher.match(Document.of("a", ""), raw)] == ["a"]


@pytest.mark.parametrize(
    ("query", "published", "is_match"),
    [
        ("published:>=now-7d", NOW - timedelta(days=6), True),
        ("published:>=now-7d", NOW - timedelta(days=8), False),
        ("published:now/d", NOW.replace(hour=0), True),
        ("published:now-1d/d", NOW.replace(hour=0), False),
        ("published:now-1d/d", NOW - timedelta(days=1), True),
        ("published:now/M", NOW.replace(day=1, hour=0), True),
        ("published:now/w", NOW - timedelta(days=2), True),
        ("published:now/w", NOW - timedelta(days=3), False),
        ("published:2023", NOW, True),
        ("published:2023-05", NOW, True),
        ("published:2023-05-10", NOW, True),
        ("published:2023-05-09", NOW, False),
        ("published:>2023-05-10", NOW, False),
        ("published:>2023-05-09", NOW, True),
        ("published:<2023-05-10", NOW, False),
        ("published:<=2023-05-10", NOW, True),
        ("published:[2023-05-10 TO *]", NOW, True),
        ("published:{2023-05-10 TO *]", NOW, False),
        ("published:[* TO 2023-05-10}", NOW, False),
        ("published:[* TO 2023-05-10]", NOW, True),
        ("published:>=2023-05-10T15:00+03:00", NOW, True),
        ("published:>=2023-05-10T15:01+03:00", NOW, False),
        ("published:[now-99999y TO now+99999y]", NOW, True),
        ("published:(2022 OR 2023)", NOW, True),
    ],
)
def test_dates(query: str, published: datetime, is_match: bool) -> None:
    record = article("a", published_at=published)
    assert bool(matches(query, record)) == is_match


def test_an_unreliable_date_gives_way_to_the_time_of_collection() -> None:
    assert matches("published:2023-05-10", article("a", published_at=NOW.replace(year=1999), date_is_reliable=False))


def test_candidates_of_now_leave_room_for_a_moving_clock() -> None:
    tree = candidates(parse("published:<now/M AND published:>=now-7d"), now=NOW)
    assert FieldRange("published", NOW - timedelta(days=7), None) in tree.items  # type: ignore[union-attr]
    last_minute = datetime(2023, 5, 31, 23, 59, tzinfo=UTC)
    assert candidates(parse("published:<now/M"), now=last_minute) == FieldRange(
        "published", None, datetime(2023, 6, 1, tzinfo=UTC)
    )


def test_spans_and_order_are_stable() -> None:
    queries = {f"q{number}": parse(query) for number, query in enumerate(("b", "a", '"a b"', "z"))}
    found = compile_queries(queries).match(Document.of("a b", ""), article("a b"))
    assert [match.query_id for match in found] == ["q0", "q1", "q2"]
    assert found[2].spans == (Span(field="title", start=0, end=3),)


def test_names_are_resolved_among_the_queries() -> None:
    queries = {
        "syria": parse("syria OR سوريا"),
        "turkey": parse("turkey"),
        "both": parse("near/5:(@syria @turkey)"),
        "in-title": parse("title:@both"),
    }
    record = article("Syria and Turkey")
    found = compile_queries(queries).match(Document.of(record.title, ""), record)
    assert [match.query_id for match in found] == ["syria", "turkey", "both", "in-title"]
    with pytest.raises(QueryError, match="not known here"):
        candidates(queries["both"])


@pytest.mark.parametrize(
    ("query", "text", "score"),
    [
        ("a b c d e^-1", "a e", 0.0),
        ("a b c d (e f^-3)^-2 min_score:3", "a e f", 10.0),  # a minus within a minus: 2 - 2 * (2 - 3 * 2)
        ("a b c d (e f^-3)^-2 min_score:11", "a e f", None),
        ("a b (c e^-2)^3 d min_score:2", "c", 6.0),
        ("a b (c e^-2)^3 d min_score:2", "c e", None),
        ("a b c ((d e^-2)^-1 f)^2 min_score:8", "d e f", 8.0),
        ("a b c ((d e^-2)^-1 f)^2 min_score:8.1", "d e f", None),
    ],
)
def test_scores_of_many_clauses_are_bounded_rightly(query: str, text: str, score: float | None) -> None:
    found = matches(query, article(text=text))
    assert [match.score for match in found] == ([] if score is None else [score]), found


@pytest.mark.parametrize("limit", ["_MAX_CONCEPTS", "_MAX_COPIED"])
def test_more_concepts_than_are_noted_are_found_all_the_same(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    pick = random.Random(3)
    maker = Maker(pick)
    texts = [maker.query()[0] for _ in range(150)]
    texts += [
        'near/9:((a OR b OR c OR d OR e OR f) (g OR h OR i OR j OR k OR "l m"))',
        'title:(a OR b OR "c d") e f g h',
    ]
    queries = {str(number): parse(text) for number, text in enumerate(texts)}
    usual = compile_queries(queries)
    monkeypatch.setattr(compile_module, limit, 0)
    without = compile_queries(queries)
    found = 0
    for _ in range(60):
        record, _page = made_up_article(pick)
        document = Document.of(record.title, record.text, record.language)
        expected = usual.match(document, record)
        assert without.match(document, record) == expected
        found += len(expected)
    assert found > 100


def test_clauses_that_are_passed_over_would_have_changed_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    pick = random.Random(5)
    maker = Maker(pick)
    queries: dict[str, Query] = {}
    while len(queries) < 120:
        parts = [maker.query()[0] for _ in range(pick.randrange(4, 9))]
        weights = [pick.choice(("", "", "^2", "^0.5", "^-1", "^-3")) for _ in parts]
        text = " ".join(f"({part}){weight}" for part, weight in zip(parts, weights, strict=True))
        try:
            queries[str(len(queries))] = parse(f"{text} min_score:{pick.choice((0, 1, 3, 6, 12))}")
        except QueryError:
            continue
    quick = compile_queries(queries)
    monkeypatch.setattr(matcher_module, "_MANY_CLAUSES", 1_000_000)
    plain = compile_queries(queries)
    found = 0
    for _ in range(80):
        record, _page = made_up_article(pick)
        document = Document.of(record.title, record.text, record.language)
        monkeypatch.setattr(matcher_module, "_MANY_CLAUSES", 4)
        matched = quick.match(document, record)
        monkeypatch.setattr(matcher_module, "_MANY_CLAUSES", 1_000_000)
        assert matched == plain.match(document, record)
        found += len(matched)
    assert found > 300
