"""The labelled stories of `tests/quality/stories`, as a stream in order of publication."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from streams.identity import article_id
from streams.model import RawArticle

FOLDER = Path(__file__).parents[1] / "tests" / "quality" / "stories"


def labels() -> list[dict[str, Any]]:
    """Return all labels, of both halves (`split`: `dev` or `held_out`)."""
    found = [
        json.loads(line) for path in sorted(FOLDER.glob("*.jsonl")) for line in path.read_text("utf-8").splitlines()
    ]
    return sorted(found, key=lambda label: (published_at(label), label["id"]))


def published_at(label: dict[str, Any]) -> datetime:
    """Return when a labelled article was published, in UTC."""
    return datetime.fromisoformat(label["published_at"]).astimezone(UTC)


def raw_article(label: dict[str, Any]) -> RawArticle:
    """Return the article that was labelled, collected when it was published."""
    published = published_at(label)
    return RawArticle(
        article_id=article_id(canonical_url=f"https://{label['source']}.example/{label['id']}"),
        source_id=label["source"],
        source_name=label["source_name"],
        country=label["country"],
        title=label["title"],
        text=label["text"],
        published_at=published,
        collected_at=published,
    )
