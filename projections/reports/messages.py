"""Reports of messages, whoever wrote them: customers' replies to ours, and our answers to theirs."""

from dataclasses import dataclass
from typing import Any, Final

from projections.conditions import Column
from projections.reports.scope import (
    Dimension,
    Report,
    Scope,
    dimensions_of,
    flat,
    found,
    made,
    quantiles_in_seconds,
)
from schemas.errors import UsageError
from streams.log.settings import Settings

__all__ = ["MESSAGE_DIMENSIONS", "SLA_DIMENSIONS", "MessagesRow", "SlaRow", "messages", "sla"]

DEFAULT_WINDOW_MS: Final = 86_400_000
DEFAULT_WITHIN_MS: Final = 360_000

MESSAGE_DIMENSIONS: Final = (
    "workspace", "flow", "version", "step", "channel", "template", "author", "hour", "weekday", "day",
)  # fmt: skip
"""What messages can be counted by; hour, weekday and day are of the report's zone."""
SLA_DIMENSIONS: Final = ("workspace", "channel", "hour", "weekday", "day")
"""What customers' questions can be counted by; hour, weekday and day are of the report's zone."""


@dataclass(frozen=True, slots=True)
class MessagesRow:
    """Outbound messages and their direct replies."""

    dimensions: dict[str, Dimension]
    sent: int
    replied: int
    replied_in_window: int
    response_seconds: dict[str, float | None]
    """p10, p50, p90 of the first replies, of whatever time."""

    def as_dict(self) -> dict[str, Any]:
        """Dimensions and numbers, flat."""
        return flat(self)


@dataclass(frozen=True, slots=True)
class SlaRow:
    """Customers' questions and the business's first answers."""

    dimensions: dict[str, Dimension]
    questions: int
    answered: int
    numerator: int
    """Answered within the span, of those in the denominator."""
    denominator: int
    """Questions that are at least as old as the span."""
    pending: int
    """Younger ones."""
    excluded: int
    rate: float | None
    answer_seconds: dict[str, float | None]
    """p50, p90 of the answers, of whatever time."""

    def as_dict(self) -> dict[str, Any]:
        """Dimensions and numbers, flat."""
        return flat(self)


def messages(settings: Settings, scope: Scope, *, window_ms: int = DEFAULT_WINDOW_MS) -> Report[MessagesRow]:
    """Outbound messages with their direct replies. Definition: `queries/messages.sql`.

    Raises `UsageError` for an unknown dimension, time, zone or condition, `NotReachableError`,
    `NotMigratedError`.
    """
    by = dimensions_of(scope.by, MESSAGE_DIMENSIONS, "messages")
    columns = {
        **{name: Column(name, "text") for name in ("flow", "step", "template", "author")},
        "version": Column("version", "number"),
        **_columns("sent_at"),
    }
    cut, asked = found(settings, scope, "messages", by, columns, window_ms=window_ms)
    levels = ("p10", "p50", "p90")
    rows = [
        made(
            MessagesRow,
            row,
            by,
            response_seconds=quantiles_in_seconds(levels, row["response_ms_quantiles"], row["replied"]),
        )
        for row in asked
    ]
    if cut is not None and not rows and not by:
        rows = [MessagesRow({}, 0, 0, 0, quantiles_in_seconds(levels, [], 0))]
    return Report("messages", by, cut, rows)


def sla(
    settings: Settings, scope: Scope, *, within_ms: int = DEFAULT_WITHIN_MS, people: bool = False
) -> Report[SlaRow]:
    """The business's first answers to customers' questions; with `people` agents' only. Definition:
    `queries/sla.sql`. A customer's message has no flow to ask for. Errors as in `messages`.
    """
    if scope.flow:
        raise UsageError("--flow: sla counts customers' messages, which belong to no flow")
    by = dimensions_of(scope.by, SLA_DIMENSIONS, "sla")
    cut, asked = found(
        settings, scope, "sla", by, _columns("said_at"), within_ms=within_ms, people=int(people)
    )
    levels = ("p50", "p90")
    rows = [
        made(
            SlaRow,
            row,
            by,
            answer_seconds=quantiles_in_seconds(levels, row["answer_ms_quantiles"], row["answered"]),
        )
        for row in asked
    ]
    if cut is not None and not rows and not by:
        rows = [SlaRow({}, 0, 0, 0, 0, 0, 0, None, quantiles_in_seconds(levels, [], 0))]
    return Report("sla", by, cut, rows)


def _columns(time: str) -> dict[str, Column]:
    local = f"fromUnixTimestamp64Milli(toInt64({time}), {{zone:String}})"
    return {
        "workspace": Column("workspace", "text"),
        "channel": Column("channel", "text"),
        "hour": Column(f"toHour({local})", "hour"),
        "weekday": Column(f"toDayOfWeek({local})", "weekday"),
        "day": Column(f"toDate({local})", "day"),
    }
