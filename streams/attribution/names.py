"""The names of sources, ready to be found in texts of any language: one look-up a word.

A name is matched after folding, with the clitics and endings of the text's language on it: «وبحسب لرويترز», "AA'ya",
«Интерфаксу», «ANHAyê». A name with capitals is looked for in capitals, so that "sana" is no agency.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from streams.definitions import SourceDefinition
from streams.text.tokens import Tokens, tokenize
from streams.text.variants import variants_table

_PREFIXES = {"ar": "وفبكل", "he": "ובלמהשכ"}
_MAX_PREFIXES = 2
_SLAVIC = frozenset(("ru", "uk", "be", "bg"))
_SLAVIC_ENDINGS = tuple("ами ями ого ому ой ей ом ем ям ам ах ую а у е и ы ю я".split())
_LEAST_LETTERS = 2
_CACHE_TERMS = 40_000


@dataclass(frozen=True)
class Name:
    """One name of one source; `source` is None for what only looks like a name."""

    terms: tuple[str, ...]
    source: SourceDefinition | None
    language: str
    is_ambiguous: bool
    has_capital: bool
    is_all_capitals: bool


class SourceNames:
    """All names, by their first term."""

    def __init__(self, sources: Iterable[SourceDefinition]) -> None:
        self.by_first: dict[str, list[Name]] = {}
        self.by_id: dict[str, str] = {}
        """The id of a house by the id of each of its editions."""
        for source in sources:
            self.by_id[source.id] = source.id
            self.by_id.update(dict.fromkeys(source.also, source.id))
            ambiguous = {_terms(name) for name in source.ambiguous}
            for language, names in source.names.items():
                for name in names:
                    self._add(name, language, source, ambiguous)
            for name in source.not_names:
                self._add(name, "", None, set())
        for known in self.by_first.values():
            known.sort(key=lambda name: -len(name.terms))
        self.seconds = frozenset(
            name.terms[1] for known in self.by_first.values() for name in known if len(name.terms) > 1
        )
        """The second terms of all names that have one."""
        self.terms = self.seconds.union(self.by_first)
        """The first and the second terms of all names."""
        self.heads = heads_of(self.terms)
        """How terms may begin that may be one of these."""
        self._tables: dict[str, _Forms] = {}

    def forms(self, language: str) -> _Forms:
        """Return the table of what a term of `language` may be the first of: `table[term]`."""
        code = language.partition("-")[0]
        table = self._tables.get(code)
        if table is None:
            table = self._tables[code] = _Forms(code, self)
        return table

    def _add(self, name: str, language: str, source: SourceDefinition | None, ambiguous: set[tuple[str, ...]]) -> None:
        terms = _terms(name)
        letters = [letter for letter in name if letter.isalpha()]
        made = Name(
            terms,
            source,
            language,
            terms in ambiguous,
            any(letter.isupper() for letter in letters),
            len(letters) > 1 and all(letter.isupper() for letter in letters),
        )
        spellings = {terms}
        if len(terms) == 2 and min(map(len, terms)) > 1:
            spellings.add(("".join(terms),))  # «نامهنیوز» for «نامه‌نیوز»: half-spaces get lost
        for spelling in spellings:
            known = self.by_first.setdefault(spelling[0], [])
            same = [other for other in known if other.terms == spelling and other.source is source]
            if not same:
                known.append(
                    Name(spelling, source, language, made.is_ambiguous, made.has_capital, made.is_all_capitals)
                )


class _Forms(dict[str, tuple[Name, ...]]):
    """The names that a term may begin; forgets everything when it is full."""

    def __init__(self, language: str, names: SourceNames) -> None:
        super().__init__()
        self._language = language
        self._names = names

    def __missing__(self, term: str) -> tuple[Name, ...]:
        found: list[Name] = []
        for form in dict.fromkeys(forms_of(term, self._language)):
            found += self._names.by_first.get(form, ())
        # The most words first, and among equals the form that has lost the least.
        result = tuple(sorted(found, key=lambda name: -len(name.terms)))
        if len(self) >= _CACHE_TERMS:
            self.clear()
        self[term] = result
        return result


class Occurrence(NamedTuple):
    """A name that stands in a text: tokens `[first, last)`."""

    first: int
    last: int
    name: Name


def find_names(tokens: Tokens, names: SourceNames, places: Iterable[int] | None = None) -> list[Occurrence]:
    """Return the names in `tokens`, in order, the longest at each place; what only looks like one is among them.

    `places`: the tokens that may begin one, where they are known; all by default.
    """
    table = names.forms(tokens.language)
    terms = tokens.terms
    found: list[Occurrence] = []
    free_from = 0
    for at in range(len(terms)) if places is None else places:
        known = table[terms[at]]
        if at < free_from:
            continue
        second = terms[at + 1] if at + 1 < len(terms) else ""
        for name in known:
            if len(name.terms) > 1 and not second.startswith(name.terms[1][:2]):
                continue  # most names of several words begin with a common one
            last = at + len(name.terms)
            if last <= len(terms) and _follows(name, terms, at, tokens.language) and _is_cased(name, tokens, at):
                found.append(Occurrence(at, last, name))
                free_from = last
                break
    return found


def forms_of(term: str, language: str) -> Iterator[str]:
    """Yield what a term may stand for: itself, and itself without clitics and endings."""
    yield term
    head, apostrophe, rest = term.partition("'")
    if apostrophe:
        yield head
        yield rest
    bare = term
    prefixes = _PREFIXES.get(language, "")
    for _ in range(_MAX_PREFIXES):
        if not bare or bare[0] not in prefixes or len(bare) <= _LEAST_LETTERS:
            break
        bare = bare[1:]
        yield bare
        if language == "ar" and bare.startswith("ل"):
            yield "ا" + bare  # للاناضول
    yield from variants_table(language)[term]
    if language in _SLAVIC:
        for ending in _SLAVIC_ENDINGS:
            if term.endswith(ending) and len(term) - len(ending) > _LEAST_LETTERS:
                stem = term[: -len(ending)]
                yield stem
                yield from (stem + nominative for nominative in ("а", "я", "о"))


_HEAD = 3
_MAY_BE_LOST = "وفبكلسانميובלמהשכ"
"""The letters of all affixes that stand before a word."""
_CHANGED = {"ه": "ت", "ي": "ا", "ء": "يو"}
"""The last letter of an Arabic noun, and what a pronoun makes of it."""


def heads_of(words: Iterable[str]) -> frozenset[str]:
    """Return how terms may begin, after what stands before them, of which `forms_of` makes one of `words`."""
    heads = set()
    for word in words:
        heads.add(word[:_HEAD])
        for article in ("ا", "ال"):  # the article may be a form's own
            if word.startswith(article):
                heads.add(word[len(article) : len(article) + _HEAD])
        if len(word) == _HEAD:
            heads.update(word[:-1] + letter for letter in _CHANGED.get(word[-1], ""))
    return frozenset(heads)


def begins_as_one(term: str, heads: frozenset[str], other_heads: frozenset[str]) -> bool:
    """Return False for most terms of which `forms_of` makes none of the words that the heads are of."""
    head = term[:_HEAD]
    if head in heads or head in other_heads or "'" in term:
        return True
    lost = len(term) - len(term.lstrip(_MAY_BE_LOST))
    inside = [term[at : at + _HEAD] for at in range(1, lost + 1)]
    return not (heads.isdisjoint(inside) and other_heads.isdisjoint(inside))


def _follows(name: Name, terms: list[str], at: int, language: str) -> bool:
    rest = name.terms[1:]
    if not rest:
        return True
    *middle, last = rest
    if tuple(terms[at + 1 : at + 1 + len(middle)]) != tuple(middle):
        return False
    term = terms[at + len(rest)]
    return term == last or (term.startswith(last[:2]) and last in forms_of(term, language))


def _is_cased(name: Name, tokens: Tokens, at: int) -> bool:
    if not name.has_capital:
        return True
    start, end = tokens.span(at)
    word = tokens.text[start:end]
    term = name.terms[0]
    if name.is_all_capitals and len(name.terms) == 1:
        place = tokens.terms[at].find(term)
        return place >= 0 and word[place : place + len(term)].isupper()
    return any(letter.isupper() for letter in word)


def _terms(name: str) -> tuple[str, ...]:
    return tuple(tokenize(name, "fa").terms)
