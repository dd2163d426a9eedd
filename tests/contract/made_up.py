"""Articles and queries of `tests.unit.query.generate`, for stores: every operator, every script."""

from __future__ import annotations

import random

from streams.model import Article
from streams.query import parse
from streams.query.names import children
from streams.query.syntax import (
    AtLeast,
    Clauses,
    Everything,
    FieldIs,
    Has,
    InLanguage,
    InScope,
    Near,
    Node,
    Phrase,
    Published,
    Weighted,
)
from tests.unit.query import generate

SEED = 11


def articles(count: int) -> list[Article]:
    """Return made-up articles as they leave the story stage."""
    pick = random.Random(SEED)
    made = []
    for _ in range(count):
        record, _ = generate.article(pick)
        fields = {name: getattr(record, name) for name in record.__struct_fields__}
        made.append(Article(**fields, storied_at=record.enriched_at, story_id=record.article_id))
    return made


def queries(count: int) -> list[str]:
    """Return `count` made-up queries, and as many more as it takes to have every kind that there is among them."""
    maker = generate.Maker(random.Random(SEED + 1))
    chosen = ["NOT سوريا", "-Syria -talks", "NOT lang:ar", "NOT (has:image OR published:>=2023-04-26)"]
    chosen += [maker.query()[0] for _ in range(count)]
    known = kinds_in(chosen)
    for _ in range(2_000):
        if known >= KINDS:
            break
        text, _ = maker.query()
        if not kinds_in([text]) <= known:
            chosen.append(text)
            known |= kinds_in([text])
    return chosen


def kinds_in(texts: list[str]) -> set[str]:
    """Return which kinds of queries are among `texts`."""
    found: set[str] = set()
    for text in texts:
        query = parse(text)
        found.update(name for name in ("min_score", "min_mentions") if getattr(query, name))
        if isinstance(query.root, Clauses) and query.root.must_not and not (query.root.must or query.root.should):
            found.add("nothing but exclusions")
        _add_kinds(query.root, found)
    return found


def _add_kinds(node: Node, found: set[str]) -> None:
    match node:
        case Phrase():
            found.update(word.kind for word in node.words)
            found.add("phrase" if len(node.words) > 1 else "word")
        case Near():
            found.add("ordered proximity" if node.is_ordered else "proximity")
        case InScope():
            found.add(f"{node.scope}:")
        case FieldIs():
            found.add(f"{node.field}:")
        case Clauses():
            found.update(name for name in ("must", "should", "must_not", "against") if getattr(node, name))
        case AtLeast() | Everything() | Has() | InLanguage() | Published() | Weighted():
            found.add(type(node).__name__)
    for child in children(node):
        _add_kinds(child, found)


KINDS = {
    *("word", "phrase", "prefix", "exact", "term", "proximity", "ordered proximity", "title:", "text:", "lead:"),
    *("lang:", "source:", "country:", "topic:", "entity:", "Has", "Published", "AtLeast", "InLanguage", "Weighted"),
    *("Everything", "must", "should", "must_not", "against", "min_score", "min_mentions", "nothing but exclusions"),
}
