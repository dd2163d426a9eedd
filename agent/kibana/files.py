"""Writes the files of `deploy/kibana` from the shipped configuration: `python -m agent.kibana.files [--check]`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from agent.config_files import Faults, load_list, yaml_files
from agent.kibana import boards, objects
from streams.definitions import TopicDefinition

_PROJECT = Path(__file__).resolve().parents[2]
_FOLDER = _PROJECT / "deploy" / "kibana"


def contents(prefix: str, topics: Sequence[TopicDefinition]) -> dict[str, str]:
    """Return the files by name; each can be imported alone."""
    return {
        "dashboards.ndjson": objects.export(boards.article_dashboards(prefix)),
        "topics.ndjson": objects.export(boards.topic_searches(prefix, topics)),
    }


def topics_of(folder: Path, faults: Faults) -> list[TopicDefinition]:
    """Return the topics below a configuration folder, their queries unread."""
    paths = yaml_files(folder / "topics")
    return [topic for path in paths for topic, _ in load_list(path, TopicDefinition, faults, key="topics")]


def main(arguments: list[str]) -> int:
    """Write the files, or only compare them."""
    faults = Faults()
    made = contents("rasad", topics_of(_PROJECT / "config", faults))
    faults.check()
    there = {path.name: path.read_text(encoding="utf-8") for path in _FOLDER.glob("*.ndjson")}
    if "--check" in arguments:
        if there != made:
            print("deploy/kibana is stale: run `make docs` and commit the result")
            return 1
        return 0
    _FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in made.items():
        (_FOLDER / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
