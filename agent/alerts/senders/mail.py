"""Mail by SMTP: HTML and plain text side by side, in the reader's language and direction.

`Message-ID` is made of the idempotency key, so that a mail program shows a mail that was sent twice once, and
`References` of the story, so that what follows on a story stands below its first alert.
"""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate

from agent.alerts.destinations import DestinationDefinition, SecretMissing, secret_of
from agent.alerts.links import Links
from agent.alerts.senders.texts import text_of
from agent.alerts.sending import OK, Outgoing, Sent, Threads

_PORTS = {"none": 25, "starttls": 587, "tls": 465}
_PASSING = frozenset({421, 530, 534, 535, 538})
"""Codes that look final and are about the account or the moment, not about the message."""


def mail_of(message: Outgoing, definition: DestinationDefinition, links: Links) -> EmailMessage:
    """Return the mail."""
    text = text_of(message, definition, links)
    domain = (definition.sender or "@rasad").rpartition("@")[2]
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = text.subject
    mail["From"] = definition.sender
    mail["To"] = ", ".join(definition.to)
    mail["Date"] = formatdate(localtime=False)
    mail["Message-ID"] = f"<{message.key}@{domain}>"
    if not message.is_digest and message.alerts[0].story_id:
        mail["References"] = f"<{message.alerts[0].rule_id}.{message.alerts[0].story_id}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["Rasad-Idempotency-Key"] = message.key
    mail.set_content(text.plain, cte="base64")
    mail.add_alternative(text.html, subtype="html", cte="base64")
    mail["Content-Language"] = definition.language  # last: setting a content drops what describes the one before
    return mail


class _NoAuthority(Exception):
    """The certificates of the authority that was named cannot be read."""


class MailSender:
    """Sends mail by one SMTP server. A `Sender`."""

    concurrency = 2

    def __init__(self, definition: DestinationDefinition, links: Links) -> None:
        self._definition = definition
        self._links = links
        self._threads = Threads("mail", self.concurrency)

    async def send(self, message: Outgoing) -> Sent:
        """Send one mail to all recipients."""
        mail = mail_of(message, self._definition, self._links)
        return await self._threads.run(lambda: self._send(mail))

    async def close(self) -> None:
        """End the threads; each mail has a connection of its own."""
        self._threads.close()

    def _send(self, mail: EmailMessage) -> Sent:
        definition = self._definition
        try:
            secret = secret_of(definition)
            with self._connected() as server:
                if secret is not None:
                    user, _, password = secret.partition(":")
                    server.login(user, password)
                refused = server.send_message(mail, definition.sender, list(definition.to))
        except (SecretMissing, _NoAuthority) as error:
            return Sent("retry", str(error))
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            outcome: Sent = _answered(max(codes), f"all recipients refused ({', '.join(map(str, codes))})")
            return outcome
        except smtplib.SMTPResponseException as error:
            said = error.smtp_error.decode("utf-8", "replace") if isinstance(error.smtp_error, bytes) else ""
            # What a server answers to a login may repeat what was sent.
            is_login = isinstance(error, smtplib.SMTPAuthenticationError)
            return _answered(error.smtp_code, "user name or password refused" if is_login else said)
        except (smtplib.SMTPException, OSError) as error:
            return Sent("retry", f"{definition.host}: {type(error).__name__}: {error}")
        return Sent("ok", f"refused for {len(refused)} of {len(definition.to)} recipients") if refused else OK

    def _connected(self) -> smtplib.SMTP:
        definition = self._definition
        host, port = definition.host or "", definition.port or _PORTS[definition.tls]
        timeout = definition.timeout_seconds
        if definition.tls == "none":
            return smtplib.SMTP(host, port, timeout=timeout)
        try:
            context = ssl.create_default_context(cafile=definition.ca_file)
        except OSError as error:
            raise _NoAuthority(f"`ca_file` {definition.ca_file}: {error.strerror or error}") from None
        if definition.tls == "tls":
            return smtplib.SMTP_SSL(host, port, timeout=timeout, context=context)
        server = smtplib.SMTP(host, port, timeout=timeout)
        try:
            server.starttls(context=context)
        except BaseException:
            server.close()
            raise
        return server


def _answered(code: int, said: str) -> Sent:
    is_final = 500 <= code < 600 and code not in _PASSING
    return Sent("refused" if is_final else "retry", f"SMTP {code}: {said}"[:300])
