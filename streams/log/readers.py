"""Reads topics from an offset to their end, and on.

A reader assigns its partitions itself and commits nothing: it belongs to no group. Where a topic ends is
never asked of `ListOffsets`: a partition is read until the broker says that there is no more (partition EOF),
which with `committed` is the last stable offset, and which every broker gets right.
"""

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Self, cast

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas.errors import NotReachableError
from streams.log.clients import REACH_S, client_options
from streams.log.errors import LogGapError, PartitionFailedError, TopicMissingError

__all__ = ["TopicReader", "partitions_of", "read_to_end"]

BATCH: Final = 20_000
WAIT_S: Final = 0.05
"""`consume` waits out its time even at the end, so it is short."""
REQUEST_S: Final = REACH_S
SILENT_S: Final = 60.0
"""A broker that neither gives records nor an end for so long has failed."""

# The client's public names for its own errors begin with an underscore.
_PARTITION_EOF: Final = KafkaError._PARTITION_EOF  # noqa: SLF001
_ALL_BROKERS_DOWN: Final = KafkaError._ALL_BROKERS_DOWN  # noqa: SLF001
_AUTO_OFFSET_RESET: Final = KafkaError._AUTO_OFFSET_RESET  # noqa: SLF001
_GONE: Final = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001
    }
)


class TopicReader:
    """Reads some partitions of one topic from named offsets. A context manager; not to be shared by threads.

    `start` gives the first offset of a partition; one that is not in it is read from its beginning. Raises
    `TopicMissingError`, `NotReachableError`; while reading `LogGapError` for an offset that the log does not
    hold, `PartitionFailedError` for what else the broker says of a partition.
    """

    def __init__(
        self,
        bootstrap: str,
        topic: str,
        partitions: Sequence[int] | None = None,
        *,
        start: Mapping[int, int] | None = None,
        committed: bool = True,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.topic = topic
        self._consumer = Consumer(
            {
                **client_options(bootstrap),
                # Never used: the client wants one even where it joins no group.
                "group.id": "attesa-reader",
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "enable.partition.eof": True,
                "auto.offset.reset": "error",
                "isolation.level": "read_committed" if committed else "read_uncommitted",
                "fetch.wait.max.ms": 50,
                "fetch.message.max.bytes": 8 << 20,
                "queued.min.messages": 200_000,
                "queued.max.messages.kbytes": 65_536,
                **(options or {}),
            }
        )
        try:
            self.partitions = _among(partitions_of(self._consumer, topic, bootstrap), partitions, topic)
            self.next = {partition: (start or {}).get(partition, 0) for partition in self.partitions}
            """The offset after the last one read, by partition. It steps over aborted records and markers."""
            self.ended: set[int] = set()
            """Partitions whose end was seen once; what was written since may stand behind it."""
            self._consumer.assign(
                [
                    TopicPartition(topic, partition, (start or {}).get(partition, OFFSET_BEGINNING))
                    for partition in self.partitions
                ]
            )
        except BaseException:
            self._consumer.close()
            raise

    def read(self, wait_s: float = WAIT_S) -> list[Message]:
        """What is there, at most 20,000 records, each partition's in order. Blocks for `wait_s` at most."""
        records = []
        for message in self._consumer.consume(BATCH, wait_s):
            error = message.error()
            if error is None:
                # Typed as absent, which they are in records that were never sent only.
                self.next[cast("int", message.partition())] = cast("int", message.offset()) + 1
                records.append(message)
            else:
                self._event(message, error)
        return records

    def to_end(self) -> Iterator[list[Message]]:
        """Batches until every partition's end was seen once; a batch may be empty."""
        quiet_since = time.monotonic()
        while len(self.ended) < len(self.partitions):
            before = dict(self.next)
            batch = self.read()
            if batch or before != self.next:
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since > SILENT_S:
                partition = next(p for p in self.partitions if p not in self.ended)
                raise PartitionFailedError(
                    self.topic, partition, self.next[partition], f"the broker was silent for {SILENT_S:.0f} s"
                )
            yield batch

    def behind(self) -> dict[int, int]:
        """Offsets from the next one to read to the log's end, as the last fetch told it; by partition.

        Asks nobody. A partition that was not fetched yet is left out.
        """
        left = {}
        for partition, offset in self.next.items():
            place = TopicPartition(self.topic, partition)
            _, end = self._consumer.get_watermark_offsets(place, cached=True)
            if end >= 0:
                left[partition] = max(0, end - offset)
        return left

    def close(self) -> None:
        """Leaves the broker."""
        self._consumer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _event(self, message: Message, error: KafkaError) -> None:
        partition, offset = message.partition(), message.offset()
        if partition is None or partition not in self.next:
            if error.retriable() or error.code() == _ALL_BROKERS_DOWN:
                return
            raise KafkaException(error)
        if error.code() == _PARTITION_EOF:
            self.ended.add(partition)
            if offset is not None and offset > self.next[partition]:
                self.next[partition] = offset
        elif error.code() in {_AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE}:
            raise LogGapError(
                self.topic,
                partition,
                self.next[partition],
                "the log does not hold this offset: it was kept too short, or is another topic of that name",
            )
        elif error.code() in _GONE:
            raise TopicMissingError(self.topic)
        elif not error.retriable():
            raise PartitionFailedError(self.topic, partition, self.next[partition], error.str())


def read_to_end(
    bootstrap: str,
    topic: str,
    partitions: Sequence[int] | None = None,
    start: Mapping[int, int] | None = None,
    *,
    committed: bool = True,
    reached: dict[int, int] | None = None,
) -> Iterator[list[Message]]:
    """Batches of a topic's records to the end of each partition, as it was when the reader got there.

    `reached` is filled with the offset that each partition was read to (the next one to read). Within a
    partition records come in order; between partitions in none.
    """
    with contextlib.closing(
        TopicReader(bootstrap, topic, partitions, start=start, committed=committed)
    ) as reader:
        for batch in reader.to_end():
            if batch:
                yield batch
        if reached is not None:
            reached.update(reader.next)


def partitions_of(client: Consumer, topic: str, bootstrap: str) -> list[int]:
    """The partitions of a topic. Raises `TopicMissingError`, `NotReachableError`."""
    try:
        found = client.list_topics(topic, timeout=REQUEST_S).topics[topic]
    except KafkaException as error:
        raise NotReachableError(
            f"no Kafka broker answers at {bootstrap} ({error.args[0].str()}); is ATTESA_KAFKA right, and the "
            "broker up?"
        ) from error
    if found.error is not None:
        raise TopicMissingError(topic)
    return sorted(found.partitions)


def _among(there: Sequence[int], wanted: Sequence[int] | None, topic: str) -> tuple[int, ...]:
    """The partitions that are wanted, all of which must be there; all if none is named."""
    missing = sorted(set(wanted or ()) - set(there))
    if missing:
        raise TopicMissingError(f"{topic}-{missing[0]}")
    return tuple(there if wanted is None else wanted)
