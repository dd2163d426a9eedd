"""Rules that somebody does not want to hear for a while, on one story or altogether. They go on remembering."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from msgspec import Struct

from streams.alerts.records import Alert

FOR_EVER = datetime(9999, 12, 31, tzinfo=UTC)


class Mute(Struct, frozen=True, kw_only=True):
    """A rule that is silent."""

    rule_id: str
    story_id: str | None = None
    """None: on any story."""
    until: datetime = FOR_EVER


def is_muted(alert: Alert, mutes: Iterable[Mute], now: datetime) -> bool:
    """Whether one of `mutes` keeps `alert` from being sent."""
    return any(
        mute.rule_id == alert.rule_id and mute.story_id in (None, alert.story_id) and now < mute.until for mute in mutes
    )
