"""`rasad topics`: the topics, their examples, and why an article is or is not about one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from streams.definitions import Definitions, TopicDefinition

_CONFIG = click.option(
    "--config", "folder", metavar="FOLDER", help="Configuration folder (default: ./config, or the shipped one)."
)


@click.group(
    "topics", epilog="Example: rasad topics explain syria-turkey-normalization --text 'لقاء سوري تركي في موسكو'"
)
def command() -> None:
    """List, test and explain topics."""


@command.command("list", epilog="Example: rasad topics list --json")
@_CONFIG
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--concepts", is_flag=True, help="Also the concepts: lists of words that topics use.")
def list_(folder: str | None, as_json: bool, concepts: bool) -> int:
    """Show every topic with its parent and what it is about."""
    from agent.definitions import load_all

    _, definitions = load_all(folder)
    topics = [topic for topic in definitions.topics if concepts or not topic.is_concept]
    if as_json:
        _print_json(topics)
    else:
        _print_table(topics)
    return 0


def _print_json(topics: list[TopicDefinition]) -> None:
    import msgspec

    for topic in topics:
        row = {
            "id": topic.id,
            "name": topic.name,
            "parent": topic.parent,
            "description": topic.description,
            "min_score": topic.min_score,
            "is_concept": topic.is_concept,
            "examples": len(topic.examples.match) + len(topic.examples.not_match),
        }
        sys.stdout.buffer.write(msgspec.json.encode(row) + b"\n")


def _print_table(topics: list[TopicDefinition]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("topic", "parent", "examples", "about"):
        table.add_column(column, justify="right" if column == "examples" else "left")
    for topic in topics:
        count = str(len(topic.examples.match) + len(topic.examples.not_match))
        about = topic.description or topic.name
        table.add_row(topic.id, topic.parent or "", count, about if not topic.is_concept else f"(concept) {about}")
    Console().print(table)


@command.command("test", epilog="Example: rasad topics test football energy-oil-gas")
@click.argument("topics", nargs=-1, metavar="[TOPIC]...")
@_CONFIG
def test(topics: tuple[str, ...], folder: str | None) -> int:
    """Run the examples of the TOPICs, or of all. Exits with 1 when one comes out wrong."""
    from agent.definitions import load_all
    from agent.examples import located_topics, run_examples
    from agent.settings import config_folder
    from streams.pipeline import utc_now

    _, definitions = load_all(folder)
    for name in topics:
        _topic(definitions, name)
    chosen = [item for item in located_topics(config_folder(folder)) if not topics or item[0].id in topics]
    result = run_examples(chosen, definitions, utc_now)
    for failure in result.failures:
        click.echo(str(failure))
    click.echo(f"{result.run - len(result.failures)} of {result.run} examples as they should be")
    return 1 if result.failures else 0


@command.command(
    "explain", epilog="Example: rasad topics explain syria-turkey-normalization articles.jsonl   (or --text '…')"
)
@click.argument("topic")
@click.argument("file", type=click.File("rb"), required=False)
@click.option("--title", default="", help="Title of an article to explain.")
@click.option("--text", default="", help="Text of an article to explain.")
@click.option("--lang", help="What language the article claims to be in.")
@_CONFIG
def explain(topic: str, file: IO[bytes] | None, title: str, text: str, lang: str | None, folder: str | None) -> int:
    """Show what TOPIC looks for; with articles, why they have the label or not.

    An article is given by --title and --text, or as JSON lines in FILE (- for standard input). For each: its score
    against the least score of the topic, and the score and words of every clause.
    """
    from agent.definitions import load_all

    _, definitions = load_all(folder)
    found = _topic(definitions, topic)
    articles = list(_articles(title, text, lang, file))
    if not articles:
        _print_definition(found)
    for article in articles:
        _print_reasons(found, definitions, article)
    return 0


def _topic(definitions: Definitions, name: str) -> TopicDefinition:
    import difflib

    from agent.errors import UsageError

    topics = {topic.id: topic for topic in definitions.topics}
    if name not in topics:
        near = difflib.get_close_matches(name, topics, n=1)
        raise UsageError(f"there is no topic {name!r}{f': did you mean {near[0]!r}?' if near else ''}")
    return topics[name]


def _articles(title: str, text: str, lang: str | None, file: IO[bytes] | None) -> Iterator[Any]:
    from agent.examples import as_article
    from agent.pipe import BadLine, read_articles
    from streams.definitions import Example
    from streams.pipeline import utc_now

    if title or text:
        yield as_article(Example(title=title, text=text, lang=lang), utc_now())
    if file is not None:
        for _, item in read_articles(file, utc_now):
            if isinstance(item, BadLine):
                click.echo(f"rasad topics explain: {item}", err=True)
            else:
                yield item


def _print_definition(topic: TopicDefinition) -> None:
    click.echo(f"{topic.id}: {topic.name}")
    if topic.description:
        click.echo(f"  {topic.description.strip()}")
    if topic.parent:
        click.echo(f"  parent: {topic.parent}")
    click.echo(f"  least score: {topic.min_score:g}")
    for key, query in topic.queries().items():
        click.echo(f"\n{key.replace('where.', '@')}\n  {query.strip()}")


def _print_reasons(topic: TopicDefinition, definitions: Definitions, raw: Any) -> None:
    from streams.enrich import Enricher
    from streams.pipeline import utc_now
    from streams.text.document import Document
    from streams.topics import explain_topic

    article = Enricher(definitions).enrich(raw, utc_now())
    document = Document.of(article.title, article.text, article.language)
    reasons = explain_topic(topic, definitions.topics, document, article)
    is_set = any(label.id == topic.id for label in article.topics)
    click.echo(f"{'yes' if is_set else 'no '}  {article.title or article.text[:80]}  ({article.language})")
    click.echo(
        f"     score {reasons.score:g}, least {reasons.least:g}" if reasons.matches else "     its query does not match"
    )
    for clause in reasons.clauses:
        words = [getattr(article, span.field)[span.start : span.end] for span in clause.spans]
        click.echo(f"     {clause.sign} {clause.score:>6g}  {clause.text}: {' · '.join(dict.fromkeys(words)) or '—'}")
