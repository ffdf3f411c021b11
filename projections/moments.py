"""Moments as people write them: a date, a time, or a span before as-of."""

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from schemas.errors import UsageError
from streams.flows.parsing.scalars import span

__all__ = ["FAR_FUTURE", "duration_of", "iso_text", "moment_of"]

FAR_FUTURE: Final = 2**64 - 1
"""Later than every record, ms."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def moment_of(text: str, as_of: int, option: str, zone: str = "UTC") -> int:
    """The moment in ms since the epoch: `2025-03-01`, `2025-03-01T10:00`, in `zone` unless it says, or `7d`.

    A span counts back from `as_of`. Raises `UsageError`, which names `option`.
    """
    if (before := _span(text)) is not None:
        return max(0, as_of - before)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{option} {text}: not a time. Write a date (2025-03-01), a time (2025-03-01T10:00, in --zone "
            "unless it names its offset) or a span before as-of (7d, 1h30m)"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(zone))
    # No float: every millisecond is exact.
    return max(0, (moment - _EPOCH) // timedelta(milliseconds=1))


def duration_of(text: str, option: str) -> int:
    """A span in ms, as flows write it: `90m`, `1h30m`, `7d`. Raises `UsageError`, which names `option`."""
    ms = _span(text)
    if ms is None:
        raise UsageError(f"{option} {text}: not a span. Write integers with s, m, h, d or w: 90m, 1h30m, 7d")
    return ms


def iso_text(moment: int | None) -> str | None:
    """A moment in ISO 8601, UTC, to the millisecond: `2025-03-01T10:00:00.000Z`; None stays None."""
    if moment is None:
        return None
    written = (_EPOCH + timedelta(milliseconds=moment)).isoformat(timespec="milliseconds")
    return written.replace("+00:00", "Z")


def _span(text: str) -> int | None:
    try:
        return span(text)
    except ValueError:
        return None
