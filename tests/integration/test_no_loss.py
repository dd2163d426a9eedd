"""No article is lost and none is stored twice, whatever is killed: real workers, a real broker, a real index."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from deploy.dev.services import Elasticsearch, Kafka
from tests.integration.worker_kit import Rig, WorkerProcess, raw, until

pytestmark = [pytest.mark.services, pytest.mark.slow, pytest.mark.timeout(900)]

KILLS = 11
PORTION = 500
EDITED = 400
LONGEST_WAIT_FOR_WORK_SECONDS = 5.0


@pytest.fixture
def rig(kafka: Kafka, elasticsearch: Elasticsearch, unique_name: Callable[[str], str], tmp_path: Path) -> Iterator[Rig]:
    made = Rig(unique_name("loss"), tmp_path, kafka.bootstrap, elasticsearch.url)
    made.init()
    yield made
    made.close()


def test_killing_workers_and_the_broker_loses_nothing_and_doubles_nothing(rig: Rig, kafka: Kafka) -> None:
    workers = [rig.worker(), rig.worker()]
    for kill in range(KILLS):
        # Something to do is published before each kill, and the edits come amid it.
        rig.publish(kill * PORTION, (kill + 1) * PORTION)
        if kill == KILLS // 2:
            rig.publish(0, EDITED, revision=2)
            kafka.restart(kill=True)
        victim = workers[kill % 2]
        until(victim.is_ready, f"a worker that is ready\n{rig.last_words()}")
        _wait_for_work(victim)
        victim.kill()
        workers[kill % 2] = rig.worker()
    rig.publish(KILLS * PORTION, (KILLS + 1) * PORTION)
    rig.finish_publishing()

    sent = {raw(number).article_id for number in range((KILLS + 1) * PORTION)}
    assert len(sent) >= 5_000
    rig.wait_for(sent)
    until(lambda: rig.lag() == 0, f"all channels to be finished\n{rig.last_words()}")
    documents = rig.documents()
    assert documents.keys() == sent
    assert {identity: len(hits) for identity, hits in documents.items() if len(hits) != 1} == {}
    second_revisions = {identity for identity, [hit] in documents.items() if hit["source"]["revision"] == 2}
    assert second_revisions == {raw(number).article_id for number in range(EDITED)}
    assert rig.quarantined() == []
    assert [worker.stop() for worker in workers] == [0, 0]


def _wait_for_work(victim: WorkerProcess) -> None:
    # So that the kill hits it in the middle; one that has been given no partition is killed as it is.
    deadline = time.monotonic() + LONGEST_WAIT_FOR_WORK_SECONDS
    while time.monotonic() < deadline:
        with suppress(OSError):
            if victim.metric("rasad_articles_total") > 0:
                break
    time.sleep(random.uniform(0.0, 0.5))
