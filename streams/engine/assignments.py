"""The partitions of this worker: what is done when the group gives and takes them."""

import asyncio
from typing import Any, Final

import structlog
from faust.types import TP

from streams.engine.fold import Shared
from streams.engine.owner import Owner
from streams.engine.recovery import throw_away_old_stores
from streams.engine.transport import Batch
from streams.log import metrics

__all__ = ["Assignments"]

_LOOK_S: Final = 1.0
_PROGRESS_EVERY: Final = 5
_OLD_STORES_EVERY: Final = 3_600


class Assignments:
    """Owners by partition, driven by the signals of a Faust app. Implements the transport's `Sources`.

    The group only says who should try: that no two workers decide the same partition rests on the
    transactional ids and the changelog alone.
    """

    def __init__(self, app: Any, shared: Shared) -> None:
        self.owners: dict[int, Owner] = {}
        self.crashed: BaseException | None = None
        """Why the worker ends; None while it need not."""
        self._app = app
        self._shared = shared
        self._turn = 0
        self._ending = False
        self._log = structlog.get_logger().bind(topic=shared.topics.inbound)
        self._tasks: set[asyncio.Task[None]] = set()
        app.on_partitions_assigned.connect(self._assigned, weak=False)
        app.on_partitions_revoked.connect(self._revoked, weak=False)
        app.on_before_shutdown.connect(self._end, weak=False)

    def source(self, topic: str, partition: int) -> Owner | None:
        """The owner of an open partition; None if it is not ours or not open."""
        owner = self.owners.get(partition)
        return owner if topic == self._shared.topics.inbound and owner is not None and owner.is_open else None

    def take(self, batch: Batch) -> None:
        """A batch reached the agent."""
        owner = self.owners.get(batch.partition)
        if owner is None:
            batch.finish()
        else:
            owner.take(batch)

    @property
    def assigned(self) -> list[Owner]:
        """The owners of the partitions that are this worker's now."""
        return [owner for _, owner in sorted(self.owners.items()) if owner.state != "closed"]

    async def _assigned(self, _app: Any, assigned: Any, **_: Any) -> None:
        """Returns at once: aiokafka sends no heartbeats while this runs."""
        if self._ending:
            return
        self._turn += 1
        mine = {tp.partition for tp in assigned if tp.topic == self._shared.topics.inbound}
        self._log.info("partitions assigned", partitions=sorted(mine), turn=self._turn)
        for partition, owner in self.owners.items():
            if partition not in mine and owner.state != "closed":
                self._spawn(owner.close())
        for partition in sorted(mine):
            self._owner(partition).assign(self._turn)

    async def _revoked(self, _app: Any, revoked: Any, **_: Any) -> None:
        """Returns when nothing is under way: what was decided is committed while it is still ours."""
        self._turn += 1
        await asyncio.gather(*(owner.park() for owner in self.owners.values()))
        self._log.info(
            "partitions revoked", partitions=sorted(tp.partition for tp in revoked), turn=self._turn
        )

    async def _end(self, _app: Any, **_: Any) -> None:
        """The worker ends: what is under way is committed, stores are closed."""
        self._ending = True
        self._turn += 1
        await asyncio.gather(*(owner.end() for owner in self.owners.values()))
        for task in self._tasks:
            task.cancel()

    async def watch(self) -> None:
        """Keeps the gauges; tells lag tools how far the partitions are; takes away old stores. Until
        cancelled.
        """
        seconds = 0
        while True:
            owners = self.assigned
            metrics.partitions_open.set(sum(owner.is_open for owner in owners))
            metrics.partitions_stopped.set(sum(owner.stands_still is not None for owner in owners))
            self._measure_lag(owners)
            if seconds % _PROGRESS_EVERY == 0:
                await self._note_progress(owners)
            if seconds % _OLD_STORES_EVERY == 0:
                await asyncio.to_thread(
                    throw_away_old_stores, self._shared, {owner.partition for owner in owners}
                )
            seconds += 1
            await asyncio.sleep(_LOOK_S)

    def _measure_lag(self, owners: list[Owner]) -> None:
        for owner in owners:
            end = self._app.consumer.end_of(TP(self._shared.topics.inbound, owner.partition))
            if end is not None and owner.next is not None:
                metrics.inbound_lag.labels(owner.partition).set(max(0, end - owner.next))

    async def _note_progress(self, owners: list[Owner]) -> None:
        offsets = {
            TP(self._shared.topics.inbound, owner.partition): owner.next
            for owner in owners
            if owner.is_open and owner.next is not None
        }
        if offsets:
            await self._app.consumer.note_progress(offsets)

    def _owner(self, partition: int) -> Owner:
        owner = self.owners.get(partition)
        if owner is None:
            owner = self.owners[partition] = Owner(
                self._shared,
                partition,
                current_turn=lambda: self._turn,
                generation=lambda: self._app.consumer_generation_id,
                crash=self.crash,
            )
        return owner

    async def crash(self, error: BaseException) -> None:
        """Ends the worker with this error."""
        self.crashed = self.crashed or error
        await self._app.crash(error)

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
