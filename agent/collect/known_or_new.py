"""What the entries of one document are: new, edited, unchanged, or known from elsewhere. Pure.

    parsed entries ─ identify ─▶ candidates ─ match with what was seen ─▶ new | edited | unchanged | known elsewhere

An article is its page (canonical URL). Where that does not tell articles apart, its GUID, and without one its title.
Feeds break every one of these, so a candidate that is new by its id is also looked for by its GUID and by its content
before it is believed to be new.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from agent.collect.candidates import (
    Candidate,
    Identifier,
    Known,
    content_changed,
    digest,
    entry_faults,
    guid_changed,
    is_alike,
    newness,
)
from agent.collect.movement import pace
from agent.collect.records import Decision
from agent.collect.state import ALIAS_BYTES, MAX_ALIASES, MAX_SHARED_LINKS, NO_GUID, FeedState, SeenEntry, pack_seen
from agent.feeds.definitions import FeedDefinition
from agent.parse.dates import assess
from agent.parse.records import ParsedEntry, ParsedFeed
from agent.settings import CollectSettings
from streams.identity import article_id
from streams.model import RawArticle

FEED_WIDE = 3
"""So many entries that changed nothing but their GUID in one poll are the feed's doing, not an editor's."""
GUID_EDITS_BELIEVED = 2
"""Polls in a row with lone GUID edits that are believed; after that the feed's GUIDs are noise."""
TELLING_TEXT_CHARS = 80
"""A text so long is not the same by accident."""


class KnownOrNew:
    """One parsed document against what is known."""

    def __init__(
        self,
        feed: FeedDefinition,
        state: FeedState,
        parsed: ParsedFeed,
        now: datetime,
        settings: CollectSettings,
        siblings: Sequence[FeedState],
        canonical_urls: Mapping[str, str],
    ) -> None:
        self.canonical_urls = canonical_urls
        self.new_aliases: dict[bytes, bytes] = {}
        self.new_titles: dict[bytes, bytes] = {}
        self.feed = feed
        self.state = state
        self.parsed = parsed
        self.now = now
        self.settings = settings
        self.siblings = [sibling for sibling in siblings if sibling.feed_url != state.feed_url]
        self.counts: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.all_faults: Counter[str] = Counter()
        self.articles: list[RawArticle] = []
        self.new: list[datetime | None] = []
        """Dates of the new entries; None for one that cannot be relied on."""
        self.identifier = Identifier(parsed, feed.url, state.shared_links, guids_are_unstable=state.guids_are_unstable)

    def decide(self, after: FeedState, outcome: str) -> Decision:
        candidates = self._identify()
        known = Known.of(self.state)
        self._match(candidates, known)
        guids_are_unstable, guid_only_edits = self._judge_guids(candidates)
        listed = self._resolved(candidates, guids_are_unstable)
        in_document = {entry.article_id for entry in listed}
        others = (entry for entry in known.entries if entry.article_id not in in_document)
        published = len(self.articles)
        tempo, delay_seconds = pace(self.state, self.new, self.now)
        after = msgspec.structs.replace(
            after,
            last_new_at=self.now if published else self.state.last_new_at,
            tempo=tempo,
            delay_seconds=delay_seconds,
            entry_faults=dict(self.all_faults),
            published=self.state.published + published,
            listed=len(listed),
            guids_are_unstable=guids_are_unstable,
            guid_only_edits=guid_only_edits,
            title=self.parsed.title,
            shared_links=tuple(sorted(self.identifier.shared_links)[:MAX_SHARED_LINKS]),
            seen=pack_seen([*listed, *others], len(listed)),
            aliases=self._aliases(),
        )
        # The oldest first, so that a reader who reads along sees them as they happened.
        self.articles.reverse()
        return Decision(
            state=after,
            articles=tuple(self.articles),
            outcome=outcome,
            entries=dict(self.counts),
            faults=dict(self.faults),
        )

    def _resolved(self, candidates: list[Candidate], guids_are_unstable: bool) -> list[SeenEntry]:
        listed: dict[bytes, SeenEntry] = {}
        for candidate in candidates:
            entry = self._resolve(candidate, guids_are_unstable)
            known = listed.get(entry.article_id)  # one page at two addresses
            if known is None or known.revision < entry.revision:
                listed[entry.article_id] = entry
        return list(listed.values())

    # --- who is it? ---

    def _identify(self) -> list[Candidate]:
        entries = self.parsed.entries
        seen_guids: set[str] = set()
        found: dict[bytes, Candidate] = {}
        if self.parsed.left_out:
            self.counts["rejected"] += self.parsed.left_out
            self.faults["too_large"] += self.parsed.left_out
            self.all_faults["too_large"] += self.parsed.left_out
        for entry in entries:
            faults = entry_faults(entry, seen_guids, self.now, self.settings.max_age_days)
            self.all_faults.update(faults)
            if not entry.canonical_url and not entry.title and not entry.text:
                self.counts["rejected"] += 1
                self.faults.update(faults)
                continue
            candidate = self._candidate(entry, faults)
            double = found.get(candidate.article_id)
            if double is None:
                found[candidate.article_id] = candidate
                continue
            self.counts["unchanged"] += 1
            # Which of two versions of one article is kept must not depend on their order, or a feed that changes its
            # order would look like one that edits.
            if newness(candidate) > newness(double):
                found[candidate.article_id] = candidate
        return list(found.values())

    def _candidate(self, entry: ParsedEntry, faults: list[str]) -> Candidate:
        guid = self.identifier.guid(entry)
        published = entry.published_at
        minute = int(published.timestamp() // 60) if published is not None else 0
        own_id = bytes.fromhex(self.identifier.article_id(entry))
        return Candidate(
            entry=entry,
            article_id=self.state.alias(own_id) or own_id,
            has_url_id=self.identifier.has_own_page(entry),
            guid_hash=digest(guid, 8) if guid else NO_GUID,
            title_hash=digest(entry.title, 6),
            text_hash=digest(entry.text, 6),
            published_minute=min(max(minute, 0), 0xFFFFFFFF),
            is_reliable=assess(published, self.now, self.settings.max_age_days)[0],
            faults=faults,
        )

    # --- was it seen? ---

    def _match(self, candidates: list[Candidate], known: Known) -> None:
        claimed: set[bytes] = set()
        for candidate in candidates:
            if prior := known.by_id.get(candidate.article_id):
                candidate.prior = prior
                claimed.add(prior.article_id)
        for candidate in candidates:
            if candidate.prior is None and not self.state.guids_are_unstable and candidate.guid_hash != NO_GUID:
                prior = known.by_guid.get(candidate.guid_hash)
                # The same GUID at another address is the article moved, unless it says something else altogether:
                # feeds number their entries 1 to n at every poll.
                if prior and prior.article_id not in claimed and is_alike(candidate, prior):
                    candidate.prior = prior
                    claimed.add(prior.article_id)
        self._match_content([c for c in candidates if c.prior is None], known, claimed)

    def _match_content(self, candidates: list[Candidate], known: Known, claimed: set[bytes]) -> None:
        """Find entries whose address and GUID are both new, while what they say has been there before."""
        pairs: list[tuple[Candidate, SeenEntry]] = []
        for candidate in candidates:
            prior = known.by_content.get((candidate.title_hash, candidate.text_hash))
            # An entry that is still listed as itself is another one that says the same.
            if (
                prior is not None
                and prior.article_id not in claimed
                and (candidate.entry.title or candidate.entry.text)
            ):
                pairs.append((candidate, prior))
        is_feed_wide = len(pairs) >= FEED_WIDE and 2 * len(pairs) >= len(candidates)
        for candidate, prior in pairs:
            is_same_time = candidate.published_minute == prior.published_minute
            # Without an address of its own, or with a text that is long enough, saying the same is being the same.
            is_telling = not candidate.has_url_id or len(candidate.entry.text) >= TELLING_TEXT_CHARS
            if prior.article_id not in claimed and (is_feed_wide or is_same_time or is_telling):
                candidate.prior = prior
                claimed.add(prior.article_id)

    # --- what became of it? ---

    def _judge_guids(self, candidates: list[Candidate]) -> tuple[bool, int]:
        """Return whether this feed's GUIDs mean nothing, and for how many polls in a row nothing but GUIDs changed."""
        matched = [c for c in candidates if c.prior is not None]
        changed = [c for c in matched if guid_changed(c) and not content_changed(c)]
        if self.state.guids_are_unstable:
            return True, 0
        if not changed:
            return False, self.state.guid_only_edits if not matched else 0
        if len(changed) >= FEED_WIDE and 2 * len(changed) >= len(matched):
            return True, 0
        in_a_row = self.state.guid_only_edits + 1
        return in_a_row > GUID_EDITS_BELIEVED, in_a_row

    def _resolve(self, candidate: Candidate, guids_are_unstable: bool) -> SeenEntry:
        prior = candidate.prior
        revision = self._revision_of_new(candidate) if prior is None else self._revision(candidate, guids_are_unstable)
        self.counts[candidate.outcome] += 1
        if candidate.outcome in {"new", "edited"}:
            self.faults.update(candidate.faults)
            if candidate.outcome == "new":
                self.new.append(candidate.entry.published_at if candidate.is_reliable else None)
            self.articles.append(self._article(candidate, revision))
        return candidate.seen(revision)

    def _revision_of_new(self, candidate: Candidate) -> int:
        for sibling in self.siblings:
            found = sibling.find(candidate.article_id) or self._same_guid(sibling, candidate)
            if found is not None:
                candidate.outcome = "known_elsewhere"
                candidate.article_id = found[1].article_id
                return 0
        if (same := self._same_page(candidate)) is not None:
            self.new_aliases[candidate.article_id] = same[0]
            candidate.outcome = "known_elsewhere"
            candidate.article_id = same[0]
            return same[1]
        candidate.outcome = "new"
        return 1

    def _same_page(self, candidate: Candidate) -> tuple[bytes, int] | None:
        """Return the id of an article that is this page at another address, and the revision of it that this feed has
        published; by what the page says of itself.

        The title must be the same too: templates call the wrong page canonical, and that must not lose an article.
        """
        url = self.canonical_urls.get(candidate.article_id.hex())
        if url is None or (canonical_id := bytes.fromhex(article_id(canonical_url=url))) == candidate.article_id:
            return None
        for state in (self.state, *self.siblings):
            found = state.find(canonical_id)
            if found is not None and found[1].title_hash == candidate.title_hash:
                return found[1].article_id, found[1].revision if state is self.state else 0
        own_id = self.new_aliases.setdefault(canonical_id, candidate.article_id)
        self.new_titles.setdefault(own_id, candidate.title_hash)
        if own_id != candidate.article_id and self.new_titles[own_id] == candidate.title_hash:
            return own_id, 1
        return None

    def _aliases(self) -> bytes:
        new = b"".join(canonical_id + own_id for canonical_id, own_id in self.new_aliases.items())
        return (new + self.state.aliases)[: MAX_ALIASES * ALIAS_BYTES]

    @staticmethod
    def _same_guid(sibling: FeedState, candidate: Candidate) -> tuple[int, SeenEntry] | None:
        found = sibling.find_guid(candidate.guid_hash)
        return found if found is not None and found[1].title_hash == candidate.title_hash else None

    def _revision(self, candidate: Candidate, guids_are_unstable: bool) -> int:
        prior = candidate.prior
        assert prior is not None  # noqa: S101  (for the type checker; the caller looks)
        is_edited = content_changed(candidate) or (guid_changed(candidate) and not guids_are_unstable)
        if not is_edited:
            return prior.revision
        elsewhere = [(s, *found) for s in self.siblings if (found := s.find(prior.article_id)) is not None]
        for sibling, place, entry in elsewhere:
            if entry.revision == 0:
                continue
            says_the_same = (entry.title_hash, entry.text_hash) == (candidate.title_hash, candidate.text_hash)
            is_listed_there = place < sibling.listed
            # The edit was published from there already, or that feed publishes this article and still shows it.
            if (says_the_same and entry.revision > prior.revision) or (prior.revision == 0 and is_listed_there):
                candidate.outcome = "known_elsewhere"
                return max(prior.revision, entry.revision) if prior.revision else 0
        candidate.outcome = "edited"
        return max(1, prior.revision, *(entry.revision for _, _, entry in elsewhere)) + 1

    def _article(self, candidate: Candidate, revision: int) -> RawArticle:
        entry, feed = candidate.entry, self.feed
        return RawArticle(
            article_id=(candidate.prior.article_id if candidate.prior else candidate.article_id).hex(),
            revision=revision,
            url=entry.url,
            canonical_url=entry.canonical_url,
            guid=entry.guid,
            feed_url=feed.url,
            source_id=feed.source_id,
            source_name=feed.name,
            country=feed.country,
            ownership=feed.ownership,
            title=entry.title,
            text=entry.text,
            authors=entry.authors,
            tags=entry.tags,
            image_url=entry.image_url,
            published_at=entry.published_at,
            modified_at=entry.modified_at,
            date_is_reliable=candidate.is_reliable,
            collected_at=self.now,
            declared_language=entry.language or self.parsed.language or feed.language,
            is_backfill=feed.is_backfill,
        )
