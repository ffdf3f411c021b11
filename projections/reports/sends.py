"""Reports of sends: what became of each, and those that were not made."""

from dataclasses import dataclass
from typing import Any, Final

from projections.conditions import Column
from projections.reports.scope import Dimension, Report, Scope, dimensions_of, flat, found, made
from streams.log.settings import Settings

__all__ = ["SEND_DIMENSIONS", "DeliveryRow", "SuppressionsRow", "delivery", "suppressions"]

SEND_DIMENSIONS: Final = (
    "workspace", "flow", "version", "step", "channel", "template", "purpose", "hour", "weekday", "day",
)  # fmt: skip
"""What sends can be counted by; hour, weekday and day are of the report's zone."""


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """Commanded messages, each counted once by what became of it."""

    dimensions: dict[str, Dimension]
    commanded: int
    accepted: int
    failed: int
    expired: int
    unknown: int
    """Nobody knows whether it went out."""
    stopped: int
    """By an operator."""
    delivered: int
    """Receipts, where a channel gives them; a read message was delivered."""
    read: int
    undelivered: int
    """Accepted, and a receipt says that it did not arrive."""
    numerator: int
    denominator: int
    pending: int
    """No outcome yet."""
    excluded: int
    rate: float | None
    """accepted / (accepted + failed + expired + unknown)."""

    def as_dict(self) -> dict[str, Any]:
        """Dimensions and numbers, flat."""
        return flat(self)


@dataclass(frozen=True, slots=True)
class SuppressionsRow:
    """Sends not made, or not then, for one reason."""

    dimensions: dict[str, Dimension]
    """Those asked for, then decision (suppressed or postponed) and reason."""
    times: int
    contacts: int

    def as_dict(self) -> dict[str, Any]:
        """Dimensions and numbers, flat."""
        return flat(self)


def delivery(settings: Settings, scope: Scope) -> Report[DeliveryRow]:
    """What became of each message that was commanded. Definition: `queries/delivery.sql`.

    Raises `UsageError` for an unknown dimension, time, zone or condition, `NotReachableError`,
    `NotMigratedError`.
    """
    by = dimensions_of(scope.by, SEND_DIMENSIONS, "delivery")
    cut, asked = found(settings, scope, "delivery", by, _columns("sent_at"))
    rows = [made(DeliveryRow, row, by) for row in asked]
    if cut is not None and not rows and not by:
        rows = [DeliveryRow({}, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, None)]
    return Report("delivery", by, cut, rows)


def suppressions(settings: Settings, scope: Scope) -> Report[SuppressionsRow]:
    """Sends that were not made, or not then, by decision and reason. Definition: `queries/suppressions.sql`.

    Errors as in `delivery`.
    """
    always = ("decision", "reason")
    asked_by = dimensions_of(scope.by, (*SEND_DIMENSIONS, *always), "suppressions")
    by = [*(name for name in asked_by if name not in always), *always]
    columns = _columns("at") | {name: Column(name, "text") for name in always}
    cut, asked = found(settings, scope, "suppressions", by, columns)
    rows = [made(SuppressionsRow, row, by) for row in asked]
    return Report("suppressions", by, cut, rows)


def _columns(time: str) -> dict[str, Column]:
    local = f"fromUnixTimestamp64Milli(toInt64({time}), {{zone:String}})"
    texts = ("workspace", "flow", "step", "channel", "template", "purpose")
    return {
        **{name: Column(name, "text") for name in texts},
        "version": Column("version", "number"),
        "hour": Column(f"toHour({local})", "hour"),
        "weekday": Column(f"toDayOfWeek({local})", "weekday"),
        "day": Column(f"toDate({local})", "day"),
    }
