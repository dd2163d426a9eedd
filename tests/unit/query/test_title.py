"""What a query asks of the title: entities count there only where the record names them in it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from streams.model import EnrichedArticle, EntityLabel, Span
from streams.query import compile_queries, parse
from streams.text.document import Document

NOW = datetime(2023, 5, 1, tzinfo=UTC)
QUERY = """title:entity:damascus^2 title:(harbour OR entity:damascus) title:near/3:(entity:damascus talks)
    (title:entity:damascus AND talks) (entity:damascus AND harbour) min_score:0.5"""


@pytest.mark.parametrize(("field", "expected"), [("title", True), ("text", False)])
def test_an_entity_counts_in_the_title_where_it_is_named_there(field: str, expected: bool) -> None:
    title, text = "Sham talks go on", "Delegates said in Sham that talks go on."
    start = (title if field == "title" else text).index("Sham")
    mention = Span(field="title" if field == "title" else "text", start=start, end=start + 4)
    article = EnrichedArticle(
        article_id="a",
        url="https://a.example/1",
        canonical_url="https://a.example/1",
        source_id="a",
        title=title,
        text=text,
        collected_at=NOW,
        language="en",
        entities=(EntityLabel(id="damascus", kind="place", mentions=(mention,)),),
        enriched_at=NOW,
    )
    found = compile_queries({"q": parse(QUERY)}).match(Document.of(title, text, "en"), article)
    assert bool(found) is expected
    if expected:
        assert mention in found[0].spans
