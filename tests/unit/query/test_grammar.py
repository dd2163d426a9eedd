"""The grammar that is written by hand against luqum's own: the same trees, of the same classes, at the same columns."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from agent.config_files import Faults, load_list, yaml_files
from streams.definitions import TopicDefinition
from streams.query import QueryError, fields, parse
from streams.query.grammar import read
from streams.query.lexer import Lexer
from streams.query.parser import refused
from tests.unit.query.generate import Maker

TOPICS = Path(__file__).parents[3] / "config" / "topics"
TOKENS = (
    *("a", "b", "كلمة", "c*", '"two words"', '"a b"~3', "=exact", "@name", "entity:x", "lang:(ar OR fa)"),
    *("(", ")", "(", ")", "AND", "OR", "NOT", "title:", "near/5:", "+", "-", "^2", "^-1.5"),
)


def shape(item: Any) -> Any:
    """Return a tree as plain values: classes, columns, and what stands at the leaves."""
    place = item.pos
    children = [shape(child) for child in item.children]
    own = {
        name: getattr(item, name)
        for name in ("value", "name", "force", "kind", "text", "distance")
        if hasattr(item, name)
    }
    return type(item).__name__, place, own, children


def both(text: str) -> tuple[Any, Any]:
    """Return what the hand-written grammar and luqum's make of `text`: a shape, None, or the words of the refusal."""
    found = []
    for parser in (lambda: read(Lexer(text, fields.takes_values).token), lambda: refused(text)):
        try:
            tree = parser()
            found.append(shape(tree) if tree is not None else None)
        except QueryError as error:
            found.append(str(error))
    return found[0], found[1]


def test_every_shipped_query_has_the_tree_that_luqum_gives() -> None:
    topics = [
        topic for path in yaml_files(TOPICS) for topic, _ in load_list(path, TopicDefinition, Faults(), key="topics")
    ]
    texts = [text for topic in topics for text in (topic.whole_query, *topic.where.values())]
    assert len(texts) > 70
    for text in texts:
        ours, luqums = both(text)
        assert ours == luqums, text


def test_made_up_queries_have_the_tree_that_luqum_gives() -> None:
    maker = Maker(random.Random(3))
    for _ in range(1500):
        text, _ = maker.query()
        ours, luqums = both(text)
        assert ours == luqums, text


def test_any_row_of_tokens_is_read_as_luqum_reads_it_or_left_to_luqum() -> None:
    pick = random.Random(5)
    read_ones = left = 0
    for _ in range(6000):
        text = _joined(pick.choices(TOKENS, k=pick.randint(1, 9)))
        ours, luqums = both(text)
        if ours is None:
            assert isinstance(luqums, str), text  # left to luqum, which has something against it
            left += 1
        else:
            assert ours == luqums, text
            read_ones += not isinstance(ours, str)
    assert read_ones > 400
    assert left > 400


def _joined(tokens: list[str]) -> str:
    text = ""
    for token in tokens:
        is_glued = not text or text[-1] in "(:+-" or token in (")", "^2", "^-1.5")
        text += token if is_glued else f" {token}"
    return text


@pytest.mark.parametrize("text", ["NOT " * 4000 + "a", "title:" * 1500 + "a", "a OR " * 1900 + "a", "a " * 1999])
def test_long_rows_end_in_a_tree_or_a_refusal_and_never_in_a_recursion(text: str) -> None:
    try:
        parse(text)
    except QueryError as error:
        assert error.column > 0
