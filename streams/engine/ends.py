"""Where topics end, and where partitions stand by the changelog."""

from collections.abc import Collection
from typing import Final

from confluent_kafka import Consumer, TopicPartition

from streams.core.partition import Position
from streams.engine.envelope import POSITION_KEY
from streams.engine.fold import Shared
from streams.log.clients import client_options
from streams.log.readers import TopicReader, partitions_of

__all__ = ["end_offsets", "near_the_end", "positions"]

_REQUEST_S: Final = 30.0
_TAIL: Final = 50


def end_offsets(bootstrap: str, topic: str) -> dict[int, int]:
    """The end of each partition, by reading its last record: not all brokers answer ListOffsets rightly."""
    with TopicReader(bootstrap, topic, start=near_the_end(bootstrap, topic, 1), committed=False) as reader:
        for _ in reader.to_end():
            pass
        return dict(reader.next)


def positions(shared: Shared, partitions: Collection[int]) -> dict[int, Position]:
    """The committed position of partitions, by the tail of the changelog: `!position` is the last record of
    each transaction. One whose tail has none is left out.
    """
    topic = shared.topics.state
    start = near_the_end(shared.settings.kafka, topic, _TAIL)
    found: dict[int, Position] = {}
    with TopicReader(shared.settings.kafka, topic, sorted(partitions), start=start) as reader:
        for batch in reader.to_end():
            for message in batch:
                value = message.value()
                if message.key() == POSITION_KEY and value is not None:
                    found[message.partition() or 0] = shared.core.decode_position(value)
    return found


def near_the_end(bootstrap: str, topic: str, records: int) -> dict[int, int]:
    """An offset of each partition, that many records before its end or earlier. Raises `TopicMissingError`,
    `NotReachableError`.
    """
    consumer = Consumer({**client_options(bootstrap), "group.id": "attesa-reader"})
    try:
        start = {}
        for partition in partitions_of(consumer, topic, bootstrap):
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), _REQUEST_S)
            start[partition] = max(low, high - records)
        return start
    finally:
        consumer.close()
