"""Dead letters: what could not be decoded or decided, as it came, with the reason beside it.

Key, value and headers are the original's. What is said about it stands in headers of ours, all named
`attesa_…`, so that a dead letter can be sent again by taking them off.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from streams.log.headers import Header

__all__ = ["DeadLetter", "dead_letter", "read_dead_letter"]

PREFIX: Final = "attesa_"
MAX_ERROR: Final = 1_000
"""An error text is cut to so many characters."""


Headers = Iterable[tuple[str, str | bytes | None]] | dict[str, str | bytes | None] | None
"""As a consumer gives them."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that nothing could be made of."""

    topic: str
    """Where it came from, with `partition` and `offset`."""
    partition: int
    offset: int
    timestamp: int
    """The record's own, ms since the epoch."""
    reason: str
    """From a closed set: the codec's reasons, the core's, `missing_key`, `wrong_partition`."""
    error: str
    """What a person reads; never a personal value."""
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    """The original's, without ours."""

    def wire_headers(self) -> list[tuple[str, bytes | None]]:
        """The headers that it is written with: the original's, then ours."""
        ours: list[Header] = [
            (f"{PREFIX}reason", self.reason.encode()),
            (f"{PREFIX}topic", self.topic.encode()),
            (f"{PREFIX}partition", b"%d" % self.partition),
            (f"{PREFIX}offset", b"%d" % self.offset),
            (f"{PREFIX}timestamp", b"%d" % self.timestamp),
            (f"{PREFIX}error", self.error[:MAX_ERROR].encode()),
        ]
        return [*self.headers, *ours]


def dead_letter(
    *,
    topic: str,
    partition: int,
    offset: int,
    timestamp: int,
    key: bytes | None,
    value: bytes | None,
    headers: Headers,
    reason: str,
    error: str,
) -> DeadLetter:
    """A dead letter of a record; what an earlier failure of the same record said about it is left out."""
    kept = tuple((name, _bytes(held)) for name, held in _pairs(headers) if not name.startswith(PREFIX))
    return DeadLetter(topic, partition, offset, timestamp, reason, error, key, value, kept)


def read_dead_letter(key: bytes | None, value: bytes | None, headers: Headers) -> DeadLetter | None:
    """A record of the dead letters' topic; None where it has no headers of ours, so is none."""
    held = [(name, _bytes(text)) for name, text in _pairs(headers)]
    ours = {name: (text or b"").decode(errors="replace") for name, text in held if name.startswith(PREFIX)}
    try:
        return DeadLetter(
            topic=ours[f"{PREFIX}topic"],
            partition=int(ours[f"{PREFIX}partition"]),
            offset=int(ours[f"{PREFIX}offset"]),
            timestamp=int(ours[f"{PREFIX}timestamp"]),
            reason=ours[f"{PREFIX}reason"],
            error=ours[f"{PREFIX}error"],
            key=key,
            value=value,
            headers=tuple((name, text) for name, text in held if not name.startswith(PREFIX)),
        )
    except (KeyError, ValueError):
        return None


def _pairs(headers: Headers) -> Iterable[tuple[str, str | bytes | None]]:
    return headers.items() if isinstance(headers, dict) else headers or ()


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value
