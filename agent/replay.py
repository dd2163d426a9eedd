"""Runs stored articles through the stages again, after topics, entities, frames or rules have changed.

    store ─ piece of time ─▶ enrich ─▶ the place they had ─▶ a newer version of the same documents
                                            └─ only with `alerts` ─▶ alert

A document keeps its id, its revision and, but for the stage `story` (`replay_stories.py`), its place among the stories:
that stage decides once, on what there was then. What is written is newer by the time of its stage, and older than any
edit of the article. It yields to the live stream: lowest priority, small transactions, a rest after each as long as it
took, and where Kafka says that the stages are behind it stands still.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec
from msgspec import Struct

from agent.errors import ServiceUnavailable
from streams.channels import ARTICLES, ENRICHED, RAW, Channel
from streams.model import Article, RawArticle
from streams.pipeline import Rejected, utc_now
from streams.stores.base import ArticleStore, Search
from streams.stores.through import articles_by_time

if TYPE_CHECKING:
    from agent.replay_stories import StoryReplay
    from streams.pipeline import Pipeline

ReplayStage = Literal["enrich", "story", "alert"]
STAGES: tuple[ReplayStage, ...] = ("enrich", "story", "alert")
BATCH = 50
_NICENESS = 10
_LOOK_SECONDS = 1.0
MOST_BEHIND = 400
"""Records that may wait on the live stream's channels: two seconds of 200 articles a second."""
_PLACE = (
    "near_duplicate_of", "similarity", "wire_copy", "story_id", "story_links", "story_changes",
)  # fmt: skip


_WHAT_CHANGES = (
    "language", "topics", "entities", "frames", "attribution", "story_id", "near_duplicate_of", "wire_copy",
)  # fmt: skip


class Target(Protocol):
    """Where what was made anew goes."""

    async def put(self, articles: Sequence[Article]) -> None:
        """Store `articles`, and let the rules see them where alerts are asked for."""
        ...


class Progress(Struct, kw_only=True):
    """How far a replay has come; kept in a file, so that it can go on."""

    since: datetime
    until: datetime
    stage: str
    alerts: bool
    done_until: datetime
    articles: int = 0
    changed: int = 0
    failed: int = 0


class Replay:
    """One replay of a range of time."""

    def __init__(
        self,
        store: ArticleStore,
        pipeline: Pipeline | None,
        target: Target,
        progress: Progress,
        state_file: Path,
        *,
        rest: float = 1.0,
        show: Callable[[Progress], None] = lambda _: None,
        live_waits: Callable[[], bool] = lambda: False,
        stories: StoryReplay | None = None,
    ) -> None:
        """Args:
        pipeline: for the stage `enrich`; None leaves the articles as they are.
        rest: pause after each batch, as a multiple of the time that it took.
        live_waits: whether the live stream is behind; the replay stands still for so long. Blocking.
        stories: for the stage `story`, in place of a pipeline.
        """
        self._store = store
        self._pipeline = pipeline
        self._target = target
        self._state_file = state_file
        self._rest = rest
        self._show = show
        self._live_waits = live_waits
        self._stories = stories
        self.progress = progress

    async def run(self) -> Progress:
        """Go through the range from where it was left; the state file is gone when it is done."""
        progress = self.progress
        search = Search(since=progress.done_until, until=progress.until)
        if self._stories is not None:
            await self._stories.warm(progress.done_until)
        async for piece in articles_by_time(self._store, search, max_articles=1_000):
            ordered = sorted(piece.articles, key=lambda article: (article.collected_at, article.article_id))
            for start in range(0, len(ordered), BATCH):
                while await asyncio.to_thread(self._live_waits):  # noqa: ASYNC110  (Kafka gives no event)
                    await asyncio.sleep(_LOOK_SECONDS)
                began = time.perf_counter()
                await self._batch(ordered[start : start + BATCH])
                await asyncio.sleep((time.perf_counter() - began) * self._rest)
            progress.done_until = piece.until
            await asyncio.to_thread(save, self._state_file, progress)
            self._show(progress)
        await asyncio.to_thread(self._state_file.unlink, missing_ok=True)
        return progress

    async def _batch(self, articles: Sequence[Article]) -> None:
        if self._stories is not None:
            made = await self._stories.again(articles)
        else:
            made = await asyncio.to_thread(self._anew, articles)
        self.progress.articles += len(articles)
        self.progress.changed += sum(
            not _same(before, after) for before, after in zip(articles, made, strict=True) if after is not None
        )
        self.progress.failed += sum(one is None for one in made)
        await self._target.put([one for one in made if one is not None])

    def _anew(self, articles: Sequence[Article]) -> list[Article | None]:
        return [self._one(article) for article in articles]

    def _one(self, article: Article) -> Article | None:
        if self._pipeline is None:
            return article
        raw = RawArticle(**{name: getattr(article, name) for name in RawArticle.__struct_fields__})
        result = self._pipeline.enrich.step(msgspec.json.encode(raw))
        if isinstance(result, Rejected):
            return None  # it stays as it was
        enriched: Any = result[1]
        return Article(
            **{name: getattr(enriched, name) for name in type(enriched).__struct_fields__},
            **{name: getattr(article, name) for name in _PLACE},
            storied_at=utc_now(),
        )


def _same(before: Article, after: Article) -> bool:
    return all(getattr(before, name) == getattr(after, name) for name in _WHAT_CHANGES)


class LiveLag:
    """Whether the stages of the distributed runtime are behind, asked of Kafka once a second at most."""

    def __init__(self, lag: Callable[[str, Sequence[Channel]], Mapping[Any, Mapping[int, tuple[int, Any]]]]) -> None:
        """`lag`: how much waits for a stage on channels, by channel and partition (`agent.kafka_clients.Probe.lag`)."""
        self._lag = lag
        self._asked_at = float("-inf")
        self._is_behind = False

    def __call__(self) -> bool:
        """Return whether the live stream is behind; False while nobody can say."""
        if time.monotonic() - self._asked_at >= _LOOK_SECONDS:
            try:
                self._is_behind = self._records() > MOST_BEHIND
            except ServiceUnavailable:  # the replay may need no Kafka
                self._is_behind = False
            self._asked_at = time.monotonic()
        return self._is_behind

    def _records(self) -> int:
        wanted = (("enrich", RAW), ("story", ENRICHED), ("index", ARTICLES), ("alert", ARTICLES))
        found = 0
        for stage, channel in wanted:
            waiting = [place for parts in self._lag(stage, (channel,)).values() for place in parts.values()]
            # A group that has never read is none that is behind.
            if any(committed is not None for _, committed in waiting):
                found = max(found, sum(records for records, _ in waiting))
        return found


def lower_priority() -> None:
    """Let every other process of this machine go first."""
    with suppress(OSError, AttributeError):
        os.nice(_NICENESS)


def state_path(folder: Path, *parts: str) -> Path:
    """Return the file that keeps how far a replay with these arguments has come."""
    digest = hashlib.blake2b("\x1f".join(parts).encode(), digest_size=8).hexdigest()
    return folder / f"replay-{digest}.json"


def load(path: Path) -> Progress | None:
    """Return how far a replay has come, None where it has not begun or its file cannot be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Progress)
    except (OSError, msgspec.MsgspecError):
        return None


def save(path: Path, progress: Progress) -> None:
    """Keep how far a replay has come."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    temporary.write_bytes(msgspec.json.encode(progress))
    temporary.replace(path)


class StoreTarget:
    """Writes to the store alone: nothing alerts."""

    def __init__(self, store: ArticleStore) -> None:
        self._store = store

    async def put(self, articles: Sequence[Article]) -> None:
        """Store `articles`; of two versions the later stays."""
        await self._store.write(articles)


def whole_seconds(moment: datetime) -> datetime:
    """Return `moment` without its microseconds, so that the same command means the same range again."""
    return moment - timedelta(microseconds=moment.microsecond)
