"""Topics: tagging, faults, explanations, the shipped definitions and the commands."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import unicodedata
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from agent.commands import check, topics
from agent.config_files import Faults
from agent.definitions import load_definitions
from agent.examples import located_topics, run_examples, unknown_names
from agent.pipe import read_articles  # noqa: F401  (imported early: the commands import it lazily)
from streams.definitions import Definitions, Example, Examples, TopicDefinition
from streams.model import EnrichedArticle, EntityLabel, RawArticle, Span
from streams.query import QueryError
from streams.text.document import Document
from streams.topics import TopicTagger, explain_topic, named_queries, topic_faults

NOW = datetime(2023, 5, 10, tzinfo=UTC)
CONFIG = Path(__file__).parents[2] / "config"
LANGUAGES = {"ar", "fa", "tr", "en", "ru", "ckb", "he", "ur"}
IDS = {
    "syria-turkey-normalization", "syria-arab-normalization", "syria-conflict", "refugees-syria", "iran-nuclear",
    "israel-palestine", "ukraine-war", "turkey-elections", "earthquake-2023", "energy-oil-gas", "economy-inflation", "football",
}  # fmt: skip


def topic(name: str, query: str, **fields: object) -> TopicDefinition:
    return TopicDefinition(id=name, name=name, query=query, **fields)  # type: ignore[arg-type]


def raw(title: str, text: str = "") -> RawArticle:
    return RawArticle(article_id="0" * 32, title=title, text=text, collected_at=NOW)


def tag(tagger: TopicTagger, title: str, text: str = "") -> list[tuple[str, float]]:
    labels = tagger.tag(Document.of(title, text), raw(title, text))
    return [(label.id, label.score) for label in labels]


@cache
def shipped() -> Definitions:
    faults = Faults()
    found = load_definitions(CONFIG, faults)
    faults.check()
    return found


def test_labels_come_strongest_first_with_their_words() -> None:
    tagger = TopicTagger([topic("weak", "a"), topic("strong", "a^3 b"), topic("none", "z")])
    assert tag(tagger, "a b") == [("strong", 12.0), ("weak", 3.0)]
    (label, _) = tagger.tag(Document.of("a b", ""), raw("a b"))
    assert [(span.start, span.end) for span in label.spans] == [(0, 1), (2, 3)]


def test_the_least_score_decides() -> None:
    assert tag(TopicTagger([topic("t", "a", min_score=3)]), "a") == [("t", 3.0)]
    assert tag(TopicTagger([topic("t", "a", min_score=3)]), "x", "a") == []
    assert tag(TopicTagger([topic("t", "a min_score:3")]), "x", "a") == []


@pytest.mark.parametrize(
    "text",
    [
        "First\nLater",
        "\n  a first\r\nLater",
        "a first. later" + " more" * 30,
        "3.5 first" + " more" * 23 + " later" + " more" * 9,
        "a" * 99 + " first" * 24 + " later",
    ],
)
def test_an_article_without_a_title_has_its_first_line_read_as_one(text: str) -> None:
    queries = {"one": "title:first", "two": "text:later", "none": "title:later OR text:first"}
    tagger = TopicTagger([topic(name, query) for name, query in queries.items()])
    labels = tagger.tag(Document.of("", text), raw("", text))
    found = {label.id: [(span.field, text[span.start : span.end].lower()) for span in label.spans] for label in labels}
    assert {name: set(spans) for name, spans in found.items()} == {
        "one": {("text", "first")},
        "two": {("text", "later")},
    }


def test_mentions_of_an_entity_move_with_the_headline() -> None:
    text = "Talks with Shoigu\nShoigu left"
    mentions = tuple(Span(field="text", start=at, end=at + 6) for at in (11, 18))
    fields = {
        "language": "en",
        "language_score": 1.0,
        "entities": (EntityLabel(id="s", kind="person", mentions=mentions),),
    }
    article = EnrichedArticle(article_id="0" * 32, collected_at=NOW, title="", text=text, enriched_at=NOW, **fields)  # type: ignore[arg-type]
    document = Document.of("", text)
    (label,) = TopicTagger([topic("t", "title:entity:s text:entity:s")]).tag(document, article)
    assert label.score == 5 and label.spans == mentions
    definition = topic("t", "title:entity:s")
    (clause,) = explain_topic(definition, [definition], document, article).clauses
    assert clause.spans == mentions[:1]


def test_a_headline_alone_needs_less_than_an_article_with_text() -> None:
    tagger = TopicTagger([topic("t", "a", min_score=4)])
    assert tag(tagger, "a") == [("t", 3.0)]
    assert tag(tagger, "a", "b b") == [("t", 3.0)]
    assert tag(tagger, "a", "b " * 20) == tag(tagger, "a", "b " * 500) == []
    assert tag(tagger, "a", "b " * 20 + "a") == [("t", 4.0)]
    assert tag(TopicTagger([topic("t", "a", min_score=4.5)]), "a") == []


def test_terms_of_all_languages_are_one_query() -> None:
    concept = TopicDefinition(id="c", name="c", terms={"en": "syria", "ar": "سوريا"}, is_concept=True)
    tagger = TopicTagger([concept, topic("t", "near/3:(@c moscow)")])
    assert tag(tagger, "Syria in Moscow") == tag(tagger, "سوريا moscow") == [("t", 3.0)]
    broken = TopicDefinition(id="c", name="c", terms={"en": "syria", "ar": "a~"}, is_concept=True)
    assert [key for key, _ in topic_faults(broken)] == ["terms.ar"]


@pytest.mark.parametrize(
    "fields", [{}, {"query": "a", "terms": {"en": "a"}}, {"query": " "}, {"terms": {"english": "a"}}]
)
def test_a_topic_has_a_query_or_terms_by_language(fields: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"id": "t", "name": "t", **fields}, TopicDefinition)


def test_topics_use_their_own_parts_and_one_another() -> None:
    tagger = TopicTagger(
        [
            topic("country", "syria OR سوريا", is_concept=True),
            topic("talks", "near/5:(@country @word)", where={"word": "meet* OR لقاء"}),
            topic("both", "@talks AND @word", where={"word": "moscow"}),
        ]
    )
    assert tag(tagger, "Syria meeting in Moscow") == [("both", 6.0), ("talks", 3.0)]


def test_faults_name_the_key_and_the_column() -> None:
    broken = topic("t", "@part AND (b", where={"part": "a~"})
    assert [key for key, _ in topic_faults(broken)] == ["where.part", "query"]
    ((key, message),) = topic_faults(topic("t", "a @nowhere"))
    assert key == "query" and "column 3" in message and "nowhere" in message


def test_a_fault_is_told_once_where_it_stands() -> None:
    broken = topic("broken", "a~", is_concept=True)
    user = topic("user", "b @broken")
    assert topic_faults(broken) != []
    assert topic_faults(user, {"broken": broken}) == []
    with pytest.raises(QueryError):
        TopicTagger([broken, user])


def test_circles_of_topics_are_faults() -> None:
    one, two = topic("one", "@two"), topic("two", "x @one")
    ((_, message),) = topic_faults(one, {"two": two})
    assert "circle" in message


def test_named_queries_leave_least_scores_out() -> None:
    assert named_queries([topic("t", "a min_score:5")])["t"].min_score == 0


def test_an_explanation_names_every_clause() -> None:
    definition = topic("t", "+@x b^2 c^-1 -d", where={"x": "near/3:(a e)"}, min_score=9)
    reasons = explain_topic(definition, [definition], Document.of("a e b c", ""), raw("a e b c"))
    assert (reasons.matches, reasons.score) == (True, 6.0)
    assert [(clause.sign, clause.text, clause.score) for clause in reasons.clauses] == [
        ("+", "@x", 3.0),
        (" ", "b^2", 6.0),
        (" ", "c^-1", -3.0),
        ("-", "d", 0.0),
    ]


def test_the_shipped_topics_are_there_with_examples_in_all_languages() -> None:
    found = {one.id: one for one in shipped().topics if not one.is_concept}
    assert found.keys() >= IDS
    for name in IDS:
        examples = found[name].examples
        assert found[name].description
        assert len(examples.match) >= 8 and len(examples.not_match) >= 8, name
        assert {one.lang for one in examples.match if isinstance(one, Example)} >= LANGUAGES, name


def test_every_concept_of_words_has_all_languages() -> None:
    for one in shipped().topics:
        # `all` alone: names, which the recognizer knows in every spelling
        assert set(one.terms) in ({"all"}, set()) or LANGUAGES <= set(one.terms), (one.id, LANGUAGES - set(one.terms))


def test_every_example_of_the_shipped_topics_comes_out_right() -> None:
    result = run_examples(located_topics(CONFIG), shipped(), lambda: NOW)
    assert result.run > 300
    assert [str(failure) for failure in result.failures] == []


def test_no_word_of_the_shipped_topics_mixes_scripts() -> None:
    # A Hebrew letter in an Arabic word looks right and never matches.
    mixed = []
    for path in sorted((CONFIG / "topics").rglob("*.yaml")):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
            for word in re.findall(r"[\w\u200c]+", line):
                scripts = Counter(unicodedata.name(letter, "?").split()[0] for letter in word if letter.isalpha())
                if len(scripts) > 1:
                    mixed.append(f"{path.name}:{number} {word}")
    assert mixed == []


def test_the_shipped_topics_name_known_entities_only() -> None:
    assert [str(fault) for fault in unknown_names(located_topics(CONFIG), shipped())] == []


def test_unknown_entities_and_topics_are_told(tmp_path: Path) -> None:
    folder = config_with(tmp_path, GOOD, "  - {id: t, name: T, query: 'entity:syira OR topic:talk'}\n")
    done = CliRunner().invoke(check.command, ["--config", folder], standalone_mode=False)
    assert done.return_value == 1
    assert "t.yaml:9: t: there is no entity 'syira'" in done.output
    assert "did you mean 'talks'" in done.output


def config_with(folder: Path, *definitions: str) -> str:
    (folder / "topics").mkdir()
    (folder / "topics" / "t.yaml").write_text("topics:\n" + "\n".join(definitions), encoding="utf-8")
    return str(folder)


GOOD = """\
  - id: talks
    name: Talks
    query: talks OR محادثات
    examples:
      match: [Talks in Moscow, {title: محادثات موسكو, lang: ar}]
      not_match: [A walk in Moscow]
"""
WRONG = """\
  - id: walks
    name: Walks
    query: walk
    min_score: 3
    examples:
      match:
        - A walk in Moscow
        - {title: Out, text: A walk in Moscow}
      not_match:
        - Walk on
"""


def test_check_runs_the_examples_and_names_their_lines(tmp_path: Path) -> None:
    folder = config_with(tmp_path, GOOD, WRONG)
    done = CliRunner().invoke(check.command, ["--config", folder], standalone_mode=False)
    assert done.return_value == 1
    assert "t.yaml:16: walks: must match and does not" in done.output
    assert "t.yaml:18: walks: must not match and does" in done.output and "score 3 for Walk" in done.output
    assert "2 topics" in done.output and "4 of 6 examples" in done.output


def test_check_of_good_definitions(tmp_path: Path) -> None:
    done = CliRunner().invoke(check.command, ["--config", config_with(tmp_path, GOOD)], standalone_mode=False)
    assert (done.return_value, "3 of 3 examples" in done.output) == (0, True)


def test_topics_commands(tmp_path: Path) -> None:
    folder = config_with(tmp_path, GOOD, WRONG)
    runner = CliRunner()
    done = runner.invoke(topics.command, ["list", "--json", "--config", folder], standalone_mode=False)
    assert '"id":"talks"' in done.output and '"examples":3' in done.output
    done = runner.invoke(topics.command, ["test", "talks", "--config", folder], standalone_mode=False)
    assert (done.return_value, done.output) == (0, "3 of 3 examples as they should be\n")
    done = runner.invoke(topics.command, ["test", "--config", folder], standalone_mode=False)
    assert done.return_value == 1
    done = runner.invoke(
        topics.command,
        ["explain", "walks", "--title", "no", "--text", "a walk", "--config", folder],
        standalone_mode=False,
    )
    assert "no   no" in done.output and "score 2, least 2.19" in done.output and "walk: walk" in done.output
    done = runner.invoke(topics.command, ["explain", "talks", "--config", folder], standalone_mode=False)
    assert "talks OR محادثات" in done.output
    done = runner.invoke(topics.command, ["explain", "talk", "--config", folder], standalone_mode=False)
    assert "did you mean 'talks'" in str(done.exception)


LABELLED = """\
{"id": "a", "title": "Talks in Moscow", "expected": ["talks"]}
{"id": "b", "title": "Walk on", "expected": ["talks"]}
{"id": 3, "title": "Talks again", "topics": [{"id": "walks", "score": 4.0}]}
{"url": "https://x.example/d", "title": "A walk", "expected": {"walks": true, "talks": false}, "topics": ["talks"]}

{"id": "e", "title": "Nothing of it", "expected": []}
{"id": "f", "title": "Talks without a label"}
"""


def test_test_labels_articles_and_counts_what_is_right(tmp_path: Path) -> None:
    folder, file = config_with(tmp_path, GOOD, WRONG), tmp_path / "articles.jsonl"
    file.write_text(LABELLED, encoding="utf-8")
    arguments = ["test", str(file), "--config", folder]
    done = CliRunner().invoke(topics.command, [*arguments, "--json"], standalone_mode=False)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.return_value == 1
    assert [row["id"] for row in rows[:-1]] == ["a", "b", 3, "https://x.example/d", "e", "f"]
    assert rows[0] == {
        "id": "a", "topics": [{"id": "talks", "score": 3.0}], "expected": ["talks"], "missed": [], "wrong": [],
    }  # fmt: skip
    assert (rows[1]["missed"], rows[1]["wrong"]) == (["talks"], ["walks"])
    assert (rows[2]["missed"], rows[2]["wrong"]) == (["walks"], ["talks"])
    assert "expected" not in rows[5] and rows[5]["topics"]
    counts = rows[-1]["counts"]
    assert (counts["articles"], counts["labelled"], counts["wrong"]) == (6, 5, 2)
    by_topic = {row.pop("topic"): row for row in counts["by_topic"]}
    assert by_topic["talks"] == {"expected": 2, "given": 2, "right": 1, "precision": 0.5, "recall": 0.5}
    assert by_topic["walks"] == {"expected": 2, "given": 2, "right": 1, "precision": 0.5, "recall": 0.5}
    assert by_topic["all"]["right"] == 2
    done = CliRunner().invoke(topics.command, ["test", "talks", *arguments[1:]], standalone_mode=False)
    assert done.return_value == 1
    assert "✗ b  —  missed: talks  Walk on" in done.output and "✓ a  talks 3  Talks in Moscow" in done.output
    assert "3 of 5 labelled articles as they should be, 1 without labels" in done.output and "walks" not in done.output


def test_test_of_articles_says_which_line_is_wrong(tmp_path: Path) -> None:
    folder, file = config_with(tmp_path, GOOD), tmp_path / "articles.jsonl"
    lines = ["nonsense", '{"id": 1, "title": "a", "expected": 5}', '{"id": 2, "title": "a", "expected": ["talk"]}']
    file.write_text("\n".join(lines), encoding="utf-8")
    done = CliRunner().invoke(topics.command, ["test", str(file), "--config", folder], standalone_mode=False)
    assert done.return_value == 2
    assert "line 1: not JSON" in done.stderr and "line 2: 'expected' must be a list" in done.stderr
    assert "line 3: there is no topic 'talk': did you mean 'talks'?" in done.stderr
    done = CliRunner().invoke(topics.command, ["test", "no-such-file", "--config", folder], standalone_mode=False)
    assert "there is no topic 'no-such-file'" in str(done.exception)


@pytest.mark.parametrize("how", ["file", "pipe", "nothing"])
def test_articles_may_stand_on_standard_input(tmp_path: Path, how: str) -> None:
    folder, file = config_with(tmp_path, GOOD), tmp_path / "articles.jsonl"
    file.write_text('{"id": "a", "title": "Talks in Moscow", "expected": ["talks"]}\n', encoding="utf-8")
    command = [sys.executable, "-m", "agent", "topics", "test", "talks", "--config", folder]
    with file.open("rb") if how == "file" else open(os.devnull, "rb") as opened:
        if how == "pipe":
            done = subprocess.run(command, capture_output=True, check=True, input=file.read_bytes())
        else:
            done = subprocess.run(command, capture_output=True, check=True, stdin=opened)
    expected = b"3 of 3 examples" if how == "nothing" else b"1 of 1 labelled articles as they should be"
    assert expected in done.stdout


def test_explain_leaves_out_what_found_nothing(tmp_path: Path) -> None:
    folder = config_with(tmp_path, "  - {id: t, name: T, query: a b c^-1}")
    arguments = ["explain", "t", "--title", "a", "--config", folder]
    done = CliRunner().invoke(topics.command, arguments, standalone_mode=False)
    assert " 3  a: a" in done.output and "b: " not in done.output and "2 clauses found nothing" in done.output


def test_examples_that_are_plain_texts_are_titles() -> None:
    assert Examples(match=("a",)).match == ("a",)
