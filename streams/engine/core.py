"""The project's own core behind the shell's interface."""

from importlib.metadata import version
from typing import Any

from streams.core.partition import (
    FlowLog,
    PartitionDecider,
    Position,
    decode_position,
    encode_position,
    registry_through,
)
from streams.core.state import ContactState, decode_state, encode_state
from streams.engine.deciding import Contacts, Decider

__all__ = ["PureCore"]


class _States:
    """`streams.core.state` as a codec."""

    def encode(self, state: ContactState) -> bytes:
        """The bytes."""
        return encode_state(state)

    def decode(self, data: bytes) -> ContactState:
        """The state. `StateFormatError` for a format of a newer version."""
        return decode_state(data)

    def soonest(self, state: ContactState) -> int | None:
        """When its next deadline is due, ms."""
        return state.soonest


class PureCore:
    """`streams.core`: its deciders, its states, its positions."""

    def __init__(self) -> None:
        self.states = _States()
        self._engine = version("attesa")
        self._tzdata = version("tzdata")

    def first_position(self, offset: int) -> Position:
        """Where a partition begins whose log begins at `offset`."""
        return Position(next=offset)

    def encode_position(self, position: Position) -> bytes:
        """The bytes of `!position`."""
        return encode_position(position)

    def decode_position(self, data: bytes) -> Position:
        """The position in these bytes."""
        return decode_position(data)

    def decider(
        self, *, topic: str, partition: int, position: Position, contacts: Contacts, flows: FlowLog
    ) -> Decider:
        """A decider at `position`. The registry is rebuilt from the flow log, without facts."""
        decider: Any = PartitionDecider(
            topic=topic,
            partition=partition,
            position=position,
            registry=registry_through(flows, position.flows_through),
            contacts=contacts,
            flows=flows,
            engine=self._engine,
            tzdata=self._tzdata,
        )
        return decider  # type: ignore[no-any-return]
