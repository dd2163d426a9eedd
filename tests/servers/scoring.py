"""A server that scores a feed reader by the checks of the "feed reader behaviour" project, on a clock that it is given.

Every request is held against what the reader was told before: which validators it has, when it may come again, and what
it must not send at all. `faults` says what was wrong; `checks` counts what was looked at, so that a check which never
came up does not pass for one that was passed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from tests.servers.feed_server import Answer, FeedServer, Request, item, rss

SHORTEST_SECONDS = 300.0
_AGENT = re.compile(r"[A-Za-z][\w.-]*/\d[\w.]* \(.{5,}\)")


@dataclass
class Told:
    """What the reader knows of one address."""

    etag: str | None = None
    last_modified: str | None = None
    not_before: datetime | None = None
    not_before_why: str = ""
    last_at: datetime | None = None
    is_gone: bool = False
    requests: int = 0


@dataclass
class Page:
    """One address: what it answers at its n-th request, and how long it asks to be left alone afterwards."""

    answer: Callable[[int], Answer]
    asks_seconds: Callable[[int], float] = lambda number: 0.0
    after_poll: bool = True
    """False for a place that is only come to by a redirect, where the time between requests says nothing."""


@dataclass
class ScoringServer:
    """Serves `pages` through a real server and keeps the score."""

    server: FeedServer
    now: Callable[[], datetime]
    faults: list[str] = field(default_factory=list)
    checks: Counter[str] = field(default_factory=Counter)
    told: dict[str, Told] = field(default_factory=dict)

    def serve(self, path: str, page: Page) -> str:
        """Serve a page and return its URL."""
        self.told[path] = Told()
        self.server.answers[path] = lambda request: self._answer(path, page, request)
        return self.server.url(path)

    def _check(self, name: str, is_right: bool, detail: str) -> None:
        self.checks[name] += 1
        if not is_right:
            self.faults.append(f"{name}: {detail}")

    def _answer(self, path: str, page: Page, request: Request) -> Answer:
        told, now = self.told[path], self.now()
        headers = {name.lower(): value for name, value in request.headers.items()}
        where = f"{path} #{told.requests + 1}"
        self._check("user agent", bool(_AGENT.fullmatch(headers.get("user-agent", ""))), where)
        self._check("cookies", "cookie" not in headers, where)
        self._check("referrer", "referer" not in headers, where)
        self._check("credentials", "authorization" not in headers, where)
        self._check("compression", "gzip" in headers.get("accept-encoding", ""), where)
        self._check("gone", not told.is_gone, f"{where} asked again after 410")
        etag, date = headers.get("if-none-match"), headers.get("if-modified-since")
        if told.etag is None and told.last_modified is None:
            self._check("invented validators", etag is None and date is None, f"{where} sent {etag!r}, {date!r}")
        else:
            self._check("needless unconditional request", etag is not None or date is not None, where)
            self._check("validators verbatim", etag == told.etag, f"{where} sent {etag!r}, not {told.etag!r}")
            self._check("dates verbatim", date == told.last_modified, f"{where} sent {date!r}")
        if told.last_at is not None and page.after_poll:
            seconds = (now - told.last_at).total_seconds()
            self._check("too early", seconds >= SHORTEST_SECONDS, f"{where} after {seconds:.0f} s")
        if told.not_before is not None:
            early = (told.not_before - now).total_seconds()
            self._check(told.not_before_why, early <= 0, f"{where} {early:.0f} s too early")
        return self._sent(page, told, now, etag, date)

    def _sent(self, page: Page, told: Told, now: datetime, etag: str | None, date: str | None) -> Answer:
        number = told.requests
        answer = page.answer(number)
        told.requests, told.last_at = number + 1, now
        given = {name.lower(): value for name, value in answer.headers}
        is_same = (etag is not None and etag == given.get("etag")) or (
            etag is None and date is not None and date == given.get("last-modified")
        )
        if answer.status == 200 and is_same:
            answer = Answer(status=304, headers=[h for h in answer.headers if h[0] != "Content-Type"])
        elif answer.status == 200:
            told.etag, told.last_modified = given.get("etag"), given.get("last-modified")
        told.is_gone = told.is_gone or answer.status == 410
        if seconds := page.asks_seconds(number):
            why = "retry-after" if "retry-after" in given else "freshness"
            told.not_before, told.not_before_why = now + timedelta(seconds=seconds), why
        else:
            told.not_before = None
        return answer


def document(version: int, head: str = "") -> bytes:
    return rss(*(item(number) for number in range(version + 3, version, -1)), head=head).encode()


def http_date(seconds: float = 0.0) -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)


def versioned(
    *headers: tuple[str, str], every: int = 3, etag: str = '"v{}"', date: str = "", head: str = ""
) -> Callable[[int], Answer]:
    """Answers with a new document every so many requests."""

    def answer(number: int) -> Answer:
        version = number // every
        sent = [("Content-Type", "application/rss+xml"), *headers]
        if etag:
            sent.append(("ETag", etag.format(version)))
        if date:
            sent.append(("Last-Modified", date.format(version)))
        return Answer(document(version, head), headers=sent)

    return answer


def scripted(*answers: Answer, then: Callable[[int], Answer]) -> Callable[[int], Answer]:
    """Answers with these first."""
    return lambda number: answers[number] if number < len(answers) else then(number - len(answers))
