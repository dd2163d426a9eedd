"""`make fuzz`: every target with atheris, each in a process of its own; then the counts.

    python -m tests.fuzz [INPUTS]                 1,000,000 in all
    python -m tests.fuzz --target NAME INPUTS     one target, here (what the processes run)

An input that breaks a promise, crashes or hangs (10 s) is written to `var/fuzz/`, and the exit code is 1.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

OUT = Path("var/fuzz")


def main(arguments: list[str]) -> int:
    """Run what the arguments ask for."""
    if arguments[:1] == ["--target"]:
        return _one(arguments[1], int(arguments[2]))
    from tests.fuzz.targets import SHARE

    total = int(arguments[0]) if arguments else 1_000_000
    OUT.mkdir(parents=True, exist_ok=True)
    failed, done = [], 0
    for name, share in SHARE.items():
        inputs = max(1, round(total * share))
        start = time.monotonic()
        command = [sys.executable, "-m", "tests.fuzz", "--target", name, str(inputs)]
        ended = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        counts = re.findall(r"Done (\d+) (?:runs )?in|#(\d+)\s", ended.stderr)
        reached = max((int(a or b) for a, b in counts), default=0)
        done += reached
        verdict = "ok" if ended.returncode == 0 else "FAILED"
        print(f"{name:5} {reached:>9,} inputs in {time.monotonic() - start:6.0f} s  {verdict}", flush=True)
        if ended.returncode != 0:
            failed.append(name)
            print(ended.stderr[-3_000:])
    print(f"{done:,} inputs, {len(failed)} targets failed")
    return 1 if failed else 0


def _one(name: str, inputs: int) -> int:
    import atheris

    # What is ours is watched, so that inputs grow towards code that was not reached yet.
    with atheris.instrument_imports(include=["agent.collect"]):
        from tests.fuzz.targets import TARGETS, seeds
    target = TARGETS[name]
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(seeds(name)):
            (Path(corpus) / f"{number:03}").write_bytes(seed)
        options = [f"-runs={inputs}", "-timeout=10", "-max_len=4096", "-rss_limit_mb=2048", "-print_final_stats=1"]
        atheris.Setup(
            [sys.argv[0], *options, f"-artifact_prefix={OUT}/{name}-", corpus], atheris.instrument_func(target)
        )
        atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
