"""What a process shows of itself: `/metrics`, `/healthz`, `/readyz`, and its log.

Bound to loopback it is open; anywhere else `metrics.token` is required, and `/metrics` answers only to it. The two
health
paths say one word and nothing else, so that a probe needs no credentials.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import json
import logging
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from agent.errors import ConfigError, ConfigFault, ServiceUnavailable
from agent.settings import LogSettings, MetricsSettings

if TYPE_CHECKING:
    from aiohttp import web
    from rich.console import Console

    from streams.metrics import Metrics

Ready = Callable[[], str | None]
"""Returns None when the process can do its work, else one line that says why not."""


@asynccontextmanager
async def serve(metrics: Metrics, settings: MetricsSettings, ready: Ready) -> AsyncIterator[int | None]:
    """Serve the endpoint while the block runs; gives the port, or None where it is turned off.

    Raises:
        ConfigError: the address is not loopback and there is no token.
        ServiceUnavailable: the port is taken.
    """
    if settings.port is None:
        yield None
        return
    if not is_loopback(settings.host) and not settings.token:
        advice = "set metrics.token (RASAD_METRICS__TOKEN_FILE), which scrapers must send"
        raise ConfigError([ConfigFault("metrics.host", 0, f"{settings.host} is not loopback: {advice}")])
    from aiohttp import web

    runner = web.AppRunner(_application(metrics, settings.token, ready), access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port)
        try:
            await site.start()
        except OSError as error:
            raise ServiceUnavailable(
                f"cannot listen on {settings.host}:{settings.port} ({error.strerror}): set metrics.port to a free one"
            ) from error
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


def _application(metrics: Metrics, token: str | None, ready: Ready) -> web.Application:
    from aiohttp import web
    from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

    async def show_metrics(request: web.Request) -> web.Response:
        if token is not None and not _has_token(request.headers.get("Authorization", ""), token):
            return web.Response(status=401, text="bearer token needed\n", headers={"WWW-Authenticate": "Bearer"})
        body = await asyncio.to_thread(generate_latest, metrics.registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        reason = ready()
        return web.Response(text="ready\n") if reason is None else web.Response(status=503, text="not ready\n")

    application = web.Application()
    application.router.add_get("/metrics", show_metrics)
    application.router.add_get("/healthz", healthz)
    application.router.add_get("/readyz", readyz)
    return application


def _has_token(header: str, token: str) -> bool:
    scheme, _, given = header.partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode())


def is_loopback(host: str) -> bool:
    """Return whether `host`, a name or an address, is this machine's own loopback."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "@timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "log.level": record.levelname.lower(),
            "log.logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["error.stack_trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class _OneLine(logging.Formatter):
    # A feed's title or URL can hold newlines and terminal control codes: neither may forge a log line.
    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in text).replace("\n", "\n    ")


class _AboveDisplay(logging.Handler):
    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        self._console.print(self.format(record), markup=False, highlight=False, soft_wrap=True)


def set_up_logging(settings: LogSettings, console: Console | None = None) -> None:
    """Send the log to standard error, as text or as one JSON object a line (ECS field names).

    `console`: the terminal that a live display draws on; the log is then printed above it, warnings and worse only.
    """
    handler: logging.Handler = logging.StreamHandler(sys.stderr) if console is None else _AboveDisplay(console)
    handler.setFormatter(
        _JsonLines() if settings.format == "json" else _OneLine("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level.upper())
    if console is not None:
        handler.setLevel(max(logging.WARNING, root.level))
    for noisy in ("aiokafka", "kafka", "elastic_transport", "aiohttp.access", "faust", "mode"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
