"""What a feed wrote, made harmless for a message: no markup, no mention, no link of its own, no command to a terminal,
and no direction that runs on into the next words."""

from __future__ import annotations

import re
from html import escape
from urllib.parse import quote, urlsplit

from agent.render import printable

FSI, PDI = "\u2068", "\u2069"
JOINER = "\u2060"
"""WORD JOINER: has no width, and ends what chat and mail programs take for an address or a name."""
_SCHEME = re.compile(r"(?i)\b([a-z][a-z0-9+.-]{1,20}):(?=\S)")
_DOMAIN = re.compile(r"(?<=[^\W_])\.(?=[^\W_])")
_SHORTCODE = re.compile(r":(?=[\w+-]{1,60}:)")
"""Of `:smile:`, which chat programs draw."""
_NUMBER = re.compile(r"(?<=\d)\.(?=\d)")
_MARKS = re.compile(r"([*_~`#|\[\]<>\\])")
_NO_CHARACTERS = re.compile("[\ufdd0-\ufdef\ufffe\uffff]")
"""What no XML may hold."""
_MAX_URL = 2_000
_SPACES = re.compile(r"\s+")


def inert(text: str) -> str:
    """Return `text` as one line in which nothing is a link or a mention: `@everyone`, `<!channel>`, `example.com`."""
    text = _SPACES.sub(" ", _NO_CHARACTERS.sub("\ufffd", printable(text))).strip()
    text = text.replace("@", f"@{JOINER}").replace("＠", f"＠{JOINER}").replace("<!", f"<{JOINER}!")
    text = _SHORTCODE.sub(f":{JOINER}", text)
    text = _SCHEME.sub(rf"\1{JOINER}:{JOINER}", text).replace("//", f"/{JOINER}/")
    return _DOMAIN.sub(lambda found: "." if _is_number(text, found.start()) else f".{JOINER}", text)


def isolated(text: str, most: int | None = None) -> str:
    """Return `text`, inert, in an isolate: its direction is its own, whatever stands beside it (UAX #9). `most`: the
    characters that all of it may have."""
    text = inert(text)
    if most is not None and len(text) + 2 > most:
        text = text[: max(most - 3, 0)].rstrip() + "…"
    return f"{FSI}{text}{PDI}"


def as_html(text: str) -> str:
    """Return `text`, inert, for the inside of an HTML element or an attribute in quotes."""
    return escape(inert(text), quote=True)


def without_marks(text: str) -> str:
    """Return `text` with the characters replaced that Markdown and its cousins read, code point for code point."""
    return _MARKS.sub(" ", text)


def web_address(url: str | None) -> str | None:
    """Return `url` in ASCII if it is one that a message may link to: http or https, with a host, not endless."""
    if not url or len(url) > _MAX_URL:
        return None
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode() if parts.hostname else ""
        port = f":{parts.port}" if parts.port else ""
    except (ValueError, UnicodeError):
        return None
    if parts.scheme.lower() not in {"http", "https"} or not host or "@" in parts.netloc:
        return None
    host = f"[{host}]" if ":" in host else host
    safe = "/:;=&?$+,%-._"
    # Quotes and parentheses would end an attribute or a link in Markdown, `@` and `!` could mention somebody.
    rest = quote(parts.path, safe=safe) + (f"?{quote(parts.query, safe=safe)}" if parts.query else "")
    fragment = f"#{quote(parts.fragment, safe=safe)}" if parts.fragment else ""
    return f"{parts.scheme.lower()}://{host}{port}{rest}{fragment}"


def _is_number(text: str, at: int) -> bool:
    return _NUMBER.match(text, at) is not None
