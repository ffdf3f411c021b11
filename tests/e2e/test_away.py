"""Downtime makes no false "no response": whoever answered in time has answered."""

import time
from collections.abc import Iterable

import pytest

from schemas.types.facts import (
    LateResponseReceived,
    ResponseReceived,
    ResponseTimedOut,
    WaitCancelled,
    WaitOpened,
)
from schemas.types.inputs import MessageReceived, Tick
from streams.log.partitioner import key_of, partition_of
from tests.e2e.command import PARTITIONS, Attesa, wait_until
from tests.e2e.flows import SILENCE, WORKSPACE
from tests.e2e.log import Log, canonical

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

SECOND, MINUTE = 1_000, 60_000
WITHIN, GRACE = 30 * MINUTE, 10 * SECOND
EACH = 8
TICKED = (0, 1)
"""Partitions on which the ticker ran."""


def _message(contact: str, number: int, said_at: int) -> MessageReceived:
    return MessageReceived(
        source="gateway", id=f"{contact}-{number}", occurred_at=said_at, channel="whatsapp", text="Eccomi"
    )


def test_a_worker_that_was_away_for_an_hour(attesa: Attesa) -> None:
    """Answers of that hour, on the way until the last second of grace, are answers; silence is silence.

    On two partitions the ticker ran meanwhile; on the others it was away too.
    """
    start = (time.time_ns() // 1_000_000) - 3 * 60 * MINUTE
    asked = start + 10 * SECOND
    deadline = asked + WITHIN
    attesa("topics", "apply", "--history")
    workspace = attesa.write("workspace.yaml", WORKSPACE.format(grace="10s"))
    attesa("workspace", "publish", workspace, "--no-wait")
    attesa("flow", "publish", attesa.write("silence.yaml", SILENCE.format(within="30m")), "--no-wait")
    # When it was said, and when it reached the log.
    answers = {
        "soon": (asked + 10 * MINUTE, asked + 10 * MINUTE),
        "at-the-deadline": (deadline, deadline),
        "in-grace": (deadline - SECOND, deadline + GRACE - SECOND),
        "said-too-late": (deadline + 20 * MINUTE, deadline + 20 * MINUTE),
        "came-too-late": (deadline - MINUTE, deadline + 5 * MINUTE),
    }
    groups = {kind: [f"bottega/{kind}-{n}" for n in range(EACH)] for kind in (*answers, "silent")}
    contacts = [contact for group in groups.values() for contact in group]
    attesa.play(
        [
            *_ticks(range(PARTITIONS), [start]),
            *((asked, contact, _message(contact, 0, asked)) for contact in contacts),
            *_ticks(range(PARTITIONS), [asked + SECOND]),
        ]
    )

    log = Log(attesa.kafka, attesa.prefix)
    worker = attesa.start("worker", worker_name="w1")
    wait_until("it waits for everybody", lambda: len(log.facts(WaitOpened)) == len(contacts) or None)
    worker.kill()
    said = [
        (came, contact, _message(contact, 1, said_at))
        for kind, (said_at, came) in answers.items()
        for contact in groups[kind]
    ]
    ticks = [
        *_ticks(TICKED, [asked + second * SECOND for second in range(2, 3600)]),
        *_ticks(range(PARTITIONS), [asked + 3600 * SECOND]),
    ]
    attesa.play(sorted([*said, *ticks], key=lambda one: one[0]))
    attesa.worker_to_end(worker_name="w1")

    closings = log.facts((ResponseReceived, ResponseTimedOut, WaitCancelled))
    assert len(closings) == len(contacts)
    closed = {closing.contact: closing for closing in closings}
    assert closed.keys() == set(contacts)
    for kind in ("soon", "at-the-deadline", "in-grace"):
        for contact in groups[kind]:
            assert isinstance(closed[contact], ResponseReceived), contact
            assert closed[contact].response_ms == answers[kind][0] - asked
    for kind in ("said-too-late", "came-too-late", "silent"):
        for contact in groups[kind]:
            timed_out = closed[contact]
            assert isinstance(timed_out, ResponseTimedOut), contact
            if partition_of(key_of(contact), PARTITIONS) in TICKED:
                assert timed_out.lateness_ms == 0, "its moment stands in the log"
    late = {fact.contact for fact in log.facts(LateResponseReceived)}
    assert late == {*groups["said-too-late"], *groups["came-too-late"]}
    facts, _, states = log.decided()
    assert canonical(facts) == canonical(log.facts())
    assert states == log.states()


def _ticks(partitions: Iterable[int], times: Iterable[int]) -> list[tuple[int, int, Tick]]:
    tick = Tick(ticker="test", flows_through=2)
    return [(at, partition, tick) for at in times for partition in partitions]
