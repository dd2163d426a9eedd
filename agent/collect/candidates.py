"""Entries of one document as candidates, and what was seen before, by every key that one finds the other with."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from agent.collect.state import NO_GUID, FeedState, SeenEntry
from agent.parse.dates import assess
from agent.parse.records import ParsedEntry, ParsedFeed
from agent.parse.urls import canonical_url
from streams.identity import article_id

SHARED_BY = 3
"""An address that so many different entries of one document have is not the address of one article."""


@dataclass(slots=True)
class Candidate:
    entry: ParsedEntry
    article_id: bytes
    has_url_id: bool
    guid_hash: bytes
    title_hash: bytes
    text_hash: bytes
    published_minute: int
    is_reliable: bool
    faults: list[str]
    prior: SeenEntry | None = None
    outcome: str = "unchanged"

    def seen(self, revision: int) -> SeenEntry:
        prior = self.prior
        return SeenEntry(
            prior.article_id if prior else self.article_id,
            self.guid_hash if self.guid_hash != NO_GUID or prior is None else prior.guid_hash,
            self.title_hash if self.entry.title or prior is None else prior.title_hash,
            self.text_hash if self.entry.text or prior is None else prior.text_hash,
            revision,
            self.published_minute,
        )


@dataclass(slots=True)
class Known:
    """What was seen of this feed, by every key that an entry may be found again by."""

    entries: list[SeenEntry]
    by_id: dict[bytes, SeenEntry] = field(default_factory=dict)
    by_guid: dict[bytes, SeenEntry] = field(default_factory=dict)
    by_content: dict[tuple[bytes, bytes], SeenEntry] = field(default_factory=dict)

    @classmethod
    def of(cls, state: FeedState) -> Known:
        known = cls(list(state.entries()))
        for entry in known.entries:
            known.by_id.setdefault(entry.article_id, entry)
            if entry.has_guid:
                known.by_guid.setdefault(entry.guid_hash, entry)
            known.by_content.setdefault((entry.title_hash, entry.text_hash), entry)
        return known


class Identifier:
    """Gives the entries of one document their ids: by page, or where that is shared, by GUID, or else by title."""

    def __init__(
        self, parsed: ParsedFeed, feed_url: str, shared_links: Iterable[str] = (), *, guids_are_unstable: bool = False
    ) -> None:
        """Args:
        shared_links: addresses known from earlier documents to be those of no single article.
        """
        self._feed_url = feed_url
        self._ambiguous_guids = ambiguous_guids(parsed.entries)
        self._guids_are_unstable = guids_are_unstable
        self.shared_links = {*shared_links, *shared_links_of(parsed)}

    def guid(self, entry: ParsedEntry) -> str | None:
        """Return the GUID of `entry` if it tells it from the others."""
        return entry.guid if entry.guid not in self._ambiguous_guids else None

    def has_own_page(self, entry: ParsedEntry) -> bool:
        """Tell whether the address of `entry` is the address of an article."""
        return entry.canonical_url is not None and entry.canonical_url not in self.shared_links

    def article_id(self, entry: ParsedEntry) -> str:
        """Return the id of `entry`, 32 hex digits."""
        return article_id(
            canonical_url=entry.canonical_url if self.has_own_page(entry) else None,
            feed_url=self._feed_url,
            guid=None if self._guids_are_unstable else self.guid(entry),
            title=entry.title or entry.text[:300],
        )


def shared_links_of(parsed: ParsedFeed) -> set[str]:
    """Return the addresses that so many entries of a document have in common that they are those of none of them."""
    titles: dict[str, set[str]] = {}
    for entry in parsed.entries:
        if entry.canonical_url:
            titles.setdefault(entry.canonical_url, set()).add(entry.title or entry.text[:200])
    front_page = canonical_url(parsed.site_url)
    return {url for url, different in titles.items() if len(different) >= (2 if url == front_page else SHARED_BY)}


def entry_faults(entry: ParsedEntry, seen_guids: set[str], now: datetime, max_age_days: int) -> list[str]:
    """Return what is wrong with `entry` (of `streams.metrics.ENTRY_FAULTS`); its GUID is added to `seen_guids`."""
    faults = list(entry.faults)
    if entry.guid is None:
        faults.append("no_guid")
    elif entry.guid in seen_guids:
        faults.append("duplicate_guid")
    else:
        seen_guids.add(entry.guid)
    if entry.canonical_url is None:
        faults.append("no_link")
    if not entry.title:
        faults.append("no_title" if entry.text else "empty")
    _, date_fault = assess(entry.published_at, now, max_age_days)
    if date_fault and not (date_fault == "missing_date" and "bad_date" in faults):
        faults.append(date_fault)
    return faults


def ambiguous_guids(entries: Iterable[ParsedEntry]) -> set[str]:
    """Return the GUIDs that different entries of one document have in common."""
    owners: dict[str, set[str]] = {}
    for entry in entries:
        if entry.guid is not None:
            owners.setdefault(entry.guid, set()).add(entry.canonical_url or entry.title or entry.text[:300])
    return {guid for guid, different in owners.items() if len(different) > 1}


def newness(candidate: Candidate) -> tuple[int, bytes, bytes, bytes]:
    """Order two versions of one article: the later one, and where that is not said, always the same one."""
    return candidate.published_minute, candidate.title_hash, candidate.text_hash, candidate.guid_hash


def is_alike(candidate: Candidate, prior: SeenEntry) -> bool:
    same_text = bool(candidate.entry.text) and candidate.text_hash == prior.text_hash
    return candidate.title_hash == prior.title_hash or same_text


def content_changed(candidate: Candidate) -> bool:
    prior = candidate.prior
    if prior is None:
        return False
    # A text that is gone is a feed that was cut short, not an article that was emptied.
    text_changed = candidate.text_hash != prior.text_hash and bool(candidate.entry.text)
    return text_changed or (candidate.title_hash != prior.title_hash and bool(candidate.entry.title))


def guid_changed(candidate: Candidate) -> bool:
    prior = candidate.prior
    if prior is None or not prior.has_guid or candidate.guid_hash == NO_GUID:
        return False
    return candidate.guid_hash != prior.guid_hash


def digest(text: str, size_bytes: int) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=size_bytes).digest()
