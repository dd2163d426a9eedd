"""Whom a report says it took its news from: credit lines and datelines, as an ordered chain."""

from streams.attribution.find import AttributionFinder

__all__ = ["AttributionFinder"]
