"""The flows topic, decoded and compiled once: what workers, dispatcher and command line fold alike."""

import threading
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Final, Self, cast

import structlog
from confluent_kafka import Message

from schemas.registry import Registry
from schemas.types.flow_commands import FlowCommand
from schemas.wire import Codec, UndecodableError
from streams.core.registry import FlowEntry
from streams.flows.change import Refused, change_of
from streams.log import metrics
from streams.log.errors import LogGapError
from streams.log.readers import TopicReader

__all__ = ["FlowLog", "FlowLogInMemory", "entry_of"]

WAIT_S: Final = 30.0
"""So long `between` waits for what a tick says is there."""


class FlowLog:
    """`<prefix>.flows` from its beginning. `between` is safe between threads; entries are frozen and shared.

    `read` reads what is there now, in the caller's thread. `follow` reads on in a thread of its own until
    `close`; what goes wrong there is raised by whoever waits next. A record that is no flow command is left
    out and logged: every reader leaves out the same ones.
    """

    def __init__(self, bootstrap: str, topic: str, *, registry: Registry | None = None) -> None:
        self.topic = topic
        self._bootstrap = bootstrap
        self._codec = Codec(("flow_commands",), registry=registry)
        self._entries: list[FlowEntry] = []
        self._offsets: list[int] = []
        self._end = 0
        self._error: Exception | None = None
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def end(self) -> int:
        """The offset that the topic was read to: the next one to come."""
        return self._end

    def read(self) -> int:
        """Reads on to the topic's end as it is now and returns that offset. Not while `follow` runs.

        Raises what `TopicReader` raises.
        """
        if self._thread is not None:
            raise RuntimeError("a flow log that follows its topic is read by its thread")
        with self._reader() as reader:
            for batch in reader.to_end():
                self._take(batch, reader)
        return self._end

    def follow(self) -> Self:
        """Reads to the end, then reads on in a thread until `close`. Raises what `read` raises."""
        self.read()
        self._thread = threading.Thread(target=self._run, name=f"follow {self.topic}", daemon=True)
        self._thread.start()
        return self

    def between(self, start: int, end: int) -> Sequence[FlowEntry]:
        """All flow commands with start ≤ offset < end, in order. Waits at most 30 s until `end` was read.

        Raises `LogGapError` where the topic does not reach that far, and what the following thread ran into.
        """
        self.wait_for(end)
        with self._changed:
            low, high = bisect_left(self._offsets, start), bisect_left(self._offsets, end)
            return self._entries[low:high]

    def wait_for(self, offset: int, timeout_s: float = WAIT_S) -> None:
        """Returns once everything below `offset` was read. Without `follow` that must be so already."""
        if self._end >= offset:
            return
        with self._changed:
            self._changed.wait_for(
                lambda: self._end >= offset or self._error is not None,
                timeout_s if self._thread is not None else 0,
            )
            if self._end >= offset:
                return
            if self._error is not None:
                raise self._error
        raise LogGapError(
            self.topic,
            0,
            self._end,
            f"it ends here, and offset {offset} was to be read; do the ticks belong to another topic?",
        )

    def check(self) -> None:
        """Raises what the following thread ran into: who only looks at `end` would never hear of it."""
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Ends the following thread."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _reader(self) -> TopicReader:
        return TopicReader(self._bootstrap, self.topic, [0], start={0: self._end})

    def _run(self) -> None:
        try:
            with self._reader() as reader:
                while not self._stop.is_set():
                    self._take(reader.read(), reader)
        except Exception as error:  # noqa: BLE001 - kept for whoever waits: a thread has nobody to raise to
            with self._changed:
                self._error = error
                self._changed.notify_all()
            structlog.get_logger().error("the flow log stopped", topic=self.topic, error=str(error))

    def _take(self, batch: Iterable[Message], reader: TopicReader) -> None:
        entries = []
        for message in batch:
            offset, value = cast("int", message.offset()), message.value()
            try:
                entries.append(entry_of(offset, self._codec.decode(value)))
            except UndecodableError as error:
                structlog.get_logger().error(
                    "left out: not a flow command", topic=self.topic, offset=offset, error=str(error)
                )
        if entries or reader.next[0] > self._end:
            with self._changed:
                self._entries += entries
                self._offsets += [entry.offset for entry in entries]
                self._end = reader.next[0]
                self._changed.notify_all()
            metrics.flows_read.set(self._end)


class FlowLogInMemory:
    """The same without a broker: offsets count from 0. For simulations and tests."""

    def __init__(self, records: Iterable[FlowCommand] = ()) -> None:
        self._entries: list[FlowEntry] = []
        for record in records:
            self.append(record)

    @property
    def end(self) -> int:
        """The next offset."""
        return len(self._entries)

    def append(self, record: FlowCommand) -> int:
        """Adds a flow command and returns its offset."""
        self._entries.append(entry_of(self.end, record))
        return self.end - 1

    def between(self, start: int, end: int) -> Sequence[FlowEntry]:
        """All flow commands with start ≤ offset < end. Raises `LogGapError` where there are not so many."""
        if end > self.end:
            raise LogGapError("flows in memory", 0, self.end, f"it ends here, and {end} was to be read")
        return self._entries[start:end]


def entry_of(offset: int, record: FlowCommand) -> FlowEntry:
    """A flow command with what it changes, compiled."""
    change = change_of(record)
    if isinstance(change, Refused):
        return FlowEntry(offset=offset, record=record, refused=change.reason)
    return FlowEntry(offset=offset, record=record, change=change)
