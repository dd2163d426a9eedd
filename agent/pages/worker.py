"""The process that extracts pages for `pool` (`agent.killable`)."""

from __future__ import annotations

from agent.killable_child import Work, serve
from agent.pages.records import PageReply, PageRequest

MAX_REPLY_BYTES = 8 * 1024 * 1024


def main() -> None:
    """Serve until the parent goes."""
    serve(
        Work(
            request=PageRequest,
            reply=PageReply,
            run=_extract,
            prepare=_prepare,
            killed="killed",
            broken="unreadable",
            max_reply_bytes=MAX_REPLY_BYTES,
        )
    )


def _prepare() -> None:
    import logging

    import trafilatura  # noqa: F401

    import agent.pages.extract  # noqa: F401

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
    return PageReply(page=page)
