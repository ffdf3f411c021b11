"""The engine with the real core and ready flows: what it wrote is what the pure core says of the same log."""

import signal
import time

import pytest

from schemas.types.inputs import MessageReceived
from tests.integration.engine.harness import Bench, erase
from tests.integration.engine.real import HOUR, MINUTE, check_against_the_core, publish_ready, send_history

pytestmark = [pytest.mark.kafka]

START = int(time.time() * 1000) - 90 * 24 * HOUR


def test_a_history_with_ready_flows(history: Bench) -> None:
    """Facts, commands and states are the core's; inputs = inputs with a fact + dead letters + duplicates."""
    through = publish_ready(history, "nudge-and-close", "verify-purchase")
    send_history(history, through, inputs=1_500, start=START)
    history.send("acme/c1", MessageReceived(source="t", id="x", occurred_at=0, channel="fax", text="?"))
    history.send("nobody/c1", MessageReceived(source="t", id="x", occurred_at=0, channel="sms", text="?"))
    history.send("acme/c1", MessageReceived(source="t", id="y", occurred_at=0, channel="sms", text=" "))
    history.send_bytes(0, b"acme/c1", b"garbage")
    history.flush()
    history.run_to_end(core="real")
    counts = check_against_the_core(history)
    assert counts["ResponseTimedOut"] > 0
    assert counts["ResponseReceived"] > 0
    assert counts["SendCommanded"] > 0
    assert counts["letters"] == 4
    assert counts["duplicates"] > 0
    assert counts["inputs"] == counts["caused"] + counts["letters"] + counts["duplicates"]


def test_killed_ten_times_over_a_history(history: Bench) -> None:
    """The same facts and commands, each once, whatever is killed."""
    through = publish_ready(history, "nudge-and-close")
    send_history(history, through, inputs=1_200, start=START)
    points = ("after_commit_before_store", "before_commit", "mid_produce", "after_store")
    for number in range(10):
        worker = history.start(
            core="real",
            kill={points[number % len(points)]: 0.3},
            seed=number,
            settings={"max_batch": 25, "worker_name": "w1"},
        )
        assert worker.wait() == -signal.SIGKILL, worker.log[-3000:]
    history.run_to_end(core="real", settings={"worker_name": "w1"})
    counts = check_against_the_core(history)
    assert counts["WaitOpened"] == (
        counts["ResponseReceived"] + counts["ResponseTimedOut"] + counts["WaitCancelled"]
    )
    assert counts["WaitOpened"] > 100


def test_away_for_an_hour(history: Bench) -> None:
    """Who had answered in time has answered, though no worker was there and the time-out is long past."""
    through = publish_ready(history, "nudge-and-close")
    history.tick(timestamp=START, flows_through=through)

    def says(number: int, at: int) -> None:
        record = MessageReceived(
            source="t", id=f"m{number}", occurred_at=at, channel="whatsapp", conversation="c", text="ciao"
        )
        history.send("acme/ada", record, timestamp=at)

    says(1, START + MINUTE)
    history.flush()
    history.run_to_end(core="real")
    says(2, START + 30 * MINUTE)
    history.tick(timestamp=START + 3 * HOUR, flows_through=through, fire_limit=0)
    history.flush()
    history.run_to_end(core="real")
    counts = check_against_the_core(history)
    assert counts["ResponseReceived"] == 1


def test_erasure_of_a_contact_in_a_journey(history: Bench) -> None:
    """Its waits and journeys are closed, its key and state are gone, the fold of the rest is the same."""
    through = publish_ready(history, "nudge-and-close")
    end = send_history(history, through, inputs=300, start=START)
    sealed_before = _sealed(history)
    history.send("acme/c5", erase(1), timestamp=end)
    history.flush()
    history.run_to_end(core="real")
    assert sealed_before == 0
    keys = history.keys()
    assert "acme/c5" not in keys
    assert keys
    mine = [f for facts in history.facts().values() for f in facts if getattr(f, "contact", "") == "acme/c5"]
    assert type(mine[-1]).__name__ == "ContactErased"
    assert all(fact.sealed is None for fact in mine)
    assert not [r for r in history.read(history.topics.state) if r.key == b"acme/c5"][-1].value


def _sealed(bench: Bench) -> int:
    return sum(fact.sealed is not None for facts in bench.facts().values() for fact in facts)
