"""Reports of waits: how many were answered, how soon, when, and what is still open."""

from dataclasses import dataclass
from typing import Any, Final

from projections.client import connected
from projections.conditions import Column
from projections.moments import iso_text
from projections.reports.scope import (
    Dimension,
    Report,
    Scope,
    as_of,
    ask,
    dimensions_of,
    flat,
    found,
    made,
    parameters_of,
    quantiles_in_seconds,
    shown,
)
from streams.log.settings import Settings

__all__ = [
    "WAIT_COLUMNS",
    "WAIT_DIMENSIONS",
    "CurvePoint",
    "HeatmapRow",
    "ResponseRateRow",
    "TimeToResponseRow",
    "TrendRow",
    "WaitingRow",
    "heatmap",
    "response_rate",
    "time_to_response",
    "trend",
    "waiting",
]

WAIT_DIMENSIONS: Final = (
    "workspace", "flow", "version", "step", "channel", "template", "arm", "hour", "weekday", "day",
)  # fmt: skip
"""What waits can be counted by. hour and weekday (1 Monday – 7 Sunday) are the contact's own, day is of the
report's zone.
"""
WAIT_COLUMNS: Final = {
    **{name: Column(name, "text") for name in ("workspace", "flow", "step", "channel", "template", "arm")},
    "version": Column("version", "number"),
    "hour": Column("local_hour", "hour"),
    "weekday": Column("local_weekday", "weekday"),
    "day": Column("toDate(fromUnixTimestamp64Milli(toInt64(started_at), {zone:String}))", "day"),
}
LEVELS: Final = ("p10", "p50", "p75", "p90", "p99")


@dataclass(frozen=True, slots=True)
class ResponseRateRow:
    """Waits, counted by what became of them."""

    dimensions: dict[str, Dimension]
    opened: int
    responded: int
    timed_out: int
    cancelled: int
    pending: int
    matured_responded: int
    matured_timed_out: int
    numerator: int
    """matured_responded."""
    denominator: int
    """matured_responded + matured_timed_out."""
    excluded: int
    """Never in the rate: the cancelled."""
    rate: float | None
    """numerator / denominator; None of nothing."""

    def as_dict(self) -> dict[str, Any]:
        """Dimensions and numbers, flat."""
        return flat(self)


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """A step of a survival curve."""

    seconds: float
    answered: int
    """Answers in this step."""
    at_risk: int
    """Waits that were still watched, and without an answer, until then."""
    waiting: float
    """The share without an answer after it, by Kaplan–Meier."""


@dataclass(frozen=True, slots=True)
class TimeToResponseRow:
    """How long answers take."""

    dimensions: dict[str, Dimension]
    waits: int
    """Waits that the curve watches: their time ran, to whatever end."""
    responded: int
    response_seconds: dict[str, float | None]
    """p10, p50, p75, p90, p99 of the answers that came in time."""
    median_seconds: float | None
    """When half of all waits have their answer, by the curve; None where fewer ever do."""
    curve: list[CurvePoint]

    def as_dict(self) -> dict[str, Any]:
        """Dimensions and numbers, flat; the curve as a list of objects."""
        return flat(self) | {"curve": [_point(point) for point in self.curve]}


@dataclass(frozen=True, slots=True)
class HeatmapRow:
    """An hour of a weekday, in the contacts' own zones."""

    dimensions: dict[str, Dimension]
    opened: int
    responded: int
    numerator: int
    denominator: int
    pending: int
    excluded: int
    rate: float | None

    def as_dict(self) -> dict[str, Any]:
        """Dimensions and numbers, flat."""
        return flat(self)


@dataclass(frozen=True, slots=True)
class TrendRow:
    """A day's response rate and its band."""

    dimensions: dict[str, Dimension]
    opened: int
    numerator: int
    denominator: int
    pending: int
    excluded: int
    rate: float | None
    low: float | None
    """Wilson's 95 % interval; None where there is no rate."""
    high: float | None

    def as_dict(self) -> dict[str, Any]:
        """Dimensions and numbers, flat."""
        return flat(self)


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """Waits open at as-of, and when they fall due. Spans are from as-of, each up to the one named."""

    dimensions: dict[str, Dimension]
    open: int
    not_started: int
    """Their prompt has not been accepted; they are due when the send ends."""
    overdue: int
    due_1h: int
    due_6h: int
    due_24h: int
    due_7d: int
    due_later: int
    next_due: str | None
    """The soonest, ISO 8601, UTC."""

    def as_dict(self) -> dict[str, Any]:
        """Dimensions and numbers, flat."""
        return flat(self)


def response_rate(settings: Settings, scope: Scope) -> Report[ResponseRateRow]:
    """Response rate over matured waits, and what became of all. Definition: `queries/response_rate.sql`.

    Raises `UsageError` for an unknown dimension, time, zone or condition, `NotReachableError`,
    `NotMigratedError`.
    """
    by = dimensions_of(scope.by, WAIT_DIMENSIONS, "response-rate")
    cut, asked = found(settings, scope, "response_rate", by, WAIT_COLUMNS)
    rows = [made(ResponseRateRow, row, by) for row in asked]
    if cut is not None and not rows and not by:
        rows = [ResponseRateRow({}, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, None)]
    return Report("response-rate", by, cut, rows)


def time_to_response(settings: Settings, scope: Scope) -> Report[TimeToResponseRow]:
    """Percentiles of the answers and the Kaplan–Meier curve. Definitions: `queries/time_to_response.sql`,
    `queries/survival.sql`. Errors as in `response_rate`.
    """
    by = dimensions_of(scope.by, WAIT_DIMENSIONS, "time-to-response")
    asked: list[dict[str, Any]] = []
    points: list[dict[str, Any]] = []
    with connected(settings) as client:
        cut = as_of(client, settings)
        if cut is not None:
            parameters = parameters_of(scope, by, cut)
            asked = ask(client, "time_to_response", scope, parameters, WAIT_COLUMNS)
            points = ask(client, "survival", scope, parameters, WAIT_COLUMNS)
    curves: dict[tuple[Dimension, ...], list[CurvePoint]] = {}
    for point in points:
        curves.setdefault(tuple(shown(point, by).values()), []).append(
            CurvePoint(point["ms"] / 1000, point["answered"], point["at_risk"], point["waiting"])
        )
    rows = []
    for row in asked:
        dimensions = shown(row, by)
        curve = curves.get(tuple(dimensions.values()), [])
        rows.append(
            TimeToResponseRow(
                dimensions,
                row["waits"],
                row["responded"],
                quantiles_in_seconds(LEVELS, row["response_ms_quantiles"], row["responded"]),
                next((point.seconds for point in curve if point.waiting <= 0.5), None),
                curve,
            )
        )
    if cut is not None and not rows and not by:
        rows = [TimeToResponseRow({}, 0, 0, quantiles_in_seconds(LEVELS, [], 0), None, [])]
    return Report("time-to-response", by, cut, rows)


def heatmap(settings: Settings, scope: Scope) -> Report[HeatmapRow]:
    """Response rate by hour and weekday of the prompt; an hour without a wait has no row. Definition:
    `queries/heatmap.sql`. It has no other dimensions. Errors as in `response_rate`.
    """
    dimensions_of(scope.by, _HEAT, "heatmap")
    cut, asked = found(settings, scope, "heatmap", [], WAIT_COLUMNS)
    rows = [made(HeatmapRow, row, _HEAT) for row in asked]
    return Report("heatmap", list(_HEAT), cut, rows)


_HEAT: Final = ("weekday", "hour")


def trend(settings: Settings, scope: Scope) -> Report[TrendRow]:
    """Response rate by day, with its band; a day without a wait has no row. Definition: `queries/trend.sql`.

    Day is always the last dimension. Errors as in `response_rate`.
    """
    by = [name for name in dimensions_of(scope.by, WAIT_DIMENSIONS, "trend") if name != "day"]
    cut, asked = found(settings, scope, "trend", by, WAIT_COLUMNS)
    rows = [made(TrendRow, row, [*by, "day"]) for row in asked]
    return Report("trend", [*by, "day"], cut, rows)


def waiting(settings: Settings, scope: Scope) -> Report[WaitingRow]:
    """Waits open at as-of, by flow and step where nothing else is asked. Definition: `queries/waiting.sql`.

    Errors as in `response_rate`.
    """
    by = dimensions_of(scope.by or ("flow", "step"), WAIT_DIMENSIONS, "waiting")
    cut, asked = found(settings, scope, "waiting", by, WAIT_COLUMNS)
    rows = [made(WaitingRow, row, by, next_due=iso_text(row["next_due"])) for row in asked]
    return Report("waiting", by, cut, rows)


def _point(point: CurvePoint) -> dict[str, float | int]:
    return {
        "seconds": point.seconds,
        "answered": point.answered,
        "at_risk": point.at_risk,
        "waiting": point.waiting,
    }
