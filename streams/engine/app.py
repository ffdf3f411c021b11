"""The worker's Faust app: one agent on the inbound topic, which takes batches."""

from typing import Any

import faust
from faust.tables.manager import TableManager

from streams.engine.assignments import Assignments
from streams.engine.fold import Shared
from streams.engine.transport import SCHEME, BatchSchema, register

__all__ = ["Engine", "build"]


class NoTables(TableManager):
    """Faust gives tables a second to be declared. There are none: our store stands in their place."""

    async def on_start(self) -> None:
        """Starts at once."""
        await self._update_channels()
        await self.recovery.start()


class Engine:
    """A worker before and while it runs: its Faust app and its partitions."""

    def __init__(self, app: Any, assignments: Assignments) -> None:
        self.app = app
        self.assignments = assignments


def build(shared: Shared) -> Engine:
    """The app, not yet started."""
    register()
    settings = shared.settings
    # Faust makes folders at its start, and writes nothing there: its tables are not used.
    datadir = settings.data_dir / "faust"
    datadir.mkdir(parents=True, exist_ok=True)
    app = faust.App(
        f"{shared.topics.prefix}-worker",
        broker=[f"{SCHEME}://{server.strip()}" for server in settings.kafka.split(",")],
        store="memory://",
        TableManager=NoTables,
        datadir=str(datadir),
        key_serializer="raw",
        value_serializer="raw",
        topic_partitions=shared.partitions,
        topic_replication_factor=settings.replication,
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
        stream_wait_empty=False,
        stream_buffer_maxsize=2 * shared.partitions,
        broker_max_poll_records=settings.max_batch,
        broker_session_timeout=settings.session_timeout_s,
        broker_heartbeat_interval=settings.session_timeout_s / 10,
        broker_rebalance_timeout=max(20.0, 2 * settings.session_timeout_s),
        broker_request_timeout=max(40.0, 2 * settings.session_timeout_s),
        consumer_max_fetch_size=4 << 20,
        # Each fetch names its offset. One that the log does not hold is an error, never a jump.
        consumer_auto_offset_reset="none",
        consumer_group_instance_id=settings.worker_name,
    )
    assignments = Assignments(app, shared)
    app.sources = assignments  # type: ignore[attr-defined] # where our transport looks for it
    # acks=False: Faust never commits this topic.
    inbound = app.topic(shared.topics.inbound, schema=BatchSchema(), partitions=shared.partitions, acks=False)

    @app.agent(inbound, concurrency=1, name="engine")
    async def engine(stream: Any) -> None:
        async for batch in stream:
            try:
                assignments.take(batch)
            except Exception as error:  # noqa: BLE001 - an agent that raises is restarted and loses what it had
                await assignments.crash(error)

    @app.task  # type: ignore[untyped-decorator]
    async def watch() -> None:
        await assignments.watch()

    return Engine(app, assignments)
