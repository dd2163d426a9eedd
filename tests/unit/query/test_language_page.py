"""docs/query-language.md is true: every example on it is parsed, and what it says about matching holds."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from streams.model import EnrichedArticle, EntityLabel, TopicLabel
from streams.query import QueryError, compile_queries, errors, parse
from streams.text.document import Document

PAGE = (Path(__file__).parents[3] / "docs" / "query-language.md").read_text(encoding="utf-8")
_BLOCK = re.compile(r"^```rasad\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NOTE = re.compile(r"(matches|does not match|refused|names): (.*)")


class Shown(NamedTuple):
    """One example of the page."""

    query: str
    names: dict[str, str]
    matches: list[str]
    does_not_match: list[str]
    refused: list[str]


def examples() -> list[Shown]:
    """Return the examples of the page."""
    found = []
    for block in _BLOCK.findall(PAGE):
        query, *notes = block.strip("\n").split("\n")
        read = [_NOTE.fullmatch(note) for note in notes]
        assert all(read), block
        told = [(note.group(1), note.group(2)) for note in read if note]
        names = [pair for kind, value in told if kind == "names" for pair in value.split("; ")]
        found.append(
            Shown(
                query,
                dict(pair.split(" = ", 1) for pair in names),
                *(
                    [value for kind, value in told if kind == wanted]
                    for wanted in ("matches", "does not match", "refused")
                ),
            )
        )
    return found


def article(shown: str) -> EnrichedArticle:
    """Return the article that `[lang=ar topic=football] its title` stands for."""
    given = re.fullmatch(r"(?:\[([^\]]*)\] )?(.*)", shown)
    assert given is not None
    known = dict(pair.split("=", 1) for pair in (given.group(1) or "").split())
    in_text = known.pop("in", "title") == "text"
    at = datetime.fromisoformat(known.pop("published", "2023-05-10")).replace(tzinfo=UTC)
    made = EnrichedArticle(
        article_id="0" * 32,
        title="" if in_text else given.group(2),
        text=given.group(2) if in_text else "",
        language=known.pop("lang", "und"),
        topics=tuple(TopicLabel(id=one, score=1.0) for one in filter(None, [known.pop("topic", None)])),
        entities=tuple(EntityLabel(id=one, kind="person") for one in filter(None, [known.pop("entity", None)])),
        source_id=known.pop("source", None),
        country=known.pop("country", None),
        authors=tuple(filter(None, [known.pop("author", None)])),
        published_at=at,
        date_is_reliable=True,
        collected_at=at + timedelta(hours=1),
        enriched_at=at + timedelta(hours=1),
    )
    assert not known, f"the test does not know {known}"
    return made


@pytest.mark.parametrize("shown", examples(), ids=lambda shown: shown.query[:30])
def test_an_example_does_what_the_page_says(shown: Shown) -> None:
    if shown.refused:
        with pytest.raises(QueryError) as caught:
            parse(shown.query)
        assert all(part in caught.value.message for part in shown.refused), caught.value
        return
    matcher = compile_queries(
        {"q": parse(shown.query)}, named={name: parse(text) for name, text in shown.names.items()}
    )
    for text, is_match in [(text, True) for text in shown.matches] + [(text, False) for text in shown.does_not_match]:
        made = article(text)
        found = matcher.match(Document.of(made.title, made.text, made.language), made)
        assert bool(found) is is_match, text


def test_the_page_shows_enough() -> None:
    shown = examples()
    assert len(shown) >= 40
    assert sum(len(one.matches) for one in shown) >= 40
    assert sum(len(one.does_not_match) for one in shown) >= 35
    scripts = "[\u0600-\u06ff]", "[\u0400-\u04ff]", "[\u0590-\u05ff]", "[a-z]"
    assert all(sum(bool(re.search(script, one.query)) for one in shown) >= 3 for script in scripts)


def test_the_limits_of_the_page_are_those_of_the_code() -> None:
    for limit in (
        errors.MAX_QUERY_CHARACTERS, errors.MAX_QUERY_WORDS, errors.MAX_EXPANDED_WORDS, errors.MAX_DEPTH,
        errors.MAX_PHRASE_WORDS, errors.MAX_DISTANCE, errors.MAX_NEAR_PARTS, errors.MIN_PREFIX_LETTERS, errors.MAX_WEIGHT,
    ):  # fmt: skip
        assert f"{limit:,.0f}" in PAGE.rpartition("## Limits")[2]
