"""What `rasad run` shows while it works."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO

import msgspec
from rich.console import Console

from agent.collect.collector import Counts
from agent.collect.state import FeedState
from agent.display import RunDisplay
from streams.model import Article

NOW = datetime(2023, 4, 25, 12, tzinfo=UTC)


def article(title: str, language: str, source: str = "S") -> Article:
    return Article(
        article_id="0" * 32, title=title, language=language, source_name=source, collected_at=NOW, enriched_at=NOW, storied_at=NOW
    )  # fmt: skip


def shown(display: RunDisplay) -> str:
    console = Console(file=StringIO(), width=120, force_terminal=False)
    console.print(display.render())
    return console.file.getvalue()  # type: ignore[attr-defined]


def display(clock: list[float]) -> RunDisplay:
    counts = Counts(total=12, due=3, fetching=1, failing=2, stopped=0)
    return RunDisplay(lambda: counts, footer="the end", clock=lambda: clock[0])


def test_feeds_articles_and_languages_are_shown() -> None:
    made = display([0.0])
    made.articles_stored([article("تطبيع العلاقات", "ar"), article("older", "en"), article("newest in English", "en")])
    text = shown(made)
    for part in (
        "12 feeds",
        "3 due",
        "1 being fetched",
        "2 failing",
        "3 articles",
        "تطبيع العلاقات",
        "newest in English",
        "the end",
    ):
        assert part in text
    assert "older" not in text


def test_why_feeds_fail_is_said_before_any_article_is_there() -> None:
    states = [
        FeedState(feed_url=f"https://a.example/{n}", source_id="a", last_outcome="unreachable", consecutive_failures=n)
        for n in range(4)
    ]
    counts = Counts(total=4, due=0, fetching=0, failing=3, stopped=0)
    text = shown(RunDisplay(lambda: counts, lambda: states))
    assert "failing: 3 unreachable" in text and "rasad feeds list --failing" in text and "no articles yet" in text
    assert "failing" not in shown(RunDisplay(lambda: Counts(total=4, due=0, fetching=0, failing=0, stopped=0)))


def test_the_rate_forgets_the_past() -> None:
    clock = [0.0]
    made = display(clock)
    made.articles_stored([article(str(number), "en") for number in range(50)])
    assert made.articles_per_second() == 5.0
    clock[0] = 11.0
    assert made.articles_per_second() == 0.0 and made.stored == 50


def test_right_to_left_titles_stand_in_isolates_and_cannot_command_the_terminal() -> None:
    made = display([0.0])
    made.articles_stored([article("عنوان \x1b[2J \u202e نص", "ar", "[red]نشرة[/]")])
    text = shown(made)
    assert "\x1b" not in text and "\u202e" not in text
    assert "\u2067" in text and "\u2069" in text and "[red]" in text


def test_what_was_edited_is_counted_apart() -> None:
    made = display([0.0])
    first = article("talks", "en")
    made.articles_stored([first])
    assert "revised" not in shown(made)
    made.articles_stored([msgspec.structs.replace(first, revision=2, title="talks end")])
    text = shown(made)
    assert "1 articles, 1 revised, " in text and "talks end" in text
