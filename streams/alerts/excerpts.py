"""The pieces of an article that show why it matched."""

from __future__ import annotations

from collections.abc import Sequence

from streams.alerts.records import Excerpt
from streams.model import Article, FieldName, Span

MAX_EXCERPTS = 3
_AROUND = 90
"""Code points shown before and after a matched word."""
_MAX_CHARS = 320
_MAX_HIGHLIGHTS = 20


def excerpts(article: Article, spans: Sequence[Span]) -> tuple[Excerpt, ...]:
    """Return the title if words of it matched, and the first passages of the text with matched words."""
    found = []
    for field in ("title", "text"):
        places = sorted({(span.start, span.end) for span in spans if span.field == field})
        found += _passages(field, getattr(article, field), places)
        if len(found) >= MAX_EXCERPTS:
            break
    return tuple(found[:MAX_EXCERPTS])


def _passages(field: FieldName, text: str, places: list[tuple[int, int]]) -> list[Excerpt]:
    passages: list[Excerpt] = []
    at = 0
    while at < len(places) and len(passages) < MAX_EXCERPTS:
        start = _word_start(text, max(0, places[at][0] - _AROUND))
        end, first = start, at
        while at < len(places) and places[at][1] + _AROUND - start <= _MAX_CHARS:
            end = max(end, _word_end(text, places[at][1] + _AROUND))
            at += 1
        if at == first:  # one match longer than all that is shown
            end = _word_end(text, start + _MAX_CHARS)
            at += 1
        piece = text[start:end]
        inside = [(low - start, min(high, end) - start) for low, high in places[first:at] if low < end]
        passages.append(
            Excerpt(
                field=field,
                text=piece,
                highlights=_merged(inside)[:_MAX_HIGHLIGHTS],
                is_cut_before=start > 0,
                is_cut_after=end < len(text),
            )
        )
        while at < len(places) and places[at][1] <= end:
            at += 1
    return passages


def _merged(places: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    merged: list[tuple[int, int]] = []
    for low, high in places:
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        elif high > low:
            merged.append((low, high))
    return tuple(merged)


def _word_start(text: str, at: int) -> int:
    """Return the beginning of a word near `at`, so that none is cut; of a very long word its middle will do."""
    space = max(text.rfind(" ", max(0, at - 30), at), text.rfind("\n", max(0, at - 30), at))
    return 0 if at == 0 else space + 1 if space >= 0 else at


def _word_end(text: str, at: int) -> int:
    if at >= len(text):
        return len(text)
    ends = [found for mark in " \n" if (found := text.find(mark, at, at + 30)) >= 0]
    return min(ends) if ends else at
