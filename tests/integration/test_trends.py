"""Trends in the distributed runtime: found, indexed, and counted on after a worker was killed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.dev.services import Elasticsearch, Kafka
from streams.channels import BACKFILL
from tests.integration.worker_kit import Rig, as_json, raw, until

pytestmark = [pytest.mark.services, pytest.mark.slow, pytest.mark.timeout(600)]

HARBOUR = "The council of Mersin has voted for the new harbour, and the fishermen of the old one will go to court."


@pytest.fixture
def rig(kafka: Kafka, elasticsearch: Elasticsearch, unique_name: Callable[[str], str], tmp_path: Path) -> Iterator[Rig]:
    made = Rig(unique_name("trend"), tmp_path, kafka.bootstrap, elasticsearch.url)
    made.init()
    yield made
    made.close()


def spikes(rig: Rig) -> list[dict[str, Any]]:
    rig.refresh()
    shown = rig.rasad("trends", "--since", "2d", "--kind", "spike", "--json", check=False)
    assert shown.returncode in (0, 1), shown.stderr
    return [trend for trend in as_json(shown.stdout) if trend["series"]["kind"] == "language"]


def finished(rig: Rig) -> None:
    until(lambda: rig.lag() == 0, f"all channels to be finished\n{rig.last_words()}")


def test_a_burst_is_a_document_and_is_counted_on_by_the_next_worker(rig: Rig) -> None:
    # All of one hour, whenever the test runs: the last one, which is still judged.
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(minutes=30)
    past = [
        raw(f"past {day}-{number}", text=f"{HARBOUR} {day}", published_at=at, collected_at=at)
        for day in range(5, 0, -1)
        for at in [now - timedelta(days=day)]
        for number in range(2)
    ]
    burst = [
        raw(f"burst {number}", text=f"{HARBOUR} {number}", published_at=now, collected_at=now) for number in range(30)
    ]
    worker = rig.worker()
    rig.send(past)
    rig.send(
        [raw(f"old {number}", published_at=now, collected_at=now, is_backfill=True) for number in range(60)], BACKFILL
    )
    rig.wait_for({article.article_id for article in past})
    finished(rig)
    assert spikes(rig) == [], "neither is the past one, nor what is filled in"

    rig.send(burst[:15])
    finished(rig)
    [found] = spikes(rig)
    assert (found["kind"], found["series"]["value"], found["seen"], found["expected"]) == ("spike", "en", 15, 2.0)
    assert worker.metric("rasad_trend_findings_total", kind="spike", series="language") == 1
    worker.kill()

    rig.worker()
    rig.send(burst)
    finished(rig)
    [later] = spikes(rig)
    assert (later["trend_id"], later["seen"]) == (found["trend_id"], 30), "each article is counted once"
    assert rig.quarantined() == []
