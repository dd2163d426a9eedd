"""Which story an article joins, that its place lasts, and what is kept of it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.model import Article, EnrichedArticle
from streams.stories.fingerprint import Fingerprint
from streams.stories.profile import Rarity
from streams.stories.signals import signals_of
from streams.stories.state import MAX_STATE_BYTES, StateError, decode_state, encode_state
from streams.stories.window import WINDOW, StoryWindow
from streams.story import StoryStage
from streams.text.document import Document
from tests.unit.stories.articles import BASE, FLOOD, MEETING, enriched

MINISTERS = ("sergei-shoigu", "hulusi-akar", "moscow", "damascus")
NORMALIZATION = ("syria-turkey-normalization",)
APRIL, DECEMBER = date(2023, 4, 25), date(2022, 12, 28)


def place(window: StoryWindow, article: EnrichedArticle) -> str:
    return window.place(article, Document.of(article.title, article.text, article.language)).placed.story_id


def reports() -> list[EnrichedArticle]:
    """Reports of one meeting in three languages, one of a flood, one of a meeting of the same men four months before."""
    arabic = "التقى وزراء دفاع أربع دول في العاصمة الروسية وبحثوا عودة العلاقات بين دمشق وأنقرة وانسحاب القوات"
    persian = "نشست چهارجانبه وزیران دفاع در مسکو با تاکید بر عادی سازی روابط سوریه و ترکیه پایان یافت"
    december = (
        "Three ministers sat down in the Russian capital for the first time in eleven years and spoke of refugees."
    )
    return [
        enriched(1, text=december, hours=-24 * 118, entities=MINISTERS, topics=NORMALIZATION, days=[DECEMBER]),
        enriched(2, text=MEETING, entities=MINISTERS, topics=NORMALIZATION, days=[APRIL, DECEMBER]),
        enriched(3, text=FLOOD, hours=1, entities=("shiraz",)),
        enriched(4, text=arabic, language="ar", hours=2, entities=MINISTERS, topics=NORMALIZATION, days=[APRIL]),
        enriched(5, text=persian, language="fa", hours=20, entities=MINISTERS[:3], topics=NORMALIZATION, days=[APRIL]),
    ]


def test_reports_of_one_event_are_one_story_in_any_language_and_other_events_are_others() -> None:
    window = StoryWindow()
    stories = [place(window, article) for article in reports()]
    assert stories[1] == stories[3] == stories[4]
    assert len(set(stories)) == 3
    assert stories[1] == reports()[1].article_id, "a story has the id of its first article"


def test_why_an_article_joined_is_told() -> None:
    stage = StoryStage()
    placed = [stage.place(article, BASE) for article in reports()]
    assert placed[1].story_links == ()
    kinds = {link.kind: link for link in placed[3].story_links}
    assert "sergei-shoigu" in kinds["entities"].detail and kinds["entities"].weight > 1
    copy = stage.place(enriched(9, text=MEETING + " Another paragraph of our own stands here.", hours=3), BASE)
    assert copy.near_duplicate_of == placed[1].article_id
    assert copy.story_id == placed[1].story_id and copy.wire_copy
    assert [link.kind for link in copy.story_links] == ["copy"]
    assert copy.similarity is not None and copy.similarity > 0.9


def test_the_same_order_gives_the_same_places_and_repetition_changes_none() -> None:
    first, second = StoryWindow(), StoryWindow()
    assert [place(first, article) for article in reports()] == [place(second, article) for article in reports()]
    before = [place(first, article) for article in reports()]
    shuffled = reports()
    random.Random(3).shuffle(shuffled)
    again = {article.article_id: place(first, article) for article in shuffled}
    assert [again[article.article_id] for article in reports()] == before
    assert first.articles == len(reports())


def test_an_edited_article_keeps_its_story_and_its_new_text_is_what_copies_are_made_of() -> None:
    window = StoryWindow()
    original = enriched(1, text=MEETING, entities=MINISTERS)
    story = place(window, original)
    edited = enriched(1, text=FLOOD, entities=("shiraz",), hours=1, revision=2)
    assert place(window, edited) == story
    copy = window.place(enriched(2, text=FLOOD, hours=2), Document.of("", FLOOD, "en")).placed
    assert copy.near_duplicate_of == original.article_id


def test_an_article_met_again_or_edited_keeps_its_evidence_also_after_a_restart() -> None:
    stage = StoryStage(keeps_state=True)
    copy = enriched(9, text=MEETING + " Another paragraph of our own stands here.", hours=3)
    articles = [*reports(), copy]
    before = [stage.place(article, BASE) for article in articles]
    assert before[3].story_links and before[-1].story_links[0].kind == "copy"
    edited = [msgspec.structs.replace(article, revision=2, title="Edited") for article in articles]
    after = StoryStage()
    assert after.restore([kept.record for kept in stage.take_kept()]) == 0
    for again in (stage, after):
        live = [place for place, article in enumerate(before) if article.article_id in _live(articles)]
        assert [again.place(edited[place], BASE).story_links for place in live] == [
            before[place].story_links for place in live
        ]


def test_a_window_that_is_built_again_goes_on_as_if_nothing_had_happened() -> None:
    articles = reports() + [enriched(20 + n, text=f"{FLOOD} {n}", hours=n, entities=("shiraz",)) for n in range(4)]
    whole = StoryStage()
    expected = [_place(whole, article) for article in articles]
    for cut in range(len(articles) + 1):
        before = StoryStage(keeps_state=True)
        found = [_place(before, article) for article in articles[:cut]]
        after = StoryStage()
        assert after.restore([kept.record for kept in before.take_kept()]) == 0
        found += [_place(after, article) for article in articles[cut:]]
        assert found == expected, cut
        # Met again after the restart: the place it had.
        assert [_place(after, article) for article in articles if article.article_id in _live(articles)] == [
            one for article, one in zip(articles, expected, strict=True) if article.article_id in _live(articles)
        ]


def _live(articles: Sequence[EnrichedArticle]) -> set[str]:
    latest = max(article.collected_at for article in articles)
    return {article.article_id for article in articles if latest - article.collected_at < WINDOW}


def _place(stage: StoryStage, article: EnrichedArticle) -> tuple[str | None, str | None, float | None, bool]:
    placed: Article = stage.place(article, BASE)
    return placed.story_id, placed.near_duplicate_of, placed.similarity, placed.wire_copy


def test_a_faulty_record_costs_its_article_only() -> None:
    stage = StoryStage(keeps_state=True)
    stage.place(reports()[1], BASE)
    [kept] = stage.take_kept()
    other = StoryStage()
    assert other.restore([b"", b"rubbish", kept.record[:-3], b"\x91\x63", kept.record]) == 4
    assert other.window.articles == 1
    with pytest.raises(StateError):
        decode_state(b"\x91\x63")


def test_the_window_moves_on_and_forgets() -> None:
    window = StoryWindow(timedelta(days=7))
    for day in range(30):
        place(window, enriched(day, text=f"{FLOOD} {day * 7919}", hours=24 * day, entities=(f"town-{day}",)))
    assert window.articles <= 8
    assert window.stories <= 8
    assert window.begins == BASE + timedelta(days=29 - 7)
    small = StoryWindow(max_articles=5)
    for number in range(20):
        place(small, enriched(number, text=f"{FLOOD} {number * 7919}", entities=(f"town-{number}",)))
    assert small.articles == 5 and small.stories <= 5


def test_a_late_article_joins_the_story_of_its_day() -> None:
    window = StoryWindow()
    story = place(window, reports()[1])
    for number in range(5):
        place(window, enriched(50 + number, text=f"{FLOOD} {number}", hours=24 * number, entities=("shiraz",)))
    late = enriched(
        70,
        text="The four ministers are said to meet again.",
        hours=3,
        entities=MINISTERS,
        topics=NORMALIZATION,
        days=[APRIL],
    )
    assert place(window, late) == story


def test_a_bulletin_of_the_next_day_is_another_story() -> None:
    window = StoryWindow()
    text = "Dollar {} tomans, euro {} tomans, coin {} tomans on the free market of Tehran today, says our economic desk, as always."
    first = enriched(1, text=text.format(53200, 58900, 31150000), source="bourse", entities=("tehran",))
    second = enriched(2, text=text.format(52850, 58450, 30900000), source="bourse", entities=("tehran",), hours=24)
    assert place(window, first) != place(window, second)


@given(st.data())
def test_what_is_kept_is_small_and_comes_back_whole(data: st.DataObject) -> None:
    words = st.text(st.characters(exclude_categories=("Cs",)), max_size=60)
    numbers = " ".join(str(number) for number in data.draw(st.lists(st.integers(0, 10**9), max_size=60)))
    text = f"{data.draw(words)} {numbers} " + " ".join(
        f"word{number}" for number in range(data.draw(st.integers(0, 900)))
    )
    article = enriched(
        data.draw(st.integers(0, 9)),
        title=data.draw(words),
        text=text,
        language=data.draw(st.sampled_from(["ar", "en", "zh-Hant-TW", "und"])),
        source=data.draw(words),
        entities=[f"entity-{number}" for number in range(data.draw(st.integers(0, 60)))],
        topics=[f"topic-{number}" for number in range(data.draw(st.integers(0, 20)))],
        days=[date(2023, 4, 1) + timedelta(days=number) for number in range(data.draw(st.integers(0, 12)))],
        published_at=data.draw(st.datetimes(datetime(1971, 1, 1), datetime(2199, 1, 1), timezones=st.just(UTC))),  # noqa: DTZ001
    )
    window = StoryWindow()
    document = Document.of(article.title, article.text, article.language)
    placed = window.place(article, document).placed
    record = encode_state(placed)
    assert len(record) <= MAX_STATE_BYTES
    again = decode_state(record)
    assert (
        again.signals == placed.signals == signals_of(article, document, Rarity().terms)
        or len(placed.signals.terms) == 20
    )
    assert again.fingerprint.windows == Fingerprint.of(document).sketch
    assert (again.story_id, again.near_duplicate_of) == (placed.story_id, placed.near_duplicate_of)
