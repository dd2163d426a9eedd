"""`rasad lang` as a user meets it."""

from __future__ import annotations

import json
import subprocess
import sys

RASAD = [sys.executable, "-m", "agent", "lang"]


def run(data: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*RASAD, *arguments], input=data, capture_output=True, timeout=60, check=False)


def test_one_answer_for_one_line_whatever_the_line() -> None:
    lines = [
        "وزیر دفاع ترکیه با همتای سوری خود دیدار کرد".encode(),
        b"\xff\xfe\x80 broken \xc3",
        b"",
        "Der Kanzler reist nach Ankara und trifft den Präsidenten".encode(),
        b"12345",
        b"x" * 200_000,
        b"\xef\xbb\xbf" + "Президент встретился с министром иностранных дел\r".encode(),
        "کابل ".encode() * 300_000,
        b"y" * 2**20,
        b"",
        b"last line without an end",
    ]
    result = run(b"\n".join(lines), "--json")
    assert result.returncode == 0
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(answers) == len(lines)
    assert next(answer["language"] for answer in answers) == "fa"
    assert answers[3]["language"] == "de"
    assert answers[6]["language"] == "ru"
    assert answers[9] == answers[2] == answers[4] == {"language": "und", "score": 0.0}
    assert all(set(answer) == {"language", "score"} and 0 <= answer["score"] <= 1 for answer in answers)


def test_the_plain_form_is_code_and_score() -> None:
    assert run(b"Guten Morgen, liebe Welt\n").stdout.split()[0] == b"de"


def test_it_answers_each_line_as_it_comes() -> None:
    with subprocess.Popen(RASAD, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        for _ in range(2):
            process.stdin.write("Вчера в Москве прошли переговоры\n".encode())
            process.stdin.flush()
            assert process.stdout.readline().startswith(b"ru ")
        process.stdin.close()
        assert process.wait(30) == 0


def test_help_shows_an_example_and_a_missing_file_is_told() -> None:
    assert b"Example: " in run(b"", "--help").stdout
    missing = run(b"", "no-such-file")
    assert missing.returncode == 2 and b"no-such-file" in missing.stderr
