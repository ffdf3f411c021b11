"""What the engine's tests share: a prefix of topics, worker processes, and the oracle that folds inbound
again.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

# The package does not list these as exported; its version is pinned.
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource

from deploy.kafka import ApacheKafka
from schemas.types.inputs import CustomerEvent, EraseContact, Input, MessageReceived, Tick
from schemas.types.records import ContactKey
from schemas.wire import Codec, UndecodableError
from streams.core.partition import Entry, Position
from streams.engine.envelope import POSITION_KEY, unpack
from streams.engine.store import Store
from streams.log.facts_codec import FactCodec
from streams.log.partitioner import partition_of
from streams.log.sealing import DataKey, Keyring
from streams.log.topics import Topics, apply
from tests.fixtures.kafka import Record, read_to_end
from tests.integration.engine.processes import Worker, wait_until
from tests.integration.engine.toy import ToyContacts, ToyCore

__all__ = ["MASTER_KEY", "Bench", "Worker", "message", "wait_until"]

MASTER_KEY = "0f" * 32
_ROOT = Path(__file__).resolve().parents[3]


def message(number: int, text: str = "ciao", at: int = 0) -> MessageReceived:
    """A message of a contact."""
    return MessageReceived(
        source="test", id=f"m{number}", occurred_at=at, channel="whatsapp", conversation="c1", text=text
    )


def event(number: int, **properties: Any) -> CustomerEvent:
    """An event whose properties the toy seals."""
    return CustomerEvent(source="test", id=f"e{number}", occurred_at=0, name="order", properties=properties)


def erase(number: int) -> EraseContact:
    """The erasure of a contact."""
    return EraseContact(
        source="test", id=f"x{number}", occurred_at=0, requested_by="ticket-1", reason="asked"
    )


class Bench:
    """A prefix on the broker: its topics, its workers, its inputs and what must come of them."""

    def __init__(
        self, kafka: ApacheKafka, prefix: str, folder: Path, *, partitions: int = 4, history: bool = False
    ) -> None:
        self.kafka = kafka
        self.topics = Topics(prefix)
        self.folder = folder
        self.partitions = partitions
        self.inputs = Codec(("inputs", "outcomes"))
        self.facts_codec = FactCodec()
        self.commands_codec = Codec(("commands",))
        self.keyring = Keyring(bytes.fromhex(MASTER_KEY))
        self.workers: list[Worker] = []
        apply(kafka.bootstrap, self.topics.specs(partitions, 1, history=history))
        self._producer = Producer(
            {"bootstrap.servers": kafka.bootstrap, "linger.ms": 5, "message.max.bytes": 4 << 20}
        )

    # ---- inputs

    def send(
        self,
        contact: str,
        record: Input,
        *,
        timestamp: int = 0,
        partition: int | None = None,
        headers: list[tuple[str, str | bytes | None]] | None = None,
    ) -> None:
        """An input under its contact's key."""
        key = contact.encode()
        where = partition_of(key, self.partitions) if partition is None else partition
        self.send_bytes(where, key, self.inputs.encode(record), timestamp=timestamp, headers=headers)

    def send_bytes(
        self,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        *,
        timestamp: int = 0,
        headers: list[tuple[str, str | bytes | None]] | None = None,
    ) -> None:
        """Bytes as they are."""
        while True:
            try:
                self._producer.produce(
                    self.topics.inbound, value, key, partition, timestamp=timestamp, headers=headers or []
                )
            except BufferError:
                self._producer.poll(0.1)
            else:
                break
        self._producer.poll(0)

    def tick(
        self,
        partition: int | None = None,
        *,
        timestamp: int = 0,
        fire_limit: int = 500,
        flows_through: int = 0,
    ) -> None:
        """A tick of one partition or of all."""
        value = self.inputs.encode(Tick(ticker="test", flows_through=flows_through, fire_limit=fire_limit))
        for one in range(self.partitions) if partition is None else (partition,):
            self.send_bytes(one, None, value, timestamp=timestamp)

    def flush(self) -> None:
        """Until all is written."""
        assert self._producer.flush(30) == 0

    # ---- workers

    def settings(self, name: str, **more: Any) -> dict[str, Any]:
        """A worker's settings."""
        return {
            "kafka": self.kafka.bootstrap,
            "prefix": self.topics.prefix,
            "data_dir": str(self.folder / name),
            "master_key": MASTER_KEY,
            "session_timeout_s": 6.0,
            "log_format": "json",
            **more,
        }

    def start(self, name: str = "w1", *, settings: Mapping[str, Any] | None = None, **options: Any) -> Worker:
        """Starts a worker of the toy core."""
        body = {"settings": self.settings(name, **(settings or {})), **options}
        log = self.folder / f"{name}.{len(self.workers)}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.engine.worker_process", json.dumps(body)],
                cwd=_ROOT,
                stdout=out,
                stderr=out,
                stdin=subprocess.DEVNULL,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        worker = Worker(process, log)
        self.workers.append(worker)
        return worker

    def run_to_end(self, name: str = "w1", **options: Any) -> Worker:
        """A worker that ends when it has caught up; fails with its log where it does not."""
        worker = self.start(name, until_end=True, **options)
        code = worker.wait(120)
        assert code == 0, worker.log[-5000:]
        return worker

    def close(self) -> None:
        """Ends what still runs."""
        for worker in self.workers:
            if worker.is_running():
                worker.process.kill()
                worker.process.wait()

    # ---- what happens to topics and stores

    def compact(self, topic: str, key: bytes) -> None:
        """Makes the broker close the segments of this key's partition, so that its cleaner takes them."""
        self._alter(
            topic, {"segment.ms": "50", "max.compaction.lag.ms": "100", "delete.retention.ms": "86400000"}
        )
        for number in range(2):
            time.sleep(0.1)  # a segment is closed by the first record that comes after its time
            partition = partition_of(key, self.partitions)
            self._producer.produce(topic, b"{}", f"filler/{number}".encode(), partition)
            self.flush()

    def _alter(self, topic: str, config: Mapping[str, str]) -> None:
        entries = [
            ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
            for name, value in config.items()
        ]
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=entries)
        admin = AdminClient({"bootstrap.servers": self.kafka.bootstrap})
        for done in admin.incremental_alter_configs([resource]).values():
            done.result()

    def delete_records(self, topic: str, before: Mapping[int, int]) -> None:
        """Deletes what stands before these offsets."""
        admin = AdminClient({"bootstrap.servers": self.kafka.bootstrap})
        wanted = [TopicPartition(topic, partition, offset) for partition, offset in before.items()]
        for done in admin.delete_records(wanted).values():
            done.result()

    def spoil_store(self, name: str) -> None:
        """Lets the stores of a worker say that they have read more than there is."""
        for path in (self.folder / name / "stores" / self.topics.prefix).iterdir():
            store = Store(path)
            store.apply({b"shop/never": None}, (store.offset or 0) + 1_000_000)
            store.close()

    # ---- what came of it

    def read(self, topic: str, *, committed: bool = True) -> list[Record]:
        """All records of a topic."""
        return read_to_end(self.kafka.bootstrap, topic, committed=committed)

    def keys(self) -> dict[str, DataKey]:
        """The contacts' data keys by the keys topic."""
        kept: dict[str, DataKey] = {}
        codec = Codec(("records",))
        for record in self.read(self.topics.keys):
            contact = (record.key or b"").decode()
            if record.value is None:
                kept.pop(contact, None)
            else:
                key = codec.decode(record.value)
                assert isinstance(key, ContactKey)
                kept[contact] = self.keyring.unwrap(key)
        return kept

    def facts(self) -> dict[int, list[Any]]:
        """The facts by partition, opened as far as there are keys."""
        keys = self.keys()
        found: dict[int, list[Any]] = {partition: [] for partition in range(self.partitions)}
        for record in self.read(self.topics.facts):
            key = keys.get((record.key or b"").decode())
            found[record.partition].append(self.facts_codec.decode(record.value, key))
        return found

    def states(self) -> dict[int, dict[str, Any]]:
        """The states by partition, folded from the changelog."""
        core = ToyCore()
        found: dict[int, dict[str, Any]] = {partition: {} for partition in range(self.partitions)}
        for record in self.read(self.topics.state):
            if record.key == POSITION_KEY:
                continue
            contact = (record.key or b"").decode()
            if record.value is None:
                found[record.partition].pop(contact, None)
            else:
                found[record.partition][contact] = core.states.decode(unpack(record.value).state)
        return found

    def positions(self) -> dict[int, Position]:
        """The last committed position by partition."""
        core = ToyCore()
        return {
            record.partition: core.decode_position(record.value or b"")
            for record in self.read(self.topics.state)
            if record.key == POSITION_KEY
        }

    def check(self, *, poison: Iterable[str] = ("boom",), stores: Iterable[str] = ()) -> dict[str, int]:
        """Folds inbound again with the toy alone and compares: each fact once and in order, states,
        positions.

        `poison`: texts on which the toy fails. `stores`: names of workers whose stores must hold what the
        changelog has, as far as they say they have read it. Returns counts.
        """
        inbound = self.read(self.topics.inbound)
        expected, states, clocks, dead = self._oracle(inbound, set(poison))
        facts = self.facts()
        for partition in range(self.partitions):
            assert [msgspec.structs.replace(fact) for fact in facts[partition]] == expected[partition]
        assert self.states() == states
        for partition, position in self.positions().items():
            assert position.clock == clocks[partition]
        letters = self.read(self.topics.dead_letters)
        assert [(r.partition, r.key, r.value) for r in letters] == [
            (r.partition, r.key, r.value) for r in dead
        ]
        self._check_stores(stores)
        return {
            "inputs": len(inbound),
            "facts": sum(map(len, facts.values())),
            "dead": len(letters),
            "aborted": len(self.read(self.topics.facts, committed=False)) - sum(map(len, facts.values())),
        }

    def _oracle(
        self, inbound: list[Record], poison: set[str]
    ) -> tuple[Any, Any, dict[int, int], list[Record]]:
        expected: dict[int, list[Any]] = {}
        states: dict[int, dict[str, Any]] = {}
        clocks: dict[int, int] = {}
        dead: list[Record] = []
        for partition in range(self.partitions):
            contacts = ToyContacts()
            decider = ToyCore().decider(
                topic=self.topics.inbound,
                partition=partition,
                position=Position(),
                contacts=contacts,
                flows=None,
            )
            facts: list[Any] = []
            for record in (r for r in inbound if r.partition == partition):
                entry = self._entry(record, contacts)
                text = getattr(entry.record, "text", "") if entry is not None else ""
                if entry is None or text in poison:
                    dead.append(record)
                    clock = max(decider.position.clock, record.timestamp)
                    decider.position = msgspec.structs.replace(
                        decider.position, next=record.offset + 1, clock=clock
                    )
                    continue
                for decision in decider.decide(entry):
                    facts += decision.facts
                    if decision.dead is not None:
                        dead.append(record)
            expected[partition], states[partition] = facts, contacts.states
            clocks[partition] = decider.position.clock
        erased = self._erased(inbound)
        if erased:
            # Facts of an erased contact stay, unreadable; if it came back, its new key opens later ones.
            keys = self.keys()
            expected = {p: [self._as_read(f, keys, erased) for f in facts] for p, facts in expected.items()}
        return expected, states, clocks, dead

    def _entry(self, record: Record, contacts: ToyContacts) -> Entry | None:
        try:
            decoded = self.inputs.decode(record.value)
            contact = None if record.key is None or isinstance(decoded, Tick) else record.key.decode()
        except (UndecodableError, UnicodeDecodeError):
            return None
        belongs = contact is None or partition_of(record.key or b"", self.partitions) == record.partition
        if not belongs and contacts.get(contact or "") is None:
            return None
        return Entry(record.offset, record.timestamp, contact, decoded)

    def _erased(self, inbound: list[Record]) -> set[str]:
        return {(record.key or b"").decode() for record in inbound if self._is_erasure(record)}

    def _is_erasure(self, record: Record) -> bool:
        try:
            return isinstance(self.inputs.decode(record.value), EraseContact)
        except UndecodableError:
            return False

    @staticmethod
    def _as_read(fact: Any, keys: Mapping[str, DataKey], erased: set[str]) -> Any:
        contact = getattr(fact, "contact", None)
        if contact in erased and contact not in keys and getattr(fact, "sealed", None) is not None:
            return msgspec.structs.replace(fact, sealed=None)
        return fact

    def _check_stores(self, names: Iterable[str]) -> None:
        changelog = self.read(self.topics.state)
        for name in names:
            for partition in range(self.partitions):
                path = self.folder / name / "stores" / self.topics.prefix / f"p{partition}"
                if not path.exists():
                    continue
                store = Store(path)
                try:
                    through = store.offset or 0
                    behind = {
                        r.key: r.value for r in changelog if r.partition == partition and r.offset < through
                    }
                    for key, value in behind.items():
                        found = store.position if key == POSITION_KEY else store.get((key or b"").decode())
                        assert found == value, (name, partition, key, through)
                finally:
                    store.close()
