"""The gate's sample of `make fuzz`: hypothesis damages seeds and makes bytes up."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import SHARE, TARGETS, seeds


def test_every_target_has_its_share() -> None:
    assert SHARE.keys() == TARGETS.keys()
    assert sum(SHARE.values()) == pytest.approx(1.0)


@pytest.mark.parametrize("name", TARGETS)
def test_no_input_breaks_a_promise(name: str) -> None:
    target, known = TARGETS[name], seeds(name)
    for seed in known:
        target(seed)

    @settings(max_examples=60 if name in {"feed", "opml"} else 400)
    @given(st.one_of(st.binary(max_size=200), st.text(max_size=100).map(str.encode), _damaged(known)))
    def check(data: bytes) -> None:
        target(data)

    check()


@st.composite
def _damaged(draw: st.DrawFn, known: list[bytes]) -> bytes:
    data = bytearray(draw(st.sampled_from(known)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(data)))
        data[place : place + draw(st.integers(0, 30))] = draw(st.binary(max_size=10))
    return bytes(data)
