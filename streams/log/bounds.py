"""Where the partitions of a topic begin and end."""

import time
from collections.abc import Collection
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from schemas.errors import NotReachableError
from streams.log.clients import REACH_S, client_options
from streams.log.readers import TopicReader, partitions_of

__all__ = ["bounds", "end_offsets", "near_the_end"]

_NO_LEADER_YET: Final = frozenset(
    {
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001 - the client's public names of its own errors begin so
    }
)
_LEADER_S: Final = 15.0
_PAUSE_S: Final = 0.1


def end_offsets(bootstrap: str, topic: str) -> dict[int, int]:
    """The end of each partition, by reading its last record: not all brokers answer ListOffsets rightly."""
    with TopicReader(bootstrap, topic, start=near_the_end(bootstrap, topic, 1), committed=False) as reader:
        for _ in reader.to_end():
            pass
        return dict(reader.next)


def near_the_end(bootstrap: str, topic: str, records: int) -> dict[int, int]:
    """An offset of each partition, that many records before its end or earlier. Raises `TopicMissingError`,
    `NotReachableError`.
    """
    return {
        partition: max(low, high - records) for partition, (low, high) in bounds(bootstrap, topic).items()
    }


def bounds(
    bootstrap: str, topic: str, partitions: Collection[int] | None = None
) -> dict[int, tuple[int, int]]:
    """Where the log of each partition begins, and about where it ends.

    Waits for a partition that has no leader yet, as one of a topic just made. Raises `TopicMissingError`,
    `NotReachableError`.
    """
    consumer = Consumer({**client_options(bootstrap), "group.id": "attesa-reader"})
    try:
        wanted = partitions if partitions is not None else partitions_of(consumer, topic, bootstrap)
        return {partition: _bounds(consumer, topic, partition, bootstrap) for partition in wanted}
    finally:
        consumer.close()


def _bounds(consumer: Consumer, topic: str, partition: int, bootstrap: str) -> tuple[int, int]:
    deadline = time.monotonic() + _LEADER_S
    while True:
        try:
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), REACH_S)
        except KafkaException as error:
            # The client calls none of these retriable here.
            if error.args[0].code() not in _NO_LEADER_YET or time.monotonic() > deadline:
                raise NotReachableError(
                    f"Kafka at {bootstrap} does not say where {topic}-{partition} begins and ends: "
                    f"{error.args[0].str()}"
                ) from error
            time.sleep(_PAUSE_S)
        else:
            return int(low), int(high)
