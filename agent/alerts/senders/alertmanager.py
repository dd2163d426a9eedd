"""Prometheus Alertmanager, API v2: one alert there for each rule and story, which ends when the story goes quiet.

Its labels stay the same as long as the story does, so that a further alert of ours is an update there. It ends by
itself `quiet_seconds` after it was last heard of; while the story goes on we tell. Grouping, silences, inhibition and
escalation are Alertmanager's.
"""

from __future__ import annotations

import base64
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from agent.alerts.destinations import DestinationDefinition, SecretMissing, secret_of
from agent.alerts.i18n import words
from agent.alerts.links import Links
from agent.alerts.messages import marked, reasons_of, title_of
from agent.alerts.safe import inert, isolated
from agent.alerts.senders.posting import CONCURRENCY, Poster
from agent.alerts.sending import Outgoing, Sent
from streams.alerts.records import Alert

if TYPE_CHECKING:
    from agent.settings import Settings

PATH = "/api/v2/alerts"


def as_alertmanager(alert: Alert, definition: DestinationDefinition, links: Links) -> dict[str, Any]:
    """Return `alert` as a `postableAlert` of the API."""
    w = words(definition.language)
    labels = {"alertname": alert.rule_id, "severity": alert.severity, "generator": "rasad"}
    if alert.story_id is not None:
        labels["story"] = alert.story_id
    if alert.trend is not None:
        labels |= {"trend": alert.trend.kind, alert.trend.series_kind: alert.trend.series_value}
    annotations = {
        "summary": isolated(title_of(alert)),
        "rule": inert(alert.rule_name),
        "reasons": reasons_of(alert, w),
    }
    if alert.article is not None:
        article = alert.article
        annotations["source"] = isolated(article.source_name or article.source_id or w.say("unknown source"))
        annotations |= {"language": article.language, "ownership": article.ownership}
        if article.country:
            annotations["country"] = article.country
    if alert.story is not None:
        annotations["articles"] = str(alert.story.articles)
        annotations["independent_sources"] = str(alert.story.independent_sources)
    if alert.excerpts:
        annotations["description"] = "\n".join(isolated(marked(excerpt)) for excerpt in alert.excerpts)
    if alert.lineage:
        annotations["lineage"] = "\n".join(isolated(chain) for chain in alert.lineage)
    found = links.all(alert)
    annotations |= {f"{name}_url": link for name, link in found.items()}
    ends_at = alert.created_at + timedelta(seconds=definition.quiet_seconds)
    generator = found.get("story") or found.get("article")
    return {
        "labels": labels,
        "annotations": annotations,
        "startsAt": alert.created_at.astimezone(UTC).isoformat(),
        "endsAt": ends_at.astimezone(UTC).isoformat(),
        **({"generatorURL": generator} if generator else {}),
    }


class AlertmanagerSender:
    """Posts alerts to one Alertmanager. A `Sender`."""

    concurrency = CONCURRENCY

    def __init__(self, definition: DestinationDefinition, settings: Settings, links: Links) -> None:
        self._definition = definition
        self._links = links
        base = (definition.url or "").rstrip("/")
        # Whoever configures an Alertmanager means it, and it is hardly ever a public address.
        allowed = (urlsplit(base).hostname or "", *settings.alerts.allow_private_hosts)
        self._poster = Poster(
            base + ("" if base.endswith(PATH) else PATH),
            settings,
            allowed=allowed,
            timeout_seconds=definition.timeout_seconds,
        )

    async def send(self, message: Outgoing) -> Sent:
        """Post the alerts of the message."""
        try:
            secret = secret_of(self._definition)
        except SecretMissing as error:
            return Sent("retry", str(error))
        body = msgspec.json.encode([as_alertmanager(alert, self._definition, self._links) for alert in message.alerts])
        return await self._poster.post(body, {"Idempotency-Key": message.key}, _headers(secret))

    async def close(self) -> None:
        """Close the connections."""
        await self._poster.close()


def _headers(secret: str | None) -> dict[str, str]:
    """Return what lets us in: `user:password` as HTTP Basic, or one header as it is written."""
    if secret is None:
        return {}
    name, colon, value = secret.partition(": ")
    if colon:
        return {name.strip(): value.strip()}
    return {"Authorization": "Basic " + base64.b64encode(secret.encode()).decode()}
