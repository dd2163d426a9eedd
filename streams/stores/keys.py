"""The keys an article is found by: one vocabulary for every store, so that a query has the same candidates in each.

An article's keys are the terms that the matcher may look up (`Document.index_terms`) and one key for each value of a
field that a query can name (`lang:fa`, `topic:…`). A store needs nothing but a set of opaque keys, exact and prefix
look-up, and the time of the article. Keys are kept free of everything that a tokenizer of SQLite or Lucene could
split or refuse: white space, ASCII punctuation, control characters, half surrogate pairs, and any length beyond
`MAX_KEY_LENGTH`. Whatever is lost by that can only widen the candidates; the matcher decides.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

MAX_KEY_LENGTH = 64
"""Code points. Longer words are cut, in the article and in the query: Lucene refuses terms beyond 32,766 bytes."""

_FIELD = "\ue0ff"
_VALUE = "\ue0fe"
_UNSAFE = re.compile(r"[\x00-\x2f\x3a-\x40\x5b-\x60\x7b-\x9f\s\ud800-\udfff]")
_REMEMBERED = 200_000
"""Words: about 30 MB at the most."""


def term_key(term: str) -> str:
    """Return the key of a folded term, or of the beginning of one."""
    if len(term) > MAX_KEY_LENGTH:
        term = term[:MAX_KEY_LENGTH]
    return _UNSAFE.sub(_replacement, term)


@lru_cache(maxsize=20_000)
def field_key(field: str, value: str) -> str:
    """Return the key that says: `field` has `value`, whatever its case and width."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", value).casefold())
    return f"{_FIELD}{_UNSAFE.sub(_replacement, field)}{_VALUE}{term_key(folded)}"


def is_field_key(key: str) -> bool:
    """Say whether `key` is one of `field_key`."""
    return key.startswith(_FIELD)


def join_terms(terms: Iterable[str]) -> str:
    """Return the keys of `terms`, one a line."""
    return "\n".join(map(_keys_by_term.__getitem__, terms))


class _KeysByTerm(dict[str, str]):
    """Remembers the keys of words: the same ones come again and again, and looking one up is cheaper than checking
    it."""

    def __missing__(self, term: str) -> str:
        if len(self) >= _REMEMBERED:
            self.clear()
        key = self[term] = term_key(term)
        return key


def _replacement(found: re.Match[str]) -> str:
    # Into the private use area: a token character to every tokenizer, and met in no word.
    code = ord(found.group())
    return "\ufffd" if code > 0xFF else chr(0xE100 + code)


_keys_by_term = _KeysByTerm()
