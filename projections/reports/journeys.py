"""Reports of journeys: how far they come, and how those of a week answer."""

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
from streams.log.settings import Settings

__all__ = ["JOURNEY_DIMENSIONS", "CohortRow", "FunnelRow", "cohort", "funnel"]

JOURNEY_DIMENSIONS: Final = ("workspace", "flow", "version", "trigger", "channel")
"""What journeys can be counted by; channel is that of the conversation that started them."""

_COLUMNS: Final = {
    **{name: Column(name, "text") for name in JOURNEY_DIMENSIONS if name != "version"},
    "version": Column("version", "number"),
}


@dataclass(frozen=True, slots=True)
class FunnelRow:
    """A step, and where the journeys that reached it are."""

    dimensions: dict[str, Dimension]
    """Those asked for, then step."""
    started: int
    """Journeys that began, of the same dimensions but the step."""
    reached: int
    share: float
    """reached / started."""
    went_on: int
    completed: int
    """Ended here by the flow's own doing."""
    dropped: int
    """Ended here otherwise: exit, cancelled, erased, opted_out, step_limit."""
    still_there: int
    numerator: int
    denominator: int
    pending: int
    excluded: int
    drop_off: float | None
    """numerator / denominator = dropped / (reached − still_there)."""
    step_seconds: dict[str, float | None]
    """p50, p90 of the visits that are over."""

    def as_dict(self) -> dict[str, Any]:
        """Dimensions and numbers, flat."""
        return flat(self)


@dataclass(frozen=True, slots=True)
class CohortRow:
    """Journeys that began in one week."""

    dimensions: dict[str, Dimension]
    """Those asked for, then week: its Monday."""
    started: int
    ended: int
    numerator: int
    """Ended, and answered at least once in time."""
    denominator: int
    """Ended, and asked at least once."""
    pending: int
    """Still running."""
    excluded: int
    """Ended, and never asked."""
    rate: float | None

    def as_dict(self) -> dict[str, Any]:
        """Dimensions and numbers, flat."""
        return flat(self)


def funnel(settings: Settings, scope: Scope) -> Report[FunnelRow]:
    """Steps in the order in which they are met, by flow where nothing else is asked. Definition:
    `queries/funnel.sql`.

    Raises `UsageError` for an unknown dimension, time, zone or condition, `NotReachableError`,
    `NotMigratedError`.
    """
    by = dimensions_of(scope.by or ("flow",), JOURNEY_DIMENSIONS, "funnel")
    cut, asked = found(settings, scope, "funnel", by, _COLUMNS)
    rows = [
        made(
            FunnelRow,
            row,
            [*by, "step"],
            step_seconds=quantiles_in_seconds(("p50", "p90"), row["step_ms_quantiles"], row["visits_over"]),
        )
        for row in asked
    ]
    return Report("funnel", [*by, "step"], cut, rows)


def cohort(settings: Settings, scope: Scope) -> Report[CohortRow]:
    """Journeys by the week in which they began. Definition: `queries/cohort.sql`. Errors as in `funnel`."""
    by = dimensions_of(scope.by, JOURNEY_DIMENSIONS, "cohort")
    cut, asked = found(settings, scope, "cohort", by, _COLUMNS)
    rows = [made(CohortRow, row, [*by, "week"]) for row in asked]
    return Report("cohort", [*by, "week"], cut, rows)
