"""The process that extracts pages for `pool` (`agent.killable`): requests and replies are MessagePack.

python -c "…; main()" MEMORY_BYTES
"""

from __future__ import annotations

import msgspec

from agent.killable_child import limit_cpu, serve
from agent.pages.records import PageReply, PageRequest

MAX_REPLY_BYTES = 8 * 1024 * 1024


def main() -> None:
    """Serve until standard input ends."""
    decoder = msgspec.msgpack.Decoder(PageRequest)
    encoder = msgspec.msgpack.Encoder()

    def handle(payload: bytes) -> bytes:
        request = decoder.decode(payload)
        limit_cpu(request.cpu_seconds)
        reply = encoder.encode(_extract(request))
        if len(reply) > MAX_REPLY_BYTES:
            too_large = f"its text takes {len(reply)} bytes, more than {MAX_REPLY_BYTES}: not taken"
            reply = encoder.encode(PageReply(outcome="too_large", detail=too_large))
        return reply

    serve(handle, _prepare)


def _prepare() -> None:
    import logging

    import trafilatura  # noqa: F401  (paid for here, not by the first request)

    # What libraries think of a page is told in the outcome.
    logging.disable(logging.CRITICAL)


def _extract(request: PageRequest) -> PageReply:
    from agent.pages.extract import PageError, extract_page

    try:
        page = extract_page(
            request.data,
            url=request.url,
            content_type=request.content_type,
            hints=request.hints,
            explain=request.explain,
        )
    except PageError as error:
        return PageReply(outcome=error.outcome, detail=str(error))
    except MemoryError:
        return PageReply(outcome="killed", detail="it needs more memory than an extractor may use")
    except RecursionError:
        return PageReply(outcome="killed", detail="it is nested too deeply for an extractor")
    except Exception as error:  # one broken page must not take the next one's extractor with it
        return PageReply(outcome="unreadable", detail=f"cannot be read ({type(error).__name__}: {error})"[:300])
    return PageReply(page=page)
