"""The invented world is whole: enough of all that the demo promises, each text its own."""

from __future__ import annotations

import unicodedata

import pytest

from agent.demo.world import DemoArticle, DemoDataError, load_world, parse_outlet

WORLD = load_world()
TALKS = "syria-turkey-normalization"


def shingles(text: str, size: int = 4) -> set[tuple[str, ...]]:
    words = "".join(ch for ch in text if unicodedata.category(ch)[0] not in "PM").split()
    return {tuple(words[i : i + size]) for i in range(len(words) - size + 1)}


def overlap(one: DemoArticle, other: DemoArticle) -> float:
    left, right = (shingles(article.versions[0].text) for article in (one, other))
    return len(left & right) / max(1, min(len(left), len(right)))


def test_the_world_is_as_large_as_promised() -> None:
    assert len(WORLD.outlets) >= 12
    assert len(WORLD.articles) >= 80
    assert len({article.language for article in WORLD.articles}) >= 8
    assert len({outlet.country for outlet in WORLD.outlets}) >= 8
    assert {"state", "opposition", "independent"} <= {outlet.ownership for outlet in WORLD.outlets}
    assert any(outlet.is_wire for outlet in WORLD.outlets)


def test_outlet_ids_and_names_are_unique() -> None:
    assert len({outlet.id for outlet in WORLD.outlets}) == len(WORLD.outlets)
    assert len({outlet.name for outlet in WORLD.outlets}) == len(WORLD.outlets)


def test_every_feed_dialect_and_the_old_encodings_are_played() -> None:
    assert {outlet.dialect for outlet in WORLD.outlets} == {"rss2", "atom", "rdf", "json"}
    assert {"windows-1256", "windows-1251"} <= {outlet.encoding for outlet in WORLD.outlets}
    assert {outlet.content for outlet in WORLD.outlets} == {"full", "summary", "truncated"}


@pytest.mark.parametrize("language", ["ar", "fa", "tr", "ru", "ckb", "he", "ur", "en"])
def test_the_talks_are_told_in_every_main_language(language: str) -> None:
    told = [article for article in WORLD.articles if article.language == language and TALKS in article.topics]
    assert len(told) >= 2


def test_most_articles_are_there_at_once_and_the_rest_comes_within_twenty_seconds() -> None:
    late = [article for article in WORLD.articles if article.is_late]
    assert 10 <= len(late) <= len(WORLD.articles) / 4
    assert WORLD.last_change_seconds <= 20


def test_one_article_is_edited_after_it_came_out() -> None:
    edited = [article for article in WORLD.articles if len(article.versions) > 1]
    assert edited
    for article in edited:
        first, last = article.versions[0], article.versions[-1]
        assert article.version_at(first.after_seconds - 1) is None
        assert article.version_at(first.after_seconds) == first
        assert article.version_at(last.after_seconds) == last
        assert (first.title, first.text) != (last.title, last.text)


def test_some_copies_credit_their_wire_and_some_do_not() -> None:
    copies = [article for article in WORLD.articles if article.copy_of]
    assert {bool(article.credits) for article in copies} == {True, False}
    for article in copies:
        if article.credits:
            assert article.credits in article.versions[0].text


def test_copies_in_the_same_language_share_most_of_their_text() -> None:
    by_id = {article.id: article for article in WORLD.articles}
    # Without hamza or with other letters for yeh and kaf a copy shares no shingle until it is folded.
    plain = [("ar-diwan-defence", 0.8), ("tr-rihtim-defence", 0.9), ("en-ledger-defence", 0.8)]
    for copy_id, least in plain:
        copy = by_id[copy_id]
        assert copy.copy_of is not None
        assert overlap(copy, by_id[copy.copy_of]) >= least


def test_articles_that_are_not_copies_share_next_to_nothing() -> None:
    for number, one in enumerate(WORLD.articles):
        for other in WORLD.articles[number + 1 :]:
            if one.language == other.language and one.id != other.copy_of and other.id != one.copy_of:
                siblings = one.copy_of is not None and one.copy_of == other.copy_of
                assert siblings or overlap(one, other) < 0.15, (one.id, other.id)


def test_every_wording_has_a_title_and_enough_sentences() -> None:
    for article in WORLD.articles:
        for version in article.versions:
            assert 10 <= len(version.title) <= 160, article.id
            assert len(version.paragraphs) >= 3, article.id
            assert len(version.text) >= 180, article.id
            assert unicodedata.is_normalized("NFC", version.text), article.id


def test_the_agency_types_arabic_letters_and_the_daily_persian_ones() -> None:
    agency = "".join(article.versions[0].text for article in WORLD.articles_of("sepehrpeyk"))
    daily = "".join(article.versions[0].text for article in WORLD.articles_of("damavandnameh"))
    assert "ي" in agency and "ك" in agency
    assert not set("یک") & set(agency)
    assert "\u200c" in daily and not set("يك") & set(daily)


def test_a_faulty_file_is_told_with_its_name_and_field() -> None:
    good = {
        "id": "x",
        "name": "X",
        "english_name": "X",
        "country": "GB",
        "language": "en",
        "ownership": "independent",
    }
    with pytest.raises(DemoDataError, match=r"x\.yaml: feed: dialect must be one of rss2"):
        parse_outlet("x.yaml", {**good, "feed": {"dialect": "gopher", "content": "full"}, "articles": []})
    with pytest.raises(DemoDataError, match=r"x\.yaml: article 1: text must be str"):
        parse_outlet(
            "x.yaml",
            {**good, "feed": {"dialect": "rss2", "content": "full"}, "articles": [{"id": "a", "title": "T"}]},
        )
