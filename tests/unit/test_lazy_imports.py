"""Heavy imports stay lazy: importing a package, or asking for help, loads no client, server or language model."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "faust",
    "mode",
    "kafka",
    "aiokafka",
    "elasticsearch",
    "aiohttp",
    "sqlite3",
    "feedparser",
    "babel",
    "rich",
    "luqum",
    "eldc",
    "lxml",
    "trafilatura",
    "protego",
    "starlette",
    "uvicorn",
    "jinja2",
    "argon2",
)


def loaded_by(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}


@pytest.mark.parametrize(
    "code", ["import agent, streams", "import agent.cli", "import agent.settings", "import streams.model"]
)
def test_import_loads_nothing_heavy(code: str) -> None:
    assert not loaded_by(code) & set(HEAVY)


def test_help_loads_nothing_heavy() -> None:
    code = "import agent.cli\ntry:\n    agent.cli.main(['--help'])\nexcept SystemExit as leave:\n    assert leave.code == 0"
    assert not loaded_by(code) & set(HEAVY)


@pytest.mark.parametrize(
    "module", ["streams.pipeline", "streams.enrich", "streams.query", "streams.text.document", "streams.topics"]
)
def test_the_stages_load_no_client_or_database(module: str) -> None:
    clients = {"faust", "mode", "kafka", "aiokafka", "elasticsearch", "aiohttp", "sqlite3", "feedparser"}
    assert not loaded_by(f"import {module}") & clients
