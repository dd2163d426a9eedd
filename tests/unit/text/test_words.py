"""The hand-kept ranges of the word pattern against the Unicode of the running Python, and that all patterns agree."""

from __future__ import annotations

import re
import sys
import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.text import words
from streams.text._classes import MARKS_ASTRAL, MARKS_BMP


def test_every_combining_mark_of_this_python_is_known() -> None:
    known = re.compile(f"[{MARKS_BMP}{MARKS_ASTRAL}]")
    missing = [
        f"U+{code_point:04X}"
        for code_point in range(sys.maxunicode + 1)
        if unicodedata.category(chr(code_point)) in ("Mn", "Mc", "Me") and not known.match(chr(code_point))
    ]
    assert missing == []


def test_every_other_format_character_ends_a_word_on_purpose() -> None:
    on_purpose = {"\u200b", "\u200c"}  # zero-width space, and the non-joiner that Persian writes between words
    inside = set(words.FORMAT_CHARACTERS)
    unknown = {
        character
        for character in map(chr, range(0x10000))
        if unicodedata.category(character) == "Cf" and character not in inside | on_purpose
    }
    # signs of numbers and quotations that stand before digits or lines, not inside words
    assert all(unicodedata.name(character).split()[0] in ("ARABIC", "SYRIAC", "MONGOLIAN") for character in unknown)


@settings(max_examples=500, deadline=None)
@given(st.text(st.characters(max_codepoint=0x6FF), max_size=40))
def test_the_quick_pattern_finds_the_words_of_the_full_one(text: str) -> None:
    """A text that needs no special pattern is cut the same by all of them: a word alone is cut as in its text."""
    if words.word_pattern(text, "und") is words._QUICK:
        for other in (words._HEBREW_WORDS, words._FULL):
            assert other.findall(text) == words._QUICK.findall(text)
