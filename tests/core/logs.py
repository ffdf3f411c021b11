"""A partition's log, written record by record."""

from typing import Any

from schemas.types.facts import (
    TimerFired,
)
from schemas.types.inputs import CustomerEvent, MessageReceived, Tick
from streams.core.memory import MemoryContacts, MemoryFlowLog, fold_partition
from streams.core.partition import (
    Decision,
    Entry,
    PartitionDecider,
    Position,
    registry_through,
)
from streams.core.program import Program, WorkspaceSettings
from streams.core.testing import (
    START,
    given,
)

__all__ = ["Log", "fired", "kinds"]


class Log:
    """A partition's log in the making, its flow commands in force from the first tick."""

    def __init__(self, *programs: Program, settings: WorkspaceSettings | None = None) -> None:
        story = given(*programs, settings=settings)
        self.flows = story.flows.entries
        self.entries: list[Entry] = []
        self.tick(START)

    def tick(self, at: int, **fields: Any) -> "Log":
        """A tick."""
        made = Tick(ticker="t", **{"flows_through": len(self.flows), **fields})
        self.entries.append(Entry(len(self.entries), at, None, made))
        return self

    def event(self, at: int, contact: str, name: str = "go", id_: str = "") -> "Log":
        """A customer event of a contact."""
        offset = len(self.entries)
        made = CustomerEvent(source="t", id=id_ or str(offset), occurred_at=at, name=name)
        self.entries.append(Entry(offset, at, contact, made))
        return self

    def message(self, at: int, contact: str) -> "Log":
        """A message of a contact."""
        offset = len(self.entries)
        made = MessageReceived(source="t", id=str(offset), occurred_at=at, channel="whatsapp", text="x")
        self.entries.append(Entry(offset, at, contact, made))
        return self

    def decider(
        self, contacts: MemoryContacts | None = None, position: Position | None = None
    ) -> PartitionDecider:
        """A decider at that position."""
        at = position or Position()
        flows = MemoryFlowLog(self.flows)
        return PartitionDecider(
            topic="attesa.inbound",
            partition=3,
            position=at,
            registry=registry_through(flows, at.flows_through),
            contacts=contacts if contacts is not None else MemoryContacts(),
            flows=flows,
            engine="0.1.0",
            tzdata="2025.2",
        )

    def decisions(self) -> list[Decision]:
        """All of them."""
        return fold_partition(self.entries, self.flows, partition=3, engine="0.1.0", tzdata="2025.2")


def fired(decisions: list[Decision]) -> list[tuple[str | None, int]]:
    """Which contacts' timers fired, and when."""
    return [
        (each.contact, each.facts[0].at)
        for each in decisions
        if each.facts and isinstance(each.facts[0], TimerFired)
    ]


def kinds(decisions: list[Decision], kind: type) -> list[Any]:
    """All facts of a kind."""
    return [found for each in decisions for found in each.facts if isinstance(found, kind)]
