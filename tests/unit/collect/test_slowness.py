"""What makes a feed slow is how it compares with the others."""

from __future__ import annotations

from agent.collect.slowness import Slowness
from agent.collect.state import FeedState


def feed(seconds: float, outcome: str = "ok") -> FeedState:
    return FeedState(feed_url="https://a.example/", source_id="a", last_seconds=seconds, last_outcome=outcome)


def test_on_an_ordinary_day_a_quarter_of_the_deadline_is_slow() -> None:
    slowness = Slowness(10.0)
    for _ in range(100):
        slowness.note("ok", 0.2)
    assert [slowness.is_slow(feed(seconds)) for seconds in (0.2, 2.4, 2.6, 9.9)] == [False, False, True, True]
    assert slowness.is_slow(feed(0.1, "timeout"))


def test_where_everything_is_slow_only_what_does_not_answer_is() -> None:
    slowness = Slowness(10.0)
    for _ in range(300):
        slowness.note("not_modified", 3.0)
    assert [slowness.is_slow(feed(seconds)) for seconds in (3.0, 6.0, 9.5)] == [False, False, True]
    # Failures say nothing of how long an answer takes.
    for _ in range(300):
        slowness.note("unreachable", 0.0)
    assert not slowness.is_slow(feed(6.0))


def test_a_restart_forgets_nothing() -> None:
    slowness = Slowness(10.0)
    slowness.learn([feed(3.0), feed(3.2), feed(2.9), feed(10.0, "timeout")])
    assert not slowness.is_slow(feed(3.2))
    slowness.learn([])
    assert slowness.is_slow(feed(9.5))
