"""Articles on a terminal: safe, readable in both directions, plain in a pipe."""

from __future__ import annotations

import io
import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from agent.render import Renderer, caret, is_right_to_left, json_line, printable
from streams.model import Span
from streams.stores.base import Hit
from tests.contract.articles import make_article

anything = st.text(st.characters(exclude_categories=()), max_size=200)
PDI, RLI, LRI = "\u2069", "\u2067", "\u2066"


def drawn(hit: Hit, *, terminal: bool, width: int = 60) -> str:
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=width, color_system=None, highlight=False)
    Renderer(console).hit(hit)
    return file.getvalue()


@given(anything)
def test_printable_text_commands_no_terminal_and_keeps_its_length(text: str) -> None:
    shown = printable(text)
    assert len(shown) == len(text)
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@given(anything, anything, st.data())
def test_any_article_and_any_span_can_be_drawn(title: str, text: str, data: st.DataObject) -> None:
    spans = []
    for field, value in (("title", title), ("text", text)):
        for _ in range(data.draw(st.integers(0, 3))):
            start = data.draw(st.integers(0, len(value)))
            spans.append(Span(field=field, start=start, end=data.draw(st.integers(start, len(value)))))  # type: ignore[arg-type]
    hit = Hit(article=make_article(title=title, text=text, source_name=title), score=1.0, spans=tuple(spans))
    for terminal in (False, True):
        out = drawn(hit, terminal=terminal)
        assert "\x9b" not in out
        assert out.count("\x1b") == 0 or terminal
        assert out.count(LRI) + out.count(RLI) == out.count(PDI)


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("تركيا", "und", True),
        ("12 وزيرا", "und", True),
        ("NATO و تركيا", "und", False),
        ("NATO و تركيا", "ar", True),
        ("NATO 2023", "ar", False),
        ("Türkiye", "tr", False),
        ('צה"ל', "he", True),
        ("", "ar", False),
    ],
)
def test_direction(text: str, language: str, expected: bool) -> None:
    assert is_right_to_left(text, language) is expected


def test_right_to_left_lines_are_isolated_and_end_at_the_right_edge() -> None:
    title = "الوزير يلتقي نظيره في موسكو " * 4
    out = drawn(Hit(article=make_article(title=title, text="", language="ar")), terminal=True)
    lines = [line for line in out.splitlines() if RLI in line]
    assert len(lines) > 1
    for line in lines:
        assert line.endswith(PDI) and line.count(RLI) == 1
        assert cell_len(line) == 60
    assert " ".join(line.strip().strip(RLI + PDI) for line in lines) == title.strip()


def test_left_to_right_lines_begin_at_the_left_edge() -> None:
    out = drawn(Hit(article=make_article(title="Harvest " * 20, text="")), terminal=True)
    assert all(line.startswith(LRI) for line in out.splitlines() if "Harvest" in line)


def test_a_pipe_gets_no_invisible_characters_and_one_line_a_title() -> None:
    title = "الوزير يلتقي نظيره في موسكو " * 10
    out = drawn(Hit(article=make_article(title=title, language="ar")), terminal=False)
    assert title.strip() in out
    assert not set(out) & {RLI, LRI, PDI, "\x1b", "\u2068"}


def test_the_matched_words_are_marked_where_they_stand() -> None:
    text = "كلمات " * 100 + "والتطبيع مع تركيا " + "كلمات " * 100
    start = text.index("والتطبيع")
    hit = Hit(article=make_article(text=text, language="ar"), spans=(Span(field="text", start=start, end=start + 8),))
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=400, color_system="standard", highlight=False)
    Renderer(console).hit(hit)
    assert "\x1b[1;33mوالتطبيع\x1b[0m" in file.getvalue()
    assert file.getvalue().count("…") == 2


def test_two_matches_far_apart_are_both_shown() -> None:
    text = "wheat " + "word " * 300 + "barley " + "word " * 300
    spans = tuple(Span(field="text", start=text.index(w), end=text.index(w) + len(w)) for w in ("barley", "wheat"))
    out = drawn(Hit(article=make_article(text=text), spans=spans), terminal=False)
    assert "wheat" in out and "barley" in out and len(out) < 900


def test_json_is_one_line_that_a_terminal_may_see() -> None:
    hit = Hit(article=make_article(title="a\x9b31mb\x1b[0m\n"), score=1.5, spans=(Span(field="title", start=0, end=1),))
    line = json_line(hit)
    assert not [c for c in line if unicodedata.category(c) == "Cc"]
    fields = json.loads(line)
    assert fields["title"] == "a\x9b31mb\x1b[0m\n"
    assert fields["score"] == 1.5 and fields["matched"] == [{"field": "title", "start": 0, "end": 1}]


def test_the_caret_stands_under_the_column() -> None:
    assert caret("foo AND )", 9) == ["foo AND )", "        ^"]
    assert caret("日本 AND )", 8) == ["日本 AND )", "         ^"]
    assert caret("one\ntwo )", 9) == ["two )", "    ^"]
    assert caret("", 1) == ["", "^"]
    # In right-to-left text no caret can be right on every terminal.
    assert caret("تركيا AND )", 11) == ["تركيا AND )", "here: )"]
    assert caret("تركيا AND", 10) == ["تركيا AND", "here: the end"]
