"""Alerts as an Atom feed (RFC 4287) and a JSON Feed 1.1, in files whose names nobody can guess.

The JSON file is what is gone on from: a new alert is put before those that are there, each alert once, and both files
are replaced whole, so that a reader never sees half of one.
"""

from __future__ import annotations

import os
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import msgspec

from agent.alerts.destinations import DestinationDefinition, SecretMissing, secret_of
from agent.alerts.i18n import words
from agent.alerts.links import Links
from agent.alerts.messages import render, title_of
from agent.alerts.safe import inert
from agent.alerts.sending import OK, Outgoing, Sent, Threads
from streams.alerts.records import Alert

if TYPE_CHECKING:
    from agent.settings import Settings

ATOM = "http://www.w3.org/2005/Atom"
_MAX_NAME_CHARS = 100


class FeedSender:
    """Keeps the two files of one destination. A `Sender`."""

    concurrency = 1

    def __init__(self, definition: DestinationDefinition, settings: Settings, links: Links) -> None:
        self._definition = definition
        self._folder = Path(settings.alerts.feed_folder)
        web = settings.alerts.web_url
        self._base = settings.alerts.feed_url or (f"{web.rstrip('/')}/alert-feeds" if web else None)
        self._links = links
        self._threads = Threads("feed")

    async def send(self, message: Outgoing) -> Sent:
        """Put the alerts into the files."""
        try:
            await self._threads.run(lambda: self._write(message))
        except SecretMissing as error:
            return Sent("retry", str(error))
        except OSError as error:
            return Sent("retry", f"{error.filename or self._folder}: {error.strerror or error}")
        return OK

    async def close(self) -> None:
        """End the thread; no file is kept open."""
        self._threads.close()

    def _write(self, message: Outgoing) -> None:
        name = self._name()
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{name}.json"
        known = _items(path)
        new = [self._item(alert) for alert in reversed(message.alerts)]
        ids = {item["id"] for item in new}
        items = [*new, *(item for item in known if item.get("id") not in ids)][: self._definition.max_entries]
        address = f"{self._base.rstrip('/')}/{name}" if self._base else None
        title = words(self._definition.language).say("Alerts of Rasad: {name}", name=self._definition.id)
        feed: dict[str, Any] = {
            "version": "https://jsonfeed.org/version/1.1",
            "title": title,
            "language": self._definition.language,
            "items": items,
            **({"feed_url": f"{address}.json"} if address else {}),
        }
        _replace(path, msgspec.json.format(msgspec.json.encode(feed), indent=1))
        _replace(path.with_suffix(".atom"), atom(feed, self._definition.id, f"{address}.atom" if address else None))

    def _name(self) -> str:
        secret = secret_of(self._definition)
        if secret is None:
            return self._definition.id
        token = "".join(c for c in secret if c.isascii() and (c.isalnum() or c in "-_"))
        return f"{self._definition.id}-{token}"[:_MAX_NAME_CHARS]

    def _item(self, alert: Alert) -> dict[str, Any]:
        definition = self._definition
        message = render((alert,), language=definition.language, time_zone=definition.time_zone, links=self._links)
        link = self._links.article(alert)
        language = alert.article.language if alert.article is not None else "und"
        return {
            "id": f"urn:rasad:alert:{alert.alert_id}",
            "title": inert(title_of(alert)),
            "content_html": message.html.partition("<body")[2].partition(">")[2].rpartition("</body>")[0],
            "content_text": message.plain,
            "date_published": alert.created_at.astimezone(UTC).isoformat(timespec="seconds"),
            "tags": [alert.rule_id, alert.severity],
            **({"url": link} if link else {}),
            **({"language": language} if language != "und" else {}),
        }


def atom(feed: dict[str, Any], name: str, address: str | None) -> bytes:
    """Return a JSON Feed as an Atom feed."""
    ElementTree.register_namespace("", ATOM)
    root = ElementTree.Element(f"{{{ATOM}}}feed", {"xml:lang": feed["language"]})
    _add(root, "id", f"urn:rasad:feed:{name}")
    _add(root, "title", feed["title"])
    items = feed["items"]
    _add(root, "updated", items[0]["date_published"] if items else datetime.now(UTC).isoformat(timespec="seconds"))
    if address:
        ElementTree.SubElement(root, f"{{{ATOM}}}link", {"rel": "self", "href": address})
    author = ElementTree.SubElement(root, f"{{{ATOM}}}author")
    _add(author, "name", "Rasad")
    for item in items:
        entry = ElementTree.SubElement(root, f"{{{ATOM}}}entry")
        _add(entry, "id", item["id"])
        title = _add(entry, "title", item["title"])
        if "language" in item:
            title.set("xml:lang", item["language"])
        _add(entry, "published", item["date_published"])
        _add(entry, "updated", item["date_published"])
        if "url" in item:
            ElementTree.SubElement(entry, f"{{{ATOM}}}link", {"rel": "alternate", "href": item["url"]})
        for tag in item["tags"]:
            ElementTree.SubElement(entry, f"{{{ATOM}}}category", {"term": tag})
        _add(entry, "content", item["content_html"]).set("type", "html")
    written: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _add(parent: ElementTree.Element, name: str, text: str) -> ElementTree.Element:
    element = ElementTree.SubElement(parent, f"{{{ATOM}}}{name}")
    element.text = text
    return element


def _items(path: Path) -> list[dict[str, Any]]:
    try:
        feed = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except (FileNotFoundError, msgspec.DecodeError):
        return []  # not there yet, or somebody has written into it: it is begun anew
    items = feed.get("items")
    wanted = {"id", "title", "content_html", "date_published", "tags"}
    return (
        [item for item in items if isinstance(item, dict) and wanted <= item.keys()] if isinstance(items, list) else []
    )


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
