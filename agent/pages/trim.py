"""Takes lines off the text of a page: those that rules name, lists of other articles and what else ends it, dates and
headings that belong to no text, and what stands around the body that the page itself declares. Pure."""

from __future__ import annotations

import re

from agent.pages.lines import is_sentence, line_key, shortened
from agent.pages.records import Cut, Hints

DECLARED_SHARE = 0.6
"""So much of the text must be in the declared body before that is believed to be the whole article."""
_EDGE_CHARS = 160
_HEAD_LINES = 3
_BLANKS = re.compile(r"\s+")
_LEAD_END = re.compile(r"[:：|>»›«‹–—…⬅➡👉(]|\s-\s")
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+")
_DIGITS = re.compile(r"\d+")
_TIME = re.compile(r"\d{1,2}[:.]\d{2}|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|(?<!\d)\d{4}(?!\d)")
_WORDS = re.compile(r"[^\W\d_]+")


def known_lines(text: str, title: str, hints: Hints, headings: frozenset[str] = frozenset()) -> tuple[str, list[Cut]]:
    """Return `text` without the lines that are none of the article's, and what was cut.

    Args:
        headings: lines that are headings on the page.
    """
    lines, cuts = text.splitlines(), []
    alone = {key for line in hints.lines if (key := line_key(line))}
    leads = {key for lead in hints.leads if (key := line_key(lead))}
    endings = {line_key(ending) or ending for ending in hints.endings}
    title_key = line_key(title)
    kept: list[str] = []
    characters, seen = sum(map(len, lines)), 0
    for number, line in enumerate(lines):
        key = line_key(line)
        below = lines[number:]
        if key and key in leads and seen > 0.4 * characters and not any(map(is_sentence, below[1:])):
            # The heading of a list that ends the page: headlines of others, not sentences, until the end.
            why = f"below {line[:40]!r}, the heading of other articles"
            cuts += [Cut(text=shortened(rest), reason=why) for rest in below]
            break
        is_near_the_end = bool(kept) and len(line) <= 250 and len(below) <= 4
        if is_near_the_end and any(ending in key or ending in line for ending in endings):
            cuts += [Cut(text=shortened(rest), reason="the end of the page") for rest in below]
            break
        seen += len(line)
        if reason := _reason(line, key, alone, leads, title_key, kept):
            cuts.append(Cut(text=shortened(line), reason=reason))
        else:
            kept.append(line)
    while len(kept) > 1 and kept[-1] in headings and not is_sentence(kept[-1]):
        cuts.append(Cut(text=shortened(kept.pop()), reason="a heading with nothing below it"))
    return "\n".join(kept), cuts


def _reason(line: str, key: str, alone: set[str], leads: set[str], title_key: str, kept: list[str]) -> str | None:
    if key and key in alone | leads:
        return "known line of templates"
    if key and _led(line, leads):
        return "points to another article"
    if _ADDRESS.fullmatch(line):
        return "an address"
    if not kept and key and key == title_key:
        return "repeats the title"
    if kept and line == kept[-1]:
        return "repeats the line before"
    if len(kept) <= _HEAD_LINES and _is_date(line):
        return "a date"
    return None


def _is_date(line: str) -> bool:
    """Tell whether `line` is a date with its label and nothing else, as it stands below headlines."""
    return (
        len(line) <= 100
        and not line.startswith("|")  # a row of a table
        and _TIME.search(line) is not None
        and len(_DIGITS.findall(line)) >= 2
        and len(_WORDS.findall(line)) <= 3 * max(1, len(_DIGITS.findall(line)) // 2)
        and not is_sentence(line)
    )


def _led(line: str, leads: set[str]) -> bool:
    """Tell whether `line` is a lead with a headline behind it: “Read also: …”."""
    if len(line) > 250:
        return False
    mark = _LEAD_END.search(line)
    return mark is not None and 0 < mark.start() <= 40 and line_key(line[: mark.start()]) in leads


def within_body(text: str, body: str, reasons: dict[str, str]) -> str:
    """Return `text` without the short lines at its edges that the declared body of the article does not have.

    Bodies are declared cut short by some outlets, so nothing long is taken off on their word.
    """
    if len(body) < 120:
        return text
    packed = _BLANKS.sub("", body)
    lines = text.splitlines()
    known = [_BLANKS.sub("", line) in packed for line in lines]
    if sum(len(line) for line, is_known in zip(lines, known, strict=True) if is_known) < DECLARED_SHARE * len(text):
        return text
    first = next(number for number, is_known in enumerate(known) if is_known)
    last = max(number for number, is_known in enumerate(known) if is_known)
    kept = []
    for number, line in enumerate(lines):
        if first <= number <= last or len(line) > _EDGE_CHARS or is_sentence(line):
            kept.append(line)
        else:
            reasons.setdefault(line, "not in the article's declared body (JSON-LD)")
    return "\n".join(kept)
