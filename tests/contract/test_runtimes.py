"""Both runtimes, held to the same contract: the embedded sink on SQLite, and a real worker between a real broker and a
real index."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from agent.collect.records import Delivery
from agent.collect.state import FeedState
from agent.config_files import Faults
from agent.definitions import load_definitions
from agent.embedded import EmbeddedSink
from agent.open_store import open_elasticsearch
from deploy.dev.services import Elasticsearch, Kafka
from streams import codec
from streams.metrics import Metrics
from streams.model import QuarantineRecord, RawArticle
from streams.pipeline import Pipeline, Rejected
from streams.stores.base import ArticleStore
from streams.stores.sqlite import SqliteStore
from tests.contract.runtime_contract import SCENARIOS, Namer, Outcome, Runtime, Scenario, Sent, timeless
from tests.integration.worker_kit import PROJECT, Rig, until

pytestmark = [pytest.mark.services, pytest.mark.slow, pytest.mark.timeout(600)]


async def outcome_of(
    store: ArticleStore, ids: Iterable[str], quarantined: Iterable[QuarantineRecord], sent: Sequence[Sent]
) -> Outcome:
    documents = {}
    copies = 0
    for identity in ids:
        article = await store.get(identity)
        if article is not None:
            documents[identity] = timeless(article)
            copies += article.near_duplicate_of is not None
    payloads = {record.payload for record in sent}
    return Outcome(
        documents,
        copies,
        frozenset((r.stage, r.channel, r.reason, r.payload) for r in quarantined if r.payload in payloads),
    )


class Embedded:
    """The one-process runtime: stages, codec and SQLite file in this process, by way of the collector's sink."""

    def __init__(self, folder: Path) -> None:
        faults = Faults()
        self._pipeline = Pipeline(load_definitions(PROJECT / "config", faults))
        faults.check()
        self._folder = folder

    async def run(self, sent: Sequence[Sent], ids: Iterable[str]) -> Outcome:
        store = SqliteStore(self._folder / f"{uuid.uuid4().hex}.sqlite")
        sink = EmbeddedSink(self._pipeline, store, Metrics())
        state = FeedState(feed_url="https://outlet.example/feed", source_id="outlet")
        try:
            for record in sent:
                try:
                    article = codec.decode(record.payload, RawArticle)
                except codec.CodecError:
                    # The collector makes its articles itself; bytes that are none can only come from elsewhere.
                    rejected = self._pipeline.enrich.step(record.payload)
                    assert isinstance(rejected, Rejected)
                    kept = rejected.quarantine(
                        record.payload, channel=record.channel.name, key=None, now=self._pipeline.clock()
                    )
                    with store.transaction() as transaction:
                        transaction.put_quarantine([kept])
                else:
                    await sink.deliver([Delivery(state=state, articles=(article,))])
            return await outcome_of(store, ids, [stored.record for stored in store.quarantine()], sent)
        finally:
            await sink.close()
            await store.close()


class Distributed:
    """A worker process on Kafka and Elasticsearch."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig

    async def run(self, sent: Sequence[Sent], ids: Iterable[str]) -> Outcome:
        await asyncio.to_thread(self._send_and_wait, sent)
        store = open_elasticsearch(self._rig.settings)
        try:
            quarantined = [item.record for item in await asyncio.to_thread(self._rig.quarantined)]
            return await outcome_of(store, ids, quarantined, sent)
        finally:
            await store.close()

    def _send_and_wait(self, sent: Sequence[Sent]) -> None:
        start = 0
        for place in range(1, len(sent) + 1):
            if place == len(sent) or sent[place].channel is not sent[start].channel:
                run = [(record.payload, _key(record.payload)) for record in sent[start:place]]
                self._rig.send_bytes(run, sent[start].channel)
                start = place
        until(lambda: self._rig.lag() == 0, f"all channels to be finished\n{self._rig.last_words()}")
        self._rig.refresh()


def _key(payload: bytes) -> bytes | None:
    # As the collector keys its articles: all revisions of one are on one partition.
    try:
        return codec.decode(payload, RawArticle).article_id.encode()
    except codec.CodecError:
        return None


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Embedded:
    return Embedded(tmp_path_factory.mktemp("embedded"))


@pytest.fixture(scope="module")
def distributed(
    kafka: Kafka, elasticsearch: Elasticsearch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Distributed]:
    name = f"contract-{uuid.uuid4().hex[:12]}"
    rig = Rig(name, tmp_path_factory.mktemp("distributed"), kafka.bootstrap, elasticsearch.url)
    rig.environment["RASAD_CONFIG"] = str(PROJECT / "config")
    # What stories articles make depends on the order in which they come, which one partition alone keeps.
    rig.environment["RASAD_KAFKA__PARTITIONS"] = "1"
    rig.init()
    worker = rig.worker()
    until(worker.is_ready, "a worker")
    yield Distributed(rig)
    rig.close()


async def run(runtime: Runtime, scenario: Scenario, namer: Namer, sent: Sequence[Sent]) -> Outcome:
    outcome = await runtime.run(sent, namer.ids)
    scenario.check(namer, outcome)
    return outcome


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
async def test_the_same_inputs_come_to_the_same_in_both_runtimes(
    scenario: Scenario, embedded: Embedded, distributed: Distributed
) -> None:
    namer = Namer()
    sent = scenario.make(namer)
    one = await run(embedded, scenario, namer, sent)
    other = await run(distributed, scenario, namer, sent)
    # Not `==` of the whole: explaining in what seven hundred documents differ would take longer than the test may.
    assert one.documents.keys() == other.documents.keys()
    differing = [identity for identity in one.documents if one.documents[identity] != other.documents[identity]]
    assert not differing, [
        (identity, name, str(one_has)[:500], str(other_has)[:500])
        for identity in differing[:3]
        for name in one.documents[identity].__struct_fields__
        if (one_has := getattr(one.documents[identity], name))
        != (other_has := getattr(other.documents[identity], name))
    ]
    assert one.copies == other.copies
    assert one.quarantined == other.quarantined
