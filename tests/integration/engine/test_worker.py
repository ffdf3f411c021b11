"""The worker as an operator sees it: start, stop, health, headers, missing topics."""

import httpx
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from streams.log.partitioner import partition_of
from streams.log.topics import Topics
from tests.fixtures.kafka import Record
from tests.integration.engine.harness import Bench, message, wait_until

pytestmark = [pytest.mark.kafka]

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_sigterm_finishes_and_leaves(bench: Bench) -> None:
    """After SIGTERM the exit code is 0, what is decided is whole, and the next worker has the partitions at
    once.
    """
    for number in range(20_000):
        bench.send(f"shop/c{number % 501}", message(number))
    bench.flush()
    worker = bench.start(settings={"max_batch": 100})
    wait_until("it has begun", bench.positions)
    assert worker.stop() == 0, worker.log[-3000:]
    assert sum(position.next for position in bench.positions().values()) < 20_000
    # Not the session timeout: the group was left.
    bench.run_to_end("w2", settings={"session_timeout_s": 40})
    bench.check(stores=["w1", "w2"])


def test_health_and_metrics(bench: Bench, unused_tcp_port: int) -> None:
    """/readyz turns 200 when all partitions are open; /metrics counts inputs and facts."""
    for number in range(100):
        bench.send(f"shop/c{number}", message(number))
    bench.flush()
    worker = bench.start(settings={"http_port": unused_tcp_port})
    url = f"http://127.0.0.1:{unused_tcp_port}"

    def ready() -> bool:
        try:
            return httpx.get(f"{url}/readyz").status_code == 200
        except httpx.TransportError:
            return False

    wait_until("it is ready", ready)
    assert [row["state"] for row in httpx.get(f"{url}/readyz").json()["partitions"]] == ["open"] * 4
    wait_until(
        "it counted",
        lambda: 'attesa_facts_written_total{record="InputNoted"} 100.0' in httpx.get(f"{url}/metrics").text,
    )
    assert httpx.get(f"{url}/nothing").status_code == 404
    wait_until("its lag is known", lambda: _lags(httpx.get(f"{url}/metrics").text) == [0.0] * 4)
    wait_until("lag tools see it", lambda: sum(_group_offsets(bench)) == 100)
    assert worker.stop() == 0


def _lags(metrics: str) -> list[float]:
    return [
        float(line.split()[-1])
        for line in metrics.splitlines()
        if line.startswith("attesa_inbound_lag_records{")
    ]


def _group_offsets(bench: Bench) -> list[int]:
    group = f"{bench.topics.prefix}-worker"
    consumer = Consumer({"bootstrap.servers": bench.kafka.bootstrap, "group.id": group})
    try:
        wanted = [TopicPartition(bench.topics.inbound, partition) for partition in range(bench.partitions)]
        return [found.offset for found in consumer.committed(wanted, 10)]
    finally:
        consumer.close()


def _headers(record: Record) -> dict[str, bytes]:
    return {name: value for name, value in record.headers if isinstance(value, bytes)}


def test_headers(bench: Bench) -> None:
    """Facts and commands have CloudEvents headers and a child of the input's trace, one a decision."""
    bench.send("shop/a", message(1, "command"), headers=[("traceparent", TRACE.encode())])
    bench.send("shop/a", message(2))
    bench.flush()
    bench.run_to_end()
    traced, untraced = [_headers(record) for record in bench.read(bench.topics.facts)]
    (command,) = [_headers(record) for record in bench.read(bench.topics.commands)]
    assert traced["ce_type"] == b"attesa.InputNoted"
    assert traced["ce_subject"] == b"shop/a"
    assert command["ce_type"] == b"attesa.CloseConversation"
    parent = TRACE.split("-")
    child = traced["traceparent"].decode().split("-")
    assert child[1] == parent[1]
    assert child[2] != parent[2]
    assert command["traceparent"] == traced["traceparent"]
    assert untraced["traceparent"].decode().split("-")[1] != parent[1]


def test_topics_that_are_not_there(bench: Bench) -> None:
    """The error says which, and what makes them."""
    bench.topics = Topics(f"{bench.topics.prefix}-none")
    worker = bench.start()
    assert worker.wait() != 0
    assert "attesa topics apply" in worker.log


def test_a_position_outside_the_log_stops_the_partition(bench: Bench) -> None:
    """Inputs deleted before they were decided: never a silent jump."""
    for number in range(50):
        bench.send(f"shop/c{number}", message(number))
    bench.flush()
    bench.run_to_end()
    for number in range(50, 200):
        bench.send(f"shop/c{number}", message(number))
    bench.flush()
    ends = {r.partition: r.offset + 1 for r in bench.read(bench.topics.inbound)}
    bench.delete_records(bench.topics.inbound, {0: ends[0]})
    worker = bench.start()
    wait_until("it stands still", lambda: "the log does not hold it" in worker.log)
    wait_until(
        "the others are done",
        lambda: all(bench.positions()[p].next == ends[p] for p in range(1, 4)),
    )
    assert bench.positions()[0].next < ends[0]
    assert worker.stop() == 0


def test_a_store_of_another_changelog_is_thrown_away(bench: Bench) -> None:
    """A store past the changelog's end is made again from the changelog."""
    for number in range(200):
        bench.send(f"shop/c{number % 20}", message(number))
    bench.flush()
    bench.run_to_end()
    bench.spoil_store("w1")
    for number in range(200, 400):
        bench.send(f"shop/c{number % 20}", message(number))
    bench.flush()
    bench.run_to_end()
    bench.check(stores=["w1"])


def test_inputs_compressed_by_any_producer(bench: Bench) -> None:
    """gzip, snappy, lz4 and zstd are read."""
    for number, codec in enumerate(("gzip", "snappy", "lz4", "zstd")):
        producer = Producer({"bootstrap.servers": bench.kafka.bootstrap, "compression.type": codec})
        producer.produce(bench.topics.inbound, bench.inputs.encode(message(number, "x" * 500)), b"shop/a", 0)
        producer.produce(
            bench.topics.inbound, bench.inputs.encode(message(number + 10, "x" * 500)), b"shop/a", 0
        )
        producer.flush()
    bench.run_to_end()
    decided = sum(map(len, bench.facts().values())) + len(bench.read(bench.topics.dead_letters))
    assert decided == 8
    assert (partition_of(b"shop/a", 4) == 0) == (not bench.read(bench.topics.dead_letters))
