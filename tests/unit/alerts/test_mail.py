"""Mail through a real SMTP server: what arrives, and what is done about what it answers."""

from __future__ import annotations

import email
import email.policy
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session

from agent.alerts.destinations import DestinationDefinition
from agent.alerts.links import Links
from agent.alerts.safe import FSI
from agent.alerts.senders.mail import MailSender
from agent.alerts.sending import Outgoing
from streams.alerts.records import Alert
from tests.unit.alerts.kit import article, rule, run, stage

TLS = Path(__file__).parents[2] / "data" / "tls"
TITLE = "أردوغان: لا نستبعد @everyone <b>لقاء</b> تطبيع"


class Mailbox:
    """Keeps what arrives; `answers` are taken in order, then all is accepted."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.answers: list[str] = []
        self.refused: set[str] = set()

    async def handle_RCPT(
        self, server: object, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refused:
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: object, session: Session, envelope: Envelope) -> str:
        if self.answers:
            return self.answers.pop(0)
        mail = email.message_from_bytes(envelope.content or b"", policy=email.policy.default)  # type: ignore[arg-type]
        self.mails.append(mail)  # type: ignore[arg-type]
        self.recipients.append(list(envelope.rcpt_tos))
        return "250 OK"


@contextmanager
def smtp(mailbox: Mailbox, **options: Any) -> Iterator[int]:
    controller = Controller(mailbox, hostname="127.0.0.1", port=0, **options)
    # Its own `start` connects to the port that was asked for, and 0 is none.
    import threading

    ready = threading.Event()
    thread = threading.Thread(target=controller._run, args=(ready,), daemon=True)
    controller._thread = thread
    thread.start()
    assert ready.wait(60)
    try:
        yield controller.server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
    finally:
        controller.stop()


def desk(port: int, **fields: Any) -> DestinationDefinition:
    given = {
        "host": "127.0.0.1",
        "tls": "none",
        "sender": "rasad@example.org",
        "to": ("a@example.org", "b@example.org"),
        **fields,
    }
    return DestinationDefinition(id="desk", kind="mail", port=port, **given)


def alert() -> Alert:
    [found] = run(
        stage(rule(query="تطبيع")), article("a", title=TITLE, language="ar", text="عن تطبيع العلاقات بين البلدين.")
    )
    return found


MESSAGE = Outgoing(key="0123456789abcdef" * 2, alerts=(alert(),))


async def test_a_mail_has_both_parts_with_direction_and_language() -> None:
    mailbox = Mailbox()
    with smtp(mailbox) as port:
        assert (await MailSender(desk(port, language="ar"), Links()).send(MESSAGE)).outcome == "ok"
    [mail] = mailbox.mails
    assert mailbox.recipients == [["a@example.org", "b@example.org"]]
    assert mail["Message-ID"] == f"<{MESSAGE.key}@example.org>"
    assert mail["Content-Language"] == "ar" and mail["Auto-Submitted"] == "auto-generated"
    assert MESSAGE.alerts[0].story_id in mail["References"]
    assert FSI in mail["Subject"] and "تطبيع" in mail["Subject"] and "@everyone" not in mail["Subject"]
    assert mail.get_content_type() == "multipart/alternative"
    plain, html = mail.iter_parts()
    assert (plain.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert '<html lang="ar" dir="rtl">' in html.get_content() and 'dir="auto" lang="ar"' in html.get_content()
    assert "<b>" not in html.get_content() and "【تطبيع】" in plain.get_content()
    assert all(line.startswith("\u200f") for line in plain.get_content().splitlines() if line)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("451 4.3.0 try later", "retry"), ("421 4.3.2 closing", "retry"), ("550 5.7.1 spam", "refused"),
        ("552 5.2.2 too large", "refused"), ("530 5.7.0 authentication required", "retry"),
    ],
)  # fmt: skip
async def test_what_the_server_answers_decides(answer: str, outcome: str) -> None:
    mailbox = Mailbox()
    mailbox.answers = [answer]
    with smtp(mailbox) as port:
        sender = MailSender(desk(port), Links())
        sent = await sender.send(MESSAGE)
        assert sent.outcome == outcome and answer[:3] in sent.detail
        assert (await sender.send(MESSAGE)).outcome == "ok"


async def test_one_refused_recipient_does_not_keep_the_other_from_it() -> None:
    mailbox = Mailbox()
    mailbox.refused = {"a@example.org"}
    with smtp(mailbox) as port:
        sender = MailSender(desk(port), Links())
        sent = await sender.send(MESSAGE)
        assert (sent.outcome, sent.detail) == ("ok", "refused for 1 of 2 recipients")
        mailbox.refused.add("b@example.org")
        assert (await sender.send(MESSAGE)).outcome == "refused"
    assert mailbox.recipients == [["b@example.org"]]


async def test_a_server_that_is_away_is_tried_again() -> None:
    with smtp(Mailbox()) as port:
        pass
    assert (await MailSender(desk(port), Links()).send(MESSAGE)).outcome == "retry"


async def test_a_password_is_never_sent_where_tls_is_asked_for_and_not_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RASAD_ALERT_SECRET_SMTP", "user:s3cret")
    seen: list[bytes] = []

    def check(server: object, session: object, envelope: object, mechanism: str, data: LoginPassword) -> AuthResult:
        seen.append(data.password)
        return AuthResult(success=True)

    with smtp(Mailbox(), authenticator=check, auth_require_tls=False) as port:
        sent = await MailSender(desk(port, tls="starttls", credentials="smtp"), Links()).send(MESSAGE)
        assert sent.outcome == "retry" and seen == [] and "s3cret" not in sent.detail
        assert (await MailSender(desk(port, credentials="smtp"), Links()).send(MESSAGE)).outcome == "ok"
    assert seen == [b"s3cret"]


async def test_a_refused_login_is_tried_again_and_shows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RASAD_ALERT_SECRET_SMTP", "user:s3cret")

    def refuse(server: object, session: object, envelope: object, mechanism: str, data: LoginPassword) -> AuthResult:
        return AuthResult(success=False, handled=False, message=f"535 no {data.password!r}")

    with smtp(Mailbox(), authenticator=refuse, auth_require_tls=False) as port:
        sent = await MailSender(desk(port, credentials="smtp"), Links()).send(MESSAGE)
    assert sent.outcome == "retry" and "refused" in sent.detail and "s3cret" not in sent.detail


# --- TLS --------------------------------------------------------------------------------------------------------------


class Logins:
    """Lets one user in, and notes over what each login came."""

    def __init__(self) -> None:
        self.seen: list[tuple[bytes, bool]] = []

    def __call__(
        self, server: Any, session: Session, envelope: object, mechanism: str, data: LoginPassword
    ) -> AuthResult:
        is_secret = session.ssl is not None or server.transport.get_extra_info("sslcontext") is not None
        self.seen.append((data.password, is_secret))
        return AuthResult(success=data.password == b"s3cret", handled=False)


without_advice = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
"""Of the server, which does not count the TLS around it."""


@contextmanager
def secured(tls: str, certificate: str, mailbox: Mailbox, logins: Logins) -> Iterator[int]:
    """A server that takes mail from who has logged in, over TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / f"{certificate}.pem")
    how: dict[str, Any] = (
        {"tls_context": context, "require_starttls": True}
        if tls == "starttls"
        else {"ssl_context": context, "auth_require_tls": False}
    )
    with smtp(mailbox, authenticator=logins, auth_required=True, **how) as port:
        yield port


@pytest.fixture
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RASAD_ALERT_SECRET_SMTP", "user:s3cret")


@pytest.mark.usefixtures("password")
@pytest.mark.parametrize("tls", ["starttls", "tls"])
@without_advice
async def test_mail_and_password_go_over_tls(tls: str) -> None:
    mailbox, logins = Mailbox(), Logins()
    with secured(tls, "good", mailbox, logins) as port:
        definition = desk(port, tls=tls, credentials="smtp", ca_file=str(TLS / "authority.pem"))
        assert (await MailSender(definition, Links()).send(MESSAGE)).outcome == "ok"
    assert logins.seen == [(b"s3cret", True)] and len(mailbox.mails) == 1


@pytest.mark.usefixtures("password")
@pytest.mark.parametrize("tls", ["starttls", "tls"])
@without_advice
@pytest.mark.parametrize("certificate", ["wrong-host", "expired", "not-yet", "self-signed", "loopback"])
async def test_a_wrong_certificate_gets_neither_password_nor_mail(tls: str, certificate: str, tmp_path: Path) -> None:
    if certificate == "loopback":  # its key is in a file of its own
        both = tmp_path / "loopback.pem"
        both.write_bytes((TLS / "loopback.pem").read_bytes() + (TLS / "loopback.key").read_bytes())
        certificate = str(both.with_suffix(""))
    mailbox, logins = Mailbox(), Logins()
    with secured(tls, certificate, mailbox, logins) as port:
        definition = desk(port, tls=tls, credentials="smtp", ca_file=str(TLS / "authority.pem"))
        sent = await MailSender(definition, Links()).send(MESSAGE)
    assert sent.outcome == "retry" and "certificate" in sent.detail.lower() and "s3cret" not in sent.detail
    assert logins.seen == [] and mailbox.mails == []


@pytest.mark.usefixtures("password")
@pytest.mark.parametrize("tls", ["starttls", "tls"])
@without_advice
async def test_an_authority_that_the_system_does_not_know_has_to_be_named(tls: str) -> None:
    mailbox, logins = Mailbox(), Logins()
    with secured(tls, "good", mailbox, logins) as port:
        sent = await MailSender(desk(port, tls=tls, credentials="smtp"), Links()).send(MESSAGE)
    assert sent.outcome == "retry" and "certificate" in sent.detail.lower()
    assert logins.seen == [] and mailbox.mails == []


@pytest.mark.parametrize("tls", ["starttls", "tls"])
@without_advice
async def test_a_server_that_wants_a_password_is_tried_again_until_it_gets_it(
    tls: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox, logins = Mailbox(), Logins()
    authority = str(TLS / "authority.pem")
    with secured(tls, "good", mailbox, logins) as port:
        sent = await MailSender(desk(port, tls=tls, ca_file=authority), Links()).send(MESSAGE)
        assert sent.outcome == "retry" and "530" in sent.detail and logins.seen == []
        sender = MailSender(desk(port, tls=tls, ca_file=authority, credentials="smtp"), Links())
        sent = await sender.send(MESSAGE)
        assert sent.outcome == "retry" and "RASAD_ALERT_SECRET_SMTP" in sent.detail and logins.seen == []
        monkeypatch.setenv("RASAD_ALERT_SECRET_SMTP", "user:wr0ng")
        sent = await sender.send(MESSAGE)
        assert sent.outcome == "retry" and "535" in sent.detail and "wr0ng" not in sent.detail
        monkeypatch.setenv("RASAD_ALERT_SECRET_SMTP", "user:s3cret")
        assert (await sender.send(MESSAGE)).outcome == "ok"
    assert [word for word, _ in logins.seen] and set(logins.seen) == {(b"wr0ng", True), (b"s3cret", True)}
    assert len(mailbox.mails) == 1


@pytest.mark.usefixtures("password")
@without_advice
async def test_an_authority_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    mailbox, logins = Mailbox(), Logins()
    with secured("tls", "good", mailbox, logins) as port:
        definition = desk(port, tls="tls", credentials="smtp", ca_file=str(tmp_path / "gone.pem"))
        sent = await MailSender(definition, Links()).send(MESSAGE)
    assert sent.outcome == "retry" and "gone.pem" in sent.detail and logins.seen == []
