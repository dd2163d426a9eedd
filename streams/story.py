"""The story stage: which article is a copy of which, and which story it belongs to.

The one stage that has state, a window of recent articles (`streams/stories/window.py`), so it runs as one logical
stream. What must be kept of each article for the window to be built again comes out beside the article, and goes in at
the start. It is also where trends are watched: it alone knows which articles are new.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from streams.model import Article, EnrichedArticle, Kept
from streams.stories.archive import StoryArchive
from streams.stories.state import Changed, StateError, change_key, decode_state, encode_change, encode_state
from streams.stories.window import StoryWindow
from streams.text.document import Document
from streams.trends.keeper import TrendKeeper


class StoryStage:
    """Gives each enriched article its story and the article that it copies."""

    def __init__(self, *, keeps_state: bool = False, archive: StoryArchive | None = None) -> None:
        """`archive`: the store, where stories are looked for that are older than the window."""
        self._archive = archive
        self._keeps_state = keeps_state
        self._kept: list[Kept] = []
        self.window = StoryWindow(archive=archive)
        self.trends = TrendKeeper()

    def place(self, enriched: EnrichedArticle, now: datetime) -> Article:
        """Return `enriched` with its place, stamped with `now`.

        Raises:
            ArchiveUnavailable: it is old, and the store cannot be asked; try it again later.
        """
        document = Document.of(enriched.title, enriched.text, enriched.language)
        placed, links, is_new, changes = self.window.place(enriched, document, now)
        if self._keeps_state:
            if is_new:
                self.trends.add(enriched, document.title.terms)
            # Also of an article met before: what was kept of it may not have been stored then.
            self._kept.append(Kept(key=enriched.article_id, time=placed.signals.time, record=encode_state(placed)))
            latest = self.window.latest or placed.signals.time
            self._kept += [
                Kept(key=change_key(change), time=latest, record=encode_change(enriched.article_id, change))
                for change in changes
            ]
        return Article(
            **{name: getattr(enriched, name) for name in EnrichedArticle.__struct_fields__},
            near_duplicate_of=placed.near_duplicate_of,
            similarity=placed.similarity,
            wire_copy=placed.is_wire_copy,
            story_id=placed.story_id,
            story_links=links,
            story_changes=changes,
            storied_at=now,
        )

    def take_kept(self) -> list[Kept]:
        """Return what must be stored of the articles placed since the last call, before they count as done."""
        kept, self._kept = self._kept, []
        return kept

    def restore(self, records: Iterable[bytes]) -> int:
        """Build the window anew from what was stored, in that order; return how many records were none.

        A record that is none costs its article's part in the window and nothing else.
        """
        self.window = StoryWindow(archive=self._archive)
        self._kept = []
        faulty = 0
        for payload in records:
            try:
                record = decode_state(payload)
                if isinstance(record, Changed):
                    self.window.restore_change(record)
                else:
                    self.window.restore(record)
            except StateError:
                faulty += 1
        return faulty
