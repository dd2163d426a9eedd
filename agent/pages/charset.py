"""From the bytes of a page to text. The rules are those of feeds (`agent.parse.encoding`), with HTML's own
declaration added."""

from __future__ import annotations

import re

from agent.parse.encoding import decode_document

_META = re.compile(rb"""<meta\s[^>]{0,500}?charset\s*=\s*["']?\s*([A-Za-z0-9._:-]{1,40})""", re.IGNORECASE)
_HEAD_BYTES = 16_384
_XML_DECLARATION = re.compile(r"^\s*<\?xml[^>]{0,300}\?>")


def decode_page(data: bytes, content_type: str = "") -> str:
    """Return the text of an HTML page, without byte order mark and XML declaration. Never fails."""
    if meta := _META.search(data, 0, _HEAD_BYTES):
        # The page's own word is the better one: servers add a default charset to everything.
        content_type = f"text/html; charset={meta[1].decode('ascii')}"
    return _XML_DECLARATION.sub("", decode_document(data, content_type), count=1)
