"""Which days a text speaks of: dates of three calendars and weekdays, in any language, with where they stand."""

from streams.event_dates.find import find_event_dates

__all__ = ["find_event_dates"]
