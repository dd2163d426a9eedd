"""What mentions say together, by where they stand.

One counts 3 in the title, 2 in the lead, 1 below. The first counts in full, the second half, the third a quarter, the
fourth an eighth, and no more, so that a long text cannot outweigh its title.
"""

from __future__ import annotations

TITLE_WORTH, LEAD_WORTH, BODY_WORTH = 3.0, 2.0, 1.0
COUNTED_MENTIONS = 4
"""More say nothing new: the fifth would add a sixteenth of the first."""
_HALVES = (1.0, 0.5, 0.25, 0.125)


def worth(in_title: int, in_lead: int, below: int) -> float:
    """Return what so many mentions are worth; those in the title and lead come first."""
    mentions = [TITLE_WORTH] * in_title + [LEAD_WORTH] * in_lead + [BODY_WORTH] * below
    return sum(half * one for half, one in zip(_HALVES, mentions, strict=False))


_COUNTS = range(COUNTED_MENTIONS + 1)
WORTHS = [[[worth(title, lead, below) for below in _COUNTS] for lead in _COUNTS] for title in _COUNTS]
"""`worth` by its three numbers, each up to `COUNTED_MENTIONS`."""
MOST_WORTH = worth(COUNTED_MENTIONS, 0, 0)
MOST_WORTH_OUTSIDE_TITLE = worth(0, COUNTED_MENTIONS, 0)
