"""Time comes from the log; a record from the future stops its partition and no other."""

import itertools
import time

import httpx
import pytest

from streams.engine.envelope import POSITION_KEY
from streams.log.partitioner import partition_of
from tests.integration.engine.harness import Bench, message, wait_until
from tests.integration.engine.toy import ToyCore

pytestmark = [pytest.mark.kafka]

NOW = int(time.time() * 1000)


def _contacts_of(bench: Bench, partition: int, many: int) -> list[str]:
    """Contacts whose keys belong there."""
    every = (f"shop/c{number}" for number in itertools.count())
    mine = (c for c in every if partition_of(c.encode(), bench.partitions) == partition)
    return list(itertools.islice(mine, many))


def _contact_of(bench: Bench, partition: int) -> str:
    return _contacts_of(bench, partition, 1)[0]


def test_a_timestamp_ahead_stops_its_partition_alone(history: Bench, unused_tcp_port: int) -> None:
    """What stands before it is decided, what is behind it waits; health, metrics and log say so; others go
    on.

    It goes on by itself when its time has come: here when a worker with a larger limit is started.
    """
    for partition in range(4):
        contact = _contact_of(history, partition)
        history.send(contact, message(1), timestamp=NOW)
        if partition == 2:
            history.send(contact, message(2), timestamp=NOW + 3_600_000)
        history.send(contact, message(3), timestamp=NOW)
    history.flush()
    worker = history.start(settings={"http_port": unused_tcp_port})
    url = f"http://127.0.0.1:{unused_tcp_port}"
    wait_until("it stands still", lambda: "the partition stands still" in worker.log)
    wait_until("the others are done", lambda: sum(map(len, history.facts().values())) == 7)
    wait_until("it says so", lambda: "attesa_partitions_stopped 1.0" in httpx.get(f"{url}/metrics").text)
    ready = httpx.get(f"{url}/readyz")
    assert ready.status_code == 503
    (stopped,) = [row for row in ready.json()["partitions"] if row["state"] == "stopped"]
    assert stopped["partition"] == 2
    assert stopped["next"] == 1
    assert "ahead of this worker's clock" in stopped["error"]
    assert "ATTESA_CLOCK_AHEAD_LIMIT_S" in stopped["error"]
    assert httpx.get(f"{url}/healthz").status_code == 200
    # The others still decide.
    history.send(_contact_of(history, 0), message(9), timestamp=NOW)
    history.flush()
    wait_until("another is decided", lambda: sum(map(len, history.facts().values())) == 8)
    assert worker.stop() == 0
    ended = history.start(until_end=True)
    assert ended.wait() == 1
    assert "EndNotReachedError" in ended.log
    history.run_to_end(settings={"clock_ahead_limit_s": 7_200})
    history.check()
    assert not history.read(history.topics.dead_letters)


def test_a_partition_goes_on_by_itself_when_the_time_has_come(history: Bench) -> None:
    """The limit is passed by three seconds: after these it is decided without anybody's help."""
    contact = _contact_of(history, 1)
    history.send(contact, message(1), timestamp=int(time.time() * 1000) + 9_000)
    history.flush()
    worker = history.run_to_end(settings={"clock_ahead_limit_s": 2})
    assert "the partition stands still" in worker.log
    history.check()


def test_a_tick_with_much_due_is_cut(history: Bench) -> None:
    """6,000 deadlines fire at one tick, in order and once each, in several transactions."""
    for number, contact in enumerate(_contacts_of(history, 3, 6_000)):
        history.send(contact, message(number, f"wait {100 + number % 7}"), timestamp=NOW - 10_000)
    history.tick(timestamp=NOW, fire_limit=0)
    history.flush()
    history.run_to_end()
    history.check(stores=["w1"])
    within = [record.value for record in history.read(history.topics.state) if record.key == POSITION_KEY]
    assert [position for value in within if (position := ToyCore().decode_position(value or b"")).fired]


def test_a_worker_killed_within_a_tick_goes_on_in_it(history: Bench) -> None:
    """The position says how many deadlines of the tick have fired."""
    for number, contact in enumerate(_contacts_of(history, 3, 6_000)):
        history.send(contact, message(number, "wait 1"), timestamp=NOW - 10_000)
    history.flush()
    history.run_to_end()
    history.tick(timestamp=NOW, fire_limit=0)
    history.flush()
    killed = history.start(kill={"after_store": 0.5}, seed=1, settings={"worker_name": "w1"})
    assert killed.wait() == -9
    history.run_to_end(settings={"worker_name": "w1"})
    history.check(stores=["w1"])


def test_the_limit_of_a_tick_holds(history: Bench) -> None:
    """What a tick does not fire the next does."""
    for number in range(100):
        history.send(
            "shop/a" if number == 0 else f"shop/c{number}", message(number, "wait 1"), timestamp=NOW - 10_000
        )
    for _ in range(15):
        history.tick(timestamp=NOW, fire_limit=3)
    history.flush()
    history.run_to_end()
    history.check()


def test_a_worker_away_for_an_hour_of_record_time(history: Bench) -> None:
    """It decides at the record's times, not at its own."""
    start = NOW - 7_200_000
    history.send("shop/a", message(1, "wait 60000"), timestamp=start)
    history.flush()
    history.run_to_end()
    history.send("shop/a", message(2), timestamp=start + 30_000)
    history.tick(timestamp=start + 3_600_000)
    history.flush()
    history.run_to_end()
    facts = [
        fact for facts in history.facts().values() for fact in facts if type(fact).__name__ == "InputNoted"
    ]
    assert [(fact.name, fact.at - start) for fact in facts] == [("1", 0), ("2", 30_000), ("fired", 3_600_000)]
    history.check()


def test_a_tick_that_fails_stops_its_partition_alone(history: Bench) -> None:
    """It is no dead letter: deadlines would go by unfired. The others go on."""
    history.tick(2, timestamp=NOW, fire_limit=-1)
    for partition in range(4):
        history.send(_contact_of(history, partition), message(1), timestamp=NOW)
    history.flush()
    ended = history.start(until_end=True)
    assert ended.wait() == 1
    assert "the tick could not be decided: RuntimeError: the toy was told to fail at a tick" in ended.log
    assert {partition for partition, facts in history.facts().items() if facts} == {0, 1, 3}
    assert not history.read(history.topics.dead_letters)
