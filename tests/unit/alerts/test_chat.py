"""Chat services through Apprise, at an address of one's own: a real HTTP receiver on loopback says what arrives."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs
from xml.etree import ElementTree

import pytest
from aiohttp import web

from agent.alerts.destinations import DestinationDefinition
from agent.alerts.links import Links
from agent.alerts.safe import FSI, PDI
from agent.alerts.senders import make_sender
from agent.alerts.sending import OK, Outgoing, Sent
from agent.settings import AlertSettings, Settings
from streams.alerts.records import Alert
from tests.unit.alerts.kit import NOON, Receiver, article, receiver, rule, run, stage, status

HOSTILE = (
    "أردوغان: @everyone <!channel> <@U0123> @here **تطبيع** [click](https://evil.example/x) #tag @bob@evil.example"
    " <b>bold</b> `code` ~struck~ |cell| :smile: \\* www.evil.example"
)
RLM = "\u200f"
OWN_LINK = "https://outlet.example/a_b/c"
SETTINGS = Settings(alerts=AlertSettings(allow_private_hosts=("127.0.0.1",)))


def alert(**fields: Any) -> Alert:
    given = {"title": HOSTILE, "language": "ar", "text": f"عن تطبيع العلاقات. {HOSTILE}", "url": OWN_LINK, **fields}
    [found] = run(stage(rule(query="تطبيع", name="تطبيع @all <!here> **")), article("a", **given))
    return found


def outgoing(*alerts: Alert, is_digest: bool = False) -> Outgoing:
    return Outgoing(key="0123456789abcdef" * 2, alerts=alerts or (alert(),), is_digest=is_digest)


async def answer(request: web.Request) -> web.StreamResponse:
    """What each of the services needs to hear to go on."""
    return web.json_response({"room_id": "!r:host", "user_id": "@rasad:host", "device_id": "D", "event_id": "$1"})


def field(*names: str) -> Callable[[bytes], list[str]]:
    def read(body: bytes) -> list[str]:
        record = json.loads(body)
        return [record[name] for name in names]

    return read


def form(*names: str) -> Callable[[bytes], list[str]]:
    return lambda body: [parse_qs(body.decode())[name][0] for name in names]


def soap(body: bytes) -> list[str]:
    found = {node.tag.rpartition("}")[2]: node.text or "" for node in ElementTree.fromstring(body).iter()}
    return [found["Subject"], found["Message"]]


SERVICES = {
    "json": ("json://{place}/hook", "/hook", field("title", "message")),
    "xml": ("xml://{place}/hook", "/hook", soap),
    "form": ("form://{place}/hook", "/hook", form("title", "message")),
    "ntfy": ("ntfy://{place}/topic", "/", field("title", "message")),
    "gotify": ("gotify://{place}/token1234567890", "/message", field("title", "message")),
    "mattermost": ("mmost://{place}/abcdefgh12345678", "/hooks/abcdefgh12345678", field("text")),
    "rocket.chat": (f"rocket://{'a' * 18}/{'b' * 24}@{{place}}/#room", f"/hooks/{'a' * 18}/{'b' * 24}", field("text")),
    "matrix": ("matrix://token@{place}/!room:host", "/_matrix/client/v3/rooms/!r:host/send/", field("body")),
    "mastodon": ("mastodon://token@{place}", "/api/v1/statuses", field("status")),
    "nextcloud": ("nctalk://user:word@{place}/room", "/ocs/v2.php/apps/spreed/api/v1/chat/room", field("message")),
    "signal": ("signal://{place}/15551234567/15559876543", "/v2/send", field("message")),
    "apprise": ("apprise://{place}/token", "/notify", form("title", "body")),
}


async def send(
    chat: Receiver, url: str, message: Outgoing, monkeypatch: pytest.MonkeyPatch, language: str = "ar"
) -> Sent:
    monkeypatch.setenv("RASAD_ALERT_SECRET_ROOM", url.format(place=chat.url.split("/")[2]))
    definition = DestinationDefinition(id="room", kind="apprise", credentials="room", language=language)  # type: ignore[arg-type]
    sender = make_sender(definition, SETTINGS, Links())
    try:
        return await sender.send(message)
    finally:
        await sender.close()


def what_arrived(chat: Receiver, service: str) -> list[str]:
    _, path, read = SERVICES[service]
    [body] = [body for _, body, at in chat.requests if at.startswith(path)]
    return read(body)


@pytest.mark.parametrize("service", SERVICES)
async def test_what_a_feed_wrote_is_neither_mention_nor_markup_nor_link(
    service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with receiver() as chat:
        chat.answers = [answer]
        assert await send(chat, SERVICES[service][0], outgoing(), monkeypatch) == OK
        texts = what_arrived(chat, service)
    assert OWN_LINK in texts[-1], "the link must be whole"
    for text in texts:
        said = text.replace(OWN_LINK, "")
        assert "تطبيع" in said and "everyone" in said
        assert not re.search(r"@\w", said), "somebody would be called"
        assert not re.search(r"[*`~|<>\\]|!\w+>|\]\(", said), "there is markup in it"
        assert not re.search(r"#\w|:\w+:", said)
        assert "evil.example" not in said and "://" not in said


@pytest.mark.parametrize("service", SERVICES)
async def test_lines_run_from_the_right_and_each_foreign_part_ends(
    service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with receiver() as chat:
        chat.answers = [answer]
        assert await send(chat, SERVICES[service][0], outgoing(), monkeypatch) == OK
        texts = what_arrived(chat, service)
    for text in texts:
        for line in text.splitlines():
            depth = 0
            for character in line:
                depth += (character == FSI) - (character == PDI)
                assert depth in (0, 1)
            assert depth == 0, "an isolate takes in what follows"
    lines = [line for line in texts[-1].splitlines() if line]
    assert all(line.startswith(RLM) for line in lines[1:])


async def test_a_message_is_said_once_where_there_is_no_field_for_a_title(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiver() as chat:
        chat.answers = [answer]
        for service in ("mattermost", "rocket.chat", "mastodon"):
            assert await send(chat, SERVICES[service][0], outgoing(), monkeypatch) == OK
            [text] = what_arrived(chat, service)
            assert text.startswith(f"{RLM}[معلومة]") and text.count("[معلومة]") == 1


async def test_no_picture_is_named_that_lies_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiver() as chat:
        chat.answers = [answer]
        for url, _, _ in SERVICES.values():
            assert await send(chat, url, outgoing(), monkeypatch) == OK
    assert not [path for headers, body, path in chat.requests if b".png" in body or ".png" in str(headers)]


async def test_an_alert_that_is_too_long_keeps_its_title_and_its_link(monkeypatch: pytest.MonkeyPatch) -> None:
    long = "تطبيع بين البلدين بعد المحادثات في موسكو. " * 3
    async with receiver() as chat:
        chat.answers = [answer]
        message = outgoing(alert(title="تطبيع", text=long * 4))
        assert await send(chat, "mastodon://token@{place}", message, monkeypatch) == OK
        [short] = what_arrived(chat, "mastodon")
        assert await send(chat, "json://{place}/hook", message, monkeypatch) == OK
        whole = what_arrived(chat, "json")[-1]
    assert len(short) <= 500 < len(whole)
    assert short.splitlines()[:2] == whole.splitlines()[:2] and short.rstrip().endswith(OWN_LINK)


async def test_a_digest_that_is_too_long_counts_what_it_leaves_out(monkeypatch: pytest.MonkeyPatch) -> None:
    one = stage(rule())
    found = run(one, *(article(str(n), story_id=f"{n:032x}") for n in range(30)), step=timedelta(seconds=1))
    assert len(found) == 30 and found[0].created_at == NOON
    async with receiver() as chat:
        chat.answers = [answer]
        digest = outgoing(*found, is_digest=True)
        assert await send(chat, "mastodon://token@{place}", digest, monkeypatch, "en") == OK
        [text] = what_arrived(chat, "mastodon")
    told = text.count("https://outlet.example/")
    assert 1 <= told < 30 and len(text) <= 500
    assert f"and {30 - told} more: rasad alerts list" in text


async def test_whatever_goes_wrong_is_tried_again_and_shows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiver() as chat:
        assert await send(chat, "json://user:s3cret@{place}/hook", outgoing(), monkeypatch, "fa") == OK
        chat.answers = [status(500)]
        failed = await send(chat, "json://user:s3cret@{place}/hook", outgoing(), monkeypatch)
        two = await send(chat, "json://{place} json://{place}", outgoing(), monkeypatch)
        none = await send(chat, "nothing-of-the-kind", outgoing(), monkeypatch)
    [(_, body, _), _] = chat.requests
    assert "خبری تازه" in json.loads(body)["message"]
    assert [one.outcome for one in (failed, two, none)] == ["retry"] * 3
    assert "s3cret" not in failed.detail
    assert "one Apprise URL" in two.detail and "one Apprise URL" in none.detail
