"""Spellings of one name sound alike in every script; the conventions of each language's letters."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from streams.entities.keys import MOST_KEYS, keys, skeletons
from streams.entities.prices import Spelling, consonants, distance, exchange_price, is_near
from streams.entities.sounds import ABJADS, SYMBOLS, prepare, read, script_of

SAME_NAME = [
    ("Shoigu", "en", ["شويغو", "شويجو", "شويگو", "شویگو", "Шойгу", "שויגו", "شۆیگۆ"]),
    ("Şoygu", "tr", ["شويغو", "Шойгу", "שויגו", "شۆیگۆ", "Shoigu"]),
    ("Akar", "tr", ["أكار", "آكار", "اكار", "آکار", "Акар", "אקאר", "ئاکار"]),
    ("Çavuşoğlu", "tr", ["تشاووشأوغلو", "جاويشأوغلو", "چاووشاوغلو", "Чавушоглу", "צ'בושאולו"]),
    ("Erdoğan", "tr", ["أردوغان", "إردوغان", "اردوغان", "Эрдоган", "Ердоган", "ארדואן", "ئەردۆغان", "اردوان"]),
    ("Lavrov", "en", ["لافروف", "لاوروف", "Лавров", "לברוב", "لاڤرۆڤ"]),
    ("Khamenei", "en", ["خامنئي", "Хаменеи", "חמינאי", "خامنەیی"]),
    ("Zelensky", "en", ["زيلينسكي", "زلنسکی", "Зеленский", "זלנסקי", "زێلێنسکی"]),
    ("Herzog", "en", ["هرتسوغ", "Герцог", "הרצוג"]),
    ("Witkoff", "en", ["ويتكوف", "ویتکاف", "Уиткофф", "וויטקוף"]),
    ("Jeffrey", "en", ["جيفري", "جفری", "Джеффри", "ג'פרי"]),
]
OTHER_NAME = [
    ("Shoigu", "Soylu"),
    ("Lavrov", "Lapid"),
    ("Erdogan", "Arafat"),
    ("Putin", "Pashinyan"),
    ("فيدان", "فنلندا"),
]


def spelling(word: str, language: str = "und") -> Spelling:
    return Spelling(read(word, language), script_of(word) in ABJADS)


@pytest.mark.parametrize(("word", "language", "others"), SAME_NAME)
def test_spellings_of_one_name_are_near_and_share_a_key(word: str, language: str, others: list[str]) -> None:
    for other in others:
        assert distance(spelling(word, language), spelling(other)) <= 0.16, other
        assert set(keys(read(word, language))) & set(keys(read(other))), other


@pytest.mark.parametrize(("word", "other"), OTHER_NAME)
def test_other_names_are_far(word: str, other: str) -> None:
    assert distance(spelling(word), spelling(other)) > 0.25


def test_turkish_letters_are_read_as_turkish() -> None:
    assert distance(spelling("Cevdet", "tr"), spelling("جودت")) < 0.05
    assert distance(spelling("Cevdet", "en"), spelling("جودت")) > distance(spelling("Cevdet", "tr"), spelling("جودت"))


def test_a_doubled_letter_sounds_once_where_vowels_are_written() -> None:
    assert read("Assad") == read("Asad")
    assert read("רונן") != read("רון")


def test_the_vowel_that_a_word_begins_with_is_not_lost() -> None:
    assert distance(spelling("أكار"), spelling("كار")) > 0.1


def test_scripts_that_we_do_not_read_have_no_sounds() -> None:
    assert read("習近平") == ()
    assert script_of("習近平") == "other"
    assert read("") == ()


def test_preparing_takes_off_marks_and_joiners() -> None:
    assert prepare("خامنه\u200cای", "arabic") == "خامنهاي"
    assert prepare("أُردُوغان", "arabic") == "اردوغان"
    assert prepare("İstanbul", "latin") == "istanbul"


letters = st.text(st.characters(codec="utf-8"), max_size=20)
names = st.sampled_from([word for word, _, others in SAME_NAME for word in [word, *others]])


@given(letters, st.sampled_from(["ar", "fa", "tr", "ru", "he", "en", "und"]))
def test_any_text_can_be_read_and_keyed(word: str, language: str) -> None:
    symbols = read(word, language)
    assert all(0 <= symbol < len(SYMBOLS) for symbol in symbols)
    assert len(keys(symbols)) <= MOST_KEYS
    assert all(len(behind) == len(key) for key, behind in skeletons(symbols).items())
    assert consonants(symbols) >= 0


@given(names, names)
def test_distance_is_symmetric_and_zero_for_the_same(word: str, other: str) -> None:
    one, two = spelling(word), spelling(other)
    assert distance(one, two) == pytest.approx(distance(two, one))
    assert distance(one, one) == 0
    assert distance(one, two, limit=0.1) in (9.0, pytest.approx(distance(one, two)))


@given(st.integers(0, 60), st.integers(0, 60))
def test_prices_are_symmetric(first: int, second: int) -> None:
    first, second = first % len(SYMBOLS), second % len(SYMBOLS)
    assert exchange_price(first, second) == exchange_price(second, first) >= 0


def test_the_quick_answer_to_who_is_near_is_that_of_the_distance() -> None:
    """Compiling asks `is_near` of thousands of pairs; it must never decide otherwise than the full alignment."""
    groups = [(word, language, others) for word, language, others in SAME_NAME]
    spellings = [spelling(word, language) for word, language, _ in groups]
    spellings += [spelling(other) for *_, others in groups for other in others]
    answers = set()
    for first in spellings:
        for second in spellings:
            for limit in (0.05, 0.2, 0.35):
                near = distance(first, second, limit) <= limit
                answers.add(near)
                assert is_near(first, second, limit) == near, (first.symbols, second.symbols, limit)
    assert answers == {True, False}


@given(
    st.lists(st.sampled_from(range(len(SYMBOLS))), max_size=9),
    st.lists(st.sampled_from(range(len(SYMBOLS))), max_size=9),
)
def test_the_quick_answer_holds_for_any_sounds(first: list[int], second: list[int]) -> None:
    for abjad in (False, True):
        mine, theirs = Spelling(tuple(first), abjad), Spelling(tuple(second), not abjad)
        assert is_near(mine, theirs, 0.35) == (distance(mine, theirs, 0.35) <= 0.35)


@given(
    st.tuples(*[st.text("abdghiklmnorstuyzşçığوبتدرسشعكلمنهيאבדושרмнорвуйш", min_size=1, max_size=9)] * 2),
    st.floats(0.0, 0.4),
)
def test_a_limit_cuts_off_nothing_that_is_within_it(words: tuple[str, str], limit: float) -> None:
    first, second = (Spelling(read(word), script_of(word) in ABJADS) for word in words)
    far = distance(first, second, 50.0)
    assume(abs(far - limit) > 1e-9)
    assert distance(first, second, limit) == (far if far <= limit else 9.0)
