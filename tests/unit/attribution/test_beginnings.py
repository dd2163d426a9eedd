"""Credits are looked for only where one may begin: looking everywhere finds nothing else."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.config_files import Faults
from agent.source_lists import load_sources
from streams.attribution import AttributionFinder, find
from streams.attribution.context import tables
from streams.attribution.names import SourceNames, begins_as_one, find_names, forms_of, heads_of
from streams.attribution.phrases import phrases_of
from streams.model import RawArticle
from streams.text.document import Document
from streams.text.tokens import terms_of, tokenize

LANGUAGES = ("ar", "fa", "tr", "ru", "he", "en", "ur", "ckb", "ku", "uk", "az", "de")
NOW = datetime(2023, 1, 1, tzinfo=UTC)


@cache
def finder() -> AttributionFinder:
    faults = Faults()
    sources = load_sources(Path("config"), faults)
    faults.check()
    return AttributionFinder(sources)


@cache
def words(language: str) -> list[str]:
    """Words of credits, the beginnings of them, and names of the language's sources."""
    phrases = [" ".join(phrase.terms) for forms in phrases_of(language).values() for phrase in forms]
    faults = Faults()
    names = [name for source in load_sources(Path("config"), faults) for name in source.names.get(language, ())]
    cut = [phrase.partition(" ")[0] for phrase in phrases if " " in phrase]
    return [*phrases, *cut, *names, "2023", "\n", ".", ":", ",", "(", ")", "«", "»", "-", "—"]


@given(data=st.data(), language=st.sampled_from(LANGUAGES))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_looking_everywhere_finds_nothing_else(
    data: st.DataObject, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = " ".join(data.draw(st.lists(st.sampled_from(words(language)), max_size=30)))
    title = " ".join(data.draw(st.lists(st.sampled_from(words(language)), max_size=5)))
    document = Document.of(title, text, language)
    article = RawArticle(article_id="0" * 32, title=title, text=text, collected_at=NOW)
    quick = finder().find(document, article)
    with monkeypatch.context() as patch:
        patch.setattr(find, "_BEGINNING", re.compile(b".", re.DOTALL))
        assert finder().find(document, article) == quick


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_name_is_found_where_it_is_looked_for(language: str) -> None:
    faults = Faults()
    names = SourceNames(load_sources(Path("config"), faults))
    text = " . ".join(words(language))
    tokens = tokenize(text, language)
    roles = finder()._roles(tokens)
    begun = [match.start() for match in find._BEGINNING.finditer(roles)]
    assert find_names(tokens, names, begun) == find_names(tokens, names)
    assert find_names(tokens, names)


_AFFIXES = (
    *("", "", "و", "ف", "ب", "ك", "ل", "س", "ال", "وال", "لل", "وبال", "مي", "نمي", "ول", "ו", "ה", "ול", "וכש", "לכש", "ושמה"),
    *("ها", "ه", "ك", "نا", "تها", "اي", "ي", "ى", "ان", "هكان", "ون", "ами", "ого", "ом", "а", "у", "yê", "nin", "lar"),
    *("'ın", "'s", "ğin", "dan", "ים"),
)  # fmt: skip


@given(data=st.data(), language=st.sampled_from((*LANGUAGES, "und", "sw", "azb", "ps")))
@settings(max_examples=400, deadline=None)
def test_a_term_that_does_not_begin_as_a_word_of_credits_stands_for_none(data: st.DataObject, language: str) -> None:
    names = finder()._names
    roles = tables(language)[1].words
    known = sorted({*names.terms, *roles})
    word = data.draw(st.sampled_from(known))
    bare = data.draw(st.sampled_from((word, word[:-1], word[:-1] + "ت", word[:-1] + "ا", word[:3], "ال" + word)))
    affixes = st.sampled_from(_AFFIXES)
    for term in terms_of(data.draw(affixes) + bare + data.draw(affixes) + data.draw(affixes), language):
        if not begins_as_one(term, names.heads, heads_of(roles)):
            forms = set(forms_of(term, language))
            assert names.terms.isdisjoint(forms), term
            assert roles.isdisjoint(forms), term
