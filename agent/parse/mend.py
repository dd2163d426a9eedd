"""What careless templates do to XML, put right where it can only mean one thing: entities of HTML, a lone "&", and a
title that is not closed.

A feed that is well-formed is never touched; one that is mended is read strictly, where the tolerant parser would guess:
"?a=1&copy=2" would become "?a=1©=2", and a title without an end would swallow the rest of its feed. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html.entities import html5

_REFERENCE = re.compile(r"&(?:(#)|([A-Za-z][A-Za-z0-9]{1,31});)?")
_OF_XML = frozenset({"amp", "lt", "gt", "quot", "apos"})
_DECLARES = re.compile(r"<!(?:DOCTYPE|ENTITY)\b", re.IGNORECASE)
_LITERALS = {"<![CDATA[": "]]>", "<!--": "-->", "<?": "?>"}
_LITERAL_START = re.compile("|".join(map(re.escape, _LITERALS)))
# A leaf of a feed whose text is followed by what can only stand outside of it.
_LEAVES = "title|link|guid|pubDate|dc:date|dc:creator|author|category|description|id|published|updated"
_OPEN_LEAF = re.compile(
    rf"<({_LEAVES})((?:\s[^<>]*)?)(?<!/)>([^<]*)(?=</?(?:item|entry|channel)\b|<(?:{_LEAVES})[\s>/])"
)


def with_xml_entities(text: str) -> str:
    """Return an XML document in which every "&" that begins nothing known to XML is one that stands for what it meant.

    A document with a type of its own is left alone: it may declare entities.
    """
    if "&" not in text or _DECLARES.search(text):
        return text
    return _outside_literals(text, lambda piece: _REFERENCE.sub(_xml_reference, piece))


def with_closed_leaves(text: str) -> str:
    """Return a document in which titles, links and the like end where the next element of the feed begins."""
    return _outside_literals(text, lambda piece: _OPEN_LEAF.sub(r"<\1\2>\3</\1>", piece))


def _xml_reference(match: re.Match[str]) -> str:
    name = match[2]
    if match[1] or name in _OF_XML:
        return match[0]
    meaning = html5.get(f"{name};") if name else None
    if meaning is None:
        return f"&amp;{match[0][1:]}"
    return "".join([f"&#{ord(character)};" for character in meaning])


def _outside_literals(text: str, change: Callable[[str], str]) -> str:
    out, position, changed_to = [], 0, 0
    while (start := _LITERAL_START.search(text, position)) is not None:
        end_mark = _LITERALS[start[0]]
        end = text.find(end_mark, start.end())
        if end < 0:  # nothing more is literal, and looking for each end would take for ever
            break
        position = end + len(end_mark)
        out += [change(text[changed_to : start.start()]), text[start.start() : position]]
        changed_to = position
    out.append(change(text[changed_to:]))
    return "".join(out)
