"""Which of an article's days is that of its event, and what is left open where publication is not known."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from streams.event_dates import find_event_dates
from streams.text.document import Document

PUBLISHED = date(2023, 4, 26)


def days(title: str, text: str, published: date | None = PUBLISHED) -> list[str]:
    return [event.first.isoformat() for event in find_event_dates(Document.of(title, text, "en"), published)]


def test_the_event_comes_before_what_is_recalled() -> None:
    text = "Ministers met on Tuesday in Moscow. " + "They spoke of many things. " * 20 + "They had met on December 28."
    assert days("Ministers meet", text) == ["2023-04-25", "2023-04-26", "2022-12-28"]


def test_a_report_that_dates_only_the_past_is_of_its_own_day() -> None:
    text = "Ministers spoke on the phone. " + "They spoke of many things. " * 20 + "They had met on December 28, 2022."
    assert days("Ministers speak", text)[0] == "2023-04-26"


def test_an_article_about_a_day_long_ago_has_that_day_first() -> None:
    assert days("What happened on December 29, 2018", "On December 29, 2018 they met in Moscow.")[0] == "2018-12-29"


def test_without_a_day_of_publication_only_whole_dates_are_resolved() -> None:
    text = "They met on Tuesday, yesterday, on 3 May and on 25 April 2023."
    assert days("", text, None) == ["2023-04-25"]
    assert find_event_dates(Document.of("", "Nothing is dated here", "en"), PUBLISHED) == ()


def test_a_list_of_days_is_a_range() -> None:
    events = find_event_dates(Document.of("", "on April 3-4 the deputies met", "en"), PUBLISHED)
    [event] = [event for event in events if event.spans]
    assert (event.first, event.last) == (date(2023, 4, 3), date(2023, 4, 4))
    assert event.is_inferred


_words = st.sampled_from(
    "25 3 و15 4 2023 ٢٥ april نيسان من شهر الثلاثاء أمس 1402 فروردین - / . , of May Tuesday last ב-25 באפריל 25ی كانون الأول".split()
)


@given(st.lists(_words, max_size=14), st.sampled_from(["ar", "fa", "en", "he", "ckb", "tr", "und", "zh", "qq", "azb"]))
def test_any_words_give_days_in_order_with_spans_in_the_text(words: list[str], language: str) -> None:
    text = " ".join(words)
    for event in find_event_dates(Document.of(text, text, language), PUBLISHED):
        assert event.first <= event.last
        for span in event.spans:
            assert 0 <= span.start < span.end <= len(text)
