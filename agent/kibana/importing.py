"""Importing saved objects into a running Kibana: `POST /api/saved_objects/_import`."""

from __future__ import annotations

import asyncio
import base64
import ssl
from typing import Any

from msgspec import Struct

from agent.errors import RasadError, ServiceUnavailable
from agent.settings import KibanaSettings

_TIMEOUT_SECONDS = 120.0
_MOST_FAULTS_SHOWN = 20


class KibanaRefuses(RasadError):
    """Kibana answers, and will not have it: a person must change something."""

    exit_code = 3


class Imported(Struct, frozen=True):
    """What Kibana made of one file."""

    imported: int
    faults: tuple[str, ...] = ()


def import_objects(settings: KibanaSettings, name: str, text: str) -> Imported:
    """Import one file of saved objects, replacing those of the same id.

    Raises:
        ServiceUnavailable: Kibana cannot be reached, or is not ready yet.
        KibanaRefuses: credentials, rights, space or certificate are not accepted, or it is no Kibana.
    """
    return asyncio.run(_import(settings, name, text))


async def _import(settings: KibanaSettings, name: str, text: str) -> Imported:
    import aiohttp

    base = settings.url.rstrip("/")
    space = "" if settings.space == "default" else f"/s/{settings.space}"
    # Kibana takes no POST without this header: it keeps forms of other sites away.
    headers = {"kbn-xsrf": "rasad"}
    if settings.api_key:
        headers["Authorization"] = f"ApiKey {settings.api_key}"
    elif settings.username:
        pair = f"{settings.username}:{settings.password or ''}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    form = aiohttp.FormData()
    form.add_field("file", text.encode(), filename=name, content_type="application/ndjson")
    timeout = aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS)
    try:
        # A redirect (to a page of log-in) must not take the credentials along.
        async with (
            aiohttp.ClientSession(timeout=timeout, headers=headers) as session,
            session.post(
                f"{base}{space}/api/saved_objects/_import",
                params={"overwrite": "true"},
                data=form,
                ssl=_context(settings),
                allow_redirects=False,
            ) as answer,
        ):
            try:
                body: Any = await answer.json(content_type=None)
            except ValueError:
                body = None
            return _read(answer.status, body, base)
    except (aiohttp.ClientSSLError, aiohttp.ClientConnectorCertificateError) as error:
        raise KibanaRefuses(f"the certificate of {base} is not trusted: set kibana.ca_file to its CA") from error
    except (aiohttp.ClientError, TimeoutError) as error:
        raise ServiceUnavailable(
            f"Kibana cannot be reached at {base} ({type(error).__name__}): is it running, and is kibana.url right?"
        ) from error


def _context(settings: KibanaSettings) -> ssl.SSLContext | bool:
    if not settings.ca_file:
        return True
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise KibanaRefuses(f"kibana.ca_file {settings.ca_file} cannot be used: {error}") from error


def _read(status: int, body: Any, base: str) -> Imported:
    said = str(body.get("message", ""))[:300] if isinstance(body, dict) else ""
    if status == 401:
        raise KibanaRefuses(
            f"{base} refuses our credentials (401): set kibana.api_key, or kibana.username and kibana.password"
        )
    if status == 403:
        raise KibanaRefuses(f"{base} does not permit the import (403): give our user “Saved Objects Management: All”")
    if status == 503 or status == 429 or status >= 500:
        raise ServiceUnavailable(f"Kibana at {base} is not ready ({status}): {said or 'try again, or use --wait 120'}")
    if status != 200 or not isinstance(body, dict) or "successCount" not in body:
        raise KibanaRefuses(
            f"what answers at {base} is no Kibana 9 ({status} {said}): check kibana.url and kibana.space"
        )
    faults = [_fault(error) for error in body.get("errors", [])]
    if len(faults) > _MOST_FAULTS_SHOWN:
        faults = [*faults[:_MOST_FAULTS_SHOWN], f"… and {len(faults) - _MOST_FAULTS_SHOWN} more"]
    return Imported(int(body["successCount"]), tuple(faults))


def _fault(error: Any) -> str:
    cause = error.get("error") or {}
    missing = ", ".join(f"{one.get('type')} {one.get('id')}" for one in cause.get("references", []))
    detail = f": needs {missing}" if missing else f": {cause['message']}" if cause.get("message") else ""
    return f"{error.get('type')} {error.get('id')} was not taken ({cause.get('type', 'unknown')}{detail})"
