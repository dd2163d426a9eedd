"""When feeds are polled next, and what a poll says of them beside its entries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from agent.collect.decide import decide
from agent.collect.failures import failure_class
from agent.collect.movement import MOVED_POLLS
from agent.collect.records import Polled
from agent.collect.schedule import after_skips, first_poll_at
from agent.collect.state import FeedState
from agent.feeds.definitions import FeedDefinition
from agent.parse.records import ParsedEntry, ParsedFeed
from agent.parse.skips import skip_times
from agent.settings import CollectSettings
from streams import codec
from streams.metrics import FETCH_OUTCOMES

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
FEED = FeedDefinition(url="https://gazette.example/rss", source_id="gazette", name="Gazette")
NEW_URL = "https://gazette.example/feed.xml"
SETTINGS = CollectSettings()


class Life:
    """A feed over many polls, each when it is due; its state goes through the codec every time, as at a restart."""

    def __init__(self, feed: FeedDefinition = FEED, settings: CollectSettings = SETTINGS) -> None:
        self.feed, self.settings, self.now = feed, settings, NOW
        self.state = FeedState(feed_url=feed.url, source_id=feed.source_id)
        self.number = 0

    def poll(self, outcome: str = "ok", *, new: int = 0, ttl_seconds: float | None = None, **given: object) -> float:
        """Poll; returns the seconds to the next poll, and is then there."""
        if outcome in {"ok", "moved"} and "feed" not in given:
            entries = tuple(
                ParsedEntry(url=f"https://gazette.example/{self.number + n}", title=f"Headline {self.number + n}")
                for n in range(new)
            )
            self.number += new
            given["feed"] = ParsedFeed(format="rss20", entries=entries, ttl_seconds=ttl_seconds)
        polled = Polled(outcome=outcome, **{"url": FEED.url, **given})  # type: ignore[arg-type]
        self.state = decide(self.feed, self.state, polled, self.now, self.settings).state
        self.state = codec.decode(codec.encode(self.state), FeedState)
        assert self.state.next_poll_at is not None
        seconds = (self.state.next_poll_at - self.now).total_seconds()
        self.now = self.state.next_poll_at
        return seconds


@pytest.mark.parametrize(
    "asked", [{"ttl_seconds": 7200.0}, {"min_interval_seconds": 7200.0}, {"retry_after_seconds": 7200.0}]
)
def test_what_a_feed_asks_for_is_kept_to(asked: dict[str, float]) -> None:
    assert 7200 <= Life().poll(**asked) <= 7200 * 1.1  # type: ignore[arg-type]


def test_the_longest_wish_counts_and_none_makes_a_feed_oftener_polled() -> None:
    assert Life().poll(ttl_seconds=7200, min_interval_seconds=3600) >= 7200
    assert Life().poll(ttl_seconds=3600, min_interval_seconds=7200) >= 7200
    assert Life().poll(ttl_seconds=60, min_interval_seconds=1) >= 300


def test_a_wish_that_is_a_slip_is_bounded() -> None:
    assert Life().poll(min_interval_seconds=31_536_000.0) <= 86_400 + 600


def test_wishes_outlast_answers_that_do_not_repeat_them() -> None:
    life = Life()
    life.poll(ttl_seconds=7200, min_interval_seconds=9000.0)
    assert life.poll("not_modified") >= 9000
    assert life.poll("not_modified", min_interval_seconds=0.0) >= 7200
    assert life.poll("http_error", status=503) < 7200
    assert life.poll("not_modified") >= 7200
    assert life.poll() < 7200


def test_an_interval_of_its_own_is_kept_whatever_a_feed_publishes() -> None:
    life = Life(msgspec.structs.replace(FEED, interval_seconds=60.0))
    waits = [life.poll(new=number % 3) for number in range(50)]
    assert 60 <= min(waits) and max(waits) <= 66


@pytest.mark.parametrize("settings", [CollectSettings(adaptive=False), CollectSettings(interval_seconds=5)])
def test_without_adapting_all_feeds_are_polled_alike(settings: CollectSettings) -> None:
    life, interval = Life(settings=settings), settings.interval_seconds
    assert all(interval <= life.poll("not_modified" if n else "ok") <= interval * 1.1 for n in range(50))


def test_a_busy_feed_is_polled_oftener_than_a_silent_one() -> None:
    busy, silent = Life(), Life()
    for number in range(300):
        often = busy.poll(new=5)
        rare = silent.poll("not_modified" if number else "ok")
    assert often <= 330
    assert 3600 < rare <= 86_400 * 1.01


# --- failures ---


def test_every_outcome_has_a_class() -> None:
    classes = {outcome: failure_class(outcome, 404 if outcome == "http_error" else None) for outcome in FETCH_OUTCOMES}
    assert {o for o, kind in classes.items() if not kind} == {"ok", "moved", "not_modified"}
    assert [failure_class("http_error", s) for s in (404, 401, 403, 500, 503, 408, None)] == [
        "hard", "hard", "soft", "temporary", "temporary", "temporary", "soft",
    ]  # fmt: skip
    assert failure_class("timeout", None) == failure_class("unreachable", None) == "temporary"
    assert failure_class("not_a_feed", 200) == failure_class("tls_error", None) == "soft"


@pytest.mark.parametrize(
    ("outcome", "status", "most"), [("timeout", None, 6.0), ("not_a_feed", 200, 24.0), ("http_error", 404, 24.0)]
)
def test_back_off_grows_and_a_dead_feed_is_tried_daily_for_ever(outcome: str, status: int | None, most: float) -> None:
    life = Life()
    life.poll(new=3)
    waits = [life.poll(outcome, status=status) for _ in range(100)]
    assert waits[0] < 4 * 3600
    assert most * 3600 <= max(waits) <= most * 3600 + 600
    assert most * 3600 <= waits[-1] <= most * 3600 + 600
    assert life.poll(new=1) < 3600


def test_gone_stops_a_feed_but_not_one_that_went_elsewhere() -> None:
    life = Life()
    for _ in range(MOVED_POLLS):
        life.poll("moved", moved_to=NEW_URL)
    assert life.state.fetch_url == NEW_URL
    life.poll("gone", status=410)
    assert (life.state.fetch_url, life.state.stopped) == (None, False)
    gone = decide(FEED, life.state, Polled(outcome="gone", status=410), life.now, SETTINGS).state
    assert gone.stopped
    assert gone.next_poll_at is None


# --- moving ---


def test_a_feed_is_moved_when_the_redirect_held_several_times() -> None:
    life = Life()
    for _ in range(MOVED_POLLS - 1):
        life.poll("moved", moved_to=NEW_URL)
        assert life.state.fetch_url is None
    life.poll("ok")
    for _ in range(MOVED_POLLS):
        assert life.state.fetch_url is None
        life.poll("moved", moved_to=NEW_URL)
    assert life.state.fetch_url == NEW_URL
    life.poll("ok", url=NEW_URL)
    assert (life.state.fetch_url, life.state.moved_to, life.state.document_url) == (NEW_URL, NEW_URL, NEW_URL)


def test_an_address_that_a_feed_is_not_at_is_given_up() -> None:
    life = Life()
    for _ in range(MOVED_POLLS):
        life.poll("moved", moved_to=NEW_URL)
    for _ in range(10):
        life.poll("timeout")
    assert life.state.fetch_url == NEW_URL
    life.poll("ok")
    for _ in range(3):
        life.poll("http_error", status=404)
    assert life.state.fetch_url is None


def test_nothing_moves_from_https_to_http() -> None:
    life = Life()
    for _ in range(3 * MOVED_POLLS):
        life.poll("moved", moved_to="http://gazette.example/rss")
    assert life.state.fetch_url is None


# --- skipHours and skipDays ---


def test_hours_and_days_to_skip_are_skipped() -> None:
    monday = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)
    at = after_skips(monday, (23, 0, 1), ())
    assert datetime(2026, 3, 3, 2, tzinfo=UTC) <= at <= datetime(2026, 3, 3, 2, 5, tzinfo=UTC)
    at = after_skips(monday, (0,), (0, 1))
    assert datetime(2026, 3, 4, 1, tzinfo=UTC) <= at <= datetime(2026, 3, 4, 1, 5, tzinfo=UTC)
    assert after_skips(monday, (5,), (3,)) == monday
    assert after_skips(monday, tuple(range(24)), ()) == monday
    assert after_skips(monday, (), tuple(range(7))) == monday
    life = Life()
    assert life.poll(skip_hours=(12, 13, 14)) >= 3 * 3600


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "windows-1256"])
def test_hours_and_days_are_read_from_the_document(encoding: str) -> None:
    text = (
        "<rss><channel><!-- <skipHours><hour>9</hour></skipHours> --><skipHours><hour>0</hour><hour> 24 </hour>"
        "<hour>7</hour><hour>77</hour></skipHours>\n<skipDays><day>Friday</day><day>Nonsday</day></skipDays>"
        "<item><description>&lt;skipHours&gt;</description></item></channel></rss>"
    )
    assert skip_times(text.encode(encoding)) == ((0, 7), (4,))
    behind = "<rss><channel><item/><item></item><skipHours><hour>3</hour></skipHours></channel></rss>"
    assert skip_times(behind.encode(encoding)) == ((3,), ())
    inside = "<rss><channel><item><skipHours><hour>3</hour></skipHours></item><item></item></channel></rss>"
    assert skip_times(inside.encode(encoding)) == ((), ())


# --- starting ---


def test_new_feeds_are_spread_and_not_later_than_their_interval() -> None:
    feeds = [msgspec.structs.replace(FEED, url=f"https://gazette.example/{n}", id="") for n in range(1000)]
    times = [(first_poll_at(feed, 1000, now=NOW, settings=SETTINGS) - NOW).total_seconds() for feed in feeds]
    assert max(times) <= 50
    assert len({int(time) for time in times}) > 40


def test_what_is_asked_after_a_move_is_asked_at_a_known_time() -> None:
    life = Life()
    life.poll("rate_limited", status=429, retry_after_seconds=3 * 86_400.0)
    assert life.state.held_until == NOW + timedelta(days=3)
    assert life.now >= NOW + timedelta(days=3)
