"""Dates of feeds: RFC 5322 and ISO 8601 with the liberties that feeds take, to UTC; all others by `loose_dates`.

Also whether a date is to be ordered by: see `assess`. A time without a zone is UTC.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

from agent.parse.loose_dates import parse_loose
from agent.parse.months import month_of
from agent.parse.zones import ZONE_HOURS

FUTURE_TOLERANCE = timedelta(days=1)
"""Time zones that were left out move a date by up to 14 hours; more than a day ahead is a fault."""
MAX_DATE_CHARS = 100

_ISO = re.compile(
    r"^(?P<year>\d{4})(?P<dash>[-/.]?)(?P<month>\d{2}|(?<=[-/.])\d)(?:(?P=dash)(?P<day>\d{2}|(?<=[-/.])\d(?!\d)))?"
    r"(?:[T\s_]+(?P<hour>\d{1,2}):?(?P<minute>\d{2})(?::?(?P<second>\d{2})(?:[.,]\d{1,9})?)?)?"
    r"\s*(?P<zone>Z|(?![AP]M\b)[A-Z]{2,5}|(?:GMT|UTC)?[+-]\d{1,2}:?\d{0,2})?(?:\s*\([^)]*\))?$",
    re.IGNORECASE,
)
_RFC = re.compile(
    r"^(?:[^\W\d]+\.?,?\s*)?(?P<day>\d{1,2})(?:st|nd|rd|th)?[\s./-]+(?P<name>[^\W\d]+)\.?,?[\s./-]+(?P<year>\d{2,4}),?"
    r"(?:[\sT:-]+(?P<hour>\d{1,2}):(?P<minute>\d{1,2})(?::(?P<second>\d{1,2})(?:[.,]\d+)?)?\s*(?P<half>[AP]M)?)?"
    r"\s*(?P<zone>[A-Z]{1,5}|(?:GMT|UTC)?\s*[+-]\d{1,2}:?\d{0,2})?(?:\s*\([^)]*\))?$",
    re.IGNORECASE,
)
_AMERICAN = re.compile(
    r"^(?:[^\W\d]+\.?,?\s+)?(?P<name>[^\W\d]+)\.?\s+(?P<day>\d{1,2})(?:st|nd|rd|th)?,?\s+"
    r"(?:(?P<year>\d{4}),?\s*)?"
    r"(?:(?:at\s+)?(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?\s*(?P<half>[AP]M)?)?"
    r"\s*(?P<zone>(?!\d)[A-Z]{1,5}|[+-]\d{1,2}:?\d{0,2})?(?:\s+(?P<late_year>\d{4}))?$",
    re.IGNORECASE,
)
_ENGLISH = {
    name: number for number, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), start=1)
}
# Nine of ten feeds write their dates so, and it is quick.
_USUAL = re.compile(
    r"^(?:[A-Z][a-z]{2}, )?(\d{1,2}) (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) (19\d\d|20\d\d) "
    r"(\d\d):(\d\d):(\d\d) (?:GMT|UTC|Z|([+-])(\d\d):?(\d\d))$",
    re.ASCII,
)
_ZONE_NAME = re.compile(r"(?<=[\dZ])(?:\s?\[[^\[\]]*\])+$")
_OFFSET = re.compile(r"([+-])(\d{1,2}):?(\d{2})?$")


def utc_now() -> datetime:
    """Return the present in UTC."""
    return datetime.now(UTC)


def parse_date(text: str) -> datetime | None:
    """Return the moment that `text` names, in UTC, or None. Digits of any script are read."""
    if not text or len(text) > MAX_DATE_CHARS:
        return None
    return _parse_date(text)


@lru_cache(maxsize=4_096)  # feeds are polled again and again, with the same dates in them
def _parse_date(text: str) -> datetime | None:
    if (match := _USUAL.match(text)) is not None:
        day, name, year, hour, minute, second, sign, zone_hour, zone_minute = match.groups()
        offset = int(zone_hour or 0) * 60 + int(zone_minute or 0)
        if offset <= 14 * 60:
            try:
                moment = datetime(int(year), _ENGLISH[name], int(day), int(hour), int(minute), int(second), tzinfo=UTC)
            except ValueError:  # the 60th second, the 30th of February: the patterns below know what to do
                pass
            else:
                return moment - timedelta(minutes=-offset if sign == "-" else offset) if offset else moment
    # "2023-01-05T10:00+03:30[Asia/Tehran]" (RFC 9557) says nothing more with its last part.
    text = _ZONE_NAME.sub("", " ".join(_ascii_digits(text).split()))
    for pattern in (_ISO, _RFC, _AMERICAN):
        if (match := pattern.match(text)) and (found := _moment(match.groupdict())):
            return found
    return parse_loose(text) if any(c.isdigit() for c in text) else None


def assess(published_at: datetime | None, now: datetime, max_age_days: int) -> tuple[bool, str | None]:
    """Return whether a date is to be ordered by, and the fault (of `streams.metrics.ENTRY_FAULTS`) if it is not."""
    if published_at is None:
        return False, "missing_date"
    if published_at > now + FUTURE_TOLERANCE:
        return False, "future_date"
    if published_at < now - timedelta(days=max_age_days):
        return False, "old_date"
    return True, None


def _ascii_digits(text: str) -> str:
    if text.isascii():
        return text
    out = []
    for c in text:
        if c in "\u200e\u200f\u202a\u202b\u202c\u2066\u2067\u2068\u2069\ufeff":
            continue
        digit = unicodedata.decimal(c, None)
        out.append(c if digit is None else str(digit))
    return "".join(out)


def _moment(parts: dict[str, str | None]) -> datetime | None:
    month = int(parts.get("month") or 0)
    if name := parts.get("name"):
        calendar, month = month_of(name) or ("", 0)
        if calendar != "gregorian":
            return None
    year_text = parts.get("year") or parts.get("late_year") or ""
    if not month or not year_text:
        return None
    year = int(year_text)
    if len(year_text) == 2:
        year += 1900 if year >= 70 else 2000
    if not 1900 <= year <= 2200:
        return None
    hour, minute, second = (int(parts.get(unit) or 0) for unit in ("hour", "minute", "second"))
    if half := parts.get("half"):
        hour = hour % 12 + (12 if half.lower() == "pm" else 0)
    try:
        start = datetime(year, month, int(parts.get("day") or 1), tzinfo=_zone(parts.get("zone")))
        if hour > 24 or minute > 59 or second > 60:
            return None
        # By addition, so that 24:00 and a leap second are what they mean.
        return (start + timedelta(hours=hour, minutes=minute, seconds=second)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _zone(text: str | None) -> timezone:
    text = (text or "").strip().lower()
    if match := _OFFSET.search(text):
        minutes = int(match[2]) * 60 + int(match[3] or 0)
        if minutes > 14 * 60:  # no such zone; the hour is then the best that is known
            return UTC
        return timezone(timedelta(minutes=minutes if match[1] == "+" else -minutes))
    return timezone(timedelta(hours=ZONE_HOURS.get(text, 0)))
