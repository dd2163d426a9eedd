"""What every request passes before a page sees it, and what every answer is sent with.

request ─ Host is ours ─ no other site's form ─ logged in ─ may do it ─▶ page ─▶ security headers

Another site must not make a visitor's browser read or change anything here: names that resolve to loopback are refused
by their Host header, and a request that changes something must say that it comes from a page of ours (`Sec-Fetch-Site`,
`Origin`); browsers do not let pages forge these. No secret stands in a page, so compression gives none away.
"""

from __future__ import annotations

import base64
import binascii
from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent.observe import is_loopback
from agent.settings import WebSettings
from agent.web.access import LOCAL, Access, TooManyFailures, User
from agent.web.private_feeds import PREFIX

COOKIE = "rasad_session"
_OPEN = ("/login", "/static/", "/healthz", PREFIX)
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_POLICY = "; ".join(
    (
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'",
        "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'", "object-src 'none'",
    )
)  # fmt: skip
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Outlets are not told what was searched for. (`no-referrer` would take the Origin from our own forms, too.)
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), interest-cohort=()",
}


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, settings: WebSettings, access: Access) -> None:
        self._app = app
        self._access = access
        public = urlsplit(settings.public_url or "")
        self._public_host = (public.hostname or "").lower()
        self._is_loopback = is_loopback(settings.host)
        self._headers = dict(_HEADERS)
        if public.scheme == "https":
            self._headers["strict-transport-security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store" if self._access.needs_login else "private, no-cache")
            await send(message)

        refusal = await self._refusal(scope)
        await (refusal or self._app)(scope, receive, with_headers)

    async def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        # A probe asks by the process' own address, and is told nothing.
        if scope["path"] != "/healthz" and not self._knows_host(headers.get("host", "")):
            return PlainTextResponse(
                "This name is not one that Rasad answers to: set web.public_url to the address it is reached at.\n", 421
            )
        path, method = scope["path"], scope["method"]
        user, problem = await self._user(scope, headers)
        if problem is not None:
            return problem
        if method not in _SAFE and not _is_from_here(headers):
            return PlainTextResponse("This request does not come from a page of Rasad's.\n", 403)
        if user is None and not path.startswith(_OPEN):
            if path.startswith(("/api/", "/export")) or path.endswith("/events"):
                return JSONResponse(
                    {"error": "log in first", "status": 401},
                    401,
                    {"www-authenticate": 'Basic realm="Rasad", charset="UTF-8"'},
                )
            target = path + (f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else "")
            return RedirectResponse(f"/login?next={quote(target, safe='')}", 303)
        scope["rasad.user"] = user
        return None

    async def _user(self, scope: Scope, headers: Headers) -> tuple[User | None, Response | None]:
        if not self._access.needs_login:
            return LOCAL, None
        if (given := headers.get("authorization", "")).lower().startswith("basic "):
            address = scope["client"][0] if scope.get("client") else ""
            try:
                name, _, password = base64.b64decode(given[6:], validate=True).decode().partition(":")
                user = await self._access.check(name, password, address)
            except (binascii.Error, UnicodeDecodeError):
                user = None
            except TooManyFailures as error:
                return None, too_many(error)
            return user, None
        return self._access.user_of(session_of(headers)), None

    def _knows_host(self, given: str) -> bool:
        host = _host_of(given)
        if host is None:
            return False
        if self._public_host and host == self._public_host:
            return True
        if self._is_loopback:
            return is_loopback(host)
        # Beyond loopback everybody logs in, and the cookie of one name is not sent to another.
        return not self._public_host or is_loopback(host)


def session_of(headers: Headers) -> str:
    """Return the session's secret of a request, or an empty string."""
    cookies: SimpleCookie = SimpleCookie()
    try:
        cookies.load(headers.get("cookie", ""))
    except CookieError:
        return ""
    return cookies[COOKIE].value if COOKIE in cookies else ""


def too_many(error: TooManyFailures) -> Response:
    """Return the answer to too many wrong passwords."""
    seconds = str(max(1, round(error.retry_after_seconds)))
    return PlainTextResponse(
        f"Too many wrong passwords; try again in {seconds} seconds.\n", 429, {"retry-after": seconds}
    )


def _host_of(header: str) -> str | None:
    try:
        parts = urlsplit(f"//{header}")
        _ = parts.port
    except ValueError:
        return None
    if not parts.hostname or parts.path or parts.query or parts.fragment or "@" in parts.netloc:
        return None
    return parts.hostname.lower().rstrip(".")


def _is_from_here(headers: Headers) -> bool:
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = headers.get("origin")
    if origin is not None:
        return urlsplit(origin).netloc.lower() == headers.get("host", "").lower()
    # Every browser sends one of the two; a program that sends neither proves itself by its credentials.
    return headers.get("authorization", "").lower().startswith("basic ") and "cookie" not in headers
