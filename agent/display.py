"""What `rasad run` shows while it works: feeds due, articles a second, the last article of each language.

On a terminal a live table; elsewhere (a service, a pipe) nothing is drawn and a line is logged when articles arrive.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from streams.model import Article

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from agent.collect.state import FeedState
    from agent.collect.tally import Counts

log = logging.getLogger("rasad.run")

RATE_WINDOW_SECONDS = 10.0
REDRAWS_PER_SECOND = 4
CAUSES_SECONDS = 2.0
LANGUAGES_SHOWN = 14


class RunDisplay:
    """Collects what is to be shown; `live()` draws it while the block runs."""

    def __init__(
        self,
        feeds: Callable[[], Counts],
        states: Callable[[], Sequence[FeedState]] = lambda: (),
        *,
        footer: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._feeds = feeds
        self._states = states
        self._causes: tuple[float, str] = (-math.inf, "")
        self._footer = footer
        self._clock = clock
        self._recent: deque[tuple[float, int]] = deque()
        self._by_language: Counter[str] = Counter()
        self._last: dict[str, Article] = {}
        self.stored = 0
        """Articles met for the first time."""
        self.revised = 0

    def articles_stored(self, articles: Sequence[Article]) -> None:
        """Note articles that were just committed."""
        new = sum(article.revision == 1 for article in articles)
        self.stored += new
        self.revised += len(articles) - new
        self._recent.append((self._clock(), len(articles)))
        for article in articles:
            self._by_language[article.language] += article.revision == 1
            self._last[article.language] = article
        counts = Counter(article.language for article in articles)
        shown = ", ".join(f"{language} {count}" for language, count in counts.most_common())
        log.info("stored %d article%s (%s)", len(articles), "s" if len(articles) != 1 else "", shown)

    def articles_per_second(self) -> float:
        """Return the rate over the last seconds."""
        now = self._clock()
        while self._recent and self._recent[0][0] < now - RATE_WINDOW_SECONDS:
            self._recent.popleft()
        return sum(count for _, count in self._recent) / RATE_WINDOW_SECONDS

    def failing_causes(self) -> str:
        """Return why feeds fail, the most frequent cause first; looked at every few seconds, for there may be many."""
        now = self._clock()
        if now - self._causes[0] > CAUSES_SECONDS:
            failing = Counter(state.last_outcome for state in self._states() if state.consecutive_failures)
            shown = ", ".join(f"{count} {cause}" for cause, count in failing.most_common(3))
            self._causes = now, shown
        return self._causes[1]

    def render(self) -> RenderableType:
        """Return the picture of this moment."""
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        from agent.render import isolated

        feeds = self._feeds()
        head = Text.assemble(
            ("Rasad رصد", "bold"), f"  {feeds.total} feeds, {feeds.due} due, {feeds.fetching} being fetched",
            (f", {feeds.failing} failing" if feeds.failing else "", "yellow"),
            f"  ·  {self.stored} articles, ",
            f"{self.revised} revised, " if self.revised else "",
            f"{self.articles_per_second():.1f}/s",
        )  # fmt: skip
        table = Table(box=None, padding=(0, 1), expand=True)
        table.add_column("language", width=9)
        table.add_column("articles", justify="right", width=9)
        table.add_column("time", width=6)
        table.add_column("source", max_width=22, no_wrap=True)
        table.add_column("last article", ratio=1, no_wrap=True, overflow="ellipsis")
        for language, count in self._by_language.most_common(LANGUAGES_SHOWN):
            article = self._last[language]
            moment = (article.published_at or article.collected_at).astimezone()
            table.add_row(
                language,
                str(count),
                f"{moment:%H:%M}",
                Text(isolated(article.source_name or "")),
                Text(isolated(article.title)),
            )
        parts: list[RenderableType] = [head]
        if feeds.failing and (causes := self.failing_causes()):
            parts.append(Text(f"failing: {causes}  ·  why: rasad feeds list --failing", style="yellow"))
        parts.append(table if self._by_language else Text("no articles yet"))
        return Group(*parts, Text(self._footer, style="dim"))

    @asynccontextmanager
    async def live(self, console: Console) -> AsyncIterator[None]:
        """Draw to `console` while the block runs, if it is a terminal."""
        if not console.is_terminal:
            yield
            return
        from rich.live import Live

        with Live(self.render(), console=console, auto_refresh=False, transient=True) as live:
            task = asyncio.create_task(self._redraw(live.update))
            try:
                yield
            finally:
                task.cancel()
                live.update(self.render(), refresh=True)

    async def _redraw(self, update: Callable[..., None]) -> None:
        while True:
            await asyncio.sleep(1 / REDRAWS_PER_SECOND)
            update(self.render(), refresh=True)
