"""What a poll means. No I/O: documents are made of parsed entries, polls follow one another."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.collect.decide import decide
from agent.collect.records import Decision, Polled
from agent.collect.state import MAX_SEEN, FeedState, decode_states
from agent.feeds.definitions import FeedDefinition
from agent.parse.records import ParsedEntry, ParsedFeed
from agent.settings import CollectSettings
from streams import codec
from streams.identity import article_id

NOW = datetime(2023, 1, 5, 12, 0, tzinfo=UTC)
LONG = "The ministers met in Moscow for the first time in eleven years, and said that they would meet again soon. " * 2


def entry(number: int | str, **changes: object) -> ParsedEntry:
    url = changes.pop("url", f"https://gazette.example/news/{number}")
    values: dict[str, object] = {
        "url": url,
        "canonical_url": url,
        "guid": f"guid-{number}",
        "title": f"Headline {number}",
        "text": f"What happened in story {number}.",
        "published_at": NOW - timedelta(hours=1),
    }
    return ParsedEntry(**(values | changes))  # type: ignore[arg-type]


@dataclass
class Feed:
    """A feed that is polled again and again, with its state and everything that it published."""

    name: str = "main"
    source_id: str = "gazette"
    settings: CollectSettings = field(default_factory=CollectSettings)
    published: list[tuple[str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        url = f"https://gazette.example/{self.name}.xml"
        self.definition = FeedDefinition(url=url, source_id=self.source_id, name="Invented Gazette")
        self.state = FeedState(feed_url=url, source_id=self.source_id)
        self.now = NOW

    def poll(self, *entries: ParsedEntry, siblings: Sequence[Feed] = (), **changes: object) -> Decision:
        parsed = ParsedFeed(format="rss20", site_url="https://gazette.example/", entries=entries)
        return self.polled(Polled(outcome="ok", feed=msgspec.structs.replace(parsed, **changes)), siblings)

    def polled(self, polled: Polled, siblings: Sequence[Feed] = ()) -> Decision:
        self.now += timedelta(minutes=10)
        others = [sibling.state for sibling in siblings]
        decision = decide(self.definition, self.state, polled, self.now, self.settings, others)
        # Through the codec each time, as between two lives of a collector.
        payload = codec.encode(decision.state)
        self.state = decode_states({self.definition.url: payload})[self.definition.url]
        assert self.state == decision.state
        self.published += [(article.title, article.revision) for article in decision.articles]
        return decision


def ids(decision: Decision) -> set[str]:
    return {article.article_id for article in decision.articles}


def test_a_first_poll_publishes_everything_oldest_first() -> None:
    feed = Feed()
    decision = feed.poll(entry(2), entry(1))
    assert [(a.title, a.revision) for a in decision.articles] == [("Headline 1", 1), ("Headline 2", 1)]
    assert decision.entries == {"new": 2}
    article = decision.articles[0]
    assert article.article_id == article_id(canonical_url="https://gazette.example/news/1")
    assert (article.source_id, article.source_name, article.feed_url) == (
        "gazette",
        "Invented Gazette",
        "https://gazette.example/main.xml",
    )


def test_an_unchanged_entry_is_never_published_again() -> None:
    feed = Feed()
    feed.poll(entry(1), entry(2))
    for _ in range(3):
        assert feed.poll(entry(1), entry(2)).entries == {"unchanged": 2}
    assert len(feed.published) == 2


@pytest.mark.parametrize(
    "changes",
    [{"title": "Another headline"}, {"text": "Another text."}, {"guid": "another-guid"}],
    ids=["title", "text", "guid"],
)
def test_an_edit_is_a_new_revision_of_the_same_article(changes: dict[str, object]) -> None:
    feed = Feed()
    first = feed.poll(entry(1), entry(2))
    second = feed.poll(entry(1, **changes), entry(2))
    assert second.entries == {"edited": 1, "unchanged": 1}
    (article,) = second.articles
    assert article.revision == 2
    assert ids(second) < ids(first)
    assert not feed.poll(entry(1, **changes), entry(2)).articles


def test_revisions_count_on() -> None:
    feed = Feed()
    for number in range(5):
        feed.poll(entry(1, title=f"Draft {number}"))
    assert feed.published == [(f"Draft {number}", number + 1) for number in range(5)]


def test_changes_that_are_no_edit_publish_nothing() -> None:
    feed = Feed()
    feed.poll(entry(1))
    same_page = entry(1, url="https://gazette.example/news/1?utm_source=rss")
    same_page = msgspec.structs.replace(same_page, canonical_url="https://gazette.example/news/1")
    for changed in (same_page, entry(1, published_at=NOW), entry(1, tags=("politics",)), entry(1, text="")):
        assert not feed.poll(changed).articles
    assert not feed.poll(entry(1)).articles  # and the text that was gone for a moment is no edit either


def test_an_entry_that_falls_out_and_comes_back_is_known() -> None:
    feed = Feed()
    feed.poll(entry(1), entry(2))
    feed.poll(entry(2), entry(3))
    assert feed.poll(entry(1), entry(2)).entries == {"unchanged": 2}


def test_a_new_order_changes_nothing() -> None:
    feed = Feed()
    entries = [entry(number) for number in range(20)]
    feed.poll(*entries)
    assert not feed.poll(*reversed(entries)).articles


def test_two_versions_of_one_article_in_one_document_are_one_whatever_their_order() -> None:
    feed = Feed()
    old = entry(1, title="First report", guid="a#0", published_at=NOW - timedelta(hours=2))
    new = entry(1, title="Second report", guid="a#1", published_at=NOW - timedelta(hours=1))
    assert [a.title for a in feed.poll(old, new).articles] == ["Second report"]
    assert not feed.poll(new, old).articles
    assert not feed.poll(new).articles


# --- entries that lack what would tell them apart ---


def test_without_link_the_guid_decides_and_without_both_the_title() -> None:
    feed = Feed()
    first = feed.poll(entry(1, url=None), entry(2, url=None, guid=None))
    assert first.entries == {"new": 2}
    assert first.faults == {"no_link": 2, "no_guid": 1}
    assert not feed.poll(entry(1, url=None), entry(2, url=None, guid=None)).articles
    edited = feed.poll(entry(1, url=None, title="New title"), entry(2, url=None, guid=None, text="New text"))
    assert edited.entries == {"edited": 2}
    assert ids(edited) == ids(first)


def test_the_same_guid_at_two_feeds_without_links_is_two_articles() -> None:
    one, two = Feed("one", "source-one"), Feed("two", "source-two")
    assert ids(one.poll(entry(1, url=None))) != ids(two.poll(entry(1, url=None)))


def test_duplicate_guids_in_a_document_do_not_merge_articles() -> None:
    feed = Feed()
    entries = [entry(number, guid="same") for number in range(4)]
    decision = feed.poll(*entries)
    assert decision.entries == {"new": 4}
    assert decision.faults == {"duplicate_guid": 3}
    assert not feed.poll(*entries).articles
    unlinked = Feed("unlinked")
    entries = [entry(number, guid="same", url=None) for number in range(4)]
    assert unlinked.poll(*entries).entries == {"new": 4}
    assert not unlinked.poll(*reversed(entries)).articles


def test_entries_that_all_link_to_the_front_page_stay_apart() -> None:
    feed = Feed()
    front = "https://gazette.example/"
    entries = [entry(number, url=front) for number in range(3)]
    assert feed.poll(*entries).entries == {"new": 3}
    # What was learned about the address outlasts the document that taught it.
    assert feed.poll(entry(2, url=front), entry(3, url=front)).entries == {"new": 1, "unchanged": 1}
    assert feed.poll(entry(4, url=front)).entries == {"new": 1}


def test_an_entry_of_nothing_is_rejected_and_counted() -> None:
    feed = Feed()
    decision = feed.poll(ParsedEntry(), entry(1))
    assert decision.entries == {"rejected": 1, "new": 1}
    assert decision.faults == {"no_guid": 1, "no_link": 1, "empty": 1, "missing_date": 1}


# --- what feeds do with GUIDs and links ---


def test_guids_that_change_at_every_poll_are_found_out() -> None:
    feed = Feed()
    for poll in range(10):
        feed.poll(*(entry(number, guid=f"{poll}-{number}") for number in range(8)))
    assert len(feed.published) == 8
    assert feed.state.guids_are_unstable
    # An edit is still seen.
    changed = feed.poll(entry(0, guid="x", title="New"), *(entry(n, guid=f"y-{n}") for n in range(1, 8)))
    assert changed.entries == {"edited": 1, "unchanged": 7}


def test_guids_that_change_at_every_poll_without_links_are_found_out() -> None:
    feed = Feed()
    for poll in range(10):
        feed.poll(*(entry(number, guid=f"{poll}-{number}", url=None) for number in range(8)))
    assert len(feed.published) == 8


@pytest.mark.parametrize("has_link", [True, False])
def test_one_entry_whose_guid_changes_at_every_poll_is_published_a_bounded_number_of_times(has_link: bool) -> None:
    feed = Feed()
    url = "https://gazette.example/news/1" if has_link else None
    for poll in range(20):
        decision = feed.poll(entry(1, guid=f"random-{poll}", url=url))
        assert ids(decision) <= {decision.state.seen[:16].hex()}
    assert len(feed.published) <= 3
    assert {decision.state.seen[:16].hex()} == {next(feed.state.entries()).article_id.hex()}


def test_guids_and_dates_that_change_at_every_poll_without_links() -> None:
    feed = Feed()
    for poll in range(10):
        feed.poll(
            *(entry(n, guid=f"{poll}-{n}", url=None, published_at=NOW + timedelta(minutes=poll)) for n in range(5))
        )
    assert len(feed.published) == 5


def test_session_ids_in_links_do_not_make_new_articles() -> None:
    feed = Feed()
    for poll in range(6):
        feed.poll(*(entry(n, url=f"https://gazette.example/news/{n}?session={poll}") for n in range(6)))
    assert len(feed.published) == 6
    renamed = Feed("renamed")
    for poll in range(6):
        url = "https://gazette.example/news/{}?session=" + str(poll)
        renamed.poll(*(entry(n, url=url.format(n), guid=url.format(n)) for n in range(6)))
    assert len(renamed.published) == 6


def test_an_article_whose_address_follows_its_title_stays_one_article() -> None:
    feed = Feed()
    first = feed.poll(entry(1, url="https://gazette.example/old-title", title="Old title", text=LONG))
    second = feed.poll(entry(1, url="https://gazette.example/new-title", title="New title", text=LONG))
    assert second.entries == {"edited": 1}
    assert ids(first) == ids(second)


def test_guids_that_number_the_places_of_a_feed_lose_no_article() -> None:
    feed = Feed()
    feed.poll(*(entry(f"old-{n}", guid=str(n)) for n in range(5)))
    assert feed.poll(*(entry(f"new-{n}", guid=str(n)) for n in range(5))).entries == {"new": 5}


def test_two_articles_with_the_same_words_at_once_are_two() -> None:
    feed = Feed()
    twins = [entry(n, title="Photos of the day", text="") for n in range(2)]
    assert feed.poll(*twins).entries == {"new": 2}
    assert feed.poll(entry(2, title="Photos of the day", text="", published_at=NOW), *twins).entries == {
        "new": 1,
        "unchanged": 2,
    }


# --- feeds of one source ---


def test_a_page_in_two_feeds_of_a_source_is_published_once() -> None:
    main, sport = Feed("main"), Feed("sport")
    main.poll(entry(1), entry(2))
    decision = sport.poll(entry(2, text="Cut shorter."), entry(3), siblings=[main])
    assert decision.entries == {"known_elsewhere": 1, "new": 1}
    assert [a.title for a in decision.articles] == ["Headline 3"]
    assert sport.poll(entry(2, text="Cut shorter."), entry(3), siblings=[main]).entries == {"unchanged": 2}


def test_another_feed_of_another_source_does_not_matter() -> None:
    one, other = Feed("one", "source-one"), Feed("other", "source-other")
    one.poll(entry(1))
    assert other.poll(entry(1)).entries == {"new": 1}


@pytest.mark.parametrize("owner_is_polled_first", [True, False])
def test_an_edit_seen_in_both_feeds_is_one_revision(owner_is_polled_first: bool) -> None:
    main, sport = Feed("main"), Feed("sport")
    main.poll(entry(1))
    sport.poll(entry(1), siblings=[main])
    polls = [(main, sport), (sport, main)] if owner_is_polled_first else [(sport, main), (main, sport)]
    for feed, sibling in polls * 2:
        feed.poll(entry(1, title="Edited"), siblings=[sibling])
    assert main.published + sport.published == [("Headline 1", 1), ("Edited", 2)]


def test_the_second_feed_takes_an_article_over_that_the_first_lists_no_more() -> None:
    main, sport = Feed("main"), Feed("sport")
    first = main.poll(entry(1))
    sport.poll(entry(1), siblings=[main])
    main.poll(entry(2))
    edited = sport.poll(entry(1, title="Edited"), siblings=[main])
    assert [(a.title, a.revision) for a in edited.articles] == [("Edited", 2)]
    assert ids(edited) == ids(first)
    assert not main.poll(entry(1, title="Edited"), siblings=[sport]).articles


# --- dates ---


@pytest.mark.parametrize(
    ("published_at", "reliable", "fault"),
    [
        (NOW - timedelta(days=1), True, None),
        (NOW + timedelta(hours=12), True, None),
        (NOW + timedelta(days=3), False, "future_date"),
        (NOW - timedelta(days=365 * 12), False, "old_date"),
        (None, False, "missing_date"),
    ],
)
def test_dates_are_kept_and_judged(published_at: datetime | None, reliable: bool, fault: str | None) -> None:
    feed = Feed()
    decision = feed.poll(entry(1, published_at=published_at))
    (article,) = decision.articles
    assert (article.published_at, article.date_is_reliable) == (published_at, reliable)
    assert decision.faults == ({fault: 1} if fault else {})
    assert feed.state.entry_faults == decision.faults


def test_a_date_that_could_not_be_read_is_no_missing_date() -> None:
    decision = Feed().poll(entry(1, published_at=None, faults=("bad_date",)))
    assert decision.faults == {"bad_date": 1}
    assert not decision.articles[0].date_is_reliable


# --- polls that bring nothing ---


def test_a_failed_poll_keeps_everything_and_counts_by_class() -> None:
    feed = Feed()
    feed.polled(
        Polled(
            outcome="ok",
            etag='"v1"',
            last_modified="x",
            body_hash="h",
            feed=ParsedFeed(format="rss20", entries=(entry(1),)),
        )
    )
    before = feed.state
    for outcome in ("timeout", "not_a_feed", "timeout"):
        feed.polled(Polled(outcome=outcome, detail="no answer"))
    assert feed.state.failures == {"timeout": 2, "not_a_feed": 1}
    assert feed.state.consecutive_failures == 3
    assert (feed.state.etag, feed.state.last_modified, feed.state.body_hash) == ('"v1"', "x", "h")
    assert (feed.state.seen, feed.state.last_ok_at) == (before.seen, before.last_ok_at)
    feed.polled(Polled(outcome="not_modified", status=304))
    assert feed.state.consecutive_failures == 0
    assert feed.state.etag == '"v1"'
    assert feed.state.failures == {"timeout": 2, "not_a_feed": 1}


def test_the_same_bytes_again_are_unchanged_entries() -> None:
    feed = Feed()
    feed.poll(entry(1), entry(2))
    assert feed.polled(Polled(outcome="ok", is_same_body=True)).entries == {"unchanged": 2}


def test_gone_stops_a_feed() -> None:
    feed = Feed()
    feed.polled(Polled(outcome="gone", status=410))
    assert feed.state.stopped
    assert feed.state.next_poll_at is None


def test_back_off_grows_and_never_ends() -> None:
    feed = Feed()
    waits = []
    for _ in range(30):
        feed.polled(Polled(outcome="not_a_feed"))
        assert feed.state.next_poll_at is not None
        waits.append((feed.state.next_poll_at - feed.now).total_seconds())
    assert waits[0] < 700
    assert all(later >= 0.9 * earlier for earlier, later in itertools.pairwise(waits))
    assert 86_400 <= max(waits) <= 86_400 * 1.1


def test_retry_after_is_obeyed() -> None:
    feed = Feed()
    feed.polled(Polled(outcome="rate_limited", status=429, retry_after_seconds=7200))
    assert feed.state.next_poll_at is not None
    assert feed.state.next_poll_at - feed.now >= timedelta(hours=2)


# --- bounds ---


def test_a_state_stays_small_and_knows_at_least_the_whole_document() -> None:
    feed = Feed()
    entries = [entry(number) for number in range(10_000)]
    feed.poll(*entries)
    assert len(codec.encode(feed.state)) < 900_000
    assert not feed.poll(*entries).articles
    feed.poll(*(entry(number) for number in range(10_000, 20_000)))
    assert len(list(feed.state.entries())) <= MAX_SEEN
    assert len(codec.encode(feed.state)) < 900_000


def test_a_short_feed_remembers_what_it_listed_days_ago() -> None:
    feed = Feed()
    for start in range(0, 150, 5):
        feed.poll(*(entry(number) for number in range(start, start + 10)))
    assert not feed.poll(*(entry(number) for number in range(10))).articles


def test_entries_past_the_limit_are_told() -> None:
    decision = Feed().poll(entry(1), left_out=7)
    assert decision.entries == {"new": 1, "rejected": 7}
    assert decision.faults == {"too_large": 7}


names = st.sampled_from(["a", "b", "c", "d", "e"])
entries = st.builds(
    lambda url, guid, title, text: ParsedEntry(
        url=url and f"https://gazette.example/{url}",
        canonical_url=url and f"https://gazette.example/{url}",
        guid=guid,
        title=title or "",
        text=text or "",
    ),
    url=st.none() | names,
    guid=st.none() | names,
    title=st.none() | names,
    text=st.none() | names,
)


@given(st.lists(st.lists(entries, max_size=6), min_size=1, max_size=5))
def test_whatever_a_feed_does_a_repeated_document_settles(documents: list[list[ParsedEntry]]) -> None:
    feed = Feed()
    for document in documents:
        decision = feed.poll(*document)
        assert sum(decision.entries.values()) == len(document)
        assert len(ids(decision)) == len(decision.articles)  # one document never publishes an article twice
    for _ in range(3):
        last = feed.poll(*documents[-1])
    assert not last.articles
    assert not feed.poll(*reversed(documents[-1])).articles
