"""`rasad extract` on files, and on what is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from agent.cli import main_group
from agent.collect.state import FeedState
from agent.pages.recurring import Recurring
from streams import codec
from streams.stores.sqlite import SqliteStore

PAGES = Path(__file__).parents[2] / "data/pages"


def extract(*arguments: str) -> Result:
    return CliRunner().invoke(main_group, ["extract", *arguments])


def test_a_page_as_json() -> None:
    result = extract(str(PAGES / "fa-agency.html"), "--json", "--url", "https://ayeneh.example/news/85012345/x")
    assert result.exit_code == 0
    shown = json.loads(result.stdout)
    assert shown["language"] == "fa"
    assert shown["canonical_url"] == "https://ayeneh.example/news/85012345"
    assert shown["published_at"] == "2023-04-25T14:42:00Z"
    assert {"text": "شناسه خبر: 85012345", "reason": "navigation (item-nav)"} in shown["cut"]


def test_a_page_for_a_reader() -> None:
    result = extract(str(PAGES / "en-paywall.html"))
    assert "kind:      article, behind a paywall" in result.stdout
    assert "not taken:" in result.stdout


@pytest.mark.parametrize("data", [b"", b"%PDF-1.5", b"\x1f\x8bbroken"])
def test_what_is_no_page_is_told_in_one_line(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "page"
    file.write_bytes(data)
    result = extract(str(file))
    assert result.exit_code == 1 or result.exception is not None
    assert str(file) in str(result.exception)


def test_lines_that_the_agent_has_learned_are_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "page.html"
    lines = [
        "The harbour was closed for the whole day because of the storm, said the mayor.",
        "Our reporter is on the spot",
    ]
    file.write_text(f"<html><body><article>{''.join(f'<p>{line}</p>' for line in lines)}</article></body></html>")
    table = Recurring.of(b"", 0)
    for word in "abcdef":
        table.learn(f"Something about {word * 3} that is new.\n{lines[1]}")
    path = tmp_path / "rasad.sqlite"
    store = SqliteStore(path)
    state = FeedState(
        feed_url="https://x.example/rss", source_id="x", recurring=table.pack(), recurring_articles=table.articles
    )
    with store.transaction() as transaction:
        transaction.put_feed_states({state.feed_url: codec.encode(state)})
    store.close_now()
    monkeypatch.setenv("RASAD_STORE__PATH", str(path))
    result = extract(str(file), "--json", "--source", "x")
    shown = json.loads(result.stdout)
    assert shown["text"] == lines[0]
    assert shown["cut"][0] == {"text": lines[1], "reason": "recurs over this source's articles"}
