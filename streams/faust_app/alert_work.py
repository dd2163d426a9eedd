"""The alert stage on Kafka: articles and trends in; alerts, and then what the rules remember, out.

    articles, trends ─▶ decide ─▶ alerts ─ acknowledged ─▶ alert-state ─ acknowledged ─▶ ack

Articles travel by story, so that all of a story come to one worker; several workers share the stories. An alert is
acknowledged before the memory that keeps it from being said again: killed in between, a worker says it again, with the
same id.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from datetime import datetime

from streams import channels, codec
from streams.alerts.records import Alert
from streams.alerts.stage import AlertStage
from streams.channels import Channel
from streams.faust_app.work import Beside, Decided, Item, Result
from streams.metrics import Metrics
from streams.model import Article
from streams.trends.records import Trend

log = logging.getLogger("rasad.worker")


class AlertWork:
    """Runs the alert stage, whose memory is built from its channel again whenever partitions move."""

    name = "alert"
    reads = (channels.ARTICLES, channels.TRENDS)
    writes: Channel | None = None
    beside = (channels.ALERTS, channels.ALERT_STATE)
    may_wait = False

    def __init__(
        self,
        stage: AlertStage,
        executor: Executor,
        read_state: Callable[[Channel], Iterable[bytes]],
        metrics: Metrics,
        clock: Callable[[], datetime],
    ) -> None:
        """`read_state` gives the newest record of each key of a state channel."""
        self._stage = stage
        self._executor = executor
        self._read_state = read_state
        self._metrics = metrics
        self._clock = clock
        self._generation: int | None = None

    async def begin(self, generation: int) -> None:
        """Build the memory from its channel, where the group has changed since."""
        if generation == self._generation:
            return
        await asyncio.get_running_loop().run_in_executor(self._executor, self._restore)
        self._generation = generation

    async def __call__(self, items: Sequence[Item]) -> list[Result]:
        """Return for each item what was decided because of it."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._decide, items)

    def _restore(self) -> None:
        if faulty := self._stage.restore(self._read_state(channels.ALERT_STATE)):
            log.warning("%s: %d records of its memory cannot be read; those stories may alert again", self.name, faulty)

    def _decide(self, items: Sequence[Item]) -> list[Result]:
        now = self._clock()
        try:
            results = [self._step(item, now) for item in items]
        except BaseException:  # the batch is tried again, and must find what it found now
            self._stage.roll_back()
            raise
        # Once a batch, however many of its articles are of one story.
        kept = tuple(Beside(channels.ALERT_STATE, one.story_id.encode(), one.record) for one in self._stage.take_kept())
        for place in reversed(range(len(results))):
            last = results[place]
            if isinstance(last, Decided):
                results[place] = dataclasses.replace(last, then=kept)
                break
        self._stage.commit()
        return results

    def _step(self, item: Item, now: datetime) -> Result:
        try:
            if item.channel is channels.TRENDS:
                return self._decided(None, self._stage.trend(codec.decode(item.payload, Trend), now))
            article = codec.decode(item.payload, Article)
        except codec.CodecError:
            # The index reads the same channels, and puts it into quarantine: once is enough.
            return self._decided(None, ())
        return self._decided(article, self._stage.step(article, now))

    def _decided(self, article: Article | None, alerts: Iterable[Alert]) -> Decided:
        first = []
        for alert in alerts:
            if alert.is_shown:
                self._metrics.alerts.labels(alert.severity).inc()
            first.append(Beside(channels.ALERTS, alert.alert_id.encode(), codec.encode(alert)))
        return Decided(article, tuple(first))
