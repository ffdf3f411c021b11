"""One partition of this worker: its states, its thread, what is done when something goes wrong.

    idle ──▶ recovering ──▶ open ⇄ parked (a rebalance)
                 ▲            │
                 └── failed / stopped (tries again after a pause) ──▶ closed (given away; or the worker ends)

The loop's thread alone changes the state; the partition's own thread alone touches producer, store and fold.
An owner and its thread live as long as the process: so what closes always comes before what opens next.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Literal, TypeVar

import structlog
from aiokafka.errors import OffsetOutOfRangeError
from confluent_kafka import KafkaException

from schemas.errors import NotReachableError
from streams.engine.errors import (
    FencedError,
    PartitionStoppedError,
    PositionOutsideLogError,
    UndecidableError,
)
from streams.engine.fold import PartitionFold, Shared
from streams.engine.recovery import Recovered, Stopped, recover, store_path
from streams.engine.store import Store
from streams.engine.transaction import TransactionalProducer
from streams.engine.transport import Batch
from streams.log import metrics
from streams.log.errors import LogGapError, PartitionFailedError

__all__ = ["BatchLost", "Owner", "State"]

State = Literal["idle", "recovering", "open", "parked", "failed", "stopped", "closed"]

_MOST_FAILURES: Final = 20
"""Without one commit between them; then the worker ends, and whoever runs it starts another."""
_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 5.0
_T = TypeVar("_T")


class Owner:
    """Opens, feeds, parks and closes one partition. Its methods are called in the loop's thread.

    `turn` counts assignments and revocations of the worker: what was begun in an older turn is void.
    `crash`: ends the worker with this error.
    """

    def __init__(
        self,
        shared: Shared,
        partition: int,
        *,
        current_turn: Callable[[], int],
        generation: Callable[[], int],
        crash: Callable[[BaseException], Awaitable[None]],
    ) -> None:
        self.partition = partition
        self.state: State = "idle"
        self.error: str | None = None
        """Why it is failed or stopped, for people."""
        self.stands_still: str | None = None
        """Why it stands still, from then until a batch was committed again: over all tries in between."""
        self.epoch = 0
        self.fetch_at = 0
        self.generation = -1
        self._shared = shared
        self._current_turn = current_turn
        self._generation = generation
        self._crash = crash
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"partition-{partition}")
        self._stop = False
        self._working: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._failures = 0
        self._undecidable: set[int] = set()
        self._store: Store | None = None
        self._producer: TransactionalProducer | None = None
        self._fold: PartitionFold | None = None
        self._log = structlog.get_logger().bind(topic=shared.topics.inbound, partition=partition)

    @property
    def is_open(self) -> bool:
        """Whether records may flow."""
        return self.state == "open"

    @property
    def is_busy(self) -> bool:
        """Whether a batch is being decided or committed."""
        return self._working is not None

    @property
    def next(self) -> int | None:
        """The next offset of the inbound topic behind what is committed; None before the first recovery."""
        return None if self._fold is None else self._fold.position.next

    @property
    def clock(self) -> int | None:
        """The partition's clock, ms; None before the first recovery."""
        return None if self._fold is None else self._fold.position.clock

    # ---- assignment

    def assign(self, turn: int) -> None:
        """It is ours. At once if it was ours all the time and no generation was missed, else by recovery."""
        self._stop = False
        missed_none = self._generation() == self.generation + 1
        if self.state == "parked" and self._fold is not None and missed_none:
            self._open(self._fold)
            self._log.info("the partition stayed", next=self.next)
            return
        self.state = "idle"
        self._spawn(self._recover(turn))

    async def _recover(self, turn: int) -> None:
        self.state, self.error = "recovering", None
        try:
            recovered = await self._in_thread(self._recover_in_thread)
        except Stopped:
            if turn == self._current_turn():
                self.state = "idle"
        except Exception as error:  # noqa: BLE001 - whatever it was, `_failed` sorts it
            await self._failed(error, turn)
        else:
            if not self._stop and turn == self._current_turn():
                self._open(recovered.fold)
                self._log.info(
                    "the partition is open",
                    next=self.next,
                    records=recovered.records,
                    seconds=round(recovered.seconds, 3),
                )

    def _recover_in_thread(self) -> Recovered:
        if self._stop:
            raise Stopped
        self._drop()
        if self._store is None:
            self._store = Store(store_path(self._shared, self.partition))
        name = f"{self._shared.topics.prefix}-worker-{self.partition}"
        self._producer = TransactionalProducer(self._shared.settings.kafka, name)
        recovered = recover(
            self._shared,
            self.partition,
            store=self._store,
            producer=self._producer,
            undecidable=self._undecidable,
            should_stop=lambda: self._stop,
        )
        self._fold = recovered.fold
        return recovered

    def _open(self, fold: PartitionFold) -> None:
        self.epoch += 1
        self.fetch_at = fold.position.next
        self.generation = self._generation()
        self.state, self.error = "open", None

    # ---- revocation

    async def park(self) -> None:
        """The group is being reassigned: what is under way is committed, nothing new begins."""
        self._stop = True
        if self._working is not None:
            await asyncio.wait([self._working])
        if self.state == "open":
            self.state = "parked"

    async def close(self) -> None:
        """It is another worker's now, or this one ends."""
        self._stop = True
        if self._working is not None:
            await asyncio.wait([self._working])
        self.state, self.error, self.stands_still = "closed", None, None
        await self._in_thread(self._close_in_thread)

    async def end(self) -> None:
        """Closes, and ends the thread: the worker ends."""
        await self.close()
        for task in self._tasks:
            task.cancel()
        self._thread.shutdown(wait=False)

    def _close_in_thread(self) -> None:
        self._drop()
        self._fold = None
        if self._store is not None:
            self._store.close()
            self._store = None

    def _drop(self) -> None:
        """Ends the producer, which aborts what is open."""
        if self._producer is not None:
            self._producer.close()
            self._producer = None

    # ---- batches

    def take(self, batch: Batch) -> None:
        """Begins to decide a batch, if it joins on to what was decided last. Returns at once."""
        try:
            self._shared.faults.at("at_delivery", self.partition)
        except BatchLost:
            return
        if self._working is not None or self.state != "open" or self._stop or self._fold is None:
            batch.finish()
            return
        at = self._fold.position.next
        if batch.last < at or batch.epoch != self.epoch:
            batch.finish()
            return
        if batch.start > at:
            # A batch before this one was lost on the way.
            self.epoch += 1
            self.fetch_at = at
            self._log.info("a batch was lost on the way: fetched again", next=at, start=batch.start)
            batch.finish()
            return
        self._working = asyncio.get_running_loop().create_task(self._work(self._fold, batch))

    async def _work(self, fold: PartitionFold, batch: Batch) -> None:
        turn = self._current_turn()
        try:
            await self._in_thread(self._take_in_thread, fold, batch)
        except Exception as error:  # noqa: BLE001 - whatever it was, `_failed` sorts it
            self.state = "failed"
            self._spawn(self._failed(error, turn))
        else:
            self._failures = 0
            self.stands_still = None
        finally:
            self._working = None
            batch.finish()

    def _take_in_thread(self, fold: PartitionFold, batch: Batch) -> None:
        fold.take(batch.records, lambda: self._stop)
        next_offset = fold.position.next
        self._undecidable = {offset for offset in self._undecidable if offset >= next_offset}

    # ---- trouble

    def fetch_failed(self, offset: int, error: Exception) -> None:
        """The broker gave an error for this offset."""
        if self.state != "open" or self._working is not None:
            return
        self.state = "failed"
        if isinstance(error, OffsetOutOfRangeError):
            error = PositionOutsideLogError(
                topic=self._shared.topics.inbound, partition=self.partition, position=offset
            )
        self._spawn(self._failed(error, self._current_turn()))

    async def _failed(self, error: Exception, turn: int) -> None:
        """Drops what is under way, waits as long as this kind of trouble wants, and recovers."""
        if isinstance(error, UndecidableError):
            self._undecidable.add(error.offset)
        if turn != self._current_turn():
            # What was assigned since then begins with a recovery of its own.
            self._log.info("an error of an assignment that is over", error=str(error))
            return
        pause = self._sort(error)
        metrics.commits_failed.labels(type(error).__name__).inc()
        await self._in_thread(self._drop)
        if pause is None:
            await self._crash(error)
            return
        await asyncio.sleep(pause)
        # Revoked or closed meanwhile: the turn went on.
        if turn == self._current_turn():
            await self._recover(turn)

    def _sort(self, error: Exception) -> float | None:
        """The state after this error, and the pause before the next try, s; None if the worker is to end."""
        self.error = str(error)
        self.state = "failed"
        match error:
            case PartitionStoppedError():
                self.state = "stopped"
                self.stands_still = self.error
                self._log.error(
                    "the partition stands still", error=self.error, retry_s=round(error.retry_s, 1)
                )
                return error.retry_s
            case FencedError():
                # The group will tell who has it; if it does not, it is ours. Never fence him back at once.
                pause = 1.5 * self._shared.settings.session_timeout_s
                self._log.warning("another worker took the partition", error=self.error, pause_s=pause)
                return pause
            case UndecidableError():
                self._log.error("an input becomes a dead letter", error=self.error, exc_info=error)
                return 0.0
            case KafkaException() | NotReachableError() | PartitionFailedError() | LogGapError() | OSError():
                self._failures += 1
                pause = min(_PAUSE_S * 2**self._failures, _LONGEST_PAUSE_S)
                self._log.warning(
                    "the partition recovers", error=self.error, failures=self._failures, pause_s=pause
                )
                return pause if self._failures <= _MOST_FAILURES else None
            case _:
                self._log.error("the worker ends", error=self.error, exc_info=error)
                return None

    # ---- threads and tasks

    async def _in_thread(self, work: Callable[..., _T], *arguments: Any) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class BatchLost(Exception):  # noqa: N818 - a fault injector raises it, as one would lose a message
    """A fetched batch that never reaches the agent."""
