"""Local time, cheaply: the spans in which a zone's offset from UTC stands still, cached.

Zones come from the pinned tzdata package alone, never from the system: a replay reads the same calendar.
Where clocks change, a wall time that happens twice means its first or its last happening, as the caller asks;
one that never happens (the clock jumped over it) means the moment of the jump.
"""

from bisect import bisect_right
from datetime import UTC, datetime
from functools import lru_cache
from importlib import resources
from zoneinfo import ZoneInfo

__all__ = [
    "DAY",
    "HOUR",
    "MINUTE",
    "is_zone",
    "local",
    "local_hour",
    "moment",
    "next_time",
    "offset_at",
    "weekday",
]

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
_BLOCK = 35
"""Offsets are looked up a block of 2^35 ms (397 days) at a time."""


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    """Every zone there is."""
    return frozenset((resources.files("tzdata") / "zones").read_text(encoding="utf-8").split())


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo:
    with (resources.files("tzdata.zoneinfo") / name).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def is_zone(name: str) -> bool:
    """True if the pinned data has a zone of that name."""
    return name in _names()


def _offset(zone: ZoneInfo, at: int) -> int:
    """The zone's offset at a moment, ms, read from the data."""
    found = datetime.fromtimestamp(at // 1000, UTC).astimezone(zone).utcoffset()
    return 0 if found is None else int(found.total_seconds()) * 1000


@lru_cache(maxsize=4096)
def _spans(name: str, block: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Where each span of a block starts, and its offset: looks at each day, halves those that differ."""
    zone = _zone(name)
    start, end = block << _BLOCK, (block + 1) << _BLOCK
    starts, offsets = [start], [_offset(zone, start)]
    for day in range(start, end, DAY):
        after = min(day + DAY, end)
        if _offset(zone, after) != offsets[-1]:
            low, high = day, after
            while high - low > 1000:
                middle = (low + high) // 2000 * 1000
                low, high = (middle, high) if _offset(zone, middle) == offsets[-1] else (low, middle)
            starts.append(high)
            offsets.append(_offset(zone, high))
    return tuple(starts), tuple(offsets)


def offset_at(name: str, at: int) -> int:
    """The zone's offset from UTC at a moment, ms; east is positive."""
    starts, offsets = _spans(name, at >> _BLOCK)
    return offsets[bisect_right(starts, at) - 1]


def local(name: str, at: int) -> int:
    """The wall clock of a moment, as ms since 1970-01-01 00:00 on that clock."""
    return at + offset_at(name, at)


def moment(name: str, wall: int, *, last: bool = False) -> int:
    """The moment at which the wall clock shows this: the first, or the last, of two; of none, the jump."""
    before, after = offset_at(name, wall - DAY), offset_at(name, wall + DAY)
    shown = [wall - offset for offset in (before, after) if offset_at(name, wall - offset) == offset]
    if shown:
        return max(shown) if last else min(shown)
    low, high = wall - after, wall - before
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if offset_at(name, middle) == before else (low, middle)
    return high


def next_time(name: str, now: int, minutes: int, days: tuple[int, ...]) -> int:
    """The next moment after now at which the zone's clock shows so many minutes, on one of these weekdays."""
    today = local(name, now) // DAY
    walls = ((today + ahead) * DAY + minutes * MINUTE for ahead in range(15))
    moments = (moment(name, wall) for wall in walls if weekday(wall) in days)
    return next(at for at in moments if at > now)


def weekday(wall: int) -> int:
    """The day of the week of a wall clock, 1 Monday – 7 Sunday."""
    return (wall // DAY + 3) % 7 + 1


def local_hour(name: str, at: int) -> tuple[int, int]:
    """Hour, 0–23, and day of the week, 1 Monday – 7 Sunday, of a moment."""
    wall = local(name, at)
    return wall // HOUR % 24, weekday(wall)
