"""The process that parses feeds for `parse_pool` (`agent.killable`): requests and replies are MessagePack.

python -c "…; main()" MEMORY_BYTES
"""

from __future__ import annotations

import msgspec
from msgspec import Struct

from agent.collect.records import ParsedFeed
from agent.killable_child import limit_cpu, serve

MAX_REPLY_BYTES = 64 * 1024 * 1024


class ParseRequest(Struct, frozen=True, kw_only=True):
    """A document to parse, and the CPU seconds it may cost."""

    data: bytes
    url: str | None = None
    content_type: str = ""
    content_language: str = ""
    max_entries: int
    any_sitemap: bool = False
    cpu_seconds: float


class ParseReply(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The parsed document, or why there is none (`outcome` of `streams.metrics.FETCH_OUTCOMES`)."""

    feed: ParsedFeed | None = None
    outcome: str = "ok"
    detail: str = ""


def main() -> None:
    """Serve until standard input ends."""
    decoder = msgspec.msgpack.Decoder(ParseRequest)
    encoder = msgspec.msgpack.Encoder()

    def handle(payload: bytes) -> bytes:
        request = decoder.decode(payload)
        limit_cpu(request.cpu_seconds)
        reply = encoder.encode(_parse(request))
        if len(reply) > MAX_REPLY_BYTES:
            too_large = f"its entries take {len(reply)} bytes, more than {MAX_REPLY_BYTES}: not taken"
            reply = encoder.encode(ParseReply(outcome="too_large", detail=too_large))
        return reply

    def prepare() -> None:
        import feedparser  # noqa: F401  (paid for here, not by the first request)
        import lxml.etree  # noqa: F401

    serve(handle, prepare)


def _parse(request: ParseRequest) -> ParseReply:
    from agent.collect.document import DocumentError
    from agent.collect.parse import parse_document

    try:
        feed = parse_document(
            request.data,
            url=request.url,
            content_type=request.content_type,
            content_language=request.content_language,
            max_entries=request.max_entries,
            any_sitemap=request.any_sitemap,
        )
    except DocumentError as error:
        return ParseReply(outcome=error.outcome, detail=str(error))
    except MemoryError:
        return ParseReply(outcome="parser_killed", detail="it needs more memory than a parser may use")
    except RecursionError:
        return ParseReply(outcome="parser_killed", detail="it is nested too deeply for a parser")
    except Exception as error:  # one broken document must not take the next one's parser with it
        return ParseReply(outcome="unparsable", detail=f"cannot be parsed ({type(error).__name__}: {error})"[:300])
    return ParseReply(feed=feed)
