"""From the names of a definition to patterns: sequences of words that an article may hold, in every way they are
cut and joined.

`Amir-Abdollahian` is two words, or one (امیرعبداللهیان), or three (أمير عبد اللهيان); `Çavuşoğlu` is two in Arabic
(تشاووش أوغلو).
A person is also met without a middle name, and by surname alone; how far that may be believed is the recognizer's
affair.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from streams.entities.sounds import script_of
from streams.text.fold import fold, folded_words
from streams.text.words import word_pattern

Form = Literal["name", "partial", "called", "surname", "demonym", "decoy"]
"""`name`: a full name. `partial`: without a middle name. `called`: one word by which a definition says the person
is called.
`surname`: the last name alone. `demonym`: people or adjective of a country.
`decoy`: looks like the entity and is not (`not_names`)."""

FORM_RANK: Final[dict[Form, int]] = {"decoy": 0, "name": 1, "partial": 2, "called": 3, "demonym": 4, "surname": 5}
"""Which of two forms the same words rather are."""
MOST_WORDS: Final = 8
_TIES: Final = frozenset(("-", "‐", "‑", "\u200c", "־"))

ARTICLES: Final = frozenset(
    "al el ul as ash ar an ad at az adh ath es eş ez ed en et er ال "
    "аль эль ас аш ан ад ат аз ар ер אל א ئەل يهل".split()
)
"""Words that are the Arabic article where they stand beside a name: skipped between its words."""
_LATIN_ARTICLE_KEPT: Final = frozenset(("an", "en", "as", "at", "er", "et", "ed", "es", "ad", "ar", "א"))
"""Of those, the ones that are words of their own in some language: the article only with a hyphen behind it."""

_CONNECTORS: Final = frozenset(
    "bin ibn ben bint abu abou ebu abd abdel abdul abdal abdur von van der den de da di du le la dos del bar "
    "بن ابن أبو ابو أبي ابي عبد بنت ام أم فون فان دي دا بو آل בן אבו עבד בר פון בת бин бен абу ибн фон ван дер де "
    "абд بین ئەبو عەبد".split()
)
CONNECTORS: Final = frozenset(map(fold, _CONNECTORS))
"""Words inside names that no language writes with a capital."""
_JOINED_START = re.compile(
    "^(abd(?:[eoua]l|[uo]r)?|abu|abou|ebu|amir|emir|mohamm?[ae]d|muhamm?[ae]d|mehmed|"
    "ali|gholam|seyf|nur|nasr|hezb|ben|bin|"
    "عبد|عبدال|أبو|ابو|أمير|امير|محمد|علي|غلام|سيف|نور|نصر|حزب|بن)$"
)
_JOINED_END = re.compile(
    "^(allah|ullah|ollah|ud?din|eddin|aldin|oğlu|oglu|ogly|oghlu|zadeh?|zade|nejad|nezhad|pour|pur|far|nia|khah|doust|yan|"
    "الله|اللهيان|اللهيان|الدين|أوغلو|اوغلو|أوغلي|زاده|نژاد|نجاد|پور|بور|نيا|خواه|ياهو|جان|خان|أوغلو)$"
)
_SPLITS: Final = tuple(
    re.compile(pattern)
    for pattern in (
        "^(.{3,})(oğlu|oglu|ogly|oghlu|أوغلو|اوغلو)$",
        "^(abd)([eoua]l.{3,})$",
        "^(abd)[eoua]l(.{4,})$",
        "^(abd)[eoua]l()$",
        "^(abu|ebu)(.{4,})$",
        "^(عبد)(.{4,})$",
        "^([اأ]بو)(.{3,})$",
        "^(.{3,})(allah|ullah|ollah)$",
        "^(.{3,})(الله)$",
        "^(.{3,})(yahu|ياهو)$",
        "^(.{4,})(nejad|nezhad|zadeh|zade|نژاد|نجاد|زاده)$",
    )
)
_ORDINAL = re.compile("^(?:[IVX]+|الأول|الاول|الثاني|الثالث|الرابع|الخامس|السادس|دوم|سوم|ششم|השני|השישי|השלישי)$")
"""The end of a ruler's name, which is no surname."""
_FAMILY_NAME_FIRST: Final = frozenset(("CN", "KR", "KP", "VN", "TW", "HK", "HU"))


_INFLECTIONS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    # Language: pairs of an ending and what takes its place; the word itself is always one of its forms.
    "ar": (("ي", "ية"), ("ي", "يون"), ("ي", "يين"), ("ي", "يات"), ("ي", "يان"), ("ي", "يتين"), ("ي", "يتان"),
    ("ي", "يا")),
    "fa": (("ی", "یان"), ("ی", "یها")),
    "he": (("י", "ית"), ("י", "ים"), ("י", "יים"), ("י", "יות"), ("י", "ייה")),
    "en": (("", "s"), ("", "es")),
    "fr": (("", "s"), ("", "e"), ("", "es"), ("en", "enne"), ("en", "ennes"), ("c", "que"), ("c", "cs"), ("",
    "ne"), ("", "nes")),
    "es": (("o", "a"), ("o", "os"), ("o", "as"), ("", "es"), ("", "s"), ("és", "esa"), ("és", "eses"), ("és",
    "esas"), ("án", "ana"), ("ol", "ola")),
    "de": tuple(("", end) for end in ("e", "er", "en", "es", "em", "n", "s", "in", "innen")),
    "ku": (("", "yan"), ("", "ên"), ("", "an")),
    "ps": (("ي", "یان"), ("ي", "ۍ"), ("ي", "یو")),
    "ckb": (("", "ەکان"), ("", "یەکان")),
    "ru": (("иец", "ийцы"), ("нец", "нцы"), ("нин", "не")),
    "uk": (("ієць", "ійці"), ("нець", "нці"), ("нин", "ни")),
}  # fmt: skip
"""How an adjective or the word for a people is bent, where the ending is not taken off in the article (`affixes`)."""


def inflected(word: str, language: str) -> list[str]:
    """Return a demonym with its regular feminine and plural forms."""
    forms = [word]
    for end, other in _INFLECTIONS.get(language, ()):
        if word.endswith(end):
            forms.append(word[: len(word) - len(end)] + other)
    return list(dict.fromkeys(forms))


_SHORTEST_WITHOUT_ARTICLE: Final = 4
_SHORTEST_SURNAME: Final = 3
"""A shorter one (بی, Xi) is every other word of some language."""


class Word(NamedTuple):
    """One word of a name as written, and whether a hyphen (or a zero-width non-joiner) ties it to the word before."""

    text: str
    tied: bool


class Cut(NamedTuple):
    """One way to cut a name into words."""

    words: tuple[str, ...]
    form: Form


@lru_cache(maxsize=2_048)
def words_of(name: str, language: str) -> list[Word]:
    """Return the words of `name`, as the tokens of an article would be."""
    folded = folded_words(language)
    found: list[Word] = []
    last_end = 0
    for match in word_pattern(name, language).finditer(name):
        text = match[0]
        if folded[text]:  # a word of nothing but marks is no token
            start, end = match.span()
            found.append(Word(text, bool(found) and name[last_end:start] in _TIES))
            last_end = end
    return found[:MOST_WORDS]


def is_article(word: str, tied_to_next: bool = True) -> bool:
    """Return whether `word` (folded) is the Arabic article in some spelling; some need a hyphen behind them to be
    one."""
    return word in ARTICLES and (tied_to_next or word not in _LATIN_ARTICLE_KEPT)


def plain_cuts(name: str, language: str) -> Iterator[Cut]:
    """Yield the words of a name that is met as it is written (an organisation's, a translated place's)."""
    words = words_of(name, language)
    yield Cut(tuple(word.text for word in words), "name")
    joined = _join_ties(words)
    if len(joined) != len(words):
        yield Cut(joined, "name")


def person_cuts(name: str, language: str, country: str | None = None) -> Iterator[Cut]:
    """Yield every way in which a person's name may stand in an article, each once, the fullest first."""
    words = _without_articles(words_of(name, language))
    if not words:
        return
    seen: set[tuple[str, ...]] = set()
    for cut in _person_cuts(words, country):
        if cut.words and cut.words not in seen:
            seen.add(cut.words)
            yield cut


def place_cuts(name: str, language: str) -> Iterator[Cut]:
    """Yield the ways to cut a place's name, which has no parts that may be left out."""
    all_words = words_of(name, language)
    words = _without_articles(all_words)
    if len(words) == 1 and len(words) < len(all_words) and len(words[0].text) < _SHORTEST_WITHOUT_ARTICLE:
        words = all_words  # al-Bab without its article is a word of many languages
    seen: set[tuple[str, ...]] = set()
    for texts in _joinings([(word.text, word.tied) for word in words]):
        if texts not in seen:
            seen.add(texts)
            yield Cut(texts, "name")


def _person_cuts(words: list[Word], country: str | None) -> Iterator[Cut]:
    pairs = [(word.text, word.tied) for word in words]
    for texts in _joinings(pairs):
        yield Cut(texts, "name" if _is_whole(pairs) else "called")
    first = _surname_start(pairs, country)
    if first is None:
        return
    given, surname = _given_names(pairs[:first]), pairs[first:]
    if len(given) > 1:  # Recep Tayyip Erdoğan is Recep Erdoğan and Tayyip Erdoğan
        for name in given:
            if name == surname:  # Bibi Bibi is nobody
                continue
            for texts in _joinings([*name, *surname]):
                yield Cut(texts, "partial")
    for texts in _joinings(surname):
        if len("".join(texts)) >= _SHORTEST_SURNAME:
            yield Cut(texts, "surname")
    last, tied = surname[-1]
    if len(surname) > 1 and tied and len(last) >= 6:  # Amir-Abdollahian is also met as Abdollahian
        yield Cut((last,), "surname")


def _surname_start(pairs: list[tuple[str, bool]], country: str | None) -> int | None:
    """The index of the first word of the surname; None for a single name and where the family name leads."""
    if len(pairs) < 2 or country in _FAMILY_NAME_FIRST or _ORDINAL.match(pairs[-1][0]):
        return None
    first = len(pairs) - 1
    while first > 1 and (
        pairs[first][1]
        or fold(pairs[first - 1][0]) in CONNECTORS
        or _JOINED_END.match(pairs[first][0].lower()) is not None
    ):
        first -= 1
    return first if _is_whole(pairs) else None


def _is_whole(pairs: list[tuple[str, bool]]) -> bool:
    """Whether a name has a given name and a surname, and is not one of two words (نصر الله, Abu Obeida)."""
    if len(pairs) > 2:
        return True
    if len(pairs) < 2:
        return False
    return not pairs[1][1] and fold(pairs[0][0]) not in CONNECTORS and _JOINED_END.match(pairs[1][0].lower()) is None


def _given_names(pairs: list[tuple[str, bool]]) -> list[list[tuple[str, bool]]]:
    """Group the words before a surname into names: عبد الفتاح and فخر الدين are one each."""
    found: list[list[tuple[str, bool]]] = []
    for text, tied in pairs:
        after_connector = bool(found) and fold(found[-1][-1][0]) in CONNECTORS
        if found and (after_connector or _JOINED_END.match(text.lower())):
            found[-1].append((text, tied))
        else:
            found.append([(text, tied)])
    return [name for name in found if fold(name[-1][0]) not in CONNECTORS]


def _joinings(pairs: list[tuple[str, bool]]) -> list[tuple[str, ...]]:
    """Every sensible way to write the words together or apart; as given first."""
    found: list[tuple[str, ...]] = [()]
    for text, tied in pairs:
        grown: list[tuple[str, ...]] = []
        for done in found:
            grown += [(*done, *pieces) for pieces in _split(text)]
            if done and (tied or _JOINED_START.match(done[-1].lower()) or _JOINED_END.match(text.lower())):
                grown.append((*done[:-1], done[-1] + text.lower()))
        found = grown[:16]
    return found


def _split(text: str) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = [(text,)]
    lower = text.lower()
    for pattern in _SPLITS:
        match = pattern.match(lower)
        if match is not None:
            second = match.group(2)
            found.append((text[: match.end(1)], second) if second else (text[: match.end(1)],))
            if second.startswith("ال") and len(second) > 5 and not second.startswith("الله"):
                found.append((text[: match.end(1)], second[2:]))
    return found


def _without_articles(words: list[Word]) -> list[Word]:
    kept = []
    for position, word in enumerate(words):
        follows_tied = position + 1 < len(words) and words[position + 1].tied
        is_upper = script_of(word.text) in ("latin", "cyrillic") and word.text.isupper()
        if position + 1 < len(words) and is_article(fold(word.text), follows_tied) and not is_upper:
            continue
        # `ash-Sharaa`: the hyphen ties the name to the article that was dropped, not to the word before.
        kept.append(Word(word.text, word.tied and not (position and is_article(fold(words[position - 1].text)))))
    return kept


def _join_ties(words: list[Word]) -> tuple[str, ...]:
    joined: list[str] = []
    for word in words:
        if word.tied and joined:
            joined[-1] += word.text
        else:
            joined.append(word.text)
    return tuple(joined)
