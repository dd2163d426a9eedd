"""Alert rules to measure with, as analysts write them: a subject in its spellings, beside words that say what of it.

Nearly every rule is about someone or something. Of the first thousand, half are about shipped entities, by `entity:` or
by their names in one language; the others, and nine of ten after that, are about invented names, since a hundred
thousand rules are not about the same few hundred persons but about as many firms and places that few articles name. The
words beside them are those of the articles themselves, common ones included (the 30 most frequent of a language are
left out, as a writer of rules would); phrases are taken from the text, so that they do occur. 13 shapes, all operators,
twelve languages.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise

from bench.articles import sentences_by_language
from streams.definitions import EntityDefinition
from streams.text.tokens import tokenize

_STOP_WORDS = 30
_OF_THE_AFFAIR = 1_000
_INVENTED_AT_FIRST, _INVENTED_LATER = 0.5, 0.9


def rules(count: int, entities: Sequence[EntityDefinition], *, seed: int = 7) -> list[str]:
    """Return `count` rules; the first of them are the same whatever `count` is."""
    maker = _Maker(entities, seed)
    return [maker.rule() for _ in range(count)]


class _Maker:
    def __init__(self, entities: Sequence[EntityDefinition], seed: int) -> None:
        self._pick = random.Random(seed)
        self._entities = [entity.id for entity in entities]
        self._made = 0
        self._words: dict[str, list[str]] = {}
        self._phrases: dict[str, list[str]] = {}
        self._names: dict[str, list[str]] = {}
        for language, pairs in sentences_by_language().items():
            sentences = [sentence for _, sentence in pairs]
            counted = Counter(word for sentence in sentences for word in _written(sentence) if len(word) > 3)
            self._words[language] = [word for word, _ in counted.most_common()[_STOP_WORDS:]]
            self._phrases[language] = [
                f"{first} {second}" for sentence in sentences for first, second in pairwise(_written(sentence))
            ]
            names = [name for entity in entities for name in entity.names.get(language, ())]
            self._names[language] = names or [name for entity in entities for name in entity.names.get("en", ())]
        shapes = (
            (20, self._about), (8, self._about_not), (14, self._near), (4, self._before), (8, self._any_name),
            (7, self._in_title), (8, self._in_language), (8, self._signs), (6, self._phrase), (5, self._entities_both),
            (8, self._concepts), (2, self._exact), (2, self._counted),
        )  # fmt: skip
        self._shapes: list[Callable[[str], str]] = [shape for _, shape in shapes]
        self._weights = [weight for weight, _ in shapes]

    def rule(self) -> str:
        """Return the next rule."""
        self._made += 1
        language = self._pick.choice(sorted(self._words))
        return self._pick.choices(self._shapes, self._weights)[0](language)

    # What rules are made of

    def _word(self, language: str) -> str:
        words = self._words[language]
        return words[int(len(words) * self._pick.random() ** 2)]

    def _any(self, language: str, least: int = 2, most: int = 4) -> str:
        return " OR ".join(self._word(language) for _ in range(self._pick.randint(least, most)))

    def _invented(self, language: str) -> str:
        """Return a name of two words that no article need have, in the language's letters."""
        words = self._words[language]
        halves = [self._pick.choice(words) for _ in range(4)]
        first, second = (
            one[: (len(one) + 1) // 2] + other[len(other) // 2 :] for one, other in (halves[:2], halves[2:])
        )
        return f'"{first} {second}"'

    def _subject(self, language: str) -> str:
        if self._pick.random() < self._share_invented():
            return self._invented(language)
        if self._pick.random() < 0.3:
            return f"entity:{self._pick.choice(self._entities)}"
        return self._name(language)

    def _share_invented(self) -> float:
        return _INVENTED_AT_FIRST if self._made <= _OF_THE_AFFAIR else _INVENTED_LATER

    def _name(self, language: str) -> str:
        words = " ".join(_written(self._pick.choice(self._names[language]))) or "Rasad"
        return f'"{words}"' if " " in words else words

    def _spellings(self, language: str) -> str:
        if self._pick.random() < 0.5:
            return self._subject(language)
        return f"({self._subject(language)} OR {self._invented(language)} OR {self._subject(language)})"

    # Shapes

    def _about(self, language: str) -> str:
        return f"{self._spellings(language)} AND ({self._any(language)})"

    def _about_not(self, language: str) -> str:
        return f"{self._spellings(language)} AND ({self._any(language)}) AND NOT {self._word(language)}"

    def _near(self, language: str) -> str:
        return f"near/{self._pick.choice((5, 8, 15))}:({self._spellings(language)} ({self._any(language)}))"

    def _before(self, language: str) -> str:
        sign = self._pick.choice(("", ">"))
        subject = self._subject(language)
        if subject.startswith("entity:"):
            return f"before/{self._pick.choice((3, 6))}:({subject} {self._word(language)})"
        words = subject.strip('"').split()[:3]
        return f'"{" ".join(words)} {self._word(language)}"~{sign}{self._pick.choice((3, 6))}'

    def _any_name(self, language: str) -> str:
        others = self._pick.sample(sorted(self._names), 3)
        return " OR ".join([self._invented(language), *(self._invented(other) for other in others)])

    def _in_title(self, language: str) -> str:
        return f"title:({self._subject(language)} OR {self._invented(language)})"

    def _in_language(self, language: str) -> str:
        return f"lang:{language} AND {self._subject(language)} AND {self._word(language)}"

    def _signs(self, language: str) -> str:
        words = [self._word(language) for _ in range(3)]
        return f"+{self._subject(language)} +{words[0]} {words[1]}^2 -{words[2]}"

    def _phrase(self, language: str) -> str:
        phrase = self._pick.choice(self._phrases[language])
        return f'"{phrase}" AND ({self._any(language)}) AND {self._spellings(language)}'

    def _entities_both(self, language: str) -> str:
        first, second = self._pick.sample(self._entities, 2)
        if self._pick.random() < self._share_invented():
            return f"{self._invented(language)} AND (entity:{first} OR entity:{second})"
        return f"entity:{first} AND (entity:{second} OR {self._invented(language)})"

    def _concepts(self, language: str) -> str:
        beginning = self._word(language)[:4]
        groups = f"({self._any(language)}) AND ({self._any(language)}) AND ({beginning}* OR {self._word(language)})"
        return f"{groups} AND {self._subject(language)} min_score:2"

    def _exact(self, language: str) -> str:
        return f"exact:{self._word(language)} AND {self._subject(language)}"

    def _counted(self, language: str) -> str:
        return f"min_mentions/2:({self._subject(language)} OR {self._invented(language)}) AND ({self._any(language)})"


def _written(text: str) -> list[str]:
    """Return the words of `text` as they stand there, without what is an operator or a sign of the query language."""
    tokens = tokenize(text)
    words = [text[start:end] for start, end in zip(tokens.starts, tokens.ends, strict=True)]
    return [word for word in words if word.isalpha() and word.upper() not in ("AND", "OR", "NOT", "TO")]
