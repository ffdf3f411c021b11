"""Writes a history prefix: records with their own times, in the order of time, and the ticks around them."""

from typing import Final

from schemas.types.inputs import Input, Tick
from streams.log.bounds import near_the_end
from streams.log.partitioner import key_of
from streams.log.producers import RecordProducer
from streams.log.readers import read_to_end
from streams.log.topics import Topics

__all__ = ["HistoryWriter", "clock_of", "flows_end"]

TICKER: Final = "history"


class HistoryWriter:
    """Writes inputs with record times that never go back. Not for two threads at once.

    The records of a history are decided by their own times alone; a tick at the start puts the flow commands
    that are in the log in force, one at the end fires what is due by then.
    """

    def __init__(self, producer: RecordProducer, topics: Topics) -> None:
        self._producer = producer
        self._topics = topics
        self.partitions = producer.partitions(topics.inbound)
        self._through = flows_end(producer.bootstrap, topics)

    def tick(self, at: int) -> None:
        """One tick a partition at this record time (ms UTC): no limit to what fires.

        The flow commands that were in the log when the writer began are in force from then on.
        """
        tick = Tick(ticker=TICKER, flows_through=self._through, fire_limit=0)
        for partition in range(self.partitions):
            self._producer.send(self._topics.inbound, tick, None, partition=partition, timestamp=at)

    def write(self, at: int, contact: str, record: Input) -> None:
        """One input at this record time (ms UTC), under its contact's key."""
        self._producer.send(self._topics.inbound, record, key_of(contact), timestamp=at)


def flows_end(bootstrap: str, topics: Topics) -> int:
    """The offset after the last flow command."""
    reached: dict[int, int] = {}
    for _ in read_to_end(bootstrap, topics.flows, reached=reached):
        pass
    return reached.get(0, 0)


def clock_of(bootstrap: str, topics: Topics) -> int:
    """The latest record time in the inbound topic, ms UTC; 0 if it is empty. Reads its last records only."""
    start = near_the_end(bootstrap, topics.inbound, 1)
    latest = 0
    for batch in read_to_end(bootstrap, topics.inbound, start=start):
        latest = max(latest, *(message.timestamp()[1] for message in batch))
    return latest
