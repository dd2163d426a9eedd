"""The index of copies takes short cuts; what it finds is what comparing everything with everything finds."""

from __future__ import annotations

import random
from array import array
from datetime import timedelta

import pytest

from streams.stories import copies
from streams.stories.copies import CopyIndex, Found
from streams.stories.fingerprint import LARGEST_HASH, Fingerprint
from tests.unit.stories.articles import BASE


class PlainIndex(CopyIndex):
    """Takes both sources' boilerplate off both texts anew for every pair."""

    def _overlap(self, text, key, entry, least):  # type: ignore[no-untyped-def]
        mine, its = set(text.fingerprint.windows), set(entry.fingerprint.windows)
        for source in (text.source, entry.source):
            mine -= self._boilerplate.of(source).windows.keys()
            its -= self._boilerplate.of(source).windows.keys()
        limits = [
            one.windows[-1] if one.size > len(one.windows) else LARGEST_HASH
            for one in (text.fingerprint, entry.fingerprint)
        ]
        mine, its = ({window for window in windows if window <= min(limits)} for windows in (mine, its))
        scale = (LARGEST_HASH + 1) / (min(limits) + 1)
        return len(mine & its) * scale, len(mine) * scale, len(its) * scale


class Newsroom:
    """Texts of a few sources, whose sentences stand in many of them; some are printed again, cut, or with more."""

    def __init__(self, seed: int) -> None:
        self._pick = random.Random(seed)
        pick = self._pick
        self._sentences = [pick.sample(range(LARGEST_HASH), pick.randint(3, 20)) for _ in range(60)]
        self._printed: list[list[int]] = []

    def next(self) -> tuple[int, Fingerprint]:
        """Return a source and the fingerprint of what it prints."""
        pick = self._pick
        if self._printed and pick.random() < 0.3:
            text = list(pick.choice(self._printed))
            text = text[: pick.randint(1, len(text))] + pick.choice([[], pick.choice(self._sentences)])
        else:
            text = [window for _ in range(pick.randint(1, 12)) for window in pick.choice(self._sentences)]
            text += pick.sample(range(LARGEST_HASH), pick.choice([0, 10, 60]))
            self._printed.append(text)
        windows = sorted(set(text))
        numbers = frozenset(pick.sample(range(12), pick.choice([0, 0, 4])))
        # Of one that was there before a restart only a sketch is kept.
        kept = windows[:64] if pick.random() < 0.2 else windows
        return pick.randint(0, 5), Fingerprint(array("I", kept), numbers, len(windows))


def stream(index: CopyIndex, seed: int, articles: int) -> list[Found]:
    newsroom = Newsroom(seed)
    found = []
    for number in range(articles):
        source, fingerprint = newsroom.next()
        article_id, time = f"{number:032x}", BASE + timedelta(minutes=number)
        found.append(index.find(article_id, source, time, fingerprint))
        index.add(article_id, source, time, fingerprint)
    return found


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("boilerplate", "sources", "rests"),
    [(3_000, 4_000, 1_000), (40, 4_000, 1_000), (200, 3, 1_000), (3_000, 4_000, 5)],
    ids=["much is kept", "boilerplate is forgotten", "sources are forgotten", "rests are made again"],
)
def test_short_cuts_find_the_same(
    monkeypatch: pytest.MonkeyPatch, seed: int, boilerplate: int, sources: int, rests: int
) -> None:
    monkeypatch.setattr(copies, "_MAX_BOILERPLATE", boilerplate)
    monkeypatch.setattr(copies, "_MAX_SOURCES", sources)
    monkeypatch.setattr(copies, "_MAX_RESTS", rests)
    window = timedelta(hours=4)
    found = stream(CopyIndex(window), seed, 300)
    assert found == stream(PlainIndex(window), seed, 300)
    # What they agree on is something: copies, other bulletins, and texts that are neither.
    assert sum(one.copy is not None for one in found) > 30
    assert any(one.templates for one in found)
    assert sum(one == Found(None, ()) for one in found) > 30
