"""Alerts at a real Alertmanager: labels and annotations, one alert for a story, and its end when the story goes quiet."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from agent.alerts.destinations import DestinationDefinition
from agent.alerts.links import Links
from agent.alerts.senders import make_sender
from agent.alerts.sending import OK, Outgoing
from agent.settings import Settings
from deploy.dev.services import Alertmanager
from streams.alerts.records import Alert
from streams.definitions import RealertPolicy
from streams.pipeline import utc_now
from tests.unit.alerts.kit import article, id_of, rule, run, stage, until

pytestmark = [pytest.mark.services, pytest.mark.slow]

LINKS = Links(web_url="https://rasad.example")


def alerts(story: str) -> list[Alert]:
    one = stage(rule(severity="critical", realert=RealertPolicy(language=True)))
    title = "محادثات تطبيع normalization @everyone"
    return run(
        one,
        article("a", story_id=id_of(story), title=title, language="ar", ownership="state"),
        article("b", story_id=id_of(story), language="fa"),
    )


def found(alertmanager: Alertmanager, story: str) -> list[dict[str, object]]:
    return [one for one in alertmanager.alerts() if one["labels"].get("story") == id_of(story)]


async def test_a_story_is_one_alert_that_is_brought_up_to_date_and_ends(alertmanager: Alertmanager) -> None:
    definition = DestinationDefinition(id="am", kind="alertmanager", url=alertmanager.url, quiet_seconds=3600)
    sender = make_sender(definition, Settings(), LINKS)
    first, second = [replace(one, created_at=utc_now()) for one in alerts("one")]
    try:
        assert await sender.send(Outgoing(key="a" * 32, alerts=(first,))) == OK
        [held] = await until(lambda: found(alertmanager, "one"))
        assert held["labels"] == {
            "alertname": "normalization", "severity": "critical", "generator": "rasad", "story": id_of("one"),
        }  # fmt: skip
        annotations = held["annotations"]
        assert "تطبيع" in annotations["summary"] and "@everyone" not in annotations["summary"]
        assert annotations["story_url"] == f"https://rasad.example/stories/{id_of('one')}"
        assert annotations["ownership"] == "state" and "【normalization】" in annotations["description"]
        ends_at = datetime.fromisoformat(held["endsAt"])
        assert abs(ends_at - first.created_at - timedelta(hours=1)) < timedelta(seconds=2)

        later = replace(second, created_at=second.created_at + timedelta(minutes=30))
        assert await sender.send(Outgoing(key="b" * 32, alerts=(later,))) == OK
        [updated] = await until(lambda: [one for one in found(alertmanager, "one") if one["endsAt"] != held["endsAt"]])
        assert updated["fingerprint"] == held["fingerprint"]
        assert "Persian" in updated["annotations"]["reasons"]

        # What was last heard of more than `quiet_seconds` ago is over.
        old = replace(first, story_id=id_of("two"), created_at=utc_now() - timedelta(seconds=3599))
        assert await sender.send(Outgoing(key="c" * 32, alerts=(old,))) == OK
        await until(lambda: not found(alertmanager, "two"))
    finally:
        await sender.close()


async def test_an_alertmanager_that_is_away_is_tried_again(alertmanager: Alertmanager) -> None:
    definition = DestinationDefinition(id="am", kind="alertmanager", url=alertmanager.url)
    sender = make_sender(definition, Settings(), LINKS)
    message = Outgoing(key="d" * 32, alerts=(replace(alerts("three")[0], created_at=utc_now()),))
    try:
        alertmanager.kill()
        assert (await sender.send(message)).outcome == "retry"
        alertmanager.start()
        assert await sender.send(message) == OK
        await until(lambda: found(alertmanager, "three"))
    finally:
        await sender.close()
