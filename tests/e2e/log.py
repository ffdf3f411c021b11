"""What stands in the log, read without the project's readers; and what must stand there by the core."""

import json
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import msgspec

from schemas.types.facts import (
    ClockAdvanced,
    Fact,
    FlowCommandApplied,
    ResponseReceived,
    ResponseTimedOut,
    WaitCancelled,
    WaitOpened,
)
from schemas.types.inputs import Tick
from schemas.types.records import ContactKey
from schemas.wire import Codec, UndecodableError
from streams.core.memory import MemoryContacts, fold_partition
from streams.core.partition import Entry
from streams.core.state import ContactState, decode_state
from streams.engine.envelope import POSITION_KEY, unpack
from streams.log.facts_codec import FactCodec
from streams.log.flow_log import entry_of
from streams.log.sealing import DataKey, Keyring
from streams.log.topics import Topics
from tests.e2e.command import MASTER_KEY, PARTITIONS
from tests.fixtures.kafka import Record, read_to_end

__all__ = ["Log", "Placed", "canonical", "response_rates"]


class Placed(msgspec.Struct, frozen=True):
    """A fact or command with its place."""

    made: Any
    partition: int
    offset: int


class Log:
    """A prefix as it stands now. Every reading is of committed records, and anew."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self.topics = Topics(prefix)
        self._bootstrap = bootstrap
        self._codec = Codec()
        self._facts = FactCodec()

    def records(self, topic: str) -> list[Record]:
        """All records of a topic, in the order (partition, offset)."""
        return read_to_end(self._bootstrap, topic)

    def keys(self) -> dict[str, DataKey]:
        """Each contact's data key that the keys topic has."""
        keyring = Keyring(bytes.fromhex(MASTER_KEY))
        found: dict[str, DataKey] = {}
        for record in self.records(self.topics.keys):
            contact = (record.key or b"").decode()
            if record.value is None:
                found.pop(contact, None)
            else:
                kept = self._codec.decode(record.value)
                assert isinstance(kept, ContactKey)
                found[contact] = keyring.unwrap(kept)
        return found

    def placed_facts(self) -> list[Placed]:
        """The facts, opened where there is a key."""
        keys = self.keys()
        return [
            Placed(self._facts.decode(r.value, keys.get((r.key or b"").decode())), r.partition, r.offset)
            for r in self.records(self.topics.facts)
        ]

    def facts(self, kind: type[Any] | tuple[type[Any], ...] = (), contact: str | None = None) -> list[Any]:
        """The facts of a kind, or all; of one contact, or all."""
        return [
            placed.made
            for placed in self.placed_facts()
            if (not kind or isinstance(placed.made, kind))
            and (contact is None or getattr(placed.made, "contact", None) == contact)
        ]

    def commands(self) -> list[Any]:
        """The commands."""
        return [self._codec.decode(record.value) for record in self.records(self.topics.commands)]

    def states(self) -> dict[str, ContactState]:
        """Each contact's state, by the changelog."""
        found: dict[str, ContactState] = {}
        for record in self.records(self.topics.state):
            if record.key == POSITION_KEY:
                continue
            contact = (record.key or b"").decode()
            if record.value is None:
                found.pop(contact, None)
            else:
                found[contact] = decode_state(unpack(record.value).state)
        return found

    def decided(self) -> tuple[list[Any], list[Any], dict[str, ContactState]]:
        """What the pure core makes of the inbound topic: facts and commands by partition, states."""
        flows = [
            entry_of(record.offset, self._codec.decode(record.value))
            for record in self.records(self.topics.flows)
        ]
        inbound = self.records(self.topics.inbound)
        facts: list[Any] = []
        commands: list[Any] = []
        states: dict[str, ContactState] = {}
        for partition in range(PARTITIONS):
            contacts = MemoryContacts()
            entries = [e for r in inbound if r.partition == partition and (e := self._entry(r)) is not None]
            for decision in fold_partition(
                entries, flows, topic=self.topics.inbound, partition=partition, contacts=contacts
            ):
                facts += decision.facts
                commands += decision.commands
            states |= contacts.states
        return facts, commands, states

    def _entry(self, record: Record) -> Entry | None:
        try:
            decoded: Any = self._codec.decode(record.value)
        except UndecodableError:
            return None
        contact = None if isinstance(decoded, Tick) else (record.key or b"").decode()
        return Entry(record.offset, record.timestamp, contact, decoded)


def canonical(made: Iterable[Any]) -> dict[str, list[str]]:
    """Facts or commands so that those of two runs compare: by contact and in order, cause left out.

    Values are opened already. Of a partition only its clock counts: that a flow command is in force is said
    once a publishing, whose id is new each time.
    """
    found: dict[str, list[str]] = defaultdict(list)
    for one in made:
        if isinstance(one, FlowCommandApplied):
            continue
        plain = {"record": type(one).__name__, **msgspec.to_builtins(one)}
        plain.pop("cause", None)
        if isinstance(one, ClockAdvanced):
            plain["engine"] = plain["tzdata"] = ""
            found[f"partition {one.partition}"].append(json.dumps(plain, sort_keys=True))
        else:
            found[one.contact].append(json.dumps(plain, sort_keys=True))
    return dict(found)


def response_rates(facts: Iterable[Placed]) -> tuple[int, dict[str, dict[str, Any]]]:
    """As-of, and by step what became of its waits: counted from the facts alone, one wait at a time."""
    facts = list(facts)
    settled: dict[int, int] = {}
    for placed in facts:
        if isinstance(placed.made, ClockAdvanced):
            settled[placed.partition] = placed.made.settled
    assert len(settled) == PARTITIONS, "every partition's clock is a fact"
    as_of = min(settled.values())
    opened: dict[str, WaitOpened] = {}
    closed: dict[str, Fact] = {}
    for placed in facts:
        fact = placed.made
        if getattr(fact, "at", 0) > as_of:
            continue
        if isinstance(fact, WaitOpened):
            assert fact.wait not in opened, f"wait {fact.wait} was opened twice"
            opened[fact.wait] = fact
        elif isinstance(fact, ResponseReceived | ResponseTimedOut | WaitCancelled):
            assert fact.wait not in closed, f"wait {fact.wait} was closed twice"
            closed[fact.wait] = fact
    assert closed.keys() <= opened.keys(), "no wait is closed that was not opened"
    report: dict[str, dict[str, Any]] = {}
    for wait, first in opened.items():
        row = report.setdefault(first.step, dict.fromkeys(_COUNTS, 0))
        row["opened"] += 1
        last = closed.get(wait)
        match last:
            case ResponseReceived():
                row["responded"] += 1
                row["matured_responded"] += last.due <= as_of
            case ResponseTimedOut():
                row["timed_out"] += 1
                row["matured_timed_out"] += last.due <= as_of
            case WaitCancelled():
                row["cancelled"] += 1
            case _:
                row["pending"] += 1
    for row in report.values():
        matured = row["matured_responded"] + row["matured_timed_out"]
        row["numerator"], row["denominator"] = row["matured_responded"], matured
        row["excluded"] = row["cancelled"]
        row["rate"] = row["matured_responded"] / matured if matured else None
    return as_of, report


_COUNTS = (
    "opened",
    "responded",
    "timed_out",
    "cancelled",
    "pending",
    "matured_responded",
    "matured_timed_out",
)
