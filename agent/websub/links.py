"""Which hub a feed names, and by which address the hub knows it (WebSub section 4). Pure."""

from __future__ import annotations

from agent.parse.link_header import link_header_targets
from agent.parse.records import ParsedFeed


def hub_and_topic(link_header: str, url: str, parsed: ParsedFeed) -> tuple[str | None, str | None]:
    """Return hub and topic of a feed: those of the `Link` headers, else those in the document."""
    in_header = link_header_targets(link_header, url) if link_header else {}
    hubs, selves = in_header.get("hub", ()), in_header.get("self", ())
    hub_url = next(iter(hubs), None) or parsed.hub_url
    topic_url = next(iter(selves), None) or parsed.self_url or url
    return (hub_url, topic_url) if hub_url else (None, None)
