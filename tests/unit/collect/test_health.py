"""How feeds do, from what is remembered of them; through the command, the doctor and the metrics."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from agent.collect.decide import decide
from agent.collect.health import FeedHealth, assess, assess_feeds, count_problems, show_health
from agent.collect.records import Polled
from agent.collect.state import FeedState
from agent.feeds.definitions import FeedDefinition
from agent.parse.records import ParsedEntry, ParsedFeed
from agent.settings import CollectSettings
from streams import codec
from streams.metrics import FEED_PROBLEMS, Metrics
from streams.stores.sqlite import SqliteStore

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SETTINGS = CollectSettings()


def define(name: str = "a") -> FeedDefinition:
    return FeedDefinition(url=f"https://{name}.example/rss", source_id=name, name=name)


class Life:
    """A feed that publishes at given moments and is polled every half hour."""

    def __init__(self, name: str = "a", *, site: str = "") -> None:
        self.feed, self.site = define(name), site or name
        self.state = FeedState(feed_url=self.feed.url, source_id=name)
        self.entries: list[ParsedEntry] = []

    def publish(self, moment: datetime) -> None:
        number = len(self.entries)
        url = f"https://{self.site}.example/{number}"
        self.entries.append(ParsedEntry(url=url, canonical_url=url, title=f"Headline {number}", published_at=moment))

    def poll(self, now: datetime, outcome: str = "ok", status: int = 200, **given: object) -> None:
        feed = ParsedFeed(format="rss20", entries=tuple(self.entries[:-21:-1])) if outcome == "ok" else None
        polled = Polled(outcome=outcome, status=status, feed=feed, url=self.feed.url, **given)  # type: ignore[arg-type]
        self.state = decide(self.feed, self.state, polled, now, SETTINGS).state

    def live(self, start: datetime, end: datetime, publishes: Callable[[datetime], bool]) -> Life:
        at = start
        while at < end:
            if publishes(at):
                self.publish(at)
            self.poll(at)
            at += timedelta(minutes=30)
        return self

    def health(self, now: datetime) -> FeedHealth:
        return assess(self.state, now)


def in_the_day(at: datetime) -> bool:
    return 6 <= at.hour < 18 and at.weekday() not in (4, 5)


def test_a_feed_that_does_well() -> None:
    health = Life().live(NOW - timedelta(days=5), NOW, lambda at: at.minute == 0).health(NOW)
    assert health.problems == ()
    assert health.error_class == ""
    assert health.entries_per_day == pytest.approx(24, rel=0.3)
    assert health.usual_gap_seconds == pytest.approx(3600, rel=0.2)
    assert health.delay_seconds == pytest.approx(0, abs=60)


def test_a_feed_is_stale_after_five_of_its_usual_gaps() -> None:
    life = Life().live(NOW - timedelta(days=5), NOW, lambda at: at.minute == 0)
    assert "stale" not in life.health(NOW + timedelta(hours=4)).problems
    assert "stale" in life.health(NOW + timedelta(hours=8)).problems
    for hours in range(1, 200):  # and stays so, however its tempo is judged meanwhile
        life.poll(NOW + timedelta(hours=hours), "not_modified", 304)
    assert life.health(NOW + timedelta(hours=200)).problems == ("stale",)
    life.publish(NOW + timedelta(hours=200))
    life.poll(NOW + timedelta(hours=200))
    assert life.health(NOW + timedelta(hours=201)).problems == ()


def test_nights_and_weekends_are_not_stale() -> None:
    life = Life()
    start = datetime(2026, 2, 1, tzinfo=UTC)  # four weeks, ending before a Friday
    life.live(start, start + timedelta(days=26), in_the_day)
    end = start + timedelta(days=26)
    for hours in range(0, 54):
        assert life.health(end + timedelta(hours=hours)).problems == (), hours
    assert life.health(end + timedelta(days=6)).problems == ("stale",)


def test_a_feed_that_never_published_much_is_not_called_stale() -> None:
    life = Life()
    life.poll(NOW)
    life.publish(NOW)
    life.poll(NOW)
    assert life.health(NOW + timedelta(days=300)).problems == ()


@pytest.mark.parametrize(
    ("outcome", "status", "polls", "problems"),
    [
        ("timeout", None, 1, ()),
        ("timeout", None, 3, ("failing_temporary",)),
        ("http_error", 403, 3, ("failing_soft",)),
        ("http_error", 404, 1, ("failing_hard",)),
        ("not_a_feed", 200, 1, ("not_a_feed",)),
        ("not_a_feed", 200, 3, ("failing_soft", "not_a_feed")),
        ("gone", 410, 1, ("stopped",)),
    ],
)
def test_failures_by_class(outcome: str, status: int | None, polls: int, problems: tuple[str, ...]) -> None:
    life = Life()
    life.poll(NOW)
    for _ in range(polls):
        life.poll(NOW, outcome, status)  # type: ignore[arg-type]
    health = life.health(NOW)
    assert health.problems == problems
    assert health.error_class
    assert bool(health.advice) == bool(problems)
    assert health.last_ok_at == NOW


def test_entries_that_come_late() -> None:
    life = Life()
    life.poll(NOW)
    for number in range(40):
        now = NOW + timedelta(days=number)
        life.publish(now - timedelta(hours=20))
        life.poll(now)
    assert life.health(NOW + timedelta(days=39)).problems == ("late",)


def test_feeds_that_list_the_same_or_moved_to_one_another() -> None:
    lives = [Life("a", site="one"), Life("b", site="one"), Life("c", site="two"), Life("d"), Life("e")]
    for life in lives:
        for number in range(10):
            life.publish(NOW - timedelta(hours=number))
        life.poll(NOW)
    for _ in range(6):
        lives[4].poll(NOW, "ok", moved_to=lives[2].feed.url)
    feeds = [life.feed for life in lives]
    states = {life.feed.url: life.state for life in lives}
    found = {url: health.duplicate_of for url, health in assess_feeds(feeds, states, NOW).items()}
    assert found[feeds[1].url] == feeds[0].url
    assert found[feeds[4].url] == feeds[2].url
    assert [found[feeds[n].url] for n in (0, 2, 3)] == [None, None, None]


def test_feeds_with_some_entries_in_common_are_no_duplicates() -> None:
    first, second = Life("a", site="one"), Life("b", site="one")
    for number in range(12):
        first.publish(NOW - timedelta(hours=number))
        second.publish(NOW - timedelta(hours=number))
    for number in range(12, 20):
        second.publish(NOW - timedelta(hours=number))
    for life in (first, second):
        life.poll(NOW)
    feeds, states = [first.feed, second.feed], {life.feed.url: life.state for life in (first, second)}
    assert count_problems(assess_feeds(feeds, states, NOW).values())["duplicate"] == 0


def test_the_same_as_metrics() -> None:
    fine, bad = Life("a"), Life("b")
    for life in (fine, bad):
        life.publish(NOW)
        life.poll(NOW)
    bad.poll(NOW + timedelta(hours=1), "http_error", 404)
    metrics = Metrics()
    states = {life.feed.url: life.state for life in (fine, bad)}
    show_health(metrics, [fine.feed, bad.feed, define("never")], states, NOW + timedelta(hours=2))
    value = metrics.registry.get_sample_value
    assert {p: value("rasad_feeds_with_problem", {"problem": p}) for p in FEED_PROBLEMS} == {
        **dict.fromkeys(FEED_PROBLEMS, 0.0),
        "failing_hard": 1.0,
    }
    assert value("rasad_feeds_last_ok_age_seconds") == 7200
    assert (value("rasad_feeds_entries_per_day") or 0) > 0


@pytest.fixture
async def config(tmp_path: Path) -> Path:
    """A configuration with one feed that does well, one that is not there, and one that was never polled."""
    folder = tmp_path / "config"
    (folder / "feeds").mkdir(parents=True)
    (folder / "rasad.yaml").write_text(f"store: {{path: {tmp_path}/rasad.sqlite}}\n")
    lines = [f"  - {{id: {n}, name: {n}, url: 'https://{n}.example/rss'}}\n" for n in ("fine", "lost", "never")]
    (folder / "feeds" / "feeds.yaml").write_text("sources:\n" + "".join(lines))
    fine, lost = Life("fine"), Life("lost")
    now = datetime.now(UTC)
    for life in (fine, lost):
        life.publish(now - timedelta(hours=1))
        life.poll(now - timedelta(minutes=30))
    lost.poll(now, "http_error", 404)
    store = SqliteStore(tmp_path / "rasad.sqlite")
    with store.transaction() as transaction:
        transaction.put_feed_states({life.feed.url: codec.encode(life.state) for life in (fine, lost)})
    await store.close()
    return folder


def test_shown_by_the_command_and_counted_by_the_doctor(
    config: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    from agent.commands.feeds import command
    from agent.doctor import examine

    def run(*arguments: str) -> str:
        command.main(["list", "--config", str(config), *arguments], standalone_mode=False)
        return capfdbinary.readouterr().out.decode()

    shown = run("--health")
    assert "failing_hard" in shown
    assert "rasad feeds discover" in shown
    assert "3 feeds: 1 failing_hard" in shown
    assert shown.index("lost") < shown.index("fine") < shown.index("never polled")
    rows = [json.loads(line) for line in run("--health", "--json").splitlines()]
    assert [row["health"]["problems"] for row in rows] == [[], ["failing_hard"], []]
    findings = {finding.check: finding for finding in examine(str(config), distributed=False)}
    assert findings["feeds"].level == "warning"
    assert findings["feeds"].detail == "3 feeds, 2 polled: 1 failing_hard"
    assert findings["contact"].level == "warning"
    assert msgspec.json.decode(msgspec.json.encode(FeedHealth()), type=FeedHealth) == FeedHealth()
