"""One partition: its clock, its registry, whose deadlines fire when. It drives the contacts' decider."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec

from schemas.types.commands import Command
from schemas.types.facts import Fact
from schemas.types.inputs import Input
from streams.core.refusals import DeadReason
from streams.core.registry import Change, FlowEntry, Registry
from streams.core.state import ContactState

__all__ = [
    "Change",
    "Contacts",
    "DeadReason",
    "Decision",
    "Entry",
    "FlowEntry",
    "FlowLog",
    "PartitionDecider",
    "Position",
    "decode_position",
    "encode_position",
    "registry_through",
]


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One decoded record of the inbound topic."""

    offset: int
    timestamp: int
    """The record's own, ms UTC: set by the broker, on a history by the importer."""
    contact: str | None
    """The record's key, workspace/contact_id; None for a tick."""
    record: Input


class FlowLog(Protocol):
    """The flows topic, compiled."""

    def between(self, start: int, end: int) -> Sequence[FlowEntry]:
        """All flow commands with start ≤ offset < end, in order. It waits for them if it has not read so far."""


class Contacts(Protocol):
    """What the decider needs of the store."""

    def get(self, contact: str) -> ContactState | None:
        """The contact's state; None if it has none."""

    def put(self, contact: str, state: ContactState | None) -> None:
        """Keeps the state (None: it is erased) and re-indexes its soonest deadline, also if that did not change."""

    def soonest(self) -> tuple[int, str] | None:
        """The smallest (due, contact) in the index; a hint, checked against the state. None if there is none."""


class Position(msgspec.Struct, frozen=True, array_like=True):
    """How far a partition has got: what a transaction writes as `!position`."""

    next: int = 0
    """The inbound offset that is decided next; the same tick again if that was cut."""
    clock: int = 0
    """The largest record timestamp so far, ms UTC."""
    flows_through: int = 0
    """Flow commands below this offset are in force."""
    fired: int = 0
    """Deadlines fired so far by the tick at `next`."""
    advanced_at: int = 0
    """The clock of the last ClockAdvanced."""


class Decision(msgspec.Struct, frozen=True, gc=False):
    """What one cause came to. Its state has been put."""

    contact: str | None
    """None: about the partition."""
    facts: tuple[Fact, ...] = ()
    commands: tuple[Command, ...] = ()
    dead: DeadReason | None = None
    """Why the input is a dead letter; None if it is not. Facts beside it are those of deadlines that were due."""
    duplicate: bool = False
    """True if the input had been taken before: it makes no fact of its own."""


def encode_position(position: Position) -> bytes:
    """The position as bytes, its format's version first."""
    raise NotImplementedError


def decode_position(data: bytes) -> Position:
    """The position that `encode_position` made; `StateFormatError` if the bytes are not such."""
    raise NotImplementedError


def registry_through(flows: FlowLog, offset: int) -> Registry:
    """The registry after all flow commands below `offset`: rebuilt at assignment, without facts."""
    registry = Registry()
    for entry in flows.between(0, offset):
        registry = registry.apply(entry).registry
    return registry


class PartitionDecider:
    """Decides one partition's inputs in the order of their offsets. Not for two threads at once."""

    position: Position
    """After the decision yielded last."""
    registry: Registry

    def __init__(
        self,
        *,
        topic: str,
        partition: int,
        position: Position,
        registry: Registry,
        contacts: Contacts,
        flows: FlowLog,
        engine: str,
        tzdata: str,
    ) -> None:
        self.topic = topic
        self.partition = partition
        self.position = position
        self.registry = registry
        self.contacts = contacts
        self.flows = flows
        self.engine = engine
        self.tzdata = tzdata

    def decide(self, entry: Entry) -> Iterator[Decision]:
        """The decisions that this input makes, in order. The shell may commit after any of them."""
        raise NotImplementedError
