"""Records, their bytes and their ids."""

from __future__ import annotations

import json
import string
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams import codec
from streams.identity import article_id, content_hash, document_version
from streams.model import SCHEMA, Article, EnrichedArticle, QuarantineRecord, RawArticle, Span, TopicLabel

NOW = datetime(2023, 4, 25, 12, tzinfo=UTC)
RAW = RawArticle(article_id="a" * 32, collected_at=NOW, title="تطبيع", extra={"id": 7, "deep": {"x": [1, None]}})


def test_every_record_survives_the_trip() -> None:
    span = Span(field="title", start=0, end=5)
    enriched = EnrichedArticle(
        **{f: getattr(RAW, f) for f in RawArticle.__struct_fields__},
        enriched_at=NOW,
        topics=(TopicLabel(id="t", score=1.5, spans=(span,)),),
    )
    article = Article(
        **{f: getattr(enriched, f) for f in EnrichedArticle.__struct_fields__}, storied_at=NOW, story_id="s"
    )
    quarantined = QuarantineRecord(
        stage="enrich", channel="raw", reason="invalid", payload=b"\xff\x00", key=None, quarantined_at=NOW
    )
    for record in (RAW, enriched, article, quarantined):
        assert codec.decode(codec.encode(record), type(record)) == record


def test_a_later_record_is_the_earlier_one_with_more_fields() -> None:
    assert set(RawArticle.__struct_fields__) < set(EnrichedArticle.__struct_fields__) < set(Article.__struct_fields__)


def test_json_is_flat_and_dates_are_iso() -> None:
    fields = json.loads(codec.encode(RAW))
    assert (
        fields["title"] == "تطبيع" and fields["collected_at"] == "2023-04-25T12:00:00Z" and fields["schema"] == SCHEMA
    )


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "undecodable"), (b"{", "undecodable"), (b"\xff\xfe\x00", "undecodable"), (b"[]", "invalid"), (b"{}", "invalid"),
        (b'{"article_id": 5, "collected_at": "2023-01-01T00:00:00Z"}', "invalid"),
        (b'{"article_id": "short", "collected_at": "2023-01-01T00:00:00Z"}', "invalid"),
        (codec.encode(RAW).replace(b'"schema":1', b'"schema":99'), "newer_schema"),
        (b'{"schema": 99, "other": "shape"}', "newer_schema"),
    ],
)  # fmt: skip
def test_what_is_no_record_has_a_reason(payload: bytes, reason: str) -> None:
    with pytest.raises(codec.CodecError) as caught:
        codec.decode(payload, RawArticle)
    assert caught.value.reason == reason


@given(st.binary(max_size=100))
def test_no_bytes_raise_anything_else(payload: bytes) -> None:
    with pytest.raises(codec.CodecError):
        codec.decode(payload, RawArticle)


def test_the_url_decides_before_the_guid_before_the_title() -> None:
    by_url = article_id(canonical_url="https://x.example/1", feed_url="https://x.example/f", guid="1")
    assert by_url == article_id(
        canonical_url="https://x.example/1", feed_url="https://y.example/f", guid="2", title="other"
    )
    by_guid = article_id(canonical_url=None, feed_url="https://x.example/f", guid="1", title="a")
    assert by_guid == article_id(canonical_url=None, feed_url="https://x.example/f", guid="1", title="b")
    assert by_guid != article_id(canonical_url=None, feed_url="https://y.example/f", guid="1")
    assert article_id(canonical_url=None, title="a") != article_id(canonical_url=None, title="b")


@given(st.lists(st.text(max_size=20), min_size=2, max_size=4))
def test_ids_are_32_hex_digits_and_parts_do_not_run_together(parts: list[str]) -> None:
    made = article_id(canonical_url=None, feed_url=parts[0], guid=parts[1] or "x")
    assert len(made) == 32 and set(made) <= set(string.hexdigits.lower())
    if "\x1f" not in "".join(parts):
        assert (content_hash(*parts) == content_hash("".join(parts))) == (len(parts) == 1)


def test_a_lone_surrogate_has_an_id_too() -> None:
    assert article_id(canonical_url=None, feed_url="f", guid="\ud83d") != article_id(
        canonical_url=None, feed_url="f", guid="\ud83e"
    )


@given(st.integers(1, 2**20 - 2), st.integers(0, 2**43 - 2))
def test_revision_goes_before_time(revision: int, time_ms: int) -> None:
    version = document_version(revision, time_ms)
    assert version < document_version(revision, time_ms + 1) < document_version(revision + 1, 0) < 2**63
