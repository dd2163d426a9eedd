"""Stem keys: a word's stem, marked with its language, to widen a search over inflected forms.

A stem may widen, never decide: stemmers collide (وزير “minister” and زير are one to Snowball's Arabic), so a matcher
that labels or alerts uses terms and `variants` only. There is no stemmer for Arabic script here for that reason; its
clitics are variants. Stems are of folded terms, on both sides, so that spelling differences do not come back in.

A key is `≈ru:нормализац`: keys of two languages never meet, and no folded term begins with the mark.
"""

from __future__ import annotations

from functools import cache
from typing import Protocol

STEM_MARK = "≈"
_CACHE_WORDS = 15_000
_FEWEST = 4
"""Shorter words are not stemmed: little is left, and it means too much."""

_SNOWBALL = {
    "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish",
    "et": "estonian", "eu": "basque", "fi": "finnish", "fr": "french", "ga": "irish", "hu": "hungarian",
    "hy": "armenian", "id": "indonesian", "it": "italian", "lt": "lithuanian", "nl": "dutch", "no": "norwegian",
    "pl": "polish", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian", "sv": "swedish",
    "tr": "turkish", "yi": "yiddish",
}  # fmt: skip
_ENDINGS = {
    "uk": "ами ями ого ому ими іми ові еві ів їв ей ої єю ою ам ям ах ях ом ем єм ий ій их им у ю а я і ї и е є о ь й",
    "bg": "ията иите ият ете ите ата ята ото ето ове еве ът ят та то те ия ии а я и е о у",
    "mk": "овите ата ета ите ото ето овци ови та то те от а и е о",
    "be": "амі ямі ага аму імі ымі аў яў ей ой ую ыя ам ям ах ях ом ем ы і а я у ю е о ь",
}
_SCRIPTS = {
    "cyrillic": frozenset("ru uk be bg mk sr".split()),
    "greek": frozenset(["el"]),
    "armenian": frozenset(["hy"]),
}


class _Stemmer(Protocol):
    def stemWord(self, word: str) -> str: ...


class _Light:
    """Takes the longest ending of a list off: for Slavic languages that Snowball does not know."""

    def __init__(self, listed: str) -> None:
        self._endings = sorted(listed.split(), key=len, reverse=True)

    def stemWord(self, word: str) -> str:
        for ending in self._endings:
            if word.endswith(ending) and len(word) - len(ending) >= _FEWEST - 1:
                return word[: -len(ending)]
        return word


class _Keys(dict[str, str]):
    def __init__(self, language: str, stemmer: _Stemmer) -> None:
        super().__init__()
        self._prefix = f"{STEM_MARK}{language}:"
        self._stem = stemmer.stemWord

    def __missing__(self, term: str) -> str:
        key = self._prefix + self._stem(term) if _FEWEST <= len(term) <= 40 and term.isalpha() else ""
        if len(self) >= _CACHE_WORDS:
            self.clear()
        self[term] = key
        return key


@cache
def _keys(language: str) -> _Keys | None:
    if language in _ENDINGS:
        return _Keys(language, _Light(_ENDINGS[language]))
    if language not in _SNOWBALL:
        return None
    import Stemmer

    return _Keys(language, Stemmer.Stemmer(_SNOWBALL[language], 0))


def has_stemmer(language: str) -> bool:
    """Tell whether words of `language` have stem keys."""
    return language in _SNOWBALL or language in _ENDINGS


def stem_keys(terms: list[str], language: str) -> list[str]:
    """Return the stem keys of a document's folded `terms`, once each; nothing for a language without a stemmer."""
    table = _keys(language) if has_stemmer(language) else None
    if table is None:
        return []
    keys = dict.fromkeys(map(table.__getitem__, terms))
    keys.pop("", None)
    return list(keys)


def query_stem_keys(term: str, language: str = "und") -> list[str]:
    """Return the stem keys that the folded query word `term` may have in a document.

    The language of a query is seldom known: with `und`, those of every language that is written in the word's script.
    """
    languages = [language] if language != "und" else _languages_of_script(term)
    return [key for code in languages for key in stem_keys([term], code)]


def _languages_of_script(term: str) -> list[str]:
    letter = term[:1]
    if "\u0400" <= letter <= "\u052f":
        script = "cyrillic"
    elif "\u0370" <= letter <= "\u03ff":
        script = "greek"
    elif "\u0531" <= letter <= "\u058f":
        script = "armenian"
    elif "\u05d0" <= letter <= "\u05ea":
        return ["yi"]
    elif letter.isascii() and letter.isalpha():
        others = frozenset[str]().union(*_SCRIPTS.values()) | {"yi"}
        return sorted((_SNOWBALL.keys() | {"sr"}) - (others - {"sr"}))
    else:
        return []
    return sorted(_SCRIPTS[script])
