"""Each report of journeys, sends and rates equals one recomputed from the facts by other code."""

from datetime import UTC, datetime
from typing import Any

import pytest
from scipy.stats import binomtest  # type: ignore[import-untyped]

from projections import reports
from projections.moments import iso_text
from projections.reports import (
    JOURNEY_DIMENSIONS,
    SEND_DIMENSIONS,
    SLA_DIMENSIONS,
    WAIT_DIMENSIONS,
    Report,
    Scope,
)
from streams.log.settings import Settings
from tests.projections import recomputed, recomputed_journeys
from tests.projections.conftest import Project
from tests.projections.log import HOUR, Placed, made_up_log
from tests.projections.test_exactness import quantiles

pytestmark = pytest.mark.clickhouse


@pytest.fixture(params=range(2))
def log(request: pytest.FixtureRequest, project: Project) -> list[Placed]:
    """A made-up log, projected."""
    made: list[Placed] = made_up_log(40 + request.param, waits=200)
    project(made)
    return made


def rows_of(report: Report[Any], *names: str) -> dict[tuple[Any, ...], dict[str, Any]]:
    """A report's rows by their dimensions, with only these numbers."""
    return {
        tuple(row.dimensions.values()): {name: getattr(row, name) for name in names} for row in report.rows
    }


def test_waits_by_hour_day_and_whatever_is_compared(projected: Settings, log: list[Placed]) -> None:
    """Heat map, trend and comparison count the same waits; the band is scipy's."""
    counts = ("opened", "numerator", "denominator", "pending", "excluded", "rate")
    heat = reports.heatmap(projected, Scope())
    assert rows_of(heat, *counts) == recomputed.of_waits(log, ("weekday", "hour"))
    for by in ((), ("flow", "version")):
        trend = reports.trend(projected, Scope(by=by))
        assert rows_of(trend, *counts) == recomputed.of_waits(log, (*by, "day"))
        for row in trend.rows:
            assert row.opened == row.denominator + row.pending + row.excluded
            if row.denominator:
                band = binomtest(row.numerator, row.denominator).proportion_ci(0.95, method="wilson")
                assert (row.low, row.high) == pytest.approx((band.low, band.high), abs=1e-12)
            else:
                assert (row.rate, row.low, row.high) == (None, None, None)
    compared = reports.compare(projected, Scope(by=("version",)))
    expected = {(str(key[0]),): row for key, row in recomputed.of_waits(log, ("version",)).items()}
    assert rows_of(compared, *counts) == expected


def test_waits_that_are_open(projected: Settings, log: list[Placed]) -> None:
    """Each in one bucket by when it falls due, whatever its prompt did since it opened."""
    counts = (
        "open", "not_started", "overdue", "due_1h", "due_6h", "due_24h", "due_7d", "due_later", "next_due",
    )  # fmt: skip
    for by in (("flow", "step"), WAIT_DIMENSIONS):
        expected = recomputed.waiting(log, by)
        wanted = {key: row | {"next_due": iso_text(row["next_due"])} for key, row in expected.items()}
        assert rows_of(reports.waiting(projected, Scope(by=by)), *counts) == wanted


def test_journeys_by_step(projected: Settings, log: list[Placed]) -> None:
    """Reached, went on, ended or still there, and the time in the step."""
    counts = ("started", "reached", "went_on", "completed", "dropped", "still_there")
    for by in (("flow",), JOURNEY_DIMENSIONS):
        expected = recomputed_journeys.funnel(log, by)
        report = reports.funnel(projected, Scope(by=by))
        assert rows_of(report, *counts) == {
            key: {name: row[name] for name in counts} for key, row in expected.items()
        }
        for row in report.rows:
            took = expected[tuple(row.dimensions.values())]["took"]
            assert row.step_seconds == quantiles(took, p50=0.5, p90=0.9)
            assert row.share == row.reached / row.started
            assert row.drop_off == (row.dropped / row.denominator if row.denominator else None)


def test_journeys_by_week(projected: Settings, log: list[Placed]) -> None:
    """By the Monday of their entry, and whether they answered."""
    counts = ("started", "ended", "numerator", "denominator", "pending", "excluded")
    for by in ((), JOURNEY_DIMENSIONS):
        report = reports.cohort(projected, Scope(by=by))
        assert rows_of(report, *counts) == recomputed_journeys.cohort(log, by)
        assert all(row.started == row.denominator + row.pending + row.excluded for row in report.rows)


def test_sends_and_those_not_made(projected: Settings, log: list[Placed]) -> None:
    """Each command once, by its outcome; each suppression by its reason."""
    counts = (
        "accepted", "failed", "expired", "unknown", "stopped", "commanded", "delivered", "read",
        "undelivered", "numerator", "denominator", "pending", "excluded",
    )  # fmt: skip
    for by in ((), SEND_DIMENSIONS):
        report = reports.delivery(projected, Scope(by=by))
        assert rows_of(report, *counts) == recomputed_journeys.delivery(log, by)
    found = rows_of(reports.suppressions(projected, Scope(by=("flow",))), "times", "contacts")
    assert {key: (row["times"], row["contacts"]) for key, row in found.items()} == (
        recomputed_journeys.suppressions(log)
    )


@pytest.mark.parametrize("people", [False, True], ids=["anybody", "people"])
def test_first_answers(projected: Settings, log: list[Placed], *, people: bool) -> None:
    """Threaded or not, by anybody or by agents only."""
    within = 6 * HOUR
    counts = ("questions", "answered", "numerator", "denominator", "pending")
    for by in ((), SLA_DIMENSIONS):
        expected = recomputed.sla(log, by, within, people=people)
        report = reports.sla(projected, Scope(by=by), within_ms=within, people=people)
        assert rows_of(report, *counts) == {
            key: {name: row[name] for name in counts} for key, row in expected.items()
        }
        for row in report.rows:
            took = expected[tuple(row.dimensions.values())]["took"]
            assert row.answer_seconds == quantiles(took, p50=0.5, p90=0.9)


def test_the_log_tries_all_there_is(log: list[Placed]) -> None:
    """What is recomputed is not empty: each outcome, each way to end, open waits in several buckets."""
    ((_, row),) = recomputed_journeys.delivery(log, ()).items()
    assert all(row[name] for name in ("accepted", "failed", "delivered", "read", "undelivered", "pending"))
    assert row["excluded"]
    funnel = recomputed_journeys.funnel(log, ()).values()
    assert all(
        sum(step[name] for step in funnel) for name in ("went_on", "completed", "dropped", "still_there")
    )
    assert datetime.fromtimestamp(recomputed.as_of(log) / 1000, UTC).year == 2025
