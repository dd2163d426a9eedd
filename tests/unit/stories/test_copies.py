"""What is a copy and what only looks like one."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.stories.copies import CopyIndex, Found, _minhash
from streams.stories.fingerprint import SKETCH_WINDOWS, Fingerprint
from streams.text.document import Document
from tests.unit.stories.articles import BASE, FLOOD, MEETING

ARABIC = (
    "بحث وزراء دفاع سورية وروسيا وإيران وتركيا في اجتماع رباعي عقد في موسكو اليوم الثلاثاء انسحاب القوات التركية من الأراضي السورية"
    " وتطبيق الاتفاق الخاص بالطريق الدولي المعروف باسم طريق M4 وأكد المجتمعون ضرورة استمرار هذه اللقاءات من أجل استقرار المنطقة وعودة"
    " اللاجئين إلى بلادهم في أسرع وقت ممكن وقال مصدر دبلوماسي إن الجولة القادمة ستعقد بعد ثلاثة أسابيع"
)
PERSIAN = (
    "وزیران دفاع چهار کشور روز سه‌شنبه در مسکو دیدار کردند و درباره همکاری‌ها برای تقویت امنیت سوریه گفت‌وگو کردند آن‌ها می‌گویند"
    " نشست‌های بعدی در هفته‌های آینده برگزار می‌شود و نیروهای خارجی باید خاک سوریه را ترک کنند خبرگزاری‌ها نوشتند که این گفت‌وگوها"
    " سازنده بوده است"
)
BULLETIN = (
    "Prices on the free market of Tehran today: dollar {} tomans, euro {} tomans, dirham {} tomans, new coin {} tomans, half coin {}"
    " tomans, quarter coin {} tomans, a gram of gold of eighteen carats {} tomans, the index of the stock exchange {} points. All"
    " prices are those of two in the afternoon and are given without guarantee by our economic desk."
)


def fingerprint(text: str, language: str = "en", title: str = "") -> Fingerprint:
    return Fingerprint.of(Document.of(title, text, language))


def find(text: str, *others: str, language: str = "en", source: int = 9) -> Found:
    """Look for `text` among `others`, each by a source of its own: 1, 2, 3, …"""
    index = CopyIndex(timedelta(days=7))
    for number, other in enumerate(others):
        index.add(f"{number:032x}", number + 1, BASE, fingerprint(other, language))
    return index.find("f" * 32, source, BASE + timedelta(hours=1), fingerprint(text, language))


def edited(text: str, share: float) -> str:
    chance = random.Random(7)
    return " ".join("different" if chance.random() < share else word for word in text.split())


@pytest.mark.parametrize(
    "copy",
    [
        MEETING,
        MEETING.upper(),
        "Read also: other news of the day. " + MEETING + " Share this page with your friends. Comments (3)",
        " ".join(MEETING.split()[: len(MEETING.split()) * 6 // 10]),
        FLOOD + " " + MEETING,
        edited(MEETING, 0.08),
        MEETING.replace(", ", " , ").replace(".", " ."),
    ],
)
def test_a_copy_is_found_whatever_was_done_to_it(copy: str) -> None:
    found = find(
        copy, "A new museum opened in Tabriz with a show of old maps and globes from four centuries.", MEETING
    ).copy
    assert found is not None
    assert found.article_id == f"{1:032x}"
    assert 0.42 <= found.similarity <= 1.0 and 0 < found.jaccard <= 1.0
    assert not found.is_same_source


@pytest.mark.parametrize(
    ("language", "text", "copy"),
    [
        ("ar", ARABIC, ARABIC.replace("إ", "ا").replace("أ", "ا").replace("ة ", "ه ").replace("4", "٤")),
        ("ar", ARABIC, "عربي ودولي | اقرأ أيضا\n" + ARABIC + "\nالتعليقات (1)"),
        ("fa", PERSIAN, PERSIAN.replace("ی", "ي").replace("ک", "ك")),
        ("fa", PERSIAN, PERSIAN.replace("\u200c", " ")),
        ("fa", PERSIAN, PERSIAN.replace("\u200c", "")),
    ],
)
def test_spelling_hides_no_copy(language: str, text: str, copy: str) -> None:
    found = find(copy, text, language=language).copy
    assert found is not None and found.similarity > 0.6


@pytest.mark.parametrize(
    "other",
    [
        FLOOD,
        'The Russian ministry said: "They agreed to go on meeting in this format". ' + FLOOD,
        "",
        "Moscow",
    ],
)
def test_what_shares_a_quotation_or_nothing_is_no_copy(other: str) -> None:
    assert find(other, MEETING).copy is None
    assert find(MEETING, other).copy is None


def test_bulletins_of_the_same_words_and_other_numbers_are_no_copies() -> None:
    first = BULLETIN.format(53200, 58900, 14460, 31150000, 17400000, 11200000, 2612000, 2471332)
    second = BULLETIN.format(52850, 58450, 14380, 30900000, 17250000, 11050000, 2589000, 2405876)
    found = find(second, first)
    assert found.copy is None and found.templates == (f"{0:032x}",)
    again = find(first.replace(" today", ""), second, first)
    assert again.copy is not None and again.copy.article_id == f"{1:032x}"


def test_what_an_outlet_prints_around_all_its_articles_makes_no_copies() -> None:
    frame = "Follow us on all channels. Subscribe to the newsletter for the most important news of the morning, before seven. "
    bodies = [
        "The council of Mersin votes on the new harbour, and the fishermen of the old one are against it.",
        "A bus fell into a ravine near Taiz; eleven of those who were in it were brought to the hospital.",
        "Rain is expected in Basra from noon on, and the governor has closed the schools for two days.",
        "A new museum opened in Tabriz with a show of old maps and of globes from four centuries.",
    ]
    index = CopyIndex(timedelta(days=7))
    for number, body in enumerate(bodies):
        assert index.find(f"{number:032x}", 5, BASE, fingerprint(frame + body)).copy is None
        index.add(f"{number:032x}", 5, BASE, fingerprint(frame + body))
    # Another outlet that is fed by this one and keeps its frame copies the article, not the frame.
    copy = index.find("a" * 32, 6, BASE, fingerprint(frame + bodies[2])).copy
    assert copy is not None and copy.article_id == f"{2:032x}"


def test_old_articles_and_the_article_itself_are_not_found() -> None:
    index = CopyIndex(timedelta(days=7))
    index.add("1" * 32, 1, BASE, fingerprint(MEETING))
    assert index.find("1" * 32, 1, BASE, fingerprint(MEETING)).copy is None
    assert index.find("2" * 32, 1, BASE + timedelta(days=8), fingerprint(MEETING)).copy is None
    index.add("3" * 32, 1, BASE + timedelta(days=8), fingerprint(FLOOD))
    assert "1" * 32 not in index and len(index) == 1


def test_a_revision_takes_the_place_of_the_version_before() -> None:
    index = CopyIndex(timedelta(days=7))
    index.add("1" * 32, 1, BASE, fingerprint(MEETING))
    index.add("1" * 32, 1, BASE, fingerprint(FLOOD))
    assert len(index) == 1
    assert index.find("2" * 32, 2, BASE, fingerprint(MEETING)).copy is None
    assert index.find("2" * 32, 2, BASE, fingerprint(FLOOD)).copy is not None


def test_a_text_printed_a_thousand_times_is_compared_with_once() -> None:
    index = CopyIndex(timedelta(days=7))
    index.add("0" * 32, 1, BASE, fingerprint(MEETING))
    for number in range(1, 1000):
        index.add(f"{number:032x}", number, BASE, fingerprint(MEETING), repeats="0" * 32)
    assert len(index) == 1000
    assert len(index._lsh.query(_minhash(fingerprint(MEETING)))) == 1
    found = index.find("f" * 32, 2000, BASE, fingerprint(MEETING)).copy
    assert found is not None and found.article_id == "0" * 32


def test_a_sketch_finds_what_the_whole_text_finds() -> None:
    long = " ".join(f"{word}{number}" for number in range(6) for word in MEETING.split())
    whole = fingerprint(long)
    assert len(whole.windows) > 2 * SKETCH_WINDOWS
    kept = Fingerprint(whole.sketch, whole.numbers, whole.size)
    index = CopyIndex(timedelta(days=7))
    index.add("1" * 32, 1, BASE, kept)
    cut = " ".join(long.split()[: len(long.split()) * 7 // 10])
    found = index.find("2" * 32, 2, BASE, fingerprint(cut)).copy
    assert found is not None and found.similarity > 0.8
    assert index.find("3" * 32, 2, BASE, fingerprint(FLOOD * 3)).copy is None


@given(st.text(max_size=400), st.sampled_from(["ar", "en", "zh", "und"]))
def test_any_text_has_a_fingerprint(text: str, language: str) -> None:
    found = fingerprint(text, language, title=text[:20])
    assert list(found.windows) == sorted(set(found.windows))
    assert len(found.sketch) <= SKETCH_WINDOWS
    index = CopyIndex(timedelta(days=7))
    index.add("1" * 32, 1, BASE, found)
    again = index.find("2" * 32, 2, BASE, found).copy
    assert (again is not None) == bool(found.windows)
