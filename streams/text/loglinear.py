"""The log-linear model that turns n-gram scores and evidence into probabilities, one a script.

A handful of weights shared by all languages of a script and one start value a language: few enough to be fitted on
little text, and the probabilities come out calibrated. Languages that nothing speaks for are kept as one lump of
probability, `other`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from math import exp, log, sqrt

from streams.text import _weights
from streams.text.evidence import Evidence, Weighed, evidence_by_script
from streams.text.ngrams import LANGUAGES

FEATURES = (
    "score", "gap_by_length", "top_if_unmodelled", "words_by_root", "marks_by_root", "words", "marks",
    "und_always", "und_top", "und_length", "weakness", "weakness_by_length", "foreign_letters", "any_foreign_letter",
    "second_opinion", "second_opinion_first",
)  # fmt: skip
STRONG = {"arabic": 0.935, "latin": 0.82, "cyrillic": 0.85, "hebrew": 0.5}
"""What eldc gives a text that is in a language it knows; below it, doubt grows with the text's length."""
_SURE_BY_WORDS = {"latin": 2.0, "arabic": 1.5, "cyrillic": 2.0, "hebrew": 1.0}
"""A lead in words and letters that leaves no doubt: no mistake among 6,000 short texts that n-grams do not settle."""
_ENOUGH_FOR_HEBREW = 0.25
"""Yiddish writes vowels, so it is told by nearly every word; Hebrew is what is left."""
_MOST_FOREIGN = 4
_MOST_EVIDENCE = 8.0
_HOPELESS = 0.35
"""An n-gram score so far below the best is not worth weighing."""
_CONFIDENT = 0.6
"""The least share of a text for which the second model's first answer counts as one."""


class LanguageModel:
    """Probabilities of the languages of one script."""

    def __init__(
        self,
        script: str,
        evidence: Evidence,
        first: tuple[Mapping[str, float], Mapping[str, float]],
        second: tuple[Mapping[str, float], Mapping[str, float]],
    ) -> None:
        self.modelled = frozenset(LANGUAGES.get(script, "").split())
        self._first = _Weights(*first, self.modelled)
        self._second = _Weights(*second, self.modelled)
        self._strong = STRONG[script]
        self._least_words = _SURE_BY_WORDS[script]
        self._alphabets = evidence.alphabets
        self._sure = evidence.sure
        every = list(self._alphabets.values())
        self._telling = frozenset().union(*every) - frozenset.intersection(*every)
        self._always = () if self.modelled else tuple(evidence.alphabets)

    def is_sure(self, code: str, score: float, lower: str) -> bool:
        """Tell whether an n-gram score and the letters of a lower-cased text settle that it is in `code`."""
        sure = self._sure.get(code)
        if sure is None or score < sure[0] or sure[1].isdisjoint(lower):
            return False
        return self._telling.intersection(lower) <= self._alphabets[code]

    def sure_by_words(self, sums: Mapping[str, Sequence[float]], lower: str) -> str:
        """Return the language that words and letters settle, one that the n-grams do not know; nothing if they do not.

        Its words must lead over those of every other language, and the text have no letter that it lacks.
        """
        best, most, next_most = "", 0.0, 0.0
        for code, (words, marks) in sums.items():
            total = words + marks
            if total > most:
                best, most, next_most = code, total, most
            elif total > next_most:
                next_most = total
        if (
            not best
            or best in self.modelled
            or most - next_most < (_ENOUGH_FOR_HEBREW if best == "he" else self._least_words)
        ):
            return ""
        return best if self._telling.intersection(lower) <= self._alphabets[best] else ""

    def log_odds(
        self,
        scores: Mapping[str, float],
        weighed: Weighed,
        plain: str,
        letters: int,
        second: Mapping[str, float] | None = None,
        claim: str = "",
    ) -> dict[str, float]:
        """Return log-odds by language, `und` and `other` among them.

        `scores` are the n-gram model's, best first; `weighed` is the evidence in a sample of `letters` letters, `plain`
        its words without the names (`sample.without_names`); `second` is the second model's opinion, where it was
        asked; `claim` is weighed even where nothing speaks for it.
        """
        weights = self._first if second is None else self._second
        top = max(scores.values(), default=0.0)
        length = log(letters) if letters > 3 else 1.1
        root = 1 / sqrt(weighed.words or 1)
        telling = self._telling.intersection(plain)
        if_unmodelled = weights.top_if_unmodelled * top
        gap = weights.gap_by_length * length
        weak = weights.weakness + weights.weakness_by_length * length
        evidence = weighed.by_language
        favourite = _favourite(second) if second else ""
        start, modelled = weights.start, self.modelled
        found: dict[str, float] = {}
        for code, score in scores.items():
            if score < top - _HOPELESS:
                break
            if code in start:
                total = start[code] + weights.score * score + gap * (score - top)
                found[code] = total + weak * (self._strong - score) if score < self._strong else total
        others = evidence if second is None and not claim else {*evidence, *(second or ()), claim}
        counted = 0.0
        for code in self._always or others:
            if code not in modelled and code in start:
                found[code] = start[code] + if_unmodelled
                counted += weights.odds[code]
        alphabets = self._alphabets
        for code in found:
            total = 0.0
            if code in evidence:
                words, marks = evidence[code]
                total = (weights.words_by_root * words + weights.marks_by_root * marks) * root
                total += weights.words * (words if words < _MOST_EVIDENCE else _MOST_EVIDENCE)
                total += weights.marks * (marks if marks < _MOST_EVIDENCE else _MOST_EVIDENCE)
            if telling and not telling <= alphabets[code]:
                foreign = len(telling - alphabets[code])
                total += weights.any_foreign_letter + weights.foreign_letters * min(foreign, _MOST_FOREIGN)
            if second and code in second:
                total += weights.second_opinion * second[code]
                if code == favourite:
                    total += weights.second_opinion_first
            found[code] += total
        found["und"] = start["und"] + weights.und_always + weights.und_top * top + weights.und_length * length
        if second is not None and not second:
            found["und"] += 0.5 * weights.second_opinion
        rest = weights.unmodelled_odds - counted
        if rest > 1e-9:
            found["other"] = log(rest) + if_unmodelled
        return found

    def features(
        self,
        code: str,
        scores: Mapping[str, float],
        weighed: Weighed,
        plain: str,
        letters: int,
        second: Mapping[str, float] | None,
    ) -> list[float]:
        """Return what `log_odds` weighs for one language, in the order of `FEATURES`: the fitting works on it."""
        top = max(scores.values(), default=0.0)
        length = log(letters) if letters > 3 else 1.1
        if code == "und":
            doubted = 0.5 if second is not None and not second else 0.0
            return [0, 0, 0, 0, 0, 0, 0, 1, top, length, 0, 0, 0, 0, doubted, 0]
        root = 1 / sqrt(weighed.words or 1)
        words, marks = weighed.by_language.get(code, (0.0, 0.0))
        foreign = len(self._telling.intersection(plain) - self._alphabets[code])
        is_modelled = code in self.modelled
        score = scores.get(code, 0.0)
        weak = max(0.0, self._strong - score) if is_modelled else 0.0
        return [
            score if is_modelled else 0.0,
            (score - top) * length if is_modelled else 0.0,
            0.0 if is_modelled else top,
            words * root,
            marks * root,
            min(words, _MOST_EVIDENCE),
            min(marks, _MOST_EVIDENCE),
            0,
            0,
            0,
            weak,
            weak * length,
            min(foreign, _MOST_FOREIGN),
            1 if foreign else 0,
            second.get(code, 0.0) if second else 0.0,
            1 if second and code == _favourite(second) else 0,
        ]


def _favourite(second: Mapping[str, float]) -> str:
    best = max(second, key=second.__getitem__)
    return best if second[best] > _CONFIDENT else ""


class _Weights:
    def __init__(self, features: Mapping[str, float], start: Mapping[str, float], modelled: frozenset[str]) -> None:
        self.start = start
        self.odds = {code: exp(value) for code, value in start.items()}
        self.unmodelled_odds = sum(odds for code, odds in self.odds.items() if code not in modelled and code != "und")
        self.score = features["score"]
        self.gap_by_length = features["gap_by_length"]
        self.top_if_unmodelled = features["top_if_unmodelled"]
        self.words_by_root = features["words_by_root"]
        self.marks_by_root = features["marks_by_root"]
        self.words = features["words"]
        self.marks = features["marks"]
        self.und_always = features["und_always"]
        self.und_top = features["und_top"]
        self.und_length = features["und_length"]
        self.weakness = features["weakness"]
        self.weakness_by_length = features["weakness_by_length"]
        self.foreign_letters = features["foreign_letters"]
        self.any_foreign_letter = features["any_foreign_letter"]
        self.second_opinion = features["second_opinion"]
        self.second_opinion_first = features["second_opinion_first"]


@cache
def load_language_models() -> dict[str, LanguageModel]:
    """Return the models of the scripts that several languages share."""
    evidence = evidence_by_script()
    return {
        script: LanguageModel(script, evidence[script], _weights.FIRST[script], _weights.SECOND[script])
        for script in _weights.FIRST
    }
