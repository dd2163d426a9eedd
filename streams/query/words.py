"""From what stands in a query to the keys that a document's words are compared with."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from streams.query.errors import MAX_PHRASE_WORDS, MIN_PREFIX_LETTERS, QueryError, QueryTooCostly
from streams.query.syntax import Clauses, Node, Phrase, Word
from streams.text.tokens import terms_of, tokenize

_ZWNJ = "\u200c"
_ARABIC_SCRIPT = re.compile("[\u0620-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufefc]")
_PERSIAN_JOINED = re.compile(
    "(?:(?P<before>ن?مي)(?P<verb>.{3,}))|(?:(?P<noun>.{3,}?)(?P<after>ها(?:ي(?:ي|م|ت|ش|مان|تان|شان)?)?))"
)
"""A folded word in which a Persian writer may also leave a (non-joining) space: میشود, خبرگزاریها."""
_NO_SPACE = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0eff]")
_OPTIONAL_MARKS = re.compile(
    "[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0640]"
)
_SAME_LETTER = str.maketrans({"ي": "ی", "ى": "ی", "ك": "ک", "’": "'", "‘": "'", "ʼ": "'"})


def text_node(raw: str, column: int, *, is_exact: bool = False, has_star: bool = False) -> Node:
    """Return what `raw`, a word or phrase of the query, looks for. Raises `QueryError`."""
    if is_exact:
        if has_star:
            raise QueryError("`exact:` and `*` contradict each other; take one away", column)
        return Phrase(_exact_words(raw, column))
    if has_star:
        return Phrase(_with_prefix(raw, column))
    try:
        return _known_node(raw) if len(raw) <= _SHORT and " " not in raw else _plain_node(raw)
    except QueryError as error:
        raise type(error)(error.message, column) from error


def _plain_node(raw: str) -> Node:
    terms = terms_of(raw)
    if not terms:
        raise _nothing(raw, 1)
    words = tuple(map(Word, terms))
    _check_length(words, 1)
    other = _other_spelling(raw, terms)
    if other is None or other == terms:
        return Phrase(words)
    also = tuple(map(Word, other))
    _check_length(also, 1)
    return Clauses(should=(Phrase(words), Phrase(also)))


_SHORT = 64
_known_node = lru_cache(maxsize=20_000)(_plain_node)
"""Rules have their words in common, their phrases seldom."""


def phrase_words(raw: str, column: int, *, is_exact: bool = False) -> tuple[Word, ...]:
    """Return the words between the quotes of a phrase; a word may end in `*`. Raises `QueryError`."""
    if is_exact:
        return _exact_words(raw, column)
    if "*" not in raw:
        words = tuple(map(Word, terms_of(raw)))
    else:
        found: list[Word] = []
        for piece in raw.split():
            if piece.endswith("*"):
                found += _with_prefix(piece[:-1], column)
            elif "*" in piece:
                raise QueryError("`*` may stand at the end of a word only: `word*`", column)
            else:
                found += map(Word, terms_of(piece))
        words = tuple(found)
    if not words:
        raise _nothing(raw, column)
    _check_length(words, column)
    return words


def _other_spelling(raw: str, terms: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return the words as another writer may have them, joined or apart."""
    if not _ARABIC_SCRIPT.search(raw):
        return None
    if _ZWNJ in raw:
        return terms_of(raw.replace(_ZWNJ, "")) or None
    if len(terms) == 1 and (split := _PERSIAN_JOINED.fullmatch(terms[0])):
        parts = split.groupdict()
        return (parts["before"] or parts["noun"], parts["verb"] or parts["after"])
    return None


def _with_prefix(raw: str, column: int) -> tuple[Word, ...]:
    tokens = tokenize(raw)
    if not len(tokens) or tokens.ends[-1] != len(raw.rstrip(_ZWNJ)):
        raise _nothing(raw + "*", column)
    *whole, beginning = tokens.terms
    needed = 1 if _NO_SPACE.search(beginning) else MIN_PREFIX_LETTERS
    if len(beginning) < needed:
        raise QueryTooCostly(f"`{raw}*` would find too much; at least {needed} letters must stand before `*`", column)
    return (*(Word(term) for term in whole), Word(beginning, "prefix"))


def _exact_words(raw: str, column: int) -> tuple[Word, ...]:
    if "*" in raw:
        raise QueryError("`exact:` and `*` contradict each other; take one away", column)
    tokens = tokenize(raw)
    if not len(tokens):
        raise _nothing(raw, column)
    words = tuple(
        Word(term, "exact", written(raw[start:end]))
        for term, start, end in zip(tokens.terms, tokens.starts, tokens.ends, strict=True)
    )
    _check_length(words, column)
    return words


def _check_length(words: tuple[Word, ...], column: int) -> None:
    if len(words) > MAX_PHRASE_WORDS:
        raise QueryTooCostly(
            f"the phrase has {len(words)} words and {MAX_PHRASE_WORDS} are allowed; look for a shorter part of it",
            column,
        )


def _nothing(raw: str, column: int) -> QueryError:
    return QueryError(f"there is no word to look for in `{raw[:40]}`; write letters or digits", column)


def written(word: str) -> str:
    """Return `word` as `exact:` compares it: without what no reader sees.

    Unicode composition, invisible format characters, tatweel, vowel points, and the Arabic and Persian code points of
    the same letter (ي ی ى, ك ک) do not count; everything else does, case too.
    """
    plain = unicodedata.normalize("NFC", word)
    if plain.isascii():
        return plain
    plain = _OPTIONAL_MARKS.sub("", unicodedata.normalize("NFKC", plain)).translate(_SAME_LETTER)
    return "".join(letter for letter in plain if unicodedata.category(letter) != "Cf")


@lru_cache(maxsize=50_000)
def is_written(surface: str, word: str) -> bool:
    """Whether a document's `word` is the query's `surface` (from `written`): case counts if the query has a capital."""
    form = written(word)
    return form == surface or (surface == surface.lower() and _lower(form) == _lower(surface))


def _lower(word: str) -> str:
    # `İ`.lower() is two code points, and Turkish `I` may be meant by `ı` or `i`.
    return word.replace("İ", "i").lower().replace("\u0307", "").replace("ı", "i")
