"""What kind of failure a poll or a fetch was. Pure."""

from __future__ import annotations

from typing import Literal

OK_OUTCOMES = frozenset({"ok", "moved", "not_modified"})
FailureClass = Literal["", "temporary", "soft", "hard"]
FAILURE_CLASSES: tuple[FailureClass, ...] = ("temporary", "soft", "hard")
_TEMPORARY_OUTCOMES = frozenset({"timeout", "unreachable", "rate_limited"})
_TEMPORARY_STATUSES = frozenset({408, 421, 425, 429})
_HARD_STATUSES = frozenset({401, 402, 404, 407, 410, 451})


def failure_class(outcome: str, status: int | None) -> FailureClass:
    """Return what kind of failure a poll was; "" for none.

    `temporary`: the network or the server of today. `soft`: something is wrong with the feed, and may be mended.
    `hard`: the server says that there is no such feed, or not for us.
    """
    if outcome in OK_OUTCOMES or not outcome or outcome == "never":
        return ""
    if outcome in {"gone", "refused_address"} or (outcome == "http_error" and status in _HARD_STATUSES):
        return "hard"
    if outcome in _TEMPORARY_OUTCOMES:
        return "temporary"
    is_theirs = status is not None and (status >= 500 or status in _TEMPORARY_STATUSES)
    return "temporary" if outcome == "http_error" and is_theirs else "soft"
