"""Trends: what stands out does, and neither the hour of the day, late articles, wrong dates nor backfill do."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from agent.commands.trends import find_trends, line_of
from streams.model import Article, TopicLabel
from streams.trends import Trend, TrendWatch
from streams.trends.records import HOURS_A_WEEK, Series
from streams.trends.terms import Terms
from streams.trends.volumes import Volumes

MONDAY = datetime(2023, 2, 27, tzinfo=UTC)
HOUR = timedelta(hours=1)
SYRIA = Series("topic", "syria")


def article(published: datetime | None, *, number: int = 0, title: str = "", **fields: object) -> Article:
    collected = fields.pop("collected_at", published)
    values: dict[str, object] = {
        "article_id": f"{number:032x}",
        "title": title,
        "published_at": published,
        "collected_at": collected,
        "enriched_at": collected,
        "storied_at": collected,
        "language": "ar",
        "source_id": f"s{number % 7}",
        "topics": (TopicLabel(id="syria", score=1.0),),
        **fields,
    }
    return Article(**values)  # type: ignore[arg-type]


def usual_weeks(watch: TrendWatch, weeks: int, *, seed: int = 1) -> datetime:
    """Publish for some weeks: ten an hour by day, two by night; return the hour after."""
    chance = random.Random(seed)
    at = MONDAY
    while at < MONDAY + timedelta(weeks=weeks):
        middle = 10 if 6 <= at.hour < 22 else 2
        for _ in range(max(0, round(chance.gauss(middle, 1)))):
            watch.add(article(at + timedelta(minutes=chance.randrange(60))))
        at += HOUR
        watch.close(at)
    return at


def kinds(found: tuple[Trend, ...]) -> set[tuple[str, str, str]]:
    return {(trend.kind, trend.series.kind, trend.series.value) for trend in found}


def test_the_day_and_the_night_of_a_usual_week_are_nothing() -> None:
    watch = TrendWatch()
    at = usual_weeks(watch, 4)
    chance = random.Random(2)
    for _ in range(24 * 7):
        for _ in range(max(0, round(chance.gauss(10 if 6 <= at.hour < 22 else 2, 1)))):
            watch.add(article(at))
        at += HOUR
        assert watch.close(at) == ()


def test_a_burst_is_a_spike_with_what_was_expected_and_seen() -> None:
    watch = TrendWatch()
    at = usual_weeks(watch, 4) + timedelta(hours=9)
    for number in range(60):
        watch.add(article(at + timedelta(minutes=number), number=number))
    found = {trend.series: trend for trend in watch.close(at + HOUR) if trend.kind == "spike"}
    assert set(found) == {SYRIA, Series("language", "ar")}
    spike = found[SYRIA]
    assert (spike.hour, spike.seen) == (at, 60)
    assert 8 <= spike.expected <= 12 and spike.seen > spike.expected + spike.tolerance
    # by night fewer are enough, and by day so many are nothing
    night = at + timedelta(hours=16)
    for number in range(16):
        watch.add(article(night, number=number))
    assert ("spike", "topic", "syria") in kinds(watch.close(night + HOUR))


def test_articles_that_come_late_are_counted_into_their_hour() -> None:
    watch = TrendWatch()
    at = usual_weeks(watch, 4) + timedelta(hours=9)
    for number in range(9):
        watch.add(article(at, number=number))
    assert watch.close(at + HOUR) == ()
    for number in range(40):
        watch.add(article(at, number=number, collected_at=at + 2 * HOUR))
    for number in range(3):
        watch.add(article(at + 2 * HOUR, number=number))
    spikes = [trend for trend in watch.close(at + 2 * HOUR + timedelta(minutes=5)) if trend.kind == "spike"]
    assert {(trend.hour, trend.seen) for trend in spikes} == {(at, 49)}
    first = {trend.trend_id for trend in spikes}
    watch.add(article(at, collected_at=at + 3 * HOUR))
    again = [trend for trend in watch.close(at + 3 * HOUR) if trend.kind == "spike"]
    assert {trend.trend_id for trend in again} == first and {trend.seen for trend in again} == {50}


def test_backfill_edits_and_wrong_dates_are_never_counted() -> None:
    watch = TrendWatch()
    at = usual_weeks(watch, 4) + timedelta(hours=9)
    for number in range(200):
        assert not watch.add(article(at, number=number, is_backfill=True))
        assert not watch.add(article(at, number=number, date_is_reliable=False))
        assert not watch.add(article(at, number=number, revision=2))
        assert not watch.add(article(None, number=number, collected_at=at))
        assert not watch.add(article(at + timedelta(days=3), number=number, collected_at=at))
    assert watch.close(at + HOUR) == ()


def test_what_the_first_polls_bring_is_no_past_and_no_spike() -> None:
    watch = TrendWatch()
    for day in range(30):
        watch.add(article(MONDAY - timedelta(days=day), number=day, collected_at=MONDAY))
    for number in range(100):
        watch.add(article(MONDAY, number=number))
    assert watch.close(MONDAY + HOUR) == ()


def test_a_silence_is_a_flatline_unless_it_is_ours() -> None:
    watch = TrendWatch()
    at = usual_weeks(watch, 4) + timedelta(hours=9)
    assert watch.close(at + timedelta(hours=5)) == ()  # nothing came at all: we were away
    for hour in range(5):
        watch.add(article(at + hour * HOUR, number=hour, language="fa", topics=()))
    found = watch.close(at + timedelta(hours=5))
    assert kinds(found) == {("flatline", "topic", "syria"), ("flatline", "language", "ar")}
    assert all(trend.seen == 0 and trend.expected >= 24 for trend in found)
    watch.add(article(at + timedelta(hours=5), language="fa", topics=()))
    assert {trend.trend_id for trend in watch.close(at + timedelta(hours=6))} == {trend.trend_id for trend in found}


def test_a_word_that_several_outlets_begin_to_use_is_new_once() -> None:
    terms = Terms()
    hour = 480_000
    for at in range(hour, hour + HOURS_A_WEEK):
        assert terms.add("tr", ["deprem", "ankara"], "a", at) == []
    now = hour + HOURS_A_WEEK
    found = [terms.add("tr", ["deprem", "oreshnik"], f"s{number % 3}", now + number) for number in range(8)]
    new = [one for batch in found for one in batch]
    assert [(one.term, one.articles, one.sources) for one in new] == [("oreshnik", 5, 3)]
    # one outlet alone, however often, and a word that comes slowly, are none
    assert not [one for number in range(30) for one in terms.add("tr", ["kumpanya"], "a", now)]
    assert not [one for number in range(30) for one in terms.add("tr", ["yavasca"], f"s{number}", now + 12 * number)]


def test_a_new_word_is_told_with_the_next_close() -> None:
    watch = TrendWatch()
    at = usual_weeks(watch, 2)
    for number in range(6):
        watch.add(article(at, number=number, title="أوريشنيك يصل"))
    (new,) = [trend for trend in watch.close(at + HOUR) if trend.kind == "new_term" and trend.term == "اوريشنيك"]
    assert (new.series, new.seen, new.sources) == (Series("language", "ar"), 5, 5)
    assert not [trend for trend in watch.close(at + HOUR) if trend.kind == "new_term"]


def test_counts_survive_a_restart() -> None:
    watch = TrendWatch()
    at = usual_weeks(watch, 4) + timedelta(hours=9)
    volumes = Volumes()
    volumes.since = watch.volumes.since
    for series, hour, count in watch.volumes.rows():
        volumes.add(series, hour, count)
    again = TrendWatch(volumes)
    for one in (watch, again):
        for number in range(60):
            one.add(article(at, number=number))
    expected = [trend for trend in watch.close(at + HOUR) if trend.kind == "spike"]
    assert expected and [trend for trend in again.close(at + HOUR) if trend.kind == "spike"] == expected


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(-3000, 3000)), max_size=300))
def test_memory_is_bounded(rows: list[tuple[int, int]]) -> None:
    volumes = Volumes(max_series=20, weeks=1)
    for number, hour in rows:
        volumes.add(Series("entity", str(number)), 480_000 + hour)
    assert len(volumes) <= 20
    terms = Terms(max_known=50, max_candidates=30)
    for number, hour in rows:
        terms.add("en", ["word" + "abcdefghij"[number % 10] * (number // 10 + 1)], "s", 480_000 + hour)


def test_the_command_goes_through_what_is_stored_and_shows_a_line_each() -> None:
    chance = random.Random(3)
    articles = []
    now = MONDAY + timedelta(weeks=4, hours=10)
    for hour in range(4 * HOURS_A_WEEK + 10):
        at = MONDAY + hour * HOUR
        articles += [article(at + timedelta(minutes=chance.randrange(60)), number=n) for n in range(6)]
    articles += [article(now - HOUR, number=n, collected_at=now - timedelta(minutes=5)) for n in range(50)]
    chance.shuffle(articles)
    found = find_trends(articles, now - timedelta(hours=24), now)
    assert {(trend.kind, trend.hour, trend.seen) for trend in found} == {("spike", now - HOUR, 56)}
    assert {line_of(trend) for trend in found} == {
        "2023-03-27 09:00  spike     topic syria: 56 articles, 6 expected (±10)",
        "2023-03-27 09:00  spike     language ar: 56 articles, 6 expected (±10)",
    }
