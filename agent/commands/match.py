"""`rasad match`: articles that match a query, like grep."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from streams.definitions import Definitions
    from streams.query import Match, Matcher, Query


@click.command(
    epilog="Example: rasad match 'near/8:((سوريا OR دمشق) (تركيا OR أنقرة) (لقاء OR تطبيع))' < articles.jsonl"
)
@click.argument("query", required=False)
@click.option(
    "--file",
    "-f",
    "file",
    metavar="QUERIES",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Read queries from a file: one a line (or NAME, a tab and the query), or YAML or JSON {name: query}.",
)
@click.option("--config", "folder", metavar="FOLDER", help="Where the topics and entities are that queries name.")
@click.option("--quiet", "-q", is_flag=True, help="Print nothing; stop at the first match.")
def command(query: str | None, file: Path | None, folder: str | None, quiet: bool) -> int:
    """Print the articles on standard input that match QUERY, or any of the queries in a file, as JSON lines.

    Each input line is one article, as for `rasad enrich`. Each output line is one match: `query` (its name, or its text
    where it has none), `id` (as the input gave it, else `url`), `score`, and `spans`, where the words stand. The query
    language is described in docs/query-language.md; `@topic-id` stands for the query of a topic.

    Exits with 0 when anything matched, 1 when nothing did, 2 on an error.
    """
    from agent.errors import UsageError

    if (query is None) == (file is None):
        raise UsageError("give either a QUERY or --file QUERIES")
    queries = _queries(query, file)
    definitions = _definitions(queries, folder)
    matcher = _compiled(queries, definitions, file)
    return _run(matcher, definitions, quiet=quiet)


def _queries(query: str | None, file: Path | None) -> dict[str, Query]:
    from agent.config_files import Faults
    from agent.errors import UsageError
    from agent.query_files import load_queries
    from streams.query import QueryError, parse

    if file is not None:
        faults = Faults()
        queries = load_queries(file, faults)
        if not faults.found and not queries:
            faults.add(file, 0, "has no query in it")
        faults.check()
        return queries
    assert query is not None  # noqa: S101  (checked by the command)
    try:
        return {query: parse(query)}
    except QueryError as error:
        raise UsageError(_pointed(query, error.column, str(error))) from error


def _pointed(query: str, column: int, message: str) -> str:
    """Return the message with the part of the query that it is about: an arrow would mislead in right-to-left text."""
    rest = query[column - 1 : column + 19].strip()
    return f"{message}{f' (at: {rest})' if rest and len(query) > 20 else ''}"


def _definitions(queries: Mapping[str, Query], folder: str | None) -> Definitions | None:
    """Read the user's topics and entities where a query asks for them: a plain query needs no configuration."""
    if not any(query.names or _asks_for_labels(query.root) for query in queries.values()):
        return None
    from agent.definitions import load_all

    return load_all(folder)[1]


def _asks_for_labels(node: Any) -> bool:
    from streams.query.names import children
    from streams.query.syntax import FieldIs, Has

    if isinstance(node, FieldIs):
        return node.field in ("topic", "entity", "frame")
    if isinstance(node, Has):
        return node.field in ("topic", "entity", "attribution", "frame")
    return any(map(_asks_for_labels, children(node)))


def _compiled(queries: dict[str, Query], definitions: Definitions | None, file: Path | None) -> Matcher:
    from agent.errors import UsageError
    from streams.query import QueryError, compile_queries
    from streams.topics import named_queries

    named = named_queries(definitions.topics) if definitions is not None else {}
    try:
        return compile_queries(queries, named={name: query for name, query in named.items() if name not in queries})
    except QueryError as error:
        raise UsageError(f"{file}: {error}" if file else str(error)) from error


def _run(matcher: Matcher, definitions: Definitions | None, *, quiet: bool) -> int:
    from agent.pipe import BadLine, read_articles
    from streams.pipeline import utc_now

    prepare = _preparer(definitions)
    out = sys.stdout.buffer
    read = bad = matched = 0
    for _, item in read_articles(sys.stdin.buffer, utc_now):
        if isinstance(item, BadLine):
            bad += 1
            click.echo(f"rasad match: {item}", err=True)
            continue
        read += 1
        document, article = prepare(item)
        for match in matcher.match(document, article):
            matched += 1
            if quiet:
                return 0
            out.write(_line(match, article))
        out.flush()
    if bad and not read:
        return 2
    return 0 if matched else 1


def _preparer(definitions: Definitions | None) -> Any:
    """Return what turns an input article into its document and the record that fields are looked up in."""
    from streams.pipeline import utc_now
    from streams.text.document import Document

    if definitions is not None:
        from streams.enrich import Enricher

        enricher = Enricher(definitions)

        def enriched(raw: Any) -> tuple[Document, Any]:
            article = enricher.enrich(raw, utc_now())
            return Document.of(article.title, article.text, article.language), article

        return enriched

    from streams.model import EnrichedArticle, RawArticle
    from streams.text.language import default_identifier

    identifier = default_identifier()

    def identified(raw: RawArticle) -> tuple[Document, EnrichedArticle]:
        guess = identifier.identify(raw.text, title=raw.title, declared=raw.declared_language)
        fields = {name: getattr(raw, name) for name in RawArticle.__struct_fields__}
        article = EnrichedArticle(**fields, language=guess.code, language_score=guess.score, enriched_at=utc_now())
        return Document.of(article.title, article.text, article.language), article

    return identified


def _line(match: Match, article: Any) -> bytes:
    import msgspec

    spans = [
        {
            "field": span.field,
            "start": span.start,
            "end": span.end,
            "text": getattr(article, span.field)[span.start : span.end],
        }
        for span in match.spans
    ]
    given = article.extra.get("id")
    identity = given if given not in (None, "") else article.url or article.article_id
    return msgspec.json.encode({"query": match.query_id, "id": identity, "score": match.score, "spans": spans}) + b"\n"
