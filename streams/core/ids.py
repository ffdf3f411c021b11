"""Every id is derived: the same cause makes the same id in every run. Never drawn, never from an offset.

Ids are blake2b of the parts, joined by NUL (inputs that hold one are refused), 128 bits, hex.
"""

from functools import lru_cache
from hashlib import blake2b

__all__ = ["SEEN_BYTES", "derived", "fact_id", "input_name", "journey_id", "seen_hash", "spread"]

SEEN_BYTES = 8
"""How much of an input's hash the state remembers, bytes."""


def derived(*parts: str | int) -> str:
    """The id that these parts stand for: 32 hex digits."""
    return blake2b("\0".join(map(str, parts)).encode(), digest_size=16).hexdigest()


def input_name(source: str, id_: str) -> str:
    """What an input is called for ever: its source, slashes in it escaped, a slash, its id."""
    return f"{source.replace('/', '%2F') if '/' in source else source}/{id_}"


def fact_id(contact: str, cause: str, index: int) -> str:
    """A fact's id: its contact, its cause by name (an input's name or a deadline's id), its place there."""
    return blake2b(f"{contact}\0{cause}\0{index}".encode(), digest_size=16).hexdigest()


def journey_id(contact: str, flow: str, entry: str) -> str:
    """A journey's id. `entry` is the input's source/id, or the due time of what started it."""
    return derived(contact, flow, entry)


@lru_cache(maxsize=4096)
def seen_hash(name: str) -> bytes:
    """What the state remembers of an input, by its source/id: `SEEN_BYTES` bytes."""
    return blake2b(name.encode(), digest_size=SEEN_BYTES).digest()


def spread(span: int, *parts: str | int) -> int:
    """A number from 0 to span - 1, evenly spread over whatever the parts name; 0 for a span of 0."""
    digest = blake2b("\0".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest) * span >> 64
