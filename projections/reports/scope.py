"""What every report shares: what it is about, where it is cut, and how its query is asked."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from clickhouse_driver import Client

from projections.client import connected, query
from projections.conditions import Column, condition
from projections.moments import FAR_FUTURE, iso_text, moment_of
from schemas.errors import UsageError
from streams.flows.parsing.scalars import place_zone
from streams.log.settings import Settings
from streams.log.topics import Topics

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = [
    "QUERIES",
    "Dimension",
    "Report",
    "ReportRow",
    "Scope",
    "as_of",
    "ask",
    "dimensions_of",
    "flat",
    "found",
    "made",
    "parameters_of",
    "quantiles_in_seconds",
    "shown",
]

QUERIES: Final = Path(__file__).parents[1] / "queries"

Dimension = str | int | None

WHERE: Final = "true /* where */"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a report is about."""

    by: Sequence[str] = ()
    """Dimensions; a row for each combination that occurs, and one row for all where it is empty."""
    since: str | None = None
    """From then on, inclusive: a date, a time, or a span before as-of (see `moments`)."""
    until: str | None = None
    """Until then, exclusive."""
    zone: str = "UTC"
    """The zone of days, weeks and times that name none."""
    workspace: str = ""
    """One workspace; all if empty."""
    flow: str = ""
    """One flow; all if empty."""
    where: str | None = None
    """Further conditions (see `conditions`)."""


class ReportRow(Protocol):
    """A row of a report."""

    def as_dict(self) -> dict[str, Any]:
        """Dimensions and numbers, flat."""


Row_co = TypeVar("Row_co", bound=ReportRow, covariant=True)
MadeT = TypeVar("MadeT", bound="DataclassInstance")


@dataclass(frozen=True, slots=True)
class Report(Generic[Row_co]):
    """A report's rows and where they were cut."""

    report: str
    """Its name, as `attesa report` has it."""
    by: list[str]
    as_of: int | None
    """ms since the epoch, UTC; None while a projected partition has no clock, and then there are no rows."""
    rows: Sequence[Row_co]

    @property
    def as_of_text(self) -> str | None:
        """As-of as ISO 8601, UTC, to the millisecond."""
        return iso_text(self.as_of)


def flat(row: Any) -> dict[str, Any]:
    """A row's dimensions, then its other fields in their order."""
    numbers = {field.name: getattr(row, field.name) for field in fields(row) if field.name != "dimensions"}
    return {**row.dimensions, **numbers}


def as_of(client: Client, settings: Settings) -> int | None:
    """The smallest settled clock over the partitions that are projected, ms; None while one has none."""
    text = (QUERIES / "as_of.sql").read_text(encoding="utf-8")
    row = query(client, text, {"topic": Topics(settings.prefix).facts})[0]
    return row["as_of"] if row["partitions"] and not row["unknown"] else None


def found(
    settings: Settings,
    scope: Scope,
    name: str,
    by: list[str],
    columns: Mapping[str, Column],
    **further: Any,
) -> tuple[int | None, list[dict[str, Any]]]:
    """As-of, and the rows of one query there; none while as-of is not known.

    Raises `UsageError`, `NotReachableError`, `NotMigratedError`.
    """
    with connected(settings) as client:
        cut = as_of(client, settings)
        if cut is None:
            return None, []
        return cut, ask(client, name, scope, {**parameters_of(scope, by, cut), **further}, columns)


def ask(
    client: Client,
    name: str,
    scope: Scope,
    parameters: Mapping[str, Any],
    columns: Mapping[str, Column],
) -> list[dict[str, Any]]:
    """The rows of a query file, with the scope's conditions over these columns. Raises `UsageError`."""
    text = (QUERIES / f"{name}.sql").read_text(encoding="utf-8")
    asked = dict(parameters)
    if scope.where is not None:
        wanted = condition(scope.where, columns)
        text = text.replace(WHERE, wanted.sql)
        asked |= wanted.parameters
    return query(client, text, asked)


def parameters_of(scope: Scope, by: list[str], cut: int) -> dict[str, Any]:
    """The parameters that the queries share, at this as-of. Raises `UsageError` for a time or a zone."""
    try:
        zone = place_zone(scope.zone)
    except ValueError as error:
        raise UsageError(f"--zone {scope.zone}: {error}") from None
    since = 0 if scope.since is None else moment_of(scope.since, cut, "--since", zone)
    until = FAR_FUTURE if scope.until is None else moment_of(scope.until, cut, "--until", zone)
    if since > until:
        raise UsageError(f"--since {scope.since} is after --until {scope.until}: nothing lies in between")
    return {
        "as_of": cut,
        "since": since,
        "until": until,
        "workspace": scope.workspace,
        "flow": scope.flow,
        "zone": zone,
        "by": by,
    }


def dimensions_of(asked: Sequence[str], known: Sequence[str], report: str, option: str = "--by") -> list[str]:
    """The dimensions asked for, each once. Raises `UsageError`, which names the nearest there is."""
    for name in asked:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
            raise UsageError(
                f"{option} {name}: {report} knows no such dimension; did you mean {near[0]}? "
                f"There are {', '.join(known)}"
            )
    return list(dict.fromkeys(asked))


def shown(row: dict[str, Any], by: Sequence[str]) -> dict[str, Dimension]:
    """The dimensions asked for; what is empty in the tables is None here."""
    dimensions: dict[str, Dimension] = {}
    for name in by:
        value = row[f"by_{name}"]
        if isinstance(value, date):
            dimensions[name] = value.isoformat()
        else:
            is_none = value == "" or (name == "version" and value == 0)
            dimensions[name] = None if is_none else value
    return dimensions


def made(kind: type[MadeT], row: dict[str, Any], by: Sequence[str], **further: Any) -> MadeT:
    """A row of a query as one of these dataclasses, whose fields are called as its columns."""
    names = [field.name for field in fields(kind) if field.name not in {"dimensions", *further}]
    values: dict[str, Any] = {"dimensions": shown(row, by), **{name: row[name] for name in names}, **further}
    return kind(**values)


def quantiles_in_seconds(
    names: Sequence[str], quantiles: Sequence[int], count: int
) -> dict[str, float | None]:
    """Quantiles of ms by name, in seconds; None each where nothing was counted."""
    if not count:
        return dict.fromkeys(names)
    return {name: value / 1000 for name, value in zip(names, quantiles, strict=True)}
