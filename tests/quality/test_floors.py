"""The file of the floors is in order, and belongs to the corpora that are here."""

from __future__ import annotations

import pytest

from tests.quality.floors import FLOORS, SLACK, corpus_hash, hold


@pytest.mark.parametrize("name", FLOORS["corpora"])
def test_the_floors_belong_to_these_corpora(name: str) -> None:
    assert FLOORS["corpora"][name]["sha256"] == corpus_hash(name), (
        f"the corpus {name!r} has changed: measure again (make quality), and set floors, measured and hash anew"
    )


@pytest.mark.parametrize("group", FLOORS["floors"])
def test_a_floor_far_from_what_was_measured_has_a_reason(group: str) -> None:
    for name, entry in FLOORS["floors"][group].items():
        distance = entry["measured"] - entry["floor"] if "floor" in entry else entry["ceiling"] - entry["measured"]
        assert distance >= 0, (group, name)
        assert distance <= SLACK or entry.get("reason"), (group, name, "needs a reason")


def test_a_figure_below_its_floor_and_one_without_a_floor_are_faults() -> None:
    group, floors = next(iter(FLOORS["floors"].items()))
    name = next(name for name in floors if "floor" in floors[name])
    good = {one: entry["measured"] for one, entry in floors.items()}
    hold(group, good)
    with pytest.raises(AssertionError, match=name):
        hold(group, {**good, name: floors[name]["floor"] - 0.001})
    with pytest.raises(AssertionError, match="other"):
        hold(group, {**good, "other": 1.0})
