"""What stands around a place in a text: words of credit lines, quotation marks, and where lines and sentences end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from streams.attribution.names import forms_of
from streams.attribution.phrases import Phrase, phrases_of
from streams.text.tokens import Tokens

_QUOTES_OPEN, _QUOTES_CLOSE = '«“"„‹‘”(', '»”"“›’)'
_BREAK = re.compile(r"[.!?؟۔…;؛:\n]|[,،](?!\d)")
_SENTENCE_END = re.compile(r"[.!?؟۔…](?=[\s»”\")]|$)")
_LONGEST_PHRASE = 5
_CACHE_TERMS = 40_000
_ANCHORS = frozenset(("label", "before", "cite"))
ANCHOR, OUTLET, NEWSY = 1, 2, 4
_NEWSY = frozenset(
    "news press post times tv 24 tribune herald daily dispatch courier journal chronicle gazette gazete نيوز برس پرس"
    " پريس تايمز بوست ньюс инфо курьер вести".split()
)
"""Words that end the names of outlets, and (below) what words end in that are such names; folded, as all terms are."""
_NEWSY_ENDINGS = ("نيوز", "برس", "پرس", "پريس", "news", "press")
_LEAST_JOINED = 6


class _Heads(dict[str, tuple[Phrase, ...]]):
    """The phrases that a term may begin; forgets everything when it is full."""

    def __init__(self, language: str) -> None:
        super().__init__()
        self._language = language.partition("-")[0]
        self._phrases = phrases_of(language)

    def __missing__(self, term: str) -> tuple[Phrase, ...]:
        phrases = self._phrases.get(term, ())
        if not phrases:
            phrases = tuple(
                phrase
                for form in dict.fromkeys(forms_of(term, self._language))
                for phrase in self._phrases.get(form, ())
            )
        if len(self) >= _CACHE_TERMS:
            self.clear()
        self[term] = phrases
        return phrases


class _Roles(dict[str, int]):
    """What a term may be in the credit of an unlisted outlet: flags; forgets everything when it is full."""

    def __init__(self, language: str, heads: _Heads) -> None:
        super().__init__()
        self._language = language.partition("-")[0]
        self._heads = heads
        self.anchored: dict[str, tuple[tuple[str, Phrase], ...]] = {}
        """By term, the phrases that may stand before a name in a credit, each with its second term ("" if none)."""

    def __missing__(self, term: str) -> int:
        if len(self) >= _CACHE_TERMS:
            self.clear()
            self.anchored.clear()
        phrases = self._heads[term]
        kinds = frozenset().union(*(phrase.kinds for phrase in phrases))
        role = 0
        if kinds & _ANCHORS:
            role = ANCHOR
            self.anchored[term] = tuple(
                (phrase.terms[1] if len(phrase.terms) > 1 else "", phrase)
                for phrase in phrases
                if phrase.kinds & _ANCHORS
            )
        if kinds & {"kind", "between"}:
            role |= OUTLET
        if (term.endswith(_NEWSY_ENDINGS) and len(term) > _LEAST_JOINED) or any(
            form in _NEWSY for form in forms_of(term, self._language)
        ):
            role |= NEWSY
        self[term] = role
        return role


@cache
def _tables(language: str) -> tuple[_Heads, _Roles]:
    heads = _Heads(language)
    return heads, _Roles(language, heads)


@dataclass(frozen=True)
class Found:
    """A phrase at tokens `[first, last)`."""

    first: int
    last: int
    kinds: frozenset[str]


class Context:
    """One field of an article, to be asked about places in it."""

    def __init__(self, tokens: Tokens) -> None:
        self.tokens = tokens
        self.terms = tokens.terms
        self.text = tokens.text
        self._heads, self._roles = _tables(tokens.language)
        self._starting: dict[int, tuple[Found, ...]] = {}

    def starting(self, at: int) -> tuple[Found, ...]:
        """Return the phrases that begin at token `at`, the longest first."""
        found = self._starting.get(at)
        if found is None:
            found = self._starting[at] = self._look_up(at) if 0 <= at < len(self.terms) else ()
        return found

    def ending(self, at: int) -> tuple[Found, ...]:
        """Return the phrases that end before token `at`, the longest first."""
        found = []
        for first in range(max(0, at - _LONGEST_PHRASE), at):
            found += [phrase for phrase in self.starting(first) if phrase.last == at]
        return tuple(found)

    def kinds_at(self, at: int) -> frozenset[str]:
        """Return all that a single token can be."""
        return frozenset().union(*(phrase.kinds for phrase in self.starting(at) if phrase.last == at + 1))

    def _look_up(self, at: int) -> tuple[Found, ...]:
        phrases = self._heads[self.terms[at]]
        return tuple(
            [Found(at, at + len(phrase.terms), phrase.kinds) for phrase in phrases if self._is_rest(phrase, at)]
        )

    def _is_rest(self, phrase: Phrase, at: int) -> bool:
        length = len(phrase.terms)
        return length == 1 or tuple(self.terms[at + 1 : at + length]) == phrase.terms[1:]

    def promising(self) -> Iterator[Found]:
        """Yield the phrases behind which an outlet may be named that nobody has listed: what follows looks like one."""
        terms = self.terms
        roles = list(map(self._roles.__getitem__, terms))
        anchored = self._roles.anchored
        following = [*terms[1:], ""]
        for at in [at for at, role in enumerate(roles) if role & ANCHOR]:
            for second, phrase in anchored[terms[at]]:
                if second and (following[at] != second or not self._is_rest(phrase, at)):
                    continue
                last = at + len(phrase.terms)
                follows = roles[last : last + 3]
                if (
                    "label" in phrase.kinds
                    or (follows and follows[0] & OUTLET)
                    or any(role & NEWSY for role in follows)
                    or (second and "cite" in phrase.kinds and self.is_line_start(at))
                ):
                    yield Found(at, last, phrase.kinds)
                    break

    def is_newsy(self, at: int) -> bool:
        """Whether a word ends the names of outlets: "Press", «نيوز»."""
        return bool(self._roles[self.terms[at]] & NEWSY)

    def is_line_start(self, at: int) -> bool:
        """Whether a line begins with the token at `at`."""
        start = self.tokens.starts[at]
        return at == 0 or self.text[start - 1] == "\n" or "\n" in self.gap(at)

    # --- characters ---------------------------------------------------------------------------------------------

    def start(self, token: int) -> int:
        """Return where a token begins."""
        return self.tokens.starts[token]

    def end(self, token: int) -> int:
        """Return where the token before `token` ends."""
        return self.tokens.ends[token - 1] if token > 0 else 0

    def gap(self, token: int) -> str:
        """Return what stands between the token before `token` and that token."""
        starts = self.tokens.starts
        end = self.tokens.ends[token - 1] if token > 0 else 0
        return self.text[end : starts[token]] if token < len(starts) else self.text[end:]

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
