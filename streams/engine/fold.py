"""One partition from one assignment to the next: its records decided, and each batch committed as one
transaction.

A transaction holds the facts, the commands, the dead letters, the data keys made and destroyed, the state of
each contact that was touched, once, and last `!position`. A batch that makes much, as a tick with many due
deadlines, is cut into several. Everything here runs in the partition's own thread; any error leaves the fold
useless.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
from confluent_kafka import KafkaException

from schemas.errors import AttesaError
from schemas.types.facts import ResponseTimedOut, TimerFired
from schemas.types.inputs import Tick
from schemas.types.records import ContactKey
from schemas.wire import Codec, UnencodableError
from streams.core.partition import Decision, Entry, Position
from streams.engine.contacts import PartitionContacts
from streams.engine.dead_letters import Limits, RejectedError
from streams.engine.deciding import Core, Decider, Flows
from streams.engine.envelope import POSITION_KEY, ROLL_KEY
from streams.engine.errors import ClockAheadError, FlowLogBehindError, TickFailedError, UndecidableError
from streams.engine.faults import Faults
from streams.engine.inbound import InboundReader
from streams.engine.transaction import Headers, TransactionalProducer
from streams.engine.transport import InboundRecord
from streams.log import metrics
from streams.log.dead_letters import dead_letter
from streams.log.errors import LogGapError
from streams.log.facts_codec import FactCodec
from streams.log.headers import child_traceparent, headers_for, traceparent_in
from streams.log.sealing import Keyring
from streams.log.settings import Settings
from streams.log.topics import LARGEST_VALUE, Topics

__all__ = ["PartitionFold", "Shared"]

_MOST_RECORDS: Final = 5_000
"""So many facts, commands and dead letters end a transaction."""
_LONGEST_S: Final = 2.0
"""A transaction open for so long ends with the decision in hand; the broker's limit is 30 s."""
_FLOW_LOG_WAIT_S: Final = 5.0
_ROLL_MS: Final = 3_600_000
"""Kafka ends a segment, so that it can be compacted, only when the next record comes. A partition of keys
that gets none for weeks would keep a destroyed key as long: so each hour of the clock has a tombstone.
"""


@dataclass(frozen=True, slots=True)
class Shared:
    """What the partitions of a worker have in common. All of it is safe between threads."""

    settings: Settings
    topics: Topics
    partitions: int
    core: Core
    flows: Flows
    keyring: Keyring
    inputs: Codec
    facts: FactCodec
    records: Codec
    faults: Faults
    wall_clock: Callable[[], float]
    """Seconds since the epoch. Read for one thing: that no record's timestamp lies too far ahead."""


class _Made:
    """What the open transaction holds, by name; counted when it is committed."""

    __slots__ = ("commands", "dead", "duplicates", "facts", "failed", "lateness_ms", "sent")

    def __init__(self) -> None:
        self.sent = 0
        self.duplicates = 0
        self.failed: list[bool] = []
        """Of each input, whether it became a dead letter."""
        self.lateness_ms: list[int] = []
        """Of each deadline that fired."""
        self.facts: Counter[str] = Counter()
        self.commands: Counter[str] = Counter()
        self.dead: Counter[str] = Counter()

    def count(self, partition: int, *, decide_s: float, commit_s: float) -> None:
        metrics.inputs_decided.labels(partition).inc(len(self.failed))
        metrics.inputs_duplicate.inc(self.duplicates)
        for counter, made in (
            (metrics.facts_written, self.facts),
            (metrics.commands_written, self.commands),
            (metrics.dead_letters_written, self.dead),
        ):
            for name, number in made.items():
                counter.labels(name).inc(number)
        metrics.deadlines_fired.inc(len(self.lateness_ms))
        for lateness in self.lateness_ms:
            metrics.deadline_lateness_seconds.observe(lateness / 1000)
        metrics.batch_inputs.observe(len(self.failed))
        metrics.batch_decide_seconds.observe(decide_s)
        metrics.batch_commit_seconds.observe(commit_s)


class PartitionFold:
    """Decides the records of one partition from `position` on."""

    def __init__(
        self,
        shared: Shared,
        *,
        partition: int,
        producer: TransactionalProducer,
        contacts: PartitionContacts,
        position: Position,
        undecidable: Collection[int],
    ) -> None:
        self._shared = shared
        self._topics = shared.topics
        self._partition = partition
        self._producer = producer
        self._contacts = contacts
        self._undecidable = undecidable
        self._decider: Decider = shared.core.decider(
            topic=shared.topics.inbound,
            partition=partition,
            position=position,
            contacts=contacts,
            flows=shared.flows,
        )
        self._reader = InboundReader(
            codec=shared.inputs,
            contacts=contacts,
            partition=partition,
            partitions=shared.partitions,
            max_text_bytes=shared.settings.max_text_bytes,
        )
        self._limits = Limits(
            in_a_row=shared.settings.dead_letters_in_a_row,
            share=shared.settings.dead_letters_share,
            topic=shared.topics.inbound,
            partition=partition,
        )
        self._made = _Made()
        self._begun_at = 0.0
        self.position = position
        """What is committed."""

    def take(self, records: Sequence[InboundRecord], should_stop: Callable[[], bool]) -> None:
        """Decides the records behind the position and commits. Ends early, at a commit, when it should stop.

        Raises `ClockAheadError` once everything before that record is committed.
        """
        self._begun_at = time.monotonic()
        limit = int((self._shared.wall_clock() + self._shared.settings.clock_ahead_limit_s) * 1000)
        for record in records:
            if should_stop():
                break
            if record.offset < self._decider.position.next:
                continue
            if record.timestamp > limit:
                self._commit()
                self._refuse_clock(record)
            if not self._one(record, should_stop):
                return
        self._commit()

    def _one(self, record: InboundRecord, should_stop: Callable[[], bool]) -> bool:
        """Decides one record; False if it stopped on the way, at a commit."""
        try:
            entry = self._entry(record)
        except RejectedError as rejected:
            self._bury(record, rejected.reason, rejected.detail)
            self._pass_over(record)
            self._made.failed.append(True)
            return True
        if type(entry.record) is Tick:
            self._wait_for_flows(entry.offset, entry.record)
        else:
            self._made.failed.append(False)
        return self._decide(entry, record, should_stop)

    def _entry(self, record: InboundRecord) -> Entry:
        if record.offset in self._undecidable:
            raise RejectedError("undecidable", "the core failed on it; the worker's log has the error")
        return self._reader.entry(record)

    def _decide(self, entry: Entry, record: InboundRecord, should_stop: Callable[[], bool]) -> bool:
        parent = traceparent_in(record.headers)
        decisions = self._decider.decide(entry)
        while True:
            try:
                decision = next(decisions, None)
                if decision is None:
                    return True
                self._collect(decision, record, parent)
            except UnencodableError as error:
                raise self._failed_error(entry, error) from error
            except (AttesaError, KafkaException, MemoryError):
                raise
            except Exception as error:
                raise self._failed_error(entry, error) from error
            if self._is_full():
                self._commit()
                if should_stop():
                    return False

    def _collect(self, decision: Decision, record: InboundRecord, parent: str | None) -> None:
        """Sends what a decision made."""
        contact = decision.contact
        key = None if contact is None else contact.encode()
        traceparent = None
        for fact in decision.facts:
            # One span a decision, named by its first fact: a replay names the same.
            traceparent = traceparent or child_traceparent(parent, fact.id)
            personal = contact is not None and getattr(fact, "sealed", None) is not None
            data_key = self._contacts.key_of(contact) if personal and contact is not None else None
            value = self._shared.facts.encode(fact, data_key)
            self._send_made(self._topics.facts, key, value, headers_for(fact, key, traceparent=traceparent))
            self._made.facts[type(fact).__name__] += 1
            if isinstance(fact, TimerFired | ResponseTimedOut):
                self._made.lateness_ms.append(fact.lateness_ms)
        for command in decision.commands:
            traceparent = traceparent or child_traceparent(parent, command.id)
            value = self._shared.records.encode(command)
            headers = headers_for(command, key, traceparent=traceparent)
            self._send_made(self._topics.commands, key, value, headers)
            self._made.commands[type(command).__name__] += 1
        self._made.duplicates += decision.duplicate
        if decision.dead is not None:
            self._bury(record, decision.dead, "the input is well formed and cannot be acted on")
            self._made.failed[-1] = True

    def _send_made(self, topic: str, key: bytes | None, value: bytes, headers: Headers) -> None:
        """Sends a fact or a command. One that the broker would refuse makes its input undecidable: sent, it
        would fail this transaction and every further try.
        """
        if len(value) > LARGEST_VALUE:
            raise ValueError(f"{len(value):,} bytes for {topic}; {LARGEST_VALUE:,} fit")
        self._send(topic, key, value, headers)

    def _send(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        self._producer.send(topic, self._partition, key, value, headers)
        self._made.sent += 1

    def _bury(self, record: InboundRecord, reason: str, detail: str) -> None:
        letter = dead_letter(
            topic=self._topics.inbound,
            partition=self._partition,
            offset=record.offset,
            timestamp=record.timestamp,
            key=record.key,
            value=record.value,
            headers=record.headers,
            reason=str(reason),
            error=detail,
        )
        self._send(self._topics.dead_letters, record.key, record.value, letter.wire_headers())
        self._made.dead[str(reason)] += 1

    def _pass_over(self, record: InboundRecord) -> None:
        """What is no input moves the clock and the position, and decides nothing."""
        position = self._decider.position
        self._decider.position = msgspec.structs.replace(
            position, next=record.offset + 1, clock=max(position.clock, record.timestamp), fired=0
        )

    def _is_full(self) -> bool:
        return self._made.sent >= _MOST_RECORDS or time.monotonic() - self._begun_at > _LONGEST_S

    def _commit(self) -> None:
        """Commits what was decided since the last commit; nothing if nothing was."""
        position = self._decider.position
        if position == self.position:
            return
        made, partition, at = self._made, self._partition, self._shared.faults.at
        self._limits.check(made.failed)
        decided_at = time.monotonic()
        changed = self._contacts.changed()
        at("mid_produce", partition)
        for contact, envelope in changed:
            self._producer.send(self._topics.state, partition, contact.encode(), envelope, None)
        for contact, kept in self._contacts.keys:
            self._producer.send(self._topics.keys, partition, contact.encode(), self._key_record(kept), None)
        if 0 < self.position.clock // _ROLL_MS < position.clock // _ROLL_MS:
            self._producer.send(self._topics.keys, partition, ROLL_KEY, None, None)
        encoded = self._shared.core.encode_position(position)
        at("before_commit", partition)
        offset = self._producer.commit(self._topics.state, partition, POSITION_KEY, encoded)
        at("after_commit_before_store", partition)
        self._contacts.settle(changed, encoded, offset + 1)
        at("after_store", partition)
        self._limits.add(made.failed)
        made.count(partition, decide_s=decided_at - self._begun_at, commit_s=time.monotonic() - decided_at)
        metrics.clock_seconds.labels(partition).set(position.clock / 1000)
        self._made = _Made()
        self._begun_at = time.monotonic()
        self.position = position

    def _key_record(self, kept: ContactKey | None) -> bytes | None:
        return None if kept is None else self._shared.records.encode(kept)

    def _wait_for_flows(self, offset: int, tick: Tick) -> None:
        """Until the flow log is read to where the tick says."""
        try:
            self._shared.flows.wait_for(tick.flows_through, _FLOW_LOG_WAIT_S)
        except LogGapError as error:
            self._commit()
            raise FlowLogBehindError(
                topic=self._topics.inbound,
                partition=self._partition,
                offset=offset,
                flows_through=tick.flows_through,
                end=self._shared.flows.end,
            ) from error

    def _refuse_clock(self, record: InboundRecord) -> None:
        raise ClockAheadError(
            topic=self._topics.inbound,
            partition=self._partition,
            offset=record.offset,
            timestamp=record.timestamp,
            now=int(self._shared.wall_clock() * 1000),
            limit=int(self._shared.settings.clock_ahead_limit_s * 1000),
        )

    def _failed_error(self, entry: Entry, error: Exception) -> UndecidableError | TickFailedError:
        """An input that fails can be put aside; a tick cannot: what is due would never fire, unseen."""
        kind = TickFailedError if isinstance(entry.record, Tick) else UndecidableError
        return kind(topic=self._topics.inbound, partition=self._partition, offset=entry.offset, cause=error)
