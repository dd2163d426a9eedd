"""`rasad parse` and `rasad enrich` as processes: what comes out, when, and with which exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

RASAD = [sys.executable, "-m", "agent"]
FEEDS = Path(__file__).parents[1] / "data" / "feeds"
PROMISED = {"article_id", "language", "topics", "entities", "near_duplicate_of", "story_id", "extra"}


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A small configuration: the shipped one takes seconds to load."""
    folder = tmp_path_factory.mktemp("config")
    (folder / "topics").mkdir()
    (folder / "topics" / "talks.yaml").write_text(
        "id: talks\nname: Talks\nquery: 'تطبيع AND تركيا'\n", encoding="utf-8"
    )
    return str(folder)


def run(command: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run a shell line in which `rasad` is ours."""
    rasad = " ".join(f"'{part}'" for part in RASAD)
    return subprocess.run(["sh", "-c", f'rasad() {{ {rasad} "$@"; }}\n{command}'], input=stdin, capture_output=True)


def lines(*articles: Any) -> bytes:
    return b"".join((one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n" for one in articles)


def test_enrich_answers_line_for_line_and_goes_on_after_a_bad_one(config: str) -> None:
    done = run(
        f"rasad enrich --config {config}",
        lines(
            {"id": "a", "title": "التطبيع بين سوريا وتركيا", "body": "جرى لقاء في موسكو", "mine": {"k": [1]}},
            b'{"id": "broken"',
            b"\xff",
            {"id": 7, "title": "Earthquake in Izmir", "published": "yesterday"},
            {"url": "https://example.org/x?utm_source=y", "text": "An article that has no title."},
        ),
    )
    assert done.returncode == 0, done.stderr
    first, second, third = (json.loads(line) for line in done.stdout.splitlines())
    for line in (first, second, third):
        assert set(line) >= PROMISED
    assert first["language"] == "ar" and [topic["id"] for topic in first["topics"]] == ["talks"]
    assert first["extra"] == {"id": "a", "mine": {"k": [1]}}
    assert second["extra"] == {"id": 7, "published": "yesterday"} and second["published_at"] is None
    assert third["canonical_url"] == "https://example.org/x" and third["extra"] == {}
    errors = done.stderr.decode().splitlines()
    assert errors[0].startswith("rasad enrich: line 2: ") and errors[1].startswith("rasad enrich: line 3: ")
    assert errors[2] == "rasad enrich: 3 articles done, 2 lines failed" and len(errors) == 3
    assert run(f"rasad enrich --strict --config {config}", b"[]\n").returncode == 1


def test_enrich_gives_a_line_out_as_soon_as_it_has_one(config: str) -> None:
    with subprocess.Popen(
        [*RASAD, "enrich", "--config", config], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        for number in range(3):
            process.stdin.write(lines({"id": number, "title": "t"}))
            process.stdin.flush()
            # The pipe stays open: this would wait for ever if lines were held back.
            assert json.loads(process.stdout.readline())["extra"] == {"id": number}
        process.stdin.close()
        assert process.stdout.read() == b"" and process.wait() == 0


def test_parse_feeds_enrich(config: str) -> None:
    done = run(f"rasad parse {FEEDS / 'rss20-arabic.xml'} | rasad enrich --config {config}")
    assert done.returncode == 0 and not done.stderr
    parsed = [json.loads(line) for line in run(f"rasad parse {FEEDS / 'rss20-arabic.xml'}").stdout.splitlines()]
    enriched = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(parsed) > 1 and [line["article_id"] for line in enriched] == [line["article_id"] for line in parsed]
    assert all(line["extra"] == {} and line["language"] == "ar" for line in enriched)


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("rasad enrich --config {} <&-", 0, ""),
        ("rasad enrich --config {} {}/missing.jsonl", 2, "missing.jsonl"),
        ("rasad enrich --config {} {}", 2, "directory"),
        ("rasad enrich --config {}/missing < /dev/null", 2, "missing"),
        ("rasad parse {}/missing.xml", 1, "cannot be read"),
        ("rasad parse - <&-", 1, "is empty"),
        ("echo '<html><body>x</body></html>' | rasad parse -", 1, "HTML"),
        ("echo '{{\"id\": 1}}' | rasad parse -", 1, ""),
    ],
)
def test_what_is_no_input_is_one_clear_line(config: str, command: str, code: int, words: str) -> None:
    done = run(command.replace("{}", config).replace("{{", "{").replace("}}", "}"))
    error = done.stderr.decode()
    assert done.returncode == code, error
    assert words in error and "Traceback" not in error and not done.stdout
    if code == 1:
        assert error.count("\n") == 1 and error.startswith("rasad: ")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has /dev/full")
@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("rasad enrich --config {} > /dev/full", 1),
        (f"rasad parse {FEEDS / 'atom10.xml'} > /dev/full", 1),
        ("rasad enrich --config {} >&-", 0),
        ("rasad enrich --config {} | true", 0),
    ],
)
def test_an_output_that_takes_nothing_is_no_traceback(config: str, command: str, code: int) -> None:
    # Titles so long that they do not wait in a buffer until the end.
    done = run(command.format(config), lines(*({"id": n, "title": "t " * 5_000} for n in range(3))))
    assert done.returncode == code
    assert b"Traceback" not in done.stderr and b"Exception" not in done.stderr
    assert (b"No space left" in done.stderr) == (code == 1)
