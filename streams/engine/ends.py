"""Where partitions stand by the changelog."""

from collections.abc import Collection
from typing import Final

from streams.core.partition import Position
from streams.engine.envelope import POSITION_KEY
from streams.engine.fold import Shared
from streams.log.bounds import near_the_end
from streams.log.readers import TopicReader

__all__ = ["positions"]

_TAIL: Final = 50


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
