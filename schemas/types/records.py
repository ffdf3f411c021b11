"""Records beside the way of an event: keys, attempts, imports.

Made from the .avsc files by `python -m schemas.generate`: change those, not this. They are the wire format:
a class, its Avro record and its folder share one name.
"""

import msgspec

from schemas.types.value import Value

__all__ = [
    "Attempt",
    "ContactKey",
    "ImportProgress",
    "Record",
]


class Attempt(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """The dispatcher is about to call a provider. Without an outcome after it, what happened is
    unknown.
    """

    command: str
    """The id of the command."""
    at: int
    """When, by the dispatcher's clock."""
    attempt: int
    """Which call, from 1."""
    channel: str | None = None
    """By which channel."""
    via: str
    """By which adapter."""


class ContactKey(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """A contact's data key, wrapped by the master key. Its tombstone is the erasure."""

    wrapped: bytes
    """The key, wrapped (RFC 3394)."""
    master: str
    """The name of the master key."""


class ImportProgress(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """How far an import of a file has got."""

    file: str
    """The file's name, without folders."""
    sha256: str
    """Of its content, hex."""
    format: str
    """twcs, whatsapp or jsonl."""
    taken: int
    """Records taken so far."""
    left_out: dict[str, Value] = {}
    """Records left out, by reason."""
    complete: bool
    """True when all of it is in."""
    through: int
    """Record time reached."""
    at: int = 0
    """When, by the importer's clock."""


Record = Attempt | ContactKey | ImportProgress
"""Records beside the way of an event: keys, attempts, imports."""
