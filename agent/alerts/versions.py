"""What edited articles said before, as articles: for a dry run that comes to what the live rule came to.

store ─ edited articles ─▶ earlier text, enriched by today's configuration, in the place of its article ─▶ kept if any
of the versions matches
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from streams.alerts.rules import RuleSet
from streams.enrich import Enricher
from streams.model import Article, RawArticle
from streams.stores.sqlite import SqliteStore
from streams.stores.sqlite.edits import Edited, edited_articles

if TYPE_CHECKING:
    from streams.definitions import Definitions
    from streams.stores.base import ArticleStore


def earlier_versions(
    store: ArticleStore, rules: RuleSet, definitions: Definitions, since: datetime, until: datetime
) -> list[Article] | None:
    """Return the earlier versions of the articles of which any version matches a rule, those that do not match
    themselves too: that an article did not match before is what makes its edit news.

    None: the store keeps no earlier versions. Blocks, some milliseconds for each.
    """
    if not isinstance(store, SqliteStore):
        return None
    found: list[Article] = []
    enricher: Enricher | None = None
    for edited in edited_articles(store, since, until):
        enricher = enricher or Enricher(definitions)
        versions = list(_versions(edited, enricher))
        if any(rules.match(version) for version in (*versions, edited.article)):
            found += versions
    return found


def _versions(edited: Edited, enricher: Enricher) -> Iterator[Article]:
    article = edited.article
    for one in edited.earlier:
        moment = datetime.fromisoformat(one.collected_at)
        fields: dict[str, Any] = {name: getattr(article, name) for name in RawArticle.__struct_fields__}
        raw = RawArticle(
            **fields | {"revision": one.revision, "title": one.title, "text": one.text, "collected_at": moment}
        )
        known = enricher.enrich(raw, moment)
        labels = {name: getattr(known, name) for name in type(known).__struct_fields__}
        yield replace(article, **labels, storied_at=moment, story_changes=())
