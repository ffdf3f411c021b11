"""What the log tells, at an assignment, of commands that are read again: who tried them, and which have
ended.
"""

from collections.abc import Iterator

from confluent_kafka import Consumer, Message, TopicPartition

from schemas.catalog import catalog
from schemas.registry import Registry
from schemas.types.inputs import CommandOutcome
from schemas.types.records import Attempt
from schemas.wire import Codec
from streams.delivery.ledger import Ledger
from streams.log.readers import TopicReader
from streams.log.topics import Topics

__all__ = ["restore"]

_REQUEST_S = 30.0
# The brokers set the times of all three topics; their clocks may differ by less than this.
_SLACK_MS = 300_000
_CommandId = str


def restore(
    bootstrap: str, topics: Topics, partition: int, committed: int | None, registry: Registry
) -> Ledger:
    """The account of a partition whose first uncommitted command stands at `committed` (None: at the
    beginning).

    Reads attempts and inbound from that command's time to their ends: seconds' worth in ordinary running, as
    much as was held for the longest hold otherwise (about 300,000 records/s). Blocks.
    """
    since = _time_of_first(bootstrap, topics.commands, partition, committed)
    if since is None:
        return Ledger(partition, {}, set())
    attempts: dict[_CommandId, int] = {}
    codec = Codec(("records", "inputs", "outcomes"), registry=registry)
    for message in _since(bootstrap, topics.attempts, partition, since):
        record = codec.decode(message.value())
        if isinstance(record, Attempt):
            attempts[record.command] = max(attempts.get(record.command, 0), record.attempt)
    ended: set[_CommandId] = set()
    heads = _heads_of_outcomes(registry)
    for message in _since(bootstrap, topics.inbound, partition, since):
        value = message.value()
        # Most of inbound is no outcome, and is told by its first bytes.
        if value is not None and value[:5] in heads:
            outcome = codec.decode(value)
            if isinstance(outcome, CommandOutcome):
                ended.add(outcome.command)
    open_ones = {command: count for command, count in attempts.items() if command not in ended}
    return Ledger(partition, open_ones, ended)


def _time_of_first(bootstrap: str, topic: str, partition: int, committed: int | None) -> int | None:
    """The time of the first command at or after the offset; None if there is none."""
    start = {} if committed is None else {partition: committed}
    with TopicReader(bootstrap, topic, [partition], start=start) as reader:
        for batch in reader.to_end():
            if batch:
                return int(batch[0].timestamp()[1])
    return None


def _since(bootstrap: str, topic: str, partition: int, time: int) -> Iterator[Message]:
    start = _offset_at(bootstrap, topic, partition, time - _SLACK_MS)
    if start is None:
        return
    with TopicReader(bootstrap, topic, [partition], start={partition: start}) as reader:
        for batch in reader.to_end():
            yield from batch


def _offset_at(bootstrap: str, topic: str, partition: int, time: int) -> int | None:
    """The first offset at or after a time; None if all is older."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "attesa-reader"})
    try:
        (found,) = consumer.offsets_for_times(
            [TopicPartition(topic, partition, max(0, time))], timeout=_REQUEST_S
        )
    finally:
        consumer.close()
    return None if found.offset < 0 else found.offset


def _heads_of_outcomes(registry: Registry) -> frozenset[bytes]:
    """What an outcome's bytes begin with, by whichever version of its schema it was written."""
    return frozenset(
        b"\x00" + registry.id_of("CommandOutcome", known.version).to_bytes(4, "big")
        for known in catalog().versions("CommandOutcome")
    )
