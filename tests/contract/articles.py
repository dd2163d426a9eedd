"""Invented articles for the store contract, in the scripts that Rasad is for, and hypothesis strategies for hostile ones."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from agent.demo.world import load_world
from streams.identity import article_id
from streams.model import (
    Article,
    AttributionStep,
    EntityLabel,
    EventDate,
    FrameLabel,
    Span,
    StoryChange,
    StoryLink,
    TopicLabel,
)

BASE = datetime(2023, 4, 25, 12, 0, tzinfo=UTC)

WORDS: dict[str, list[str]] = {
    "ar": "التطبيع والتطبيع تطبيع بالتطبيع سوريا وسوريا تركيا التركية الوزير وزيرا المحادثات الرباعية موسكو اللاجئين عودة".split(),
    "fa": "عادی‌سازی عادي سازی روابط سوریه سوريه ترکیه تركيه وزیر خبرگزاری‌ها نشست چهارجانبه مسکو بازگشت آوارگان".split(),
    "tr": "Türkiye'nin Türkiye Suriye Suriye'yle normalleşme İstanbul ISPARTA görüşme Bakanı'nın dörtlü sığınmacılar ılımlı".split(),
    "ru": "Сирия Сирии Турция нормализация переговоры Шойгу министр беженцы четырёхсторонняя встреча Москве".split(),
    "he": 'נורמליזציה סוריה טורקיה וטורקיה צה"ל פגישה במוסקבה הפליטים שר החוץ'.split(),
    "ckb": "ئاساییکردنەوە سووریا تورکیا وەزیر کۆبوونەوە مۆسکۆ ده‌وڵه‌ت پەنابەران".split(),
    "en": "normalization Syria's Syria Turkey talks minister refugees four-way Moscow meeting withdrawal".split(),
}
SOURCES = ("barada-post", "bosphorus-daily", "nile-wire", "alborz-news")
TOPICS = ("syria-turkey-normalization", "syrian-refugees", "harvest")


def make_article(number: int = 0, **fields: Any) -> Article:
    """Return a small article, different for each `number`; `fields` override."""
    time = BASE - timedelta(minutes=number)
    defaults: dict[str, Any] = {
        "article_id": article_id(canonical_url=f"https://news.example/{number}"),
        "url": f"https://news.example/{number}?utm_source=feed",
        "canonical_url": f"https://news.example/{number}",
        "source_id": SOURCES[number % len(SOURCES)],
        "source_name": "The Example",
        "country": "SY",
        "title": f"Report number {number}",
        "text": "Ministers spoke about water and wheat.",
        "published_at": time,
        "collected_at": time + timedelta(minutes=5),
        "enriched_at": time + timedelta(minutes=5, seconds=1),
        "storied_at": time + timedelta(minutes=5, seconds=2),
        "language": "en",
        "language_score": 0.99,
    }
    return Article(**(defaults | fields))


def full_article() -> Article:
    """Return an article in which no field has its default."""
    return make_article(
        7,
        revision=3,
        guid="tag:news.example,2023:7",
        feed_url="https://news.example/feed.xml",
        ownership="independent",
        text_origin="page",
        authors=("Layla Haddad", "Ömer Çelik"),
        tags=("سياسة", "Syria"),
        image_url="https://news.example/7.jpg",
        modified_at=BASE,
        date_is_reliable=False,
        declared_language="ar-SY",
        is_backfill=True,
        extra={"id": "A-7", "nested": {"list": [1, 2.5, None, True, {"x": "ي"}]}},
        topics=(TopicLabel(id=TOPICS[0], score=2.5, spans=(Span(field="title", start=0, end=6),)),),
        entities=(EntityLabel(id="sergei-shoigu", kind="person", mentions=(Span(field="text", start=1, end=4),)),),
        attribution=(
            AttributionStep(name="Nile Wire", source_id="nile-wire", span=Span(field="text", start=0, end=9)),
            AttributionStep(name="a local radio"),
        ),
        event_dates=(
            EventDate(first=date(2023, 4, 25), last=date(2023, 4, 25), spans=(Span(field="text", start=3, end=9),)),
            EventDate(first=date(2023, 4, 3), last=date(2023, 4, 4), is_inferred=True),
        ),
        frames=(FrameLabel(id="regime", group="syrian-government", spans=(Span(field="text", start=1, end=4),)),),
        near_duplicate_of="0" * 32,
        similarity=0.875,
        wire_copy=True,
        story_id="1" * 32,
        story_links=(StoryLink(kind="shared_entities", weight=0.5, detail="sergei-shoigu"),),
        story_changes=(
            StoryChange(
                kind="merge",
                story_id="2" * 32,
                into="1" * 32,
                evidence=(StoryLink(kind="words", weight=1.5),),
                decided_at=BASE,
            ),
        ),
    )


def news(count: int, seed: int = 1) -> list[Article]:
    """Return `count` articles of random words in all languages, over some months."""
    chance = random.Random(seed)
    return [_random_article(chance, number) for number in range(count)]


def demo_articles() -> list[Article]:
    """Return the articles of the demo's outlets: real affairs in all languages."""
    world = load_world()
    found = []
    for number, article in enumerate(world.articles):
        version = article.version_at(10**9)
        if version is not None:
            language = world.outlet(article.outlet_id).language
            found.append(make_article(number, title=version.title, text=version.text, language=language))
    return found


def _random_article(chance: random.Random, number: int) -> Article:
    language = chance.choice(list(WORDS))
    words = WORDS[language]
    topics = chance.sample(TOPICS, chance.randint(0, 2))
    return make_article(
        number,
        title=" ".join(chance.choices(words, k=chance.randint(1, 5))),
        text=" ".join(chance.choices(words, k=chance.randint(0, 25))),
        language=language,
        source_id=chance.choice((*SOURCES, None)),
        country=chance.choice(("SY", "TR", "IR", None)),
        published_at=BASE - timedelta(hours=number * 7, seconds=chance.randint(0, 3600)),
        topics=tuple(TopicLabel(id=topic, score=1.0) for topic in topics),
        entities=(EntityLabel(id="sergei-shoigu", kind="person"),) if chance.random() < 0.2 else (),
    )


_ANY_CHARACTER = st.characters(exclude_categories=())
"""Control characters and half surrogate pairs too."""
_NASTY = (
    "", "\x00", "\ud800", "a" * 40_000, "ب" * 40_000, "x" * 300 + " " + "y" * 256, "\u202e\u2066\x1b[31m", '"*()^:\\', "\n\r\u2028\x85",
)  # fmt: skip
# By number: hypothesis would otherwise print the long ones wherever it prints the strategy.
hostile_text = st.text(_ANY_CHARACTER, max_size=60) | st.integers(0, len(_NASTY) - 1).map(lambda number: _NASTY[number])
_all_words = sorted({word for words in WORDS.values() for word in words})
_text = st.lists(st.sampled_from(_all_words) | hostile_text, max_size=12).map(" ".join)
_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | hostile_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(hostile_text, inner, max_size=3),
    max_leaves=6,
)
_moment = st.timedeltas(timedelta(days=-170), timedelta(days=6)).map(lambda shift: BASE + shift)


@st.composite
def hostile_articles(draw: st.DrawFn, number: int = 0) -> Article:
    """Draw an article with anything in it that a feed may hold."""
    return make_article(
        number,
        title=draw(_text),
        text=draw(_text),
        language=draw(st.sampled_from([*WORDS, "und", "zh", "ja"])),
        guid=draw(st.none() | hostile_text),
        url=draw(st.none() | hostile_text),
        canonical_url=draw(st.none() | hostile_text),
        authors=tuple(draw(st.lists(hostile_text, max_size=2))),
        tags=tuple(draw(st.lists(hostile_text, max_size=2))),
        source_name=draw(st.none() | hostile_text),
        declared_language=draw(st.none() | hostile_text),
        published_at=draw(st.none() | _moment),
        date_is_reliable=draw(st.booleans()),
        extra=draw(st.dictionaries(hostile_text, _json, max_size=3)),
        topics=tuple(
            TopicLabel(id=topic, score=1.0)
            for topic in draw(st.lists(st.sampled_from(TOPICS), max_size=2, unique=True))
        ),
    )


_term = st.sampled_from(_all_words).map(lambda word: word.replace('"', ""))
_phrase = st.lists(_term, min_size=1, max_size=3).map(lambda words: f'"{" ".join(words)}"')
_prefix = st.sampled_from([word for word in _all_words if word[:4].isalpha() and len(word) > 4]).map(
    lambda word: word[:4] + "*"
)
_field = st.sampled_from(
    [f"source:{SOURCES[0]}", f"topic:{TOPICS[0]}", "lang:ar", "lang:fa", "country:TR", "entity:sergei-shoigu", "has:topic",
     "published:2023-04", "published:>=2023-04-01", "published:<2023-03-10"]
)  # fmt: skip
_near = st.tuples(st.sampled_from(["near/5", "before/3", "near/0"]), _term, _term).map(
    lambda of: f"{of[0]}:({of[1]} {of[2]})"
)
_slop = st.tuples(_term, _term, st.integers(0, 5)).map(lambda of: f'"{of[0]} {of[1]}"~{of[2]}')
_scoped = st.tuples(st.sampled_from(["title", "text", "lead"]), _term).map(":".join)
_exact = _term.map(lambda word: f'exact:"{word}"')
_leaf = _term | _phrase | _prefix | _field | _near | _slop | _scoped | _exact
queries = st.recursive(
    _leaf,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]} AND {pair[1]})"),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]} OR {pair[1]})"),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]} AND NOT {pair[1]})"),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]} {pair[1]})"),
    ),
    max_leaves=5,
)
"""Queries over the words and fields of `news`."""
