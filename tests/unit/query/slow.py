"""What a query means, said as plainly as possible and as slowly as need be: the matcher is compared with this.

Works on the meaning that `tests.unit.query.generate` made up together with the query's text, so that parser, compiler and
matcher are all under test. Nothing here shares code with them but the words of a text (`streams.text`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise, product
from typing import Any

from streams.text.tokens import Tokens, tokenize, variants

TITLE, TEXT = 0, 1
LEAD = 40
Place = tuple[int, int, int]
"""Field, first token, one past the last."""


@dataclass
class Page:
    """An article as the slow evaluator sees it."""

    title: str
    text: str
    language: str
    record: Any
    fields: tuple[Tokens, Tokens] = field(init=False)
    forms: list[list[set[str]]] = field(init=False)
    memory: dict[Any, list[Place]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.fields = (tokenize(self.title, self.language), tokenize(self.text, self.language))
        self.forms = [[{term, *variants(term, self.language)} for term in tokens.terms] for tokens in self.fields]


@dataclass(frozen=True)
class Result:
    """Whether it matches, its score, and the places that made it so."""

    score: float
    places: frozenset[Place]


def evaluate(meaning: Any, page: Page) -> Result | None:
    """Return the result of a whole query: `("query", node, min_score, min_mentions)`."""
    _, node, min_score, min_mentions = meaning
    result = _whole(node, page)
    if result is None or result.score < min_score or len(result.places) < min_mentions:
        return None
    return result


def _whole(node: Any, page: Page) -> Result | None:
    if node[0] == "clauses":
        return _clauses(node, page, is_whole=True)
    return _node(node, page)


def _node(node: Any, page: Page) -> Result | None:
    match node[0]:
        case "clauses":
            return _clauses(node, page, is_whole=False)
        case "weight":
            inner = _node(node[1], page)
            return None if inner is None else Result(inner.score * node[2], inner.places)
        case "mentions":
            inner = _node(node[1], page)
            return inner if inner is not None and len(_outer(places(node[1], page))) >= node[2] else None
        case "field":
            if node[1] == "entity" and _has_value(page.record, *node[1:]):
                return Result(worth(places(node, page)), frozenset(places(node, page)))
            return Result(0.0, frozenset()) if _has_value(page.record, node[1], node[2]) else None
        case "all":
            return Result(0.0, frozenset())
        case _:
            found = places(node, page)
            return Result(worth(found), frozenset(found)) if found else None


def _clauses(node: Any, page: Page, *, is_whole: bool) -> Result | None:
    _, must, should, must_not, against = node
    if any(_node(child, page) is not None for child in must_not):
        return None
    needed = [_node(child, page) for child in must]
    if None in needed:
        return None
    score = sum(result.score for result in needed if result)
    found = {place for result in needed if result for place in result.places}
    hits = [(child, result) for child in should if (result := _node(child, page)) is not None]
    if should and not must and not hits:
        return None
    concept: set[Place] = set()
    for child, result in hits:
        if not is_whole and is_concept(child):
            concept |= set(places(child, page))
        else:
            score += result.score
            found |= result.places
    if concept:
        score += worth(_outer(concept))
        found |= set(_outer(concept))
    for child in against:
        result = _node(child, page)
        score += result.score if result else 0.0
    return Result(score, frozenset(found))


def is_concept(node: Any) -> bool:
    """Whether a part is words, or alternatives of words, without a weight of its own."""
    if node[0] in ("text", "near", "language") or node[:2] == ("field", "entity"):
        return True
    if node[0] == "scope":
        return is_concept(node[2])
    if node[0] == "clauses":
        _, must, should, must_not, against = node
        return not (must or must_not or against) and all(map(is_concept, should))
    return False


def worth(found: list[Place]) -> float:
    """Return what these mentions say: 3 in the title, 2 in the lead, 1 below; the next half as much, and so on for four."""
    single = [3.0 if where == TITLE else 2.0 if start < LEAD else 1.0 for where, start, _ in sorted(found)]
    return sum(value / 2**index for index, value in enumerate(single[:4]))


def _outer(found: set[Place] | list[Place]) -> list[Place]:
    return sorted(
        place
        for place in set(found)
        if not any(
            other != place and other[0] == place[0] and other[1] <= place[1] and place[2] <= other[2] for other in found
        )
    )


def places(node: Any, page: Page) -> list[Place]:
    """Return where a text part stands."""
    known = page.memory.get(node)
    if known is None:
        known = page.memory[node] = sorted(set(_places(node, page)))
    return known


def _places(node: Any, page: Page) -> Iterator[Place]:
    match node[0]:
        case "text":
            yield from _outer([place for alternative in node[1] for place in _phrase(alternative, page)])
        case "scope" if node[2][0] == "near":
            _, parts, distance, is_ordered = node[2]
            scoped = [sorted({place for place in _choices(part, page) if _is_in(node[1], place)}) for part in parts]
            yield from _near(scoped, distance, is_ordered)
        case "scope":
            yield from (place for place in places(node[2], page) if _is_in(node[1], place))
        case "language":
            if page.language in (*node[1], "und"):
                yield from places(node[2], page)
        case "near":
            yield from _near([sorted(set(_choices(part, page))) for part in node[1]], node[2], node[3])
        case "clauses":
            yield from _outer([place for child in node[2] for place in places(child, page)])
        case "field":
            yield from _outer(list(_mentions(node[2], page)))
        case _:
            raise AssertionError(node)


def _is_in(scope: str, place: Place) -> bool:
    where, start, _ = place
    return {"title": where == TITLE, "text": where == TEXT, "lead": where == TITLE or start < LEAD}[scope]


def _choices(node: Any, page: Page) -> Iterator[Place]:
    """Every alternative of a part of a proximity, those inside of others too."""
    match node[0]:
        case "text":
            for alternative in node[1]:
                yield from _phrase(alternative, page)
        case "clauses":
            for child in node[2]:
                yield from _choices(child, page)
        case "language":
            if page.language in (*node[1], "und"):
                yield from _choices(node[2], page)
        case "field":
            yield from _mentions(node[2], page)
        case _:
            yield from places(node, page)


def _mentions(entities: tuple[str, ...], page: Page) -> Iterator[Place]:
    spans = [span for label in page.record.entities if label.id in entities for span in label.mentions]
    for span in spans:
        where = ("title", "text").index(span.field)
        tokens = page.fields[where]
        touched = [at for at in range(len(tokens)) if tokens.starts[at] < span.end and span.start < tokens.ends[at]]
        yield where, touched[0], touched[-1] + 1


def _phrase(words: tuple[tuple[str, str, str], ...], page: Page) -> Iterator[Place]:
    for where, forms in enumerate(page.forms):
        for start in range(len(forms) - len(words) + 1):
            if all(_is_word(word, page, where, start + index) for index, word in enumerate(words)):
                yield where, start, start + len(words)


def _is_word(word: tuple[str, str, str], page: Page, where: int, at: int) -> bool:
    kind, key, raw = word
    if kind == "prefix":
        return any(form.startswith(key) for form in page.forms[where][at])
    if kind == "exact":
        tokens = page.fields[where]
        surface = tokens.text[tokens.starts[at] : tokens.ends[at]]
        plain = "".join(letter for letter in surface if not "\u064b" <= letter <= "\u0652")  # vowel points do not count
        return plain == raw or (raw == raw.lower() and plain.lower() == raw)
    return key in page.forms[where][at]


def _near(parts: list[list[Place]], distance: int, is_ordered: bool) -> Iterator[Place]:
    choices = []
    for choice in product(*parts):
        ordered = sorted(choice)
        if len({where for where, _, _ in choice}) > 1 or (is_ordered and list(choice) != ordered):
            continue
        if any(left[2] > right[1] for left, right in pairwise(ordered)):
            continue
        first, last = ordered[0], ordered[-1]
        if last[2] - first[1] - sum(end - start for _, start, end in choice) <= distance:
            choices.append((last, -first[1], (first[0], first[1], last[2])))
    reach = (-1, -1)
    for last, _, place in sorted(choices):
        if place[:2] >= reach:
            yield place
            reach = (last[0], last[2])


def _has_value(record: Any, name: str, value: Any) -> bool:
    match name:
        case "lang":
            return record.language in value
        case "source":
            return record.source_id in value
        case "country":
            return record.country in value
        case "topic":
            return any(label.id in value for label in record.topics)
        case "entity":
            return any(label.id in value for label in record.entities)
        case "has":
            return bool({"image": record.image_url, "author": record.authors, "topic": record.topics}[value])
        case "published":
            low, high = value
            at = record.published_at if record.published_at and record.date_is_reliable else record.collected_at
            return (low is None or low <= at) and (high is None or at < high)
        case _:
            raise AssertionError(name)
