"""A Faust transport that delivers whole batches: one partition's fetch is one message to the agent.

URL scheme `attesa://`. It subclasses Faust's aiokafka driver and leans on private methods of both (hence
the exact pins): `Consumer._drain_messages` and `perform_seek` of Faust, `AIOKafkaConsumer._fetcher` and
`_subscription` of aiokafka. What differs from Faust's own:

- one pump a partition (fetch, deliver, wait until it is committed, fetch), so that a partition waits for
  nobody else's commit;
- every fetch names its offset, in the consumer's thread, and is void if the assignment changed meanwhile:
  there is no position to be wrong about. (To seek and then fetch lost records at a rebalance.)
- the group's committed offsets are written for lag tools and never read.
"""
# ruff: noqa: SLF001 - what is private there is what this file is about

import asyncio
import time
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Protocol, TypeVar, cast

import faust
from aiokafka import TopicPartition
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import ConsumerStoppedError, KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError
from aiokafka.structs import OffsetAndMetadata
from faust.transport.drivers import TRANSPORTS, aiokafka
from faust.types import TP
from faust.types.tuples import ConsumerMessage

__all__ = ["SCHEME", "Batch", "BatchSchema", "InboundRecord", "Transport", "register"]

SCHEME = "attesa"

_FETCH_WAIT_MS = (
    50  # aiokafka's driver in Faust has 1,500 written in: an idle partition would answer that late
)
_PREFETCH_BACKOFF_S = 0.02  # else one partition with records at hand stops the fetches of all for 100 ms
_FETCH_TIMEOUT_S = 0.5
_COMMIT_WAIT_S = 1.0
_LOOK_S = 0.05
_T = TypeVar("_T")


class InboundRecord(Protocol):
    """What a fetched record has (aiokafka's `ConsumerRecord`)."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class Batch:
    """The records of one partition that one fetch brought, in order.

    `start`: the offset that was asked for; all records of the log from there to the last one are in it.
    `epoch`: the opening of the partition that asked. `done`: set when it is committed, or was not taken.
    """

    __slots__ = ("done", "epoch", "partition", "records", "start")

    def __init__(self, partition: int, records: Sequence[InboundRecord], *, start: int, epoch: int) -> None:
        self.partition = partition
        self.records = records
        self.start = start
        self.epoch = epoch
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def last(self) -> int:
        """The last record's offset."""
        return self.records[-1].offset

    def finish(self) -> None:
        """Lets the pump go on; to be called once or more."""
        if not self.done.done():
            self.done.set_result(None)


class Source(Protocol):
    """Where a partition's pump learns what to fetch: its owner."""

    @property
    def is_open(self) -> bool:
        """Whether records may flow."""

    @property
    def is_busy(self) -> bool:
        """Whether a batch is being decided or committed."""

    epoch: int
    fetch_at: int

    def fetch_failed(self, offset: int, error: Exception) -> None:
        """The broker gave an error for this offset; the pump ends."""


class Sources(Protocol):
    """The owners, by partition."""

    def source(self, topic: str, partition: int) -> Source | None:
        """The owner of an open partition; None if it is not ours or not open."""


class BatchSchema(faust.Schema[Any, Any]):
    """Passes the message through: its value is already what the agent wants."""

    def compile(self, app: Any, **_options: Any) -> Any:
        """The function that makes an event of a message."""
        create_event = app.create_event

        async def decode(message: Any, *, propagate: bool = False) -> Any:  # noqa: ARG001 - Faust's shape
            return create_event(None, message.value, message.headers, message)

        return decode


class ConsumerThread(aiokafka.AIOKafkaConsumerThread):
    """aiokafka's consumer in its thread, asked for records by offset."""

    async def on_start(self) -> None:
        """Starts the consumer."""
        await super().on_start()
        self._ensure_consumer()._fetcher._prefetch_backoff = _PREFETCH_BACKOFF_S

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = _FETCH_WAIT_MS
        # A partition that stays where it is goes on at once: no recovery.
        consumer._partition_assignment_strategy = (StickyPartitionAssignor,)
        return consumer

    async def fetch_from(self, tp: TP, offset: int, most: int) -> Sequence[InboundRecord]:
        """Runs in the consumer's thread. Records of `tp`, the first at `offset` or later if there is a gap in
        the log.

        Nothing if there are none, or if the assignment is not what it was when asked. At most `most`. Raises
        `OffsetOutOfRangeError` where the log does not hold `offset`, and other `KafkaError`s of the broker.
        """
        consumer = self._ensure_consumer()
        fetcher = consumer._fetcher
        if not self.consumer.flow_active:
            return ()
        if consumer._closed or fetcher._closed:
            raise ConsumerStoppedError
        assignment = _assignment(consumer)
        if assignment is None or not assignment.active or tp not in assignment.tps:
            return ()
        state = assignment.state_value(tp)
        if not state.has_valid_position or state.position != offset:
            consumer.seek(tp, offset)
        try:
            with fetcher._subscriptions.fetch_context():
                fetched = await fetcher.fetched_records({tp}, timeout=_FETCH_TIMEOUT_S, max_records=most)
        except NoOffsetForPartitionError:
            return ()  # the group's offset was looked for before ours was set
        except OffsetOutOfRangeError as error:
            if error.args[0].get(tp) != offset:
                return ()
            raise
        # Reassigned while we waited: what came belongs to positions that are not ours.
        records: Sequence[InboundRecord] = fetched.get(tp, ()) if _assignment(consumer) is assignment else ()
        return records

    def end_of(self, tp: TP) -> int | None:
        """The partition's end as the last fetch told it. From any thread: it reads one number."""
        assignment = _assignment(self._ensure_consumer())
        if assignment is None or tp not in assignment.tps:
            return None
        end: int | None = assignment.state_value(tp).highwater
        return end

    async def note_progress(self, offsets: Mapping[TP, int]) -> None:
        """Runs in the consumer's thread. Writes the group's offsets, for lag tools only: a failure means
        nothing.
        """
        consumer = self._ensure_consumer()
        assignment = _assignment(consumer)
        if assignment is None or not assignment.active:
            return
        mine = {
            TopicPartition(*tp): OffsetAndMetadata(at, "")
            for tp, at in offsets.items()
            if tp in assignment.tps
        }
        if mine:
            try:
                await consumer.commit(mine)
            except KafkaError as error:
                self.log.debug("the group's offsets were not written: %r", error)


def _assignment(consumer: Any) -> Any:
    subscription = consumer._subscription.subscription
    return None if subscription is None else subscription.assignment


class Consumer(aiokafka.Consumer):
    """Pumps batches from the consumer's thread to the agent."""

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    @property
    def _own_thread(self) -> ConsumerThread:
        return cast("ConsumerThread", self._thread)

    async def perform_seek(self) -> None:
        """Faust would seek to the group's offsets here. Each fetch says from where instead."""

    async def note_progress(self, offsets: Mapping[TP, int]) -> None:
        """Writes the group's offsets for lag tools."""
        await self._in_thread(self._own_thread.note_progress(offsets))

    def end_of(self, tp: TP) -> int | None:
        """Where the partition ended at the last fetch; None if it was not fetched since it was assigned."""
        return self._own_thread.end_of(tp)

    async def _in_thread(self, work: Coroutine[Any, Any, _T]) -> _T:
        loop = self._own_thread.thread_loop
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, loop))

    async def _drain_messages(self, fetcher: Any) -> None:
        """Runs one pump a partition while it is open, until the consumer or the fetcher stops."""
        pumps: dict[TP, asyncio.Task[None]] = {}
        try:
            while not (self._stopped.is_set() or fetcher._stopped.is_set()):
                if not self.flow_active:
                    # Ends too when the consumer stops.
                    await self.wait(cast("Any", self.can_resume_flow))
                    continue
                self._start_pumps(pumps, fetcher)
                if pumps:
                    await asyncio.wait(pumps.values(), timeout=_LOOK_S, return_when=asyncio.FIRST_COMPLETED)
                else:
                    await asyncio.sleep(_LOOK_S)
                for tp in [tp for tp, pump in pumps.items() if pump.done()]:
                    pumps.pop(tp).result()
        except (ConsumerStoppedError, asyncio.CancelledError):
            if not self.app.should_stop:
                raise
        except Exception as error:
            await self.app.crash(error)
            raise
        finally:
            for pump in pumps.values():
                pump.cancel()

    def _start_pumps(self, pumps: dict[TP, asyncio.Task[None]], fetcher: Any) -> None:
        sources: Sources = cast("Any", self.app).sources
        for tp in list(self._get_active_partitions()):
            source = sources.source(tp.topic, tp.partition)
            if source is not None and tp not in pumps:
                pumps[tp] = asyncio.get_running_loop().create_task(self._pump(tp, source, fetcher))

    async def _pump(self, tp: TP, source: Source, fetcher: Any) -> None:
        most = self.app.conf.broker_max_poll_records
        while self._may_flow(tp, source) and not fetcher._stopped.is_set():
            epoch, start = source.epoch, source.fetch_at
            try:
                records = await self._in_thread(self._own_thread.fetch_from(tp, start, most))
            except KafkaError as error:
                source.fetch_failed(start, error)
                return
            if not records:
                await asyncio.sleep(0.002)
                continue
            if not self._may_flow(tp, source) or source.epoch != epoch or records[0].offset < start:
                continue
            batch = Batch(tp.partition, records, start=start, epoch=epoch)
            source.fetch_at = batch.last + 1
            await self.wait_first(self.callback(self._batch_message(tp, batch)), self.suspend_flow.wait())
            while self._may_flow(tp, source) and not batch.done.done():
                await asyncio.wait([batch.done], timeout=_COMMIT_WAIT_S)
                if not source.is_busy:
                    break
            if not batch.done.done() and source.epoch == epoch:
                # Dropped on the way to the agent, or late: if it comes after all, one of the two is refused.
                source.fetch_at = start

    def _may_flow(self, tp: TP, source: Source) -> bool:
        return self.flow_active and source.is_open and tp in self._get_active_partitions()

    def _batch_message(self, tp: TP, batch: Batch) -> ConsumerMessage:
        return ConsumerMessage(
            tp.topic,
            tp.partition,
            batch.last,
            batch.records[0].timestamp / 1000,
            1,
            None,
            None,
            cast("bytes", batch),  # what Faust passes on unread: see `BatchSchema`
            None,
            serialized_key_size=0,
            serialized_value_size=0,
            tp=tp,
            time_in=time.monotonic(),
            generation_id=self.app.consumer_generation_id,
        )


class Transport(aiokafka.Transport):
    """The driver behind `attesa://`."""

    Consumer = Consumer


def register() -> None:
    """Makes Faust know the scheme."""
    TRANSPORTS.aliases[SCHEME] = f"{__name__}:Transport"
