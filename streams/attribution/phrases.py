"""The words of credit lines, by language: `phrases.txt`, looked up by the first of their folded terms."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple, get_args

from streams.text.tokens import terms_of

PhraseKind = Literal[
    "before",
    "cite",
    "after",
    "view",
    "cite-after",
    "label",
    "kind",
    "many",
    "stop",
    "office",
    "object",
    "never",
    "and",
    "between",
]
_KINDS = get_args(PhraseKind)


class Phrase(NamedTuple):
    """One form: its terms, and all that it can be."""

    terms: tuple[str, ...]
    kinds: frozenset[str]


Phrases = dict[str, tuple[Phrase, ...]]
"""Forms by their first term, the longest first."""


@cache
def phrases_of(language: str) -> Phrases:
    """Return the forms of `language` (BCP 47), or those of all languages where there are none of its own."""
    code = {"azb": "fa", "und": ""}.get(language, language.partition("-")[0])
    tables = _tables()
    chosen = {code: tables[code]} if code in tables else tables
    kinds: dict[tuple[str, ...], set[str]] = {}
    for name, table in chosen.items():
        for kind, forms in table:
            for form in forms:
                terms = terms_of(form, name)
                kinds.setdefault(terms, set()).add(kind)
    phrases: dict[str, list[Phrase]] = {}
    for terms, found in kinds.items():
        phrases.setdefault(terms[0], []).append(Phrase(terms, frozenset(found)))
    return {first: tuple(sorted(forms, key=lambda form: -len(form.terms))) for first, forms in phrases.items()}


@cache
def _tables() -> dict[str, list[tuple[str, tuple[str, ...]]]]:
    tables: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
    for line in files(__package__).joinpath("phrases.txt").read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        head, _, forms = line.partition(": ")
        language, _, kind = head.partition(" ")
        if kind not in _KINDS:
            raise ValueError(f"phrases.txt: {kind!r} is no kind of phrase")
        tables.setdefault(language, []).append((kind, tuple(forms.split(" | "))))
    return tables
