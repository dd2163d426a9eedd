"""Credits of outlets that nobody has listed: kept by name where the form of the credit leaves no doubt.

«المصدر: شبكة كذا» · «نقلاً عن منصة الخليج» alone on a line · «به نقل از خبرگزاری «کذا»» · "according to the Foo News"
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from streams.attribution.context import Context, Found
from streams.attribution.credits import Credit, Reach, has_at_most

_MOST_NAME_TOKENS = 4
_LEAST_JOINED = 6
_END = re.compile(r"[|\n–—()،,;؛:.!?؟]|\s-\s")
_LABEL = re.compile(r"\s*[:：]")


def find_unknown(context: Context, anchors: Iterable[int], taken: set[int]) -> Iterator[Credit]:
    """Yield the credits of unlisted outlets in a field.

    `anchors`: tokens that may begin the words before one; `taken`: tokens of names that are known.
    """
    for phrase in context.promising(anchors):
        credit = None
        if "label" in phrase.kinds and _LABEL.match(context.text, context.end(phrase.last)):
            credit = _labelled(context, phrase)
        elif phrase.kinds & {"before", "cite"} and len("".join(context.terms[phrase.first : phrase.last])) > 3:
            credit = _beside(context, phrase)
        if credit is not None and not taken.intersection(range(phrase.last, credit.last + 2)):
            yield credit


def _labelled(context: Context, label: Found) -> Credit | None:
    before, _ = context.line(label.first, label.last)
    if before.strip() and before.rstrip()[-1:] not in tuple("|-–—·•*(/."):
        return None  # «وأضاف المصدر: …»
    first = label.last
    last = _run_end(context, first, 5)
    if first == last or _is_office(context, first, last):
        return None
    return Credit(first, last, None, Reach.REPORT, is_label=True)


def _beside(context: Context, phrase: Found) -> Credit | None:
    first = phrase.last
    has_kind = False
    while first < len(context.terms) and first - phrase.last < 4 and not context.is_broken(first, first):
        words = [
            word for word in context.starting(first) if word.kinds & {"kind", "between"} and "many" not in word.kinds
        ]
        if not words or (context.text[context.start(first)].isupper() and "kind" not in words[0].kinds):
            break  # a capital begins the name
        kinds = [word for word in words if "kind" in word.kinds]
        is_definite = context.terms[first].startswith("ال") and context.tokens.language == "ar"
        # «قالت الصحيفة» speaks of one that was named before.
        has_kind = has_kind or (bool(kinds) and not is_definite)
        first = (kinds or words)[0].last
    if first >= len(context.terms) or context.is_broken(first, first):
        return None
    quoted = _quoted_end(context, first)
    before, _ = context.line(phrase.first, phrase.last)
    if has_kind and quoted is not None:
        last = quoted
    elif context.opens_quote(first):
        return None  # a title of many words
    elif has_kind or _is_newsy(context, first):
        last = _name_end(context, first)
    elif not before.strip():  # alone on its line
        last = _run_end(context, first, 3)
        if (
            last == first
            or context.gap(last).partition("\n")[0].strip(' .»"')
            or not ("\n" in context.gap(last) or last == len(context.terms))
        ):
            return None
    else:
        return None
    if first == last or _is_office(context, first, last):
        return None
    opens = has_at_most(4, before)
    return Credit(first, last, None, Reach.REPORT if opens else Reach.PASSAGE, "cite" in phrase.kinds)


def _is_newsy(context: Context, first: int) -> bool:
    """Whether a name of a few words that begins at `first` ends as names of outlets do."""
    for at in range(first, min(first + 3, len(context.terms))):
        if at > first and context.is_broken(at, at):
            return False
        if context.is_newsy(at):
            return at > first or len(context.terms[at]) > _LEAST_JOINED
    return False


def _name_end(context: Context, first: int) -> int:
    """Return where a name that begins at `first` ends: the capitals, or in scripts without them what is sure."""
    text = context.text
    if text[context.start(first)].isupper():
        last = first
        while (
            last < len(context.terms)
            and last - first < _MOST_NAME_TOKENS
            and text[context.start(last)].isupper()
            and (last == first or not context.is_broken(last, last))
        ):
            last += 1
        return last
    if text[context.start(first)].islower():
        return first
    for at in range(first + 1, min(first + 3, len(context.terms))):
        if context.is_broken(at, at):
            return at
        if context.is_newsy(at - 1) and len(context.terms[at - 1]) > _LEAST_JOINED:
            return at
        if context.is_newsy(at):
            return at + 1
    return first + 1


def _run_end(context: Context, first: int, most: int) -> int:
    """Return where the run of words from `first` to a separator ends; `first` when it is longer than `most`."""
    last = first
    while last < len(context.terms) and (last == first or not _END.search(context.gap(last))):
        last += 1
        if last - first > most:
            return first
    return last


def _quoted_end(context: Context, first: int) -> int | None:
    return next(
        (last for last in range(first + 1, min(first + 5, len(context.terms) + 1)) if context.is_quoted(first, last)),
        None,
    )


def _is_office(context: Context, first: int, last: int) -> bool:
    """Whether what is named is a ministry, "agencies" or an official, not an outlet."""
    if any("never" in phrase.kinds for phrase in context.starting(first)):
        return True
    return any(
        phrase.kinds & {"office", "many", "stop"} for at in range(first, last) for phrase in context.starting(at)
    ) or all(context.terms[at].isdigit() for at in range(first, last))
