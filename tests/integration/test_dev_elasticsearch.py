"""The development node analyses text as a stock Elasticsearch does: same names, same settings, same refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from deploy.dev.services import Elasticsearch, http

pytestmark = pytest.mark.services


def tokens(url: str, text: str, **definition: Any) -> list[str]:
    answer = http("POST", f"{url}/_analyze", {"text": text, **definition})
    return [token["token"] for token in answer["tokens"]]


def test_the_official_client_takes_it_for_elasticsearch(elasticsearch: Elasticsearch) -> None:
    from elasticsearch import Elasticsearch as Client

    with Client(elasticsearch.url) as client:
        about = client.info()
        assert about["version"]["number"].startswith("9.")
        assert about["tagline"] == "You Know, for Search"


@pytest.mark.parametrize(
    ("analyzer", "one", "other"),
    [
        ("arabic", "الكتاب", "كتاب"),
        ("arabic", "والمدرسة", "مدرسه"),
        ("persian", "كتابي", "کتابی"),
        ("sorani", "پیاوەکە", "پیاو"),
        ("turkish", "Türkiye'nin", "Türkiye"),
        ("turkish", "IŞIKLAR", "ışıklar"),
        ("russian", "переговоры", "переговорами"),
        ("english", "talks", "Talking"),
        ("german", "Häuser", "Haus"),
        ("french", "l'avion", "avions"),
        ("spanish", "ciudades", "Ciudad"),
        ("bulgarian", "компютрите", "компютър"),
    ],
)
def test_an_analyzer_brings_two_forms_of_a_word_together(
    elasticsearch: Elasticsearch, analyzer: str, one: str, other: str
) -> None:
    first = tokens(elasticsearch.url, one, analyzer=analyzer)
    assert first and first == tokens(elasticsearch.url, other, analyzer=analyzer)
    assert first != tokens(elasticsearch.url, one, analyzer="whitespace") or analyzer == "bulgarian"


@pytest.mark.parametrize(
    "analyzer",
    "arabic armenian basque bengali brazilian bulgarian catalan cjk czech danish dutch english estonian finnish french "
    "galician german greek hindi hungarian indonesian irish italian latvian lithuanian norwegian persian portuguese "
    "romanian russian serbian sorani spanish swedish thai turkish standard simple stop keyword whitespace".split(),
)
def test_every_analyzer_that_is_named_is_there(elasticsearch: Elasticsearch, analyzer: str) -> None:
    assert tokens(elasticsearch.url, "Damascus 2023", analyzer=analyzer)


@pytest.mark.parametrize(
    ("filters", "text", "expected"),
    [
        (["arabic_normalization"], "أحمد المدرسة", ["احمد", "المدرسه"]),
        (["persian_normalization"], "کتابی", ["كتابي"]),
        (["sorani_normalization"], "كي", ["کی"]),
        (["decimal_digit"], "٢٠٢٣ ۲۰۲۳", ["2023", "2023"]),
        (["apostrophe"], "Türkiye'nin", ["Türkiye"]),
        (["asciifolding"], "Şam", ["Sam"]),
        ([{"type": "asciifolding", "preserve_original": True}], "Şam", ["Sam", "Şam"]),
        (["lowercase"], "DIŞ", ["diş"]),
        ([{"type": "lowercase", "language": "turkish"}], "DIŞ İŞ", ["dış", "iş"]),
        ([{"type": "lowercase", "language": "greek"}], "ΣΣΣΆ", ["σσσα"]),
        ([{"type": "stemmer", "language": "light_russian"}], "переговорами", ["переговор"]),
        ([{"type": "stemmer", "language": "arabic"}], "الكتاب", ["كتاب"]),
        ([{"type": "snowball", "language": "Turkish"}], "evler", ["ev"]),
        ([{"type": "stop", "stopwords": "_arabic_"}], "في دمشق", ["دمشق"]),
        ([{"type": "elision", "articles": ["l", "d"]}], "l'accord d'Ankara", ["accord", "Ankara"]),
        ([{"type": "keyword_marker", "keywords": ["talks"]}, "porter_stem"], "talks talked", ["talks", "talk"]),
        ([{"type": "stemmer_override", "rules": ["mice, rats => mouse"]}, "porter_stem"], "mice", ["mouse"]),
        ([{"type": "pattern_replace", "pattern": "(\\d+)", "replacement": "<$1>"}], "a1b22", ["a<1>b<22>"]),
        ([{"type": "length", "min": 3}], "a an and", ["and"]),
        ([{"type": "edge_ngram", "min_gram": 2, "max_gram": 3}], "Idlib", ["Id", "Idl"]),
        ([{"type": "keep", "keep_words": ["one"]}], "one two One", ["one"]),
        ([{"type": "keep", "keep_words": ["one"], "keep_words_case": True}], "one two One", ["one", "One"]),
        ([{"type": "truncate", "length": 3}], "Latakia", ["Lat"]),
        ([{"type": "limit", "max_token_count": 2}], "a b c", ["a", "b"]),
        (["keyword_repeat", "porter_stem", "remove_duplicates"], "talks war", ["talks", "talk", "war"]),
        (["reverse", "uppercase"], "abc", ["CBA"]),
        ([{"type": "shingle", "output_unigrams": False}], "a b c", ["a b", "b c"]),
    ],
)
def test_token_filters(elasticsearch: Elasticsearch, filters: list[object], text: str, expected: list[str]) -> None:
    assert tokens(elasticsearch.url, text, tokenizer="whitespace", filter=filters) == expected


@pytest.mark.parametrize(
    ("char_filter", "text", "expected"),
    [
        ("html_strip", "<p>one &amp; two</p>", ["one", "&", "two"]),
        ({"type": "html_strip", "escaped_tags": ["b"]}, "<p><b>one</b></p>", ["<b>one</b>"]),
        ({"type": "mapping", "mappings": ["\\u200C => \\u0020", "ي => ی"]}, "كتاب\u200cهاي", ["كتاب", "های"]),
        ({"type": "pattern_replace", "pattern": "[\u0640\u064b-\u0652]", "replacement": ""}, "مُحَمَّـد", ["محمد"]),
        ({"type": "pattern_replace", "pattern": "X", "replacement": "-", "flags": "CASE_INSENSITIVE"}, "axb", ["a-b"]),
    ],
)
def test_char_filters(elasticsearch: Elasticsearch, char_filter: object, text: str, expected: list[str]) -> None:
    assert tokens(elasticsearch.url, text, tokenizer="whitespace", char_filter=[char_filter]) == expected


@pytest.mark.parametrize(
    ("tokenizer", "text", "expected"),
    [
        ("keyword", "one two", ["one two"]),
        ("letter", "a1b", ["a", "b"]),
        ("uax_url_email", "mail a@b.org now", ["mail", "a@b.org", "now"]),
        ("path_hierarchy", "/a/b", ["/a", "/a/b"]),
        ({"type": "pattern", "pattern": ","}, "a b,c", ["a b", "c"]),
        ({"type": "whitespace", "max_token_length": 3}, "abcde f", ["abc", "de", "f"]),
        ({"type": "standard", "max_token_length": 3}, "abcde", ["abc", "de"]),
    ],
)
def test_tokenizers(elasticsearch: Elasticsearch, tokenizer: object, text: str, expected: list[str]) -> None:
    assert tokens(elasticsearch.url, text, tokenizer=tokenizer) == expected


def test_a_multilingual_template_makes_an_index_that_finds_across_spellings(
    elasticsearch: Elasticsearch, unique_name: Callable[[str], str]
) -> None:
    name = unique_name("articles")
    analysis = {
        "char_filter": {"joiners": {"type": "mapping", "mappings": ["\\u200C => \\u0020"]}},
        "filter": {
            "turkish_lowercase": {"type": "lowercase", "language": "turkish"},
            "arabic_stemming": {"type": "stemmer", "language": "arabic"},
        },
        "analyzer": {
            "folded": {
                "type": "custom",
                "char_filter": ["html_strip", "joiners"],
                "tokenizer": "standard",
                "filter": [
                    "lowercase",
                    "decimal_digit",
                    "arabic_normalization",
                    "persian_normalization",
                    "asciifolding",
                ],
            },
            "arabic_light": {"tokenizer": "standard", "filter": ["arabic_normalization", "arabic_stemming"]},
            "persian_without_stopwords": {"type": "persian", "stopwords": "_none_"},
            "english_but_talks": {"type": "english", "stem_exclusion": ["talks"]},
        },
        "normalizer": {"exact": {"type": "custom", "filter": ["turkish_lowercase", "asciifolding"]}},
    }
    fields = {
        "text": {"type": "text", "analyzer": "folded", "fields": {"ar": {"type": "text", "analyzer": "arabic_light"}}},
        "source": {"type": "keyword", "normalizer": "exact"},
    }
    template = {
        "index_patterns": [f"{name}-*"],
        "template": {"settings": {"analysis": analysis, "number_of_replicas": 0}, "mappings": {"properties": fields}},
    }
    http("PUT", f"{elasticsearch.url}/_index_template/{name}", template)
    index = f"{elasticsearch.url}/{name}-2023.05"
    http("PUT", f"{index}/_doc/1?refresh=true", {"text": "وزارة الخارجية السورية", "source": "DIŞİŞLERİ"})
    found = http("POST", f"{index}/_search", {"query": {"match": {"text": "السوريه"}}})
    assert found["hits"]["total"]["value"] == 1
    found = http("POST", f"{index}/_search", {"query": {"match": {"text.ar": "وزاره"}}})
    assert found["hits"]["total"]["value"] == 1
    found = http("POST", f"{index}/_search", {"query": {"term": {"source": "dışişleri"}}})
    assert found["hits"]["total"]["value"] == 1
    assert tokens(index, "از این", analyzer="persian_without_stopwords") == ["از", "اين"]
    assert tokens(index, "از این", analyzer="persian") == []
    assert tokens(index, "talks meetings", analyzer="english_but_talks") == ["talks", "meet"]
    http("DELETE", f"{elasticsearch.url}/_index_template/{name}")


@pytest.mark.parametrize(
    ("analysis", "complaint"),
    [
        ({"filter": {"f": {"type": "stemmer", "language": "klingon"}}}, "klingon"),
        ({"filter": {"f": {"type": "lowercase", "language": "klingon"}}}, "klingon"),
        ({"filter": {"f": {"type": "pattern_replace"}}}, "pattern is missing"),
        ({"filter": {"f": {"type": "ngram", "min_gram": 1, "max_gram": 9}}}, "max_ngram_diff"),
        ({"char_filter": {"c": {"type": "mapping", "mappings": ["no arrow"]}}}, "Invalid Mapping Rule"),
        ({"char_filter": {"c": {"type": "mapping"}}}, "mappings"),
        ({"analyzer": {"a": {"tokenizer": "standard", "filter": ["no_such_filter"]}}}, "no_such_filter"),
        ({"normalizer": {"n": {"type": "custom", "filter": ["porter_stem"]}}}, "porter_stem"),
        ({"normalizer": {"n": {"type": "custom", "char_filter": ["html_strip"]}}}, "html_strip"),
    ],
)
def test_what_a_stock_cluster_refuses_is_refused(
    elasticsearch: Elasticsearch, unique_name: Callable[[str], str], analysis: dict[str, Any], complaint: str
) -> None:
    url = f"{elasticsearch.url}/{unique_name('articles')}"
    with pytest.raises(OSError, match="HTTP 400") as caught:
        http("PUT", url, {"settings": {"analysis": analysis}})
    assert complaint in str(caught.value)


def test_a_prefix_is_folded_to_one_term_even_where_folding_keeps_the_original(
    elasticsearch: Elasticsearch, unique_name: Callable[[str], str]
) -> None:
    index = f"{elasticsearch.url}/{unique_name('articles')}"
    analysis = {
        "filter": {"both": {"type": "asciifolding", "preserve_original": True}},
        "analyzer": {"default": {"tokenizer": "standard", "filter": ["both"]}},
    }
    http("PUT", index, {"settings": {"analysis": analysis}})
    http("PUT", f"{index}/_doc/1?refresh=true", {"city": "Samsun"})
    found = http("POST", f"{index}/_search", {"query": {"query_string": {"query": "city:Şam*"}}})
    assert found["hits"]["total"]["value"] == 1
