"""Finds whom an article is taken from, nearest first.

find the names ─▶ judge which are credits ─▶ leave out the outlet's own ─▶ join the credits to chains
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from streams.attribution.context import Context
from streams.attribution.credits import Credit, Judge, Reach
from streams.attribution.names import SourceNames, find_names
from streams.attribution.unknown import find_unknown
from streams.definitions import SourceDefinition
from streams.model import AttributionStep, RawArticle, Span
from streams.text.document import Document
from streams.text.tokens import Tokens, tokenize

MAX_STEPS = 12
_Field = Literal["title", "text"]


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

    def find(self, document: Document, article: RawArticle) -> tuple[AttributionStep, ...]:
        """Return the chain of those that `article` says it took its news from, nearest first.

        Several chains stand one after the other, told apart by `AttributionStep.chain`; that of the whole report, or of
        the first passage that names a source, is the first. The article's own outlet is none of them.
        """
        places = [
            place
            for field, tokens in (("title", document.title), ("text", document.text))
            for place in self._credits(field, tokens)  # type: ignore[arg-type]
        ]
        if not places:
            return ()
        own = self._own(article)
        steps = []
        for number, chain in enumerate(_chains([place for place in places if place.key not in own], document)):
            steps += [_step(place, number) for place in chain]
        return tuple(steps[:MAX_STEPS])

    def _own(self, article: RawArticle) -> set[str]:
        """Return the keys of the article's own outlet."""
        own = set()
        if article.source_id is not None:
            own |= {article.source_id, self._names.by_id.get(article.source_id, article.source_id)}
        if article.source_name:
            tokens = tokenize(article.source_name, article.declared_language or "und")
            own.add(_bare_key(Context(tokens), 0, len(tokens)))
            own |= {found.name.source.id for found in find_names(tokens, self._names) if found.name.source is not None}
        return own

    def _credits(self, field: _Field, tokens: Tokens) -> Iterator[_Place]:
        occurrences = find_names(tokens, self._names)
        context = Context(tokens)
        judge = Judge(context, is_title=field == "title")
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
        if field == "text":
            taken = {token for one in occurrences for token in range(one.first, one.last)}
            found += find_unknown(context, taken)
            found.sort(key=lambda credit: credit.first)
        for credit in found:
            source = credit.name.source if credit.name is not None else None
            key = source.id if source is not None else _bare_key(context, credit.first, credit.last)
            if key:
                source_id = source.id if source is not None else None
                yield _Place(credit, context, field, source_id, key, tokens.ends[credit.last - 1])


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
