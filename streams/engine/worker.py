"""Runs a worker: from the settings to the last commit."""

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final

import structlog
from confluent_kafka import Consumer

from schemas.registry import Registry, registry_at
from schemas.wire import Codec
from streams.engine.app import Engine, build
from streams.engine.assignments import Assignments
from streams.engine.core import PureCore
from streams.engine.deciding import Core
from streams.engine.ends import end_offsets, positions
from streams.engine.errors import TopicsMissingError
from streams.engine.faults import Faults, NoFaults
from streams.engine.fold import Shared
from streams.log.errors import TopicMissingError
from streams.log.facts_codec import FactCodec
from streams.log.flow_log import FlowLog
from streams.log.http import Health, serve
from streams.log.readers import partitions_of
from streams.log.sealing import keyring
from streams.log.settings import Settings
from streams.log.topics import Topics

__all__ = ["open_shared", "run", "run_until_end", "run_worker"]

_LOOK_S: Final = 0.1
_ELSEWHERE_EVERY_S: Final = 2.0


@contextlib.contextmanager
def open_shared(
    settings: Settings,
    *,
    core: Core | None = None,
    faults: Faults | None = None,
    wall_clock: Callable[[], float] = time.time,
) -> Any:
    """What the partitions have in common, read from the settings; the flow log follows its topic until the end.

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
            core=core or PureCore(),
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
    consumer = Consumer({"bootstrap.servers": settings.kafka, "group.id": "attesa-reader", "log_level": 3})
    together = (topics.inbound, topics.facts, topics.commands, topics.state, topics.keys, topics.dead_letters)
    try:
        counts = {topic: len(partitions_of(consumer, topic, settings.kafka)) for topic in together}
    except TopicMissingError as error:
        raise TopicsMissingError(
            f"topic {error.topic} is not there: `attesa topics apply --prefix {topics.prefix}` makes the prefix's topics"
        ) from None
    finally:
        consumer.close()
    wanted = counts[topics.inbound]
    for topic, count in counts.items():
        if count != wanted:
            raise TopicsMissingError(
                f"{topic} has {count} partitions and {topics.inbound} {wanted}: they must have the same number, since "
                f"what is about a contact stands on one partition of each. Begin a new prefix."
            )
    return wanted


def run_worker(settings: Settings) -> None:
    """Runs until SIGTERM or SIGINT: the batch in hand is finished, the group left. Raises what ended it otherwise."""
    with open_shared(settings) as shared:
        asyncio.run(_run_with_signals(shared))


def run_until_end(settings: Settings) -> None:
    """Runs until every partition's position covers the end that its inbound log had at the start."""
    with open_shared(settings) as shared:
        ends = end_offsets(settings.kafka, shared.topics.inbound)
        asyncio.run(_run_with_signals(shared, ends))


async def _run_with_signals(shared: Shared, ends: Mapping[int, int] | None = None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await run(shared, stop, ends)


async def run(shared: Shared, stop: asyncio.Event, ends: Mapping[int, int] | None = None) -> None:
    """Runs a worker until `stop` is set, or until the positions cover `ends`. Raises what ended it otherwise."""
    engine = build(shared)
    log = structlog.get_logger().bind(topic=shared.topics.inbound)
    async with _http(shared.settings, engine.assignments):
        await engine.app.start()
        log.info("the worker runs", partitions=shared.partitions, group=engine.app.conf.id)
        try:
            await _until_over(engine, shared, stop, ends)
        finally:
            log.info("the worker ends")
            await engine.app.stop()
    if engine.assignments.crashed is not None:
        raise engine.assignments.crashed
    if engine.app.crashed:
        raise RuntimeError("the Faust app crashed; the log has the error")


async def _until_over(
    engine: Engine, shared: Shared, stop: asyncio.Event, ends: Mapping[int, int] | None
) -> None:
    next_look_elsewhere = 0.0
    while not stop.is_set() and engine.assignments.crashed is None and not engine.app.should_stop:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _LOOK_S)
        if ends is None:
            continue
        left = {
            partition for partition, end in ends.items() if end > _next_here(engine.assignments, partition)
        }
        if (
            left
            and time.monotonic() > next_look_elsewhere
            and left - {o.partition for o in engine.assignments.assigned}
        ):
            # Another worker has them: what it committed stands in the changelog.
            reached = await asyncio.to_thread(positions, shared, left)
            left = {partition for partition in left if ends[partition] > reached.get(partition, 0)}
            next_look_elsewhere = time.monotonic() + _ELSEWHERE_EVERY_S
        if not left:
            return


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


def health(assignments: Assignments) -> Health:
    """Ready when each partition that the group gave this worker is open."""
    rows = [
        {
            "partition": owner.partition,
            "state": owner.state,
            "next": owner.next,
            "clock": owner.clock,
            "error": owner.error,
        }
        for owner in assignments.assigned
    ]
    return Health(
        alive=assignments.crashed is None,
        ready=bool(rows) and all(row["state"] == "open" for row in rows),
        detail={"partitions": rows},
    )
