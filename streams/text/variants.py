"""What a word of a document also stands for: itself without clitics and inflectional suffixes.

A variant is only a candidate: whoever looks it up takes it when it is a word of its vocabulary (a query's term, a
name), so a wrong cut that is no word costs nothing. Words are folded on both sides. At least three letters are left;
where the part cut off is a single letter that also ends plain words, four.

`والتطبيع` → التطبيع, تطبيع · `حكومتها` → حكومة (folded حكومه) · `میخواهد` → خواهد · `حکومەتەکەیان` → حکومەت ·
`Erdoğan'ın`, `Erdoganin` → erdogan · `l'Arménie` → armenie · `והמשלחת` → משלחת
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

_CACHE_WORDS = 15_000
_MOST_LANGUAGES = 100
_LONGEST = 40
"""Longer words are not inflected words: they are spam, or text whose spaces were lost."""
_FEWEST = 3

_ARABIC_SCRIPT = re.compile("[\u0620-\u06ff]")
_HEBREW_SCRIPT = re.compile("[\u05d0-\u05ea]")
_LATIN_SCRIPT = re.compile("[a-z]")


def variants(term: str, language: str = "und") -> tuple[str, ...]:
    """Return what the folded document term `term` also stands for, never `term` itself; likeliest first."""
    return variants_table(language)[term]


def variants_table(language: str) -> dict[str, tuple[str, ...]]:
    """Return the table of variants of one language, for loops: `table[term]` works them out when first asked."""
    table = _TABLES.get(language)
    if table is None:
        if len(_TABLES) >= _MOST_LANGUAGES:
            _TABLES.clear()
        table = _TABLES[language] = _Table(language)
    return table


class _Table(dict[str, tuple[str, ...]]):
    """Variants by term; forgets everything when it is full."""

    def __init__(self, language: str) -> None:
        super().__init__()
        self._language = language

    def __missing__(self, term: str) -> tuple[str, ...]:
        if len(term) > _LONGEST:
            return ()
        found = dict.fromkeys(part for part in _variants(term, self._language) if len(part) >= _FEWEST)
        found.pop(term, None)
        if len(self) >= _CACHE_WORDS:
            self.clear()
        self[term] = result = tuple(found)
        return result


_TABLES: dict[str, _Table] = {}


def _variants(term: str, language: str) -> Iterator[str]:
    if "'" in term:
        yield from _at_apostrophe(term, language)
    elif _ARABIC_SCRIPT.search(term):
        for rules in _BY_LANGUAGE_IN_ARABIC.get(language, (_arabic, _persian)):
            yield from rules(term)
    elif _HEBREW_SCRIPT.search(term):
        yield from _hebrew(term)
    elif language in _BY_LANGUAGE_IN_LATIN and _LATIN_SCRIPT.search(term):
        yield from _BY_LANGUAGE_IN_LATIN[language](term)


_NAME_FIRST = frozenset("tr az tk uz crh ku en de nl sv no da fi et lt lv pl cs sk".split())
"""Languages in which a suffix follows an apostrophe; in the others an article may stand before it."""


def _at_apostrophe(term: str, language: str) -> Iterator[str]:
    if not _LATIN_SCRIPT.search(term):
        yield term.replace("'", "")  # об'єднані: a letter like any other
        return
    before, _, after = term.partition("'")
    yield before
    yield term.replace("'", "")
    if language not in _NAME_FIRST:
        yield after.rpartition("'")[2]


# --- Arabic ---------------------------------------------------------------------------------------------------------

_ARABIC_PARTICLES = ("", "و", "ف")
_ARABIC_PREPOSITIONS = ("", "ب", "ك", "ل", "س")
_ARABIC_PREFIXES = tuple(
    sorted({a + b for a in _ARABIC_PARTICLES for b in _ARABIC_PREPOSITIONS if a + b}, key=len),
)
_ARABIC_ARTICLES = tuple(
    sorted((a + b for a in _ARABIC_PARTICLES for b in ("ال", "بال", "كال", "لل")), key=len),
)
_ARABIC_PRONOUNS = ("هما", "كما", "ها", "هم", "هن", "نا", "كم", "ني", "ه", "ك")


def _arabic(term: str) -> Iterator[str]:
    for article in _ARABIC_ARTICLES:
        if term.startswith(article) and len(term) - len(article) >= _FEWEST:
            noun = term[len(article) :]
            yield "ال" + noun
            yield noun
            # what comes before the article may also be taken off alone: وبالتطبيع, بالتطبيع
            yield from (term[cut:] for cut in range(1, len(article) - 1))
            return
    stems = [term]
    for prefix in _ARABIC_PREFIXES:
        if term.startswith(prefix) and len(term) - len(prefix) >= _FEWEST:
            stems.append(term[len(prefix) :])
    yield from stems
    for stem in stems:
        for pronoun in _ARABIC_PRONOUNS:
            if stem.endswith(pronoun) and len(stem) - len(pronoun) >= _FEWEST:
                yield from _arabic_nouns(stem[: -len(pronoun)])
        if stem.endswith("ي") and len(stem) > _FEWEST + 1:
            yield stem[:-1]


def _arabic_nouns(bare: str) -> Iterator[str]:
    """Yield `bare`, and the noun whose last letter a pronoun changes: حكومت(ها) حكومة, لقائ(ه) لقاء, مستوا(ه) مستوى."""
    yield bare
    if bare[-1] == "ت":
        yield bare[:-1] + "ه"
    elif bare[-2:] in ("اي", "او"):
        yield bare[:-1] + "ء"
    elif bare[-1] == "ا":
        yield bare[:-1] + "ي"


# --- languages that only add endings --------------------------------------------------------------------------------


def _endings(listed: str, rounds: int) -> Callable[[str], Iterator[str]]:
    """Return the rule that takes the endings of `listed` off, up to `rounds` one after the other."""
    by_last: dict[str, list[str]] = {}
    for ending in sorted(set(listed.split()), key=len, reverse=True):
        by_last.setdefault(ending[-1], []).append(ending)

    def cut(term: str) -> Iterator[str]:
        stems = [term]
        for _ in range(rounds):
            stems = list(dict.fromkeys(_cut_once(stems, by_last)))
            yield from stems

    return cut


def _cut_once(stems: Iterable[str], by_last: dict[str, list[str]]) -> Iterator[str]:
    for stem in stems:
        for ending in by_last.get(stem[-1], ()):
            left = len(stem) - len(ending)
            if left >= (_FEWEST + 1 if len(ending) == 1 else _FEWEST) and stem.endswith(ending):
                yield stem[:left]


_persian_endings = _endings(
    "ها هاي هايي هايم هايت هايش هايمان هايتان هايشان ام ات اش مان تان شان م ت ش تر ترين اي اند ست", 1
)
_persian_article = re.compile("(.{3,})ي")
_persian_verb = re.compile("ن?مي(.{3,})")


def _persian(term: str) -> Iterator[str]:
    yield from _persian_endings(term)
    if match := _persian_article.fullmatch(term):
        yield match[1]
    if len(term) > _FEWEST + 2 and term.endswith("ان"):
        yield term[:-2]
    if match := _persian_verb.fullmatch(term):
        yield match[1]
        yield from _persian_endings(match[1])


_kurdish = _endings(
    "هكه هكهي هكان هكاني هكانه يك يكي ي ان اني ينه يان مان تان يش ش دا هوه هيه يه ه و ن يهكان يهكه يهك يي ييهكان", 3
)
_urdu_endings = _endings("ون ين يان يون ات", 1)
_pashto = _endings("ونو ونه انو ان و ه ې ي وي", 1)
_uyghur = _endings("نيڭ غا قا گه كه دا ده تا ته دين تين ني لار لهر ليري لاري ي سي ديكي تيكي نيڭكي", 3)
_south_azerbaijani = _endings(
    "لار لر لاري لري نين ين ون نون ا ه يا يه دا ده دان دن ي و يني نو يله لا له سي سو نا نه نده ندا ندان ندن", 2
)


def _urdu(term: str) -> Iterator[str]:
    yield from _urdu_endings(term)
    if term.endswith("ي") and len(term) > _FEWEST:  # وعدے: وعدہ or وعدا
        yield term[:-1] + "ه"
        yield term[:-1] + "ا"


_TURKISH_ENDING = re.compile(
    "(?:l[ae]r)?(?:[iu](?:m[iu]z|n[iu]z)|[iu]m|[sy]?[iu])?"
    "(?:n?[iu]n|n?[iu]|[yn]?[ae]|n?[dt][ae]n?|y?l[ae]|n?c[ae]|y[iu])?(?:ki(?:ler)?)?"
)
_TURKISH_LONGEST_ENDING = 11
_SOFTENED = {"g": "k", "b": "p", "d": "t"}


def _turkish(term: str) -> Iterator[str]:
    for cut in range(len(term) - 1, max(_FEWEST, len(term) - _TURKISH_LONGEST_ENDING) - 1, -1):
        if cut < _FEWEST + 1 and len(term) - cut < 2:
            continue
        if _TURKISH_ENDING.fullmatch(term, cut):
            yield term[:cut]
            if term[cut] in "iuae" and term[cut - 1] in _SOFTENED and cut > _FEWEST:
                yield term[: cut - 1] + _SOFTENED[term[cut - 1]]


_kurmanji = _endings("e a i an en ek eke eki ya ye yan yen yek yeke in", 1)


# --- Hebrew ---------------------------------------------------------------------------------------------------------

_HEBREW_PREFIX = re.compile("(ו?)(לכש|מש|כש|ש|)([בכלמ]?)(ה?)")


def _hebrew(term: str) -> Iterator[str]:
    match = _HEBREW_PREFIX.match(term)
    if match is not None:
        yield from dict.fromkeys(term[match.end(group) :] for group in range(1, 5) if match.end(group))


_Rule = Callable[[str], Iterable[str]]
_BY_LANGUAGE_IN_ARABIC: dict[str, tuple[_Rule, ...]] = {
    "ar": (_arabic,),
    "fa": (_persian,),
    "ckb": (_kurdish,),
    "ku": (_kurdish,),
    "ur": (_urdu,),
    "ps": (_pashto,),
    "ug": (_uyghur,),
    "azb": (_south_azerbaijani,),
}
_BY_LANGUAGE_IN_LATIN: dict[str, _Rule] = {
    "tr": _turkish,
    "az": _turkish,
    "tk": _turkish,
    "crh": _turkish,
    "ku": _kurmanji,
}
