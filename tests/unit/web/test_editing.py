"""A query is written back into its file and nothing else of the file changes; what cannot be is left as it is, and told."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.config_files import Faults, load_list
from agent.web.editing import CannotSave, save_query
from streams.definitions import RuleDefinition, TopicDefinition

NEW = '("a b" OR c:d) # not a comment\n  -ç "سوريا"'
STYLES = {
    "plain": "    query: flood\n",
    "quoted": "    query: 'flood: \"x\"'\n",
    "double": '    query: "flood"   # why\n',
    "literal": "    query: |\n      flood\n      water\n",
    "folded": "    query: >-\n      flood\n\n      water\n",
    "after a score": "    min_score: 3   # so\n    query: flood\n",
    "before a score": "    query: |-\n      flood\n    min_score: 3   # so\n",
}


def topics(folder: Path) -> dict[str, TopicDefinition]:
    faults = Faults()
    found = load_list(folder / "topics" / "t.yaml", TopicDefinition, faults, key="topics")
    assert not faults.found
    return {topic.id: topic for topic, _ in found}


def write(folder: Path, text: str, kind: str = "topics") -> Path:
    (folder / kind).mkdir()
    path = folder / kind / "t.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("is_last", [True, False])
def test_every_style_of_writing(tmp_path: Path, style: str, is_last: bool) -> None:
    before = "# head\ntopics:\n  # first\n  - id: other\n    name: O\n    query: x\n  - id: floods\n    name: F\n"
    after = "" if is_last else "    description: d  # end\n  - id: third\n    name: T\n    query: y\n"
    path = write(tmp_path, before + STYLES[style] + after)
    save_query(tmp_path, "topics", "floods", NEW, 2.5)
    found = topics(tmp_path)
    assert " ".join(found["floods"].query.split()) == " ".join(NEW.split())
    assert found["floods"].min_score == 2.5
    assert found["other"].query == "x" and (is_last or found["third"].query == "y")
    text = path.read_text(encoding="utf-8")
    assert text.startswith(before) and text.endswith(after)
    assert ("# so" in text) == ("score" in style)
    save_query(tmp_path, "topics", "floods", "flood", 1.0)
    assert topics(tmp_path)["floods"].query == "flood"


def test_the_usual_score_is_not_written(tmp_path: Path) -> None:
    path = write(tmp_path, "topics:\n  - id: floods\n    name: F\n    query: x\n")
    save_query(tmp_path, "topics", "floods", "y", 1.0)
    assert "min_score" not in path.read_text(encoding="utf-8")


def test_rules_are_saved_too(tmp_path: Path) -> None:
    path = write(tmp_path, "rules:\n  - id: r\n    name: R\n    query: x  # why\n    severity: warning\n", "alerts")
    save_query(tmp_path, "alerts", "r", "y OR z", 0.0)
    ((rule, _),) = load_list(path, RuleDefinition, Faults(), key="rules")
    assert (rule.query, rule.severity) == ("y OR z", "warning")


@pytest.mark.parametrize(
    ("text", "query", "said"),
    [
        ("topics: [{id: floods, name: F, query: x}]\n", "y", "braces"),
        ("topics:\n  - id: floods\n    name: F\n    terms: {en: x}\n", "y", "terms"),
        ("topics:\n  - id: other\n    name: F\n    query: x\n", "y", "there is no floods"),
        ("topics:\n  - id: floods\n    name: F\n    query: x\n", "   ", "by hand"),
        ("topics:\n  - id: floods\n    name: F\n    query: x\n", "a\x01b", "by hand"),
        ("{[", "y", "there is no floods"),
    ],
)
def test_what_cannot_be_written_is_left_as_it_is(tmp_path: Path, text: str, query: str, said: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(CannotSave, match=said):
        save_query(tmp_path, "topics", "floods", query, 1.0)
    assert path.read_text(encoding="utf-8") == text
    assert [one.name for one in path.parent.iterdir()] == ["t.yaml"]
