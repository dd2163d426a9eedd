"""Lists of feeds as OPML 2.0 (http://opml.org/spec2.opml), in and out; folders are tags.

What OPML has no attribute for (source, country, ownership, interval) is carried in a namespace of our own, so that an
export comes back unchanged. Other people's files are hostile input: entity declarations are refused, nothing outside
is ever fetched.
"""

from __future__ import annotations

import re
import xml.parsers.expat
from collections.abc import Iterable
from typing import get_args
from xml.sax.saxutils import quoteattr

from msgspec import Struct

from agent.feeds.definitions import FeedDefinition, url_fault
from agent.parse.encoding import decode_document, without_declaration
from agent.parse.plain import title_to_text
from agent.parse.urls import absolute_url
from agent.parse.values import normal_language
from streams.model import Ownership

NAMESPACE = "urn:rasad:opml:1"
MAX_DEPTH = 50
MAX_FEEDS = 100_000
MAX_LABEL_CHARS = 200

_BARE_AMPERSAND = re.compile(r"&(?!#\d{1,7};|#x[0-9a-fA-F]{1,6};|(?:amp|lt|gt|quot|apos);)")
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


class OpmlError(ValueError):
    """The document is no OPML that can be read; the message is one line for a person."""


class OpmlFeed(Struct, frozen=True, kw_only=True):
    """One feed of an OPML file."""

    url: str
    title: str = ""
    site_url: str | None = None
    tags: tuple[str, ...] = ()
    language: str | None = None
    country: str | None = None
    source_id: str | None = None
    source_name: str | None = None
    ownership: Ownership = "unknown"
    interval_seconds: float | None = None


class OpmlList(Struct, frozen=True, kw_only=True):
    """The feeds of an OPML file, in order, each address once."""

    title: str = ""
    feeds: tuple[OpmlFeed, ...] = ()
    faults: tuple[str, ...] = ()
    """Outlines that were left out, and why."""


def read_opml(data: bytes) -> OpmlList:
    """Read an OPML document in any encoding, also one with unescaped ampersands.

    Raises:
        OpmlError: it is not OPML, is broken, or declares entities.
    """
    text = _ILLEGAL.sub("", without_declaration(decode_document(data).lstrip("\ufeff \t\r\n")))
    try:
        return _Reader().read(text)
    except xml.parsers.expat.ExpatError as first:
        try:
            return _Reader().read(_BARE_AMPERSAND.sub("&amp;", text))
        except xml.parsers.expat.ExpatError:
            raise OpmlError(f"is no well-formed OPML ({first})") from first


class _Reader:
    def __init__(self) -> None:
        self._feeds: dict[str, OpmlFeed] = {}
        self._faults: list[str] = []
        self._folders: list[str | None] = []
        self._stack: list[str] = []
        self._title: list[str] = []

    def read(self, text: str) -> OpmlList:
        parser = xml.parsers.expat.ParserCreate("utf-8", namespace_separator=" ")
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._data
        parser.EntityDeclHandler = self._refuse
        parser.Parse(text.encode("utf-8", "replace"), True)
        title = title_to_text("".join(self._title))[:MAX_LABEL_CHARS]
        return OpmlList(title=title, feeds=tuple(self._feeds.values()), faults=tuple(self._faults))

    @staticmethod
    def _refuse(*_: object) -> None:
        raise OpmlError("declares XML entities, which no list of feeds needs: refused")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(" ")[2].lower()
        if not self._stack and name != "opml":
            raise OpmlError(f"is not OPML: its root is <{name[:40]}>")
        if len(self._stack) > MAX_DEPTH:
            raise OpmlError(f"is nested deeper than {MAX_DEPTH} folders")
        self._stack.append(name)
        if name != "outline":
            return
        plain = {key.lower(): value for key, value in attributes.items()}
        url = plain.get("xmlurl", "").strip()
        label = title_to_text(plain.get("title") or plain.get("text") or "")[:MAX_LABEL_CHARS]
        if url:
            self._folders.append(None)
            self._add(url, label, plain)
        else:
            self._folders.append(label or None)

    def _end(self, name: str) -> None:
        if self._stack.pop() == "outline":
            self._folders.pop()

    def _data(self, text: str) -> None:
        if self._stack[-2:] == ["head", "title"]:
            self._title.append(text)

    def _add(self, url: str, label: str, attributes: dict[str, str]) -> None:
        url = re.sub(r"^feed:(?://)?(?=https?:)", "", url)
        url = re.sub(r"^feed://", "http://", url)
        if wrong := url_fault(url):
            self._faults.append(wrong)
            return
        if url in self._feeds:
            self._faults.append(f"{url} is listed twice")
            return
        if len(self._feeds) == MAX_FEEDS:
            raise OpmlError(f"lists more than {MAX_FEEDS} feeds")
        categories = (part.strip(" /") for part in attributes.get("category", "").split(","))
        tags = [*(folder for folder in self._folders if folder), *(title_to_text(part) for part in categories)]
        self._feeds[url] = OpmlFeed(
            url=url,
            title=label,
            site_url=absolute_url(attributes.get("htmlurl")),
            tags=tuple(dict.fromkeys(tag[:MAX_LABEL_CHARS] for tag in tags if tag)),
            language=normal_language(attributes.get("language")),
            country=_country(_own(attributes, "country") or attributes.get("country", "")),
            source_id=_slug_or_none(_own(attributes, "source")),
            source_name=title_to_text(_own(attributes, "name")) or None,
            ownership=_ownership(_own(attributes, "ownership")),
            interval_seconds=_interval(_own(attributes, "interval-seconds")),
        )


def write_opml(feeds: Iterable[FeedDefinition], *, title: str = "Rasad feeds") -> bytes:
    """Return `feeds` as an OPML 2.0 document in UTF-8; each stands in the folder of its first tag, all tags in
    `category`."""
    folders: dict[str, list[FeedDefinition]] = {}
    for feed in feeds:
        folders.setdefault(feed.tags[0] if feed.tags else "", []).append(feed)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<opml version="2.0" xmlns:rasad="{NAMESPACE}">',
        f"  <head><title>{_escape(title)}</title></head>",
        "  <body>",
    ]
    for folder, members in folders.items():
        indent = "    "
        if folder:
            lines.append(f"    <outline text={_quoted(folder)}>")
            indent = "      "
        lines.extend(indent + _outline(feed) for feed in members)
        if folder:
            lines.append("    </outline>")
    return "\n".join([*lines, "  </body>", "</opml>", ""]).encode("utf-8")


def _outline(feed: FeedDefinition) -> str:
    interval = f"{feed.interval_seconds:g}" if feed.interval_seconds else None
    pairs = [
        ("type", "rss"),
        ("text", feed.name),
        ("title", feed.name),
        ("xmlUrl", feed.url),
        ("language", feed.language),
        ("category", ",".join("/" + tag.replace(",", " ") for tag in feed.tags) or None),
        ("rasad:source", feed.source_id),
        ("rasad:name", feed.name),
        ("rasad:country", feed.country),
        ("rasad:ownership", feed.ownership if feed.ownership != "unknown" else None),
        ("rasad:interval-seconds", interval),
    ]
    return "<outline " + " ".join(f"{key}={_quoted(value)}" for key, value in pairs if value is not None) + "/>"


def _quoted(text: str) -> str:
    return quoteattr(_ILLEGAL.sub("", text))


def _escape(text: str) -> str:
    return _quoted(text)[1:-1]


def _own(attributes: dict[str, str], name: str) -> str:
    return attributes.get(f"{NAMESPACE} {name}", "").strip()


def _country(text: str) -> str | None:
    text = text.strip().upper()
    return text if re.fullmatch("[A-Z]{2}", text) else None


def _slug_or_none(text: str) -> str | None:
    return text if re.fullmatch(r"[a-z0-9][a-z0-9-]{0,79}", text) else None


def _ownership(text: str) -> Ownership:
    return text if text in get_args(Ownership) else "unknown"  # type: ignore[return-value]  # one of its words


def _interval(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if 5 <= seconds <= 86_400 else None
