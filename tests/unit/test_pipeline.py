"""The stages in order, and what happens to what they cannot process."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.config_files import Faults
from agent.definitions import load_definitions
from streams import channels, codec
from streams.definitions import Definitions
from streams.model import Article, EnrichedArticle, RawArticle
from streams.pipeline import Pipeline, Rejected, Stage

NOW = datetime(2023, 4, 25, 12, tzinfo=UTC)
SEEDS = Path(__file__).resolve().parents[3] / "shared" / "seeds"


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    faults = Faults()
    definitions = load_definitions(Path("config"), faults)
    faults.check()
    return Pipeline(definitions, clock=lambda: NOW)


def raw(**fields: object) -> RawArticle:
    return RawArticle(**{"article_id": "0" * 32, "collected_at": NOW, "title": "t", **fields})  # type: ignore[arg-type]


def test_channels_join_the_stages_without_a_gap() -> None:
    stages = Pipeline(Definitions()).stages
    assert stages[0].reads[0] is channels.RAW
    for earlier, later in itertools.pairwise(stages):
        assert earlier.writes in later.reads
    assert stages[-1].writes is channels.ARTICLES


def test_an_article_goes_through(pipeline: Pipeline) -> None:
    article = pipeline.process(
        raw(
            title="اجتماع رباعي في موسكو",
            text="بحث وزراء دفاع تركيا وسوريا تطبيع العلاقات بين أنقرة ودمشق في موسكو.",
            extra={"id": 3},
        )
    )
    assert isinstance(article, Article)
    assert article.language == "ar" and article.extra == {"id": 3} and article.storied_at == NOW
    (topic,) = [topic for topic in article.topics if topic.id == "syria-turkey-normalization"]
    assert any("تطبيع" in getattr(article, span.field)[span.start : span.end] for span in topic.spans)


def test_the_same_input_gives_the_same_bytes(pipeline: Pipeline) -> None:
    payload = codec.encode(raw(title="Erdoğan'ın Şam ziyareti"))
    first, second = pipeline.enrich.step(payload), pipeline.enrich.step(payload)
    assert not isinstance(first, Rejected) and not isinstance(second, Rejected) and first[0] == second[0]


@pytest.mark.parametrize(
    "payload", [b"", b"\x00", b"{}", b"null", codec.encode(raw()).replace(b'"schema":1', b'"schema":7')]
)
def test_poison_is_rejected_not_raised(pipeline: Pipeline, payload: bytes) -> None:
    for stage in pipeline.stages:
        assert isinstance(stage.step(payload), Rejected)


def test_a_stage_that_fails_is_a_rejection_with_its_cause() -> None:
    def fail(_: RawArticle) -> RawArticle:
        raise ZeroDivisionError("by nothing")

    stage = Stage("enrich", (channels.RAW,), channels.ENRICHED, RawArticle, fail)
    result = stage.step(codec.encode(raw()))
    assert result == Rejected("enrich", "stage_failed", "ZeroDivisionError: by nothing")
    record = result.quarantine(b"x", channel="raw", key=b"k", now=NOW)
    assert (record.payload, record.key, record.channel, record.attempts) == (b"x", b"k", "raw", 1)


HOSTILE = [
    "",
    " ",
    "\x00",
    "\u202e" * 100,
    "a" * 200_000,
    "ا" * 50_000,
    "🇸🇾" * 1000,
    "\u0301" * 5000,
    "<script>",
    "%s%n",
    "{{7*7}}",
    "'\"\\",
]


@pytest.mark.parametrize("title", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_passes_through_unharmed(pipeline: Pipeline, title: str) -> None:
    article = pipeline.process(raw(title=title, text=title))
    assert isinstance(article, Article) and article.title == title


def test_spans_lie_in_their_field(pipeline: Pipeline) -> None:
    title, text = (
        "Ердоган і Асад 🇹🇷🇸🇾",
        "İstanbul'da Erdoğan ile Esad görüşmesi: 🇹🇷 Türkiye–Suriye normalleşmesi Şam'da",
    )
    article = pipeline.process(raw(title=title, text=text))
    assert isinstance(article, Article)
    spans = [s for label in article.topics for s in label.spans] + [s for e in article.entities for s in e.mentions]
    for span in spans:
        value = getattr(article, span.field)
        assert 0 <= span.start < span.end <= len(value)
        assert value[span.start : span.end].strip() == value[span.start : span.end]


@pytest.mark.skipif(not SEEDS.is_dir(), reason="the seed articles are not beside this checkout")
def test_the_seeds(pipeline: Pipeline) -> None:
    for path in sorted(SEEDS.glob("*.txt")):
        article = pipeline.process(raw(text=path.read_text(encoding="utf-8"), title=""))
        assert isinstance(article, EnrichedArticle)
        topics = {topic.id for topic in article.topics}
        assert article.language == ("fa" if path.name.startswith(("001", "003")) else "ar")
        assert ("syria-turkey-normalization" in topics) == (not path.name.startswith("004")), path.name
