"""A store and a flow log in memory, and the fold of a partition: for replays, oracles, simulation, tests."""

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush

from streams.core.partition import Decision, Entry, FlowEntry, PartitionDecider, Position
from streams.core.registry import Registry
from streams.core.state import ContactState

__all__ = ["MemoryContacts", "MemoryFlowLog", "fold_partition"]


class MemoryContacts:
    """The contacts of one partition, in memory. `states` may be read and compared."""

    def __init__(self) -> None:
        self.states: dict[str, ContactState] = {}
        self._index: list[tuple[int, str]] = []
        self._due: dict[str, int] = {}

    def get(self, contact: str) -> ContactState | None:
        """The contact's state; None if it has none."""
        return self.states.get(contact)

    def put(self, contact: str, state: ContactState | None) -> None:
        """Keeps the state (None: it is erased) and re-indexes its soonest deadline."""
        if state is None:
            self.states.pop(contact, None)
        else:
            self.states[contact] = state
        due = state.soonest if state is not None else None
        if due is None:
            self._due.pop(contact, None)
        elif self._due.get(contact) != due:
            self._due[contact] = due
            heappush(self._index, (due, contact))

    def soonest(self) -> tuple[int, str] | None:
        """The smallest (due, contact); None if there is none."""
        while self._index and self._due.get(self._index[0][1]) != self._index[0][0]:
            heappop(self._index)
        return self._index[0] if self._index else None


class MemoryFlowLog:
    """Flow commands in memory, in the order of their offsets."""

    def __init__(self, entries: Iterable[FlowEntry] = ()) -> None:
        self.entries = list(entries)

    def between(self, start: int, end: int) -> Sequence[FlowEntry]:
        """All flow commands with start ≤ offset < end."""
        return [entry for entry in self.entries if start <= entry.offset < end]


def fold_partition(
    entries: Iterable[Entry],
    flow_entries: Iterable[FlowEntry],
    *,
    topic: str = "attesa.inbound",
    partition: int = 0,
    contacts: MemoryContacts | None = None,
    engine: str = "",
    tzdata: str = "",
) -> list[Decision]:
    """All decisions of a partition's log, from its beginning; `contacts` has the states at the end."""
    decider = PartitionDecider(
        topic=topic,
        partition=partition,
        position=Position(),
        registry=Registry(),
        contacts=contacts if contacts is not None else MemoryContacts(),
        flows=MemoryFlowLog(flow_entries),
        engine=engine,
        tzdata=tzdata,
    )
    return [decision for entry in entries for decision in decider.decide(entry)]
