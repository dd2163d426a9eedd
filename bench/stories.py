"""The story stage: near duplicates, and the whole of it, with 6,000 and with 100,000 articles in the window.

The articles are made up, of a stream's mix: of ten, three are everyday news of their own, five report one of 120
affairs that run at a time, in the words and names of that affair, and two are copies of an article of the last days,
some of them cut or with a paragraph of the outlet's own. Six languages, fifty outlets, 276 words; words and names by
Zipf's law. All figures are of one core's own time and of the stage alone: language, names and days are given.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

import msgspec
import psutil

from bench.articles import TOKENS
from bench.figures import figure
from streams.identity import article_id
from streams.model import EnrichedArticle, EntityLabel, EventDate, Span, TopicLabel
from streams.stories.copies import CopyIndex
from streams.stories.fingerprint import Fingerprint
from streams.stories.window import WINDOW
from streams.story import StoryStage
from streams.text.document import Document

FEW, MANY = 6_000, 100_000
NEAR = 30_000
"""Articles that near duplicates are looked for among; their time hardly grows with them."""
MEASURED = 2_000
"""Articles that each figure is taken over."""

START = datetime(2023, 4, 25, tzinfo=UTC)
_LETTERS = {
    "ar": "ابتثجحخدرزسشصطعغفقكلمنهوي",
    "fa": "آابپتثجچحخدذرزژسشصطعغفقکگلمنهوی",
    "ru": "абвгдежзийклмнопрстуфхцчшщыэюя",
    "tr": "abcçdefgğhıijklmnoöprsştuüvyz",
    "en": "abcdefghijklmnoprstuvwy",
    "he": "אבגדהוזחטיכלמנסעפצקרשת",
}
_WORDS, _NAMES, _RUNNING, _AFFAIR_WORDS = 6_000, 600, 120, 60
_RECENT, _OUTLETS = 3_000, 50
_URN = 6_000
T = TypeVar("T")


def _measured(*sizes: int) -> frozenset[int]:
    return frozenset(number for size in sizes for number in range(size, size + MEASURED))


def run() -> dict[str, Any]:
    """Return the figures by name."""
    return {**_near_duplicates(), **_whole_stage()}


def _near_duplicates() -> dict[str, Any]:
    """Articles/s of fingerprints, finding and keeping."""
    index = CopyIndex(WINDOW)
    figures = {}
    measured = _measured(FEW, NEAR)
    seconds = found = 0.0
    for number, article in enumerate(_articles(NEAR + MEASURED)):
        document = Document.of(article.title, article.text, article.language)
        source = number % _OUTLETS
        started = time.process_time()
        fingerprint = Fingerprint.of(document)
        if number in measured:
            copy = index.find(article.article_id, source, article.collected_at, fingerprint).copy
            found += copy is not None
        index.add(article.article_id, source, article.collected_at, fingerprint)
        seconds += time.process_time() - started if number in measured else 0.0
        at = number + 1 - MEASURED
        if at in (FEW, NEAR):
            figures[f"near_duplicates_per_second_at_{at}"] = figure(MEASURED / seconds, at_least=2_000)
            figures[f"near_duplicates_found_at_{at}"] = figure(found / MEASURED)
            seconds = found = 0.0
    return figures


def _whole_stage() -> dict[str, Any]:
    """Articles/s of tokens, near duplicates, the story and what is kept of it."""
    process = psutil.Process()
    stage = StoryStage(keeps_state=True)
    before = process.memory_info().rss
    figures: dict[str, Any] = {}
    measured = _measured(FEW, MANY)
    seconds = 0.0
    for number, article in enumerate(_articles(MANY + MEASURED)):
        started = time.process_time()
        stage.place(article, article.collected_at)
        stage.take_kept()
        seconds += time.process_time() - started if number in measured else 0.0
        at = number + 1 - MEASURED
        if at in (FEW, MANY):
            figures[f"articles_per_second_at_{at}"] = figure(MEASURED / seconds, at_least=500)
            seconds = 0.0
    figures["articles_in_window"] = figure(stage.window.articles)
    figures["stories_in_window"] = figure(stage.window.stories)
    grown = (process.memory_info().rss - before) / 1e6
    figures["window_megabytes"] = figure(grown)
    figures["window_kilobytes_per_article"] = figure(grown * 1e3 / stage.window.articles)
    return figures


@dataclass(frozen=True)
class _Affair:
    """What is reported for a few days: its names and, by language, its words."""

    names: tuple[int, ...]
    words: dict[str, list[str]]
    topic: str


def _articles(count: int, *, seconds_apart: float = 11.0, seed: int = 1) -> Iterator[EnrichedArticle]:
    """Yield `count` articles as the enrich stage would give them, in order of time."""
    return islice(_Newsroom(seed).articles(seconds_apart), count)


def _urn(items: list[T], offset: int) -> list[T]:
    return [item for rank, item in enumerate(items) for _ in range(round(_URN / (rank + offset)) or 1)]


class _Newsroom:
    def __init__(self, seed: int) -> None:
        self._pick = random.Random(seed)
        self._vocabulary = {
            language: list(dict.fromkeys(self._word(letters) for _ in range(_WORDS)))
            for language, letters in _LETTERS.items()
        }
        # As often as they are used: drawn from these, words and names follow Zipf's law.
        self._urns = {language: _urn(words, 3) for language, words in self._vocabulary.items()}
        self._names = _urn(list(range(_NAMES)), 5)
        self._affairs = [self._affair() for _ in range(_RUNNING)]

    def articles(self, seconds_apart: float) -> Iterator[EnrichedArticle]:
        pick = self._pick
        languages = list(_LETTERS)
        recent: list[EnrichedArticle] = []
        number = 0
        while True:
            at = START + timedelta(seconds=number * seconds_apart)
            kind = pick.random()
            if kind < 0.2 and recent:
                made = self._copy(pick.choice(recent), number, at)
            else:
                affair = pick.choice(self._affairs) if kind < 0.7 else None
                made = self._report(pick.choice(languages), affair, number, at)
                if len(recent) < _RECENT:
                    recent.append(made)
                else:
                    recent[pick.randrange(_RECENT)] = made
            if number % 40 == 0:
                self._affairs[pick.randrange(_RUNNING)] = self._affair()
            number += 1
            yield made

    def _word(self, letters: str) -> str:
        return "".join(self._pick.choices(letters, k=self._pick.randint(2, 9)))

    def _affair(self) -> _Affair:
        words = {
            language: self._pick.choices(known[200:], k=_AFFAIR_WORDS) for language, known in self._vocabulary.items()
        }
        return _Affair(tuple(self._pick.choices(self._names, k=5)), words, f"topic-{self._pick.randrange(12)}")

    def _text(self, language: str, words: int) -> list[str]:
        return self._pick.choices(self._urns[language], k=words)

    def _report(self, language: str, affair: _Affair | None, number: int, at: datetime) -> EnrichedArticle:
        pick = self._pick
        words = self._text(language, TOKENS)
        title = self._text(language, 5)
        names = pick.choices(self._names, k=3)
        if affair is not None:
            own = affair.words[language]
            told = TOKENS // 5
            for place, word in zip(pick.choices(range(TOKENS), k=told), pick.choices(own, k=told), strict=True):
                words[place] = word
            words[5:15] = pick.choices(own, k=10)
            title += pick.choices(own, k=4)
            names = [*pick.sample(affair.names, 3), *names[:1]]
        words[pick.randrange(40)] = str(pick.randint(10, 900))
        day = at.date() - timedelta(days=pick.randrange(3))
        return self._article(language, " ".join(title), words, names, affair.topic if affair else "", day, number, at)

    def _copy(self, original: EnrichedArticle, number: int, at: datetime) -> EnrichedArticle:
        pick = self._pick
        words = original.text.split(" ")
        kind = pick.random()
        if kind < 0.25:  # cut
            words = words[: pick.randint(len(words) // 2, len(words))]
        elif kind < 0.5:  # with a paragraph of the outlet's own before or after it
            own = self._text(original.language, 40)
            words = [*own, *words] if kind < 0.375 else [*words, *own]
        url = f"https://bench.example/stories/{number}"
        return msgspec.structs.replace(
            original,
            article_id=article_id(canonical_url=url),
            url=url,
            source_id=f"outlet-{number % _OUTLETS}",
            text=" ".join(words),
            published_at=at,
            collected_at=at + timedelta(seconds=5),
        )

    def _article(
        self,
        language: str,
        title: str,
        words: list[str],
        names: list[int],
        topic: str,
        day: Any,
        number: int,
        at: datetime,
    ) -> EnrichedArticle:
        url = f"https://bench.example/stories/{number}"
        places = [self._pick.randrange(1_500) for _ in names]
        return EnrichedArticle(
            article_id=article_id(canonical_url=url),
            url=url,
            source_id=f"outlet-{number % _OUTLETS}",
            title=title,
            text=" ".join(words),
            published_at=at,
            collected_at=at + timedelta(seconds=5),
            enriched_at=at + timedelta(seconds=6),
            language=language,
            language_score=1.0,
            topics=(TopicLabel(id=topic, score=1.0),) if topic else (),
            entities=tuple(
                EntityLabel(
                    id=f"name-{name}", kind="person", mentions=(Span(field="text", start=place, end=place + 5),)
                )
                for name, place in zip(dict.fromkeys(names), places, strict=False)
            ),
            event_dates=(EventDate(first=day, last=day, is_inferred=True),),
        )
