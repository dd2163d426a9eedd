"""The hours and days at which an RSS feed does not want to be asked: `skipHours`, `skipDays`.

Read from the bytes, because neither parser keeps them. They are a wish, so what is not plain to read is no wish.
"""

from __future__ import annotations

import re

_HEAD_BYTES = 65_536
_ITEM = re.compile(rb"<(?:item|entry)[\s>/]", re.IGNORECASE)
_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.DOTALL)
_HOURS = re.compile(rb"<skipHours\s*>([^\[\]]{0,4000}?)</skipHours\s*>", re.IGNORECASE)
_DAYS = re.compile(rb"<skipDays\s*>([^\[\]]{0,4000}?)</skipDays\s*>", re.IGNORECASE)
_HOUR = re.compile(rb"<hour\s*>\s*([0-9]{1,2})\s*</hour\s*>", re.IGNORECASE)
_DAY = re.compile(rb"<day\s*>\s*([A-Za-z]{6,9})\s*</day\s*>", re.IGNORECASE)
_WEEK = (b"monday", b"tuesday", b"wednesday", b"thursday", b"friday", b"saturday", b"sunday")


def skip_times(document: bytes) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the hours (UTC, 0 to 23) and the days (Monday is 0) to skip."""
    if document[:4].count(0):
        document = document.replace(b"\0", b"")  # UTF-16 is read by its ASCII half
    if b"skipHours" not in document and b"skipDays" not in document:
        return (), ()
    head = _head(document)
    if b"skip" not in head:  # they may also stand behind the items
        head = document[-_HEAD_BYTES:]
        items = [found.end() for found in _ITEM.finditer(head)]
        head = head[items[-1] :] if items else head
    head = _COMMENT.sub(b"", head)
    hours = {int(hour) % 24 for found in _HOURS.findall(head) for hour in _HOUR.findall(found) if int(hour) <= 24}
    days = {
        _WEEK.index(day.lower()) for found in _DAYS.findall(head) for day in _DAY.findall(found) if day.lower() in _WEEK
    }
    return tuple(sorted(hours)), tuple(sorted(days))


def _head(document: bytes) -> bytes:
    head = document[:_HEAD_BYTES]
    item = _ITEM.search(head)
    return head[: item.start()] if item else head
