"""The lines of a source's template are learned from its articles, whatever language they are in; its text is not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.pages.recurring import MAX_LINES, Recurring, without_recurring

TEMPLATES = [
    ("شناسهٔ خبر: {n}59854 - سرویس سیاسی", "آنچه دیگران می خوانند"),
    ("التعليقات ({n})", "اقرأ أيضا"),
    ("Haber kodu: {n}", "Bu haber {n} kez okundu"),
    ("Номер материала {n}", "Подписывайтесь на наш канал"),
]


def texts(head: str, tail: str, count: int) -> list[str]:
    return [
        f"{head.format(n=n)}\nThe news of day {'abcdefghijklmnopqrstuvwxyz'[n % 26] * (n // 26 + 1)} is told in here.\n"
        f"And its end, {'zyxwvutsrqponmlkjihgfedcba'[n % 26] * (n // 26 + 1)}, follows.\n{tail.format(n=n)}"
        for n in range(count)
    ]


def learned(articles: list[str]) -> Recurring:
    table = Recurring.of(b"", 0)
    for text in articles:
        table.learn(text)
    return table


@pytest.mark.parametrize(("head", "tail"), TEMPLATES)
def test_lines_that_recur_are_cut_and_named(head: str, tail: str) -> None:
    articles = texts(head, tail, 8)
    text, cut = without_recurring(articles[3], [learned(articles)], 4)
    assert text == "\n".join(articles[3].splitlines()[1:3])
    assert cut == (head.format(n=3), tail.format(n=3))


@pytest.mark.parametrize(("head", "tail"), TEMPLATES)
def test_a_line_must_recur_over_enough_articles(head: str, tail: str) -> None:
    articles = texts(head, tail, 3)
    assert without_recurring(articles[0], [learned(articles)], 4) == (articles[0], ())


def test_the_same_line_many_times_in_one_article_is_one_article() -> None:
    article = "A refrain\nsomething else\n" + "A refrain\n" * 50
    assert without_recurring(article, [learned([article])], 4)[1] == ()


def test_background_that_an_agency_repeats_is_text() -> None:
    background = "The two countries cut all ties in the spring of that year, when the crossing was shut and the envoys went home."
    affair = [f"Headline number {c * 3}\nThis happened today, says {c * 4}.\n{background}" for c in "abcdefgh"]
    others = [f"Other {c * 3}\nSomething else of {c * 4}.\nThe end of {c * 5}" for c in "abcdefghijklmnop"]
    assert without_recurring(affair[0], [learned([*affair, *others])], 4)[1] == ()


def test_a_line_that_credits_somebody_stays_while_it_varies() -> None:
    articles = [
        f"News {c * 3}\nMore on {c * 4}\nالمصدر: {'سانا' if n % 2 else 'رويترز'}" for n, c in enumerate("abcdefghijkl")
    ]
    assert without_recurring(articles[1], [learned(articles)], 4)[1] == ()


def test_a_text_is_never_emptied() -> None:
    articles = ["Same line\nOther line"] * 10
    assert without_recurring(articles[0], [learned(articles)], 4) == (articles[0], ())


def test_what_is_known_survives_packing_and_is_shared_by_the_feeds_of_a_source() -> None:
    head, tail = TEMPLATES[0]
    articles = texts(head, tail, 6)
    halves = [learned(articles[:3]), learned(articles[3:])]
    again = [Recurring.of(table.pack(), table.articles) for table in halves]
    for table in again:
        assert without_recurring(articles[0], [table], 4)[1] == ()
    assert len(without_recurring(articles[0], again, 4)[1]) == 2


def test_a_new_template_is_learned_and_an_old_one_forgotten() -> None:
    old, new = texts(*TEMPLATES[0], 500), texts(*TEMPLATES[1], 500)
    table = learned([*old, *new])
    assert len(without_recurring(new[7], [table], 4)[1]) == 2


def test_memory_is_bounded() -> None:
    table = learned(["\n".join(f"line {'x' * n}{'y' * m}" for n in range(40)) for m in range(100)])
    assert len(table.pack()) <= 10 * MAX_LINES


@given(st.binary(max_size=200), st.integers(0, 70_000))
@settings(max_examples=50, deadline=None)
def test_a_broken_state_is_nothing_learned(packed: bytes, articles: int) -> None:
    table = Recurring.of(packed, articles)
    table.learn("one line\nand another")
    assert len(table.pack()) % 10 == 0


@given(st.lists(st.lists(st.text(st.characters(codec="utf-8"), max_size=12), max_size=6).map("\n".join), max_size=12))
@settings(max_examples=40, deadline=None)
def test_what_is_cut_is_whole_lines_and_nothing_is_changed(articles: list[str]) -> None:
    table = learned(articles)
    for text in articles:
        kept, cut = without_recurring(text, [table], 2)
        lines = text.splitlines()
        if cut:
            assert kept.strip()
            assert set(cut) <= set(lines)
            # White space at the ends of the text goes with what is cut there, and nothing else.
            assert kept == "\n".join(line for line in lines if line not in cut).strip()
        else:
            assert kept == text
