"""Decides which candidates are mentions: what a word alone may mean, and who bears witness for it in the article."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Final

from streams.definitions import EntityDefinition
from streams.entities import lexicon
from streams.entities.affixes import bases
from streams.entities.names import FORM_RANK
from streams.entities.scan import Candidate, Found, Text
from streams.entities.sounds import CASED, prepare, script_of
from streams.entities.vocabulary import ALONE_AT_START, ALONE_CASED, ALONE_UNCASED, WITNESSED, within
from streams.text.document import Document
from streams.text.fold import fold
from streams.text.tokens import tokenize
from streams.text.variants import variants_table

SURE_CONSONANTS: Final = 3.0
"""A surname of fewer, standing alone, wants the article to speak of its bearer's country."""
SURE_BY_SOUND: Final = 5.0
SURE_IN_NEW_SCRIPT: Final = 4.0
SURE_DISTANCE: Final = 0.04
"""A word that only sounds like a name counts without a mention of the country with so many consonants, so near;
with fewer in Latin or Cyrillic script when no spelling there is known that it could have been instead."""
_TIE: Final = 0.03
"""Two entities whose spellings are no further apart than this from a word are both meant by it."""
_SON_OF: Final = frozenset(("بن", "ابن", "bin", "ibn", "ben", "бин", "бен", "ибн", "בן"))
_BESIDE: Final = (" ", "-", "\u200c")


class Judge:
    """Opens one case per article."""

    def __init__(self, definitions: Sequence[EntityDefinition]) -> None:
        self.definitions = definitions
        self.near = [tuple(tuple(tokenize(phrase).terms) for phrase in definition.near) for definition in definitions]
        self.roles = [
            tuple(tuple(tokenize(role).terms) for roles in definition.roles.values() for role in roles)
            for definition in definitions
        ]
        ambiguous = lexicon.words("ambiguous")
        self.has_plain_names = [
            any(fold(name) in ambiguous for names in definition.names.values() for name in names)
            for definition in definitions
        ]
        """Whether some names of the entity are listed as ambiguous, so that the others need no witness."""
        numbers = {definition.id: number for number, definition in enumerate(definitions)}
        self.near_entities = [
            frozenset(numbers[word] for word in definition.near if word in numbers and word != definition.id)
            for definition in definitions
        ]
        self.by_country: dict[str, int] = {
            definition.country: number
            for number, definition in enumerate(definitions)
            if definition.kind == "country" and definition.country
        }

    def open(self, document: Document, family: str) -> Case:
        """Begin with one article."""
        return Case(self, document, family)


class Case:
    """One article: first it is heard whole, then its candidates are decided."""

    def __init__(self, judge: Judge, document: Document, family: str) -> None:
        self._judge = judge
        self._document = document
        self._family = family
        self._named: set[int] = set()
        self._full_names: dict[int, list[tuple[Text, int]]] = {}
        self._heard: set[int] = set()

    def hear(self, found: Found) -> None:
        """Note whom a field names in full, in which spelling, and what else it speaks of."""
        text = found.text
        self._heard.update(found.plain.values())
        for candidate in found.candidates:
            if self._follows_son_of(text, candidate):
                continue
            if candidate.is_exact or candidate.words > 1:
                self._heard.add(candidate.entity)
            if candidate.words > 1 and candidate.form in ("name", "partial"):
                self._named.add(candidate.entity)
                self._full_names.setdefault(candidate.entity, []).append((text, candidate.end - 1))

    def decide(self, found: Found) -> list[tuple[int, int, int]]:
        """Return the mentions of one field, in order: first token, one past the last, entity."""
        text = found.text
        plain = found.plain
        if self._family == "other":
            plain = {at: entity for at, entity in plain.items() if not self._is_namesake(text, at + 1)}
        spans: dict[tuple[int, int], list[Candidate]] = {}
        for candidate in found.candidates:
            if self._is_believed(text, candidate) and not self._is_namesake(text, candidate.end):
                spans.setdefault((candidate.start, candidate.end), []).append(candidate)
        mentions: list[tuple[int, int, int]] = []
        taken: set[int] = set()
        for start, end in sorted(spans, key=lambda span: (span[0] - span[1], span[0])):
            positions = range(start, end)
            if not taken.isdisjoint(positions):
                continue
            believed = spans[start, end]
            if end - start == 1 and start in plain:
                believed.insert(0, Candidate.of(start, end, text.meanings[start].singles[0]))
            winner = believed[0] if len(believed) == 1 else self._winner(believed)
            taken.update(positions)
            if winner is not None and winner.form != "decoy":
                mentions.append((start, end, winner.entity))
        mentions += [(at, at + 1, entity) for at, entity in plain.items() if at not in taken]
        mentions.sort()
        return mentions

    def _winner(self, believed: list[Candidate]) -> Candidate | None:
        """Of all that the same words may name: the one they name best, or of several the one that the article
        speaks for."""
        believed.sort(key=_goodness)
        best = believed[0]
        rivals = [
            other
            for other in believed
            if other.entity != best.entity
            and other.is_exact == best.is_exact
            and FORM_RANK[other.form] <= FORM_RANK[best.form]
            and other.distance <= best.distance + (0.0 if best.is_exact else _TIE)
        ]
        if not rivals or best.form == "decoy":
            return best
        rivals.insert(0, best)
        for witness in (self._is_named, self._has_near_words, self._has_country):
            chosen = {rival.entity for rival in rivals if witness(rival.entity)}
            if len(chosen) == 1:
                return next(rival for rival in rivals if rival.entity in chosen)
        return None

    def _is_believed(self, text: Text, candidate: Candidate) -> bool:
        form = candidate.form
        if form in ("demonym", "decoy"):
            return True
        if self._follows_son_of(text, candidate):
            return False
        if form == "surname" or (form == "called" and candidate.words == 1):
            return self._is_surname(text, candidate)
        if candidate.words > 1 or form != "name":
            return True
        return self._is_single_name(text, candidate)

    def _is_single_name(self, text: Text, candidate: Candidate) -> bool:
        if self._judge.near[candidate.entity] and not self._has_near_words(candidate.entity):
            if not self._judge.has_plain_names[candidate.entity] or self._is_ambiguous_as_it_is(text, candidate):
                return False
        if candidate.is_exact:
            # وأم, "and the mother of", is a word of its own, and need not be و and the agency وام; a state's name with
            # an ending is its adjective.
            if candidate.distance == 0 or self._judge.definitions[candidate.entity].kind == "country":
                return True
            return text.tokens.terms[candidate.start] not in lexicon.words("ambiguous")
        return self._is_distinct(text, candidate) and not self._is_ambiguous(text, candidate)

    def _is_namesake(self, text: Text, end: int) -> bool:
        """Whether a place is an American town of that name: `Lebanon, Ohio`."""
        if self._family != "other" or end >= len(text.words):
            return False
        if text.tokens.terms[end] not in lexicon.words("american_states"):
            return False
        return text.words[end][0].isupper() and text.gap(end) == ", "

    def _is_distinct(self, text: Text, candidate: Candidate) -> bool:
        """Whether a word that only sounds like the name can hardly be anything else."""
        if script_of(text.words[candidate.start]) not in CASED:
            limits = ALONE_UNCASED
        elif text.is_headline or text.begins_sentence(candidate.start):
            limits = ALONE_AT_START
        else:
            limits = ALONE_CASED
        if not within(limits, candidate.consonants, candidate.distance):
            return False
        least = SURE_IN_NEW_SCRIPT if candidate.is_new_script and limits is not ALONE_UNCASED else SURE_BY_SOUND
        sure = candidate.consonants >= least and candidate.distance <= SURE_DISTANCE
        return sure or self._has_country(candidate.entity)

    def _is_surname(self, text: Text, candidate: Candidate) -> bool:
        if candidate.is_exact and self._follows_role(text, candidate):
            return True
        if self._follows_another_given_name(text, candidate) or self._is_inside_another_name(text, candidate):
            return False
        if self._is_named(candidate.entity):
            return self._is_witnessed(text, candidate)
        if self._is_ambiguous(text, candidate) or self._is_given_name(text, candidate):
            return candidate.form == "called" and candidate.is_exact and self._has_country(candidate.entity)
        if not candidate.is_exact:
            return self._is_distinct(text, candidate)
        if candidate.form == "called":
            return candidate.consonants > 1
        sure = candidate.consonants >= SURE_CONSONANTS
        if script_of(text.words[candidate.start]) in CASED:
            return sure or self._has_country(candidate.entity)
        return sure and self._has_country(candidate.entity)

    def _is_witnessed(self, text: Text, candidate: Candidate) -> bool:
        """Whether a surname is that of somebody whom the article names in full, there in the same spelling."""
        if script_of(text.words[candidate.start]) in CASED:
            return candidate.distance <= WITNESSED
        if candidate.is_exact or self._is_distinct(text, candidate):
            return True
        if candidate.distance > WITNESSED:
            return False
        spelled = self._bases(text, candidate.end - 1)
        return any(not spelled.isdisjoint(self._bases(*place)) for place in self._full_names.get(candidate.entity, ()))

    def _is_named(self, entity: int) -> bool:
        return entity in self._named

    def _has_country(self, entity: int) -> bool:
        country = self._judge.definitions[entity].country
        if country is None:
            return False
        number = self._judge.by_country.get(country)
        return number is not None and number in self._heard and number != entity

    def _has_near_words(self, entity: int) -> bool:
        if not self._heard.isdisjoint(self._judge.near_entities[entity]):
            return True
        return any(all(term in self._vocabulary for term in phrase) for phrase in self._judge.near[entity])

    @cached_property
    def _vocabulary(self) -> frozenset[str]:
        table = variants_table(self._document.language)
        terms = frozenset(self._document.title.terms).union(self._document.text.terms)
        return terms.union(*map(table.__getitem__, terms))

    def _is_ambiguous(self, text: Text, candidate: Candidate) -> bool:
        word = text.meanings[candidate.start]
        return candidate.end - candidate.start == 1 and word.is_ambiguous

    def _is_ambiguous_as_it_is(self, text: Text, candidate: Candidate) -> bool:
        """The same for a name met to the letter: الرياض is no ordinary word, though رياض is."""
        if candidate.is_exact and candidate.distance == 0:
            return text.tokens.terms[candidate.start] in lexicon.words("ambiguous")
        return self._is_ambiguous(text, candidate)

    def _is_given_name(self, text: Text, candidate: Candidate) -> bool:
        word = text.meanings[candidate.start]
        return candidate.end - candidate.start == 1 and word.is_given

    def _follows_son_of(self, text: Text, candidate: Candidate) -> bool:
        """Whether a person's name is only somebody's father's: محمد بن سلمان بن عبد العزيز is not Salman."""
        before = candidate.start - 1
        if before < 1 or text.tokens.terms[before] not in _SON_OF:
            return False
        return self._judge.definitions[candidate.entity].kind == "person" and text.gap(candidate.start) == " "

    def _follows_role(self, text: Text, candidate: Candidate) -> bool:
        """Whether the definition's word for what the bearer is stands before the name: «وزير الدفاع التركي أكار»."""
        terms, start = text.tokens.terms, candidate.start
        for role in self._judge.roles[candidate.entity]:
            first = start - len(role)
            if role and first >= 0 and terms[first].endswith(role[0]) and tuple(terms[first + 1 : start]) == role[1:]:
                return True
        return False

    def _follows_another_given_name(self, text: Text, candidate: Candidate) -> bool:
        before = candidate.start - 1
        if before < 0 or text.gap(candidate.start) not in _BESIDE:
            return False
        word = text.meanings[before]
        if word.is_article and before > 0 and text.gap(before) in _BESIDE:
            word = text.meanings[before - 1]  # Maher al-Assad
        return word.is_given

    def _is_inside_another_name(self, text: Text, candidate: Candidate) -> bool:
        """Whether a capitalised word beside a surname makes it somebody else's (Josh Kushner, Jeffrey Cranor).

        Only inside a sentence, where a capital tells a name, and not in German, which gives one to every noun. A title
        (President, Bakanı) or a word that is an entity's is no part of a name.
        """
        start, end = candidate.start, candidate.end
        if text.is_headline or self._document.language == "de" or script_of(text.words[start]) not in CASED:
            return False
        if start > 0 and not text.begins_sentence(start - 1) and text.gap(start) == " ":
            if self._is_unknown_name(text, start - 1):
                return True
        if candidate.form == "called" or self._is_named(candidate.entity) or end >= len(text.words):
            return False
        return text.gap(end) == " " and self._is_unknown_name(text, end)

    def _is_unknown_name(self, text: Text, position: int) -> bool:
        word, meaning = text.words[position], text.meanings[position]
        if len(word) < 2 or not word[0].isupper() or word.isupper() or meaning.is_article or meaning.singles:
            return False
        return text.tokens.terms[position].partition("'")[0] not in lexicon.words("titles")

    def _bases(self, text: Text, position: int) -> set[str]:
        word = text.words[position]
        script = script_of(word)
        return {fold(base) for base, _ in bases(prepare(word, script), script, self._family)}


def _goodness(candidate: Candidate) -> tuple[bool, int, float]:
    return not candidate.is_exact, FORM_RANK[candidate.form], candidate.distance
