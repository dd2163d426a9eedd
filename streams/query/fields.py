"""The fields of the query language: their names, the form of their values, and how an article answers them."""

from __future__ import annotations

import difflib
import re
from typing import Any, get_args

from streams.query.errors import QueryError
from streams.query.syntax import Scope, ValueField

LEAD_WORDS = 40
"""How many words of the text count as its lead: about the first paragraph or two of a news report."""

SCOPES: tuple[str, ...] = ("title", "text", "lead")
VALUE_FIELDS: tuple[str, ...] = get_args(ValueField)
HAS_FIELDS = (
    "title", "text", "url", "source", "country", "author", "tag", "image", "published", "lang",
    "topic", "entity", "attribution", "duplicate", "story", "frame",
)  # fmt: skip
SETTINGS = ("min_score", "min_mentions")
_MODIFIERS = ("exact", "near/5", "before/5", "min_mentions/3", "in/fa")
_ALIASES = {
    "language": "lang", "topics": "topic", "entities": "entity", "published_at": "published", "date": "published",
    "body": "text", "headline": "title", "source_id": "source", "site": "source", "since": "published",
    "tag": "topic", "person": "entity", "near": "near/5", "before": "before/5",
}  # fmt: skip
_DISTANCE = re.compile(r"(near|before|min_mentions)/(\d+)")
_LANGUAGES = re.compile(r"in/([A-Za-z]{2,3}(?:\+[A-Za-z]{2,3})*)")
_PLURAL = {"entities": "entity", "topics": "topic", "authors": "author", "tags": "tag", "language": "lang"}


def takes_values(name: str, column: int) -> bool:
    """Whether a plain value follows `name:`, and not text to search for. Raises `QueryError` for an unknown field."""
    if name in SCOPES or name == "exact":
        return False
    if name in VALUE_FIELDS or name in ("has", "published") or name in SETTINGS:
        return True
    if _DISTANCE.fullmatch(name) or _LANGUAGES.fullmatch(name):
        return False
    raise QueryError(_unknown(name), column)


def operator_of(name: str) -> tuple[str, int] | None:
    """Return `("near", 5)` for `near/5`, likewise for `before/5` and `min_mentions/3`; None for a plain field."""
    found = _DISTANCE.fullmatch(name)
    return (found.group(1), int(found.group(2)[:6])) if found else None


def languages_of(name: str) -> tuple[str, ...] | None:
    """Return `("ckb", "ku")` for `in/ckb+ku`, None for any other name."""
    found = _LANGUAGES.fullmatch(name)
    return tuple(dict.fromkeys(found.group(1).lower().split("+"))) if found else None


def _unknown(name: str) -> str:
    lower = name.lower()
    known = (*SCOPES, *VALUE_FIELDS, "has", "published", *SETTINGS, *_MODIFIERS)
    suggestion = _ALIASES.get(lower) or next(iter(difflib.get_close_matches(lower, known, n=1, cutoff=0.6)), None)
    hint = f"did you mean `{suggestion}:`?" if suggestion else f"there are {', '.join(known)}."
    return f"there is no field `{name[:40]}`; {hint} To search for the colon as text, put it in quotes or write `\\:`"


def value_of(field: str, raw: str, column: int) -> str:
    """Return `raw` in the form in which articles hold `field`. Raises `QueryError`."""
    value = raw.strip()
    if not value:
        raise QueryError(f"a value must follow `{field}:`", column)
    if "*" in value and field != "feed":
        raise QueryError(f"`*` is not supported in `{field}:`; write the values with OR, or `has:{field}`", column)
    if field == "country":
        if not re.fullmatch("[A-Za-z]{2}", value):
            raise QueryError("a country is written with its two letters (ISO 3166): `country:SY`", column)
        return value.upper()
    if field == "lang":
        if not re.fullmatch("[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", value):
            raise QueryError("a language is written by its code (BCP 47): `lang:ar`, `lang:ckb`", column)
        return value.lower()
    return value if field == "feed" else value.lower()


def has_field(raw: str, column: int) -> str:
    """Return the field that `has:raw` asks for. Raises `QueryError`."""
    name = _PLURAL.get(raw.lower(), raw.lower())
    if name not in HAS_FIELDS:
        near = difflib.get_close_matches(name, HAS_FIELDS, n=1)
        hint = f"did you mean `has:{near[0]}`?" if near else f"there are {', '.join(HAS_FIELDS)}."
        raise QueryError(f"`has:` knows no `{raw[:40]}`; {hint}", column)
    return name


def narrower(outer: Scope, inner: Scope, column: int) -> Scope:
    """Return the scope of `inner` inside `outer`. Raises `QueryError` where nothing is in both."""
    if outer == "any" or outer == inner:
        return inner
    if inner == "any":
        return outer
    if {outer, inner} == {"lead", "title"}:
        return "title"
    raise QueryError(f"`{inner}:` inside `{outer}:` cannot match; write them beside one another", column)


def values_in(article: Any, field: str) -> tuple[str, ...]:
    """Return what `article` (any record of `streams.model`) holds in `field`, in the form of `value_of`."""
    match field:
        case "lang":
            code = getattr(article, "language", None) or "und"
            return (code.lower(), code.lower().partition("-")[0])
        case "source":
            return _lower(article.source_id)
        case "country":
            return (article.country.upper(),) if article.country else ()
        case "feed":
            return (article.feed_url,) if article.feed_url else ()
        case "story":
            return _lower(getattr(article, "story_id", None))
        case "topic":
            return tuple(label.id for label in getattr(article, "topics", ()))
        case "entity":
            return tuple(label.id for label in getattr(article, "entities", ()))
        case _:
            return tuple(label.id for label in getattr(article, "frames", ()))


def _lower(value: str | None) -> tuple[str, ...]:
    return (value.lower(),) if value else ()


def article_has(article: Any, name: str) -> bool:
    """Whether `article` has something in the field that `has:name` asks for."""
    match name:
        case "url":
            return bool(article.url or article.canonical_url)
        case "source":
            return bool(article.source_id or article.source_name)
        case "author":
            return bool(article.authors)
        case "tag":
            return bool(article.tags)
        case "image":
            return bool(article.image_url)
        case "published":
            return article.published_at is not None and bool(article.date_is_reliable)
        case "attribution":
            return bool(getattr(article, "attribution", ()))
        case "duplicate":
            return bool(getattr(article, "near_duplicate_of", None))
        case "title" | "text":
            return bool(getattr(article, name).strip())
        case "lang":
            return getattr(article, "language", "und") != "und"
        case _:
            return bool(values_in(article, name))
