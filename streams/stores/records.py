"""What every store derives from an article: its time, its version, its keys, and a form that encodes whatever the
feed held."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from streams.identity import document_version
from streams.model import Article
from streams.query.fields import VALUE_FIELDS, values_in
from streams.stores.keys import field_key, join_terms
from streams.text.document import Document

SOURCE_NAME = "source_name"
"""A field of `Search` that the query language does not have."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HALF_PAIR = re.compile("[\ud800-\udfff]")


def article_time(article: Article) -> datetime:
    """Return the time an article is sorted and filtered by: `published_at` where that is reliable, else
    `collected_at`."""
    if article.published_at is not None and article.date_is_reliable:
        return as_utc(article.published_at)
    return as_utc(article.collected_at)


def as_utc(moment: datetime) -> datetime:
    """Return `moment` in UTC; one without a zone is UTC already."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def microseconds(moment: datetime) -> int:
    """Return the microseconds from 1970 to `moment`."""
    since = as_utc(moment) - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def version_of(article: Article) -> int:
    """Return the external version of the article's document: revision first, then the time it left the last stage."""
    return document_version(article.revision, microseconds(article.storied_at) // 1000)


def keys_of(article: Article) -> str:
    """Return all keys of `article`, one a line: what a store indexes."""
    document = Document.of(article.title, article.text, article.language)
    fields = "\n".join(_field_keys(article))
    terms = join_terms(document.index_terms())
    return f"{fields}\n{terms}" if terms else fields


def _field_keys(article: Article) -> Iterable[str]:
    for field in VALUE_FIELDS:
        for value in values_in(article, field):
            yield field_key(field, value)
    if article.source_name:
        yield field_key(SOURCE_NAME, article.source_name)


S = TypeVar("S", bound=msgspec.Struct)


def encodable(record: S) -> S:
    """Return `record` with every half surrogate pair, which has no UTF-8, replaced by U+FFFD: one code point by one,
    so that spans still fit."""
    mended: S = msgspec.convert(_mend(msgspec.structs.asdict(record)), type(record), from_attributes=True)
    return mended


def _mend(value: Any) -> Any:
    if isinstance(value, str):
        return _HALF_PAIR.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_mend(key): _mend(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_mend(item) for item in value]
    if isinstance(value, msgspec.Struct):
        return _mend(msgspec.structs.asdict(value))
    return value
