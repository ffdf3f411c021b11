"""Rate limits: so many calls a second, spread evenly, with a burst of at most a second's worth.

The generic cell rate algorithm (ITU-T I.371): one number a limit, the time at which the next call would be on
schedule. Times are ms.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from streams.core.program import ChannelSettings, WorkspaceSettings

__all__ = ["Pace", "PaceKey", "rates_of", "sender_of"]

PaceKey = tuple[str, str]
"""Workspace and sender (the channel's name, if it names no sender): each has a limit of its own."""


def sender_of(channel: ChannelSettings) -> str:
    """Who sends by the channel, to a provider that limits senders; if it names none, its own name."""
    return channel.sender or channel.name


def rates_of(workspaces: Iterable[WorkspaceSettings]) -> dict[PaceKey, float]:
    """The limit of each sender that has one, calls a second; of channels that share one, the slowest."""
    rates: dict[PaceKey, float] = {}
    for workspace in workspaces:
        for channel in workspace.channels:
            rate = dict(channel.options).get("rate")
            if rate is not None:
                key = workspace.id, sender_of(channel)
                rates[key] = min(float(rate), rates.get(key, float(rate)))
    return rates


@dataclass(slots=True)
class Pace:
    """The limits of this process. `share` is its part of each: its partitions of all, so that several
    dispatchers together keep to it.
    """

    share: float = 1.0
    _rates: dict[PaceKey, float] = field(default_factory=dict)
    _on_schedule: dict[PaceKey, float] = field(default_factory=dict)

    def limit_to(self, rates: Mapping[PaceKey, float]) -> None:
        """From now on these limits hold (calls a second), and no others."""
        self._rates = dict(rates)
        self._on_schedule = {key: due for key, due in self._on_schedule.items() if key in rates}

    def free_at(self, key: PaceKey) -> float:
        """The soonest time at which a call may be made."""
        if key not in self._rates:
            return 0.0
        # A second's worth may go at once; a limit slower than one a second knows no burst.
        return self._on_schedule.get(key, 0.0) - max(0.0, 1_000.0 - self._interval(key))

    def take(self, key: PaceKey, now: float) -> None:
        """A call is made at `now`."""
        if key in self._rates:
            self._on_schedule[key] = max(self._on_schedule.get(key, 0.0), now) + self._interval(key)

    def _interval(self, key: PaceKey) -> float:
        return 1_000.0 / (self._rates[key] * self.share)
