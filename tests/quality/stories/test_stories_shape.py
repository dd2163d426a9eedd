"""The labelled stories are what their README says: counts, references, halves, copies that overlap and reports that do not."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter, defaultdict
from datetime import date, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

STORIES = Path(__file__).parent
SPLITS = ("dev", "held_out")
COPY_KINDS = ("verbatim", "retitled", "expanded", "cut", "orthography", "boilerplate")
OWNERSHIPS = ("state", "public", "private", "party", "opposition", "independent")
FIELDS = {
    "id", "title", "text", "lang", "source", "source_name", "country", "ownership", "published_at", "story", "copy_of", "copy_kind",
    "attribution", "attribution_other", "attribution_optional", "event_date", "date_mentions", "frames", "split", "notes",
}  # fmt: skip

SHINGLE_WORDS = 3
LEAST_COPY_CONTAINMENT = 0.6
MOST_OTHER_CONTAINMENT = 0.3
RUN_WORDS = 7

# One letter, many keyboards: what an orthographic copy changes must not hide that it is one.
FOLD = str.maketrans({"ي": "ی", "ى": "ی", "ك": "ک", "أ": "ا", "إ": "ا", "آ": "ا", "ة": "ه", "\u200c": None})

# Names of weekdays, Monday first; the longest name found in a mention is the one meant.
WEEKDAYS = {
    "ar": "الاثنين الثلاثاء الأربعاء الخميس الجمعة السبت الأحد",
    "ckb": "دووشەممە سێشەممە چوارشەممە پێنجشەممە هەینی شەممە یەکشەممە",
    "en": "monday tuesday wednesday thursday friday saturday sunday",
    "fa": "دوشنبه سهشنبه چهارشنبه پنجشنبه جمعه شنبه یکشنبه",
    "fr": "lundi mardi mercredi jeudi vendredi samedi dimanche",
    "he": "שני שלישי רביעי חמישי שישי שבת ראשון",
    "ku": "duşem sêşem çarşem pêncşem înî şemî yekşem",
    "ru": "понедельник вторник сред четверг пятниц суббот воскресен",
    "tr": "pazartesi salı çarşamba perşembe cuma cumartesi pazar",
    "uk": "понеділ вівтор серед четвер пʼятниц субот неділ",
    "ur": "پیر منگل بدھ جمعرات جمعہ ہفتے اتوار",
}


def load_articles() -> list[dict[str, Any]]:
    articles = []
    for path in sorted(STORIES.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            article = json.loads(line)
            assert article["lang"] == path.stem, article["id"]
            articles.append(article)
    return articles


ARTICLES = load_articles()
BY_ID = {article["id"]: article for article in ARTICLES}
STORY_LIST: list[dict[str, Any]] = yaml.safe_load((STORIES / "stories.yaml").read_text(encoding="utf-8"))
STORY_BY_ID = {story["id"]: story for story in STORY_LIST}
SOURCE_IDS = {source["id"] for source in yaml.safe_load((STORIES / "sources.yaml").read_text(encoding="utf-8"))}
MEMBERS: dict[str, list[dict[str, Any]]] = defaultdict(list)
for _article in ARTICLES:
    MEMBERS[_article["story"]].append(_article)


def whole_text(article: dict[str, Any]) -> str:
    return f"{article['title']}\n{article['text']}"


def words(text: str) -> list[str]:
    folded = unicodedata.normalize("NFKC", text).translate(FOLD).lower()
    digits = "".join(str(unicodedata.digit(char)) if char.isdigit() else char for char in folded)
    bare = "".join(char for char in digits if not unicodedata.combining(char))
    return re.findall(r"\w+", bare)


def shingles(text: str, length_words: int) -> set[tuple[str, ...]]:
    found = words(text)
    return {tuple(found[i : i + length_words]) for i in range(len(found) - length_words + 1)}


SHINGLES = {article["id"]: shingles(article["text"], SHINGLE_WORDS) for article in ARTICLES}


def containment(one: dict[str, Any], other: dict[str, Any]) -> float:
    a, b = SHINGLES[one["id"]], SHINGLES[other["id"]]
    return len(a & b) / min(len(a), len(b))


def original_of(article: dict[str, Any]) -> str:
    while article["copy_of"]:
        article = BY_ID[article["copy_of"]]
    return str(article["id"])


def is_template(article: dict[str, Any]) -> bool:
    return str(article["notes"]).startswith("template")


def test_every_article_has_the_same_fields_and_known_values() -> None:
    for article in ARTICLES:
        assert set(article) - {"modified"} == FIELDS, article["id"]
        assert article["split"] in SPLITS
        assert article["ownership"] in OWNERSHIPS
        assert re.fullmatch(r"[A-Z]{2}", article["country"])
        assert re.fullmatch(r"[a-z]{2,3}-[0-9a-f]{6}", article["id"])
        published_at = datetime.fromisoformat(article["published_at"])
        assert published_at.utcoffset() is not None
        if "modified" in article:
            assert datetime.fromisoformat(article["modified"]) > published_at
        assert 25 <= len(article["text"].split()) <= 160, article["id"]
        assert article["source"] in SOURCE_IDS


def test_ids_are_unique_and_an_outlet_is_always_the_same() -> None:
    assert len(BY_ID) == len(ARTICLES)
    assert len(STORY_BY_ID) == len(STORY_LIST)
    outlets = {(a["source"], a["source_name"], a["country"], a["ownership"], a["lang"]) for a in ARTICLES}
    assert len(outlets) == len({source for source, *_ in outlets})


def test_there_are_enough_of_all() -> None:
    languages = Counter(article["lang"] for article in ARTICLES)
    assert len(ARTICLES) >= 250
    assert len(languages) == 11
    assert all(languages[lang] >= 12 for lang in ("ar", "ckb", "en", "fa", "he", "ru", "tr", "ur"))
    several = [story for story, members in MEMBERS.items() if len(members) > 1]
    assert len(several) >= 50
    assert len([story for story in several if len({a["lang"] for a in MEMBERS[story]}) > 1]) >= 45
    assert len(MEMBERS) - len(several) >= 20
    assert sum(article["copy_of"] is not None for article in ARTICLES) >= 30
    credited = Counter(article["lang"] for article in ARTICLES if article["attribution"])
    assert sum(credited.values()) >= 120
    assert all(credited[lang] >= 8 for lang in ("ar", "ckb", "en", "fa", "he", "ru", "tr", "ur"))
    lengths = Counter(len(article["attribution"]) for article in ARTICLES)
    assert lengths[2] >= 15 and lengths[3] >= 4
    assert sum("trap" in article["notes"] for article in ARTICLES) >= 15
    assert sum(bool(article["frames"]) for article in ARTICLES) >= 90


def test_stories_and_articles_refer_to_each_other() -> None:
    assert set(MEMBERS) == set(STORY_BY_ID)
    for story in STORY_LIST:
        assert set(story) == {"id", "description", "event_date", "split", "must_not_merge_with"}
        assert {article["split"] for article in MEMBERS[story["id"]]} == {story["split"]}
        for other in story["must_not_merge_with"]:
            assert story["id"] in STORY_BY_ID[other]["must_not_merge_with"]
            assert other != story["id"]
        dates = {article["event_date"] for article in MEMBERS[story["id"]]}
        assert dates == {story["event_date"] and str(story["event_date"])}, story["id"]


def test_the_halves_are_balanced_and_each_has_close_pairs() -> None:
    for split in SPLITS:
        articles = [article for article in ARTICLES if article["split"] == split]
        assert 0.45 <= len(articles) / len(ARTICLES) <= 0.55
        assert sum(article["copy_of"] is not None for article in articles) >= 15
        assert sum(len(MEMBERS[s["id"]]) > 1 for s in STORY_LIST if s["split"] == split) >= 24
        pairs = {
            frozenset((story["id"], other))
            for story in STORY_LIST
            for other in story["must_not_merge_with"]
            if story["split"] == STORY_BY_ID[other]["split"] == split
        }
        assert len(pairs) >= 12


def test_the_halves_share_no_sentence() -> None:
    runs: dict[str, set[tuple[str, ...]]] = {split: set() for split in SPLITS}
    for article in ARTICLES:
        runs[article["split"]] |= shingles(article["text"], RUN_WORDS)
    assert not runs["dev"] & runs["held_out"]


def test_a_copy_refers_to_an_earlier_article_of_its_story_by_another_outlet() -> None:
    for article in ARTICLES:
        assert (article["copy_of"] is None) == (article["copy_kind"] is None)
        if article["copy_of"] is None:
            continue
        assert article["copy_kind"] in COPY_KINDS
        original = BY_ID[article["copy_of"]]
        assert original["lang"] == article["lang"]
        assert original["story"] == article["story"]
        assert original["source"] != article["source"]
        assert datetime.fromisoformat(original["published_at"]) < datetime.fromisoformat(article["published_at"])


def test_copies_overlap_and_other_articles_do_not() -> None:
    by_language = defaultdict(list)
    for article in ARTICLES:
        by_language[article["lang"]].append(article)
        if article["copy_of"]:
            assert containment(article, BY_ID[article["copy_of"]]) >= LEAST_COPY_CONTAINMENT, article["id"]
    for articles in by_language.values():
        for one, other in combinations(articles, 2):
            if original_of(one) != original_of(other) and not (is_template(one) and is_template(other)):
                assert containment(one, other) <= MOST_OTHER_CONTAINMENT, (one["id"], other["id"])


def test_bulletins_of_two_days_look_alike_and_are_no_copies() -> None:
    templates = [article for article in ARTICLES if is_template(article)]
    alike = [
        (one, other)
        for one, other in combinations(templates, 2)
        if one["source"] == other["source"] and one["story"] != other["story"]
    ]
    assert len(alike) == 4
    for one, other in alike:
        assert containment(one, other) > MOST_OTHER_CONTAINMENT
        assert original_of(one) != original_of(other)
        assert other["story"] in STORY_BY_ID[one["story"]]["must_not_merge_with"]


def test_names_dates_and_frames_stand_in_the_text() -> None:
    for article in ARTICLES:
        text = whole_text(article)
        for chain in (article["attribution"], *article["attribution_other"]):
            for step in chain:
                assert step["name"] in text, (article["id"], step)
                assert step["source_id"] in SOURCE_IDS, (article["id"], step)
                assert step["source_id"] != article["source"], "an outlet that names itself credits nobody"
        for name in article["attribution_optional"]:
            assert name in text, (article["id"], name)
        for mention in article["date_mentions"]:
            assert mention["text"] in text, (article["id"], mention)
        for frame in article["frames"]:
            assert frame["wording"] in text, (article["id"], frame)


@pytest.mark.parametrize("lang", sorted(WEEKDAYS))
def test_a_weekday_falls_on_its_date(lang: str) -> None:
    names = WEEKDAYS[lang].split()
    checked = 0
    for article in ARTICLES:
        if article["lang"] != lang:
            continue
        for mention in article["date_mentions"]:
            joined = "".join(words(mention["text"])) if lang == "fa" else mention["text"].lower()
            found = [i for i, name in enumerate(names) if name in joined]
            if found:
                best = max(found, key=lambda i: len(names[i]))
                assert best == date.fromisoformat(mention["date"]).weekday(), (article["id"], mention)
                checked += 1
    assert checked >= 1


def test_the_readme_counts_right() -> None:
    rows = re.findall(
        r"^\| (\w+) \|" + r" (\d+) \|" * 5 + "$", (STORIES / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(rows) == 12
    for lang, *numbers in rows:
        articles = [article for article in ARTICLES if lang in ("all", article["lang"])]
        assert [int(number) for number in numbers] == [
            len(articles),
            sum(article["split"] == "dev" for article in articles),
            sum(article["split"] == "held_out" for article in articles),
            sum(article["copy_of"] is not None for article in articles),
            sum(bool(article["attribution"]) for article in articles),
        ], lang
