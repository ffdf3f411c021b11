"""Whose turn it is: order within a contact, fairness between workspaces, holds, pace.

A *lane* is one contact's commands in the order of the log. One of them is out at a time. One that may not go
yet holds up the later ones of its own journey, not those of other journeys: a marketing message that waits
for the morning does not keep a one-time code back. Ready lanes stand in line by workspace, then by sender;
the workspaces take turns. Every operation is O(1) or O(log n) in the commands held, but for `withdraw` (O(n))
and the scan of one lane. Times are ms and come in as values.
"""

import heapq
import itertools
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from schemas.types.commands import Command
from streams.delivery.decision import Past, workspace_of
from streams.delivery.ledger import Ledger
from streams.delivery.pace import Pace, PaceKey

__all__ = ["Item", "Queue"]


@dataclass(slots=True, eq=False)
class Item:
    """A command in memory, from its reading to its end."""

    command: Command
    ledger: Ledger
    """Its partition's account."""
    offset: int
    past: Past
    not_before: int
    not_after: int | None
    """The bounds that hold for it, ms; on a history none do."""
    traceparent: str | None = None
    """The trace that the command stands in."""
    gone: bool = field(default=False, init=False)


@dataclass(slots=True, eq=False)
class _Lane:
    items: list[Item] = field(default_factory=list)
    out: Item | None = None
    in_line: bool = False
    wakes_at: float | None = None

    def pick(self, now: float) -> tuple[Item | None, float | None]:
        """The first that may go now; else None and when to look again."""
        held: set[str] = set()
        soonest: float | None = None
        for item in self.items:
            if item.command.journey in held:
                continue
            if item.not_before <= now:
                return item, None
            held.add(item.command.journey)
            soonest = item.not_before if soonest is None else min(soonest, item.not_before)
        return None, soonest


class Queue:
    """The commands that this process holds. `key_of` names the limit that a command counts towards."""

    def __init__(self, pace: Pace, *, per_workspace: int, key_of: Callable[[Command], PaceKey]) -> None:
        """At most `per_workspace` commands of one workspace are out at a time."""
        self._pace = pace
        self._per_workspace = per_workspace
        self._key_of = key_of
        self._lanes: dict[str, _Lane] = {}
        self._line: OrderedDict[str, OrderedDict[PaceKey, deque[_Lane]]] = OrderedDict()
        self._out: dict[str, int] = {}
        self._sleeping: list[tuple[float, int, _Lane]] = []
        self._last_moments: list[tuple[int, int, Item]] = []
        self._numbers = itertools.count()
        self._size = 0

    def __len__(self) -> int:
        """Commands in memory, those that are out included."""
        return self._size

    @property
    def out(self) -> int:
        """Commands that are out: taken, and not done."""
        return sum(self._out.values())

    def add(self, item: Item, now: float) -> None:
        """A command was read. Those of one contact must come in the order of the log."""
        lane = self._lanes.setdefault(item.command.contact, _Lane())
        lane.items.append(item)
        self._size += 1
        self._watch(item)
        self._place(lane, now)

    def take(self, now: float, room: int) -> list[Item]:
        """At most `room` commands whose turn it is. Each is out until `done` or `put_back`."""
        while self._sleeping and self._sleeping[0][0] <= now:
            wakes_at, _, lane = heapq.heappop(self._sleeping)
            if lane.wakes_at == wakes_at:
                lane.wakes_at = None
                self._place(lane, now)
        taken: list[Item] = []
        while len(taken) < room:
            item = self._next(now)
            if item is None:
                break
            taken.append(item)
        return taken

    def done(self, item: Item, now: float) -> None:
        """A command that was out has its outcome: the contact's next may go."""
        lane = self._return(item)
        lane.items.remove(item)
        item.gone = True
        self._size -= 1
        self._place(lane, now)
        self._tidy(item.command.contact, lane)

    def put_back(self, item: Item, not_before: int, now: float) -> None:
        """A command that was out may not go before then: it is back in its place."""
        lane = self._return(item)
        item.not_before = not_before
        self._watch(item)
        self._place(lane, now)

    def take_expired(self, now: float) -> list[Item]:
        """Commands in wait whose last moment has passed: they leave, whosever turn it is."""
        expired = []
        while self._last_moments and self._last_moments[0][0] < now:
            item = heapq.heappop(self._last_moments)[2]
            if not item.gone and self._lanes[item.command.contact].out is not item:
                # At once: one that was put back is watched twice.
                self._remove([item], now)
                expired.append(item)
        return expired

    def withdraw(self, matches: Callable[[Item], bool], now: float) -> list[Item]:
        """Commands in wait (not those that are out) that match leave."""
        leaving = [
            item
            for lane in self._lanes.values()
            for item in lane.items
            if item is not lane.out and matches(item)
        ]
        self._remove(leaving, now)
        return leaving

    def held(self, now: float) -> int:
        """Commands that are not out and may not go yet, by their own time or an earlier one's of the journey.
        O(n).
        """
        count = 0
        for lane in self._lanes.values():
            journeys = {item.command.journey for item in lane.items if item.not_before > now}
            count += sum(
                1 for item in lane.items if item is not lane.out and item.command.journey in journeys
            )
        return count

    def _watch(self, item: Item) -> None:
        if item.not_after is not None:
            heapq.heappush(self._last_moments, (item.not_after, next(self._numbers), item))

    def _remove(self, items: Iterable[Item], now: float) -> None:
        for item in items:
            lane = self._lanes[item.command.contact]
            lane.items.remove(item)
            item.gone = True
            self._size -= 1
            self._place(lane, now)
            self._tidy(item.command.contact, lane)

    def _return(self, item: Item) -> _Lane:
        lane = self._lanes[item.command.contact]
        lane.out = None
        workspace = workspace_of(item.command)
        self._out[workspace] -= 1
        if not self._out[workspace]:
            del self._out[workspace]
        return lane

    def _tidy(self, contact: str, lane: _Lane) -> None:
        if not lane.items:
            lane.wakes_at = None
            del self._lanes[contact]

    def _place(self, lane: _Lane, now: float) -> None:
        """Where the lane stands now: in line, or asleep until its soonest. One that is out is placed when it
        is done.
        """
        if lane.out is not None or lane.in_line or not lane.items:
            return
        item, wakes_at = lane.pick(now)
        if item is not None:
            lane.wakes_at = None
            self._stand_in_line(lane, item)
        elif wakes_at is not None and lane.wakes_at != wakes_at:
            lane.wakes_at = wakes_at
            heapq.heappush(self._sleeping, (wakes_at, next(self._numbers), lane))

    def _stand_in_line(self, lane: _Lane, item: Item) -> None:
        senders = self._line.setdefault(workspace_of(item.command), OrderedDict())
        senders.setdefault(self._key_of(item.command), deque()).append(lane)
        lane.in_line = True

    def _next(self, now: float) -> Item | None:
        """The next workspace's next sender's next command whose pace lets it go; None if there is none."""
        for workspace in list(self._line):
            if self._out.get(workspace, 0) >= self._per_workspace:
                continue
            senders = self._line[workspace]
            for key in list(senders):
                if self._pace.free_at(key) > now:
                    continue
                item = self._leave_line(senders, key, now)
                if not senders:
                    del self._line[workspace]
                if item is None:
                    continue
                if senders:
                    self._line.move_to_end(workspace)
                self._pace.take(key, now)
                self._out[workspace] = self._out.get(workspace, 0) + 1
                return item
        return None

    def _leave_line(
        self, senders: OrderedDict[PaceKey, deque[_Lane]], key: PaceKey, now: float
    ) -> Item | None:
        """The first lane of a sender's line leaves it. None: what it stood there for is gone."""
        lanes = senders[key]
        item = None
        while lanes and item is None:
            lane = lanes.popleft()
            lane.in_line = False
            picked, _ = lane.pick(now)
            if picked is not None and self._key_of(picked.command) == key:
                lane.out = item = picked
            else:
                self._place(lane, now)
        if lanes:
            senders.move_to_end(key)
        else:
            del senders[key]
        return item
