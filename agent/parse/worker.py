"""The process that parses feeds for `pool` (`agent.killable`)."""

from __future__ import annotations

from msgspec import Struct

from agent.killable_child import Work, serve
from agent.parse.records import ParsedFeed

_SAMPLE = (
    b'<rss version="2.0"><channel><title>t</title><item><title>&lt;b&gt;t</title><guid>g</guid>'
    b"<pubDate>Thu, 05 Jan 2023 10:00:00 GMT</pubDate><link>https://a.example/</link></item></channel></rss>"
)
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
    """Serve until the parent goes."""
    serve(
        Work(
            request=ParseRequest,
            reply=ParseReply,
            run=_parse,
            prepare=_prepare,
            killed="parser_killed",
            broken="unparsable",
            max_reply_bytes=MAX_REPLY_BYTES,
        )
    )


def _prepare() -> None:
    import agent.parse.jsonfeed
    import agent.parse.sitemap  # noqa: F401
    from agent.parse.feed import parse_document

    # With a document of each kind, so that whatever is made at first use is there for all workers.
    for is_fast in (True, False):
        parse_document(_SAMPLE, is_fast=is_fast)


def _parse(request: ParseRequest) -> ParseReply:
    from agent.parse.document import DocumentError
    from agent.parse.feed import parse_document

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
    return ParseReply(feed=feed)
