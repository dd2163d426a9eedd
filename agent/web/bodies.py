"""What the JSON API answers with that no other part has a record for."""

from __future__ import annotations

import msgspec

from streams.model import Article, Span


class HitBody(msgspec.Struct, frozen=True):
    """One article that matched."""

    article: Article
    score: float
    spans: tuple[Span, ...]


class SearchBody(msgspec.Struct, frozen=True):
    """What a search found."""

    hits: list[HitBody]
    is_complete: bool
