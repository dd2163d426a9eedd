"""Which language a text is in: script first, then n-grams and what only one language of the script writes.

sample    = the article's own text, without addresses, mark-up and boilerplate
script    = the majority of its letters; many scripts have one language, and that is the answer
features  = n-gram scores (eldc), everyday words, letters that a language has or lacks, endings
guess     = the most probable by a small log-linear model, pycld2 asked for a second opinion where it is in doubt

Works on RAW text: folding letters first would make Persian and Arabic alike.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import islice
from math import exp, log
from operator import itemgetter
from typing import NamedTuple, Protocol
from unicodedata import normalize

from streams.text.evidence import Weighed, WordEvidence, count_words, evidence_by_script, sum_of
from streams.text.loglinear import load_language_models
from streams.text.neighbours import standard_of
from streams.text.ngrams import Cld2Model, NgramModel, load_model
from streams.text.sample import sample_of, without_names, without_points
from streams.text.scripts import LATIN_RUN, is_shared_by_few, languages_by_words, letters_by_script

_FEWEST_LETTERS = 3
_IN_DOUBT = 0.9
"""Below this probability the second model is asked: 25 times the cost, for a tenth of the titles."""
_NO_GUESS = 0.3
"""Below this probability no language is named."""
_DECLARED = 1.5
"""What a feed's own claim adds to a language's log-odds: it decides between neighbours, never against the text."""
_ONE_SCRIPT = 0.98
"""How sure a script is that has one language; rarer languages share most of them."""
_CHAT_DIGITS = re.compile(
    r"\b(?!\d+(?:st|nd|rd|th|er|e|de|da|ta|te|[a-z]{1,2})\b)[a-z]*[23579][a-z]{2,}|\b[a-z]{2,}[23579](?=[a-z]|\b)(?<!covid19)"
)
"""Digits for letters (`3am`, `sba7`): Arabic or Persian in Latin letters, which no model of ours knows."""
_SENTENCE_LETTERS = 60
"""So many letters of another script are a sentence, not a name."""
_ARTICLE_SHARE = 0.4
"""An article in another script has at least so many letters for each (half-counted) Latin one of the page around it."""
_MENU_SHARE = 0.3
"""More capitalised words than this are a menu, or names; prose in Latin letters has fewer."""
_FEW_WORDS = 3
_NAMES_ONLY = 0.85
"""The most a text of a few words can score when none of them is an everyday word: it may be a name."""
_A_TITLE = 6
"""Words of a text so short that a feed's claim is taken where nothing else is known."""
_NOTHING = (0.0, 0.0)
_EVIDENCE_LENGTH = 400
"""Words and letters of so many characters say all that they can say."""
_CASED = frozenset(("latin", "cyrillic"))
_CHAT_LETTERS, _CHAT_SCORE = 200, 0.8
_CLEAR = {"latin": (0.88, 0.6), "arabic": (0.94, 0.2), "cyrillic": (0.9, 0.25)}
"""By script: the n-gram score, and the lead over the next language times the log of the letters, that leave no doubt:
no mistake among 6,700 of 20,000 labelled short texts."""
_NEVER = (2.0, 0.0)
_BACKED = {
    "latin": ((0.75, 0.3, 1.0), (0.8, 0.6, 0.0)),
    "arabic": ((0.8, 0.1, 0.5),),
    "cyrillic": ((0.85, 0.05, 1.0), (0.88, 0.2, 0.3)),
}
"""By script: n-gram score, lead as above, and lead in words over all languages that the n-grams do not know; one of
these is enough. Four mistakes among 10,000 labelled short texts, Afrikaans and Galician in words that they share."""
_NEVER_CLEAR = frozenset(("hr", "ms", "sr", "nl", "es", "pt", "ca"))
"""Languages with a close neighbour that the n-gram model does not know …"""
_BACKED_BY_WORDS = frozenset(("es", "pt", "ca"))
"""… of which these can be told by a word of theirs."""
_STRANGE = 0.7
"""A text with a lower n-gram score may be in letters that only look like letters."""
_CLEAR_LETTERS = 16
_SURE_LEAD = 0.02
_CLEAR_PROBABILITY = 0.998
_STANDARDS = {"hr": frozenset(("hr", "sr", "bs")), "ms": frozenset(("id", "ms"))}
_MODELLED_AS = {"sr": "hr", "bs": "hr", "id": "ms"}
"""Standards in Latin letters that the model has as one language; `neighbours.standard_of` tells them apart."""
_CLAIMED_IN_SCRIPT = {("arabic", "ku"): "ckb", ("cyrillic", "uz"): "uz-Cyrl"}
_FEW_SHARE_EDGE, _FEW_SHARE_OPINION = 300.0, 3.0
"""Weights, as log-odds, of eldc's tiny differences and of pycld2's answer for scripts that few languages share."""
_TAGS = {"ku-Arab": "ku", "uz-Cyrl": "uz"}
_DECLARED_AS = {
    "iw": "he", "ji": "yi", "in": "id", "nb": "no", "nn": "no", "sh": "sr", "prs": "fa", "pes": "fa", "kmr": "ku",
    "arb": "ar", "ary": "ar", "arz": "ar", "apc": "ar", "fil": "tl", "cmn": "zh", "uig": "ug", "pbt": "ps", "azj": "az",
}  # fmt: skip


class LanguageGuess(NamedTuple):
    """A BCP 47 code (`und` where it cannot be known) and how sure it is, from 0 to 1."""

    code: str
    score: float


class LanguageIdentifier(Protocol):
    """Anything that tells the language of a raw (unfolded) text."""

    def identify(self, text: str, *, title: str = "", declared: str | None = None) -> LanguageGuess:
        """Return the language of `text` with its `title`; `declared` is what the feed claims."""
        ...


UNKNOWN = LanguageGuess("und", 0.0)


class CombinedIdentifier:
    """Script, n-grams and evidence together. Knows some 75 languages."""

    def __init__(self, model: NgramModel | None = None) -> None:
        self._ngrams = model or load_model()
        self._second: NgramModel | None = None
        self._evidence = evidence_by_script()
        self._models = load_language_models()

    def identify(self, text: str, *, title: str = "", declared: str | None = None) -> LanguageGuess:
        """Return the language of `text` with its `title`; `declared` is what the feed claims.

        A claim is evidence, not truth: it tips the scales for a short or ambiguous text. Any string is accepted.
        """
        sample = sample_of(text, title)
        by_script = letters_by_script(sample)
        if not by_script:
            return UNKNOWN
        script = max(by_script, key=by_script.__getitem__)
        if script == "latin" and len(by_script) > 1:
            script = self._script_of_prose(by_script, sample)
        letters = int(by_script[script])
        if letters < _FEWEST_LETTERS:
            return UNKNOWN
        if script not in self._models:
            return self._guess_by_script(script, sample)
        return self._guess(script, sample, letters, declared)

    def _guess_by_script(self, script: str, sample: str) -> LanguageGuess:
        if not is_shared_by_few(script):
            return LanguageGuess(script, _ONE_SCRIPT)
        found = languages_by_words(script, sample)
        scores = self._ngrams.scores(script, sample)
        top = max(scores.values(), default=0.0)
        for code, score in scores.items():
            found[code] = found.get(code, 0.0) + _FEW_SHARE_EDGE * (score - top)
        for code, score in self._second_opinion(script, sample).items():
            if code in found:
                found[code] += _FEW_SHARE_OPINION * score
        return LanguageGuess(*_best(found, ""))

    def _second_opinion(self, script: str, sample: str) -> dict[str, float]:
        if self._second is None:
            self._second = Cld2Model()
        return self._second.scores(script, sample)

    def _script_of_prose(self, by_script: dict[str, float], sample: str) -> str:
        """Return the script of the article where Latin letters are the most: a menu around it has no sentences."""
        latin = by_script["latin"]
        script, letters = max(
            ((name, count) for name, count in by_script.items() if name != "latin"), key=itemgetter(1)
        )
        if letters < _SENTENCE_LETTERS or letters < _ARTICLE_SHARE * latin:
            return "latin"
        words = LATIN_RUN.findall(sample)
        capitalised = sum(word[0].isupper() for word in words)
        return script if capitalised > _MENU_SHARE * len(words) else "latin"

    def _guess(self, script: str, sample: str, letters: int, declared: str | None) -> LanguageGuess:
        if "İ" in sample:  # the one sign that I is dotless here too
            sample = sample.replace("I", "ı").replace("İ", "i")
        if script not in _CASED:
            sample = without_points(sample)
        scores = self._ngrams.scores(script, sample)
        if max(scores.values(), default=0.0) < _STRANGE:
            plainer = normalize("NFKC", sample)
            if plainer != sample:  # presentation forms, full width
                sample, scores = plainer, self._ngrams.scores(script, plainer)
        model = self._models[script]
        evidence = self._evidence[script]
        if len(scores) > 1 and letters >= _CLEAR_LETTERS:
            (best, top), (_, next_score) = islice(scores.items(), 2)
            lead = top - next_score
            lead_by_length = lead * log(letters)
            if _is_clear(script, best, top, lead_by_length):
                return LanguageGuess(best, _CLEAR_PROBABILITY)
            sample = sample[:_EVIDENCE_LENGTH]
            lower = sample.lower()
            if lead >= _SURE_LEAD and model.is_sure(best, top, lower):
                return LanguageGuess(best, _CLEAR_PROBABILITY)
            words = evidence.words(lower)
            if _is_backed(script, best, top, lead_by_length, words):
                return LanguageGuess(best, _CLEAR_PROBABILITY)
        else:
            lower = sample.lower()
            words = evidence.words(lower)

        sums = sum_of(words)
        if sums and letters >= _CLEAR_LETTERS:
            by_words = model.sure_by_words(sums, lower)
            if by_words:
                return LanguageGuess(_TAGS.get(by_words, by_words), _CLEAR_PROBABILITY)
        weighed = Weighed(sums, count_words(lower))
        plain = without_names(sample) if script in _CASED else lower
        claim = self._claim(declared, script) if declared else ""
        claimed = _MODELLED_AS.get(claim, claim) if script == "latin" else claim
        best, probability = _best(model.log_odds(scores, weighed, plain, letters, claim=claimed), claimed)
        if probability < _IN_DOUBT:
            second = self._second_opinion(script, sample)
            best, probability = _best(model.log_odds(scores, weighed, plain, letters, second, claimed), claimed)

        is_strange = script == "latin" and letters < _CHAT_LETTERS and max(scores.values(), default=0.0) < _CHAT_SCORE
        if is_strange and _CHAT_DIGITS.search(lower):
            return UNKNOWN
        if probability < _NO_GUESS or best in ("und", "other"):
            return LanguageGuess(_TAGS.get(claim, claim), _NO_GUESS) if claim and weighed.words <= _A_TITLE else UNKNOWN
        if script == "latin" and best in _STANDARDS:
            best = claim if claim in _STANDARDS[best] else standard_of(best, lower)
        if weighed.words <= _FEW_WORDS and weighed.by_language.get(best, _NOTHING)[0] == 0:
            probability = min(probability, _NAMES_ONLY)
        return LanguageGuess(_TAGS.get(best, best), round(probability, 3))

    def _claim(self, declared: str, script: str) -> str:
        """Return the language that `declared` claims, by our code; nothing if it is not written in `script`."""
        code = declared.replace("_", "-").split("-")[0].strip().lower()
        code = _DECLARED_AS.get(code, code)
        code = _CLAIMED_IN_SCRIPT.get((script, code), code)
        is_known = code in self._evidence[script].alphabets or (script == "latin" and code in _MODELLED_AS)
        return code if is_known else ""


def _is_clear(script: str, best: str, score: float, lead: float) -> bool:
    """Tell whether the n-grams alone leave no doubt: saves two thirds of the time."""
    least_score, least_lead = _CLEAR.get(script, _NEVER)
    return score >= least_score and lead >= least_lead and best not in _NEVER_CLEAR


def _is_backed(script: str, best: str, score: float, lead: float, words: list[WordEvidence]) -> bool:
    """Tell whether the n-grams lead clearly among the languages that they know, and the words among the others."""
    if script not in _BACKED or (best in _NEVER_CLEAR and best not in _BACKED_BY_WORDS):
        return False
    words_lead = sum([leads.get(best, otherwise) for _, leads, otherwise in words])
    for least_score, least_lead, least_words in _BACKED[script]:
        if score >= least_score and lead >= least_lead and words_lead >= least_words:
            return least_words > 0 or best not in _NEVER_CLEAR
    return False


def _best(log_odds: dict[str, float], claim: str) -> tuple[str, float]:
    if claim in log_odds:
        log_odds[claim] += _DECLARED
    best = max(log_odds, key=log_odds.__getitem__)
    peak = log_odds[best]
    total = sum([exp(value - peak) for value in log_odds.values()])
    return best, 1 / total


@cache
def default_identifier() -> LanguageIdentifier:
    """Return the identifier of this process; its tables are loaded once, on the first call."""
    return CombinedIdentifier()
