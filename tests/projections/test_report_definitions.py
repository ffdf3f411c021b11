"""What each number of the further reports means, on examples that one can count by hand."""

import re
from collections.abc import Callable
from typing import Any, get_args

import pytest

from projections import reports
from projections.reports import Report, Scope
from schemas.errors import UsageError
from schemas.types.facts import (
    BranchTaken,
    DeliveryNoted,
    Fact,
    JourneyEnded,
    JourneyStarted,
    PromptSent,
    SendCommanded,
    SendFailed,
    SendPostponed,
    SendSuppressed,
)
from streams.log.settings import Settings
from tests.projections.conftest import Project
from tests.projections.log import CAUSE, DAY, HOUR, START, message, placed, responded, timed_out, wait_of

pytestmark = pytest.mark.clickhouse

MINUTE = HOUR // 60
ABOUT: dict[str, Any] = {"contact": "acme/c", "cause": CAUSE, "flow": "nudge", "version": 1}


class Asked:
    """Projects a small log and asks a report for its rows."""

    def __init__(self, settings: Settings, project: Project) -> None:
        self.settings, self._project = settings, project

    def __call__(
        self, report: Callable[..., Report[Any]], *facts: Fact, settled: int, **further: Any
    ) -> list[dict[str, Any]]:
        """The rows; `further` are the scope's fields and the report's own."""
        self._project(placed(*sorted(facts, key=lambda fact: fact.at), settled=settled))
        own = {name: further.pop(name) for name in ("within_ms", "people", "a", "b") if name in further}
        return [row.as_dict() for row in report(self.settings, Scope(**further), **own).rows]


@pytest.fixture
def asked(projected: Settings, project: Project) -> Asked:
    """Ask any report."""
    return Asked(projected, project)


def picked(rows: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    """Some cells of each row."""
    return [tuple(row[name] for name in names) for row in rows]


def started(number: int, at: int, step: str = "hello", **fields: Any) -> Fact:
    """A journey's start."""
    values = ABOUT | {"journey": f"j{number}", "step": step, "trigger": "message", "rules": 1}
    return JourneyStarted(id=f"js{number}", at=at, **(values | fields))


def ended(number: int, at: int, reason: str = "completed", **fields: Any) -> Fact:
    """Its end."""
    values = ABOUT | {"journey": f"j{number}", "step": "last", "trigger": "message"}
    return JourneyEnded(
        id=f"je{number}", at=at, reason=reason, started_at=START, duration_ms=at - START, **(values | fields)
    )


def at_step(number: int, at: int, step: str, visit: int = 1) -> Fact:
    """A journey comes to a step."""
    return BranchTaken(
        id=f"b{number}{step}{visit}", at=at, journey=f"j{number}", step=step, visit=visit, branch="x", **ABOUT
    )


def test_a_funnel_counts_where_journeys_went(asked: Asked) -> None:
    """Four began: one went through, one was taken out at ask, one stands there, one never left hello."""
    facts = [started(number, START) for number in range(4)]
    facts += [at_step(number, START + MINUTE, "ask") for number in range(3)]
    facts += [at_step(0, START + 3 * MINUTE, "thanks"), ended(0, START + 4 * MINUTE)]
    facts += [ended(1, START + 2 * MINUTE, "exit")]
    rows = asked(reports.funnel, *facts, settled=START + DAY)
    names = (
        "step",
        "started",
        "reached",
        "share",
        "went_on",
        "completed",
        "dropped",
        "still_there",
        "drop_off",
    )
    assert picked(rows, *names) == [
        ("hello", 4, 4, 1.0, 3, 0, 0, 1, 0.0),
        ("ask", 4, 3, 0.75, 1, 0, 1, 1, 0.5),
        ("thanks", 4, 1, 0.25, 0, 1, 0, 0, 0.0),
    ]
    assert picked(rows, "numerator", "denominator", "pending", "excluded")[1] == (1, 2, 1, 0)
    assert rows[1]["step_seconds"] == {"p50": 120.0, "p90": 120.0}


def test_a_step_that_is_met_twice_is_reached_once(asked: Asked) -> None:
    """Back at ask: one journey reached it, two visits have a time, and it stands where it is last."""
    rows = asked(
        reports.funnel,
        started(1, START, "ask"),
        at_step(1, START + MINUTE, "wait"),
        at_step(1, START + 2 * MINUTE, "ask", 2),
        settled=START + DAY,
    )
    assert picked(rows, "step", "reached", "went_on", "still_there") == [("ask", 1, 0, 1), ("wait", 1, 1, 0)]
    assert rows[0]["step_seconds"]["p50"] == 60.0


def test_a_funnel_is_of_the_journeys_that_began_then(asked: Asked) -> None:
    """One that began before --since is in no row, wherever it is now."""
    facts = [started(1, START), at_step(1, START + 2 * DAY, "ask"), started(2, START + DAY)]
    rows = asked(reports.funnel, *facts, settled=START + 3 * DAY, since="2025-03-02")
    assert picked(rows, "step", "started", "reached") == [("hello", 1, 1)]


def test_a_funnel_looks_at_every_fact_of_a_step() -> None:
    """All facts that name a journey's step tell where it is, but those about what stands or is over."""
    text = (reports.QUERIES / "funnel.sql").read_text(encoding="utf-8")
    named = set(re.findall(r"'([A-Z]\w+)'", text))
    about_what_was = {
        "DeliveryNoted", "JourneyEnded", "LateResponseReceived", "MessageNoted", "PromptSent",
        "ResponseReceived", "ResponseTimedOut", "SendFailed", "TimerCancelled", "TimerFired", "WaitCancelled",
    }  # fmt: skip
    there = {kind.__name__ for kind in get_args(Fact) if {"journey", "step"} <= {*kind.__struct_fields__}}
    assert named == there - about_what_was


def test_a_cohort_is_the_week_of_entry(asked: Asked) -> None:
    """The 1st of March 2025 is a Saturday; in Rome its last half hour of Sunday is Monday's."""
    monday = START + 2 * DAY
    facts = [started(1, START), started(2, monday - 30 * MINUTE), started(3, monday), started(4, monday)]
    first, second = (wait_of(number, START + MINUTE, journey=f"j{number}") for number in (1, 3))
    facts += [first, responded(first, START + 2 * MINUTE), ended(1, START + 3 * MINUTE)]
    facts += [second, timed_out(second), ended(3, monday + DAY), ended(4, monday + DAY)]
    names = ("week", "started", "ended", "numerator", "denominator", "pending", "excluded", "rate")
    rows = asked(reports.cohort, *facts, settled=START + 9 * DAY)
    assert picked(rows, *names) == [
        ("2025-02-24", 2, 1, 1, 1, 1, 0, 1.0),
        ("2025-03-03", 2, 2, 0, 1, 0, 1, 0.0),
    ]
    rows = asked(reports.cohort, *facts, settled=START + 9 * DAY, zone="Europe/Rome")
    assert picked(rows, "week", "started") == [("2025-02-24", 1), ("2025-03-03", 3)]


def send(number: int) -> dict[str, Any]:
    """What all facts of a send say."""
    return ABOUT | {"journey": "j", "step": "hello", "command": f"p{number}", "channel": "sms"}


def test_a_message_counts_once_by_what_became_of_it(asked: Asked) -> None:
    """Accepted after a try of unknown outcome is accepted; stopped is excluded; no outcome is pending."""
    facts: list[Fact] = [
        SendCommanded(
            id=f"c{number}", at=START, purpose="service", language="it", not_before=0, not_after=START + DAY,
            **send(number),
        )
        for number in range(6)
    ]  # fmt: skip
    for number, outcome in ((0, "unknown"), (1, "failed"), (2, "expired"), (3, "stopped"), (4, "unknown")):
        facts.append(
            SendFailed(
                id=f"f{number}", at=START + MINUTE, purpose="service", commanded_at=START, outcome=outcome,
                reason="x", **send(number),
            )
        )  # fmt: skip
    facts.append(
        PromptSent(
            id="a0",
            at=START + HOUR,
            purpose="service",
            commanded_at=START,
            accepted_at=START + HOUR,
            **send(0),
        )
    )
    facts += [
        DeliveryNoted(id=f"d{status}", at=START + 2 * HOUR, status=status, commanded_at=START, **send(0))
        for status in ("read", "failed")
    ]
    (row,) = asked(reports.delivery, *facts, settled=START + DAY)
    assert row == {
        "commanded": 6, "accepted": 1, "failed": 1, "expired": 1, "unknown": 1, "stopped": 1, "delivered": 1,
        "read": 1, "undelivered": 1, "numerator": 1, "denominator": 4, "pending": 1, "excluded": 1,
        "rate": 0.25,
    }  # fmt: skip


def test_suppressions_are_counted_by_reason(asked: Asked) -> None:
    """How often, and of how many contacts; a postponed send is not a suppressed one."""
    common = ABOUT | {"journey": "j", "step": "hello", "purpose": "service"}
    facts: list[Fact] = [
        SendSuppressed(id=f"s{number}", at=START, reason="cap", **(common | {"contact": f"acme/{name}"}))
        for number, name in enumerate("aab")
    ]
    facts.append(SendPostponed(id="p", at=START, reason="quiet_hours", until=START + HOUR, **common))
    rows = asked(reports.suppressions, *facts, settled=START + DAY)
    assert picked(rows, "decision", "reason", "times", "contacts") == [
        ("postponed", "quiet_hours", 1, 1),
        ("suppressed", "cap", 3, 2),
    ]


def test_open_waits_stand_by_when_they_fall_due(asked: Asked) -> None:
    """An hour's wait; one whose prompt was accepted since it opened; one whose prompt was not."""
    late = wait_of(2, START, 2 * DAY, prompted_at=None, deadline=START + DAY, due=START + DAY + 10_000)
    unsent = wait_of(
        3, START, prompted_at=None, deadline=START + 30 * MINUTE, due=START + 30 * MINUTE + 10_000
    )
    sent = PromptSent(
        id="ps", at=START + MINUTE, purpose="service", commanded_at=START, accepted_at=START + MINUTE,
        **(send(2) | {"journey": "j2"}),
    )  # fmt: skip
    facts: list[Fact] = [wait_of(1, START), late, unsent, sent]
    (row,) = asked(reports.waiting, *facts, settled=START + 30 * MINUTE + 10_000)
    assert row == {
        "flow": "nudge", "step": "ask", "open": 3, "not_started": 1, "overdue": 1, "due_1h": 1, "due_6h": 0,
        "due_24h": 0, "due_7d": 1, "due_later": 0, "next_due": "2025-03-01T00:30:10.000Z",
    }  # fmt: skip


def test_a_heat_map_is_of_the_contacts_own_hours(asked: Asked) -> None:
    """Two prompts on Tuesdays at nine, one answered; pending and cancelled ones are in no rate."""
    waits = [wait_of(number, START, local_hour=9, local_weekday=2) for number in range(3)]
    facts = [*waits, responded(waits[0], START + MINUTE), timed_out(waits[1])]
    facts.append(wait_of(9, START + DAY, 9 * DAY, local_hour=9, local_weekday=2))
    rows = asked(reports.heatmap, *facts, settled=START + DAY)
    assert rows == [
        {
            "weekday": 2, "hour": 9, "opened": 4, "responded": 1, "numerator": 1, "denominator": 2,
            "pending": 2, "excluded": 0, "rate": 0.5,
        }
    ]  # fmt: skip


def test_a_trend_has_a_band(asked: Asked) -> None:
    """One of two answered: Wilson's interval is 9.5 % to 90.5 %; the day is the zone's."""
    waits = [wait_of(number, START - MINUTE) for number in range(2)]
    facts = [*waits, responded(waits[0], START), timed_out(waits[1])]
    for zone, day in (("UTC", "2025-02-28"), ("Europe/Rome", "2025-03-01")):
        (row,) = asked(reports.trend, *facts, settled=START + DAY, zone=zone)
        assert (row["day"], row["numerator"], row["denominator"], row["rate"]) == (day, 1, 2, 0.5)
        assert (row["low"], row["high"]) == pytest.approx((0.0945, 0.9055), abs=5e-5)


def test_a_zone_cuts_since_and_until_too(asked: Asked) -> None:
    """The first of March begins an hour earlier in Rome."""
    facts = [wait_of(1, START - 30 * MINUTE), wait_of(2, START)]
    for zone, opened in (("UTC", 1), ("Europe/Rome", 2)):
        (row,) = asked(reports.response_rate, *facts, settled=START + DAY, since="2025-03-01", zone=zone)
        assert row["opened"] == opened


def out(number: int, at: int, **fields: Any) -> Fact:
    """A message of the business."""
    return message(number, at, direction="out", **fields)


def test_a_question_is_the_first_message_of_a_turn(asked: Asked) -> None:
    """Two lines and one answer after five minutes; the next is answered late, the last is too young."""
    facts = [
        message(1, START), message(2, START + MINUTE), out(3, START + 5 * MINUTE),
        message(4, START + HOUR), out(5, START + 2 * HOUR), message(6, START + DAY - MINUTE),
    ]  # fmt: skip
    (row,) = asked(reports.sla, *facts, settled=START + DAY)
    assert row == {
        "questions": 3, "answered": 2, "numerator": 1, "denominator": 2, "pending": 1, "excluded": 0,
        "rate": 0.5, "answer_seconds": {"p50": 3600.0, "p90": 3600.0},
    }  # fmt: skip


def test_with_people_automatic_messages_are_not_there(asked: Asked) -> None:
    """They neither answer nor end a turn."""
    facts = [
        message(1, START), out(2, START + MINUTE, author="automation"), message(3, START + 2 * MINUTE),
        out(4, START + 10 * MINUTE),
    ]  # fmt: skip
    for people, expected in ((False, (2, 2, 1)), (True, (1, 1, 0))):
        (row,) = asked(reports.sla, *facts, settled=START + DAY, people=people)
        assert (row["questions"], row["answered"], row["numerator"]) == expected


def test_on_a_threaded_channel_each_message_is_a_question(asked: Asked) -> None:
    """And only what names it answers it."""
    facts = [
        message(1, START, threaded=True), message(2, START + MINUTE, threaded=True),
        out(3, START + 2 * MINUTE, threaded=True, reply_to="m2"),
    ]  # fmt: skip
    (row,) = asked(reports.sla, *facts, settled=START + DAY)
    assert (row["questions"], row["answered"], row["numerator"]) == (2, 1, 1)


def of_version(version: int, answered: int, of: int) -> list[Fact]:
    """Waits of a version, some of them answered."""
    facts: list[Fact] = []
    for number in range(of):
        wait = wait_of(1000 * version + number, START + number, version=version)
        facts += [wait, responded(wait, START + MINUTE) if number < answered else timed_out(wait)]
    return facts


def test_two_versions_stand_beside_each_other(asked: Asked) -> None:
    """48 of 80 against 56 of 70: Newcombe's own example; for a verdict it is too little."""
    facts = [*of_version(1, 48, 80), *of_version(2, 56, 70)]
    rows = asked(reports.compare, *facts, settled=START + DAY)
    assert picked(rows, "version", "numerator", "denominator", "rate") == [
        ("1", 48, 80, 0.6),
        ("2", 56, 70, 0.8),
    ]
    found = reports.compare(asked.settings, Scope(), a="1", b="2")
    assert found.difference == pytest.approx(0.2)
    assert found.interval == pytest.approx((0.0524, 0.3339), abs=6e-5)
    assert (found.sequential, found.verdict) == (None, "too_little_data")
    assert "each side needs 100 matured waits" in found.sentence()


def test_a_difference_that_is_more_than_chance_is_said(asked: Asked) -> None:
    """300 of 400 against 200 of 400: the one is better, whichever is named first."""
    asked(
        reports.compare, *of_version(1, 200, 400), *of_version(2, 300, 400), *of_version(3, 205, 400),
        settled=START + DAY, a="1", b="2",
    )  # fmt: skip
    verdicts = {
        (a, b): reports.compare(asked.settings, Scope(), a=a, b=b).verdict
        for a, b in (("1", "2"), ("2", "1"), ("1", "3"))
    }
    assert verdicts == {("1", "2"): "b", ("2", "1"): "a", ("1", "3"): "no_difference_shown"}
    with pytest.raises(UsageError, match="there are 1, 2, 3"):
        reports.compare(asked.settings, Scope())
    with pytest.raises(UsageError, match="two different ones"):
        reports.compare(asked.settings, Scope(), a="1", b="1")
    with pytest.raises(UsageError, match="no wait has this version"):
        reports.compare(asked.settings, Scope(), a="1", b="9")
    with pytest.raises(UsageError, match="one dimension"):
        reports.compare(asked.settings, Scope(by=("arm", "version")))
