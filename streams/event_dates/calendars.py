"""Days of the calendars that news is dated in, as days of the Gregorian one."""

from __future__ import annotations

from datetime import date, timedelta

from streams.event_dates.names import Calendar

_JALALI_MONTHS = (31, 31, 31, 31, 31, 31, 30, 30, 30, 30, 30, 30)
_LEAP_REMAINDERS = frozenset((1, 5, 9, 13, 17, 22, 26, 30))
_FIRST_JALALI, _LAST_JALALI = 1300, 1450
_FIRST_HIJRI, _LAST_HIJRI = 1343, 1500


def to_date(calendar: Calendar, year: int, month: int, day: int) -> date | None:
    """Return the Gregorian date of a day, or None where the calendar has no such day.

    Hijri days are those of the Umm al-Qura calendar (library hijridate): where the crescent is sighted, a date may be a
    day off.
    """
    try:
        if calendar == "gregorian":
            return date(year, month, day)
        if calendar == "jalali":
            return _from_jalali(year, month, day)
        from hijridate import Hijri

        found = Hijri(year, month, day).to_gregorian()
        return date(found.year, found.month, found.day)
    except (ValueError, OverflowError):
        return None


def year_of(calendar: Calendar, day: date) -> int:
    """Return the year of `calendar` in which `day` lies."""
    if calendar == "gregorian":
        return day.year
    if calendar == "jalali":
        year = day.year - 621
        return year if day >= _new_year(year) else year - 1
    from hijridate import Gregorian

    return int(Gregorian(day.year, day.month, day.day).to_hijri().year)


def is_year(calendar: Calendar, number: int) -> bool:
    """Whether `number`, beside a day and a month of `calendar`, can be its year."""
    if calendar == "gregorian":
        return 1900 <= number <= 2100
    if calendar == "jalali":
        return _FIRST_JALALI <= number <= _LAST_JALALI
    return _FIRST_HIJRI <= number <= _LAST_HIJRI


def is_leap_jalali(year: int) -> bool:
    """Whether Esfand of `year` has 30 days: the 33-year rule, right from 1343 to 1472 (Gregorian 1964 to 2094)."""
    return year % 33 in _LEAP_REMAINDERS


def _new_year(year: int) -> date:
    """Return 1 Farvardin of a Jalali year."""
    leaps = (
        sum(map(is_leap_jalali, range(1400, year))) if year >= 1400 else -sum(map(is_leap_jalali, range(year, 1400)))
    )
    return date(2021, 3, 21) + timedelta(days=365 * (year - 1400) + leaps)


def _from_jalali(year: int, month: int, day: int) -> date:
    if not (_FIRST_JALALI <= year <= _LAST_JALALI and 1 <= month <= 12):
        raise ValueError("no such year or month")
    length = _JALALI_MONTHS[month - 1] if month < 12 or is_leap_jalali(year) else 29
    if not 1 <= day <= length:
        raise ValueError("no such day")
    return _new_year(year) + timedelta(days=sum(_JALALI_MONTHS[: month - 1]) + day - 1)
