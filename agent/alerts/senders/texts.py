"""The text for people of one message to one destination."""

from __future__ import annotations

from agent.alerts.destinations import DestinationDefinition
from agent.alerts.links import Links
from agent.alerts.messages import MAX_IN_DIGEST, Message, render
from agent.alerts.sending import Outgoing


def text_of(
    message: Outgoing,
    definition: DestinationDefinition,
    links: Links,
    *,
    for_chat: bool = False,
    most: int = MAX_IN_DIGEST,
) -> Message:
    """Return what `message` says in the language and time zone of its destination (see `messages.render`)."""
    return render(
        message.alerts,
        language=definition.language,
        time_zone=definition.time_zone,
        links=links,
        is_digest=message.is_digest,
        for_chat=for_chat,
        most=most,
    )
