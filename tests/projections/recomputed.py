"""The reports again, from the facts alone, with code that shares nothing with the projections'."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from schemas.types.facts import (
    ClockAdvanced,
    MessageNoted,
    PromptSent,
    ResponseReceived,
    ResponseTimedOut,
    WaitCancelled,
    WaitOpened,
)
from tests.projections.log import DAY, HOUR, Placed

__all__ = ["as_of", "grouped", "messages", "of_waits", "response_rate", "sla", "spans", "waiting"]

Key = tuple[Any, ...]


def as_of(log: Iterable[Placed]) -> int:
    """The smallest of the partitions' last settled clocks."""
    last: dict[int, tuple[int, int]] = {}
    for place in log:
        if isinstance(place.fact, ClockAdvanced):
            last[place.partition] = max(
                last.get(place.partition, (-1, 0)), (place.offset, place.fact.settled)
            )
    return min(settled for _, settled in last.values())


def _waits(log: Sequence[Placed]) -> list[dict[str, Any]]:
    """Every wait opened up to as-of, as it stood then."""
    cut = as_of(log)
    facts = [place.fact for place in log if place.fact.at <= cut]
    accepted = {fact.command: fact.accepted_at for fact in facts if isinstance(fact, PromptSent)}
    opened = {fact.wait: fact for fact in facts if isinstance(fact, WaitOpened)}
    closed = {
        fact.wait: fact
        for fact in facts
        if isinstance(fact, ResponseReceived | ResponseTimedOut | WaitCancelled)
    }
    assert closed.keys() <= opened.keys()
    waits = []
    for name, first in opened.items():
        fact = closed.get(name, first)
        prompted_at = fact.prompted_at
        if fact is first and prompted_at is None:
            prompted_at = accepted.get(first.prompt or "")
        began = fact.opened_at if prompted_at is None else prompted_at
        outcome, until = "pending", cut
        match fact:
            case ResponseReceived():
                outcome, until = "responded", began + fact.response_ms
            case ResponseTimedOut():
                outcome, until = "timed_out", fact.deadline
            case WaitCancelled():
                outcome, until = "cancelled", fact.at
        waits.append(
            {
                "workspace": fact.contact.split("/", 1)[0],
                "flow": fact.flow,
                "version": fact.version,
                "step": fact.step,
                "channel": fact.channel,
                "template": fact.template,
                "arm": fact.arm,
                "hour": fact.local_hour,
                "weekday": fact.local_weekday,
                "day": datetime.fromtimestamp(began // 1000, UTC).date().isoformat(),
                "began": began,
                "due": _due(first, prompted_at),
                "outcome": outcome,
                "matured": fact is not first and fact.due <= cut,
                "span": max(0, until - began),
                "timed": outcome in ("responded", "timed_out")
                or fact.prompt is None
                or prompted_at is not None,
            }
        )
    return waits


def grouped(rows: Iterable[dict[str, Any]], by: Sequence[str]) -> dict[Key, list[dict[str, Any]]]:
    """Rows by the values of `by`."""
    groups = defaultdict(list)
    for row in rows:
        groups[tuple(row[name] for name in by)].append(row)
    return groups


def response_rate(
    log: Sequence[Placed], by: Sequence[str], since: int = 0, until: int = 1 << 62
) -> dict[Key, dict[str, Any]]:
    """By the values of `by`: the counts and the rate."""
    waits = [wait for wait in _waits(log) if since <= wait["began"] < until]
    report = {}
    for key, group in grouped(waits, by).items():
        outcomes = [wait["outcome"] for wait in group]
        matured = [wait["outcome"] for wait in group if wait["matured"]]
        answered, silent = matured.count("responded"), matured.count("timed_out")
        report[key] = {
            "opened": len(group),
            "responded": outcomes.count("responded"),
            "timed_out": outcomes.count("timed_out"),
            "cancelled": outcomes.count("cancelled"),
            "pending": outcomes.count("pending"),
            "matured_responded": answered,
            "matured_timed_out": silent,
            "numerator": answered,
            "denominator": answered + silent,
            "excluded": outcomes.count("cancelled"),
            "rate": answered / (answered + silent) if answered + silent else None,
        }
    return report


def _due(first: WaitOpened, prompted_at: int | None) -> int:
    """When an open wait falls due: its opening knows, unless its prompt was accepted since."""
    if prompted_at is None or first.prompted_at is not None:
        return first.due
    return max(prompted_at, first.opened_at) + first.within_ms + first.due - first.deadline


def of_waits(log: Sequence[Placed], by: Sequence[str]) -> dict[Key, dict[str, Any]]:
    """By the values of `by`: what every report of rates says of waits."""
    report = {}
    for key, group in grouped(_waits(log), by).items():
        decided = [w["outcome"] for w in group if w["matured"] and w["outcome"] in ("responded", "timed_out")]
        excluded = sum(wait["outcome"] == "cancelled" for wait in group)
        answered = decided.count("responded")
        report[key] = {
            "opened": len(group),
            "numerator": answered,
            "denominator": len(decided),
            "pending": len(group) - len(decided) - excluded,
            "excluded": excluded,
            "rate": answered / len(decided) if decided else None,
        }
    return report


def waiting(log: Sequence[Placed], by: Sequence[str]) -> dict[Key, dict[str, int]]:
    """By the values of `by`: open waits, by how soon they fall due."""
    cut = as_of(log)
    edges = {"overdue": 0, "due_1h": HOUR, "due_6h": 6 * HOUR, "due_24h": DAY, "due_7d": 7 * DAY}
    report = {}
    for key, group in grouped((w for w in _waits(log) if w["outcome"] == "pending"), by).items():
        row = {"open": len(group), "not_started": sum(not w["timed"] for w in group)}
        row |= dict.fromkeys((*edges, "due_later"), 0)
        for wait in group:
            ahead = wait["due"] - cut
            row[next((name for name, edge in edges.items() if ahead <= edge), "due_later")] += 1
        report[key] = row | {"next_due": min(wait["due"] for wait in group)}
    return report


def sla(log: Sequence[Placed], by: Sequence[str], within: int, *, people: bool) -> dict[Key, dict[str, Any]]:
    """By the values of `by`: customers' questions and the business's first answers."""
    cut = as_of(log)
    threads = defaultdict(list)
    named: dict[tuple[str, str, str], int] = {}
    for place in log:
        fact = place.fact
        if (
            not isinstance(fact, MessageNoted)
            or fact.at > cut
            or fact.kind not in ("text", "button", "media")
        ):
            continue
        if people and fact.author == "automation":
            continue
        threads[fact.contact, fact.channel, fact.threaded].append((fact.said_at, place.offset, fact))
        if fact.direction == "out" and fact.reply_to:
            name = (*_where(fact), fact.reply_to)
            named[name] = min(named.get(name, fact.said_at), fact.said_at)
    rows = []
    for (contact, channel, threaded), thread in threads.items():
        in_order = [fact for *_, fact in sorted(thread, key=lambda entry: entry[:2])]
        for number, fact in enumerate(in_order):
            if fact.direction != "in":
                continue
            if threaded:
                answered_at = named.get((*_where(fact), fact.message))
            elif number and in_order[number - 1].direction == "in":
                continue
            else:
                later = [other.said_at for other in in_order[number:] if other.direction == "out"]
                answered_at = later[0] if later else None
            said = datetime.fromtimestamp(fact.said_at / 1000, UTC)
            rows.append(
                {
                    "workspace": contact.split("/", 1)[0],
                    "channel": channel,
                    "hour": said.hour,
                    "weekday": said.isoweekday(),
                    "day": said.date().isoformat(),
                    "old": fact.said_at + within <= cut,
                    "took": None if answered_at is None else max(0, answered_at - fact.said_at),
                }
            )
    report = {}
    for key, group in grouped(rows, by).items():
        took = sorted(row["took"] for row in group if row["took"] is not None)
        old = [row for row in group if row["old"]]
        report[key] = {
            "questions": len(group),
            "answered": len(took),
            "numerator": sum(row["took"] is not None and row["took"] <= within for row in old),
            "denominator": len(old),
            "pending": len(group) - len(old),
            "took": took,
        }
    return report


def spans(log: Sequence[Placed], by: Sequence[str]) -> dict[Key, list[tuple[int, bool]]]:
    """By the values of `by`: how long each wait was watched, ms, and whether an answer ended that."""
    return {
        key: sorted((wait["span"], wait["outcome"] == "responded") for wait in group)
        for key, group in grouped((wait for wait in _waits(log) if wait["timed"]), by).items()
    }


def messages(log: Sequence[Placed], by: Sequence[str], window: int) -> dict[Key, dict[str, Any]]:
    """By the values of `by`: sent, replied, replied in the window, and the replies' times in ms, sorted."""
    cut = as_of(log)
    noted = [
        (place, place.fact)
        for place in log
        if isinstance(place.fact, MessageNoted)
        and place.fact.at <= cut
        and place.fact.kind in ("text", "button", "media")
    ]
    rows = []
    for place, sent in noted:
        if sent.direction != "out":
            continue
        if sent.threaded:
            replies = [
                fact.said_at
                for _, fact in noted
                if fact.direction == "in" and fact.reply_to == sent.message and _where(fact) == _where(sent)
            ]
            replied_at = min(replies, default=None)
        else:
            later = sorted(
                (fact.said_at, other.offset, fact.direction)
                for other, fact in noted
                if fact.contact == sent.contact
                and fact.channel == sent.channel
                and not fact.threaded
                and (fact.said_at, other.offset) > (sent.said_at, place.offset)
            )
            replied_at = later[0][0] if later and later[0][2] == "in" else None
            if replied_at is not None and replied_at - sent.said_at > window:
                replied_at = None
        rows.append(
            {
                "workspace": _where(sent)[0],
                "flow": sent.flow,
                "version": sent.version,
                "step": sent.step,
                "channel": sent.channel,
                "template": sent.template,
                "author": sent.author,
                "hour": sent.said_at % DAY // HOUR,
                "weekday": datetime.fromtimestamp(sent.said_at // 1000, UTC).isoweekday(),
                "day": datetime.fromtimestamp(sent.said_at // 1000, UTC).date().isoformat(),
                "took": None if replied_at is None else max(0, replied_at - sent.said_at),
            }
        )
    report = {}
    for key, group in grouped(rows, by).items():
        took = sorted(row["took"] for row in group if row["took"] is not None)
        report[key] = {
            "sent": len(group),
            "replied": len(took),
            "replied_in_window": sum(ms <= window for ms in took),
            "took": took,
        }
    return report


def _where(fact: MessageNoted) -> tuple[str, str]:
    return fact.contact.split("/", 1)[0], fact.channel
