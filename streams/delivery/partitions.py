"""The commands topic as the group gives it out: assignment, restoring, pausing, committing."""

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, NamedTuple

import structlog
from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from schemas.errors import AttesaError, NotReachableError
from schemas.registry import Registry
from streams.delivery.ledger import Ledger
from streams.delivery.patience import patiently
from streams.delivery.restore import restore
from streams.log.clients import client_options
from streams.log.readers import partitions_of
from streams.log.settings import Settings
from streams.log.topics import Topics

__all__ = ["AnotherDispatcherError", "Partitions", "Read"]

_log = structlog.get_logger()
_REQUEST_S: Final = 30.0
_PARTITION_EOF: Final = KafkaError._PARTITION_EOF  # noqa: SLF001 - the client's public name for its own error
_NOT_A_MEMBER: Final = frozenset(
    {KafkaError.ILLEGAL_GENERATION, KafkaError.UNKNOWN_MEMBER_ID, KafkaError.FENCED_INSTANCE_ID}
)
_A_MEMBER: Final = frozenset({KafkaError.REBALANCE_IN_PROGRESS})
_Callback = Callable[[Consumer, list[TopicPartition]], None]


class AnotherDispatcherError(AttesaError):
    """`--until-end` takes all partitions and a dispatcher of this prefix runs already."""


class Read(NamedTuple):
    """A record of the commands topic, with the account of its partition."""

    ledger: Ledger
    message: Message


class Partitions:
    """The consumer. Everything here, callbacks too, happens in the thread that calls `read`.

    A partition that comes is paused until a thread has restored its account from the log; `read` gives none
    of its commands before. Partitions move cooperatively: those that stay are not disturbed. `hand_back` is
    called before partitions go, to finish what is out (they are committed after it); with `lost=True` they
    are gone already, and nothing may be said for them any more.
    """

    def __init__(
        self,
        settings: Settings,
        topics: Topics,
        registry: Registry,
        *,
        is_history: Callable[[], bool],
        hand_back: Callable[[list[Ledger], bool], None],
    ) -> None:
        self._bootstrap = settings.kafka
        self._topics = topics
        self._registry = registry
        self._session_s = settings.session_timeout_s
        self._is_history = is_history
        self._hand_back = hand_back
        self._restoring: dict[int, Future[Ledger]] = {}
        self._restorers = ThreadPoolExecutor(4, thread_name_prefix="restore")
        self._paused: set[int] = set()
        self._committed: dict[int, int] = {}
        self._failure: AttesaError | None = None
        self._alone = False
        self._has_left = False
        self.open: dict[int, Ledger] = {}
        """Partitions whose commands are read."""
        self.at_end: set[int] = set()
        """Partitions whose end was seen since they were opened."""
        self._consumer = Consumer(
            {
                **client_options(settings.kafka),
                "group.id": f"{settings.prefix}-dispatcher",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "earliest",
                "partition.assignment.strategy": "cooperative-sticky",
                "session.timeout.ms": round(settings.session_timeout_s * 1000),
                "heartbeat.interval.ms": round(settings.session_timeout_s * 1000 / 4),
                "fetch.wait.max.ms": 50,
                "queued.max.messages.kbytes": 16_384,
                "on_commit": self._on_commit,
            }
        )
        self.all = partitions_of(self._consumer, topics.commands, settings.kafka)
        """The topic's partitions."""
        for topic in (topics.flows, topics.attempts, topics.inbound, topics.dead_letters):
            partitions_of(self._consumer, topic, settings.kafka)

    @property
    def assigned(self) -> int:
        """How many partitions it has, open or being restored."""
        return len(self.open) + len(self._restoring)

    @property
    def is_ready(self) -> bool:
        """Has partitions, and all of them are open."""
        return bool(self.open) and not self._restoring

    @property
    def has_ended(self) -> bool:
        """Every partition of the topic was read to its end."""
        return self.at_end.issuperset(self.all) and not self._restoring

    def join(self) -> None:
        """Shares the topic with the group's other members."""
        self._consumer.subscribe(
            [self._topics.commands],
            on_assign=self._guarded(self._assign),
            on_revoke=self._guarded(self._revoke),
            on_lost=self._guarded(self._lost),
        )

    def take_all(self) -> None:
        """Takes every partition, outside the group. Raises `AnotherDispatcherError` where the group has
        members, after the time in which one that was killed is still counted in.
        """
        self._alone = True
        everything = [TopicPartition(self._topics.commands, each) for each in self.all]
        give_up = time.monotonic() + self._session_s + 2
        while not self._is_free(everything):
            if time.monotonic() > give_up:
                raise AnotherDispatcherError(
                    f"{self._topics.commands}: another dispatcher runs on this prefix, and --until-end needs "
                    "all partitions for itself. Stop the other, or let it do the work"
                )
            time.sleep(0.2)
        self._assign(self._consumer, everything)

    def _is_free(self, everything: list[TopicPartition]) -> bool:
        """Whether the group has no members: only then does it take a commit from outside."""
        found = patiently(lambda: self._consumer.committed(everything, timeout=_REQUEST_S))
        unchanged = [TopicPartition(each.topic, each.partition, max(0, each.offset)) for each in found]
        try:
            self._consumer.commit(offsets=unchanged, asynchronous=False)
        except KafkaException as error:
            if error.args[0].code() in _NOT_A_MEMBER:
                return False
            raise
        return True

    def read(self, wait_s: float, most: int) -> list[Read]:
        """What is there, at most `most` records (one at least, where it is there); blocks for `wait_s`, and
        for `hand_back` where partitions go.
        """
        self._open_restored()
        if self._failure is not None:
            raise self._failure
        found = []
        for message in self._consumer.consume(max(1, most), wait_s):
            partition, error = message.partition(), message.error()
            if error is None:
                ledger = self.open.get(_known(partition))
                if ledger is not None:
                    found.append(Read(ledger, message))
            elif error.code() == _PARTITION_EOF:
                if partition in self.open:
                    self.at_end.add(_known(partition))
            elif error.fatal() or not error.retriable():
                _log.warning("the broker reports an error", topic=message.topic(), error=error.str())
                if error.fatal():
                    raise KafkaException(error)
        return found

    def balance(self, most: int) -> None:
        """Reads no further on a partition with `most` unfinished commands until half of them are done."""
        for partition, ledger in self.open.items():
            where = [TopicPartition(self._topics.commands, partition)]
            if partition not in self._paused and len(ledger) >= most:
                self._consumer.pause(where)
                self._paused.add(partition)
            elif partition in self._paused and len(ledger) <= most // 2:
                self._consumer.resume(where)
                self._paused.discard(partition)

    def commit(self, ledgers: Sequence[Ledger] | None = None, *, wait: bool = False) -> None:
        """Commits the lowest unfinished offset of each, by default of all that are open."""
        due = [
            each
            for each in self._positions(self.open.values() if ledgers is None else ledgers)
            if self._committed.get(each.partition) != each.offset
        ]
        if not due:
            return
        if not wait:
            self._consumer.commit(offsets=due, asynchronous=True)
            self._committed.update({each.partition: each.offset for each in due})
            return
        try:
            self._consumer.commit(offsets=due, asynchronous=False)
        except KafkaException as error:
            self._on_commit(error.args[0], due)

    def is_member(self) -> bool | None:
        """Whether the group takes a commit of ours, which it does from its members only; None: it did not
        answer.
        """
        due = self._positions(self.open.values())
        if self._alone or not due:
            return True
        try:
            self._consumer.commit(offsets=due, asynchronous=False)
        except KafkaException as error:
            code = error.args[0].code()
            return False if code in _NOT_A_MEMBER else True if code in _A_MEMBER else None
        return True

    def _positions(self, ledgers: Iterable[Ledger]) -> list[TopicPartition]:
        return [
            TopicPartition(self._topics.commands, ledger.partition, ledger.position)
            for ledger in ledgers
            if ledger.position is not None
        ]

    def abandon(self) -> None:
        """The group gave our partitions to others: forget them."""
        self._lost(self._consumer, [TopicPartition(self._topics.commands, each) for each in self.open])

    def close(self) -> None:
        """Hands all back, commits, leaves the group."""
        if self.open or self._restoring:
            held = sorted({*self.open, *self._restoring})
            self._go([TopicPartition(self._topics.commands, each) for each in held])
        self.leave()

    def leave(self) -> None:
        """Leaves the group as things are, nothing handed back: what is unfinished is the next owner's.
        Idempotent.
        """
        if self._has_left:
            return
        self._has_left = True
        self._forget([TopicPartition(self._topics.commands, each) for each in self.all])
        self._consumer.close()
        self._restorers.shutdown(wait=True, cancel_futures=True)

    def _guarded(self, callback: _Callback) -> _Callback:
        """The callback, whose Kafka errors become what the next `read` raises: the client would pass them on
        as bare values, which no handler catches.
        """

        def guarded(consumer: Consumer, partitions: list[TopicPartition]) -> None:
            try:
                callback(consumer, partitions)
            except KafkaException as error:
                self._failure = NotReachableError(
                    f"{self._topics.commands}: Kafka at {self._bootstrap} did not do its part when "
                    f"partitions {[each.partition for each in partitions]} moved: {error.args[0].str()}"
                )

        return guarded

    def _assign(self, consumer: Consumer, came: list[TopicPartition]) -> None:
        committed = patiently(lambda: consumer.committed(came, timeout=_REQUEST_S))
        start = [self._start(consumer, each) for each in committed]
        if self._alone:
            consumer.assign(start)
        else:
            consumer.incremental_assign(start)
        consumer.pause(start)
        for each in start:
            self._restoring[each.partition] = self._restorers.submit(
                self._restore, each.partition, each.offset
            )
        _log.info("partitions came", partitions=[each.partition for each in came])

    def _start(self, consumer: Consumer, committed: TopicPartition) -> TopicPartition:
        """Where to go on: at the committed offset; where the log begins, if none was or that is gone."""
        low, _ = patiently(lambda: consumer.get_watermark_offsets(committed, timeout=_REQUEST_S))
        if low > committed.offset >= 0:
            _log.error(
                "commands were deleted before they ended",
                partition=committed.partition,
                start=committed.offset,
                end=low,
            )
        return TopicPartition(committed.topic, committed.partition, max(low, committed.offset))

    def _restore(self, partition: int, start: int) -> Ledger:
        if self._is_history():
            return Ledger(partition, {}, set(), start=start)
        return restore(self._bootstrap, self._topics, partition, start, self._registry)

    def _open_restored(self) -> None:
        for partition in [each for each, future in self._restoring.items() if future.done()]:
            self.open[partition] = self._restoring.pop(partition).result()
            self._consumer.resume([TopicPartition(self._topics.commands, partition)])
            _log.info("partition opened", partition=partition)

    def _revoke(self, consumer: Consumer, going: list[TopicPartition]) -> None:
        self._go(going)
        consumer.incremental_unassign(going)
        _log.info("partitions went", partitions=[each.partition for each in going])

    def _go(self, going: list[TopicPartition]) -> None:
        if self._has_left:
            return
        ledgers = [self.open[each.partition] for each in going if each.partition in self.open]
        self._hand_back(ledgers, False)
        self.commit(ledgers, wait=True)
        self._forget(going)

    def _lost(self, consumer: Consumer, going: list[TopicPartition]) -> None:
        self._hand_back([self.open[each.partition] for each in going if each.partition in self.open], True)
        self._forget(going)
        if consumer.assignment():
            consumer.incremental_unassign([each for each in going if each in consumer.assignment()])
        _log.warning("partitions were lost", partitions=[each.partition for each in going])

    def _forget(self, going: list[TopicPartition]) -> None:
        for each in going:
            ledger = self.open.pop(each.partition, None)
            if ledger is not None:
                ledger.closed = True
            self._restoring.pop(each.partition, None)
            self._paused.discard(each.partition)
            self._committed.pop(each.partition, None)
            self.at_end.discard(each.partition)

    def _on_commit(self, error: KafkaError | None, offsets: list[TopicPartition]) -> None:
        if error is None:
            return
        for each in offsets:
            self._committed.pop(each.partition, None)
        if self._alone and error.code() in _NOT_A_MEMBER:
            self._failure = AnotherDispatcherError(
                f"{self._topics.commands}: another dispatcher started on this prefix while --until-end had "
                "all partitions; what both have carried out since may have been sent twice"
            )
        else:
            _log.warning("offsets were not committed", error=error.str())


def _known(partition: int | None) -> int:
    """Typed as absent, which it is in records that were never sent only."""
    if partition is None:
        raise AssertionError("a consumed record has a partition")
    return partition
