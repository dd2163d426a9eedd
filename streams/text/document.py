"""An article's words, as the matchers see it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

from streams.text.tokens import Tokens, tokenize
from streams.text.variants import variants_table


@dataclass(frozen=True, slots=True)
class Document:
    """Title and text of one article, tokenized in its language (BCP 47)."""

    title: Tokens
    text: Tokens
    language: str

    @staticmethod
    def of(title: str, text: str, language: str = "und") -> Document:
        """Return the document of `title` and `text`."""
        return Document(tokenize(title, language), tokenize(text, language), language)

    def index_terms(self) -> list[str]:
        """Return every key that a matcher may look up for this document, once: folded terms and all their variants."""
        terms = dict.fromkeys(chain(self.title.terms, self.text.terms))
        variants = map(variants_table(self.language).__getitem__, terms)
        return list(dict.fromkeys(chain(terms, chain.from_iterable(variants))))
