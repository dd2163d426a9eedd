"""THE order of the stages, whoever runs them.

    raw, backfill ─ enrich ─▶ enriched ─ story ─▶ articles ─▶ index, alert (the runtime's own I/O)
                       └───── Rejected ────┘ ─▶ quarantine

A stage is a pure function on records. `Stage.step` is what a runtime calls: bytes in, bytes or `Rejected` out, and no
exception, because one that escapes a Faust agent acknowledges the message that it failed on. The story stage alone may
ask for time: where a store holds its older stories and is away.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from streams import channels, codec
from streams.channels import Channel
from streams.definitions import Definitions
from streams.enrich import Enricher
from streams.model import Article, EnrichedArticle, QuarantineRecord, RawArticle
from streams.stories.archive import ArchiveUnavailable, StoryArchive
from streams.story import StoryStage

Clock = Callable[[], datetime]
R = TypeVar("R")


def utc_now() -> datetime:
    """Return the present in UTC."""
    return datetime.now(UTC)


def settle(*, thaw: bool = False) -> None:
    """Keep all that was built so far out of the garbage collector's sight.

    The tables of a pipeline live as long as its process, and each full look through them costs as much as hundreds of
    articles. Call it once the pipeline is made; with `thaw` after `Pipeline.use`, so that what was settled before and
    is not needed any more is found.
    """
    if thaw:
        gc.unfreeze()
    gc.collect()
    gc.freeze()


@dataclass(frozen=True)
class Rejected:
    """A record that a stage could not process: the second, typed output of every stage."""

    stage: str
    reason: str
    """One of `model.REJECT_REASONS`."""
    detail: str

    def quarantine(
        self, payload: bytes, *, channel: str, key: bytes | None, now: datetime, attempts: int = 1
    ) -> QuarantineRecord:
        """Return the record that keeps `payload`, read from `channel`, for a later retry."""
        return QuarantineRecord(
            stage=self.stage,
            channel=channel,
            reason=self.reason,
            detail=self.detail[:2000],
            payload=payload,
            key=key,
            quarantined_at=now,
            attempts=attempts,
        )


@dataclass(frozen=True)
class Stage:
    """One step of the flow: what it reads, what it writes, and the pure function between."""

    name: str
    reads: tuple[Channel, ...]
    writes: Channel
    takes: type[RawArticle]
    run: Callable[[Any], RawArticle]

    def step(self, payload: bytes) -> tuple[bytes, RawArticle] | Rejected:
        """Return the next record, encoded and as it is, or why there is none.

        Raises:
            ArchiveUnavailable: the story stage has to ask the store, which is away; try it again later.
        """
        return self._take(payload, lambda output: (codec.encode(output), output))

    def last_step(self, payload: bytes) -> RawArticle | Rejected:
        """Return the next record as `step` does, but not encoded: nobody reads it from a channel."""
        return self._take(payload, lambda output: output)

    def _take(self, payload: bytes, give: Callable[[RawArticle], R]) -> R | Rejected:
        try:
            record = codec.decode(payload, self.takes)
        except codec.CodecError as error:
            return Rejected(self.name, error.reason, error.detail)
        try:
            return give(self.run(record))
        except ArchiveUnavailable:
            raise
        except Exception as error:  # the contract of this function; the record is kept in quarantine with the cause
            return Rejected(self.name, "stage_failed", f"{type(error).__name__}: {error}")


class Pipeline:
    """The stages in order, built from what the user defined."""

    def __init__(
        self,
        definitions: Definitions,
        clock: Clock = utc_now,
        *,
        keeps_state: bool = False,
        archive: StoryArchive | None = None,
        is_built: bool = True,
    ) -> None:
        """`keeps_state`: the runtime takes what the story stage keeps (`stories.take_kept`) and stores it. `archive`:
        where stories are looked for that are older than its window. Without `is_built` the tables of the enrich stage,
        which take most of the time, are made by `build`, or when they are first needed."""
        self._definitions = definitions
        self._enricher = Enricher(definitions) if is_built else None
        self._building = threading.Lock()
        self.stories = stories = StoryStage(keeps_state=keeps_state, archive=archive)
        self.clock = clock
        self.enrich = Stage(
            "enrich",
            (channels.RAW, channels.BACKFILL),
            channels.ENRICHED,
            RawArticle,
            lambda raw: (self._enricher or self.build()).enrich(raw, clock()),
        )
        self.story = Stage(
            "story",
            (channels.ENRICHED,),
            channels.ARTICLES,
            EnrichedArticle,
            lambda enriched: stories.place(enriched, clock()),
        )
        self.stages = (self.enrich, self.story)

    def build(self) -> Enricher:
        """Make the tables of the enrich stage, if they are not yet made; from any thread."""
        with self._building:
            if self._enricher is None:
                self._enricher = Enricher(self._definitions)
            return self._enricher

    def use(self, enricher: Enricher) -> None:
        """Label by other definitions from the next article on; from any thread. Waits for tables that are just being
        made: they would take the place of these."""
        with self._building:
            self._enricher = enricher

    def process(self, raw: RawArticle) -> Article | tuple[Rejected, bytes]:
        """Take `raw` through all stages, by way of the codec as the channels do; what fails comes with the bytes it
        failed on."""
        return self._through(self.stages, codec.encode(raw))

    def process_enriched(self, payload: bytes) -> Article | tuple[Rejected, bytes]:
        """Take what the enrich stage has written through the rest of the stages."""
        return self._through(self.stages[1:], payload)

    @staticmethod
    def _through(stages: Sequence[Stage], payload: bytes) -> Article | tuple[Rejected, bytes]:
        *before, last = stages
        for stage in before:
            result = stage.step(payload)
            if isinstance(result, Rejected):
                return result, payload
            payload = result[0]
        output = last.last_step(payload)
        if isinstance(output, Rejected):
            return output, payload
        if not isinstance(output, Article):
            raise TypeError(f"the last stage gave a {type(output).__name__}, not an Article")
        return output
