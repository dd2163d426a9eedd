"""The Elasticsearch store when the cluster fails: nothing is lost, nothing is there twice, and only what must be is sent again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest
from prometheus_client import generate_latest

from deploy.dev.services import Elasticsearch
from streams.metrics import Metrics
from streams.model import Article
from streams.stores.base import Search, StoreError, StoreHalted, StoreUnavailable, Verdict
from streams.stores.elasticsearch import ElasticsearchOptions, ElasticsearchStore
from streams.stores.elasticsearch.administration import install, retain
from streams.stores.elasticsearch.client import connect
from tests.contract.articles import BASE, make_article
from tests.contract.store_contract import following
from tests.integration.fault_proxy import (
    Answer,
    CutAnswer,
    DropAnswer,
    DropRequest,
    Fault,
    FaultProxy,
    GarbleAnswer,
    Hang,
    RejectItems,
)

pytestmark = pytest.mark.services
TLS = Path(__file__).parents[1] / "data" / "tls"
WRITTEN = {"created", "updated", "stale"}


@pytest.fixture
async def proxy(elasticsearch: Elasticsearch) -> AsyncIterator[FaultProxy]:
    async with FaultProxy(elasticsearch.url) as proxy:
        yield proxy


@pytest.fixture
def options(proxy: FaultProxy, elasticsearch: Elasticsearch, unique_name: Callable[[str], str]) -> ElasticsearchOptions:
    options = ElasticsearchOptions(
        url=elasticsearch.url, index_prefix=unique_name("faults"), retain_months=0, request_timeout_seconds=60.0
    )
    install(options)
    return msgspec.structs.replace(options, url=proxy.url)


@pytest.fixture
async def store(options: ElasticsearchOptions, elasticsearch: Elasticsearch) -> AsyncIterator[ElasticsearchStore]:
    async with opened(options) as store:
        yield store
    elasticsearch.start()
    retain(msgspec.structs.replace(options, url=elasticsearch.url))


@contextlib.asynccontextmanager
async def opened(options: ElasticsearchOptions, metrics: Metrics | None = None) -> AsyncIterator[ElasticsearchStore]:
    store = ElasticsearchStore(options, metrics=metrics, first_wait_seconds=0.01, longest_wait_seconds=0.2)
    try:
        yield store
    finally:
        await store.close()


def outcomes(verdicts: list[Verdict]) -> set[str]:
    return {verdict.outcome for verdict in verdicts}


async def stored_titles(store: ElasticsearchStore) -> dict[str, str]:
    await store.refresh()
    page = await store.search(Search(limit=100_000))
    assert len(page.hits) == await store.count()
    return {hit.article.article_id: hit.article.title for hit in page.hits}


def titles(articles: list[Article]) -> dict[str, str]:
    return {article.article_id: article.title for article in articles}


ALL_FAULTS: tuple[Fault, ...] = (
    Answer(429), Answer(502), Answer(503), Answer(504), Answer(413), Answer(500, b"<html>no"), DropRequest(), DropAnswer(), CutAnswer(),
    GarbleAnswer(), RejectItems(429, 2), RejectItems(503, 3), RejectItems(500, 1),
)  # fmt: skip


PASSING_FAULTS = tuple(fault for fault in ALL_FAULTS if fault != Answer(413))
"""Without the one that is final for a document that stands alone."""


@pytest.mark.parametrize("fault", ALL_FAULTS, ids=str)
async def test_after_a_fault_everything_is_there_once(
    store: ElasticsearchStore, proxy: FaultProxy, fault: Fault
) -> None:
    articles = [make_article(number) for number in range(40)]
    proxy.faults = [fault]
    verdicts = await store.write(articles)
    assert [verdict.article_id for verdict in verdicts] == [article.article_id for article in articles]
    assert outcomes(verdicts) <= {"created", "updated"}
    assert len(proxy.requests) > 1
    assert await stored_titles(store) == titles(articles)


@pytest.mark.parametrize("seed", range(4))
async def test_a_storm_of_faults(store: ElasticsearchStore, proxy: FaultProxy, seed: int) -> None:
    chance = random.Random(seed)
    articles = [make_article(number) for number in range(400)]
    for start in range(0, 400, 100):
        proxy.faults = chance.choices(PASSING_FAULTS, k=12)
        batch = articles[start : start + 100]
        if start:
            # An edit of what the last batch wrote, and its first revision once more.
            edited = msgspec.structs.replace(articles[start - 1], revision=2, title=f"Edited {start}")
            batch += [edited, articles[start - 1]]
            articles[start - 1] = edited
        assert outcomes(await store.write(batch)) <= WRITTEN
    assert await stored_titles(store) == titles(articles)


async def test_only_what_was_rejected_is_sent_again(store: ElasticsearchStore, proxy: FaultProxy) -> None:
    articles = [make_article(number) for number in range(12)]
    proxy.faults = [RejectItems(429, 5), RejectItems(503, 2)]
    assert outcomes(await store.write(articles)) == {"created"}
    all_ids = [article.article_id for article in articles]
    assert proxy.requests == [all_ids, all_ids[::5], all_ids[::10]]


async def test_a_document_that_the_cluster_refuses_is_told_and_holds_up_nobody(
    store: ElasticsearchStore, proxy: FaultProxy
) -> None:
    good = [make_article(number) for number in range(6)]
    too_long = make_article(7, article_id="f" * 600)
    verdicts = await store.write([*good[:3], too_long, *good[3:]])
    assert [verdict.outcome for verdict in verdicts] == ["created"] * 3 + ["refused"] + ["created"] * 3
    assert verdicts[3].detail.startswith("400: action_request_validation_exception")
    assert await stored_titles(store) == titles(good)


async def test_an_item_that_the_mapping_refuses_is_told_and_not_sent_again(
    store: ElasticsearchStore, options: ElasticsearchOptions, proxy: FaultProxy
) -> None:
    client = connect(options)
    # As if somebody had meddled with one month.
    await client.indices.create(
        index=f"{options.index_prefix}-articles-2022.12", mappings={"properties": {"revision": {"type": "boolean"}}}
    )
    await client.close()
    good = [make_article(number) for number in range(6)]
    bad = make_article(7, published_at=BASE.replace(year=2022, month=12))
    verdicts = await store.write([*good[:3], bad, *good[3:]])
    assert [verdict.outcome for verdict in verdicts] == ["created"] * 3 + ["refused"] + ["created"] * 3
    assert "400 document_parsing_exception" in verdicts[3].detail and "[revision]" in verdicts[3].detail
    assert len(proxy.requests) == 1
    assert await stored_titles(store) == titles(good)


async def test_a_request_that_is_too_large_is_split(store: ElasticsearchStore, proxy: FaultProxy) -> None:
    proxy.refuses = lambda body: Answer(413) if len(body) > 20_000 else None
    articles = [make_article(number, text="wheat " * 300) for number in range(40)]
    too_large = make_article(99, text="wheat " * 10_000)
    verdicts = await store.write([*articles, too_large])
    assert [verdict.outcome for verdict in verdicts] == ["created"] * 40 + ["refused"]
    assert "413" in verdicts[-1].detail
    assert await stored_titles(store) == titles(articles)


async def test_one_document_that_makes_the_whole_request_fail_is_found(
    store: ElasticsearchStore, proxy: FaultProxy
) -> None:
    proxy.refuses = lambda body: Answer(400) if b"POISON" in body else None
    articles = [make_article(number) for number in range(50)]
    poison = make_article(60, title="POISON")
    verdicts = await store.write([*articles[:20], poison, *articles[20:]])
    assert [verdict.article_id for verdict in verdicts if verdict.outcome == "refused"] == [poison.article_id]
    assert await stored_titles(store) == titles(articles)


async def test_limits_of_a_request(options: ElasticsearchOptions, store: ElasticsearchStore, proxy: FaultProxy) -> None:
    sizes: list[int] = []
    proxy.refuses = lambda body: sizes.append(len(body))  # type: ignore[func-returns-value]
    articles = [make_article(number, text="wheat " * 200) for number in range(300)]
    async with opened(msgspec.structs.replace(options, bulk_articles=30, bulk_bytes=15_000)) as limited:
        await limited.write([*articles, make_article(999, text="wheat " * 10_000)])
    assert max(len(ids) for ids in proxy.requests) <= 30
    assert sorted(sizes)[-2] <= 15_000 < sorted(sizes)[-1], "one that is larger by itself goes alone"


async def test_a_hanging_cluster_is_waited_for(options: ElasticsearchOptions, proxy: FaultProxy) -> None:
    async with opened(options) as patient:
        await patient.write([make_article(1)])  # makes the index, which may take longer than the other one waits
    proxy.faults = [Hang(), Hang()]
    async with opened(msgspec.structs.replace(options, request_timeout_seconds=0.5)) as store:
        verdicts = await store.write([make_article(0)])
        assert [(verdict.outcome, verdict.detail) for verdict in verdicts] == [
            ("updated", "stored before, its answer was lost")
        ]


# --- the node itself


async def test_the_node_stops_and_starts_in_mid_bulk(
    store: ElasticsearchStore, proxy: FaultProxy, elasticsearch: Elasticsearch
) -> None:
    articles = [make_article(number) for number in range(1500)]

    async def write_all() -> list[Verdict]:
        verdicts: list[Verdict] = []
        for start in range(0, 1500, 50):
            if start == 1000:
                await restarts[0]  # a node that is being started is not to be started twice
            verdicts += await store.write(articles[start : start + 50])
        return verdicts

    restarts: list[asyncio.Task[None]] = []
    again: list[int] = []

    def kill_and_start() -> None:
        elasticsearch.kill()
        restarts.append(asyncio.create_task(asyncio.to_thread(elasticsearch.start)))

    def before(number: int) -> None:
        if not restarts and number == 5:
            kill_and_start()
        elif len(restarts) == 1 and restarts[0].done() and not again:
            # In the middle of what is about to be sent.
            again.append(number)
            asyncio.get_running_loop().call_later(0.01, kill_and_start)

    proxy.before = before
    verdicts = await write_all()
    for restart in restarts:
        await restart
    assert len(restarts) == 2
    assert len(verdicts) == 1500 and outcomes(verdicts) <= {"created", "updated"}
    assert len(proxy.requests) > 30, "the node was away while something was sent"
    assert await stored_titles(store) == titles(articles)


async def test_the_node_hangs_for_a_while(options: ElasticsearchOptions, elasticsearch: Elasticsearch) -> None:
    direct = msgspec.structs.replace(options, url=elasticsearch.url, request_timeout_seconds=1.0)
    async with opened(direct) as store:
        await store.write([make_article(0)])
        elasticsearch.pause()
        writing = asyncio.create_task(store.write([make_article(1), make_article(2)]))
        await asyncio.sleep(2.0)
        assert not writing.done()
        with pytest.raises(StoreUnavailable, match="did not answer within"):
            await store.search(Search())
        elasticsearch.resume()
        assert outcomes(await writing) <= {"created", "updated"}
    async with opened(msgspec.structs.replace(direct, request_timeout_seconds=60.0)) as patient:
        assert len(await stored_titles(patient)) == 3


async def test_a_tail_goes_on_after_an_outage(store: ElasticsearchStore, elasticsearch: Elasticsearch) -> None:
    await store.write([make_article(0)])
    await store.refresh()
    async with following(store, Search()) as receive:
        await store.write([make_article(1)])
        assert await receive(1) == [make_article(1).article_id]
        await asyncio.to_thread(elasticsearch.restart, kill=True)
        await store.write([make_article(2), make_article(3)])
        seen = await receive(2)
    assert sorted(seen) == sorted(make_article(number).article_id for number in (2, 3))


async def test_a_node_that_is_away_is_said_to_be(options: ElasticsearchOptions) -> None:
    async with opened(msgspec.structs.replace(options, url="http://127.0.0.1:9")) as store:
        with pytest.raises(StoreUnavailable, match=r"cannot be reached.*elasticsearch\.url"):
            await store.search(Search())
        with pytest.raises(StoreUnavailable):
            await store.count()
        with pytest.raises(StoreUnavailable):
            await anext(store.tail(Search()))


# --- refusals that no retry mends


@pytest.mark.parametrize("status", [401, 403])
async def test_refused_credentials_halt(
    options: ElasticsearchOptions, proxy: FaultProxy, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = options_with_secret = msgspec.structs.replace(options, username="worker", password="wrong-s3cret")
    seen: list[str | None] = []
    proxy.authorize = lambda header: seen.append(header) or status  # type: ignore[func-returns-value]
    async with opened(options_with_secret) as store:
        for request in (store.write([make_article(0)]), store.search(Search()), store.count()):
            with pytest.raises(StoreHalted) as raised:
                await request
            assert "wrong-s3cret" not in str(raised.value)
    assert seen and all(header and header.startswith("Basic ") for header in seen)
    assert "wrong-s3cret" not in caplog.text + repr(secret)
    assert aiohttp_encoded("worker:wrong-s3cret") not in caplog.text


async def test_credentials_that_are_withdrawn_while_writing_halt_and_lose_nothing(
    options: ElasticsearchOptions, proxy: FaultProxy
) -> None:
    articles = [make_article(number) for number in range(20)]
    metrics = Metrics()
    async with opened(options, metrics) as store:
        await store.write(articles[:5])
        proxy.faults = [Answer(401)]
        with pytest.raises(StoreHalted, match="credentials"):
            await store.write(articles[5:])
        assert outcomes(await store.write(articles[5:])) == {"created"}
        assert await stored_titles(store) == titles(articles)
    text = generate_latest(metrics.registry).decode()
    assert 'rasad_bulk_items_total{outcome="halted"} 15.0' in text
    assert 'rasad_bulk_items_total{outcome="created"} 20.0' in text


async def test_an_item_that_is_forbidden_halts(store: ElasticsearchStore, proxy: FaultProxy) -> None:
    proxy.faults = [RejectItems(403, 2, "security_exception")]
    with pytest.raises(StoreHalted, match="security_exception"):
        await store.write([make_article(0), make_article(1)])


async def test_an_api_key_is_sent(options: ElasticsearchOptions, proxy: FaultProxy) -> None:
    proxy.authorize = lambda header: 200 if header == "ApiKey c2VjcmV0OmtleQ==" else 401
    async with opened(msgspec.structs.replace(options, api_key="c2VjcmV0OmtleQ==")) as store:
        assert outcomes(await store.write([make_article(0)])) == {"created"}


async def test_without_its_template_nothing_is_written(options: ElasticsearchOptions, proxy: FaultProxy) -> None:
    async with opened(msgspec.structs.replace(options, index_prefix=options.index_prefix + "x")) as store:
        with pytest.raises(StoreHalted, match="rasad admin init"):
            await store.write([make_article(0)])
    assert proxy.requests == []


async def test_what_is_not_elasticsearch_is_told(options: ElasticsearchOptions) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
        )
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with opened(msgspec.structs.replace(options, url=f"http://127.0.0.1:{port}")) as store:
        with pytest.raises(StoreHalted, match="not Elasticsearch"):
            await store.write([make_article(0)])
        with pytest.raises(StoreHalted, match="not Elasticsearch"):
            await store.search(Search())
    server.close()
    await server.wait_closed()


async def test_certificates_are_checked(options: ElasticsearchOptions, elasticsearch: Elasticsearch) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(TLS / "loopback.pem", TLS / "loopback.key")
    async with FaultProxy(elasticsearch.url, tls=context) as proxy:
        async with opened(msgspec.structs.replace(options, url=proxy.url)) as store:
            with pytest.raises(StoreHalted, match=r"not trusted.*ca_file"):
                await store.write([make_article(0)])
        trusted = msgspec.structs.replace(options, url=proxy.url, ca_file=str(TLS / "loopback.pem"))
        async with opened(trusted) as store:
            assert outcomes(await store.write([make_article(0)])) == {"created"}
        wrong_name = msgspec.structs.replace(trusted, url=proxy.url.replace("127.0.0.1", "localhost"))
        async with opened(wrong_name) as store:
            with pytest.raises(StoreHalted, match="not trusted"):
                await store.write([make_article(0)])


async def test_an_unusable_ca_file_is_told(options: ElasticsearchOptions, tmp_path: Path) -> None:
    https = options.url.replace("http:", "https:")
    for url, ca_file, word in (
        (https, str(tmp_path / "nothing"), "cannot be used"),
        (https, str(Path(__file__)), "cannot be used"),
        (options.url, str(TLS / "loopback.pem"), "is not https"),
    ):
        with pytest.raises(StoreError, match=word):
            ElasticsearchStore(msgspec.structs.replace(options, url=url, ca_file=ca_file))


def aiohttp_encoded(pair: str) -> str:
    import base64

    return base64.b64encode(pair.encode()).decode()
