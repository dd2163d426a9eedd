"""What is remembered of a feed between polls: validators, schedule, failures, and the entries seen.

One record per feed, JSON like every other record. The seen entries are packed, 42 bytes each: 10,000 feeds that
remember 200 entries take 84 MB where Python objects would take ten times that, and 12,000 entries fit a Kafka message.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from msgspec import Struct

from agent.backfill.progress import BackfillProgress
from agent.collect.tempo import Tempo
from agent.pages.records import PendingPage
from agent.websub.records import Subscription
from streams import codec

log = logging.getLogger("rasad.collect")

STATE_SCHEMA = 1
MAX_SHARED_LINKS = 20
MAX_SEEN = 12_000
"""Most entries remembered of one feed; 12,000 x 42 bytes are 672 kB in base64."""
MIN_SEEN = 200
"""Entries remembered of every feed, however short: what falls out of a feed often comes back."""

_ENTRY = struct.Struct(">16s8s6s6sHI")
ENTRY_BYTES = _ENTRY.size
NO_GUID = bytes(8)
ID_BYTES = 16
ALIAS_BYTES = 2 * ID_BYTES
MAX_ALIASES = 300


@dataclass(frozen=True, slots=True)
class SeenEntry:
    """An entry that was seen: who it is, what it said, and which revision of it was published."""

    article_id: bytes
    """16 bytes: the article's id, not as hex digits."""
    guid_hash: bytes
    """8 bytes; zeros where the entry has none."""
    title_hash: bytes
    """6 bytes."""
    text_hash: bytes
    """6 bytes."""
    revision: int
    """Last revision published for this feed; 0 where another feed of the source publishes this article."""
    published_minute: int = 0
    """Its date, in minutes since 1970; 0 where it has none."""

    @property
    def has_guid(self) -> bool:
        return self.guid_hash != NO_GUID

    def pack(self) -> bytes:
        return _ENTRY.pack(
            self.article_id,
            self.guid_hash,
            self.title_hash,
            self.text_hash,
            min(self.revision, 0xFFFF),
            self.published_minute,
        )


class FeedState(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything that is remembered of one feed. A new feed's state is `FeedState(feed_url=…, source_id=…)`."""

    schema: int = STATE_SCHEMA
    feed_url: str
    source_id: str
    polls: int = 0
    """Polls so far: of two states of one feed, the one with more is the newer."""
    etag: str | None = None
    """Verbatim, of the last document that was parsed and delivered."""
    last_modified: str | None = None
    """Verbatim, of the last document that was parsed and delivered."""
    body_hash: str | None = None
    document_url: str = ""
    """Where that document came from after redirects, and so where its validators mean something; "" is `feed_url`."""
    next_poll_at: datetime | None = None
    """None for a feed that was never polled."""
    stopped: bool = False
    """True after 410 Gone: not polled any more."""
    last_polled_at: datetime | None = None
    last_outcome: str = ""
    last_status: int | None = None
    last_detail: str = ""
    last_seconds: float = 0.0
    """How long the last poll took."""
    last_ok_at: datetime | None = None
    """Last time the feed was read, changed or not."""
    last_new_at: datetime | None = None
    """Last time the feed gave a new or edited article."""
    consecutive_failures: int = 0
    failures: dict[str, int] = {}
    """Failed polls by outcome, since the feed is known."""
    entry_faults: dict[str, int] = {}
    """Faults by cause in the last document that was parsed."""
    published: int = 0
    """Articles published from this feed, revisions counted."""
    listed: int = 0
    """Entries in the last document; they are the first `listed` of `seen`."""
    guids_are_unstable: bool = False
    """True once the feed changed GUIDs without changing anything else, again and again: they are ignored since."""
    guid_only_edits: int = 0
    """Polls in a row in which nothing but GUIDs changed."""
    moved_to: str | None = None
    moved_polls: int = 0
    """Polls in a row that were redirected permanently to `moved_to`."""
    fetch_url: str | None = None
    """Where the feed is fetched from since it has moved for good; None: from `feed_url`."""
    ttl_seconds: float | None = None
    """What the last document asks for by `ttl` or `sy:updatePeriod`."""
    fresh_seconds: float | None = None
    """What the last answer asks for by `Cache-Control` or `Expires`."""
    skip_hours: tuple[int, ...] = ()
    skip_days: tuple[int, ...] = ()
    """Monday is 0."""
    held_until: datetime | None = None
    """By `Retry-After`."""
    tempo: Tempo | None = None
    delay_seconds: float | None = None
    """How long its entries waited from their own time to being seen, about."""
    title: str = ""
    shared_links: tuple[str, ...] = ()
    """Addresses that several entries had in common (the front page): they do not say which article it is."""
    seen: bytes = b""
    """Packed `SeenEntry`s, the most recently listed first."""
    aliases: bytes = b""
    """Packed pairs of article ids, the latest first: one made of another address of the page (what it calls canonical,
    or a second link to it), and the article's own."""
    recurring: bytes = b""
    """Lines of this feed's articles, counted (`agent.pages.recurring`)."""
    recurring_articles: int = 0
    """Articles that `recurring` was learned from."""
    pages_due: tuple[PendingPage, ...] = ()
    """Pages that could not be read and are tried again (`agent.pages.again`)."""
    push: Subscription | None = None
    """The hub that the feed names, and what it has promised."""
    backfill: BackfillProgress | None = None
    """Only in the state of a backfill, whose `feed_url` is `backfill:` and its target."""

    def entries(self) -> Iterator[SeenEntry]:
        """Yield what was seen, the most recently listed first."""
        for fields in _ENTRY.iter_unpack(self.seen):
            yield SeenEntry(*fields)

    def listed_ids(self) -> frozenset[bytes]:
        """Return the ids of the articles in the last document."""
        return frozenset(self.seen[at : at + 16] for at in range(0, self.listed * ENTRY_BYTES, ENTRY_BYTES))

    def find(self, article_id: bytes) -> tuple[int, SeenEntry] | None:
        """Return the place and the entry of an article, without unpacking the rest; None when it was not seen.

        An article is also found by the id of its page's canonical address.
        """
        found = self._search(article_id, 0)
        if found is None and (own_id := self.alias(article_id)) is not None:
            found = self._search(own_id, 0)
        return found

    def alias(self, canonical_id: bytes) -> bytes | None:
        """Return the id of the article whose page calls the address of `canonical_id` its own; None for none."""
        start = self.aliases.find(canonical_id)
        while start >= 0:
            if start % ALIAS_BYTES == 0:
                return self.aliases[start + ID_BYTES : start + ALIAS_BYTES]
            start = self.aliases.find(canonical_id, start + 1)
        return None

    def find_guid(self, guid_hash: bytes) -> tuple[int, SeenEntry] | None:
        """Return the place and the entry of a GUID; None when it was not seen."""
        return self._search(guid_hash, 16) if guid_hash != NO_GUID else None

    def _search(self, key: bytes, offset: int) -> tuple[int, SeenEntry] | None:
        start = self.seen.find(key)
        while start >= 0:
            if start % ENTRY_BYTES == offset:
                place = start // ENTRY_BYTES
                return place, SeenEntry(*_ENTRY.unpack_from(self.seen, place * ENTRY_BYTES))
            start = self.seen.find(key, start + 1)
        return None


def decode_states(payloads: Mapping[str, bytes]) -> dict[str, FeedState]:
    """Return the states of encoded ones by feed URL. One that cannot be read is logged and left out: its feed starts
    anew."""
    states = {}
    for url, payload in payloads.items():
        try:
            states[url] = codec.decode(payload, FeedState)
        except codec.CodecError as error:
            log.warning("the state of feed %s cannot be read and is dropped: %s", url, error)
    return states


def merged_seen(first: bytes, second: bytes) -> bytes:
    """Return both, packed, each article once: that of `first` where it is in both."""
    known = {first[start : start + ID_BYTES] for start in range(0, len(first), ENTRY_BYTES)}
    return first + b"".join(
        second[start : start + ENTRY_BYTES]
        for start in range(0, len(second), ENTRY_BYTES)
        if second[start : start + ID_BYTES] not in known
    )


def pack_seen(entries: Iterator[SeenEntry] | list[SeenEntry], listed: int) -> bytes:
    """Pack `entries`, the most recently listed first, bounded by what a feed with `listed` entries needs."""
    limit = min(MAX_SEEN, max(MIN_SEEN, 2 * listed + 100))
    packed = bytearray()
    for count, entry in enumerate(entries):
        if count == limit:
            break
        packed += entry.pack()
    return bytes(packed)
