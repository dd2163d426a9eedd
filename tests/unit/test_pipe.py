"""Articles as JSON lines: what is read, what is kept, what is refused."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.pipe import BadLine, parse_time, read_articles
from streams import codec
from streams.definitions import Definitions
from streams.model import Article, RawArticle
from streams.pipeline import Pipeline

NOW = datetime(2023, 4, 26, 12, tzinfo=UTC)


def read(*lines: Any) -> list[RawArticle | BadLine]:
    data = b"".join((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n" for line in lines)
    return [item for _, item in read_articles(io.BytesIO(data), lambda: NOW)]


def one(line: Any) -> RawArticle:
    (item,) = read(line)
    assert isinstance(item, RawArticle), item
    return item


def test_the_fields_of_a_line() -> None:
    article = one(
        {
            "id": 7,
            "title": "عنوان",
            "body": "متن",
            "source": "isna",
            "published": "2023-04-25T12:30:00+03:30",
            "lang": "fa",
            "mine": [1],
        }
    )
    assert (article.title, article.text, article.source_id, article.declared_language) == ("عنوان", "متن", "isna", "fa")
    assert article.published_at == datetime(2023, 4, 25, 9, tzinfo=UTC) and article.date_is_reliable
    assert article.extra == {"id": 7, "mine": [1]}
    assert article.collected_at == NOW


def test_text_goes_before_body_and_published_at_before_published() -> None:
    article = one({"id": "x", "text": "a", "body": "b", "published_at": "2023-01-01", "published": "2022-01-01"})
    assert article.text == "a" and article.published_at == datetime(2023, 1, 1, tzinfo=UTC)
    assert article.extra == {"id": "x", "body": "b", "published": "2022-01-01"}
    assert one({"id": "x", "text": "", "body": "b"}).extra == {"id": "x"}


def test_the_same_page_has_one_id_whatever_its_tracking_parameters() -> None:
    first = one({"url": "https://example.org/a?utm_source=x#top", "title": "t"})
    second = one({"id": "other", "url": "https://example.org/a", "title": "u"})
    assert first.article_id == second.article_id
    assert second.extra == {"id": "other"}


def test_ids_stand_in_where_there_is_no_url() -> None:
    assert one({"id": "1", "title": "t"}).article_id == one({"id": 1, "title": "changed"}).article_id
    assert one({"id": "1", "title": "t"}).article_id != one({"id": "2", "title": "t"}).article_id
    # An address that is no web address tells articles apart too.
    assert one({"url": "/a", "title": "t"}).article_id != one({"url": "/b", "title": "t"}).article_id


def test_what_rasad_printed_is_read_back_whole() -> None:
    printed = {
        "article_id": "0123456789abcdef0123456789abcdef", "guid": "g", "title": "t", "text": "", "authors": ["a"], "tags": ["x"],
        "published_at": None, "date_is_reliable": False, "feed_url": "https://example.org/f", "extra": {"id": "1"},
    }  # fmt: skip
    article = one(printed)
    assert article.article_id == printed["article_id"] and article.authors == ("a",) and article.guid == "g"
    assert article.extra == {"id": "1"} and not article.date_is_reliable


def test_a_field_of_the_wrong_shape_is_kept_aside() -> None:
    aside = {
        "id": "1",
        "authors": "one name",
        "ownership": "mine",
        "source": {"name": "x"},
        "lang": 5,
        "language": ["fa"],
    }
    article = one({"title": "t", **aside})
    assert article.authors == () and article.extra == aside
    assert article.source_id is None and article.declared_language is None


def test_what_others_say_of_an_article_is_kept_beside_what_rasad_finds() -> None:
    said = {"id": "1", "language": "fa", "topics": ["x"], "entities": [], "story_id": "s", "schema": 99}
    article = one({"title": "t", **said})
    assert article.extra == said and article.declared_language == "fa"


def test_what_enrich_printed_is_found_out_anew() -> None:
    raw = one({"id": "1", "title": "وزير الخارجية التركي يلتقي نظيره السوري", "lang": "ar", "mine": 1})
    result = Pipeline(Definitions(topics=(), entities=()), lambda: NOW).process(raw)
    assert isinstance(result, Article) and result.language == "ar"
    assert one(codec.encode(result)) == raw
    (bad,) = read({**json.loads(codec.encode(result)), "schema": 99})
    assert isinstance(bad, BadLine) and "newer Rasad" in bad.reason


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"{", "not JSON"), (b"\xff\xfe", "not UTF-8 (byte 1)"), (b'{"id": "1", "title": "a\xff"}', "not UTF-8 (byte 24)"), (b"[1]", "a list"), (b'"x"', "text"), (b"null", "null"), ({}, "neither 'id' nor 'url'"),
        ({"title": "t"}, "neither 'id' nor 'url'"), ({"id": "1"}, "neither 'title' nor 'text'"), ({"id": "1", "title": 5}, "'title' must be text"),
        ({"id": {"a": 1}, "title": "t"}, "'id' must be"), ({"url": ["x"], "title": "t"}, "'url' must be"), (b'{"id": "1", "title": NaN}', "'title' must be text"),
        (b'{"id": "1", "title": "a\x00"}', "not JSON"), (b'{"id": "1", "title": "t"},', "not JSON"), (b"{'id': '1', 'title': 't'}", "not JSON"),
        ({"id": "1", "title": " \t", "text": "\n"}, "neither 'title' nor 'text'"), (b"[" * 100_000, "nested too deeply"),
    ],
)  # fmt: skip
def test_a_bad_line_is_reported_with_its_number_and_the_rest_goes_on(line: Any, words: str) -> None:
    first, bad, last = read({"id": "1", "title": "t"}, line, {"id": "2", "title": "t"})
    assert isinstance(first, RawArticle) and isinstance(last, RawArticle)
    assert isinstance(bad, BadLine) and bad.number == 2 and words in bad.reason


def test_blank_lines_a_byte_order_mark_and_a_last_line_without_end() -> None:
    data = b'\xef\xbb\xbf{"id": "1", "title": "t"}\r\n\n   \n{"id": "2", "title": "t"}'
    items = list(read_articles(io.BytesIO(data), lambda: NOW))
    assert [number for number, _ in items] == [1, 4]
    assert all(isinstance(item, RawArticle) for _, item in items)


def test_a_number_that_is_none_does_not_cost_the_article() -> None:
    assert one(b'{"id": "1", "title": "t", "score": NaN, "most": Infinity, "far": 1e999}').title == "t"


def test_half_a_surrogate_pair_does_not_cost_the_article() -> None:
    article = one(b'{"id": "1", "title": "cut \\ud83d", "text": "\\u0633"}')
    assert article.title == "cut ?" and article.text == "س"
    article.title.encode("utf-8")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2023-04-25T12:00:00Z", datetime(2023, 4, 25, 12, tzinfo=UTC)),
        ("Tue, 25 Apr 2023 15:00:00 +0300", datetime(2023, 4, 25, 12, tzinfo=UTC)),
        (1682424000, datetime(2023, 4, 25, 12, tzinfo=UTC)),
        (1682424000000, datetime(2023, 4, 25, 12, tzinfo=UTC)),
        (1682424000000000, datetime(2023, 4, 25, 12, tzinfo=UTC)),
        (1682424000000000000, datetime(2023, 4, 25, 12, tzinfo=UTC)),
        (1682424000.5, datetime(2023, 4, 25, 12, 0, 0, 500000, tzinfo=UTC)),
        ("1682424000", datetime(2023, 4, 25, 12, tzinfo=UTC)),
        (20230425, datetime(2023, 4, 25, tzinfo=UTC)), ("20230425", datetime(2023, 4, 25, tzinfo=UTC)),
        ("2023/04/25 12:00", datetime(2023, 4, 25, 12, tzinfo=UTC)), ("2023-04-25 12:00:00 UTC", datetime(2023, 4, 25, 12, tzinfo=UTC)),
        ("2023-04-25T15:30:00+0330", datetime(2023, 4, 25, 12, tzinfo=UTC)), ("April 25, 2023", datetime(2023, 4, 25, tzinfo=UTC)),
        ("2023-04-25T12:00:00.25Z", datetime(2023, 4, 25, 12, 0, 0, 250000, tzinfo=UTC)), ("2023-04-25T24:00:00Z", datetime(2023, 4, 26, tzinfo=UTC)),
        ("٢٥ أبريل ٢٠٢٣", datetime(2023, 4, 25, tzinfo=UTC)),
        ("yesterday", None), ("5", None), ("nan", None), ("", None), (True, None), (float("nan"), None), (-(10**400), None), ([], None), (10**30, None), (float("inf"), None),
    ],
)  # fmt: skip
def test_times(value: object, expected: datetime | None) -> None:
    assert parse_time(value) == expected


def test_a_date_that_cannot_be_is_not_relied_on_and_is_kept() -> None:
    article = one({"id": "1", "title": "t", "published": "soon"})
    assert article.published_at is None and not article.date_is_reliable and article.extra["published"] == "soon"
    assert not one({"id": "1", "title": "t", "published": "2033-01-01"}).date_is_reliable
    assert not one({"id": "1", "title": "t", "published": 0}).date_is_reliable


@given(st.binary(max_size=200))
def test_no_bytes_are_a_traceback(data: bytes) -> None:
    for _, item in read_articles(io.BytesIO(data), lambda: NOW):
        assert isinstance(item, RawArticle | BadLine)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8), lambda v: st.lists(v, max_size=3)
)


@given(
    st.dictionaries(
        st.sampled_from(["id", "url", "title", "text", "published", "lang", "authors", "extra", "schema", "x"]),
        json_values,
    )
)
def test_no_object_is_a_traceback(line: dict[str, Any]) -> None:
    for _, item in read_articles(io.BytesIO(json.dumps(line).encode()), lambda: NOW):
        assert isinstance(item, RawArticle | BadLine)
