"""One article, one document: an article whose month changes leaves its old index.

`_id` is unique within an index only, and an article's index is the month of its time, which an edit may change (a date
corrected, or given where there was none). So after every write the other months are asked for the same ids; of
several copies the one with the highest version stays. Whichever of two writers comes last sees the other's copy, in
any order of arrival.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from elasticsearch import AsyncElasticsearch
from msgspec import Struct

from streams.stores.elasticsearch.bulk import BulkLoop, Item
from streams.stores.elasticsearch.options import ElasticsearchOptions

_REMEMBERED = 50_000
_IDS_A_REQUEST = 1_000


class Copy(Struct, frozen=True):
    """A document that was found: where, and its version."""

    index: str
    id: str
    version: int


class Homes:
    """Finds and removes the copies of articles that have moved.

    A search sees a document up to a second after it was written. What this process wrote lately is remembered, so that
    two quick revisions are no gap: articles are keyed by id on their channel, so one process has them both.
    """

    def __init__(self, client: AsyncElasticsearch, options: ElasticsearchOptions) -> None:
        self._client = client
        self._options = options
        self._recent: OrderedDict[str, Copy] = OrderedDict()

    @property
    def places(self) -> Mapping[str, str]:
        """The index of each article that was written lately, by id."""
        return _Places(self._recent)

    async def elsewhere(self, items: Sequence[Item]) -> list[Copy]:
        """Return the copies of `items` in other indices than their own. Raises what the client raises."""
        found: list[Copy] = []
        for start in range(0, len(items), _IDS_A_REQUEST):
            found += await self._search(items[start : start + _IDS_A_REQUEST])
        known = {(copy.id, copy.index) for copy in found}
        for item in items:
            recent = self._recent.get(item.id)
            if recent is not None and recent.index != item.index and (recent.id, recent.index) not in known:
                found.append(recent)
        return found

    async def settle(self, items: Sequence[Item], copies: Iterable[Copy], loop: BulkLoop) -> None:
        """Keep the newest document of each article, and mend the outcomes of `items` accordingly."""
        items_by_id: dict[str, list[Item]] = {}
        for item in items:
            items_by_id.setdefault(item.id, []).append(item)
        losers: dict[tuple[str, str], Item] = {}
        for copy in copies:
            for item in items_by_id.get(copy.id, ()):
                if item.index == copy.index or item.outcome == "refused":
                    continue
                if (copy.version, copy.index) > (item.version, item.index):
                    item.outcome, item.detail = "stale", f"a newer version is in {copy.index}"
                    loser = Copy(item.index, item.id, item.version)
                else:
                    if item.outcome == "created":
                        item.outcome = "updated"
                    loser = copy
                known = losers.get((loser.index, loser.id))
                if known is None or known.version < loser.version:
                    losers[loser.index, loser.id] = Item(loser.index, loser.id, loser.version, None)
        for group in items_by_id.values():
            for loser_item in _moved_within(group):
                losers[loser_item.index, loser_item.id] = Item(
                    loser_item.index, loser_item.id, loser_item.version, None
                )
        await loop.send(list(losers.values()))
        for item in items:
            if item.outcome in ("created", "updated"):
                self._recent[item.id] = Copy(item.index, item.id, item.version)
                self._recent.move_to_end(item.id)
        while len(self._recent) > _REMEMBERED:
            self._recent.popitem(last=False)

    async def _search(self, items: Sequence[Item]) -> list[Copy]:
        own = {item.id: item.index for item in items}
        indices = set(own.values())
        pattern = self._options.index_pattern
        # A batch of today's news has one home; leaving that out leaves nothing to look into but the other months.
        target = f"{pattern},-{indices.pop()}" if len(indices) == 1 else pattern
        answer = await self._client.search(
            index=target,
            query={"ids": {"values": list(own)}},
            size=min(10_000, len(own) * 4),
            version=True,
            source=False,
            track_total_hits=False,
            sort="_doc",
            ignore_unavailable=True,
            filter_path="hits.hits._index,hits.hits._id,hits.hits._version",
        )
        hits = answer.body.get("hits", {}).get("hits", [])
        return [Copy(hit["_index"], hit["_id"], hit["_version"]) for hit in hits]


class _Places(Mapping[str, str]):
    def __init__(self, recent: Mapping[str, Copy]) -> None:
        self._recent = recent

    def __getitem__(self, article_id: str) -> str:
        return self._recent[article_id].index

    def __iter__(self) -> Iterator[str]:
        return iter(self._recent)

    def __len__(self) -> int:
        return len(self._recent)


def _moved_within(group: Sequence[Item]) -> list[Item]:
    """Return the items of one article that another item of the same batch, in another index, has overtaken."""
    written = [item for item in group if item.outcome in ("created", "updated")]
    if len({item.index for item in written}) < 2:
        return []
    newest = max(written, key=lambda item: item.version)
    losers = [item for item in written if item.index != newest.index]
    for item in losers:
        # As if they had been written one after another, in the order given.
        if group.index(item) > group.index(newest):
            item.outcome = "stale"
        elif newest.outcome == "created":
            newest.outcome = "updated"
    return losers
