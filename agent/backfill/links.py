"""Where the older part of a feed is: RFC 5005 archives and pages, JSON Feed's `next_url`, WordPress's pages. Pure.

older_url(body, url, link_header)       # the next document to look into, or None
link_header_targets(header, base)       # RFC 8288, by relation
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec

from agent.parse.encoding import decode_document
from agent.parse.link_header import link_header_targets
from agent.parse.urls import absolute_url

OLDER = ("prev-archive", "next")
"""Relations that lead back, the better first: an archive does not change, a page does while it is read."""
_HEAD_CHARS = 300_000
_ENTRY = re.compile(r"<(?:[\w-]+:)?(?:entry|item)[\s/>]")
_LINK = re.compile(r"<(?:[\w-]+:)?link\s([^<>]{1,4000}?)/?>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""([\w:-]{1,40})\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_WORDPRESS = re.compile(r"<generator>\s*https?://wordpress\.(?:org|com)", re.IGNORECASE)
_ENTITIES = {"&amp;": "&", "&#38;": "&", "&#x26;": "&"}


class _Paged(msgspec.Struct):
    next_url: str | None = None


def older_url(body: bytes, url: str, link_header: str = "", content_type: str = "") -> str | None:
    """Return where the part of a feed is that is older than `body`, or None where it names none.

    A WordPress feed names none and has its pages all the same, at `?paged=2` and so on.
    """
    in_header = link_header_targets(link_header, url)
    text = decode_document(body[: 4 * _HEAD_CHARS], content_type)[:_HEAD_CHARS]
    if text.lstrip()[:1] == "{":
        return _next_of_json(body, url) or next((in_header[name][0] for name in OLDER if name in in_header), None)
    first_entry = _ENTRY.search(text)
    head = text[: first_entry.start()] if first_entry else text
    in_head = _links(head, url)
    for name in OLDER:
        if found := in_head.get(name) or next(iter(in_header.get(name, ())), None):
            return found if found != url else None
    if first_entry is not None and _WORDPRESS.search(head):
        return _next_wordpress_page(url)
    return None


def _links(head: str, base: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for match in _LINK.finditer(head):
        attributes = {name.lower(): a or b for name, a, b in _ATTRIBUTE.findall(match[1])}
        href = attributes.get("href", "")
        for entity, character in _ENTITIES.items():
            href = href.replace(entity, character)
        if target := absolute_url(href, base):
            for relation in attributes.get("rel", "").lower().split():
                found.setdefault(relation, target)
    return found


def _next_of_json(body: bytes, base: str) -> str | None:
    try:
        return absolute_url(msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"), type=_Paged).next_url, base)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _next_wordpress_page(url: str) -> str | None:
    parts = urlsplit(url)
    query = parse_qsl(parts.query, keep_blank_values=True)
    number = next((value for name, value in query if name == "paged"), "1")
    if not number.isascii() or not number.isdigit() or len(number) > 5:
        return None
    pairs = [*((name, value) for name, value in query if name != "paged"), ("paged", str(int(number) + 1))]
    return urlunsplit(parts._replace(query=urlencode(pairs)))
