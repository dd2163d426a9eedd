"""What stands around a place in a text: words of credit lines, quotation marks, and where lines and sentences end."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

from streams.attribution.names import forms_of
from streams.attribution.phrases import Phrase, phrases_of
from streams.text.tokens import Tokens

_QUOTES_OPEN, _QUOTES_CLOSE = '«“"„‹‘”(', '»”"“›’)'
_BREAK = re.compile(r"[.!?؟۔…;؛:\n]|[,،](?!\d)")
_SENTENCE_END = re.compile(r"[.!?؟۔…](?=[\s»”\")]|$)")
_LONGEST_PHRASE = 5
_CACHE_TERMS = 40_000
_ANCHORS = frozenset(("label", "before", "cite"))

# What a term may be: one bit each, so that the terms of a text make a string of bytes that can be searched.
ONE_NAME, NAMES = 1, 2
"""A name of a source, or the first term of a longer one."""
ANCHOR, LABEL, ANCHORS = 4, 8, 16
"""Words before a name in a credit, «المصدر» and its like, or the first term of several such words."""
SECOND = 32
"""The second term of what begins with `NAMES` or `ANCHORS`."""
OUTLET, NEWSY = 64, 128
"""A word for an outlet or what may stand between it and its name; a word that the names of outlets end with."""
ANY_NAME, ANY_ANCHOR = ONE_NAME | NAMES, ANCHOR | LABEL | ANCHORS


def any_of(roles: int) -> str:
    """Return the pattern of a token that may be one of `roles`."""
    return "[" + "".join(f"\\x{role:02x}" for role in range(256) if role & roles) + "]"


def ends_newsy(term: str) -> bool:
    """Whether a word ends as the names of outlets do that are written as one: «سكاينيوز»."""
    return term.endswith(_NEWSY_ENDINGS) and len(term) > _LEAST_JOINED


_LABELS = re.compile(any_of(LABEL | ANCHORS).encode())
_NEWSY = frozenset(
    "news press post times tv 24 tribune herald daily dispatch courier journal chronicle gazette gazete نيوز برس پرس"
    " پريس تايمز بوست ньюс инфо курьер вести".split()
)
"""Words that end the names of outlets, and (below) what words end in that are such names; folded, as all terms are."""
_NEWSY_ENDINGS = ("نيوز", "برس", "پرس", "پريس", "news", "press")
_LEAST_JOINED = 6
_NONE: frozenset[str] = frozenset()


class Heads(dict[str, tuple[Phrase, ...]]):
    """The phrases that a term may begin; forgets everything when it is full."""

    def __init__(self, language: str) -> None:
        super().__init__()
        self._language = language.partition("-")[0]
        self.phrases = phrases_of(language)

    def __missing__(self, term: str) -> tuple[Phrase, ...]:
        phrases = self.phrases.get(term, ())
        if not phrases:
            phrases = tuple(
                phrase
                for form in dict.fromkeys(forms_of(term, self._language))
                for phrase in self.phrases.get(form, ())
            )
        if len(self) >= _CACHE_TERMS:
            self.clear()
        self[term] = phrases
        return phrases


class Roles(dict[str, int]):
    """What a term may be in the credit of an unlisted outlet: flags; forgets everything when it is full."""

    def __init__(self, language: str, heads: Heads) -> None:
        super().__init__()
        self._language = language.partition("-")[0]
        self._heads = heads
        self._seconds = frozenset(
            phrase.terms[1]
            for phrases in heads.phrases.values()
            for phrase in phrases
            if len(phrase.terms) > 1 and phrase.kinds & _ANCHORS
        )
        self.words = self._seconds | heads.phrases.keys() | _NEWSY
        """What no form of is among has no role, unless it `ends_newsy`."""

    def __missing__(self, term: str) -> int:
        if len(self) >= _CACHE_TERMS:
            self.clear()
        phrases = self._heads[term]
        kinds: frozenset[str] = _NONE.union(*[phrase.kinds for phrase in phrases]) if phrases else _NONE
        role = SECOND if term in self._seconds else 0
        if kinds & _ANCHORS:
            for phrase in phrases:
                if phrase.kinds & _ANCHORS:
                    role |= ANCHORS if len(phrase.terms) > 1 else LABEL if "label" in phrase.kinds else ANCHOR
        if kinds & {"kind", "between"}:
            role |= OUTLET
        if ends_newsy(term) or not _NEWSY.isdisjoint(forms_of(term, self._language)):
            role |= NEWSY
        self[term] = role
        return role


@cache
def tables(language: str) -> tuple[Heads, Roles]:
    """Return the tables of one language (BCP 47): the phrases that a term may begin, and what it may be."""
    heads = Heads(language)
    return heads, Roles(language, heads)


class Found(NamedTuple):
    """A phrase at tokens `[first, last)`."""

    first: int
    last: int
    kinds: frozenset[str]


class Context:
    """One field of an article, to be asked about places in it; `roles`: what each of its tokens may be."""

    def __init__(self, tokens: Tokens, roles: bytes) -> None:
        self.tokens = tokens
        self.roles = roles
        self.terms = tokens.terms
        self.text = tokens.text
        self._heads = tables(tokens.language)[0]
        self._starting: dict[int, tuple[Found, ...]] = {}
        self._gaps: dict[int, str] = {}

    def starting(self, at: int) -> tuple[Found, ...]:
        """Return the phrases that begin at token `at`, the longest first."""
        if not 0 <= at < len(self.terms):
            return ()
        phrases = self._heads[self.terms[at]]
        if not phrases:
            return ()
        found = self._starting.get(at)
        if found is None:
            found = self._starting[at] = tuple(
                [Found(at, at + len(phrase.terms), phrase.kinds) for phrase in phrases if self._is_rest(phrase, at)]
            )
        return found

    def ending(self, at: int) -> tuple[Found, ...]:
        """Return the phrases that end before token `at`, the longest first."""
        found: tuple[Found, ...] = ()
        heads, terms = self._heads, self.terms
        for first in range(max(0, at - _LONGEST_PHRASE), at):
            if heads[terms[first]]:
                found += tuple([phrase for phrase in self.starting(first) if phrase.last == at])
        return found

    def kinds_at(self, at: int) -> frozenset[str]:
        """Return all that a single token can be."""
        if not 0 <= at < len(self.terms):
            return _NONE
        return _NONE.union(*[phrase.kinds for phrase in self._heads[self.terms[at]] if len(phrase.terms) == 1])

    def _is_rest(self, phrase: Phrase, at: int) -> bool:
        length = len(phrase.terms)
        return length == 1 or tuple(self.terms[at + 1 : at + length]) == phrase.terms[1:]

    def promising(self, anchors: Iterable[int]) -> Iterator[Found]:
        """Yield the phrases behind which an outlet may be named that nobody has listed: what follows looks like one.

        `anchors` are the tokens that may begin such a phrase.
        """
        terms, roles = self.terms, self.roles
        for at in anchors:
            for phrase in self._heads[terms[at]]:
                second = len(phrase.terms) > 1
                if not phrase.kinds & _ANCHORS or (second and not self._is_rest(phrase, at)):
                    continue
                last = at + len(phrase.terms)
                follows = roles[last : last + 3]
                if (
                    "label" in phrase.kinds
                    or (follows and follows[0] & OUTLET)
                    or any([role & NEWSY for role in follows])
                    or (second and "cite" in phrase.kinds and self.is_line_start(at))
                ):
                    yield Found(at, last, phrase.kinds)
                    break

    def is_newsy(self, at: int) -> bool:
        """Whether a word ends the names of outlets: "Press", «نيوز»."""
        return bool(self.roles[at] & NEWSY)

    def may_be_labelled(self, first: int, last: int) -> bool:
        """Whether «المصدر» or its like may begin with one of the tokens `[first, last)`; a look at bytes."""
        return _LABELS.search(self.roles, max(first, 0), last) is not None

    def is_line_start(self, at: int) -> bool:
        """Whether a line begins with the token at `at`."""
        start = self.start(at)
        return at == 0 or self.text[start - 1] == "\n" or "\n" in self.gap(at)

    # --- characters ---------------------------------------------------------------------------------------------

    def start(self, token: int) -> int:
        """Return where a token begins."""
        return self.tokens.span(token)[0]

    def end(self, token: int) -> int:
        """Return where the token before `token` ends."""
        return self.tokens.span(token - 1)[1] if token > 0 else 0

    def gap(self, token: int) -> str:
        """Return what stands between the token before `token` and that token."""
        gap = self._gaps.get(token)
        if gap is None:
            if token >= len(self.terms):
                gap = self.text[self.end(token) :]
            else:
                gap = self.tokens.gap(token) if token > 0 else self.text[: self.start(0)]
            self._gaps[token] = gap
        return gap

    def is_broken(self, first: int, last: int) -> bool:
        """Whether a comma, a full stop, a colon or a line's end stands between the tokens from `first` to `last`."""
        for token in range(max(first, 1), min(last + 1, len(self.terms))):
            gap = self.gap(token)
            if gap != " " and _BREAK.search(gap):
                return True
        return False

    def is_quoted(self, first: int, last: int) -> bool:
        """Whether the tokens `[first, last)` stand in quotation marks of their own."""
        before, after = self.gap(first)[-1:], self.gap(last)[:1]
        return bool(before) and before in _QUOTES_OPEN and bool(after) and after in _QUOTES_CLOSE

    def opens_quote(self, first: int) -> bool:
        """Whether a quotation mark stands right before the token at `first`."""
        before = self.gap(first)[-1:]
        return bool(before) and before in _QUOTES_OPEN

    def sentence_ends(self, start: int, end: int) -> int:
        """Return how many sentences end in `text[start:end]`."""
        return len(_SENTENCE_END.findall(self.text, start, end))

    def line(self, first: int, last: int) -> tuple[str, str]:
        """Return what stands in the line before token `first`, and from the end of token `last - 1` on."""
        start, end = self.start(first), self.end(last)
        line_end = self.text.find("\n", end)
        return self.text[self.text.rfind("\n", 0, start) + 1 : start], self.text[
            end : line_end if line_end >= 0 else len(self.text)
        ]
