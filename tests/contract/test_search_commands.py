"""`rasad search`, `show` and `tail`: the same on either store, as a person meets them."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent import cli
from agent.open_store import open_store
from agent.settings import ElasticsearchSettings, Settings, StoreSettings
from streams.model import Article, TopicLabel
from streams.stores.elasticsearch import ElasticsearchStore
from tests.contract.articles import TOPICS, make_article

PROJECT = Path(__file__).parents[2]
STORES = [pytest.param("sqlite"), pytest.param("elasticsearch", marks=pytest.mark.services)]


class Ran(msgspec.Struct):
    code: int
    out: str
    err: str

    @property
    def articles(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


def rasad(*arguments: str) -> Ran:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as raised:
        cli.main(list(arguments))
    code = raised.value.code
    return Ran(code if isinstance(code, int) else 1, out.getvalue(), err.getvalue())


@pytest.fixture(params=STORES)
def settings(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unique_name: Callable[[str], str]
) -> Iterator[Settings]:
    """A store that is there and empty, and the environment that names it."""
    if request.param == "sqlite":
        settings = Settings(store=StoreSettings(path=str(tmp_path / "rasad.sqlite")))
        monkeypatch.setenv("RASAD_STORE__PATH", settings.store.path)
        write(settings, [])
        yield settings
        return
    from agent.admin_index import install_templates, retain

    node = request.getfixturevalue("elasticsearch")
    section = ElasticsearchSettings(url=node.url, index_prefix=unique_name("search"), retain_months=0)
    settings = Settings(store=StoreSettings(kind="elasticsearch"), elasticsearch=section)
    monkeypatch.setenv("RASAD_STORE__KIND", "elasticsearch")
    monkeypatch.setenv("RASAD_ELASTICSEARCH__URL", section.url)
    monkeypatch.setenv("RASAD_ELASTICSEARCH__INDEX_PREFIX", section.index_prefix)
    install_templates(settings)
    yield settings
    retain(settings, now=datetime(2100, 1, 1, tzinfo=UTC))


def write(settings: Settings, articles: list[Article]) -> None:
    async def run() -> None:
        store = open_store(settings)
        await store.write(articles)
        if isinstance(store, ElasticsearchStore):
            await store.refresh()
        await store.close()

    asyncio.run(run())


NOW = datetime.now(UTC).replace(microsecond=0)
ARABIC = make_article(
    1, title="والتطبيع مع تركيا", text="قال الوزير كلمة", language="ar", source_id="barada", source_name="بردى",
    topics=(TopicLabel(id=TOPICS[0], score=2.0),), published_at=NOW - timedelta(hours=1),
)  # fmt: skip
PERSIAN = make_article(2, title="عادی‌سازی روابط ترکیه", text="", language="fa", published_at=NOW - timedelta(days=3))
ENGLISH = make_article(3, title="Wheat harvest", text="Olives too", published_at=NOW - timedelta(days=30))


def test_search_shows_the_newest_first(settings: Settings) -> None:
    write(settings, [ENGLISH, ARABIC, PERSIAN])
    ran = rasad("search")
    assert ran.code == 0 and ran.err == ""
    places = [ran.out.index(article.title) for article in (ARABIC, PERSIAN, ENGLISH)]
    assert places == sorted(places)
    assert "بردى" in ran.out and f"#{TOPICS[0]}" in ran.out and ARABIC.article_id in ran.out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("تطبيع",), [ARABIC]),
        (("تركيا OR ترکیه",), [ARABIC, PERSIAN]),
        (("--since", "2h"), [ARABIC]),
        (("--since", "5d"), [ARABIC, PERSIAN]),
        (("--until", "2d"), [PERSIAN, ENGLISH]),
        (("--lang", "fa"), [PERSIAN]),
        (("--topic", TOPICS[0]), [ARABIC]),
        (("--source", "barada"), [ARABIC]),
        (("--source", "بردى"), [ARABIC]),
        (("--limit", "2"), [ARABIC, PERSIAN]),
        (("wheat OR olives", "--order", "score"), [ENGLISH]),
        (("--since", (NOW - timedelta(days=3)).date().isoformat(), "--until", (NOW - timedelta(days=3)).date().isoformat()), [PERSIAN]),
    ],
)  # fmt: skip
def test_search_options(settings: Settings, arguments: tuple[str, ...], expected: list[Article]) -> None:
    write(settings, [ENGLISH, ARABIC, PERSIAN])
    ran = rasad("search", "--json", *arguments)
    assert ran.code == 0, ran.err
    assert [fields["article_id"] for fields in ran.articles] == [article.article_id for article in expected]


def test_json_says_what_matched(settings: Settings) -> None:
    write(settings, [ARABIC])
    (fields,) = rasad("search", "تطبيع", "--json").articles
    assert fields["title"] == ARABIC.title and fields["language"] == "ar" and fields["topics"][0]["id"] == TOPICS[0]
    assert fields["matched"] == [{"field": "title", "start": 0, "end": 8}] and fields["score"] > 0


def test_finding_nothing_is_exit_code_one(settings: Settings) -> None:
    ran = rasad("search", "nothing")
    assert (ran.code, ran.out) == (1, "") and "nothing found" in ran.err
    ran = rasad("search", "nothing", "--json")
    assert (ran.code, ran.out, ran.err) == (1, "", "")


@pytest.mark.parametrize("name", ["search", "tail"])
def test_a_faulty_query_is_shown_with_its_place(settings: Settings, name: str) -> None:
    ran = rasad(name, "wheat AND sauce:x")
    assert (ran.code, ran.out) == (2, "")
    lines = ran.err.splitlines()
    assert "column 11" in lines[0] and "source" in lines[0]
    assert lines[1:] == ["  wheat AND sauce:x", "  " + " " * 10 + "^"]


def test_a_wrong_time_is_a_usage_error(settings: Settings) -> None:
    ran = rasad("search", "--since", "5x")
    assert ran.code == 2 and "--since" in ran.err and "write 2h" in ran.err


def test_names_of_topics_can_be_used(settings: Settings) -> None:
    write(settings, [ENGLISH])
    ran = rasad("search", "@no-such-topic")
    assert ran.code == 2 and "no-such-topic" in ran.err
    assert rasad("search", f"@{TOPICS[0]}").code == 1


def test_show(settings: Settings) -> None:
    write(settings, [ARABIC])
    edited = msgspec.structs.replace(ARABIC, revision=2, title="التطبيع بعيد")
    write(settings, [edited])
    ran = rasad("show", ARABIC.article_id.upper())
    assert ran.code == 0
    assert "التطبيع بعيد" in ran.out and ARABIC.text in ran.out and "revision" in ran.out and ARABIC.url in ran.out
    if settings.store.kind == "sqlite":
        assert ARABIC.title in ran.out, "what it was before the edit"
    (fields,) = rasad("show", ARABIC.article_id, "--json").articles
    assert fields["title"] == "التطبيع بعيد"
    ran = rasad("show", "f" * 32)
    assert (ran.code, ran.out) == (1, "") and "no article" in ran.err


def test_tail_shows_what_comes(settings: Settings) -> None:
    write(settings, [ENGLISH])
    process = subprocess.Popen(
        [sys.executable, "-m", "agent", "tail", "lang:ar OR lang:fa", "--json", "--limit", "2"],
        cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ,
    )  # fmt: skip
    try:
        assert process.stderr is not None and process.stdout is not None
        assert "waiting for articles" in process.stderr.readline()
        write(settings, [ARABIC])
        assert json.loads(process.stdout.readline())["article_id"] == ARABIC.article_id
        write(settings, [ARABIC, make_article(9), PERSIAN])
        assert json.loads(process.stdout.readline())["article_id"] == PERSIAN.article_id
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.communicate()


def test_a_store_that_cannot_be_read_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RASAD_STORE__PATH", str(tmp_path / "nothing.sqlite"))
    for arguments in (("search",), ("tail",), ("show", "f" * 32)):
        ran = rasad(*arguments)
        assert ran.code == 3 and "rasad run" in ran.err and "Traceback" not in ran.err
    monkeypatch.setenv("RASAD_STORE__KIND", "elasticsearch")
    monkeypatch.setenv("RASAD_ELASTICSEARCH__URL", "http://127.0.0.1:9")
    for arguments in (("search",), ("tail",), ("show", "f" * 32)):
        ran = rasad(*arguments)
        assert ran.code == 3 and "cannot be reached" in ran.err and "Traceback" not in ran.err
