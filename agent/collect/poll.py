"""One poll of one feed: fetch, then parse; everything that `decide` needs to know of the world, as `Polled`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from agent.collect.records import Polled
from agent.collect.state import FeedState
from agent.feeds.definitions import FeedDefinition
from agent.fetch.credentials import CredentialsError, secret_headers
from agent.fetch.fetcher import Fetched, Fetcher
from agent.fetch.pacing import Turn
from agent.parse.pool import ParsePool
from agent.parse.skips import skip_times
from agent.parse.worker import ParseReply
from agent.websub.links import hub_and_topic


class Poller:
    """Fetches and parses feeds."""

    def __init__(self, fetcher: Fetcher, pool: ParsePool, on_fetched: Callable[[Fetched], None] | None = None) -> None:
        """Args:
        on_fetched: is shown every answer, before it is parsed.
        """
        self._fetcher = fetcher
        self._pool = pool
        self._on_fetched = on_fetched

    async def poll(self, feed: FeedDefinition, state: FeedState, turn: Turn | None = None) -> Polled:
        """Fetch `feed` if it changed since `state`, and parse it. Whatever goes wrong is in the outcome.

        `turn`: the host's turn, if it is taken already; it is released as soon as the host has answered.
        """
        try:
            secrets = secret_headers(feed.credentials) if feed.credentials else None
        except CredentialsError as error:
            if turn is not None:
                turn.release()
            return Polled(outcome="http_error", detail=str(error))
        fetched = await self._fetcher.fetch(
            state.fetch_url or feed.url,
            etag=state.etag,
            last_modified=state.last_modified,
            validators_url=state.document_url or feed.url,
            secrets=secrets,
            secrets_url=feed.url,
            turn=turn,
        )
        if self._on_fetched is not None:
            self._on_fetched(fetched)
        if fetched.outcome != "ok":
            return _polled(fetched)
        body_hash = hashlib.blake2b(fetched.body, digest_size=12).hexdigest()
        outcome = "moved" if fetched.moved_to else "ok"
        if body_hash == state.body_hash:
            # A server without validators, or one that ignores them: the same bytes mean the same entries.
            return _polled(fetched, outcome=outcome, is_same_body=True, body_hash=body_hash)
        reply = await self._pool.parse(
            fetched.body,
            url=fetched.url,
            content_type=fetched.content_type,
            content_language=fetched.content_language,
        )
        if reply.feed is None:
            return _polled(fetched, outcome=reply.outcome, detail=reply.detail)
        hours, days = skip_times(fetched.body)
        hub_url, topic_url = hub_and_topic(fetched.link, fetched.url, reply.feed)
        return _polled(
            fetched,
            outcome=outcome,
            feed=reply.feed,
            body_hash=body_hash,
            skip_hours=hours,
            skip_days=days,
            hub_url=hub_url,
            topic_url=topic_url,
        )

    async def parse(self, body: bytes, *, url: str, content_type: str) -> ParseReply:
        """Parse what a hub has pushed."""
        return await self._pool.parse(body, url=url, content_type=content_type)


def _polled(fetched: Fetched, **changes: object) -> Polled:
    values: dict[str, object] = {
        "outcome": fetched.outcome,
        "status": fetched.status,
        "detail": fetched.detail,
        "etag": fetched.etag,
        "last_modified": fetched.last_modified,
        "retry_after_seconds": fetched.retry_after_seconds,
        "min_interval_seconds": fetched.max_age_seconds,
        "moved_to": fetched.moved_to,
        "url": fetched.url,
        "seconds": fetched.seconds,
    }
    if fetched.moved_to and fetched.outcome == "ok" and "detail" not in changes:
        values["detail"] = f"moved for good to {fetched.moved_to[:200]}: change its URL in the feeds file"
    return Polled(**(values | changes))  # type: ignore[arg-type]  # names and types are checked by the tests
