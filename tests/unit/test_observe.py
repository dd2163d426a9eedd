"""The metrics endpoint: what it answers, and to whom."""

import logging
from datetime import UTC, datetime

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from agent.errors import ConfigError, ServiceUnavailable
from agent.observe import _JsonLines, _OneLine, is_loopback, serve
from agent.settings import MetricsSettings
from streams.metrics import LANGUAGES, Metrics
from streams.model import Article, TopicLabel

NOW = datetime(2023, 4, 25, 12, tzinfo=UTC)


async def get(port: int | None, path: str, **headers: str) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}{path}", headers=headers) as answer,
    ):
        return answer.status, await answer.text()


async def test_metrics_and_health_are_served() -> None:
    metrics = Metrics(topic_ids=["syria-turkey-normalization"], version="1.2.3")
    reason: list[str | None] = ["starting"]
    async with serve(metrics, MetricsSettings(port=0), lambda: reason[0]) as port:
        status, text = await get(port, "/metrics")
        names = {family.name for family in text_string_to_metric_families(text)}
        assert status == 200 and {"rasad_fetches", "rasad_latency_seconds", "process_resident_memory_bytes"} <= names
        assert 'rasad_build_info{python="' in text and 'version="1.2.3"' in text
        assert await get(port, "/healthz") == (200, "ok\n")
        assert await get(port, "/readyz") == (503, "not ready\n")
        reason[0] = None
        assert await get(port, "/readyz") == (200, "ready\n")


async def test_off_by_default() -> None:
    async with serve(Metrics(), MetricsSettings(), lambda: None) as port:
        assert port is None


async def test_beyond_loopback_a_token_is_required() -> None:
    with pytest.raises(ConfigError, match=r"metrics\.token"):
        async with serve(Metrics(), MetricsSettings(host="0.0.0.0", port=0), lambda: None):
            pass


async def test_the_token_is_asked_for() -> None:
    settings = MetricsSettings(port=0, token="s3cret")
    async with serve(Metrics(), settings, lambda: None) as port:
        assert (await get(port, "/metrics"))[0] == 401
        assert (await get(port, "/metrics", Authorization="Bearer wrong"))[0] == 401
        assert (await get(port, "/metrics", Authorization="Bearer s3cret"))[0] == 200
        assert (await get(port, "/healthz"))[0] == 200


async def test_a_taken_port_says_what_to_do() -> None:
    async with serve(Metrics(), MetricsSettings(port=0), lambda: None) as port:
        with pytest.raises(ServiceUnavailable, match=r"metrics\.port"):
            async with serve(Metrics(), MetricsSettings(port=port), lambda: None):
                pass


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("h", False)],
)
def test_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def article(**changes: object) -> Article:
    fields: dict[str, object] = {
        "article_id": "0" * 32, "collected_at": NOW, "enriched_at": NOW, "storied_at": NOW, "language": "ar", **changes
    }  # fmt: skip
    return Article(**fields)  # type: ignore[arg-type]


def test_label_values_are_bounded() -> None:
    metrics = Metrics(topic_ids=["known"])
    for number in range(50):
        metrics.left_stage(
            "enrich",
            article(
                language=f"x{number}", topics=(TopicLabel(id=f"t{number}", score=1), TopicLabel(id="known", score=1))
            ),
            NOW,
        )
        metrics.fetched(f"outcome{number}", 0.1)
        metrics.entry(f"outcome{number}", [f"cause{number}"])
        metrics.rejected(f"stage{number}", f"reason{number}")
    families = {family.name: family for family in metrics.registry.collect()}
    languages = {sample.labels["language"] for sample in families["rasad_articles"].samples}
    assert languages <= LANGUAGES | {"other"}
    assert {sample.labels["topic"] for sample in families["rasad_topic_articles"].samples} == {"known", "other"}
    assert metrics.registry.get_sample_value("rasad_topic_articles_total", {"topic": "known"}) == 50
    assert metrics.registry.get_sample_value("rasad_fetches_total", {"outcome": "other"}) == 50
    assert metrics.registry.get_sample_value("rasad_quarantined_total", {"stage": "other", "reason": "other"}) == 50


def test_wrong_dates_and_backfill_stay_out_of_the_latency() -> None:
    metrics = Metrics()
    metrics.left_stage("index", article(published_at=NOW.replace(year=2010), date_is_reliable=False), NOW)
    metrics.left_stage("index", article(published_at=NOW.replace(year=2010), is_backfill=True), NOW)
    value = metrics.registry.get_sample_value
    assert value("rasad_latency_seconds_count", {"since": "published", "stage": "index"}) is None
    assert value("rasad_latency_seconds_count", {"since": "collected", "stage": "index"}) == 1


def test_a_title_cannot_forge_a_log_line() -> None:
    record = logging.LogRecord("x", logging.INFO, "f", 1, "title %s", ("a\n2026 ERROR forged\x1b[2J",), None)
    text = _OneLine("%(levelname)s %(message)s").format(record)
    assert "\x1b" not in text and "\n2026" not in text
    assert "\n" not in _JsonLines().format(record)
