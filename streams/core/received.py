"""What a contact's decider is given: an input or a deadline that fell due, its place, and the time it is."""

import msgspec

from schemas.types.facts import Cause
from schemas.types.inputs import Input, Tick
from streams.core.ids import input_name

__all__ = ["Due", "Received", "name_of", "said_at"]

_YEAR = 366 * 86_400_000


class Due(msgspec.Struct, frozen=True, gc=False):
    """A deadline of the contact that the clock has reached."""

    journey: str
    id: str
    """The wait's or the timer's."""
    due: int


class Received(msgspec.Struct, frozen=True, gc=False):
    """One thing to decide."""

    contact: str
    """workspace/contact_id."""
    record: Input | Due
    now: int
    """The clock: the only time a decision knows, ms UTC."""
    timestamp: int
    """The log record's own, ms UTC: what a sender's claim is held against."""
    topic: str
    partition: int
    offset: int
    input: str
    """The name of the input at that offset; empty for a tick."""

    @property
    def cause(self) -> Cause:
        """Where it stands in the log."""
        timer = self.record.id if isinstance(self.record, Due) else None
        return Cause(
            topic=self.topic, partition=self.partition, offset=self.offset, input=self.input, timer=timer
        )


def name_of(record: Input) -> str:
    """The input's name; empty for a tick."""
    return "" if isinstance(record, Tick) else input_name(record.source, record.id)


def said_at(occurred_at: int, timestamp: int) -> int:
    """When it happened, as it counts: the claim, but never after the record's timestamp.

    A claim over a year before the record (1970, seconds for ms) is out of bounds: the record's timestamp.
    """
    return occurred_at if timestamp - _YEAR <= occurred_at <= timestamp else timestamp
