"""Story documents as articles come: one at a time as all at once, again and again, merged and split in any order."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from streams import codec
from streams.definitions import SourceDefinition
from streams.lineage import houses_of
from streams.model import Article, AttributionStep, EntityLabel, EventDate, FrameLabel, StoryChange, TopicLabel
from streams.stories.documents import MAX_FURTHER, MAX_REPORTS, Story, StoryDocument, report_of, story_document
from streams.stories.shelf import Shelf, relabelled
from tests.unit.stories.articles import BASE


def report(number: int, story: str = "a", **fields: object) -> Article:
    """An article of a story; every kind of thing that a document tells differs from article to article."""
    at: datetime = BASE + timedelta(minutes=number)
    given: dict[str, object] = {
        "article_id": f"{number:032x}",
        "story_id": story * 32,
        "source_id": f"s{number % 7}",
        "source_name": f"Source {number % 7}",
        "country": ("SY", "TR", None)[number % 3],
        "ownership": ("state", "opposition", "unknown")[number % 3],
        "title": f"Title {number}",
        "text": "Text",
        "language": ("ar", "fa", "en", "tr")[number % 4],
        "published_at": at,
        "collected_at": at,
        "enriched_at": at,
        "storied_at": at,
        "near_duplicate_of": f"{number - 5:032x}" if number % 5 == 4 and number > 5 else None,
        "entities": (EntityLabel(id=f"e{number % 11}", kind="person"), EntityLabel(id="syria", kind="country")),
        "topics": (TopicLabel(id="talks", score=1.0),),
        "frames": (FrameLabel(id=f"f{number % 2}", group="government"),),
        "attribution": (AttributionStep(name="TASS", source_id="tass"),) if number % 6 == 0 else (),
        "event_dates": (EventDate(first=at.date(), last=at.date()),),
        **fields,
    }
    return Article(**given)  # type: ignore[arg-type]


class Store:
    """What a store does, in memory: documents through the codec, articles by id and version."""

    def __init__(self) -> None:
        self.stories: dict[str, bytes] = {}
        self.articles: dict[str, Article] = {}
        self.written = 0

    def write(self, articles: Sequence[Article]) -> None:
        shelf = Shelf()
        while missing := shelf.missing(articles):
            shelf.give({story_id: self.document(story_id) for story_id in missing})
        shelf.take(articles)
        for article in shelf.labelled(articles):
            self._put(article)
        for document in itertools.chain(*shelf.changed()):
            self.stories[document.story_id] = codec.encode(document)
            self.written += 1
        for relabel in shelf.relabels.values():
            stored = self.articles.get(relabel.article_id)
            if stored is not None and (article := relabelled(stored, relabel)) is not None:
                self._put(article)

    def _put(self, article: Article) -> None:
        known = self.articles.get(article.article_id)
        if known is None or (known.revision, known.storied_at) < (article.revision, article.storied_at):
            self.articles[article.article_id] = article

    def document(self, story: str) -> StoryDocument | None:
        payload = self.stories.get(story * 32 if len(story) == 1 else story)
        return codec.decode(payload, StoryDocument) if payload is not None else None

    def said(self) -> dict[str, object]:
        """What its documents say, without how often each was stored."""
        found = {name: self.document(name) for name in self.stories}
        return {name: msgspec.structs.replace(one, revision=0) for name, one in found.items() if one is not None}

    def labels(self) -> dict[str, str | None]:
        return {article_id: article.story_id for article_id, article in self.articles.items()}


def in_batches(articles: Sequence[Article], size: int) -> Iterable[Sequence[Article]]:
    return (articles[place : place + size] for place in range(0, len(articles), size))


def test_article_by_article_comes_to_the_same_as_all_at_once_in_any_order() -> None:
    articles = [report(number, "ab"[number % 2]) for number in range(60)]
    expected = {name * 32: story_document(name * 32, [a for a in articles if a.story_id == name * 32]) for name in "ab"}
    for size, seed in ((1, 1), (7, 2), (60, 3)):
        store = Store()
        shuffled = random.Random(seed).sample(articles, len(articles))
        for batch in in_batches(shuffled, size):
            store.write(batch)
        assert store.said() == expected


def test_repetition_changes_and_writes_nothing() -> None:
    store = Store()
    articles = [report(number) for number in range(20)]
    store.write(articles)
    before, written = dict(store.stories), store.written
    store.write(articles)
    # Processed again by the stages: a later version that says the same.
    store.write([msgspec.structs.replace(a, storied_at=a.storied_at + timedelta(hours=1)) for a in articles[5:9]])
    assert store.stories == before and store.written == written


def test_an_edited_article_takes_the_place_of_its_old_self_and_an_old_one_does_not() -> None:
    store = Store()
    old = report(1)
    new = msgspec.structs.replace(old, revision=2, title="Edited", storied_at=old.storied_at + timedelta(hours=1))
    store.write([new])
    store.write([old])
    document = store.document("a")
    assert document is not None and document.articles == 1
    assert list(document.headlines.values()) == ["Edited"]


def test_a_very_large_story_is_bounded_and_still_counted() -> None:
    store = Store()
    count = MAX_REPORTS + 300
    articles = [report(number) for number in range(count)]
    for batch in in_batches(articles, 50):
        store.write(batch)
        store.write(batch)
    document = store.document("a")
    assert document is not None
    assert (document.articles, len(document.timeline), document.is_complete) == (count, MAX_REPORTS, True)
    assert document.timeline[0].title == "Title 0" and document.timeline[-1].title == f"Title {count - 1}"
    assert document.copies == sum(article.near_duplicate_of is not None for article in articles)
    assert sum(document.articles_per_hour.values()) == count
    assert document.entities["syria"] == document.topics["talks"] == count
    assert set(document.sources) == {f"Source {number}" for number in range(7)}
    assert len(store.stories["a" * 32]) < 250_000

    story = Story("b" * 32)
    for number in range(MAX_REPORTS + MAX_FURTHER + 10):
        story.add(report_of(report(number)))
    enough = story.document()
    assert not enough.is_complete and enough.articles == MAX_REPORTS + MAX_FURTHER
    assert len(codec.encode(enough)) < 400_000


def test_editions_of_one_house_are_one_source() -> None:
    source = SourceDefinition(id="tass", kind="agency", names={"en": ("TASS",)}, also=("tass-ar", "tass-en"))
    articles = [report(n, source_id=f"tass-{code}", attribution=(), near_duplicate_of=None) for n, code in enumerate(("ar", "en"))]  # fmt: skip
    alone = story_document("a" * 32, articles)
    together = story_document("a" * 32, articles, houses_of([source]))
    assert alone is not None and alone.independent_source_count == 2
    assert together is not None and together.independent_source_count == 1


def test_what_a_feed_wrote_does_not_break_a_document() -> None:
    odd = report(1, title="\ud83d half a pair \x00", source_name="", entities=(), url="https://x.example/\ud83d")
    assert story_document("a" * 32, [odd]) is not None


# --- merges and splits ----------------------------------------------------------------------------------------------

MERGE = StoryChange(kind="merge", story_id="b" * 32, into="a" * 32, decided_at=BASE + timedelta(days=1))
SPLIT = StoryChange(
    kind="split",
    story_id="a" * 32,
    into="c" * 32,
    articles=tuple(f"{number:032x}" for number in (2, 4, 6)),
    decided_at=BASE + timedelta(days=2),
)


def affair() -> list[Article]:
    """Two stories; one article shows that they are one, a later one that three articles are another's."""
    articles = [report(number, "ab"[number % 2]) for number in range(12)]
    articles.append(report(12, "a", story_changes=(MERGE,)))
    articles.append(report(13, "a", story_changes=(SPLIT,)))
    return [*articles, report(14, "a"), report(15, "c")]


def settled() -> dict[str, set[str]]:
    gone = {f"{number:032x}" for number in (2, 4, 6)}
    everything = {article.article_id for article in affair()}
    return {"a" * 32: everything - gone - {f"{15:032x}"}, "c" * 32: gone | {f"{15:032x}"}}


def check(store: Store) -> None:
    expected = settled()
    for story, members in expected.items():
        document = store.document(story)
        assert document is not None and document.merged_into is None
        assert {one.article_id for one in document.timeline} == members
        assert document.articles == len(members)
    empty = store.document("b")
    assert empty is not None and (empty.merged_into, empty.articles) == ("a" * 32, 0)
    assert store.labels() == {one: story for story, members in expected.items() for one in members}


def test_merged_and_split_articles_are_found_under_their_new_story() -> None:
    store = Store()
    for article in affair():
        store.write([article])
    check(store)
    joined = store.document("a")
    assert joined is not None and joined.changes == (MERGE, SPLIT)
    left = store.document("c")
    assert left is not None and left.changes == (SPLIT,) and left.first_time == BASE + timedelta(minutes=2)


@given(st.randoms(use_true_random=False), st.integers(1, 8))
def test_order_and_repetition_do_not_matter(chance: random.Random, size: int) -> None:
    # As workers on several partitions meet them: in any order, some of them twice, some before their story is known.
    articles = affair() + chance.choices(affair(), k=8)
    chance.shuffle(articles)
    store = Store()
    for batch in in_batches(articles, size):
        store.write(batch)
    check(store)
    said = store.said()
    store.write(affair())
    assert store.said() == said and store.written >= len(said)


def test_a_large_story_is_merged_whole() -> None:
    store = Store()
    many = [report(number, "b") for number in range(MAX_REPORTS + 100)]
    store.write(many)
    store.write([report(5000, "a"), report(5001, "a", story_changes=(MERGE,))])
    document = store.document("a")
    assert document is not None and document.articles == len(many) + 2
    store.write([report(5001, "a", story_changes=(MERGE,)), *many[:30]])
    assert store.document("a") == document
    assert set(store.labels().values()) == {"a" * 32}


def test_merges_in_a_circle_end() -> None:
    store = Store()
    back = StoryChange(kind="merge", story_id="a" * 32, into="b" * 32, decided_at=BASE)
    store.write([report(1, "a"), report(2, "b")])
    store.write([report(3, "a", story_changes=(MERGE,)), report(4, "b", story_changes=(back,))])
    document = store.document("a")
    assert document is not None and document.articles == 4 and document.merged_into is None
