"""What a document is, before a parser touches it: a feed, something else, or a trap."""

from __future__ import annotations

import re

FEED_ROOTS = frozenset({"rss", "rdf", "feed", "channel", "entry"})
_ROOT = re.compile(r"<(?![!?])(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)")
_FEED_START = re.compile(r"<\?xml\s|<(?:[A-Za-z_][\w.-]*:)?(?:rss|rdf|feed)[\s>]", re.IGNORECASE)
_FEED_IN_HTML = re.compile(
    r"""<rss\s[^<>]{0,2000}?version\s*=|<feed\s[^<>]{0,2000}?xmlns\s*=\s*["']http://www\.w3\.org/2005/Atom""",
    re.IGNORECASE,
)
_TAG_START = re.compile(r"<(/?)[A-Za-z_]")
_LONG_TAG_CHARS = 750
_LONG_TAG = re.compile(rf"<[A-Za-z_][^<>]{{{_LONG_TAG_CHARS},}}")
_ATTRIBUTE = re.compile(r"""[\s"'][\w:.-]+\s*=(?!=)""")
_MAX_BEFORE_ROOT = 2_000
"""Comments and the like that may stand before the first element."""
MAX_ATTRIBUTES = 250
MAX_DEPTH = 5_000


class DocumentError(Exception):
    """The bytes are no feed that can be read.

        DocumentError
        ├── EmptyDocument     nothing but blanks                       empty
        ├── NotAFeed          something else: HTML, a sitemap, binary  not_a_feed
        ├── Unparsable        meant as a feed, but broken              unparsable
        └── TooComplex        made to exhaust a parser                 parser_killed

    `outcome` is one of `streams.metrics.FETCH_OUTCOMES`; the message is one line for a person.
    """

    outcome = "unparsable"


class EmptyDocument(DocumentError):
    outcome = "empty"


class NotAFeed(DocumentError):
    outcome = "not_a_feed"


class Unparsable(DocumentError):
    outcome = "unparsable"


class TooComplex(DocumentError):
    outcome = "parser_killed"


def feed_start(text: str) -> int:
    """Return where in `text` the feed begins; raise what it is otherwise."""
    root = root_name(text)
    if root in FEED_ROOTS and text.startswith("<"):
        return 0
    # A warning of the server's script language before the document, or a page wrapped around it.
    pattern = _FEED_IN_HTML if root == "html" else _FEED_START
    found = None if _looks_binary(text) else pattern.search(text, 0, 100_000)
    if found is not None and root_name(text[found.start() :]) in FEED_ROOTS:
        return found.start()
    if root in {"html", "head", "body", "div", "script", "meta", "title", "p", "br"}:
        raise NotAFeed("is an HTML page, not a feed")
    if root in {"urlset", "sitemapindex"}:
        raise NotAFeed(f"is a sitemap (<{root}>), not a feed")
    if root == "opml":
        raise NotAFeed("is a list of feeds (OPML), not a feed: use `rasad feeds import`")
    if root is not None and text.lstrip().startswith("<"):
        raise NotAFeed(f"is XML of another kind (<{root[:40]}>), not a feed")
    if _looks_binary(text):
        raise NotAFeed("is binary data, not a feed")
    raise NotAFeed("is text without markup, not a feed")


def root_name(text: str) -> str | None:
    position = 0
    head = text[:1_000_000]
    for _ in range(_MAX_BEFORE_ROOT):
        start = head.find("<", position)
        if start < 0:
            return None
        if head.startswith("<!--", start):
            end = head.find("-->", start)
        elif head.startswith("<!DOCTYPE", start) or head.startswith("<!doctype", start):
            if head[start + 9 : start + 40].strip().lower().startswith("html"):
                return "html"
            end = _doctype_end(head, start)
        elif head.startswith(("<?", "<!"), start):
            end = head.find(">", start)
        else:
            match = _ROOT.match(head, start)
            if match:
                return match[1].lower()
            end = start
        if end < 0:
            return None
        position = end + 1
    return None


def _doctype_end(text: str, start: int) -> int:
    end, subset = text.find(">", start), text.find("[", start)
    if 0 <= subset < end:
        close = text.find("]", subset)
        end = text.find(">", close) if close >= 0 else -1
    return end


def _looks_binary(text: str) -> bool:
    sample = text[:4000]
    odd = sum(1 for c in sample if (c < " " and c not in "\t\r\n\f") or c == "\ufffd" or "\x7f" <= c < "\xa0")
    return odd > len(sample) * 0.02


def check_complexity(text: str) -> None:
    """Refuse what makes feedparser quadratic, before it costs anything; a killed process costs seconds."""
    long_tags = _LONG_TAG.finditer(text) if text.count("=") > MAX_ATTRIBUTES else ()
    for long_tag in long_tags:
        if long_tag[0].count("=") > MAX_ATTRIBUTES and len(_ATTRIBUTE.findall(long_tag[0])) > MAX_ATTRIBUTES:
            raise TooComplex(f"an element has more than {MAX_ATTRIBUTES} attributes: not parsed")
    if text.count("<") < MAX_DEPTH:
        return
    depth = position = 0
    cdata = text.find("<![CDATA[")
    while match := _TAG_START.search(text, position):
        while 0 <= cdata < match.start():
            position = _after_cdata(text, cdata)
            cdata = text.find("<![CDATA[", position)
        if position > match.start():
            continue
        end = text.find(">", match.end())
        if end < 0:
            return
        if match[1]:
            depth = max(depth - 1, 0)
        elif text[end - 1] != "/":
            depth += 1
            if depth > MAX_DEPTH:
                raise TooComplex(f"elements are nested deeper than {MAX_DEPTH}: not parsed")
        position = end + 1


def _after_cdata(text: str, start: int) -> int:
    end = text.find("]]>", start)
    return end + 3 if end >= 0 else len(text)
