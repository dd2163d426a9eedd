"""What we ship: locked by hash, from no particular address, free of the GPL, with documents whose links lead somewhere."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock")
PINNED = re.compile(r"^([A-Za-z0-9][\w.-]*)==(\S+)", re.MULTILINE)


@pytest.mark.parametrize("name", LOCKS)
def test_every_library_is_locked_by_hash_and_bound_to_no_address(name: str) -> None:
    text = (PROJECT / name).read_text(encoding="utf-8")
    assert not re.search(r"https?://|file:|--(extra-)?index-url|--find-links|--trusted-host", text)
    entries = re.split(r"\n(?=[A-Za-z0-9])", text)
    unpinned = [entry[:60] for entry in entries if not PINNED.match(entry) or "--hash=sha256:" not in entry]
    assert not unpinned and len(entries) > 50


def test_both_locks_agree() -> None:
    run, dev = ({(m[1], m[2]) for m in PINNED.finditer((PROJECT / name).read_text(encoding="utf-8"))} for name in LOCKS)
    assert run <= dev


def test_no_library_is_under_the_gpl_alone() -> None:
    names = [m[1] for m in PINNED.finditer((PROJECT / "requirements.lock").read_text(encoding="utf-8"))]
    found: dict[str, str] = {}
    for name in names:
        try:
            about = importlib.metadata.metadata(name)
        except importlib.metadata.PackageNotFoundError:  # for another platform
            continue
        fields = [about.get("License-Expression"), (about.get("License") or "")[:200], *about.get_all("Classifier", [])]
        found[name] = " ; ".join(text for text in fields if text and re.search("licen[cs]e|GPL|Apache|MIT|BSD", text))
    assert len(found) > 50
    # The LGPL binds changes to the library itself; where there is a choice, ours is the other licence.
    bad = {
        name: text
        for name, text in found.items()
        if re.search(r"(?<!L)GPL|General Public", text) and not re.search(r"LGPL|Lesser| OR |MPL", text)
    }
    assert not bad


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", *(f"docs/{p.name}" for p in (PROJECT / "docs").glob("*.md"))]
)
def test_links_lead_somewhere(page: str) -> None:
    path = PROJECT / page
    text = path.read_text(encoding="utf-8")
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text)]
    missing = [link for link in links if link and "://" not in link and not (path.parent / link).exists()]
    assert not missing


def test_what_the_readme_tells_to_type_exists() -> None:
    from agent.cli import COMMANDS

    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    targets = re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    named = set(re.findall(r"`?make ([a-z-]+)", text))
    assert {"demo", "run", "test"} <= named <= set(targets)
    typed = set(re.findall(r"(?:^|`|\| |bin/)rasad ([a-z]+)", text, re.MULTILINE))
    assert {"run", "search", "enrich", "parse"} <= typed <= set(COMMANDS)
