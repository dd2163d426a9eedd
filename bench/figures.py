"""A figure with its bar, as every benchmark reports it."""

from __future__ import annotations

from typing import Any


def figure(value: float, *, at_least: float | None = None, at_most: float | None = None) -> dict[str, Any]:
    """Return `value` with the bar it is held to and whether it meets it."""
    if at_least is not None:
        return {"value": value, "bar": f">= {at_least:g}", "met": value >= at_least}
    if at_most is not None:
        return {"value": value, "bar": f"<= {at_most:g}", "met": value <= at_most}
    return {"value": value}
