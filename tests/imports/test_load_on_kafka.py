"""Imports into Apache Kafka: cut off and gone on with, refused, as of now, and within bounds."""

import json
import random
import re
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaException, TopicPartition

from schemas.types.inputs import MessageReceived, Tick
from schemas.types.records import ImportProgress
from schemas.wire import Codec, UndecodableError
from streams.log.producers import RecordProducer
from streams.log.topics import Topics
from tests.e2e.command import PARTITIONS, Attesa, wait_until
from tests.fixtures.kafka import Record, read_to_end

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

BEGIN = 1_767_225_600_000
"""2026-01-01 00:00:00 UTC."""
MOST_MIB = 300
"""What an import may take at most, whatever the file's size: the sort's cache, and what the client queues."""


def _file(attesa: Attesa, name: str, rows: int, *, begin: int = BEGIN) -> Path:
    """Messages, one a second, of 500 contacts, in no order."""
    numbers = list(range(rows))
    random.Random(rows).shuffle(numbers)
    path = attesa.folder / name
    with path.open("w", encoding="utf-8") as file:
        for number in numbers:
            row = {
                "type": "MessageReceived",
                "contact": f"c{number % 500}",
                "source": name,
                "id": f"m{number}",
                "occurred_at": begin + number * 1_000,
                "channel": "whatsapp",
                "text": f"Il messaggio numero {number}, lungo quanto lo sono di solito",
            }
            file.write(json.dumps(row) + "\n")
    return path


def _inbound(attesa: Attesa, prefix: str) -> list[tuple[Record, Any]]:
    """Records with what they say; None for what cannot be decoded."""
    codec = Codec()
    found = []
    for record in read_to_end(attesa.kafka, Topics(prefix).inbound):
        try:
            found.append((record, codec.decode(record.value)))
        except UndecodableError:
            found.append((record, None))
    return found


def _progress(attesa: Attesa, prefix: str) -> ImportProgress:
    *_, last = read_to_end(attesa.kafka, Topics(prefix).imports)
    found = Codec().decode(last.value)
    assert isinstance(found, ImportProgress)
    return found


def _count(attesa: Attesa, topic: str) -> int:
    """How many records there are, by the ends of the log; 0 while the topic is not quite there."""
    consumer = Consumer({"bootstrap.servers": attesa.kafka, "group.id": "watch", "log_level": 0})
    try:
        return sum(
            consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)[1]
            for partition in range(PARTITIONS)
        )
    except KafkaException:
        return 0
    finally:
        consumer.close()


def test_an_import_that_was_killed_goes_on(attesa: Attesa) -> None:
    """Killed in the middle, then the same command: each row once, in time order, ticks around them."""
    rows, prefix = 40_000, f"{attesa.prefix}-file"
    file = _file(attesa, "messages.jsonl", rows)
    command = ("import", file, "--format", "jsonl", "--prefix", prefix)
    running = attesa.start(*command)
    inbound_topic = Topics(prefix).inbound
    wait_until("a part is written", lambda: _count(attesa, inbound_topic) > 100 or not running.is_running())
    running.kill()
    written = _count(attesa, inbound_topic)
    assert 0 < written < rows, "it was killed in the middle"
    assert not _progress(attesa, prefix).complete
    with RecordProducer(attesa.kafka) as producer:
        # Somebody else's bytes stand in the way.
        producer.send_bytes(Topics(prefix).inbound, b"?", b"main/c1", 0, timestamp=BEGIN)

    done = attesa(*command, "--json")
    assert done.json["complete_before"] is False
    assert done.rows[0]["taken"] == rows
    assert 0 < done.rows[0]["of_an_earlier_try"] < rows
    inbound = _inbound(attesa, prefix)
    messages = [(record, said) for record, said in inbound if isinstance(said, MessageReceived)]
    assert Counter(said.id for _, said in messages) == Counter(f"m{number}" for number in range(rows))
    for partition in range(PARTITIONS):
        here = [(record, said) for record, said in inbound if record.partition == partition]
        times = [record.timestamp for record, said in here if said is not None]
        assert times == sorted(times)
        assert isinstance(here[0][1], Tick)
        assert isinstance(here[-1][1], Tick)
        assert (here[0][0].timestamp, here[-1][0].timestamp) == (BEGIN, BEGIN + (rows - 1) * 1_000)
    for record, said in messages:
        assert record.timestamp == said.occurred_at
        assert record.key == f"main/c{int(said.id[1:]) % 500}".encode()
    assert _progress(attesa, prefix).complete
    assert attesa(*command, "--json").json["complete_before"] is True
    assert len(_inbound(attesa, prefix)) == len(inbound)


def test_time_does_not_go_back(attesa: Attesa) -> None:
    """A file that begins before the prefix's clock is refused with both times; a later one is taken."""
    prefix = f"{attesa.prefix}-file"
    command = ("import", "--format", "jsonl", "--prefix", prefix)
    attesa(*command, _file(attesa, "first.jsonl", 100))
    clock = BEGIN + 99_000
    older = _file(attesa, "older.jsonl", 50, begin=BEGIN - 1_000)
    before = len(_inbound(attesa, prefix))
    done = attesa(*command, older, code=2)
    assert "older.jsonl begins at 2025-12-31 23:59:59 UTC" in done.said
    assert f"has come to {datetime.fromtimestamp(clock / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC" in done.said
    assert "--prefix NAME" in done.said
    assert len(_inbound(attesa, prefix)) == before
    attesa(*command, _file(attesa, "later.jsonl", 60, begin=clock))
    messages = [said for _, said in _inbound(attesa, prefix) if isinstance(said, MessageReceived)]
    assert Counter(said.source for said in messages) == {"first.jsonl": 100, "later.jsonl": 60}


def test_live_means_now(attesa: Attesa) -> None:
    """With --live the broker's time counts and the claims are of now; again, nothing is."""
    attesa("topics", "apply")
    file = _file(attesa, "old.jsonl", 200)
    file.write_text(file.read_text() + '{"type": "Nonsense"}\nnot json\n')
    begun = time.time_ns() // 1_000_000
    dry = attesa("import", file, "--format", "jsonl", "--dry-run", "--json").json
    assert dry["types"] == {"MessageReceived": 200}
    assert dry["left_out"] == {"unknown_type": 1, "not_json": 1}
    assert not _inbound(attesa, attesa.prefix)
    attesa("import", file, "--format", "jsonl", "--live")
    inbound = _inbound(attesa, attesa.prefix)
    assert len(inbound) == 200
    assert {type(said) for _, said in inbound} == {MessageReceived}
    assert all(begun <= said.occurred_at <= record.timestamp + 1_000 for record, said in inbound)
    assert "nothing to do" in attesa("import", file, "--format", "jsonl", "--live").said
    assert len(_inbound(attesa, attesa.prefix)) == 200


def test_memory_does_not_grow_with_the_file(attesa: Attesa) -> None:
    """300,000 rows in no order are sorted on disk: under 300 MiB."""
    rows, prefix = 300_000, f"{attesa.prefix}-file"
    file = _file(attesa, "large.jsonl", rows)
    running = attesa.start("import", file, "--format", "jsonl", "--prefix", prefix, "--json")
    most = 0
    while running.is_running():
        most = max(most, _peak_mib(running.process.pid))
        time.sleep(0.1)
    assert running.end() == 0, running.log[-3000:]
    assert 0 < most < MOST_MIB
    assert _count(attesa, Topics(prefix).inbound) == rows + 2 * PARTITIONS


def _peak_mib(pid: int) -> int:
    """The most memory that a process has had resident; 0 if it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return 0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) // 1024 if found else 0
