"""Pages that could not be read, and may be readable later. Pure.

Their articles are out with what the feed said. Each page is tried again a few times, further apart from time to time;
what it adds is published as a revision. What is to be tried is part of the feed's state, so a restart forgets none.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec

from agent.collect.records import Decision
from agent.collect.state import ENTRY_BYTES, FeedState
from agent.pages.reader import ReadPages
from agent.pages.records import Page, PendingPage
from streams.model import RawArticle

WAIT_SECONDS = (900.0, 3_600.0, 6 * 3_600.0)
"""Before the first, the second and the third further try, which is the last. Longer than a host counts as down."""
_NEVER = datetime.min.replace(tzinfo=UTC)
MAX_PENDING = 20
"""Of one feed, the latest: where so many pages fail, the host is at fault, and asking for more of them is no help."""
MAX_TEXT_CHARS = 10_000
"""An article with a longer text is not kept for what its page may add."""


def with_missing(decision: Decision, missing: Collection[str], now: datetime) -> Decision:
    """Return `decision` with the pages of these of its articles to be tried again."""
    published = {article.article_id for article in decision.articles}
    pending = [one for one in decision.state.pages_due if one.article.article_id not in published]
    pending += [
        PendingPage(article=article, next_at=now + timedelta(seconds=WAIT_SECONDS[0]))
        for article in decision.articles
        if article.article_id in missing and len(article.text) <= MAX_TEXT_CHARS and not article.is_backfill
    ]
    return msgspec.structs.replace(decision, state=_with_pending(decision.state, pending))


def due(state: FeedState, now: datetime) -> list[PendingPage]:
    """Return what is to be tried by now."""
    return [pending for pending in state.pages_due if pending.next_at <= now]


def asked_anew(state: FeedState, tried: Sequence[PendingPage], pages: Mapping[str, Page]) -> Decision:
    """Return a decision with the articles of those pages that were read, each as if it were new, to be filled."""
    articles = [pending.article for pending in tried if pending.article.article_id in pages]
    first = [msgspec.structs.replace(article, revision=1) for article in articles]
    return Decision(state=state, articles=tuple(first), outcome="ok")


def settled(
    before: FeedState, filled: Decision, tried: Sequence[PendingPage], pages: ReadPages, now: datetime
) -> Decision:
    """Return what the tries have come to: revisions to publish, and the pages that are to be tried once more.

    Args:
        before: the state that the articles were published in; one that was edited since is left alone.
        filled: `asked_anew`, with the pages in its articles.
    """
    tried_by_id = {pending.article.article_id: pending for pending in tried}
    state, articles = filled.state, []
    for article in filled.articles:
        old = tried_by_id[article.article_id].article
        if _is_current(before, old) and _told(article) != _told(old):
            articles.append(msgspec.structs.replace(article, revision=old.revision + 1, collected_at=now))
            state = _with_revision(state, article.article_id, old.revision + 1)
    pending = []
    for one in before.pages_due:
        attempt = tried_by_id.get(one.article.article_id)
        if attempt is None or attempt != one:
            pending.append(one)
        elif one.article.article_id in pages.missing and one.tries + 1 < len(WAIT_SECONDS):
            wait = timedelta(seconds=WAIT_SECONDS[one.tries + 1])
            pending.append(msgspec.structs.replace(one, tries=one.tries + 1, next_at=now + wait))
    pending = [one for one in pending if _is_current(before, one.article)]
    state = msgspec.structs.replace(
        _with_pending(state, pending),
        published=before.published + len(articles),
        last_new_at=now if articles else before.last_new_at,
    )
    counts = {"edited": len(articles)} if articles else {}
    return Decision(state=state, articles=tuple(articles), outcome=before.last_outcome or "ok", entries=counts)


def _told(article: RawArticle) -> RawArticle:
    return msgspec.structs.replace(article, revision=1, collected_at=_NEVER, extra={})


def _with_pending(state: FeedState, pending: Sequence[PendingPage]) -> FeedState:
    return msgspec.structs.replace(state, pages_due=tuple(pending)[-MAX_PENDING:])


def _is_current(state: FeedState, article: RawArticle) -> bool:
    found = state.find(bytes.fromhex(article.article_id))
    return found is not None and found[1].revision == article.revision


def _with_revision(state: FeedState, article_id: str, revision: int) -> FeedState:
    found = state.find(bytes.fromhex(article_id))
    if found is None:
        return state
    place, entry = found
    seen = bytearray(state.seen)
    seen[place * ENTRY_BYTES : (place + 1) * ENTRY_BYTES] = replace(entry, revision=revision).pack()
    return msgspec.structs.replace(state, seen=bytes(seen))
