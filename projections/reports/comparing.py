"""Two versions, arms or channels beside each other, and whether what differs is more than chance."""

from dataclasses import dataclass
from typing import Any, Final

from projections.reports.scope import Report, Scope, dimensions_of, flat, found
from projections.reports.waits import WAIT_COLUMNS
from projections.statistics import (
    ALPHA,
    LEAST,
    LEAST_OF_A_KIND,
    Interval,
    Sequential,
    newcombe,
    sequential,
    wilson,
)
from schemas.errors import UsageError
from streams.log.settings import Settings

__all__ = ["COMPARED", "CompareRow", "Comparison", "compare"]

COMPARED: Final = ("version", "arm", "channel", "template", "step", "flow", "workspace")
"""What two of a kind can be compared by."""


@dataclass(frozen=True, slots=True)
class CompareRow:
    """One side."""

    dimensions: dict[str, str | None]
    opened: int
    numerator: int
    denominator: int
    pending: int
    excluded: int
    rate: float | None
    low: float | None
    """Wilson's 95 % interval."""
    high: float | None

    def as_dict(self) -> dict[str, Any]:
        """Dimensions and numbers, flat."""
        return flat(self)


@dataclass(frozen=True, slots=True)
class Comparison(Report[CompareRow]):
    """Both sides, a then b, and b's rate minus a's."""

    difference: float | None
    interval: Interval | None
    """Newcombe's 95 % interval of the difference, for one look that was planned."""
    sequential: Sequential | None
    """For as many looks as one likes; None while there is too little data."""
    verdict: str
    """too_little_data, no_difference_shown, or the side that is better: a or b."""

    def extra(self) -> dict[str, Any]:
        """What stands beside the rows, for programs."""
        test = self.sequential
        return {
            "difference": self.difference,
            "interval": None if self.interval is None else self.interval._asdict(),
            "sequential": None
            if test is None
            else {"p": test.p, "interval": test.difference._asdict(), "alpha": ALPHA},
            "verdict": self.verdict,
        }

    def sentence(self) -> str:
        """The verdict for people."""
        a, b = (str(next(iter(row.dimensions.values()))) for row in self.rows)
        match self.verdict:
            case "too_little_data":
                return (
                    f"Too little data for a verdict: each side needs {LEAST} matured waits, and "
                    f"{LEAST_OF_A_KIND} of them answered and {LEAST_OF_A_KIND} not."
                )
            case "no_difference_shown":
                return f"No difference between {a} and {b} is shown so far."
            case better:
                winner = a if better == "a" else b
                return f"{winner} is answered more often; that holds however often one looks."


def compare(settings: Settings, scope: Scope, *, a: str | None = None, b: str | None = None) -> Comparison:
    """Response rates of two versions, arms … of one dimension (`scope.by`), version where none is named.

    Without `a` and `b` there must be two of them that have matured waits. Counts: `queries/compare.sql`;
    statistics: `projections.statistics`. Raises `UsageError`; else as `response_rate`.
    """
    by = dimensions_of(scope.by or ("version",), COMPARED, "compare")
    if len(by) != 1:
        raise UsageError(f"--by {','.join(by)}: compare takes one dimension; --where narrows the others")
    cut, asked = found(settings, scope, "compare", [], WAIT_COLUMNS, dimension=by[0])
    if cut is None:
        return Comparison("compare", by, None, [], None, None, None, "too_little_data")
    sides = {row["value"]: row for row in asked}
    one, other = _two(by[0], sides, a, b)
    rows = [_side(by[0], sides[name]) for name in (one, other)]
    counts = (rows[0].numerator, rows[0].denominator, rows[1].numerator, rows[1].denominator)
    rate_a, rate_b = rows[0].rate, rows[1].rate
    difference = None if rate_a is None or rate_b is None else rate_b - rate_a
    test = sequential(*counts)
    if test is None or difference is None:
        verdict = "too_little_data"
    elif test.p > ALPHA:
        verdict = "no_difference_shown"
    else:
        verdict = "b" if difference > 0 else "a"
    return Comparison("compare", by, cut, rows, difference, newcombe(*counts), test, verdict)


def _two(dimension: str, sides: dict[str, Any], a: str | None, b: str | None) -> tuple[str, str]:
    there = [name for name, row in sides.items() if name and row["denominator"]]
    named = f"there are {', '.join(sides) or 'none'}"
    for option, name in (("--a", a), ("--b", b)):
        if name is not None and name not in sides:
            raise UsageError(f"{option} {name}: no wait has this {dimension}; {named}")
    rest = [name for name in there if name not in {a, b}]
    if (a is None) + (b is None) > len(rest) or ((a is None or b is None) and len(there) > 2):
        raise UsageError(f"compare by {dimension}: which two? {named}. Name them with --a and --b")
    one = rest.pop(0) if a is None else a
    other = rest.pop(0) if b is None else b
    if one == other:
        raise UsageError(f"--a {a} --b {b}: two different ones are compared; {named}")
    return one, other


def _side(dimension: str, row: dict[str, Any]) -> CompareRow:
    band = wilson(row["numerator"], row["denominator"])
    return CompareRow(
        {dimension: row["value"] or None},
        row["opened"],
        row["numerator"],
        row["denominator"],
        row["pending"],
        row["excluded"],
        row["rate"],
        None if band is None else band.low,
        None if band is None else band.high,
    )
