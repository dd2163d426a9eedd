"""The agent's helper process: there when the agent starts, gone when it idles."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from bench.feed_server import feed_server
from tests.integration.test_embedded_kill import configure, stored


def forked(agent: psutil.Process) -> list[psutil.Process]:
    """Return the children that are forked from the agent: those with its own command line."""
    return [child for child in agent.children() if child.cmdline() == agent.cmdline()]


def test_an_agent_starts_with_a_helper_and_idles_alone(tmp_path: Path) -> None:
    database = tmp_path / "rasad.sqlite"
    with feed_server(feeds=12, entries=40, tokens=40) as urls:
        configure(tmp_path / "config", urls)
        command = [sys.executable, "-m", "agent", "run", "--config", str(tmp_path / "config"), "--store", str(database)]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            agent, give_up = psutil.Process(process.pid), time.monotonic() + 120
            helpers: list[psutil.Process] = []
            while stored(database) < 480 and time.monotonic() < give_up:
                helpers = helpers or forked(agent)
                time.sleep(0.05)
            assert stored(database) == 480
            assert len(helpers) == 1
            assert not psutil.wait_procs(helpers, timeout=30)[1]
            assert not forked(agent)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)
