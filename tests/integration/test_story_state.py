"""The story window outlives its worker: a real broker, a real worker killed, a real index."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.channel_reading import read_state
from deploy.dev.services import Elasticsearch, Kafka
from streams.channels import STORY_STATE
from streams.stories.state import MAX_STATE_BYTES, decode_state
from tests.integration.worker_kit import Rig, raw, until

pytestmark = [pytest.mark.services, pytest.mark.slow, pytest.mark.timeout(600)]

TEXTS = [
    "The council of Mersin has voted for the new harbour, and the fishermen of the old one say that they will go to court.",
    "A bus fell into a ravine near Taiz on Friday; eleven of those who were in it were brought to the hospital of the town.",
    "Rain is expected in Basra from noon on, and the governor has closed all schools and the two bridges for three days.",
]


@pytest.fixture
def rig(kafka: Kafka, elasticsearch: Elasticsearch, unique_name: Callable[[str], str], tmp_path: Path) -> Iterator[Rig]:
    made = Rig(unique_name("story"), tmp_path, kafka.bootstrap, elasticsearch.url)
    made.init()
    yield made
    made.close()


def test_a_copy_is_found_and_a_repetition_placed_as_before_though_the_worker_was_killed(rig: Rig) -> None:
    originals = [raw(f"original {number}", text=text) for number, text in enumerate(TEXTS)]
    rig.send(originals)
    worker = rig.worker()
    before = rig.wait_for({article.article_id for article in originals})
    until(lambda: rig.lag() == 0, "all channels to be finished")
    worker.kill()

    records = list(read_state(rig.settings.kafka, STORY_STATE))
    assert {decode_state(record).signals.article_id for record in records} == before.keys()
    assert all(len(record) <= MAX_STATE_BYTES for record in records)

    copies = [raw(f"copy {number}", text=text) for number, text in enumerate(TEXTS)]
    rig.worker()
    rig.send([*originals, *copies])
    after = rig.wait_for({article.article_id for article in copies})
    until(lambda: rig.lag() == 0, "all channels to be finished")
    for original, copy in zip(originals, copies, strict=True):
        [hit] = after[copy.article_id]
        assert hit["source"]["near_duplicate_of"] == original.article_id
        assert hit["source"]["story_id"] == original.article_id
        [again] = rig.documents()[original.article_id]
        assert again["source"]["story_id"] == before[original.article_id][0]["source"]["story_id"]
    assert rig.quarantined() == []
