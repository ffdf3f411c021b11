"""Pictures in the terminal: curves over time on a logarithmic scale, sparklines, heat maps."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

__all__ = ["answered_chart", "heat_picture", "sparkline"]

_EIGHTHS: Final = " ▁▂▃▄▅▆▇█"
_TICKS: Final = (
    (1, "1s"), (10, "10s"), (60, "1m"), (300, "5m"), (900, "15m"), (3_600, "1h"), (6 * 3_600, "6h"),
    (86_400, "1d"), (7 * 86_400, "7d"), (30 * 86_400, "30d"), (365 * 86_400, "1y"),
)  # fmt: skip
_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))
_SHADES: Final = "·░▒▓█"
_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_FIRST_S: Final = 1.0
"""What is answered sooner stands at the left edge."""


def answered_chart(points: Sequence[tuple[float, float]], *, width: int = 64, height: int = 8) -> str:
    """Lines of a chart of (seconds, share answered by then): a step function, both ascending.

    The left scale goes to the next ten per cent over the last share. No points: one line that says so.
    """
    if not points:
        return "no answer yet"
    top = min(1.0, math.ceil(points[-1][1] * 10 - 1e-9) / 10) or 0.1
    last = max(points[-1][0], 2 * _FIRST_S)
    times = [_FIRST_S * (last / _FIRST_S) ** (column / (width - 1)) for column in range(width)]
    shares = [_share(points, seconds) for seconds in times]
    # The last column's time carries rounding: it stands for the last point.
    shares[-1] = points[-1][1]
    levels = [round(share / top * height * 8) for share in shares]
    lines = []
    for row in range(height, 0, -1):
        label = f"{top * row / height:>5.0%}" if row in {height, (height + 1) // 2} else " " * 5
        cells = "".join(_EIGHTHS[min(8, max(0, level - (row - 1) * 8))] for level in levels)
        lines.append(f"{label} ┤{cells}".rstrip())
    lines.append(f"   0% └{'─' * width}")
    lines.append(" " * 7 + _axis(last, width))
    return "\n".join(lines)


def sparkline(rates: Sequence[float | None]) -> str:
    """A bar for each rate, from nothing to the highest of them; a gap where there is none."""
    top = max((rate for rate in rates if rate is not None), default=0.0) or 1.0
    return "".join(
        " " if rate is None else _EIGHTHS[1 + min(7, math.floor(rate / top * 7 + 0.5))] for rate in rates
    )


def heat_picture(rates: Mapping[tuple[int, int], float | None]) -> str:
    """Lines of weekdays (1 Monday – 7 Sunday) by hours: the darker, the nearer to the highest rate of all; a
    gap where there is none, a dot for 0.
    """
    top = max((rate for rate in rates.values() if rate is not None), default=0.0) or 1.0
    lines = ["    " + "".join(f"{hour:<6}" for hour in range(0, 24, 3)).rstrip()]
    for weekday, name in enumerate(_WEEKDAYS, start=1):
        cells = (rates.get((weekday, hour)) for hour in range(24))
        lines.append(f"{name} " + "".join("  " if rate is None else _shade(rate / top) * 2 for rate in cells))
    lines.append(f"    · 0 %   ░ ▒ ▓ █ up to {top:.0%}")
    return "\n".join(line.rstrip() for line in lines)


def _shade(share: float) -> str:
    return _SHADES[0] if share == 0 else _SHADES[min(4, 1 + math.floor(share * 4))]


def _share(points: Sequence[tuple[float, float]], seconds: float) -> float:
    """The share at a moment: the last step's at or before it."""
    if seconds < points[0][0]:
        return 0.0
    return next((now for (_, now), (until, _) in pairwise(points) if seconds < until), points[-1][1])


def _axis(last: float, width: int) -> str:
    """Tick labels under their columns, none over another, and at the right edge the last moment."""
    line = ""
    for seconds, label in _TICKS:
        if seconds > last:
            break
        column = round(math.log(seconds / _FIRST_S) / math.log(last / _FIRST_S) * (width - 1))
        if column >= len(line) + (1 if line else 0):
            line = line.ljust(column) + label
    edge = _edge(last)
    return line.ljust(width - len(edge)) + edge if len(line) < width - len(edge) else line


def _edge(seconds: float) -> str:
    """A time in its two largest units: 4m23s, 2h10m."""
    whole = round(seconds)
    for (size, name), (below, below_name) in pairwise(_UNITS):
        if whole >= size:
            count, rest = divmod(whole, size)
            return f"{count}{name}{rest // below}{below_name}" if rest // below else f"{count}{name}"
    return f"{whole}s"
