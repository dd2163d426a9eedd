"""Finds whom an article is taken from, nearest first.

where may one begin? ─▶ find the names ─▶ judge which are credits ─▶ leave out the outlet's own ─▶ join them to chains

Most articles credit nobody. So every term is looked up once, in a table of what it may be; one search through the bytes
that this gives says where a credit may begin, and only there is looked any further.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from streams.attribution.context import (
    ANCHOR,
    ANCHORS,
    ANY_ANCHOR,
    ANY_NAME,
    LABEL,
    NAMES,
    NEWSY,
    ONE_NAME,
    OUTLET,
    SECOND,
    Context,
    any_of,
    ends_newsy,
    tables,
)
from streams.attribution.credits import Credit, Judge, Reach
from streams.attribution.names import Occurrence, SourceNames, begins_as_one, find_names, forms_of, heads_of
from streams.attribution.unknown import find_unknown
from streams.definitions import SourceDefinition
from streams.model import AttributionStep, RawArticle, Span
from streams.text.document import Document
from streams.text.tokens import Tokens, tokenize

MAX_STEPS = 12
_CACHE_TERMS = 40_000
_MOST_OUTLETS, _MOST_LANGUAGES = 5_000, 100
_Field = Literal["title", "text"]


_BEGINNING = re.compile(
    # First what a quick search can look for, then what must stand there and behind it.
    f"{any_of(ANY_NAME | ANY_ANCHOR)}(?:(?<={any_of(ONE_NAME | LABEL)})"
    f"|(?<={any_of(NAMES | ANCHORS)})(?={any_of(SECOND)})"
    f"|(?<={any_of(ANCHOR)})(?={any_of(OUTLET)}|.{{0,2}}{any_of(NEWSY)}))".encode(),
    re.DOTALL,
)
"""Where a name of a source or a credit of an unlisted one may begin, in the roles of a text's tokens."""


class _Beginnings(dict[str, int]):
    """What a term may be, in a credit and as a name of a source; forgets everything when it is full."""

    def __init__(self, language: str, names: SourceNames) -> None:
        super().__init__()
        self._language = language.partition("-")[0]
        self._names = names.forms(language)
        self._seconds = names.seconds
        self._roles = tables(language)[1]
        self._known = names.terms, self._roles.words
        self._heads = names.heads, heads_of(self._roles.words)

    def __missing__(self, term: str) -> int:
        role = 0
        if begins_as_one(term, *self._heads) or ends_newsy(term):
            forms = set(forms_of(term, self._language))
            if ends_newsy(term) or not all([known.isdisjoint(forms) for known in self._known]):
                role = self._role_of(term, forms)
        if len(self) >= _CACHE_TERMS:
            self.clear()
        self[term] = role
        return role

    def _role_of(self, term: str, forms: set[str]) -> int:
        role = self._roles[term]
        for name in self._names[term]:
            role |= NAMES if len(name.terms) > 1 else ONE_NAME
        return role if self._seconds.isdisjoint(forms) else role | SECOND


@dataclass
class _Place:
    """A credit in its field, and what it names."""

    credit: Credit
    context: Context
    field: _Field
    source_id: str | None
    key: str
    """What makes two credits the same: the source, or the folded name."""
    end: int
    """How far in the text what belongs to this credit reaches: its last mention."""


class AttributionFinder:
    """Says whom an article credits."""

    def __init__(self, sources: Iterable[SourceDefinition]) -> None:
        self._names = SourceNames(sources)
        self._beginnings: dict[str, _Beginnings] = {}
        self._own_keys: dict[tuple[str | None, str | None, str | None], frozenset[str]] = {}

    def find(self, document: Document, article: RawArticle) -> tuple[AttributionStep, ...]:
        """Return the chain of those that `article` says it took its news from, nearest first.

        Several chains stand one after the other, told apart by `AttributionStep.chain`; that of the whole report, or of
        the first passage that names a source, is the first. The article's own outlet is none of them.
        """
        places = [*self._credits("title", document.title), *self._credits("text", document.text)]
        if not places:
            return ()
        own = self._own(article)
        steps = []
        for number, chain in enumerate(_chains([place for place in places if place.key not in own], document)):
            steps += [_step(place, number) for place in chain]
        return tuple(steps[:MAX_STEPS])

    def _own(self, article: RawArticle) -> frozenset[str]:
        """Return the keys of the article's own outlet."""
        outlet = (article.source_id, article.source_name, article.declared_language)
        own = self._own_keys.get(outlet)
        if own is None:
            if len(self._own_keys) >= _MOST_OUTLETS:
                self._own_keys.clear()
            own = self._own_keys[outlet] = frozenset(self._keys_of(*outlet))
        return own

    def _keys_of(self, source_id: str | None, source_name: str | None, language: str | None) -> Iterator[str]:
        if source_id is not None:
            yield source_id
            yield self._names.by_id.get(source_id, source_id)
        if source_name:
            tokens = tokenize(source_name, language or "und")
            yield _bare_key(Context(tokens, self._roles(tokens)), 0, len(tokens))
            for found in find_names(tokens, self._names):
                if found.name.source is not None:
                    yield found.name.source.id

    def _roles(self, tokens: Tokens) -> bytes:
        """Return what each of `tokens` may be, one byte a token."""
        table = self._beginnings.get(tokens.language)
        if table is None:
            if len(self._beginnings) >= _MOST_LANGUAGES:
                self._beginnings.clear()
            table = self._beginnings[tokens.language] = _Beginnings(tokens.language, self._names)
        return bytes(map(table.__getitem__, tokens.terms))

    def _credits(self, field: _Field, tokens: Tokens) -> list[_Place]:
        roles = self._roles(tokens)
        begun = [match.start() for match in _BEGINNING.finditer(roles)]
        if not begun:
            return []
        named = [at for at in begun if roles[at] & ANY_NAME]
        occurrences = find_names(tokens, self._names, named) if named else []
        context = Context(tokens, roles)
        found = self._judged(context, occurrences, is_title=field == "title") if occurrences else []
        if field == "text":
            taken = {token for one in occurrences for token in range(one.first, one.last)}
            found += find_unknown(context, [at for at in begun if roles[at] & ANY_ANCHOR], taken)
            found.sort(key=lambda credit: credit.first)
        places = []
        for credit in found:
            source = credit.name.source if credit.name is not None else None
            key = source.id if source is not None else _bare_key(context, credit.first, credit.last)
            if key:
                source_id = source.id if source is not None else None
                places.append(_Place(credit, context, field, source_id, key, context.end(credit.last)))
        return places

    @staticmethod
    def _judged(context: Context, occurrences: list[Occurrence], *, is_title: bool) -> list[Credit]:
        judge = Judge(context, is_title=is_title)
        found: list[Credit] = []
        for at, occurrence in enumerate(occurrences):
            if occurrence.name.source is None:
                continue
            following = occurrences[at + 1] if at + 1 < len(occurrences) else None
            credit = judge.credit(occurrence, following)
            if found and (credit is None or not credit.is_cited):
                credit = judge.beside(found[-1], occurrence) or credit
            if credit is not None:
                found.append(credit)
        return found


def _chains(places: list[_Place], document: Document) -> list[list[_Place]]:
    """Join credits: a source that another cites follows it, and what the whole report is from comes before all."""
    chains: list[list[_Place]] = []
    known: dict[str, _Place] = {}
    last: _Place | None = None
    # A source line covers the report wherever it stands, so it comes first; a title says again what the text tells.
    for place in sorted(places, key=lambda place: (place.field == "title", not place.credit.is_label)):
        same = known.get(place.key)
        if same is not None:
            if same.field == place.field:
                same.end = max(same.end, place.end)
            last = same
            continue
        known[place.key] = place
        chain = next((chain for chain in chains if last is not None and last in chain), None)
        if chain is not None and last is not None and _follows(last, place):
            chain.insert(chain.index(last) + 1, place)
        elif place.field == "title" and (not chains or chains[0][0].credit.reach is Reach.PASSAGE):
            chains.insert(0, [place])  # a headline covers more than a passage
        else:
            chains.append([place])
        last = place
    return chains


def _follows(last: _Place, place: _Place) -> bool:
    """Whether `place` is whom `last` took it from."""
    if place.credit.is_beside or place.field != last.field:
        return False
    context = place.context
    start = context.start(place.credit.first)
    if last.credit.is_label:
        if place.credit.is_label:
            return False
        # The line may stand at the end: what it covers is the report, from its first sentence on.
        begin = last.end if last.end < start else 0
        return place.credit.reach is Reach.REPORT or context.sentence_ends(begin, start) == 0
    if last.end > start:
        return False
    if place.credit.is_cited and context.sentence_ends(last.end, start) == 0:
        return "\n" not in context.text[last.end : start] or last.credit.reach is Reach.REPORT
    return last.credit.reach is Reach.REPORT and context.sentence_ends(last.end, start) == 0


def _step(place: _Place, chain: int) -> AttributionStep:
    context, credit = place.context, place.credit
    first, last = credit.first, credit.last
    title = [
        phrase for phrase in context.ending(first) if "kind" in phrase.kinds and not context.is_broken(first, first)
    ]
    if title:
        first = min(phrase.first for phrase in title)
    start, end = context.start(first), context.end(last)
    if (
        title
        and context.text[end : end + 1] in ("»", "”", '"')
        and any(quote in context.text[start:end] for quote in '«“"')
    ):
        end += 1
    return AttributionStep(
        name=context.text[start:end],
        source_id=place.source_id,
        span=Span(field=place.field, start=start, end=end),
        chain=chain,
    )


def _bare_key(context: Context, first: int, last: int) -> str:
    """Return the folded name without words such as "agency"."""
    terms = [context.terms[at] for at in range(first, last) if "kind" not in context.kinds_at(at)]
    return " ".join(terms or context.terms[first:last])
