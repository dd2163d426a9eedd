"""A line of text as something to recognize: without digits, punctuation and differences of spelling."""

from __future__ import annotations

import re

from streams.text.fold import fold

MAX_LINE_CHARS = 300
"""A longer line is a paragraph: no template writes one."""
_NOT_LETTERS = re.compile(r"[\W\d_]+")
_SENTENCE_END = re.compile(r"[.!?…؟。۔][\"'”’»)\]]*$")


def line_key(line: str) -> str:
    """Return what lines have in common that a template writes: `التعليقات (1)` and `التعليقات (27)` are one.

    Empty for a line without letters: a date or a score says nothing about who wrote it.
    """
    if len(line) > MAX_LINE_CHARS:
        return ""
    return _NOT_LETTERS.sub(" ", fold(line)).strip()


def is_sentence(line: str) -> bool:
    """Tell whether `line` reads like running text rather than like a label."""
    return len(line) > 60 and _SENTENCE_END.search(line.rstrip()) is not None


def shortened(text: str, limit: int = 120) -> str:
    """Return `text` on one line, at most `limit` characters."""
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
