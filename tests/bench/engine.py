"""Measures the engine against an ordinary Faust agent: same broker, same inputs, same flow, same fold.

python -m tests.bench.engine '{"events": 20000, "peer_events": 3000, "runs": 3, "kafka": null, "profile":
false}'

Prints one JSON object: rows with `name` and `events_per_second` {min, median, max}; with `profile`, where the
engine's time goes. The rate is inputs decided over the time between the first and the last fact, by the
broker's own timestamps: starting and joining do not count, for neither.
"""

import contextlib
import json
import os
import pstats
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition

from deploy.kafka import ApacheKafka, fetch
from schemas.types.inputs import MessageReceived, Tick
from schemas.wire import Codec
from streams.flows.files import LIBRARY, lint, read_workspace_file
from streams.log.flow_log import FlowLog
from streams.log.partitioner import partition_of
from streams.log.publishing import flow_published, say, workspace_configured
from streams.log.settings import load
from streams.log.topics import Topics, apply
from tests.bench import five_fields

PARTITIONS = 4
EVENTS_A_CONTACT = 10
"""In the mean: as many contacts as that makes, so that short runs do the same work as long ones."""
BROKEN_PEER = 900.0
"""Events/s of five fields: an ordinary agent that does less is a broken peer."""
_ROOT = Path(__file__).resolve().parents[2]
_LIMIT_S = 300.0


def _producer(bootstrap: str) -> Producer:
    return Producer(
        {"bootstrap.servers": bootstrap, "linger.ms": 20, "queue.buffering.max.messages": 1_000_000}
    )


def _flows(bootstrap: str, prefix: str) -> int:
    """The example workspace and the flow nudge-and-close; the end of the flows topic."""
    workspace, source, definition = read_workspace_file(LIBRARY / "workspace.yaml")
    linted = lint(LIBRARY / "nudge-and-close" / "flow.yaml", workspace)
    file, compiled, _ = linted.publishable({})
    records: list[Any] = [
        workspace_configured(workspace.workspace, source, definition, by="bench"),
        flow_published(workspace.workspace, file.flow.flow, "bench", compiled, by="bench"),
    ]
    say(load(kafka=bootstrap, prefix=prefix), prefix, records)
    with FlowLog(bootstrap, Topics(prefix).flows) as log:
        return log.read()


def send_messages(bootstrap: str, prefix: str, events: int) -> None:
    """Messages of random contacts, every field of the record set, and a tick a thousand."""
    topics, codec = Topics(prefix), Codec(("inputs",))
    tick = codec.encode(Tick(ticker="bench", flows_through=_flows(bootstrap, prefix), fire_limit=500))
    producer, rng = _producer(bootstrap), random.Random(1)
    now = int(time.time() * 1000)
    for number in range(events):
        if number % 1_000 == 0:
            for partition in range(PARTITIONS):
                producer.produce(topics.inbound, tick, None, partition)
        key = b"acme/c%06d" % rng.randrange(events // EVENTS_A_CONTACT)
        record = MessageReceived(
            source="whatsapp-gateway",
            id=f"wamid.{number:012d}",
            occurred_at=now,
            channel="whatsapp",
            conversation=f"conv-{key.decode()}",
            text=f"vorrei informazioni sul mio ordine numero {number} grazie",
            kind="text",
            reply_to=f"wamid.{number - 1:012d}",
            button=f"button-{number % 3}",
            media=f"https://media.example/{number}",
        )
        producer.produce(topics.inbound, codec.encode(record), key, partition_of(key, PARTITIONS))
        producer.poll(0)
    producer.flush(60)


def send_five_fields(bootstrap: str, prefix: str, events: int) -> None:
    """Small records."""
    producer, rng, topic = _producer(bootstrap), random.Random(1), Topics(prefix).inbound
    for number in range(events):
        key = b"acme/c%06d" % rng.randrange(events // EVENTS_A_CONTACT)
        value = five_fields.encode(number, key.decode())
        producer.produce(topic, value, key, partition_of(key, PARTITIONS))
        producer.poll(0)
    producer.flush(60)


def _span_s(bootstrap: str, topic: str) -> tuple[float, int]:
    """From the first fact's append to the last's, s, and how many there are."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "bench",
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
        }
    )
    first, last, count, ended = float("inf"), 0.0, 0, 0
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
    while ended < PARTITIONS:
        for message in consumer.consume(10_000, 0.2):
            if message.error() is not None:
                ended += 1
                continue
            at = message.timestamp()[1] / 1000
            first, last, count = min(first, at), max(last, at), count + 1
    consumer.close()
    return last - first, count


def _is_quiet(bootstrap: str, topic: str) -> Callable[[], bool]:
    """Whether a topic has grown for the last time: nothing new for three seconds after its first record."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "bench"})
    seen = {"total": 0, "since": time.monotonic()}

    def quiet() -> bool:
        ends = (consumer.get_watermark_offsets(TopicPartition(topic, p), 10)[1] for p in range(PARTITIONS))
        total = sum(ends)
        if total != seen["total"]:
            seen.update(total=total, since=time.monotonic())
        return bool(total) and time.monotonic() - seen["since"] > 3

    return quiet


def run_engine(bootstrap: str, prefix: str, folder: Path, profile: Path | None = None) -> None:
    """The engine, to the end."""
    command = [sys.executable, "-m", "tests.bench.engine_worker", bootstrap, prefix, str(folder)]
    subprocess.run([*command, *([str(profile)] if profile else [])], cwd=_ROOT, check=True, timeout=_LIMIT_S)


def run_peer(bootstrap: str, prefix: str, folder: Path, work: str) -> None:
    """The peer, until it has nothing more to do."""
    command = [
        sys.executable,
        "-m",
        "tests.bench.peers.faust_agent",
        bootstrap,
        prefix,
        str(PARTITIONS),
        str(folder),
        work,
    ]
    quiet = _is_quiet(bootstrap, Topics(prefix).facts)
    with (folder / "peer.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=_ROOT, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + _LIMIT_S
            while not quiet():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"the peer failed: {(folder / 'peer.log').read_text()[-2000:]}")
                time.sleep(0.2)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()


def measure(name: str, bootstrap: str, runs: int, events: int, profile: Path | None = None) -> dict[str, Any]:
    """One row: a contestant, so many runs, each on a prefix of its own."""
    rates, facts = [], 0
    for _ in range(runs):
        prefix = f"bench{uuid.uuid4().hex[:8]}"
        apply(bootstrap, Topics(prefix).specs(PARTITIONS, 1))
        with tempfile.TemporaryDirectory(prefix="attesa-bench-") as folder:
            if name == FIVE:
                send_five_fields(bootstrap, prefix, events)
                run_peer(bootstrap, prefix, Path(folder), "five-fields")
            else:
                send_messages(bootstrap, prefix, events)
                if name == PEER:
                    run_peer(bootstrap, prefix, Path(folder), "same-fold")
                else:
                    run_engine(bootstrap, prefix, Path(folder), profile)
        span, facts = _span_s(bootstrap, Topics(prefix).facts)
        rates.append(events / span)
    spread = {"min": min(rates), "median": statistics.median(rates), "max": max(rates)}
    return {
        "name": name,
        "events_per_second": {key: round(value) for key, value in spread.items()},
        "events": events,
        "facts_per_event": round(facts / events, 2),
        "runs": runs,
    }


ENGINE = "attesa, exactly once"
PEER = "ordinary Faust agent, same fold"
FIVE = "ordinary Faust agent, five fields, one fact"


def where_time_goes(path: Path) -> list[dict[str, Any]]:
    """The profile by layer: share of the partition threads' time, own time of functions summed."""
    layers: Counter[str] = Counter()
    stats: Any = pstats.Stats(str(path))
    for (file, _, function), (_, _, own, _, _) in stats.stats.items():
        layers[_layer(file, function)] += own
    total = sum(layers.values())
    return [{"layer": layer, "share": round(own / total, 3)} for layer, own in layers.most_common()]


def _layer(file: str, function: str) -> str:
    wanted = (
        ("streams/core", "core: decide, evolve"),
        ("schemas/", "codec: Avro"),
        ("fastavro", "codec: Avro"),
        ("streams/log/headers", "headers"),
        ("streams/log", "sealing and facts codec"),
        ("streams/engine", "shell"),
    )
    for part, layer in wanted:
        if part in file:
            return layer
    builtin = (
        ("commit_transaction", "Kafka: commit"),
        ("confluent", "Kafka: produce"),
        ("Producer", "Kafka: produce"),
        ("fastavro", "codec: Avro"),
        ("msgspec", "state: msgpack, structs"),
        ("blake2b", "ids: hashes"),
        ("hexdigest", "ids: hashes"),
        ("Rdict", "store: RocksDB"),
        ("rocksdict", "store: RocksDB"),
        ("WriteBatch", "store: RocksDB"),
        ("AESSIV", "sealing and facts codec"),
        ("cryptography", "sealing and facts codec"),
    )
    for part, layer in builtin:
        if part in function:
            return layer
    return "other of Python"


@contextlib.contextmanager
def _broker(kafka: str | None) -> Iterator[str]:
    if kafka is not None:
        yield kafka
        return
    fetch()
    with (
        tempfile.TemporaryDirectory(prefix="attesa-bench-kafka-") as folder,
        ApacheKafka(Path(folder), heap="768m") as broker,
    ):
        yield broker.bootstrap
        broker.kill()


def main(options: dict[str, Any]) -> dict[str, Any]:
    """All rows, the ratio, the profile if asked for."""
    events, peer_events, runs = options["events"], options["peer_events"], options["runs"]
    with _broker(options.get("kafka")) as bootstrap:
        rows = [
            measure(ENGINE, bootstrap, runs, events),
            measure(PEER, bootstrap, runs, peer_events),
            measure(FIVE, bootstrap, 1, peer_events),
        ]
        found: dict[str, Any] = {"rows": rows}
        engine, peer, five = (row["events_per_second"]["median"] for row in rows)
        found["ratio"] = round(engine / peer, 1)
        found["peer_is_broken"] = five < BROKEN_PEER
        found["processors"] = os.cpu_count()
        if options.get("profile"):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "profile"
                measure(ENGINE, bootstrap, 1, events, path)
                found["profile"] = where_time_goes(path)
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(json.loads(sys.argv[1]))) + "\n")
