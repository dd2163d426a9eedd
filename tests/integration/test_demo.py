"""`rasad demo`, as a newcomer runs it: ends by itself with Arabic and Persian articles on the talks."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from agent.demo.world import load_world

ARABIC_LETTERS, PERSIAN_MARK = re.compile(r"[\u0621-\u064a]{3,}"), re.compile(r"  fa  ")


@pytest.mark.slow
@pytest.mark.parametrize("options", [["--fast"], []])
def test_the_demo(options: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "agent", "demo", *options], capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Traceback" not in done.stderr
    # Every article of the world came through, and was shown.
    assert f"  {len(load_world().articles)} articles, " in done.stdout.replace("·", "")
    before, _, found = done.stdout.partition("rasad search '")
    assert "syria-turkey-normalization" in found
    assert "  ar  " in found and PERSIAN_MARK.search(found) and ARABIC_LETTERS.search(found)
    # The newcomer sees how faults are shown, too.
    for fault in ("http_error", "not_a_feed", "empty", "timeout", "unparsable"):
        assert fault in before
