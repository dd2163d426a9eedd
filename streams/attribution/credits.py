"""Decides which names in a text are credits: beside a credit word, in a dateline, or on a line of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from streams.attribution.context import Context, Found
from streams.attribution.names import Name, Occurrence

_MOST_BEFORE, _MOST_AFTER = 6, 5
_DASHES = "-–—/|:"
_CITY = re.compile(r"[^.!?\n«»\"]{0,60}?[-–—/|]\s*[«\"(]?")
_AFTER_CITY = re.compile(r"[»\")]?\s*(?:[-–—/|:،,)]|\.?\s*$|\.\s)")
_AT_START = re.compile(r"[»\")]?\s*(?:[:/]|[-–—]\s)")
_INTRODUCES = re.compile(r"[^.!?؟]{0,60}:\s*")
_BYLINE = re.compile(r"[\s.()»«\"*]*")
_LIST_END = re.compile(r"[|\n–—()]|\s-\s|\.(?:\s|$)")
_LABEL = re.compile(r"\s*[:：]\s*")
_PARENTHESIS = re.compile(r"\(([^()\n]{1,60})\)")
_SEPARATORS = re.compile(r"[,،/;+&]|\s-\s")
_MOST_CITY_TOKENS = 8
_MOST_ALONE_TOKENS = 4
_VERB_LAST = frozenset(("fa", "tr", "az", "ur", "ckb", "ku", "ps", "azb"))
_MOST_TO_VERB = 28
_CASES = frozenset(("ru", "uk", "ku"))
"""Languages whose names have endings without an apostrophe."""
_THAT = frozenset(("كه", "ki", "ku", "چي"))


class Reach(Enum):
    """How much of a report a credit covers."""

    REPORT = 0
    """All of it: a source line, a dateline, an opening."""
    PASSAGE = 1
    """What it stands beside."""


@dataclass(frozen=True)
class Credit:
    """A name that is credited: tokens `[first, last)`, and `since` where its credit line begins."""

    first: int
    last: int
    name: Name | None
    """None where no source of that name is known."""
    reach: Reach
    is_cited: bool = False
    """It is whom the one named before it took it from."""
    is_beside: bool = False
    """It stands side by side with the one before it, each a source of its own."""
    is_label: bool = False


def has_at_most(words: int, text: str) -> bool:
    """Whether `text` has no more than so many words between spaces; of a long one only so many are read."""
    return len(text.split(None, words)) <= words


class _Side(NamedTuple):
    """The credit word on one side of a name, and whether a word for an outlet stands right beside it."""

    phrase: Found | None
    has_kind: bool


_NOTHING = _Side(None, False)
_BEFORE, _AFTER = frozenset(("before", "cite")), frozenset(("after", "view", "cite-after", "cite"))
_TITLE = frozenset(("kind", "between"))
_VERB = frozenset(("after",))


class Judge:
    """Looks at the names of one field of an article."""

    def __init__(self, context: Context, *, is_title: bool) -> None:
        self._context = context
        self._is_title = is_title

    def credit(self, found: Occurrence, following: Occurrence | None) -> Credit | None:
        """Return the credit that a name is, or None. `following`: the next name."""
        context = self._context
        limit = following.first if following is not None else len(context.terms)
        if self._is_somebody_else(found, limit):
            return None
        left = self._left(found.first)
        right = (
            _NOTHING
            if self._is_object(found.first)
            else self._right(
                found.last, limit, is_apposed="," in context.gap(found.first) or "،" in context.gap(found.first)
            )
        )
        is_sure = left.has_kind or right.has_kind or context.is_quoted(found.first, found.last)
        if self._is_labelled(found.first):
            return Credit(found.first, found.last, found.name, Reach.REPORT, is_label=True)
        if self._is_dateline(found, is_sure=is_sure):
            return Credit(found.first, found.last, found.name, Reach.REPORT)
        phrase, is_before = (left.phrase, True) if left.phrase else (right.phrase, False)
        is_cited = self._is_citing(left.phrase, "cite") or self._is_citing(right.phrase, "cite-after")
        if phrase is None and self._has_verb_at_end(found, is_sure=is_sure):
            return Credit(found.first, found.last, found.name, Reach.PASSAGE)
        if phrase is None:
            if following is None or not self._is_citing_next(found, following):
                return None
            return Credit(found.first, found.last, found.name, Reach.PASSAGE) if self._may(found, is_sure) else None
        if not is_sure and not self._may_beside(found, phrase, is_before=is_before):
            return None
        opens = is_before and not self._is_title and self._opens(phrase)
        return Credit(found.first, found.last, found.name, Reach.REPORT if opens else Reach.PASSAGE, is_cited)

    def beside(self, before: Credit, found: Occurrence) -> Credit | None:
        """Return the credit that a name shares with the one before it («سانا ورويترز», "Reuters/AFP"), or None."""
        context = self._context
        between = range(before.last, found.first)
        if len(between) > 1 or not all("and" in context.kinds_at(token) for token in between):
            return None
        gaps = "".join(context.gap(token) for token in range(before.last, found.first + 1))
        has_and = bool(between) or (context.tokens.language == "ar" and context.terms[found.first][0] == "و")
        if "\n" in gaps or not (has_and or _SEPARATORS.search(gaps)) or len(gaps.strip()) > 2:
            return None
        if self._is_somebody_else(found, len(context.terms)) or (
            found.name.is_ambiguous and not found.name.is_all_capitals
        ):
            return None
        return Credit(found.first, found.last, found.name, before.reach, is_beside=True, is_label=before.is_label)

    # --- beside a credit word ---------------------------------------------------------------------------------------

    def _left(self, first: int) -> _Side:
        """Return the credit word before a name, and whether a word for an outlet stands right before it."""
        context = self._context
        at, strangers, has_kind = first, 0, False
        for _ in range(_MOST_BEFORE):
            if at <= 0:
                break
            ending = context.ending(at)
            if context.is_broken(at, at) and not self._is_apposition(at, ending):
                break
            credit = self._longest(ending, _BEFORE, first=True)
            if credit is not None:
                return _Side(credit, has_kind)
            word = self._longest(ending, _TITLE, first=True)
            kinds: frozenset[str] = frozenset().union(*[phrase.kinds for phrase in ending])
            if "stop" in kinds:
                break
            if word is not None:
                has_kind = has_kind or ("kind" in word.kinds and strangers == 0)
                at = word.first
                continue
            strangers += 1
            if strangers > (2 if has_kind else 1) or "office" in kinds or "many" in kinds:
                break
            at -= 1
        return _Side(None, has_kind)

    def _right(self, last: int, limit: int, *, is_apposed: bool = False) -> _Side:
        context = self._context
        at, strangers, has_kind = last, 0, False
        for _ in range(_MOST_AFTER):
            if at >= limit:
                break
            starting = context.starting(at)
            if context.is_broken(at, at) and not (
                context.gap(at).strip(' »”")') in ",،"
                and (
                    has_kind
                    or is_apposed
                    or self._is_kind(starting)
                    or any([phrase.kinds & {"cite", "cite-after"} for phrase in starting])
                )
            ):
                break
            credit = self._longest(starting, _AFTER, first=False)
            if credit is not None:
                return _Side(credit, has_kind)
            word = self._longest(starting, _TITLE, first=False)
            if word is not None:
                has_kind = has_kind or ("kind" in word.kinds and strangers == 0)
                at = word.last
                continue
            strangers += 1
            if strangers > 1 or any([phrase.kinds & {"stop", "office", "many"} for phrase in starting]):
                break
            at += 1
        return _Side(None, has_kind)

    def _is_apposition(self, at: int, ending: tuple[Found, ...]) -> bool:
        """Whether only a comma stands between a word for an outlet and its name: "the state news agency, SANA"."""
        return self._context.gap(at).strip(' «“"(') in ",،" and self._is_kind(ending)

    @staticmethod
    def _is_kind(phrases: tuple[Found, ...]) -> bool:
        return any("kind" in phrase.kinds for phrase in phrases)

    @staticmethod
    def _longest(phrases: tuple[Found, ...], kinds: frozenset[str], *, first: bool) -> Found | None:
        fitting = [phrase for phrase in phrases if not phrase.kinds.isdisjoint(kinds)] if phrases else None
        if not fitting:
            return None
        return min(fitting, key=lambda phrase: phrase.first) if first else max(fitting, key=lambda phrase: phrase.last)

    @staticmethod
    def _is_citing(phrase: Found | None, kind: str) -> bool:
        return phrase is not None and kind in phrase.kinds

    def _has_verb_at_end(self, found: Occurrence, *, is_sure: bool) -> bool:
        """Whether a name begins a sentence at whose end it reports: «خبرگزاری تاس … خبر داد», "Reuters, … yazdı"."""
        context = self._context
        if context.tokens.language not in _VERB_LAST or not self._may(found, is_sure) or self._is_object(found.first):
            return False
        start = context.start(self._with_kinds(found.first))
        before = context.text[max(context.text.rfind(mark, 0, start) for mark in ".!?؟۔\n،,") + 1 : start]
        if not has_at_most(3 if is_sure else 1, before):
            return False
        for at in range(found.last, min(found.last + _MOST_TO_VERB, len(context.terms))):
            if context.sentence_ends(context.end(at), context.start(at)) or "\n" in context.gap(at):
                return False
            verb = self._longest(context.starting(at), _VERB, first=False)
            if verb is not None and self._ends_clause(verb.last):
                return True
        return False

    def _ends_clause(self, at: int) -> bool:
        context = self._context
        for place in range(at, at + 2):  # an auxiliary may follow: «بتایا ہے کہ», «نوشته است:»
            if place >= len(context.terms) or context.is_broken(place, place) or context.terms[place] in _THAT:
                return True
        return False

    def _is_citing_next(self, found: Occurrence, following: Occurrence) -> bool:
        """Whether the next name is one that this one cites: "Tesnim'in Nournews'e dayandırdığı habere göre"."""
        context = self._context
        if following.first - found.last > 2 or context.is_broken(found.last, following.first):
            return False
        return self._is_citing(self._right(following.last, len(context.terms)).phrase, "cite-after")

    def _is_somebody_else(self, found: Occurrence, limit: int) -> bool:
        """The Reuters Institute, Anadolu Efes, a correspondent of Reuters."""
        context = self._context
        after = context.kinds_at(found.last) if not context.gap(found.last).strip() else frozenset()
        before = context.kinds_at(found.first - 1) if not context.is_broken(found.first, found.first) else frozenset()
        if "stop" in after - {"kind"} or "stop" in before:
            return True
        if context.tokens.language in ("de",) or not found.name.has_capital:
            return False
        # Another capital right after it: a longer name, if it is no word for an outlet ("Anadolu Kültür").
        if found.last >= limit or context.gap(found.last) != " " or self._is_title:
            return False
        word = context.text[context.start(found.last)]
        return word.isupper() and not any(
            phrase.kinds & {"kind", "after", "view", "between", "cite", "cite-after", "and"}
            for phrase in context.starting(found.last)
        )

    def _may(self, found: Occurrence, is_sure: bool) -> bool:
        return is_sure or not found.name.is_ambiguous

    def _may_beside(self, found: Occurrence, phrase: Found, *, is_before: bool) -> bool:
        """Whether a name without a word for an outlet is credited by `phrase`: what is ambiguous must stand close."""
        context = self._context
        if is_before and len(context.terms[phrase.first]) <= 3 and phrase.last == phrase.first + 1:
            # «عن رويترز» credits only in the company of what came before; alone it is "about", too.
            return not found.name.is_ambiguous
        if not found.name.is_ambiguous:
            return True
        is_close = phrase.last == found.first if is_before else phrase.first == found.last
        if not is_close:
            return False
        if found.name.is_all_capitals:
            return True
        if context.terms[found.first] not in self._plain(found):
            return False  # with an ending on it, it is the other word
        if not is_before and not found.name.has_capital and not context.is_line_start(found.first):
            return False
        if not is_before:  # "Dawn reported", «مهر نوشت»; but "Anadolu'ya göre" is anybody's, and so is «فارس به نقل از»
            return "after" in phrase.kinds and not phrase.kinds & {"cite", "view"}
        # «به گزارش مهر،»: nothing follows that would make it a place or a month
        return context.gap(found.last).strip(" ")[:1] in (*",،:.\n", "")

    def _plain(self, found: Occurrence) -> tuple[str, ...]:
        """Return how the first word of a name is written when nothing but an apostrophe or a prefix is added to it."""
        term, name = self._context.terms[found.first], found.name.terms[0]
        language = self._context.tokens.language
        is_added = (
            term.startswith(name + "'") or (language in ("ar", "he") and term.endswith(name)) or language in _CASES
        )
        return (term,) if is_added else (name,)

    def _is_object(self, first: int) -> bool:
        """Whether a name is somebody spoken to: "told Reuters", «در گفت‌وگو با خبرگزاری فارس»."""
        first = self._with_kinds(first)
        return any("object" in phrase.kinds for phrase in self._context.ending(first))

    def _opens(self, phrase: Found) -> bool:
        """Whether a credit word stands where a report begins: what follows it is all taken from there."""
        context = self._context
        before, _ = context.line(phrase.first, phrase.last)
        return has_at_most(4, before) and not before.rstrip().endswith(tuple(".!?؟"))

    # --- on lines of their own --------------------------------------------------------------------------------------

    def _is_labelled(self, first: int) -> bool:
        """Whether «المصدر:» or its like stands before a name in its line."""
        context = self._context
        if not context.may_be_labelled(first - 8, first):
            return False
        for at in range(first - 1, max(-1, first - 9), -1):
            labels = [phrase for phrase in context.starting(at) if "label" in phrase.kinds and phrase.last <= first]
            for label in labels:
                if _LABEL.match(context.text, context.end(label.last)):
                    start = context.end(label.last)
                    between = context.text[start : context.start(first)]
                    return not _LIST_END.search(between)
            if "\n" in context.gap(at):
                break
        return False

    def _is_dateline(self, found: Occurrence, *, is_sure: bool) -> bool:
        context, name = self._context, found.name
        before, after = context.line(found.first, found.last)
        outlet = self._with_kinds(found.first)
        lead, _ = context.line(outlet, found.last)
        is_first = lead.strip(' «"“(') == ""
        if not self._is_title:
            if self._is_parenthesis(found, before, after):
                return True
            if has_at_most(_MOST_CITY_TOKENS, lead) and _CITY.fullmatch(lead) and _AFTER_CITY.match(after):
                return not (name.is_ambiguous and after.strip()[:1] not in tuple(_DASHES) and after.strip())
            if is_first and has_at_most(_MOST_ALONE_TOKENS, after) and _BYLINE.fullmatch(after):
                return self._may(found, is_sure)  # a line with nothing but the name
            if is_first and len(after) <= 60 and _INTRODUCES.fullmatch(after):
                return self._may(found, is_sure)
        elif lead.rstrip().endswith(("-", "–", "—", "|")) and _BYLINE.fullmatch(after):
            return self._may(found, is_sure)
        return is_first and bool(_AT_START.match(after)) and (self._may(found, is_sure) or name.is_all_capitals)

    def _is_parenthesis(self, found: Occurrence, before: str, after: str) -> bool:
        """(رويترز) behind a city, or at the end of a paragraph; other names may stand with it."""
        opening = before.rfind("(")
        closing = after.find(")")
        if opening < 0 or closing < 0 or ")" in before[opening:] or "(" in after[:closing]:
            return False
        inside = before[opening + 1 :] + after[:closing]
        if len(inside) > 40 or any(len(part.split()) > 3 for part in _SEPARATORS.split(inside)):
            return False
        rest = after[closing + 1 :].strip()
        city = before[:opening].rstrip()
        is_dateline = has_at_most(_MOST_CITY_TOKENS, city) and not re.search(r"[!?؟;؛«»]|:.", city)
        if found.name.is_ambiguous and not found.name.is_all_capitals and rest[:1] not in tuple(_DASHES):
            return False
        return is_dateline or not rest.strip(" .،")

    def _with_kinds(self, first: int) -> int:
        """Return where a name begins when the words for what it is are counted in: «وكالة», «پایگاه خبری تحلیلی»."""
        context = self._context
        while first > 0 and context.gap(first).strip(' «"“') == "":
            word = self._longest(context.ending(first), _TITLE, first=True)
            if word is None:
                break
            first = word.first
        return first
