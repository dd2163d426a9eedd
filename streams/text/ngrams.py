"""N-gram models behind one interface: scores for the languages of one script.

eldc is fast (1 µs a title) and accurate but young and by one author; pycld2 is its understudy where eldc cannot be
loaded, and is asked about languages that eldc does not know.
"""

from __future__ import annotations

from typing import Protocol

LANGUAGES = {
    "arabic": "ar fa ur ckb",
    "latin": "az ca cs da de en es et eu fi fr hr hu is it lt lv ms nl no pl pt ro sk sl sq sv tl tr vi yo",
    "cyrillic": "ru uk bg be sr",
    "devanagari": "hi mr",
}
"""The languages that eldc knows, by the script they share."""

_CLD2_NAMES = {"iw": "he", "nb": "no", "nn": "no", "jw": "jv", "in": "id"}
_CLD2_NAMES_BY_SCRIPT = {
    "arabic": {"ku": "ckb"},
    "latin": {"sr": "hr", "bs": "hr", "id": "ms"},  # told apart by `neighbours.standard_of`
    "cyrillic": {"uz": "uz-Cyrl"},
}


class NgramModel(Protocol):
    """Scores of 0 to 1 by language, best first, independent of each other; empty where nothing is recognized."""

    def scores(self, script: str, sample: str) -> dict[str, float]:
        """Return the scores of the languages of `script` for `sample`."""
        ...


class EldcModel:
    """eldc, with one detector a script."""

    def __init__(self) -> None:
        import eldc

        eldc.init()
        self._detect = {}
        for script, languages in LANGUAGES.items():
            detector = eldc.instance()
            detector.set_languages(languages.replace("ckb", "ku").replace(" ", ","))
            detector.set_scores(8)
            self._detect[script] = detector.detect_details

    def scores(self, script: str, sample: str) -> dict[str, float]:
        """See `NgramModel`."""
        detect = self._detect.get(script)
        if detect is None:
            return {}
        try:
            found = detect(sample)
        except UnicodeEncodeError:  # half a surrogate pair, from bytes that were no UTF-16
            found = detect(sample.encode("utf-8", "ignore").decode())
        scores: dict[str, float] = found.scores
        if not scores or found.language == "und":
            return {}
        if script == "arabic" and "ku" in scores:  # Kurdish in Arabic letters is Sorani to eldc
            return {"ckb" if code == "ku" else code: score for code, score in scores.items()}
        return scores


class Cld2Model:
    """pycld2: 25 times slower, knows 83 languages."""

    def __init__(self) -> None:
        import pycld2

        self._detect = pycld2.detect
        self._error = pycld2.error

    def scores(self, script: str, sample: str) -> dict[str, float]:
        """See `NgramModel`; `script` may be anything, cld2 finds it itself."""
        try:
            reliable, _, details = self._detect(sample.encode("utf-8", "ignore"), bestEffort=True)
        except (self._error, ValueError):
            return {}
        names = _CLD2_NAMES_BY_SCRIPT.get(script, {})
        scores: dict[str, float] = {}
        for name, code, percent, _ in details:
            if name != "Unknown" and percent > 0:
                code = _CLD2_NAMES.get(code, code.split("-")[0])
                code = names.get(code, code)
                scores[code] = scores.get(code, 0.0) + percent / 100 * (0.9 if reliable else 0.6)
        return scores


def load_model() -> NgramModel:
    """Return eldc where it is installed, else pycld2."""
    try:
        return EldcModel()
    except ImportError:
        return Cld2Model()
