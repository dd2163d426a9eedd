"""Articles as JSON lines: what `rasad enrich` and `rasad match` read.

    {"id" or "url", "title", "text" or "body", "source"?, "published" or "published_at"?, "lang"?, …}

A line that cannot be read becomes a `BadLine` with its number, and the rest goes on. Fields that Rasad does not know
are kept under `extra`, as is the input's `id`, and so is an optional field whose value is of the wrong kind. Lines that
`rasad parse` printed are read back whole; of those that `rasad enrich` printed, what it had found is found anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import IO, Any

import msgspec

from agent.parse.dates import parse_date
from agent.parse.urls import canonical_url
from streams.identity import article_id
from streams.model import SCHEMA, Article, RawArticle

MAX_LINE_BYTES = 64 * 1024 * 1024
FUTURE_TOLERANCE = timedelta(days=1)

_decoder = msgspec.json.Decoder()
_ID = re.compile(r"[0-9a-f]{32}\Z")
_ALIASES = {"text": ("text", "body"), "published_at": ("published_at", "published")}
# Fields of RawArticle that a line may set under their own names, beside the ones handled one by one below.
_DIRECT = (
    "canonical_url", "guid", "feed_url", "source_id", "source_name", "country", "ownership", "text_origin", "authors",
    "tags", "image_url", "modified_at", "declared_language", "revision", "is_backfill",
)  # fmt: skip
# What the stages add to a raw article.
_FOUND_OUT = frozenset(Article.__struct_fields__) - frozenset(RawArticle.__struct_fields__)


@dataclass(frozen=True)
class BadLine:
    """A line that is no article: its 1-based number and one sentence on why."""

    number: int
    reason: str

    def __str__(self) -> str:
        return f"line {self.number}: {self.reason}"


def read_articles(stream: IO[bytes], clock: Callable[[], datetime]) -> Iterator[tuple[int, RawArticle | BadLine]]:
    """Yield the number of each line of `stream` that is not blank, with its article or why there is none."""
    for number, line in enumerate(_lines(stream), start=1):
        if line is None:
            yield number, BadLine(number, f"longer than {MAX_LINE_BYTES // 2**20} MiB")
            continue
        text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        if not text.strip():
            continue
        try:
            yield number, _article(_object(text), clock())
        except _NoArticle as reason:
            yield number, BadLine(number, str(reason))


class _NoArticle(ValueError):
    pass


def _lines(stream: IO[bytes]) -> Iterator[bytes | None]:
    while line := stream.readline(MAX_LINE_BYTES):
        if len(line) < MAX_LINE_BYTES or line.endswith(b"\n"):
            yield line
            continue
        while (rest := stream.readline(MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
            pass
        yield None


def _object(line: bytes) -> dict[str, Any]:
    try:
        value = _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        value = _tolerant(line, error)
    if not isinstance(value, dict):
        raise _NoArticle(f"a JSON object is needed, this is {_kind(value)}")
    return value


def _tolerant(line: bytes, error: Exception) -> Any:
    """Return what Python's own reader makes of `line`: it takes what careless writers leave, and the article is still
    worth having. Half a surrogate pair (a text that was cut) becomes "?"; NaN and Infinity become null."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as fault:
        raise _NoArticle(f"not UTF-8 (byte {fault.start + 1})") from fault
    try:
        return json.loads(json.dumps(json.loads(text), ensure_ascii=False).encode("utf-8", "replace"))
    except RecursionError as fault:
        raise _NoArticle("not JSON (nested too deeply)") from fault
    except ValueError:
        raise _NoArticle(f"not JSON ({str(error).removeprefix('JSON is malformed: ')})") from error


def _article(fields: dict[str, Any], now: datetime) -> RawArticle:
    given_id, url = fields.get("id"), _text(fields, "url")
    title = _text(fields, "title") or ""
    body = _first_text(fields, _ALIASES["text"])
    known_id = fields.get("article_id")
    has_known_id = isinstance(known_id, str) and _ID.match(known_id) is not None
    if not url and given_id in (None, "") and not has_known_id:
        raise _NoArticle("neither 'id' nor 'url'")
    if isinstance(given_id, dict | list | bool):
        raise _NoArticle(f"'id' must be text or a number, not {_kind(given_id)}")
    if not (title.strip() or body.strip()):
        raise _NoArticle("neither 'title' nor 'text'")
    if has_known_id:
        fields = _as_it_was_before(fields)
    canonical = canonical_url(url) if url else None
    guid = None if given_id in (None, "") else str(given_id)
    published, reliable, kept = _published(fields, now)
    extra = _extra(fields)
    if not kept:
        extra["published"] = next(fields[name] for name in _ALIASES["published_at"] if fields.get(name) is not None)
    source = _optional_text(fields, "source", extra)
    declared = _optional_text(fields, "lang", extra) or _optional_text(fields, "language", extra)
    values: dict[str, Any] = {
        # An address that is none (a relative link, a tag:) still tells one article from another.
        "article_id": known_id if has_known_id else article_id(canonical_url=canonical, guid=guid or url, title=title),
        "url": url,
        "canonical_url": canonical,
        "guid": guid,
        "source_id": source,
        "source_name": source,
        "title": title,
        "text": body,
        "published_at": published,
        "date_is_reliable": reliable and fields.get("date_is_reliable") is not False,
        "collected_at": now,
        "declared_language": declared,
    }
    article = RawArticle(**values, extra=extra)
    return _with_direct(article, fields)


def _as_it_was_before(fields: dict[str, Any]) -> dict[str, Any]:
    """Return a line of ours without what the stages had added to it."""
    schema = fields.get("schema", SCHEMA)
    if isinstance(schema, int) and schema > SCHEMA:
        raise _NoArticle(f"written by a newer Rasad (schema {schema}, this one knows up to {SCHEMA}): upgrade")
    fields = {name: value for name, value in fields.items() if name != "schema"}
    if "enriched_at" not in fields:
        return fields
    return {name: value for name, value in fields.items() if name not in _FOUND_OUT}


def _with_direct(article: RawArticle, fields: dict[str, Any]) -> RawArticle:
    for name in _DIRECT:
        if fields.get(name) is None:
            continue
        try:
            value = msgspec.convert(fields[name], _field_type(name), strict=True)
        except msgspec.ValidationError:
            article.extra[name] = fields[name]
            continue
        article = msgspec.structs.replace(article, **{name: value})
    return article


_types: dict[str, Any] = {}


def _field_type(name: str) -> Any:
    if not _types:
        _types.update({field.name: field.type for field in msgspec.structs.fields(RawArticle)})
    return _types[name]


# `language` is what `rasad parse` calls the declared one; in the lines of others it is kept, for ours will replace it.
_HANDLED = {
    "article_id", "url", "title", "text", "body", "source", "published", "published_at", "lang", "language",
    "date_is_reliable", "collected_at", *_DIRECT,
}  # fmt: skip


def _extra(fields: dict[str, Any]) -> dict[str, Any]:
    given = fields.get("extra")
    extra = dict(given) if isinstance(given, dict) else {}
    for name, value in fields.items():
        if name == "extra" and isinstance(given, dict):
            continue
        if name not in _HANDLED or (name == "language" and "article_id" not in fields):
            extra[name] = value
    for names in _ALIASES.values():
        # Of two names for the same, the first that has a value is taken.
        for name in [name for name in names if fields.get(name) not in (None, "")][1:]:
            extra[name] = fields[name]
    return extra


def _published(fields: dict[str, Any], now: datetime) -> tuple[datetime | None, bool, bool]:
    """Return the time, whether it is to be relied on, and whether the given value was understood."""
    value = next((fields[name] for name in _ALIASES["published_at"] if fields.get(name) not in (None, "")), None)
    if value is None:
        return None, False, True
    published = parse_time(value)
    if published is None:
        return None, False, False
    # A machine that has no date writes the zero of its clock.
    return published, published.year > 1970 and published <= now + FUTURE_TOLERANCE, True


def parse_time(value: object) -> datetime | None:
    """Return the moment that `value` names, in UTC, or None: a date in any shape that feeds write it in, or a Unix time
    in seconds, milliseconds, microseconds or nanoseconds. A time without zone is UTC."""
    if isinstance(value, str):
        text = value.strip()
        return _iso_time(text) or parse_date(text) or (_unix_time(text) if _UNIX.match(text) else None)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return parse_date(str(value)) if _DAY.match(str(value)) else _unix_time(value)


_UNIX = re.compile(r"\d{9,19}(?:\.\d{1,9})?\Z")
_DAY = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\Z")
"""20230425 is a day; as a Unix time it would be one of August 1970."""


def _iso_time(text: str) -> datetime | None:
    # First, because it keeps the fraction of a second, which we print ourselves.
    try:
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _unix_time(value: str | int | float) -> datetime | None:
    try:
        seconds = float(value)
        for _ in range(3):
            if abs(seconds) > 1e11:
                seconds /= 1000
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _first_text(fields: dict[str, Any], names: tuple[str, ...]) -> str:
    return next((text for name in names if (text := _text(fields, name))), "")


def _text(fields: dict[str, Any], name: str) -> str | None:
    value = fields.get(name)
    if value is None or isinstance(value, str):
        return value
    raise _NoArticle(f"{name!r} must be text, not {_kind(value)}")


def _optional_text(fields: dict[str, Any], name: str, extra: dict[str, Any]) -> str | None:
    value = fields.get(name)
    if value is not None and not isinstance(value, str):
        extra[name] = value
        return None
    return value


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", int: "a number", float: "a number"}
    return names.get(type(value), "null")
