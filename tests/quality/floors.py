"""The quality floors: one file, `floors.json`, and the one way to hold figures against it.

Each figure has its `floor` (or `ceiling`, for an error), what was `measured` when that was set, and a `reason` where the two lie far
apart or where it was lowered. The corpora are named with their hash: figures of another corpus are other figures.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
FLOORS: dict[str, Any] = json.loads((HERE / "floors.json").read_text("utf-8"))
SLACK = 0.03
"""How far below what was measured a floor may lie without a reason: one or two articles of a small corpus."""


def hold(group: str, figures: Mapping[str, float]) -> None:
    """Assert that each of `figures` is where `floors.json` wants it; `group` must have floors for them all and no other."""
    print(f"{group}: {', '.join(f'{name} {figure:.3f}' for name, figure in figures.items())}")
    known = FLOORS["floors"][group]
    assert known.keys() == figures.keys(), f"{group}: floors.json has {sorted(known)}, measured were {sorted(figures)}"
    low = [
        f"{name} is {figure:.4f}, its floor {known[name]['floor']}"
        for name, figure in figures.items()
        if "floor" in known[name] and figure < known[name]["floor"]
    ]
    high = [
        f"{name} is {figure:.4f}, its ceiling {known[name]['ceiling']}"
        for name, figure in figures.items()
        if "ceiling" in known[name] and figure > known[name]["ceiling"]
    ]
    assert not low + high, f"{group}: {'; '.join(low + high)}; mend the cause, or lower it with a reason"


def corpus_hash(name: str) -> str:
    """Return the SHA-256 of the files of a corpus, in the order of their names."""
    digest = hashlib.sha256()
    for path in sorted(path for pattern in FLOORS["corpora"][name]["files"] for path in HERE.glob(pattern)):
        digest.update(path.read_bytes())
    return digest.hexdigest()
