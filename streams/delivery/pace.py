"""Rate limits: so many calls in a span, spread evenly, with a burst of at most a second's worth.

The generic cell rate algorithm (ITU-T I.371): one number a limit, the time at which the next call would be on
schedule. Times are ms.
"""

import re
from dataclasses import dataclass, field

__all__ = ["Pace", "PaceKey", "Rate", "parse_rate"]

PaceKey = tuple[str, str]
"""Workspace and sender (the channel's name, if it names no sender): each has a limit of its own."""

_SPANS_MS = {"s": 1_000.0, "m": 60_000.0, "h": 3_600_000.0, "d": 86_400_000.0}
_RATE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*/\s*(s|m|h|d)\s*")


@dataclass(frozen=True, slots=True)
class Rate:
    """`calls` in `span_ms`."""

    calls: float
    span_ms: float

    @property
    def interval_ms(self) -> float:
        """Between two calls, on average."""
        return self.span_ms / self.calls


def parse_rate(value: object) -> Rate | None:
    """A channel's `rate`: a number (a second), or text as `80/s`, `1000/h`. None: no limit is set.

    Raises ValueError, saying the form, for anything else.
    """
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
        return Rate(float(value), 1_000.0)
    found = _RATE.fullmatch(value) if isinstance(value, str) else None
    if found is None or float(found[1]) <= 0:
        raise ValueError(f"{value!r} is no rate: a number of calls a second, or 80/s, 100/m, 1000/h, 5000/d")
    return Rate(float(found[1]), _SPANS_MS[found[2]])


@dataclass(slots=True)
class Pace:
    """The limits of this process. `share` is its part of each: its partitions of all, so that several
    dispatchers together keep to it.
    """

    share: float = 1.0
    _rates: dict[PaceKey, Rate] = field(default_factory=dict)
    _on_schedule: dict[PaceKey, float] = field(default_factory=dict)

    def limit_to(self, rates: dict[PaceKey, Rate]) -> None:
        """From now on these limits hold, and no others."""
        self._rates = dict(rates)
        self._on_schedule = {key: due for key, due in self._on_schedule.items() if key in rates}

    def free_at(self, key: PaceKey) -> float:
        """The soonest time at which a call may be made."""
        rate = self._rates.get(key)
        if rate is None:
            return 0.0
        # A second's worth may go at once; a limit slower than one a second knows no burst.
        burst = max(0.0, 1_000.0 - rate.interval_ms / self.share)
        return self._on_schedule.get(key, 0.0) - burst

    def take(self, key: PaceKey, now: float) -> None:
        """A call is made at `now`."""
        rate = self._rates.get(key)
        if rate is not None:
            on_schedule = max(self._on_schedule.get(key, 0.0), now)
            self._on_schedule[key] = on_schedule + rate.interval_ms / self.share
