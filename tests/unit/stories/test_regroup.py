"""Stories that are found to be one, and one that is found to be two; the same again after every restart."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import msgspec
import pytest

from streams.model import Article, EnrichedArticle, StoryChange, StoryLink
from streams.stories.regroup import LEAST_GROUP, Member, find_split
from streams.stories.state import MAX_STATE_BYTES, Changed, change_key, decode_state, encode_change
from streams.story import StoryStage
from tests.unit.stories.articles import BASE, FLOOD, enriched
from tests.unit.stories.dispatch import dispatch, made_up_words

TOPIC = ("syria-turkey-normalization",)
APRIL = date(2023, 4, 25)
ENGLISH = "Four ministers sat down together in the capital and spoke for two hours behind closed doors about refugees."
RUSSIAN = "Стороны обсудили возвращение беженцев и договорились продолжить встречи в этом составе уже в мае."
ARABIC = "بحث المجتمعون عودة اللاجئين وفتح الطرق واتفقوا على مواصلة اللقاءات في الشهر المقبل بحضور الخبراء"
TURKISH = "Toplantıda mültecilerin dönüşü ve yolların açılması konuşuldu, görüşmelerin sürmesi kararlaştırıldı."


def affair(days: tuple[date, date] = (APRIL, APRIL)) -> list[EnrichedArticle]:
    """Two beginnings of one story that share no name, and a report that names everybody; then one more."""
    return [
        enriched(1, text=ENGLISH, entities=("sergei-shoigu", "hulusi-akar"), topics=TOPIC, days=[days[0]]),
        enriched(2, text=RUSSIAN, language="ru", hours=1, entities=("ali-abbas", "ashtiani"), topics=TOPIC, days=[days[1]]),
        enriched(3, text=FLOOD, hours=1, entities=("shiraz",)),
        enriched(4, text=ARABIC, language="ar", hours=2, entities=("sergei-shoigu", "hulusi-akar", "ali-abbas", "ashtiani"), topics=TOPIC,
                 days=[days[0]]),
        enriched(5, text=TURKISH, language="tr", hours=3, entities=("ali-abbas", "ashtiani"), topics=TOPIC, days=[days[1]]),
    ]  # fmt: skip


def placed(stage: StoryStage, articles: Sequence[EnrichedArticle]) -> list[Article]:
    return [stage.place(article, BASE + timedelta(days=1, microseconds=123_456)) for article in articles]


def test_an_article_that_surely_belongs_to_two_stories_shows_that_they_are_one() -> None:
    first, second, flood, bridge, last = placed(StoryStage(), affair())
    assert len({first.story_id, second.story_id, flood.story_id}) == 3, "as far as was known then"
    [change] = bridge.story_changes
    assert (change.kind, change.story_id, change.into) == ("merge", second.story_id, first.story_id)
    assert change.evidence[0].kind == "article" and change.evidence[0].detail == bridge.article_id
    assert {link.kind for link in change.evidence} >= {"article", "day", "topics"}
    assert bridge.story_id == last.story_id == first.story_id and last.story_changes == ()


def test_stories_of_different_days_stay_apart_whoever_names_both() -> None:
    articles = placed(StoryStage(), affair((APRIL, APRIL - timedelta(days=4))))
    assert not any(article.story_changes for article in articles)
    assert articles[0].story_id != articles[1].story_id


def test_a_text_that_copies_two_stories_shows_that_they_are_one_and_a_digest_does_not() -> None:
    # What two outlets have made of one dispatch shares too little to be copies of one another.
    *parts, whole_text = dispatch()
    stage = StoryStage()
    one, other = placed(stage, [enriched(n, text=parts[n], entities=(f"e{n}",), hours=n) for n in range(2)])
    assert one.story_id != other.story_id
    [whole] = placed(stage, [enriched(2, text=whole_text, hours=3)])
    [change] = whole.story_changes
    assert whole.near_duplicate_of and (change.story_id, change.into) == (other.story_id, one.story_id)

    for count in (2, 3):
        stage = StoryStage()
        names = made_up_words(90)
        apart = [" ".join(f"{name} happened there;" for name in names[at : at + 30]) for at in (0, 30, 60)][:count]
        placed(stage, [enriched(n, text=apart[n], entities=(f"e{n}",), hours=n) for n in range(count)])
        [digest] = placed(stage, [enriched(9, text=" ".join(apart), hours=4)])
        assert digest.near_duplicate_of and digest.story_changes == ()


def test_an_article_met_again_has_its_new_story_and_shows_the_same_again() -> None:
    stage = StoryStage()
    before = placed(stage, affair())
    again = placed(stage, affair())
    assert [article.story_id for article in again] == [
        before[0].story_id, before[0].story_id, before[2].story_id, before[0].story_id, before[0].story_id
    ]  # fmt: skip
    assert [article.story_changes for article in again] == [article.story_changes for article in before]


@pytest.mark.parametrize("repeats", [False, True])
def test_the_same_comes_after_a_restart_at_any_moment(repeats: bool) -> None:
    articles = [
        *affair(),
        *(enriched(20 + n, text=f"{FLOOD} {n}", hours=4 + n, entities=("shiraz",)) for n in range(3)),
    ]
    expected = [(a.story_id, a.story_changes, a.near_duplicate_of) for a in placed(StoryStage(), articles)]
    for cut in range(len(articles) + 1):
        before = StoryStage(keeps_state=True)
        found = placed(before, articles[:cut])
        kept: dict[str, bytes] = {}
        for one in before.take_kept():
            kept[one.key] = one.record
        assert all(len(record) <= MAX_STATE_BYTES for record in kept.values())
        after = StoryStage()
        assert after.restore(kept.values()) == 0
        if repeats and cut:
            # Stored, and not acknowledged: it comes once more, and shows once more what it had shown.
            [again] = placed(after, articles[cut - 1 : cut])
            assert (again.story_id, again.story_changes) == (found[-1].story_id, found[-1].story_changes)
        found += placed(after, articles[cut:])
        assert [(a.story_id, a.story_changes, a.near_duplicate_of) for a in found] == expected, cut


# --- splits ---------------------------------------------------------------------------------------------------------


def member(number: int, day: date, *names: str, last: date | None = None) -> Member:
    weight = len(names) ** -0.5
    at = datetime.combine(day, BASE.timetz()) + timedelta(hours=number)
    first = day.toordinal()
    return Member(f"{number:032x}", at, first, (last or day).toordinal(), {hash(name): weight for name in names})


def two_groups(*, apart: int = 4, size: int = LEAST_GROUP) -> list[Member]:
    early = [member(number, APRIL, "shoigu", "akar", f"x{number}") for number in range(size)]
    late = [member(50 + n, APRIL + timedelta(days=apart), "lavrov", "fidan", f"x{n}") for n in range(size)]
    return [*early, *late]


def test_a_story_of_two_days_and_two_circles_is_two() -> None:
    split = find_split("f" * 32, two_groups())
    assert split is not None
    assert split.articles == tuple(f"{50 + number:032x}" for number in range(LEAST_GROUP))
    assert split.evidence[0] == StoryLink(kind="days_apart", weight=4.0)
    begun_by_the_later = find_split(f"{50:032x}", two_groups())
    assert begun_by_the_later is not None and begun_by_the_later.articles[0] == f"{0:032x}"


def test_what_is_one_story_stays_one() -> None:
    assert find_split("f" * 32, two_groups(apart=2)) is None, "days that follow one another closely"
    assert find_split("f" * 32, two_groups(size=LEAST_GROUP - 1)) is None, "too few to say"
    same = [member(n, APRIL + timedelta(days=4 * (n % 2)), "shoigu", "akar") for n in range(2 * LEAST_GROUP)]
    assert find_split("f" * 32, same) is None, "the same circle"
    every_day = [member(n, APRIL + timedelta(days=n), "shoigu", f"x{n}") for n in range(4 * LEAST_GROUP)]
    assert find_split("f" * 32, every_day) is None, "an affair that goes on"
    three = [*two_groups(), *(member(90 + n, APRIL + timedelta(days=9), "raisi") for n in range(LEAST_GROUP))]
    assert find_split("f" * 32, three) is None


def drifted() -> list[EnrichedArticle]:
    """A meeting, and another four days later with one man in common: reported in a row, as if they were one."""
    may = APRIL + timedelta(days=4)
    first = [
        enriched(n, text=f"{ENGLISH} {n}", hours=n, entities=("shoigu", "akar"), topics=TOPIC, days=[APRIL])
        for n in range(1, 6)
    ]
    second = [enriched(10 + n, text=f"{ARABIC} {n}", language="ar", hours=90 + n, entities=("shoigu", "lavrov"), topics=TOPIC, days=[may]) for n in range(5)]  # fmt: skip
    return [*first, *second]


def drifted_stage(count: int) -> tuple[StoryStage, list[Article]]:
    """A stage in which the second meeting was put into the story of the first."""
    stage = StoryStage(keeps_state=True)
    articles = drifted()
    found = placed(stage, articles[:5])
    story = str(found[0].story_id)
    assert {article.story_id for article in found} == {story}
    for article in articles[5 : 5 + count]:
        elsewhere = StoryStage(keeps_state=True)
        elsewhere.place(article, BASE)
        [kept] = elsewhere.take_kept()
        record = decode_state(kept.record)
        assert not isinstance(record, Changed)
        stage.window.restore(record._replace(story_id=story))
    return stage, found


def test_a_story_that_has_drifted_is_split_and_stays_so() -> None:
    stage, first = drifted_stage(4)
    [shows] = placed(stage, drifted()[9:])
    [change] = shows.story_changes
    old, new = first[0].story_id, drifted()[5].article_id
    assert (change.kind, change.story_id, change.into) == ("split", old, new)
    assert change.articles == tuple(article.article_id for article in drifted()[5:])
    assert shows.story_id == new
    assert [a.story_id for a in placed(stage, drifted())] == [old] * 5 + [new] * 5
    more = enriched(30, text=TURKISH, language="tr", hours=96, entities=("shoigu", "lavrov"), topics=TOPIC, days=[APRIL + timedelta(days=4)])  # fmt: skip
    assert [a.story_id for a in placed(stage, [more])] == [new]

    kept = {one.key: one.record for one in stage.take_kept()}
    assert len(kept[change_key(change)]) <= MAX_STATE_BYTES
    after = StoryStage()
    assert after.restore(kept.values()) == 0
    assert [(a.story_id, a.story_changes) for a in placed(after, drifted())] == [
        (a.story_id, a.story_changes) for a in placed(stage, drifted())
    ]


def test_a_change_comes_back_as_it_was_and_is_small() -> None:
    change = StoryChange(
        kind="split",
        story_id="1" * 32,
        into="2" * 32,
        articles=tuple(f"{number:032x}" for number in range(16)),
        evidence=(StoryLink(kind="days_apart", weight=4.0), StoryLink(kind="entities_within", weight=0.333)),
        decided_at=BASE,
    )
    record = encode_change("3" * 32, change)
    assert len(record) <= MAX_STATE_BYTES
    assert decode_state(record) == Changed("3" * 32, change)
    stage = StoryStage()
    assert stage.restore([record[:-2], msgspec.msgpack.encode(["change", 9])]) == 2
