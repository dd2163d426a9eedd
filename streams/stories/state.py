"""What is kept of an article so that the window can be built again: at most 600 bytes, whatever the article.

One record an article on the `story-state` channel, one row in the SQLite file; binary, because most of it is hashes.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

import msgspec
from msgspec import Struct

from streams.model import StoryChange, StoryLink
from streams.stories.fingerprint import Fingerprint
from streams.stories.signals import WEIGHT_STEPS, Signals

STATE_VERSION = 1
MAX_STATE_BYTES = 600
_ID_BYTES = 16
_CHANGE_TAG = b"\xa6change"
"""How a record of a change begins, after the byte that says how many fields it has."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAX_LANGUAGE_LETTERS = 12
_encoder = msgspec.msgpack.Encoder()


class StateError(ValueError):
    """The bytes are no record of an article's place, or one of a newer Rasad."""


class Placed(NamedTuple):
    """An article in its story, as the window knows it."""

    story_id: str
    signals: Signals
    fingerprint: Fingerprint
    near_duplicate_of: str | None = None
    similarity: float | None = None
    is_wire_copy: bool = False
    links: tuple[StoryLink, ...] = ()
    """Why it is in its story."""


class Changed(NamedTuple):
    """What an article showed about stories."""

    article_id: str
    change: StoryChange


class _Change(Struct, frozen=True, array_like=True, tag="change"):
    version: int
    article_id: bytes
    kind: Literal["merge", "split"]
    story_id: bytes
    into: bytes
    articles: bytes
    evidence: tuple[tuple[str, float], ...]
    milliseconds: int


class _Record(Struct, frozen=True, array_like=True):
    version: int
    article_id: bytes
    story_id: bytes
    seconds: int
    source: int
    language: str
    is_dated: bool
    entities: bytes
    entity_weights: bytes
    terms: bytes
    term_weights: bytes
    numbers: bytes
    topics: bytes
    days: tuple[tuple[int, int, int], ...]
    sketch: bytes
    size: int
    text_numbers: bytes
    near_duplicate_of: bytes
    similarity: float
    is_wire_copy: bool
    links: bytes = b""


_decoder = msgspec.msgpack.Decoder(_Record)
_links = msgspec.msgpack.Decoder(tuple[tuple[str, float, str], ...])
_change_decoder = msgspec.msgpack.Decoder(_Change)


def pack_links(links: Iterable[StoryLink], *, with_details: bool = True) -> bytes:
    """Return evidence as some bytes."""
    packed = [(link.kind, link.weight, link.detail if with_details else "") for link in links]
    return _encoder.encode(packed) if packed else b""


def unpack_links(packed: bytes) -> tuple[StoryLink, ...]:
    """Return the evidence that was packed."""
    if not packed:
        return ()
    return tuple(StoryLink(kind=kind, weight=weight, detail=detail) for kind, weight, detail in _links.decode(packed))


def encode_state(placed: Placed) -> bytes:
    """Return the record of `placed`; at most 600 bytes. Evidence that would make it longer is left out, its details
    first."""
    record = _record(placed)
    for links in (pack_links(placed.links), pack_links(placed.links, with_details=False)):
        payload = _encoder.encode(msgspec.structs.replace(record, links=links))
        if len(payload) <= MAX_STATE_BYTES:
            return payload
    return _encoder.encode(record)


def _record(placed: Placed) -> _Record:
    signals, fingerprint = placed.signals, placed.fingerprint
    return _Record(
        STATE_VERSION,
        bytes.fromhex(signals.article_id),
        bytes.fromhex(placed.story_id),
        round((signals.time - _EPOCH).total_seconds()),
        signals.source,
        signals.language[:_MAX_LANGUAGE_LETTERS],
        signals.is_dated,
        array("I", signals.entities).tobytes(),
        _to_steps(signals.entities.values()),
        array("I", signals.terms).tobytes(),
        _to_steps(signals.terms.values()),
        array("H", sorted(signals.numbers)).tobytes(),
        array("H", sorted(signals.topics)).tobytes(),
        tuple((first, last - first, round(weight * WEIGHT_STEPS)) for first, last, weight in signals.days),
        _three_bytes(fingerprint.sketch),
        fingerprint.size,
        array("H", sorted(fingerprint.numbers)).tobytes(),
        bytes.fromhex(placed.near_duplicate_of or ""),
        placed.similarity or 0.0,
        placed.is_wire_copy,
    )


def encode_change(article_id: str, change: StoryChange) -> bytes:
    """Return the record of what an article showed about stories; at most 600 bytes."""
    return _encoder.encode(
        _Change(
            STATE_VERSION,
            bytes.fromhex(article_id),
            change.kind,
            bytes.fromhex(change.story_id),
            bytes.fromhex(change.into),
            b"".join(map(bytes.fromhex, change.articles)),
            tuple((link.kind, link.weight) for link in change.evidence),
            round(change.decided_at.timestamp() * 1000),
        )
    )


def change_key(change: StoryChange) -> str:
    """Return the key of a change's record: the same for the same change."""
    return f"{change.kind}:{change.story_id}:{change.into}"


def decode_state(payload: bytes) -> Placed | Changed:
    """Return the article, or the change of stories, that `payload` is a record of.

    Raises:
        StateError: it is none, or a newer Rasad wrote it.
    """
    try:
        if payload[1:8] == _CHANGE_TAG:
            return _changed(_change_decoder.decode(payload))
        record = _decoder.decode(payload)
        if record.version > STATE_VERSION:
            raise StateError(f"state version {record.version}, this Rasad knows up to {STATE_VERSION}")
        return _placed(record)
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, OverflowError) as error:
        raise error if isinstance(error, StateError) else StateError(str(error)) from error


def _changed(record: _Change) -> Changed:
    if record.version > STATE_VERSION:
        raise StateError(f"state version {record.version}, this Rasad knows up to {STATE_VERSION}")
    ids = [record.articles[at : at + _ID_BYTES].hex() for at in range(0, len(record.articles), _ID_BYTES)]
    evidence = [
        StoryLink(kind=kind, weight=weight, detail=record.article_id.hex() if kind == "article" else "")
        for kind, weight in record.evidence
    ]
    change = StoryChange(
        kind=record.kind,
        story_id=record.story_id.hex(),
        into=record.into.hex(),
        articles=tuple(ids),
        evidence=tuple(evidence),
        decided_at=_EPOCH + timedelta(milliseconds=record.milliseconds),
    )
    return Changed(record.article_id.hex(), change)


def _placed(record: _Record) -> Placed:
    windows = array("I", [int.from_bytes(record.sketch[at : at + 3], "big") for at in range(0, len(record.sketch), 3)])
    signals = Signals(
        article_id=record.article_id.hex(),
        source=record.source,
        language=record.language,
        time=_EPOCH + timedelta(seconds=record.seconds),
        entities=_weights(record.entities, record.entity_weights),
        terms=_weights(record.terms, record.term_weights),
        numbers=frozenset(_array("H", record.numbers)),
        topics=frozenset(_array("H", record.topics)),
        days=tuple((first, first + more, weight / WEIGHT_STEPS) for first, more, weight in record.days),
        is_dated=record.is_dated,
    )
    fingerprint = Fingerprint(windows, frozenset(_array("H", record.text_numbers)), record.size)
    return Placed(
        record.story_id.hex(),
        signals,
        fingerprint,
        record.near_duplicate_of.hex() or None,
        record.similarity if record.near_duplicate_of else None,
        record.is_wire_copy,
        unpack_links(record.links),
    )


def _three_bytes(windows: array[int]) -> bytes:
    """Return hashes of 24 bits, the highest byte first."""
    four = windows[:]
    if sys.byteorder == "little":
        four.byteswap()
    raw, width = four.tobytes(), four.itemsize
    packed = bytearray(3 * len(four))
    for place in range(3):
        packed[place::3] = raw[width - 3 + place :: width]
    return bytes(packed)


def _to_steps(weights: Iterable[float]) -> bytes:
    return bytes([min(255, round(weight * WEIGHT_STEPS)) for weight in weights])


def _weights(keys: bytes, steps: bytes) -> dict[int, float]:
    return {key: step / WEIGHT_STEPS for key, step in zip(_array("I", keys), steps, strict=True)}


def _array(kind: str, raw: bytes) -> array[int]:
    found: array[int] = array(kind)
    found.frombytes(raw)
    return found
