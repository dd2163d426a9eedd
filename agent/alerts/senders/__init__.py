"""The ways to deliver, one module each; a module is imported only where a destination asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.alerts.destinations import DestinationDefinition
from agent.alerts.links import Links
from agent.alerts.sending import Sender

if TYPE_CHECKING:
    from agent.alerts.deliverer import MakeSender
    from agent.settings import Settings


def sender_maker(settings: Settings) -> MakeSender:
    """Return the function that makes the sender of a destination."""
    links = Links(web_url=settings.alerts.web_url, kibana_url=settings.alerts.kibana_url)

    def make(definition: DestinationDefinition) -> Sender:
        return make_sender(definition, settings, links)

    return make


def make_sender(definition: DestinationDefinition, settings: Settings, links: Links) -> Sender:
    """Return the sender of a destination; nothing is connected yet."""
    match definition.kind:
        case "webhook":
            from agent.alerts.senders.webhook import WebhookSender

            return WebhookSender(definition, settings, links)
        case "mail":
            from agent.alerts.senders.mail import MailSender

            return MailSender(definition, links)
        case "alertmanager":
            from agent.alerts.senders.alertmanager import AlertmanagerSender

            return AlertmanagerSender(definition, settings, links)
        case "syslog":
            from agent.alerts.senders.lines import SyslogSender

            return SyslogSender(definition, links)
        case "feed":
            from agent.alerts.senders.feed import FeedSender

            return FeedSender(definition, settings, links)
        case "apprise":
            from agent.alerts.senders.chat import ChatSender

            return ChatSender(definition, links)
        case _:
            from agent.alerts.senders.lines import StdoutSender

            return StdoutSender(definition, links)
