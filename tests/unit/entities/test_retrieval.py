"""The tree of keys finds what a look through all parts finds; what is remembered changes nothing and stays bounded."""

from __future__ import annotations

import random

import pytest

from streams.definitions import EntityDefinition
from streams.entities import EntityRecognizer, retrieval
from streams.entities.keys import skeletons
from streams.entities.prices import exchange_price
from streams.entities.retrieval import SLACK, SoundIndex
from streams.entities.sounds import read
from streams.text.document import Document

NAMES = (
    "Shoigu Akar Erdogan Çavuşoğlu Shevchenko Khamenei Hezbollah Gazprom Mikdad Qalibaf Zelensky Damascus Aleppo Tehran "
    "Шойгу Лавров Чавушоглу Эрдоган Асад Захарова شويغو أكار أردوغان تشاووش بوتين لافروف عبداللهیان قالیباف خامنه‌ای "
    "وحيدي دمشق حلب إدلب القامشلي שויגו ארדואן נתניהו גנץ הרצוג דמשק"
).split()
LETTERS = {
    "latin": "abcçdeghijklmnorsştuvyzqwx",
    "arabic": "ابتثجحخدرزسشعغفقكلمنهوي",
    "cyrillic": "абвгдежзийклмнопрстухцчш",
}


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


def test_the_tree_finds_every_part_that_shares_a_key_and_is_near() -> None:
    pick = random.Random(1)
    parts = [read(name) for name in NAMES]
    index = SoundIndex()
    for number, symbols in enumerate(parts):
        index.add(symbols, number)
    words = [
        *NAMES,
        *("".join(pick.choices(letters, k=pick.randint(2, 7))) for letters in LETTERS.values() for _ in range(400)),
    ]
    met = 0
    for word in words:
        for limit in (0.22, 0.2, 0.08):
            symbols = read(word)
            found = {part for near in index.find(symbols, limit) for part in near.apart}
            expected = slow(parts, symbols, limit)
            assert expected <= found, word
            assert found == {part for near in index.find(symbols, limit) for part in near.apart}
            met += len(expected)
    assert met > 300


def test_a_part_that_is_added_later_is_found() -> None:
    index = SoundIndex()
    index.add(read("Akar"), 0)
    assert {part for near in index.find(read("أكار"), 0.2) for part in near.apart} == {0}
    assert index.find(read("שויגו"), 0.2) == []
    index.add(read("Shoigu"), 1)
    index.add(read("أكار"), 2)
    assert {part for near in index.find(read("أكار"), 0.2) for part in near.apart} == {0, 2}
    assert {part for near in index.find(read("שויגו"), 0.2) for part in near.apart} == {1}


def test_what_is_remembered_is_bounded_and_changes_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    definitions = [
        EntityDefinition(id="hulusi-akar", kind="person", names={"en": ("Hulusi Akar",), "ar": ("خلوصي أكار",)}),
        EntityDefinition(id="sergei-shoigu", kind="person", names={"en": ("Sergei Shoigu",), "ar": ("سيرغي شويغو",)}),
        EntityDefinition(id="syria", kind="country", country="SY", names={"en": ("Syria",)}),
    ]
    texts = [
        ("Шойгу встретился с Хулуси Акаром, сказал Сергей Шойгу в Сирии", "ru"),
        ("خلوصي آكار وسيرغي شويجو في سوريا والتقى شويغو", "ar"),
        ("وزیر دفاع سرگئی شویگو و خلوصی آکار در سوریه", "fa"),
        ("Hulusi Akar ile Sergey Şoygu Suriye'yi görüştü", "tr"),
    ]
    documents = [Document.of("", text, language) for text, language in texts]
    plain = EntityRecognizer(definitions)
    expected = [plain.recognize(document) for document in documents]
    assert all(len(labels) == 3 for labels in expected)
    monkeypatch.setattr(retrieval, "MOST_NEARS", 2)
    monkeypatch.setattr("streams.entities.scan.CACHE_PAIRS", 1)
    monkeypatch.setattr("streams.entities.vocabulary.CACHE_WORDS", 3)
    monkeypatch.setattr("streams.entities.vocabulary.CACHE_METS", 1)
    small = EntityRecognizer(definitions)
    for _ in range(3):
        assert [small.recognize(document) for document in documents] == expected
    sounds = small._compiled.parts._sounds
    assert len(sounds._walks) <= 2
    assert sum(len(node.near) for node in sounds._nodes.values()) <= 2
