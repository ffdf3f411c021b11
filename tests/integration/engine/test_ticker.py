"""The ticker, and both processes from the command line."""

import json
import os
import subprocess
import sys
import threading

import pytest

from schemas.errors import NotReachableError
from schemas.types.inputs import Tick
from streams.engine.ticker import Ticker, run
from streams.log.errors import TopicMissingError
from streams.log.settings import Settings, load
from tests.integration.engine.harness import MASTER_KEY, Bench, message, wait_until
from tests.integration.engine.real import publish_ready

pytestmark = [pytest.mark.kafka]


def _settings(bench: Bench, **more: object) -> Settings:
    return load(
        kafka=bench.kafka.bootstrap,
        prefix=bench.topics.prefix,
        data_dir=bench.folder,
        master_key=MASTER_KEY,
        **more,
    )


def _attesa(bench: Bench, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "streams.cli.main", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={
            **os.environ,
            "ATTESA_KAFKA": bench.kafka.bootstrap,
            "ATTESA_PREFIX": bench.topics.prefix,
            "ATTESA_DATA_DIR": str(bench.folder),
            "ATTESA_MASTER_KEY": MASTER_KEY,
        },
    )


def _ticks(bench: Bench) -> list[tuple[int, Tick]]:
    return [
        (record.partition, bench.inputs.decode(record.value)) for record in bench.read(bench.topics.inbound)
    ]


def test_a_tick_a_partition_with_the_end_of_the_flows(bench: Bench) -> None:
    """Each says how far the flow commands went when it was written, and how much may fire."""
    with Ticker(_settings(bench, fire_limit=7)) as ticker:
        assert ticker.tick() == 4
        end = publish_ready(bench, "nudge-and-close")
        wait_until("the end is seen", lambda: ticker.tick() and _ticks(bench)[-1][1].flows_through == end)
    first = _ticks(bench)
    assert {partition for partition, _ in first} == {0, 1, 2, 3}
    assert {tick.fire_limit for _, tick in first} == {7}
    assert [tick.flows_through for _, tick in first if tick.flows_through not in {0, 1, end}] == []


def test_it_ticks_until_it_is_stopped(bench: Bench) -> None:
    """At its pace, and returns how many."""
    stop = threading.Event()
    written: list[int] = []
    thread = threading.Thread(target=lambda: written.append(run(_settings(bench, tick_s=0.05), stop)))
    thread.start()
    wait_until("three rounds", lambda: len(_ticks(bench)) >= 12)
    stop.set()
    thread.join(20)
    assert written == [len(_ticks(bench))]


def test_from_the_command_line(bench: Bench) -> None:
    """`attesa ticker --once` and `attesa worker --until-end`, and what they print."""
    ticked = _attesa(bench, "ticker", "--once", "--json")
    assert ticked.returncode == 0, ticked.stderr
    assert json.loads(ticked.stdout) == {"rows": [{"ticks": 4}]}
    bench.send("acme/a", message(1))
    bench.flush()
    decided = _attesa(bench, "worker", "--until-end", "--json")
    assert decided.returncode == 0, decided.stderr
    rows = json.loads(decided.stdout)["rows"]
    assert [row["partition"] for row in rows] == [0, 1, 2, 3]
    assert sum(row["next"] for row in rows) == 5
    assert {row["state"] for row in rows} == {"open"}
    # No workspace is configured: nothing is decided, nothing is lost.
    assert len(bench.read(bench.topics.dead_letters)) == 1


def test_no_broker_and_no_topics(bench: Bench, unused_tcp_port: int) -> None:
    """Each is said as what it is."""
    with pytest.raises(NotReachableError, match="no Kafka broker answers"):
        Ticker(load(kafka=f"127.0.0.1:{unused_tcp_port}", prefix="none"))
    with pytest.raises(TopicMissingError):
        Ticker(load(kafka=bench.kafka.bootstrap, prefix="none"))


def test_no_master_key(bench: Bench) -> None:
    """A worker without one does not start: it could not write a personal value."""
    environment = {name: value for name, value in os.environ.items() if name != "ATTESA_MASTER_KEY"}
    done = subprocess.run(
        [sys.executable, "-m", "streams.cli.main", "worker", "--until-end"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=bench.folder,
        env={**environment, "ATTESA_KAFKA": bench.kafka.bootstrap, "ATTESA_PREFIX": bench.topics.prefix},
    )
    assert done.returncode == 2
    assert "ATTESA_MASTER_KEY" in done.stderr
