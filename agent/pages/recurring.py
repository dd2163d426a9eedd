"""Learns the lines that a source's template writes into its articles, in whatever language, and takes them out.

A line is believed to be the template's when it recurs over so many different articles of the source, and over so large
a part of them; the longer it is and the more it reads like a sentence, the more it takes, because agencies repeat whole
paragraphs of background in the articles on one affair. A line that names something (`Source: X`) takes most.

What is learned is 10 bytes a line in the feed's state, at most `MAX_LINES` of them: the state of all feeds of a source
together is what is known about it. Pure.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agent.pages.lines import is_sentence, line_key

MAX_LINES = 300
"""Lines remembered of one feed: the new lines of its last fifteen articles or so, and all that recur."""
HALVE_AT = 400
"""Articles after which all counts are halved, so that an old template is forgotten."""
LABEL_CHARS = 80
LABEL_SHARE = 0.25
TEXT_SHARE = 0.5
CREDIT_SHARE = 0.8
_EDGE_LINES = 30
_ENTRY = struct.Struct(">6sHH")
_CREDIT = re.compile(r"^[^:：\d]{2,30}[:：]\s*[^\d:：]{2,60}$")


@dataclass(slots=True)
class _Line:
    count: int
    first: int
    """How many articles had been learned from when it was first seen."""


class Recurring:
    """What is known about one feed: `Recurring.of(packed, articles)`, then `learn`, then `packed` again."""

    def __init__(self, lines: dict[bytes, _Line], articles: int) -> None:
        self._lines = lines
        self.articles = articles

    @classmethod
    def of(cls, packed: bytes, articles: int) -> Recurring:
        """Read what `pack` wrote; bytes that are none are nothing learned."""
        if len(packed) % _ENTRY.size:
            return cls({}, 0)
        return cls({key: _Line(count, first) for key, count, first in _ENTRY.iter_unpack(packed)}, articles)

    def pack(self) -> bytes:
        """Return what is known, for the feed's state."""
        return b"".join(_ENTRY.pack(key, min(line.count, 0xFFFF), line.first) for key, line in self._lines.items())

    def learn(self, text: str) -> None:
        """Learn from the text of one new article. A text of one line says nothing about lines."""
        lines = text.splitlines()
        if len(lines) < 2:
            return
        if len(lines) > 2 * _EDGE_LINES:
            lines = lines[:_EDGE_LINES] + lines[-_EDGE_LINES:]
        for key in {digest(line) for line in lines} - {b""}:
            known = self._lines.get(key)
            if known is None:
                self._lines[key] = _Line(1, self.articles)
            else:
                known.count += 1
                # The most recently seen last, so that the first are what may be forgotten.
                self._lines[key] = self._lines.pop(key)
        self.articles += 1
        if self.articles >= HALVE_AT:
            self._halve()
        self._forget()

    def _halve(self) -> None:
        self.articles //= 2
        self._lines = {
            key: _Line(line.count // 2, min(line.first // 2, self.articles))
            for key, line in self._lines.items()
            if line.count > 1
        }

    def _forget(self) -> None:
        excess = len(self._lines) - MAX_LINES
        if excess > 0:
            # Once seen and longest ago goes first; sorting is stable.
            for key in sorted(self._lines, key=lambda key: self._lines[key].count)[:excess]:
                del self._lines[key]

    def seen(self, key: bytes) -> tuple[int, int]:
        """Return in how many articles a line was, and out of how many."""
        line = self._lines.get(key)
        return (line.count, max(self.articles - line.first, line.count)) if line is not None else (0, 0)


def digest(line: str) -> bytes:
    """Return the 6 bytes that a line is remembered by; empty for a line that is never taken for a template's."""
    key = line_key(line)
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=6).digest() if key else b""


def without_recurring(text: str, known: Sequence[Recurring], min_articles: int) -> tuple[str, tuple[str, ...]]:
    """Return `text` without the lines that recur over a source's articles, and the lines that were taken out.

    A text is never emptied: where every line recurs, it is the article that is so.
    """
    lines = text.splitlines()
    if len(lines) < 2 or not known:
        return text, ()
    is_cut = [_recurs(line, known, min_articles) for line in lines]
    if not any(is_cut) or all(is_cut):
        return text, ()
    kept = "\n".join(line for line, cut in zip(lines, is_cut, strict=True) if not cut)
    if not kept.strip():
        return text, ()
    return kept.strip(), tuple(line for line, cut in zip(lines, is_cut, strict=True) if cut)


def _recurs(line: str, known: Iterable[Recurring], min_articles: int) -> bool:
    key = digest(line)
    if not key:
        return False
    counts = [table.seen(key) for table in known]
    count, articles = sum(count for count, _ in counts), sum(articles for _, articles in counts)
    if count < min_articles:
        return False
    share = count / articles
    if _CREDIT.match(line.strip()):
        return share >= CREDIT_SHARE
    if is_sentence(line) or len(line) > LABEL_CHARS:
        return count >= 2 * min_articles and share >= TEXT_SHARE
    return share >= LABEL_SHARE
