"""Reports: what the projections say, each one a query file of `queries/`, typed.

Every report cuts at as-of, the smallest settled clock over the projected partitions; nothing here asks what
time it is. The same facts and the same as-of give the same numbers, in whatever order and however often the
facts came.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final, Generic, Literal, TypeVar

from clickhouse_driver import Client

from projections.client import connected, query
from projections.moments import FAR_FUTURE, iso_text, moment_of
from schemas.errors import UsageError
from streams.log.settings import Settings
from streams.log.topics import Topics

__all__ = [
    "MESSAGE_DIMENSIONS",
    "WAIT_DIMENSIONS",
    "CurvePoint",
    "MessagesRow",
    "Report",
    "ResponseRateRow",
    "Scope",
    "TimeToResponseRow",
    "as_of",
    "messages",
    "response_rate",
    "time_to_response",
]

QUERIES: Final = Path(__file__).parent / "queries"
DEFAULT_WINDOW_MS: Final = 86_400_000

WAIT_DIMENSIONS: Final = (
    "workspace", "flow", "version", "step", "channel", "template", "arm", "hour", "weekday", "day",
)  # fmt: skip
"""What waits can be counted by. hour and weekday (1 Monday – 7 Sunday) are the contact's own, day is UTC."""
MESSAGE_DIMENSIONS: Final = (
    "workspace", "flow", "version", "step", "channel", "template", "author", "hour", "weekday", "day",
)  # fmt: skip
"""What messages can be counted by; hour, weekday and day are UTC."""

Dimension = str | int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a report is about."""

    by: Sequence[str] = ()
    """Dimensions; a row for each combination that occurs, and one row for all where it is empty."""
    since: str | None = None
    """From then on, inclusive: a date, a time, or a span before as-of (see `moments`)."""
    until: str | None = None
    """Until then, exclusive."""
    workspace: str = ""
    """One workspace; all if empty."""
    flow: str = ""
    """One flow; all if empty."""


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
    rate: float | None
    """matured_responded / (matured_responded + matured_timed_out); None where there is none of either."""

    def as_dict(self) -> dict[str, Any]:
        """Dimensions and numbers, flat."""
        return {
            **self.dimensions,
            "opened": self.opened,
            "responded": self.responded,
            "timed_out": self.timed_out,
            "cancelled": self.cancelled,
            "pending": self.pending,
            "matured_responded": self.matured_responded,
            "matured_timed_out": self.matured_timed_out,
            "rate": self.rate,
        }


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
        return {
            **self.dimensions,
            "waits": self.waits,
            "responded": self.responded,
            "response_seconds": self.response_seconds,
            "median_seconds": self.median_seconds,
            "curve": [
                {"seconds": p.seconds, "answered": p.answered, "at_risk": p.at_risk, "waiting": p.waiting}
                for p in self.curve
            ],
        }


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
        return {
            **self.dimensions,
            "sent": self.sent,
            "replied": self.replied,
            "replied_in_window": self.replied_in_window,
            "response_seconds": self.response_seconds,
        }


RowT = TypeVar("RowT", ResponseRateRow, TimeToResponseRow, MessagesRow)


@dataclass(frozen=True, slots=True)
class Report(Generic[RowT]):
    """A report's rows and where they were cut."""

    report: Literal["response-rate", "time-to-response", "messages"]
    by: list[str]
    as_of: int | None
    """ms since the epoch, UTC; None while a projected partition has no clock, and then there are no rows."""
    rows: list[RowT]

    @property
    def as_of_text(self) -> str | None:
        """As-of as ISO 8601, UTC, to the millisecond."""
        return iso_text(self.as_of)


def response_rate(settings: Settings, scope: Scope) -> Report[ResponseRateRow]:
    """Response rate over matured waits, and what became of all. Definition: `queries/response_rate.sql`.

    Raises `UsageError` for an unknown dimension or time, `NotReachableError`, `NotMigratedError`.
    """
    by = _dimensions(scope.by, WAIT_DIMENSIONS, "response-rate")
    with connected(settings) as client:
        cut = as_of(client, settings)
        found = [] if cut is None else _ask(client, "response_rate", _parameters(scope, by, cut))
    rows = [
        ResponseRateRow(
            _shown(row, by),
            row["opened"],
            row["responded"],
            row["timed_out"],
            row["cancelled"],
            row["pending"],
            row["matured_responded"],
            row["matured_timed_out"],
            row["rate"],
        )
        for row in found
    ]
    if cut is not None and not rows and not by:
        rows = [ResponseRateRow({}, 0, 0, 0, 0, 0, 0, 0, None)]
    return Report("response-rate", by, cut, rows)


def time_to_response(settings: Settings, scope: Scope) -> Report[TimeToResponseRow]:
    """Percentiles of the answers and the Kaplan–Meier curve. Definitions: `queries/time_to_response.sql`,
    `queries/survival.sql`. Errors as in `response_rate`.
    """
    by = _dimensions(scope.by, WAIT_DIMENSIONS, "time-to-response")
    with connected(settings) as client:
        cut = as_of(client, settings)
        parameters = {} if cut is None else _parameters(scope, by, cut)
        found = [] if cut is None else _ask(client, "time_to_response", parameters)
        points = [] if cut is None else _ask(client, "survival", parameters)
    curves: dict[tuple[Dimension, ...], list[CurvePoint]] = {}
    for point in points:
        curves.setdefault(tuple(_shown(point, by).values()), []).append(
            CurvePoint(point["ms"] / 1000, point["answered"], point["at_risk"], point["waiting"])
        )
    rows = []
    for row in found:
        dimensions = _shown(row, by)
        curve = curves.get(tuple(dimensions.values()), [])
        rows.append(
            TimeToResponseRow(
                dimensions,
                row["waits"],
                row["responded"],
                _seconds(("p10", "p50", "p75", "p90", "p99"), row["response_ms_quantiles"], row["responded"]),
                next((point.seconds for point in curve if point.waiting <= 0.5), None),
                curve,
            )
        )
    if cut is not None and not rows and not by:
        rows = [TimeToResponseRow({}, 0, 0, _seconds(("p10", "p50", "p75", "p90", "p99"), [], 0), None, [])]
    return Report("time-to-response", by, cut, rows)


def messages(settings: Settings, scope: Scope, *, window_ms: int = DEFAULT_WINDOW_MS) -> Report[MessagesRow]:
    """Outbound messages with their direct replies. Definition: `queries/messages.sql`.

    Errors as in `response_rate`.
    """
    by = _dimensions(scope.by, MESSAGE_DIMENSIONS, "messages")
    with connected(settings) as client:
        cut = as_of(client, settings)
        found = (
            []
            if cut is None
            else _ask(client, "messages", {**_parameters(scope, by, cut), "window_ms": window_ms})
        )
    rows = [
        MessagesRow(
            _shown(row, by),
            row["sent"],
            row["replied"],
            row["replied_in_window"],
            _seconds(("p10", "p50", "p90"), row["response_ms_quantiles"], row["replied"]),
        )
        for row in found
    ]
    if cut is not None and not rows and not by:
        rows = [MessagesRow({}, 0, 0, 0, _seconds(("p10", "p50", "p90"), [], 0))]
    return Report("messages", by, cut, rows)


def as_of(client: Client, settings: Settings) -> int | None:
    """The smallest settled clock over the partitions that are projected, ms; None while one has none."""
    row = _ask(client, "as_of", {"topic": Topics(settings.prefix).facts})[0]
    return row["as_of"] if row["partitions"] and not row["unknown"] else None


def _ask(client: Client, name: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    return query(client, (QUERIES / f"{name}.sql").read_text(encoding="utf-8"), parameters)


def _parameters(scope: Scope, by: list[str], cut: int) -> dict[str, Any]:
    return {
        "as_of": cut,
        "since": 0 if scope.since is None else moment_of(scope.since, cut, "--since"),
        "until": FAR_FUTURE if scope.until is None else moment_of(scope.until, cut, "--until"),
        "workspace": scope.workspace,
        "flow": scope.flow,
        "by": by,
    }


def _dimensions(asked: Sequence[str], known: Sequence[str], report: str) -> list[str]:
    for name in asked:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
            raise UsageError(
                f"--by {name}: {report} knows no such dimension; did you mean {near[0]}? "
                f"There are {', '.join(known)}"
            )
    return list(dict.fromkeys(asked))


def _shown(row: dict[str, Any], by: list[str]) -> dict[str, Dimension]:
    """The dimensions asked for; what is empty in the tables is None here."""
    shown: dict[str, Dimension] = {}
    for name in by:
        value = row[f"by_{name}"]
        if isinstance(value, date):
            shown[name] = value.isoformat()
        else:
            is_none = value == "" or (name == "version" and value == 0)
            shown[name] = None if is_none else value
    return shown


def _seconds(names: Sequence[str], quantiles: Sequence[int], count: int) -> dict[str, float | None]:
    if not count:
        return dict.fromkeys(names)
    return {name: value / 1000 for name, value in zip(names, quantiles, strict=True)}
