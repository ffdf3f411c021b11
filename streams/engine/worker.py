"""Runs a worker: from the settings to the last commit."""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Final, NamedTuple

import structlog
from confluent_kafka import Consumer

from schemas.registry import Registry, registry_at
from schemas.wire import Codec
from streams.engine.app import Engine, build
from streams.engine.assignments import Assignments
from streams.engine.core import PureCore
from streams.engine.deciding import Core
from streams.engine.ends import positions
from streams.engine.errors import EndNotReachedError, TopicsMissingError, WorkerFailedError
from streams.engine.faults import Faults, NoFaults
from streams.engine.fold import Shared
from streams.log.bounds import end_offsets
from streams.log.clients import client_options
from streams.log.errors import TopicMissingError
from streams.log.facts_codec import FactCodec
from streams.log.flow_log import FlowLog
from streams.log.http import Health, serve
from streams.log.readers import partitions_of
from streams.log.sealing import keyring
from streams.log.settings import Settings
from streams.log.topics import Topics

__all__ = ["Standing", "health", "open_shared", "run", "run_until_end", "run_worker", "standings"]

_LOOK_S: Final = 0.1
_ELSEWHERE_EVERY_S: Final = 2.0
_STANDS_STILL_S: Final = 15.0
"""Until the end is waited for no longer when nothing but partitions that stand still is left."""


class Standing(NamedTuple):
    """Where a partition of this worker stands."""

    partition: int
    state: str
    next: int | None
    """The next inbound offset; None before it was opened."""
    clock: int | None
    """Its clock, ms since the epoch."""
    error: str | None
    """Why it stands still; None while it does not."""


@contextlib.contextmanager
def open_shared(
    settings: Settings,
    *,
    core: Core | None = None,
    faults: Faults | None = None,
    wall_clock: Callable[[], float] = time.time,
) -> Iterator[Shared]:
    """What the partitions have in common, read from the settings; the flow log follows its topic until the
    end.

    Raises `TopicsMissingError`, `NotReachableError`, `MasterKeyError`.
    """
    topics = Topics(settings.prefix)
    registry: Registry = registry_at(settings.registry_url, prefix=settings.prefix)
    keys = keyring(settings)
    partitions = _partitions(settings, topics)
    with FlowLog(settings.kafka, topics.flows, registry=registry).follow() as flows:
        yield Shared(
            settings=settings,
            topics=topics,
            partitions=partitions,
            core=PureCore() if core is None else core,
            flows=flows,
            keyring=keys,
            inputs=Codec(("inputs", "outcomes"), registry=registry),
            facts=FactCodec(registry=registry),
            records=Codec(("commands", "records"), registry=registry),
            faults=faults or NoFaults(),
            wall_clock=wall_clock,
        )


def _partitions(settings: Settings, topics: Topics) -> int:
    """How many partitions the contacts' topics have; all must have as many as inbound."""
    consumer = Consumer({**client_options(settings.kafka), "group.id": "attesa-reader"})
    together = (topics.inbound, topics.facts, topics.commands, topics.state, topics.keys, topics.dead_letters)
    try:
        counts = {topic: len(partitions_of(consumer, topic, settings.kafka)) for topic in together}
    except TopicMissingError as error:
        raise TopicsMissingError(
            f"topic {error.topic} is not there: `attesa topics apply --prefix {topics.prefix}` makes the "
            "prefix's topics"
        ) from None
    finally:
        consumer.close()
    wanted = counts[topics.inbound]
    for topic, count in counts.items():
        if count != wanted:
            raise TopicsMissingError(
                f"{topic} has {count} partitions and {topics.inbound} {wanted}: they must have the same "
                "number, since what is about a contact stands on one partition of each. Begin a new prefix."
            )
    return wanted


def run_worker(settings: Settings, stop: threading.Event) -> list[Standing]:
    """Runs until `stop` is set: then the batch in hand is finished and the group left. How far it got.

    Raises what ended it otherwise, and what `open_shared` raises.
    """
    with open_shared(settings) as shared:
        return asyncio.run(run(shared, stop))


def run_until_end(settings: Settings, stop: threading.Event | None = None) -> list[Standing]:
    """Runs until every partition's position covers the end that its inbound log had at the start.

    Several may share the partitions: each ends when all have been decided. Raises as `run_worker`, and
    `EndNotReachedError` when all that is left are partitions that have stood still for 15 s.
    """
    with open_shared(settings) as shared:
        ends = end_offsets(settings.kafka, shared.topics.inbound)
        return asyncio.run(run(shared, stop or threading.Event(), ends))


async def run(shared: Shared, stop: threading.Event, ends: Mapping[int, int] | None = None) -> list[Standing]:
    """Runs a worker in this loop until `stop` is set, or until the positions cover `ends`."""
    engine = build(shared)
    log = structlog.get_logger().bind(topic=shared.topics.inbound)
    async with _http(shared.settings, engine.assignments):
        await engine.app.start()
        log.info("the worker runs", partitions=shared.partitions, group=engine.app.conf.id)
        try:
            await _until_over(engine, shared, stop, ends)
            reached = standings(engine.assignments)
        finally:
            log.info("the worker ends")
            await engine.app.stop()
    if engine.assignments.crashed is not None:
        raise engine.assignments.crashed
    if engine.app.crashed:
        raise WorkerFailedError(
            f"the worker's Kafka client failed: {engine.app.crash_reason!r}; start it again"
        )
    return reached


async def _until_over(
    engine: Engine, shared: Shared, stop: threading.Event, ends: Mapping[int, int] | None
) -> None:
    assignments = engine.assignments
    next_look_elsewhere = 0.0
    moved_at = time.monotonic()
    while not stop.is_set() and assignments.crashed is None and not engine.app.should_stop:
        await asyncio.sleep(_LOOK_S)
        if ends is None:
            continue
        left = {partition for partition, end in ends.items() if end > _next_here(assignments, partition)}
        elsewhere = left - {owner.partition for owner in assignments.assigned}
        if elsewhere and time.monotonic() > next_look_elsewhere:
            # Another worker has them: what it committed stands in the changelog.
            reached = await asyncio.to_thread(positions, shared, elsewhere)
            left -= {p for p in elsewhere if p in reached and ends[p] <= reached[p].next}
            next_look_elsewhere = time.monotonic() + _ELSEWHERE_EVERY_S
        if not left:
            return
        reasons = [owner.stands_still for owner in assignments.assigned if owner.partition in left]
        if elsewhere or None in reasons:
            moved_at = time.monotonic()
        elif time.monotonic() - moved_at > _STANDS_STILL_S:
            raise EndNotReachedError("; ".join(reason or "" for reason in reasons))


def _next_here(assignments: Assignments, partition: int) -> int:
    owner = assignments.owners.get(partition)
    return (owner.next or 0) if owner is not None else 0


@contextlib.asynccontextmanager
async def _http(settings: Settings, assignments: Assignments) -> AsyncIterator[None]:
    """/healthz, /readyz and /metrics while the worker runs, if a port is set."""
    if settings.http_port == 0:
        yield
        return
    server = serve(settings.http_host, settings.http_port, lambda: health(assignments))
    try:
        yield
    finally:
        server.close()


def standings(assignments: Assignments) -> list[Standing]:
    """The partitions that the group gave this worker."""
    return [
        Standing(
            owner.partition,
            "stopped" if owner.stands_still is not None else owner.state,
            owner.next,
            owner.clock,
            owner.stands_still or owner.error,
        )
        for owner in assignments.assigned
    ]


def health(assignments: Assignments) -> Health:
    """Ready when each partition that the group gave this worker is open."""
    rows = standings(assignments)
    return Health(
        alive=assignments.crashed is None,
        ready=bool(rows) and all(row.state == "open" for row in rows),
        detail={"partitions": [row._asdict() for row in rows]},
    )
