"""Points in time as a person types them: `2h`, `3d`, `2023-04-25`, `2023-04-25T18:30+03:00`. UTC unless said
otherwise."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_AGO = re.compile(r"(\d{1,6})\s*(s|m|min|h|d|w)")
_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DAY = re.compile(r"\d{4}-\d{1,2}-\d{1,2}")


def parse_moment(text: str, now: datetime, *, is_end: bool = False) -> datetime:
    """Return the moment that `text` stands for. A day alone is its beginning; as the end of a range, all of it is
    meant.

    Raises:
        ValueError: it is no moment; the message says what to write.
    """
    text = text.strip()
    try:
        if ago := _AGO.fullmatch(text):
            return now - timedelta(seconds=int(ago.group(1)) * _UNITS[ago.group(2)])
        if text in ("today", "yesterday"):
            text = (now - timedelta(days=text == "yesterday")).date().isoformat()
        if _DAY.fullmatch(text):
            year, month, day = map(int, text.split("-"))
            return datetime(year, month, day, tzinfo=UTC) + timedelta(days=is_end)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise ValueError(
            f"'{text}' is no time: write 2h, 3d or 2w (ago), 2023-04-25, or 2023-04-25T18:30+03:00 "
            "(UTC if no zone is given)"
        ) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
