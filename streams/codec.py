"""Records to bytes and back: JSON by msgspec, with the schema version checked.

In both runtimes every record passes through here between stages, so they cannot drift.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeVar

import msgspec

from streams import model

R = TypeVar("R", bound=msgspec.Struct)

_encoder = msgspec.json.Encoder()


class CodecError(ValueError):
    """The bytes are not a record of the expected kind; `reason` is one of `model.REJECT_REASONS`."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class _Versioned(msgspec.Struct):
    schema: int = 0


def encode(record: msgspec.Struct) -> bytes:
    """Return `record` as UTF-8 JSON."""
    return _encoder.encode(record)


@lru_cache(maxsize=64)
def _decoder(kind: type[msgspec.Struct]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


_version_decoder = msgspec.json.Decoder(_Versioned)


def decode(payload: bytes, kind: type[R]) -> R:
    """Return the record of type `kind` in `payload`.

    Raises:
        CodecError: `undecodable` when it is no JSON, `newer_schema` when a newer Rasad wrote it,
            `invalid` when a field is missing or of the wrong type.
    """
    try:
        record: R = _decoder(kind).decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _explain(payload, error) from error
    if getattr(record, "schema", model.SCHEMA) > model.SCHEMA:
        raise _newer(getattr(record, "schema"))  # noqa: B009  (not every record has one)
    return record


def _explain(payload: bytes, error: Exception) -> CodecError:
    # The version is looked at only after a failure: a newer record usually differs in its fields too, and
    # "written by a newer Rasad" is the message that helps.
    try:
        schema = _version_decoder.decode(payload).schema
    except (msgspec.DecodeError, UnicodeDecodeError):
        if isinstance(error, msgspec.ValidationError):
            return CodecError("invalid", str(error))
        return CodecError("undecodable", str(error))
    if schema > model.SCHEMA:
        return _newer(schema)
    return CodecError("invalid", str(error))


def _newer(schema: int) -> CodecError:
    return CodecError(
        "newer_schema",
        f"record has schema {schema}, this Rasad knows up to {model.SCHEMA}: upgrade this process, then retry it",
    )


def to_builtins(record: msgspec.Struct) -> dict[str, Any]:
    """Return `record` as plain JSON types (times as ISO 8601 strings)."""
    builtins: dict[str, Any] = msgspec.to_builtins(record)
    return builtins
