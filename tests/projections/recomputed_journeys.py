"""Reports of journeys and sends again, from the facts alone: no code is shared with the queries."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from schemas.types.facts import (
    BranchTaken,
    DeliveryNoted,
    Fact,
    JourneyEnded,
    JourneyStarted,
    PromptSent,
    ResponseReceived,
    ResponseTimedOut,
    SendCommanded,
    SendFailed,
    SendPostponed,
    SendSuppressed,
    TimerSet,
    WaitOpened,
)
from tests.projections.log import Placed
from tests.projections.recomputed import Key, as_of, grouped

__all__ = ["cohort", "delivery", "funnel", "suppressions"]

_THERE = JourneyStarted | SendCommanded | SendSuppressed | SendPostponed | WaitOpened | TimerSet | BranchTaken


def _facts(log: Sequence[Placed]) -> list[Fact]:
    """Up to as-of, each partition's in its order."""
    cut = as_of(log)
    return [p.fact for p in sorted(log, key=lambda p: (p.partition, p.offset)) if p.fact.at <= cut]


def _journeys(log: Sequence[Placed]) -> dict[str, dict[str, Any]]:
    """Each journey that started: its way, how it ended, whether it was asked and answered."""
    journeys: dict[str, dict[str, Any]] = {}
    for fact in _facts(log):
        if isinstance(fact, JourneyStarted):
            journeys[fact.journey] = {
                "workspace": fact.contact.split("/", 1)[0],
                "flow": fact.flow,
                "version": fact.version,
                "trigger": fact.trigger,
                "channel": fact.channel,
                "at": fact.at,
                "way": [],
                "ended": None,
                "asked": False,
                "answered": False,
            }
        journey = journeys.get(getattr(fact, "journey", None) or "")
        if journey is None:
            continue
        if isinstance(fact, _THERE):
            place = (fact.step, fact.visit)
            if place not in [known for known, _ in journey["way"]]:
                journey["way"].append((place, fact.at))
        match fact:
            case JourneyEnded():
                journey["ended"] = (fact.at, fact.reason)
            case ResponseReceived():
                journey["asked"] = journey["answered"] = True
            case ResponseTimedOut():
                journey["asked"] = True
            case _:
                pass
    return journeys


def _nobody() -> dict[str, Any]:
    return {"reached": 0, "completed": 0, "dropped": 0, "still_there": 0, "took": []}


def funnel(log: Sequence[Placed], by: Sequence[str]) -> dict[Key, dict[str, Any]]:
    """By the values of `by` and the step."""
    report: dict[Key, dict[str, Any]] = {}
    for key, group in grouped(_journeys(log).values(), by).items():
        steps: dict[str, dict[str, Any]] = defaultdict(_nobody)
        for journey in group:
            way, ended = journey["way"], journey["ended"]
            for (step, _), at in way:
                left = next((later for _, later in way[way.index(((step, _), at)) + 1 :]), ended and ended[0])
                if left is not None:
                    steps[step]["took"].append(left - at)
            for step in {step for (step, _), _ in way}:
                steps[step]["reached"] += 1
            last = steps[way[-1][0][0]]
            if ended is None:
                last["still_there"] += 1
            elif ended[1] in ("exit", "step_limit", "cancelled", "erased", "opted_out"):
                last["dropped"] += 1
            else:
                last["completed"] += 1
        for step, row in steps.items():
            report[(*key, step)] = {
                "started": len(group),
                **{name: row[name] for name in ("reached", "completed", "dropped", "still_there")},
                "went_on": row["reached"] - row["completed"] - row["dropped"] - row["still_there"],
                "took": sorted(row["took"]),
            }
    return report


def cohort(log: Sequence[Placed], by: Sequence[str]) -> dict[Key, dict[str, Any]]:
    """By the values of `by` and the Monday of the week of entry."""
    journeys = []
    for journey in _journeys(log).values():
        day = datetime.fromtimestamp(journey["at"] // 1000, UTC).date()
        journeys.append(journey | {"week": (day - timedelta(days=day.weekday())).isoformat()})
    report = {}
    for key, group in grouped(journeys, (*by, "week")).items():
        over = [journey for journey in group if journey["ended"]]
        report[key] = {
            "started": len(group),
            "ended": len(over),
            "numerator": sum(journey["answered"] for journey in over),
            "denominator": sum(journey["asked"] for journey in over),
            "pending": len(group) - len(over),
            "excluded": sum(not journey["asked"] for journey in over),
        }
    return report


def delivery(log: Sequence[Placed], by: Sequence[str]) -> dict[Key, dict[str, int]]:
    """By the values of `by`: each command once, by what became of it."""
    commands: dict[str, dict[str, Any]] = {}
    for fact in _facts(log):
        if not isinstance(fact, SendCommanded | PromptSent | SendFailed | DeliveryNoted):
            continue
        at = fact.at if isinstance(fact, SendCommanded) else fact.commanded_at
        said = datetime.fromtimestamp(at / 1000, UTC)
        command = commands.setdefault(
            fact.command,
            {
                "workspace": fact.contact.split("/", 1)[0],
                "flow": fact.flow,
                "version": fact.version,
                "step": fact.step,
                "channel": fact.channel,
                "template": None,
                "purpose": None,
                "hour": said.hour,
                "weekday": said.isoweekday(),
                "day": said.date().isoformat(),
                "state": "pending",
                "receipts": set(),
            },
        )
        command["template"] = command["template"] or fact.template
        match fact:
            case SendCommanded():
                command["purpose"] = fact.purpose
            case PromptSent():
                command["purpose"] = fact.purpose
                command["state"] = "accepted"
            case SendFailed():
                command["purpose"] = fact.purpose
                if command["state"] != "accepted":
                    command["state"] = fact.outcome
            case DeliveryNoted():
                command["receipts"].add(fact.status)
    report = {}
    for key, group in grouped(commands.values(), by).items():
        states = [command["state"] for command in group]
        receipts = [command["receipts"] for command in group]
        row = {name: states.count(name) for name in ("accepted", "failed", "expired", "unknown", "stopped")}
        report[key] = row | {
            "commanded": len(group),
            "delivered": sum(bool(found & {"delivered", "read"}) for found in receipts),
            "read": sum("read" in found for found in receipts),
            "undelivered": sum("failed" in found for found in receipts),
            "numerator": row["accepted"],
            "denominator": row["accepted"] + row["failed"] + row["expired"] + row["unknown"],
            "pending": states.count("pending"),
            "excluded": row["stopped"],
        }
    return report


def suppressions(log: Sequence[Placed]) -> dict[Key, tuple[int, int]]:
    """By flow, decision and reason: how often, and of how many contacts."""
    rows = defaultdict(list)
    for fact in _facts(log):
        match fact:
            case SendSuppressed():
                rows[fact.flow, "suppressed", fact.reason].append(fact.contact)
            case SendPostponed():
                rows[fact.flow, "postponed", fact.reason].append(fact.contact)
            case _:
                pass
    return {key: (len(contacts), len(set(contacts))) for key, contacts in rows.items()}
