"""Whatever is killed whenever: each input in the facts once, state and stores equal to a fold of the log."""

import random
import signal
import time

import pytest

from tests.integration.engine.harness import Bench, Worker, message, wait_until

pytestmark = [pytest.mark.kafka, pytest.mark.crash, pytest.mark.slow]

POINTS = (
    "after_init",
    "mid_produce",
    "before_commit",
    "after_commit_before_store",
    "after_store",
    "in_recovery",
)


def _load(bench: Bench, inputs: int, *, contacts: int = 301, start: int = 0) -> None:
    """Messages, some with deadlines and commands, some repeated, and ticks among them."""
    rng = random.Random(start)
    for number in range(start, start + inputs):
        text = rng.choice(("ciao", "ciao", "ciao", "wait 1", "command"))
        bench.send(f"shop/c{rng.randrange(contacts)}", message(number, text))
        if rng.random() < 0.02:
            bench.send("shop/c1", message(number, text))
        if number % 500 == 0:
            bench.tick(fire_limit=20)
    bench.flush()


def _is_through(bench: Bench, inputs: int) -> bool:
    return sum(position.next for position in bench.positions().values()) >= inputs


def test_killed_at_each_named_point(bench: Bench) -> None:
    """Kill -9 with a transaction half sent, before and after its commit, before and after the store, in
    recovery.
    """
    _load(bench, 12_000)
    for number, point in enumerate(POINTS):
        # So that there is something to recover.
        settings = {"max_batch": 200, "worker_name": "w1"}
        if point == "in_recovery":
            settings["data_dir"] = str(bench.folder / "elsewhere")
        chance = 1.0 if point in {"after_init", "in_recovery"} else 0.15
        worker = bench.start(kill={point: chance}, seed=number, settings=settings)
        assert worker.wait() == -signal.SIGKILL, worker.log[-3000:]
    bench.run_to_end(settings={"worker_name": "w1"})
    counts = bench.check(stores=["w1"])
    assert counts["aborted"] > 0


def test_killed_at_random_again_and_again(bench: Bench) -> None:
    """Six kill -9 at any moment while inputs come in."""
    rng = random.Random(7)
    sent = 0
    for _ in range(6):
        _load(bench, 1_000, start=sent)
        sent += 1_000
        worker = bench.start(settings={"max_batch": 50, "worker_name": "w1"})
        wait_until("the worker begins", _opened, worker)
        time.sleep(rng.uniform(0, 0.5))
        worker.kill()
    bench.run_to_end(settings={"worker_name": "w1"})
    bench.check(stores=["w1"])


def test_unknown_commits_and_lost_batches(bench: Bench) -> None:
    """A commit whose result nobody knows, and batches that never arrive, change nothing."""
    _load(bench, 10_000)
    log = bench.folder / "faults"
    bench.run_to_end(
        unknown={"before_commit": 0.05, "after_commit_before_store": 0.05},
        lose=0.03,
        fault_log=str(log),
        settings={"max_batch": 100},
        seed=3,
    )
    assert "before_commit" in log.read_text()
    assert "after_commit_before_store" in log.read_text()
    assert "lose at_delivery" in log.read_text()
    counts = bench.check(stores=["w1"])
    assert counts["aborted"] > 0


def test_a_second_worker_takes_over(bench: Bench) -> None:
    """Two workers share the partitions; one is killed, the other goes on with the right state."""
    first, second = bench.start("w1"), bench.start("w2")
    _load(bench, 3_000)
    wait_until("both have partitions", lambda: _opened(first) and _opened(second))
    first.kill()
    _load(bench, 3_000, start=3_000)
    wait_until("the other has decided all", _is_done, bench)
    assert second.stop() == 0, second.log[-3000:]
    bench.check(stores=["w1", "w2"])


def test_a_worker_that_comes_and_goes(bench: Bench) -> None:
    """Partitions move to a worker that joins and back when it leaves; nothing is decided twice or lost."""
    first = bench.start("w1")
    for turn in range(2):
        _load(bench, 2_000, start=turn * 2_000)
        second = bench.start(f"w{turn + 2}")
        wait_until("it has partitions", _opened, second)
        assert second.stop() == 0, second.log[-3000:]
    wait_until("all is decided", _is_done, bench)
    assert first.stop() == 0, first.log[-3000:]
    bench.check(stores=["w1", "w2", "w3"])


def test_zombies(bench: Bench) -> None:
    """A worker that stands still longer than its session and comes back with a transaction open is fenced."""
    settings = {"session_timeout_s": 3.0, "max_batch": 100}
    workers = [bench.start(name, settings=settings) for name in ("w1", "w2")]
    for turn in range(2):
        zombie, other = workers[turn], workers[1 - turn]
        wait_until("each has two", lambda: all(len(_partitions(worker)) == 2 for worker in workers))
        _load(bench, 2_000, start=turn * 2_000)
        zombie.signal(signal.SIGSTOP)
        wait_until("the other has all", _has_all, other)
        _load(bench, 500, start=10_000 + turn * 500)
        zombie.signal(signal.SIGCONT)
    wait_until("each has two", lambda: all(len(_partitions(worker)) == 2 for worker in workers))
    wait_until("all is decided", _is_done, bench)
    for worker in workers:
        assert worker.is_running(), worker.log[-3000:]
        assert worker.stop() == 0, worker.log[-3000:]
    bench.check(stores=["w1", "w2"])


def _has_all(worker: Worker) -> bool:
    return len(_partitions(worker)) == 4


def _partitions(worker: Worker) -> list[int]:
    """The partitions that a worker was given last."""
    given = [event["partitions"] for event in worker.events if event["event"] == "partitions assigned"]
    return given[-1] if given else []


def _opened(worker: Worker) -> bool:
    return "the partition is open" in worker.log


def _is_done(bench: Bench) -> bool:
    ends: dict[int, int] = {}
    for record in bench.read(bench.topics.inbound):
        ends[record.partition] = record.offset + 1
    positions = bench.positions()
    return all(partition in positions and positions[partition].next >= end for partition, end in ends.items())
