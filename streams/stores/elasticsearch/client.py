"""The connection, and its faults as the store's own.

Retrying is the store's business (`bulk.py`), so the client's own is off: it gives up after a few tries, and it cannot
tell the items of a bulk request apart.
"""

from __future__ import annotations

import io
import logging
import ssl
from typing import Any

from elastic_transport import AiohttpHttpNode, ConnectionTimeout, SerializationError
from elastic_transport import ConnectionError as TransportConnectionError
from elasticsearch import ApiError, AsyncElasticsearch, Elasticsearch, UnsupportedProductError

from streams.stores.base import StoreError, StoreHalted, StoreUnavailable
from streams.stores.elasticsearch.options import ElasticsearchOptions, without_credentials

_LARGE_BODY_BYTES = 2**20
logging.getLogger("elastic_transport.node_pool").setLevel(logging.ERROR)  # it reports what the store reports itself
HALTING = frozenset({401, 403})


def connect(options: ElasticsearchOptions) -> AsyncElasticsearch:
    """Return a client for the stages. Certificates are always checked.

    Raises:
        StoreHalted: the options contradict one another, or the CA file cannot be used.
    """
    return AsyncElasticsearch(options.url, node_class=_Node, **_arguments(options))


def connect_blocking(options: ElasticsearchOptions) -> Elasticsearch:
    """Return a client for administration. Raises as `connect`."""
    return Elasticsearch(options.url, **_arguments(options))


class _Body(io.BytesIO):
    def decode(self, *arguments: str) -> str:
        """Return the text; the client's debug log asks for it."""
        return self.getvalue().decode(*arguments)


class _Node(AiohttpHttpNode):
    """Sends a large body piece by piece: as one block it holds up the event loop, of which aiohttp warns."""

    async def perform_request(  # type: ignore[override]  # what it does not look at, it passes on
        self, method: str, target: str, body: Any = None, *rest: Any, **options: Any
    ) -> Any:
        if body is not None and len(body) > _LARGE_BODY_BYTES:
            body = _Body(body)
        return await super().perform_request(method, target, body, *rest, **options)


def _arguments(options: ElasticsearchOptions) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "request_timeout": options.request_timeout_seconds,
        "max_retries": 0,
        "retry_on_timeout": False,
        "retry_on_status": (),
        # A node that failed once must be tried again at once: there is only one.
        "dead_node_backoff_factor": 0,
        "http_compress": False,
    }
    if options.api_key:
        arguments["api_key"] = options.api_key
    elif options.username:
        arguments["basic_auth"] = (options.username, options.password or "")
    if options.ca_file:
        if not options.url.startswith("https:"):
            raise StoreHalted("elasticsearch.ca_file is set, but elasticsearch.url is not https: change one of them")
        try:
            ssl.create_default_context(cafile=options.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise StoreHalted(f"elasticsearch.ca_file {options.ca_file} cannot be used: {error}") from error
        arguments["ca_certs"] = options.ca_file
    return arguments


def translate(error: Exception, options: ElasticsearchOptions) -> StoreError:
    """Return the store's error for one of the client's."""
    where = without_credentials(options.url)
    if isinstance(error, ApiError):
        if error.status_code == 401:
            return StoreHalted(
                f"{where} refuses our credentials (401): set elasticsearch.api_key, or username and password"
            )
        if error.status_code == 403:
            return StoreHalted(f"{where} does not permit this (403, {cause(error)}): give our user the rights it lacks")
        if isinstance(error, UnsupportedProductError):
            return StoreHalted(f"what answers at {where} is not Elasticsearch: check elasticsearch.url")
        return StoreUnavailable(
            f"{where} answered {error.status_code} ({cause(error)}): see its log, or try again later"
        )
    if isinstance(error, UnsupportedProductError):
        return StoreHalted(f"what answers at {where} is not Elasticsearch: check elasticsearch.url")
    if is_untrusted(error):
        return StoreHalted(
            f"the certificate of {where} is not trusted ({_root(error)}): set elasticsearch.ca_file to its CA"
        )
    if isinstance(error, ConnectionTimeout):
        return StoreUnavailable(f"{where} did not answer within {options.request_timeout_seconds:g} s")
    if isinstance(error, TransportConnectionError):
        return StoreUnavailable(
            f"{where} cannot be reached ({_root(error)}): is it running, and is elasticsearch.url right?"
        )
    return StoreUnavailable(f"{where}: {type(error).__name__}: {error}")


def is_untrusted(error: Exception) -> bool:
    """Say whether `error` is a certificate that failed the check, which no retry will mend."""
    # By its words: the client reports it as a TLS error or as a connection error, as aiohttp's version has it.
    return isinstance(error, TransportConnectionError) and "CERTIFICATE_VERIFY_FAILED" in str(error.message)


def cause(error: ApiError) -> str:
    """Return type and reason of an error answer, in one short line."""
    body = error.body
    if isinstance(body, dict) and isinstance(detail := body.get("error"), dict):
        return f"{detail.get('type', '')}: {str(detail.get('reason', ''))[:300]}"
    return (str(detail) if isinstance(body, dict) and (detail := body.get("error")) else error.message)[:300]


def _root(error: Exception) -> str:
    return str(getattr(error, "message", error))[:300]


TRANSIENT = (TransportConnectionError, ConnectionTimeout, SerializationError)
"""What a request may raise that says nothing about whether the server has acted on it."""
