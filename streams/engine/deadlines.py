"""The deadlines of a partition's contacts, soonest first, without holding ten million in memory.

The index in the store has at least one entry for a contact at or before its soonest deadline; entries are
hints, since a deadline that moved later rewrites nothing until its old entry comes up. A window of the
soonest entries is kept in memory and read on from where it ended: never from the start, where deleted entries
lie.
"""

import heapq
from typing import Final, Protocol

__all__ = ["Deadlines", "Index"]

_WINDOW: Final = 2_000
_MOST_IN_MEMORY: Final = 8 * _WINDOW


class Index(Protocol):
    """The index in the store."""

    def deadlines_after(self, after: tuple[int, str] | None, most: int) -> list[tuple[int, str]]:
        """The next entries behind `after`, in order."""


class Deadlines:
    """Entries (due in ms, contact) in order, with the open transaction's changes on top.

    `changes`: what the transaction added (True) and took away (False); for the store, then `settle`.
    """

    def __init__(self, index: Index) -> None:
        self._index = index
        self._heap: list[tuple[int, str]] = []
        # Entries up to here are in the heap; None and not exhausted: none are.
        self._read_to: tuple[int, str] | None = None
        self._exhausted = False
        self.changes: dict[tuple[int, str], bool] = {}

    def add(self, due: int, contact: str) -> None:
        """An entry more; twice is once."""
        entry = (due, contact)
        self.changes[entry] = True
        if self._exhausted or (self._read_to is not None and entry <= self._read_to):
            heapq.heappush(self._heap, entry)
            if len(self._heap) > _MOST_IN_MEMORY:
                self._shrink()

    def remove(self, due: int, contact: str) -> None:
        """The entry goes; it need not be there."""
        self.changes[due, contact] = False

    def first(self) -> tuple[int, str] | None:
        """The smallest entry; None if there is none."""
        while True:
            while self._heap:
                entry = self._heap[0]
                if self.changes.get(entry, True):
                    return entry
                heapq.heappop(self._heap)
            if self._exhausted:
                return None
            self._read_on()

    def settle(self) -> None:
        """The changes are in the store."""
        self.changes.clear()

    def _read_on(self) -> None:
        found = self._index.deadlines_after(self._read_to, _WINDOW)
        behind = self._read_to
        self._exhausted = len(found) < _WINDOW
        if found:
            self._read_to = found[-1]
        ahead = [
            entry
            for entry, stands in self.changes.items()
            if stands
            and (behind is None or entry > behind)
            and (self._exhausted or (self._read_to is not None and entry <= self._read_to))
        ]
        self._heap = [*found, *ahead]
        heapq.heapify(self._heap)

    def _shrink(self) -> None:
        self._heap = heapq.nsmallest(_WINDOW, set(self._heap))
        self._read_to = self._heap[-1]
        self._exhausted = False
