"""What every store must do with what it keeps beside the articles: trends."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from streams.stores.base import TrendSearch
from streams.trends.records import Series, Trend, trend_id
from tests.contract.articles import BASE
from tests.contract.store_contract import Subject

HOUR = timedelta(hours=1)


def spike(hour: int, *, topic: str = "syria", seen: int = 40, found: float = 0.0) -> Trend:
    """A spike of the hour `hour` after BASE, found so many hours after."""
    series, at = Series("topic", topic), BASE.replace(minute=0, second=0, microsecond=0) + hour * HOUR
    return Trend(
        trend_id=trend_id("spike", series, hour),
        kind="spike",
        series=series,
        hour=at,
        seen=seen,
        expected=6.0,
        tolerance=10.5,
        found_at=at + found * HOUR,
    )


class SideContract:
    """The scenarios."""

    async def test_trends_come_back_as_they_were_in_order_of_time(self, subject: Subject) -> None:
        word = msgspec.structs.replace(
            spike(2), trend_id="f" * 32, kind="new_term", term="أوريشنيك", series=Series("language", "ar"), sources=4
        )
        trends = [spike(0), spike(1), word, spike(3, topic="مفاوضات")]
        await subject.store.write_trends([trends[2], trends[0], trends[3], trends[1]])
        await subject.settle()
        assert await subject.store.trends(TrendSearch(since=BASE - HOUR)) == trends
        assert await subject.store.trends(TrendSearch(since=trends[2].hour)) == trends[2:]
        assert await subject.store.trends(TrendSearch(since=BASE - HOUR, limit=2)) == trends[2:]
        assert await subject.store.trends(TrendSearch(since=BASE - HOUR, kind="new_term")) == [word]

    async def test_the_later_record_of_a_finding_stays_in_any_order_of_arrival(self, subject: Subject) -> None:
        first, second, third = (spike(0, seen=40 + n, found=n / 10) for n in range(3))
        await subject.store.write_trends([second])
        await subject.store.write_trends([first])
        await subject.settle()
        assert await subject.store.trends(TrendSearch(since=BASE - HOUR)) == [second]
        await subject.store.write_trends([third, first])
        await subject.store.write_trends([third])
        await subject.settle()
        assert await subject.store.trends(TrendSearch(since=BASE - HOUR)) == [third]

    async def test_where_nothing_was_found_nothing_is_there(self, subject: Subject) -> None:
        assert await subject.store.trends(TrendSearch(since=BASE)) == []
        await subject.store.write_trends([])
