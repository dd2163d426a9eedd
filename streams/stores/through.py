"""Goes through all of a store, or all that matches, by pieces of time: no search has to hold everything."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from streams.model import Article
from streams.stores.base import ArticleStore, Search

_PIECE = timedelta(hours=24)
_SMALLEST_PIECE = timedelta(seconds=1)
_MAX_HITS = 5_000


class Piece(Struct, frozen=True, kw_only=True):
    """What a store has in a range of time."""

    since: datetime
    until: datetime
    articles: list[Article]
    is_whole: bool
    """False where a second holds more than a search gives."""


async def articles_by_time(
    store: ArticleStore, search: Search, *, max_articles: int | None = None
) -> AsyncIterator[Piece]:
    """Yield what matches `search` from its `since` to its `until`, piece after piece.

    `max_articles`: most of one piece; a day that has more comes in several.

    Raises:
        ValueError: the search has no `since` or no `until`.
    """
    if search.since is None or search.until is None:
        raise ValueError("a walk through a store needs a beginning and an end")
    most = min(max_articles or _MAX_HITS, _MAX_HITS)
    pieces = []
    end = search.until
    while end > search.since:
        pieces.append((max(search.since, end - _PIECE), end))
        end -= _PIECE
    while pieces:
        low, high = pieces.pop()
        is_smallest = high - low <= _SMALLEST_PIECE
        limit = _MAX_HITS if is_smallest else most
        page = await store.search(replace(search, since=low, until=high, limit=limit))
        is_whole = page.is_complete and len(page.hits) < limit
        if not is_whole and not is_smallest:
            middle = low + (high - low) / 2
            pieces += [(middle, high), (low, middle)]
            continue
        yield Piece(since=low, until=high, articles=[hit.article for hit in page.hits], is_whole=is_whole)
