"""An article as a document of the index, and back."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec

from streams.model import Article
from streams.stores.keys import field_key
from streams.stores.records import article_time, as_utc, encodable, keys_of
from streams.stories.shelf import begins

BEGINS = field_key("begins", "story")
"""The key of an article whose story is the one that it began. No field of the query language, and none of the mapping:
months that are there already take it."""

_ADDED = ("@timestamp", "match_terms", "event", "latency_seconds")
_RENAMED = ("url", "canonical_url", "extra")
_FIELDS = tuple(name for name in Article.__struct_fields__ if name not in _RENAMED)
_PLAIN_URL = re.compile(r"https?://([a-z0-9.-]+)(?=[/?#]|$)")
"""Nearly every link; `urlsplit` costs as much as a tenth of making the document."""
_encoder = msgspec.json.Encoder()


def index_name(article: Article, prefix: str) -> str:
    """Return the monthly index of `article`: a function of the record alone."""
    return index_at(article_time(article), prefix)


def index_at(time: datetime, prefix: str) -> str:
    """Return the monthly index of articles of `time` (UTC)."""
    return f"{prefix}-articles-{time.year:04d}.{time.month:02d}"


def to_document(article: Article) -> bytes:
    """Return the document of `article` as JSON."""
    try:
        return _encode(article)
    except UnicodeEncodeError:
        return _encode(encodable(article))


def from_document(source: dict[str, Any]) -> Article:
    """Return the article of a document's `_source`. Fields that this Rasad does not know are passed over."""
    fields = {name: value for name, value in source.items() if name not in _ADDED and name not in _RENAMED}
    url = source.get("url") or {}
    fields["url"] = url.get("original")
    fields["canonical_url"] = url.get("full")
    if extra := source.get("extra"):
        fields["extra"] = msgspec.json.decode(extra)
    return msgspec.convert(fields, Article)


def _encode(article: Article) -> bytes:
    document: dict[str, Any] = {"@timestamp": article_time(article)}
    for name in _FIELDS:
        value = getattr(article, name)
        # What is missing or empty is left out: it is most of the bytes of a short article.
        if value is not None and value != ():
            document[name] = value
    if article.url is not None or article.canonical_url is not None:
        document["url"] = _url(article)
    if article.extra:
        document["extra"] = _encoder.encode(article.extra).decode()
    if article.indexed_at is not None and not article.is_backfill:
        passed = as_utc(article.indexed_at) - as_utc(article.collected_at)
        document["latency_seconds"] = max(0.0, passed.total_seconds())
    keys = keys_of(article)
    document["match_terms"] = f"{BEGINS}\n{keys}" if begins(article) else keys
    return _encoder.encode(document)


def _url(article: Article) -> dict[str, str]:
    url: dict[str, str] = {}
    if article.url is not None:
        url["original"] = article.url
    if article.canonical_url is not None:
        url["full"] = article.canonical_url
    if domain := _domain(article.canonical_url or article.url or ""):
        url["domain"] = domain
    return url


def _domain(url: str) -> str | None:
    if plain := _PLAIN_URL.match(url):
        return plain.group(1)
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
