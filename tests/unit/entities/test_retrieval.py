"""The keys find what a look through all parts and names finds; what is remembered changes nothing and stays bounded."""

from __future__ import annotations

import random

import pytest

from streams.definitions import EntityDefinition
from streams.entities import EntityRecognizer, retrieval
from streams.entities.keys import skeletons
from streams.entities.parts import PartIndex, Sound
from streams.entities.prices import exchange_price
from streams.entities.retrieval import SLACK, SoundIndex
from streams.entities.sounds import CASED, read, script_of
from streams.text.document import Document
from streams.text.tokens import tokenize

NAMES = (
    "Shoigu Akar Erdogan Çavuşoğlu Shevchenko Khamenei Hezbollah Gazprom Mikdad Qalibaf Zelensky Damascus Aleppo Tehran "
    "Шойгу Лавров Чавушоглу Эрдоган Асад Захарова شويغو أكار أردوغان تشاووش بوتين لافروف عبداللهیان قالیباف خامنه‌ای "
    "وحيدي دمشق حلب إدلب القامشلي שויגו ארדואן נתניהו גנץ הרצוג דמשק"
).split()
SPELLINGS = (
    ("hulusi-akar", ("Hulusi Akar", "خلوصي أكار")),
    ("sergei-shoigu", ("Sergei Shoigu", "سيرغي شويغو")),
)
DEFINITIONS = [
    *(
        EntityDefinition(id=entity, kind="person", names={"en": (latin,), "ar": (arabic,)})
        for entity, (latin, arabic) in SPELLINGS
    ),
    EntityDefinition(id="syria", kind="country", country="SY", names={"en": ("Syria",)}),
]
LETTERS = {
    "latin": "abcçdeghijklmnorsştuvyzqwx",
    "arabic": "ابتثجحخدرزسشعغفقكلمنهوي",
    "cyrillic": "абвгдежзийклмнопрстухцчш",
}


def made_up(count: int) -> list[str]:
    pick = random.Random(1)
    return ["".join(pick.choices(letters, k=pick.randint(2, 7))) for letters in LETTERS.values() for _ in range(count)]


def misspelled(words: list[str], count: int, seed: int) -> list[str]:
    """Return words of names with a letter lost, exchanged or added, and with what languages fasten to them."""
    pick = random.Random(seed)
    found = []
    for _ in range(count):
        word = list(pick.choice(words))
        letters = LETTERS.get(script_of("".join(word)), LETTERS["arabic"])
        change = pick.random()
        if change < 0.25 and len(word) > 2:
            del word[pick.randrange(len(word))]
        elif change < 0.5:
            word[pick.randrange(len(word))] = pick.choice(letters)
        elif change < 0.7:
            word.insert(pick.randrange(len(word)), pick.choice(letters))
        start, end = pick.choice(
            [("", ""), ("", ""), ("و", ""), ("ال", ""), ("", "а"), ("", "'ın"), ("", "های"), ("ל", "")]
        )
        found.append(start + "".join(word) + end)
    return found


def slow(parts: list[tuple[int, ...]], symbols: tuple[int, ...], limit: float) -> set[int]:
    found = set()
    mine = skeletons(symbols)
    for number, part in enumerate(parts):
        for key, behind in skeletons(part).items():
            if key in mine:
                price = sum(map(exchange_price, mine[key], behind)) if mine[key] != behind else 0.0
                if price <= (limit + SLACK) * len(behind) - 1e-9:
                    found.add(number)
    return found


def near(index: PartIndex, symbols: tuple[int, ...], limit: float) -> set[int]:
    sound = Sound(symbols, False, 0.0, index.sounds.find(symbols))
    sound._limit = limit
    return {part for part in range(len(index.parts)) if list(index.compare([sound], part))}


def test_every_part_that_shares_a_key_and_is_near_is_found() -> None:
    index = PartIndex()
    for name in NAMES:
        index.add(name, "und", by_sound=True)
    parts = [part.symbols for part in index.parts]
    met = 0
    for word in [*NAMES, *made_up(400)]:
        for limit in (0.22, 0.2, 0.08):
            expected = slow(parts, read(word), limit)
            assert expected <= near(index, read(word), limit), word
            met += len(expected)
    assert met > 300


def test_the_automaton_ends_where_a_walk_through_the_keys_ends() -> None:
    index = SoundIndex()
    for name in NAMES:
        index.add(read(name))
    ended = 0
    for word in [*NAMES, *misspelled(NAMES, 2_000, 2), *made_up(1_000)]:
        found = index.find(read(word)).found
        assert found == tuple(number for number, _ in index.walk(read(word))), word
        ended += bool(found)
    assert ended > 1_000


def test_a_part_that_is_added_later_is_found() -> None:
    index = PartIndex()
    index.add("Akar", "en", by_sound=True)
    assert near(index, read("أكار"), 0.2) == {0}
    assert index.sounds.find(read("שויגו")).found == ()
    index.add("Shoigu", "en", by_sound=True)
    index.add("أكار", "ar", by_sound=True)
    assert near(index, read("أكار"), 0.2) == {0, 2}
    assert near(index, read("שויגו"), 0.2) == {1}


@pytest.mark.parametrize("family", ["ar", "fa", "tr", "ru", "he", "other"])
def test_keys_leave_out_no_name_that_a_word_or_two_may_be(family: str) -> None:
    """What is looked into by keys alone is what a look at every name finds."""
    vocabulary = EntityRecognizer(DEFINITIONS)._scanner._vocabulary
    patterns = vocabulary._patterns
    words = misspelled([word for _, names in SPELLINGS for name in names for word in name.split()], 400, 3)
    table = vocabulary.of(family)
    pairs = singles = 0
    for before, word in zip(words, [*words[1:], *words[:1]], strict=True):
        met_before, met = vocabulary.met(before, family), vocabulary.met(word, family)
        expected = {
            number
            for number, pattern in enumerate(patterns)
            if pattern.anchor
            and met.is_like(pattern.slots[pattern.anchor])
            and met_before.is_like(pattern.slots[pattern.anchor - 1])
        }
        assert set(vocabulary.names_of(table[word], met, table[before], met_before)) == expected
        pairs += len(expected)
        alone = set()
        for number, pattern in enumerate(patterns):
            if not pattern.anchor and vocabulary._is_of(number, family):
                most = vocabulary._most_alone(number, met.script in CASED)
                single = vocabulary.single(number, met, met.script, most)
                if single is not None and (single.is_exact or vocabulary._is_heard(number, met, most)):
                    alone.add(pattern.entity)
        assert {single.entity for single in table[word].singles} == alone
        singles += len(alone)
    assert pairs > 5
    assert singles > 10


def test_what_is_remembered_is_bounded_and_changes_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [
        ("Шойгу встретился с Хулуси Акаром, сказал Сергей Шойгу в Сирии", "ru"),
        ("خلوصي آكار وسيرغي شويجو في سوريا والتقى شويغو", "ar"),
        ("وزیر دفاع سرگئی شویگو و خلوصی آکار در سوریه", "fa"),
        ("Hulusi Akar ile Sergey Şoygu Suriye'yi görüştü", "tr"),
    ]
    documents = [Document.of("", text, language) for text, language in texts]
    plain = EntityRecognizer(DEFINITIONS)
    expected = [plain.recognize(document) for document in documents]
    assert all(len(labels) == 3 for labels in expected)
    monkeypatch.setattr(retrieval, "MOST_STATES", 2)
    monkeypatch.setattr(retrieval, "MOST_WALKS", 1)
    monkeypatch.setattr("streams.entities.scan.CACHE_PAIRS", 1)
    monkeypatch.setattr("streams.entities.vocabulary.CACHE_WORDS", 3)
    monkeypatch.setattr("streams.entities.vocabulary.CACHE_METS", 1)
    small = EntityRecognizer(DEFINITIONS)
    for _ in range(3):
        assert [small.recognize(document) for document in documents] == expected
    sounds = small._compiled.parts.sounds
    assert len(sounds._states) <= 2
    assert len(sounds._walks) <= 1


def test_a_word_that_is_a_name_by_itself_is_met_once() -> None:
    known = EntityDefinition(id="hulusi-akar", kind="person", names={"en": ("Hulusi Akar", "Akar")})
    found = EntityRecognizer([known])._scanner.scan(tokenize("Hulusi Akar came, and Akar left."), "other")
    assert found is not None
    assert [(each.start, each.end) for each in found.candidates] == [(1, 2), (4, 5), (0, 2)]
