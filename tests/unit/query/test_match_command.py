"""`rasad match` as a program: what it prints and how it leaves."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ARTICLES = "\n".join(
    [
        json.dumps({"id": 7, "title": "Syria and Turkey hold talks", "text": "In Moscow."}),
        json.dumps({"url": "https://a.example/1", "title": "لقاء سوري تركي", "body": "والتطبيع بينهما", "lang": "ar"}, ensure_ascii=False),
        json.dumps({"id": "x", "title": "Weather", "text": "Rain."}),
    ]
)  # fmt: skip


def match(*arguments: str, stdin: str = ARTICLES) -> tuple[int, list[dict[str, object]], str]:
    done = subprocess.run(
        [sys.executable, "-m", "agent", "match", *arguments], input=stdin, capture_output=True, text=True, timeout=120
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def test_a_line_per_match() -> None:
    code, lines, errors = match("talks OR تطبيع")
    assert (code, errors) == (0, "")
    assert lines == [
        {"query": "talks OR تطبيع", "id": 7, "score": 3.0, "spans": [{"field": "title", "start": 22, "end": 27, "text": "talks"}]},
        {
            "query": "talks OR تطبيع",
            "id": "https://a.example/1",
            "score": 2.0,
            "spans": [{"field": "text", "start": 0, "end": 8, "text": "والتطبيع"}],
        },
    ]  # fmt: skip


def test_exit_codes_are_those_of_grep() -> None:
    assert match("zzz")[:2] == (1, [])
    code, lines, errors = match("a AND (b")
    assert (code, lines) == (2, []) and "column 7" in errors
    assert match()[0] == 2
    assert match("a", "--file", "b")[0] == 2
    assert match("a", stdin="junk\n")[0] == 2
    code, lines, errors = match("rain", stdin=f"junk\n{ARTICLES}\n[]\n")
    assert (code, len(lines)) == (0, 1) and "line 1" in errors and "line 5" in errors
    assert match("-q", "rain")[:2] == (0, [])


def test_fields_of_the_enriched_article_are_known() -> None:
    code, lines, _ = match("@syria-turkey-normalization AND lang:en")
    assert (code, [line["id"] for line in lines]) == (0, [7])
    code, lines, _ = match("topic:syria-turkey-normalization AND entity:syria")
    assert (code, [line["id"] for line in lines]) == (0, [7, "https://a.example/1"])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("q.txt", "# what we follow\n\none\tsyria AND @two\ntwo\ttalks\nrain\n"),
        ("q.yaml", "one: syria AND @two\ntwo: talks\nrain: rain\n"),
        ("q.yml", "- {id: one, query: syria AND @two}\n- {id: two, query: talks}\n- rain\n"),
        ("q.json", '{\n\t"one": "syria AND @two",\n\t"two": "talks",\n\t"rain": "rain"\n}'),
        ("q.jsonl", '{"id": "one", "query": "syria AND @two"}\n{"id": "two", "query": "talks"}\n"rain"\n'),
    ],
)
def test_files_of_queries(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    code, lines, errors = match("--file", str(path))
    assert (code, errors) == (0, "")
    assert [(line["query"], line["id"]) for line in lines] == [("one", 7), ("two", 7), ("rain", "x")]


@pytest.mark.parametrize(
    ("name", "text", "lines"),
    [
        ("q.txt", "ok\nfoo~\nb\tx AND\nb\ty\n", (2, 3)),
        ("q.yaml", "a: ok\nb: foo~\nc: [x]\n", (2, 3)),
        ("q.json", '{"a": "ok",\n "b": "foo~"}', (2,)),
        ("q.jsonl", '"ok"\n{"id": 3}\nnot json\n', (2, 3)),
        ("broken.yaml", "a: [\n", (2,)),
        ("empty.txt", "# nothing\n", ()),
    ],
)
def test_every_fault_of_a_file_is_told_with_its_line(
    tmp_path: Path, name: str, text: str, lines: tuple[int, ...]
) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    code, found, errors = match("--file", str(path))
    assert (code, found) == (2, [])
    for line in lines:
        assert f"{name}:{line}: " in errors


def test_a_missing_file_and_a_circle_are_told(tmp_path: Path) -> None:
    assert "no such file" in match("--file", str(tmp_path / "none.txt"))[2].lower()
    path = tmp_path / "q.txt"
    path.write_text("a\t@b\nb\t@a\n", encoding="utf-8")
    code, _, errors = match("--file", str(path))
    assert code == 2 and "circle" in errors
