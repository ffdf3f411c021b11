"""A contact as the changelog and the store keep it: the state, its soonest deadline, its wrapped data key.

    0      format version, 1
    1      soonest due, ms, 8 bytes big-endian; all ones: none
    9      length of the master key's name, 1 byte, and the name (UTF-8); 0: no data key
    …      length of the wrapped key, 1 byte, and the wrapped key
    …      the state, as `streams.core.state` encodes it

The soonest due stands outside the state so that a recovery fills the index of deadlines without decoding
states.
"""

import struct
from typing import Final, NamedTuple

from schemas.types.records import ContactKey
from streams.engine.errors import ChangelogError

__all__ = ["POSITION_KEY", "ROLL_KEY", "Kept", "pack", "soonest_of", "unpack"]

POSITION_KEY: Final = b"!position"
"""The changelog's record of a partition's position. No contact has this key: a contact's has a slash."""

ROLL_KEY: Final = b"!roll"
"""Whose tombstone, now and then, lets the keys topic be compacted."""

_HEAD: Final = struct.Struct(">BQB")
_VERSION: Final = 1
_NONE: Final = 2**64 - 1


class Kept(NamedTuple):
    """What an envelope holds."""

    soonest: int | None
    """When the contact's next deadline is due, ms; None if it has none."""
    key: ContactKey | None
    """Its data key, wrapped; None if nothing personal was ever written."""
    state: bytes
    """The encoded state."""


def pack(kept: Kept) -> bytes:
    """The envelope's bytes."""
    due = _NONE if kept.soonest is None else kept.soonest
    if kept.key is None:
        return _HEAD.pack(_VERSION, due, 0) + kept.state
    master = kept.key.master.encode()
    wrapped = kept.key.wrapped
    return b"".join(
        (_HEAD.pack(_VERSION, due, len(master)), master, bytes((len(wrapped),)), wrapped, kept.state)
    )


def unpack(data: bytes) -> Kept:
    """What the bytes hold. `ChangelogError` for a version that this code does not know."""
    due, name_length = _head(data)
    at = _HEAD.size
    key = None
    if name_length:
        master = data[at : at + name_length].decode()
        at += name_length
        wrapped_length = data[at]
        key = ContactKey(wrapped=data[at + 1 : at + 1 + wrapped_length], master=master)
        at += 1 + wrapped_length
    return Kept(due, key, data[at:])


def soonest_of(data: bytes) -> int | None:
    """The soonest due alone."""
    return _head(data)[0]


def _head(data: bytes) -> tuple[int | None, int]:
    try:
        version, due, name_length = _HEAD.unpack_from(data)
    except struct.error as error:
        raise ChangelogError(f"a contact's record has {len(data)} bytes: it is damaged") from error
    if version != _VERSION:
        raise ChangelogError(
            f"a contact's record has format version {version}; this version of Attesa reads {_VERSION}. "
            "Run the version that wrote it, or a newer one."
        )
    return None if due == _NONE else due, name_length
