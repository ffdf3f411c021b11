"""What the shell needs of the pure core, so that either can be proven without the other."""

from collections.abc import Iterator
from typing import Any, Protocol

from streams.core.partition import Decision, Entry, FlowLog, Position

__all__ = ["Contacts", "Core", "Decider", "Flows", "StateCodec"]


class Contacts(Protocol):
    """What the decider needs of the store; see `streams.core.partition.Contacts`."""

    def get(self, contact: str) -> Any:
        """The contact's state; None if there is none."""

    def put(self, contact: str, state: Any) -> None:
        """The state from here on; None: erased."""

    def soonest(self) -> tuple[int, str] | None:
        """The soonest (due, contact)."""


class Flows(FlowLog, Protocol):
    """The flows topic as the shell needs it; `streams.log.flow_log.FlowLog`."""

    @property
    def end(self) -> int:
        """The offset that it was read to."""

    def wait_for(self, offset: int, timeout_s: float = ...) -> None:
        """Returns once everything below `offset` was read; `LogGapError` if that does not come in time."""


class Decider(Protocol):
    """The fold of one partition; `streams.core.partition.PartitionDecider`."""

    position: Position
    """After the last decision that was yielded; the shell moves it over records that it could not decode."""

    def decide(self, entry: Entry) -> Iterator[Decision]:
        """Decides an entry; states have been put when a decision is yielded."""


class StateCodec(Protocol):
    """A contact's state as bytes, and its soonest deadline."""

    def encode(self, state: Any) -> bytes:
        """The bytes."""

    def decode(self, data: bytes) -> Any:
        """The state."""

    def soonest(self, state: Any) -> int | None:
        """When its next deadline is due, ms."""


class Core(Protocol):
    """The core of an engine: the project's own, or a test's toy."""

    @property
    def states(self) -> StateCodec:
        """How it keeps a contact."""

    def first_position(self, offset: int) -> Position:
        """Where a partition begins whose log begins at `offset`."""

    def encode_position(self, position: Position) -> bytes:
        """The bytes of `!position`."""

    def decode_position(self, data: bytes) -> Position:
        """The position in these bytes."""

    def decider(
        self, *, topic: str, partition: int, position: Position, contacts: Contacts, flows: FlowLog
    ) -> Decider:
        """A decider that goes on at `position`."""
