"""What no stage can process ends in quarantine, whole and re-runnable, and harms nothing beside it: real services and commands."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from agent.kafka_clients import KafkaAdmin
from deploy.dev.services import Elasticsearch, Kafka
from streams import codec
from streams.channels import ARTICLES, BACKFILL, ENRICHED, QUARANTINE, RAW, Channel
from streams.model import QuarantineRecord, RawArticle
from tests.integration.worker_kit import Rig, as_json, raw, until

pytestmark = [pytest.mark.services, pytest.mark.slow, pytest.mark.timeout(600)]

STAGE_OF = {RAW: "enrich", BACKFILL: "enrich", ENRICHED: "story", ARTICLES: "index"}


@pytest.fixture
def rig(kafka: Kafka, elasticsearch: Elasticsearch, unique_name: Callable[[str], str], tmp_path: Path) -> Iterator[Rig]:
    made = Rig(unique_name("poison"), tmp_path, kafka.bootstrap, elasticsearch.url)
    made.init()
    yield made
    made.close()


def as_of_schema(article: RawArticle, schema: int, **fields: object) -> bytes:
    return json.dumps({**codec.to_builtins(article), "schema": schema, **fields}).encode()


def poisons() -> list[tuple[bytes | None, bytes | None, str]]:
    """`(value, key, reason it is rejected for)`"""
    return [
        # Random bytes may begin with a digit, which is JSON up to there: of another type, so another reason.
        (b"\x00" + os.urandom(200), b"k", "undecodable"),
        (b"\xff\xfe\x00", b"\xff\x00\xfe", "undecodable"),
        (b"{", b"k", "undecodable"),
        (b"", b"empty", "undecodable"),
        (None, b"tombstone", "undecodable"),
        (b"{}", b"k", "invalid"),
        (b"[1, 2]", None, "invalid"),
        (b'"text"', None, "invalid"),
        (b"null", None, "invalid"),
        (b"[" * 100_000, b"deep", "undecodable"),
        (as_of_schema(raw("newer"), 2, title={"ar": "x"}), b"k", "newer_schema"),
        (as_of_schema(raw("wrong type"), 1, title=12), b"k", "invalid"),
        (as_of_schema(raw("wrong id"), 1, article_id="../../etc"), b"k", "invalid"),
        (as_of_schema(raw("wrong date"), 1, collected_at="yesterday"), b"k", "invalid"),
    ]


def test_poison_on_every_channel_is_quarantined_once_and_what_stands_beside_it_is_stored(rig: Rig) -> None:
    sent: dict[tuple[str, bytes, bytes | None], str] = {}
    for channel in STAGE_OF:
        for number, (value, key, reason) in enumerate(poisons()):
            if channel in (RAW, BACKFILL):
                rig.send([raw(f"{channel.name}-{number}")], channel)
            rig.send_bytes([(value, key)], channel)
            sent[channel.name, value or b"", key] = reason
    worker = rig.worker()
    expected = 4 * len(poisons())
    items = rig.wait_for_quarantined(expected)
    good = {raw(f"{name}-{number}").article_id for name in ("raw", "backfill") for number in range(len(poisons()))}
    assert rig.wait_for(good).keys() == good
    until(lambda: rig.lag() == 0, "all channels to be finished")

    items = rig.quarantined()
    assert len(items) == len({item.id for item in items}) == expected
    assert {(r.record.channel, r.record.payload, r.record.key) for r in items} == sent.keys()
    for record in (item.record for item in items):
        reason = sent[record.channel, record.payload, record.key]
        # A deep nest is refused by the parser in one way or the other.
        assert record.reason == reason or (record.key == b"deep" and record.reason == "invalid"), record.detail
        assert record.stage == {channel.name: stage for channel, stage in STAGE_OF.items()}[record.channel]
        assert record.detail and record.position and record.attempts == 1
    assert worker.metric("rasad_quarantined_total") == expected
    until(lambda: worker.metric("rasad_quarantine_records") == expected, "the size of the quarantine")
    assert worker.process.poll() is None


def test_a_record_of_ten_megabytes_is_quarantined_whole(rig: Rig) -> None:
    with KafkaAdmin(rig.settings.kafka) as admin:  # a channel whose limit somebody has raised
        limit = {"max.message.bytes": "20000000"}
        admin.client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, admin.full_name(RAW), configs=limit)])
    huge = os.urandom(10_000_000)
    rig.send_bytes([(codec.encode(raw(1)), b"a"), (huge, b"huge"), (codec.encode(raw(2)), b"b")])
    rig.worker("--stages", "enrich,story,index")
    [item] = rig.wait_for_quarantined(1)
    assert item.record.payload == huge
    rig.wait_for({raw(1).article_id, raw(2).article_id})
    identity = as_json(rig.rasad("quarantine", "list", "--json").stdout)[0]["id"]
    # The text of the command line is decoded as text; bytes need their own way out.
    assert len(item.record.payload) == int(as_json(rig.rasad("quarantine", "list", "--json").stdout)[0]["bytes"])
    assert "bytes more" in rig.rasad("quarantine", "show", identity).stdout


def test_an_article_that_the_store_refuses_is_quarantined_and_its_neighbours_are_stored(rig: Rig) -> None:
    # More than the integers of the index hold.
    refused = raw("refused", revision=2**40)
    rig.send([raw(1), refused, raw(2)])
    rig.worker()
    [item] = rig.wait_for_quarantined(1)
    assert (item.record.stage, item.record.channel, item.record.reason) == ("index", "articles", "refused_by_store")
    assert json.loads(item.record.payload)["article_id"] == refused.article_id
    assert rig.wait_for({raw(1).article_id, raw(2).article_id}).keys() == {raw(1).article_id, raw(2).article_id}


def put(rig: Rig, identity: str, payload: bytes, channel: Channel, reason: str = "stage_failed") -> None:
    """A record that an earlier, faulty Rasad has quarantined."""
    record = QuarantineRecord(
        stage=STAGE_OF[channel],
        channel=channel.name,
        reason=reason,
        detail="ZeroDivisionError",
        payload=payload,
        key=b"k",
        quarantined_at=datetime(2026, 3, 1, tzinfo=UTC),
    )
    rig.send_bytes([(codec.encode(record), identity.encode())], QUARANTINE)


def test_what_is_mended_is_retried_and_what_is_not_comes_back_with_one_attempt_more(rig: Rig) -> None:
    put(rig, "aaaa1111", codec.encode(raw("mended")), RAW)
    put(rig, "bbbb2222", b"no article", BACKFILL, "undecodable")
    put(rig, "cccc3333", b"whatever", RAW)
    worker = rig.worker()
    assert {row["id"] for row in as_json(rig.rasad("quarantine", "list", "--json").stdout)} == {
        "aaaa1111",
        "bbbb2222",
        "cccc3333",
    }
    assert "1 dropped" in rig.rasad("quarantine", "drop", "cccc").stdout
    assert "2 sent again" in rig.rasad("quarantine", "retry", "--all").stdout
    rig.wait_for({raw("mended").article_id})

    def failed_again() -> list[QuarantineRecord]:
        return [item.record for item in rig.quarantined() if item.record.attempts == 2]

    [again] = until(failed_again, "the other one to come back")
    assert (again.payload, again.channel, again.key) == (b"no article", "backfill", b"k")
    assert [item.record for item in rig.quarantined()] == [again], "what was retried or dropped is not listed any more"

    assert "1 sent again" in rig.rasad("quarantine", "retry", "--reason", "undecodable").stdout
    until(lambda: [item.record.attempts for item in rig.quarantined()] == [3], "a third attempt")
    assert "1 dropped" in rig.rasad("quarantine", "drop", "--stage", "enrich").stdout
    assert rig.rasad("quarantine", "list").stderr.strip() == "nothing is in quarantine"
    assert worker.process.poll() is None


def test_foreign_bytes_on_the_quarantine_channel_are_listed_and_can_be_dropped_but_not_retried(rig: Rig) -> None:
    rig.send_bytes([(b"\x1b[2Jnot ours", b"\xff\xfe"), (b"{}", b"?")], QUARANTINE)
    rows = as_json(rig.rasad("quarantine", "list", "--json").stdout)
    assert len(rows) == 2 and {row["stage"] for row in rows} == {"unknown"}
    shown = rig.rasad("quarantine", "list").stdout + rig.rasad("quarantine", "show", rows[0]["id"]).stdout
    assert "\x1b" not in shown, "nothing in quarantine may steer a terminal"
    retried = rig.rasad("quarantine", "retry", "--all", check=False)
    assert retried.returncode == 1 and "no channel is called" in retried.stderr


def test_ids_that_are_wrong_or_too_short_are_refused(rig: Rig) -> None:
    put(rig, "aaaa1111", b"x", RAW)
    put(rig, "aaaa2222", b"y", RAW)
    unknown = rig.rasad("quarantine", "show", "zz", check=False)
    assert (unknown.returncode, "nothing in quarantine has the id zz" in unknown.stderr) == (1, True)
    ambiguous = rig.rasad("quarantine", "drop", "aaaa", check=False)
    assert (ambiguous.returncode, "write more of the id" in ambiguous.stderr) == (2, True)
    assert rig.rasad("quarantine", "retry", check=False).returncode == 2
    assert rig.rasad("quarantine", "show", "aaaa1111", "--raw").stdout == "x"
