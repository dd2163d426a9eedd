"""`rasad topics`: the topics, their examples, and why an article is or is not about one."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
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


@command.command(
    "test",
    epilog="Example: rasad topics test football energy-oil-gas   (or: rasad topics test football < articles.jsonl)",
)
@click.argument("topics", nargs=-1, metavar="[TOPIC]... [FILE]")
@_CONFIG
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line; the last has the counts.")
def test(topics: tuple[str, ...], folder: str | None, as_json: bool) -> int:
    """Run the examples of the TOPICs, or of all; or label articles and count what comes out right.

    Articles are JSON lines in FILE or on standard input, as for `rasad enrich`. Each is shown with its topics. Where
    lines have `expected` (or `topics`), a list of topic ids, precision and recall follow by topic. With TOPICs, no
    other topic is looked at.

    Exits with 0 when all is as it should be, 1 when an example or a labelled line comes out wrong, 2 when a line could
    not be read or names a topic that there is not.
    """
    from agent.definitions import load_all

    _, definitions = load_all(folder)
    names, stream = _names_and_articles(topics, definitions)
    if stream is not None and (found := _test_articles(stream, names, definitions, as_json=as_json)) is not None:
        return found
    return _run_examples(names, folder, definitions, as_json=as_json)


def _names_and_articles(given: tuple[str, ...], definitions: Definitions) -> tuple[tuple[str, ...], IO[bytes] | None]:
    """Return the topics of the command line, and the articles: of a file behind them, or of what is piped in."""
    from pathlib import Path

    from agent.errors import UsageError

    known = {topic.id for topic in definitions.topics}
    if given and given[-1] not in known:
        if given[-1] == "-":
            return _checked(given[:-1], definitions), sys.stdin.buffer
        path = Path(given[-1])
        if path.is_file():
            try:
                return _checked(given[:-1], definitions), click.get_current_context().with_resource(path.open("rb"))
            except OSError as error:
                raise UsageError(f"cannot read {path}: {error.strerror}") from error
    return _checked(given, definitions), _piped()


def _checked(names: tuple[str, ...], definitions: Definitions) -> tuple[str, ...]:
    for name in names:
        _topic(definitions, name)
    return names


def _piped() -> IO[bytes] | None:
    """Return standard input where it is a file or a pipe, and not a terminal or nothing."""
    import os
    import stat

    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError, AttributeError):  # no such descriptor
        return None
    return sys.stdin.buffer if stat.S_ISREG(mode) or stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) else None


def _run_examples(names: tuple[str, ...], folder: str | None, definitions: Definitions, *, as_json: bool) -> int:
    import msgspec

    from agent.examples import located_topics, run_examples
    from agent.settings import config_folder
    from streams.pipeline import utc_now

    chosen = [item for item in located_topics(config_folder(folder)) if not names or item[0].id in names]
    result = run_examples(chosen, definitions, utc_now)
    if as_json:
        failures = [str(failure) for failure in result.failures]
        sys.stdout.buffer.write(msgspec.json.encode({"examples": result.run, "failures": failures}) + b"\n")
        return 1 if failures else 0
    for failure in result.failures:
        click.echo(str(failure))
    click.echo(f"{result.run - len(result.failures)} of {result.run} examples as they should be")
    return 1 if result.failures else 0


def _test_articles(stream: IO[bytes], names: tuple[str, ...], definitions: Definitions, *, as_json: bool) -> int | None:
    """Label the articles of `stream`, print and count them; None where it has no line at all."""
    import msgspec

    from agent.labelled import Tally, read_labelled
    from agent.pipe import BadLine
    from streams.enrich import Enricher
    from streams.pipeline import utc_now

    labels = {topic.id for topic in definitions.topics if not topic.is_concept}
    chosen = frozenset(names) or frozenset(labels)
    enricher = Enricher(definitions)
    tally = Tally()
    read = faults = 0
    for item in read_labelled(stream, utc_now):
        if isinstance(item, BadLine):
            faults += 1
            click.echo(f"rasad topics test: {item}", err=True)
            continue
        read += 1
        unknown = sorted((item.expected or frozenset()) - labels)
        for name in unknown:
            faults += 1
            click.echo(
                f"rasad topics test: line {item.number}: there is no topic {name!r}{_hint(name, labels)}", err=True
            )
        found = [label for label in enricher.enrich(item.article, utc_now()).topics if label.id in chosen]
        given = frozenset([label.id for label in found])
        row: dict[str, Any] = {"id": item.id, "topics": [{"id": label.id, "score": label.score} for label in found]}
        if item.expected is not None:
            expected = item.expected & chosen
            tally.add(expected, given)
            row |= {"expected": sorted(expected), "missed": sorted(expected - given), "wrong": sorted(given - expected)}
        if as_json:
            sys.stdout.buffer.write(msgspec.json.encode(row) + b"\n")
        else:
            click.echo(_shown(row, item.article.title or item.article.text))
    if not read and not faults:
        return None
    if as_json:
        counts = {"articles": read, "labelled": tally.labelled, "wrong": tally.wrong_lines, "by_topic": tally.rows()}
        sys.stdout.buffer.write(msgspec.json.encode({"counts": counts}) + b"\n")
    elif tally.labelled:
        _print_tally(tally)
    unlabelled = read - tally.labelled
    if not as_json:
        note = f", {unlabelled} without labels" if unlabelled and tally.labelled else ""
        right = f"{tally.labelled - tally.wrong_lines} of {tally.labelled} labelled articles as they should be"
        click.echo(f"{read} articles" if not tally.labelled else right + note)
    if faults:
        return 2
    return 1 if tally.wrong_lines else 0


def _hint(name: str, known: Iterable[str]) -> str:
    import difflib

    near = difflib.get_close_matches(name, list(known), n=1)
    return f": did you mean {near[0]!r}?" if near else "; `rasad topics list` shows them"


def _shown(row: dict[str, Any], title: str) -> str:
    from agent.render import printable

    topics = ", ".join(f"{label['id']} {label['score']:g}" for label in row["topics"]) or "—"
    sign = " " if "expected" not in row else "✗" if row["missed"] or row["wrong"] else "✓"
    parts = [f"{sign} {printable(str(row['id']))}  {topics}"]
    parts += [f"missed: {', '.join(row['missed'])}"] if row.get("missed") else []
    parts += [f"wrong: {', '.join(row['wrong'])}"] if row.get("wrong") else []
    return "  ".join([*parts, printable(" ".join(title.split())[:60])])


def _print_tally(tally: Any) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("topic", "expected", "given", "right", "precision", "recall"):
        table.add_column(column, justify="left" if column == "topic" else "right", no_wrap=True)
    for row in tally.rows():
        shares = ["" if row[name] is None else f"{row[name]:.3f}" for name in ("precision", "recall")]
        table.add_row(row["topic"], *[str(row[name]) for name in ("expected", "given", "right")], *shares)
    Console().print(table)


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
    against the least score of the topic, and the score and words of every clause that found something.
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
    from agent.errors import UsageError

    topics = {topic.id: topic for topic in definitions.topics}
    if name not in topics:
        raise UsageError(f"there is no topic {name!r}{_hint(name, topics)}")
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
    found = [clause for clause in reasons.clauses if clause.spans or clause.score]
    for clause in found:
        words = [getattr(article, span.field)[span.start : span.end] for span in clause.spans]
        click.echo(f"     {clause.sign} {clause.score:>6g}  {clause.text}: {' · '.join(dict.fromkeys(words)) or '—'}")
    if missing := len(reasons.clauses) - len(found):
        click.echo(f"     {missing} {'clause' if missing == 1 else 'clauses'} found nothing")
