"""Build the wheel, install it and nothing else of the checkout in an empty environment, and use it there.

What a developer's checkout hides (a module missing from the wheel, data files left behind, an undeclared dependency) shows here.
Run by `make test-wheel`; prints one line a check and a closing count.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ARTICLE = {
    "id": "w1",
    "title": "اجتماع رباعي في موسكو لبحث تطبيع العلاقات بين أنقرة ودمشق",
    "text": "عقد وزراء دفاع تركيا وسوريا وروسيا وإيران اجتماعا في موسكو لبحث تطبيع العلاقات السورية التركية.",
}


def run(*command: str | Path, cwd: Path, stdin: str = "") -> str:
    """Run a command in `cwd` with none of the checkout on its path; its output, or its failure told whole."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VIRTUAL_ENV", "RASAD"))}
    done = subprocess.run(
        [str(c) for c in command], cwd=cwd, input=stdin, capture_output=True, text=True, env=environment
    )
    if done.returncode != 0:
        sys.exit(f"FAILED ({done.returncode}): {' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def main() -> None:
    """Build, install, use."""
    passed = 0
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", work, ROOT, cwd=work)
        wheel = next(work.glob("*.whl"))
        names = zipfile.ZipFile(wheel).namelist()
        for wanted in ("agent/cli.py", "streams/pipeline.py", "agent/_config/rasad.yaml"):
            assert wanted in names, f"{wanted} is not in the wheel"
        for prefix in ("agent/_config/topics/", "agent/_config/entities/", "agent/_config/feeds/", "agent/demo/data/"):
            assert any(n.startswith(prefix) for n in names), f"nothing of {prefix} is in the wheel"
        assert not [n for n in names if n.startswith(("tests/", "deploy/", "bench/"))], (
            "the wheel carries what it should not"
        )
        passed += 1
        print(f"wheel holds what it should: {wheel.name}, {wheel.stat().st_size // 1024} KiB")

        run(sys.executable, "-m", "venv", work / "venv", cwd=work)
        binaries = work / "venv" / "bin"
        pip = (binaries / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        run(*pip, "--require-hashes", "-r", ROOT / "requirements.lock", cwd=work)
        run(*pip, "--no-deps", wheel, cwd=work)
        run(binaries / "python", "-m", "pip", "check", cwd=work)
        passed += 1
        print("installs from the locked requirements, and nothing is missing")

        rasad = binaries / "rasad"
        assert "Usage: rasad" in run(rasad, "--help", cwd=work)
        commands = re.findall(r"^  ([a-z]+) {2,}\S", run(rasad, "--help", cwd=work).split("Commands:")[1], flags=re.M)
        assert len(commands) >= 18, commands
        for command in commands:
            run(rasad, command, "--help", cwd=work)
        passed += 1
        print("every command answers --help")

        line = run(rasad, "enrich", cwd=work, stdin=json.dumps(ARTICLE, ensure_ascii=False) + "\n")
        enriched = json.loads(line)
        assert enriched["language"] == "ar" and enriched["extra"]["id"] == "w1", line
        assert "syria-turkey-normalization" in [topic["id"] for topic in enriched["topics"]], line
        passed += 1
        print("the pipeline runs on the packaged configuration")
    print(f"{passed} passed, 0 failed")


if __name__ == "__main__":
    main()
