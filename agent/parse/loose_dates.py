"""Dates as people write them, in any language and calendar of `months`: «5 كانون الثاني/يناير 2023 - 10:30 م»,
«پنجشنبه ۱۵ دی ۱۴۰۱ ساعت ۱۳:۳۰», "5. Januar 2023, 10.30 Uhr", "15/10/1401".

The last resort of `dates`, which reads what standards ask for first.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from agent.parse.months import Calendar, fold, month_of, month_pattern, to_gregorian
from agent.parse.zones import PLACE_HOURS, ZONE_HOURS

# The words stand after `fold`.
_AFTERNOON = frozenset({"م", "مساء", "ب.ظ", "بعدازظهر", "بعد از ظهر", "عصر", "öö+", "ös", "pm", "p.m", "p.m.", "شام"})
_MORNING = frozenset({"ص", "صباحا", "ق.ظ", "قبلازظهر", "قبل از ظهر", "صبح", "öö", "am", "a.m", "a.m."})
_HALVES = "|".join(re.escape(word) for word in sorted(_AFTERNOON | _MORNING, key=len, reverse=True))
_TIME = re.compile(
    rf"(?<![\d:])(\d{{1,2}})(?:\s*[:٫]\s*|h)(\d{{2}})(?::(\d{{2}})(?:[.,]\d+)?)?(?![\d:])(?:\s*({_HALVES})(?![^\W\d_]))?"
)
_DOTTED_TIME = re.compile(r"(?<![\d.])(\d{1,2})[.h](\d{2})()(?=\s*(?:uhr|h\b))()")
_OFFSET = re.compile(r"(?:gmt|utc)?\s*([+-])(\d{1,2}):?(\d{2})?\s*(?:\([^)]*\))?$")
_ZONE_NAME = re.compile(r"\|\s*\(?([a-z]{1,5})\)?\s*$")
_PLACE = re.compile(rf"(?:بتوقیت|به وقت|توقیت)\s+({'|'.join(PLACE_HOURS)})(?![^\W\d_])")
_NUMBERS = re.compile(r"(?<!\d)(\d{1,4})\s*([/.-])\s*(\d{1,2})\s*\2\s*(\d{1,4})(?!\d)")
_EAST_ASIAN = re.compile(r"(\d{4})\s*[年년]\s*(\d{1,2})\s*[月월]\s*(\d{1,2})\s*[日일]")
_BEFORE = re.compile(r"(?<!\d)(\d{1,2})(?:st|nd|rd|th|er|ی|-?[êa]n?|\.)?(?:\s*(?:de|of|من|شهر|,|،))?\s*$")
_AFTER = re.compile(r"^\s*[^\w\d]{0,3}(?:(?:del|de|g|год|سنه|عام|سال|,|،)\s*)?(\d{4})(?!\d)")
_DAY_AFTER = re.compile(r"^[\s.,،-]*(\d{1,2})(?:st|nd|rd|th)?(?!\d)(?:\D{1,12}(\d{4})(?!\d))?")
_YEAR_BEFORE = re.compile(r"(?<!\d)(\d{4})(?:\s*(?:г|года|年|سال))?[\s.,،/-]*(?:(\d{1,2})[\s.,،/-]*)?$")
_YEAR = re.compile(r"(?<!\d)(\d{4})(?!\d)")
_SECONDS_SINCE_1970 = re.compile(r"(1\d{9}|[2-3]\d{9})(\d{3})?(?:\.\d+)?$")
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?$")
_HIJRI_SINCE = 1420
"""Years from 1300 on are Solar Hijri, from here on (1999) lunar: nobody dates an article 2041."""


def parse_loose(text: str) -> datetime | None:
    """Return the moment that `text` names, in UTC, or None. A time without a zone is UTC."""
    folded = " ".join(fold(text).split())
    if match := _SECONDS_SINCE_1970.match(folded):
        return datetime.fromtimestamp(int(match[1]), UTC)
    if match := _COMPACT.match(folded):
        numbers = [int(part or 0) for part in match.groups()]
        return _moment(_by_number(*numbers[:3]), timedelta(hours=numbers[3], minutes=numbers[4], seconds=numbers[5]), 0)
    time, has_half, rest = _time(folded)
    if time is None:
        return None
    offset_minutes, rest = _offset(rest, has_time=rest != folded)
    day = _named(rest) or _numbers(rest, is_american=has_half)
    return _moment(day, time, offset_minutes)


def _moment(day: date | None, time: timedelta, offset_minutes: int) -> datetime | None:
    if day is None or not 1900 <= day.year <= 2200:
        return None
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + time - timedelta(minutes=offset_minutes)


def _time(text: str) -> tuple[timedelta | None, bool, str]:
    """Return the time of day (midnight where there is none; None where it is none), whether it has an English half of
    the day, and the text without it."""
    match = _TIME.search(text) or _DOTTED_TIME.search(text)
    if match is None:
        return timedelta(), False, text
    hour, minute, second, half = int(match[1]), int(match[2]), int(match[3] or 0), match[4] or ""
    if half in _AFTERNOON and hour < 12:
        hour += 12
    elif half in _MORNING and hour == 12:
        hour = 0
    if hour > 24 or minute > 59 or second > 60:
        return None, False, text
    is_english = half.startswith(("a", "p"))
    return (
        timedelta(hours=hour, minutes=minute, seconds=second),
        is_english,
        f"{text[: match.start()]} | {text[match.end() :]}",
    )


def _offset(text: str, *, has_time: bool) -> tuple[int, str]:
    match = _OFFSET.search(text) if has_time else None
    if match is None and has_time:
        if name := _ZONE_NAME.search(text):
            return int(ZONE_HOURS.get(name[1], 0) * 60), text[: name.start()]
        if place := _PLACE.search(text):
            return int(PLACE_HOURS[place[1]] * 60), text
    # Only right after the time: elsewhere it is a dash before a number.
    if match is None or text[: match.start()].rstrip()[-1:] not in {"|", ""}:
        return 0, text
    minutes = int(match[2]) * 60 + int(match[3] or 0)
    if minutes > 14 * 60:
        return 0, text
    return minutes if match[1] == "+" else -minutes, text[: match.start()]


def _named(text: str) -> date | None:
    """Return the day of a date that names its month; the Gregorian one where a text has it in two calendars."""
    found: dict[Calendar, date] = {}
    for match in month_pattern().finditer(text):
        month = month_of(match[1])
        if month is None:
            continue
        calendar, number = month
        day = _around(text[: match.start()], text[match.end() :], calendar, number)
        if day is not None:
            found.setdefault(calendar, day)
    calendars: tuple[Calendar, ...] = ("gregorian", "jalali", "hijri")
    return next((found[calendar] for calendar in calendars if calendar in found), None)


def _around(before: str, after: str, calendar: Calendar, month: int) -> date | None:
    # "5 January/يناير 2023": the same month said twice.
    after = month_pattern().sub("", after, count=1) if after.lstrip().startswith(("/", "(", "|")) else after
    before = (
        re.sub(r"[/(]\s*$", "", month_pattern().sub("", before)) if before.rstrip().endswith(("/", "(")) else before
    )
    after = re.sub(r"^\s*[/()]+", " ", after)
    if day := _BEFORE.search(before):
        year = _AFTER.match(after) or _YEAR.search(after) or _YEAR.search(before)
        return to_gregorian(calendar, int(year[1]), month, int(day[1])) if year else None
    if (day := _DAY_AFTER.match(after)) and not _AFTER.match(after):
        year = _YEAR.search(after) or _YEAR.search(before)
        return to_gregorian(calendar, int(year[1]), month, int(day[1])) if year else None
    if (year := _YEAR_BEFORE.search(before)) and year[2]:
        return to_gregorian(calendar, int(year[1]), month, int(year[2]))
    return None


def _numbers(text: str, *, is_american: bool) -> date | None:
    if match := _EAST_ASIAN.search(text):
        return _by_number(int(match[1]), int(match[2]), int(match[3]))
    match = _NUMBERS.search(text)
    if match is None:
        return None
    first, separator, middle, last = match[1], match[2], int(match[3]), match[4]
    if len(first) == 4:
        return _by_number(int(first), middle, int(last)) if len(last) <= 2 else None
    if len(last) != 4:
        return None
    day, month = int(first), middle
    # Day first, as in most of the world, unless it cannot be, or the hour says AM or PM as America writes it.
    if separator == "/" and (month > 12 or (is_american and day <= 12)):
        day, month = month, day
    return _by_number(int(last), month, day)


def _by_number(year: int, month: int, day: int) -> date | None:
    calendar: Calendar = "gregorian"
    if 1300 <= year <= 1500:
        calendar = "hijri" if year >= _HIJRI_SINCE else "jalali"
    return to_gregorian(calendar, year, month, day)
