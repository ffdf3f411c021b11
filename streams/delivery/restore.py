"""What the log tells, at an assignment, of commands that are read again: who tried them, and which have
ended.
"""

from collections.abc import Iterator

import structlog
from confluent_kafka import Consumer, Message, TopicPartition

from schemas.catalog import catalog
from schemas.registry import Registry
from schemas.types.inputs import CommandOutcome
from schemas.types.records import Attempt
from schemas.wire import Codec, UndecodableError
from streams.delivery.ledger import Ledger
from streams.delivery.patience import patiently
from streams.log.clients import client_options
from streams.log.readers import TopicReader
from streams.log.topics import Topics

__all__ = ["restore"]

_log = structlog.get_logger()
_REQUEST_S = 30.0
# The brokers set the times of all three topics; their clocks may differ by less than this.
_SLACK_MS = 300_000
_CommandId = str


def restore(bootstrap: str, topics: Topics, partition: int, start: int, registry: Registry) -> Ledger:
    """The account of a partition whose commands are read again from `start`.

    Reads attempts and inbound from that command's time to their ends: seconds' worth in ordinary running, as
    much as was held for the longest hold otherwise (about 300,000 records/s). Blocks.
    """
    since = _time_of_first(bootstrap, topics.commands, partition, start)
    if since is None:
        return Ledger(partition, {}, set(), start=start)
    ended = _ended(bootstrap, topics, partition, since, registry)
    tried: dict[_CommandId, Attempt] = {}
    codec = Codec(("records",), registry=registry)
    for message in _since(bootstrap, topics.attempts, partition, since):
        attempt = codec.decode(message.value())
        if isinstance(attempt, Attempt) and attempt.command not in ended:
            tried[attempt.command] = attempt
    return Ledger(partition, tried, ended, start=start)


def _ended(bootstrap: str, topics: Topics, partition: int, since: int, registry: Registry) -> set[_CommandId]:
    """Commands whose outcome stands in inbound."""
    ended: set[_CommandId] = set()
    codec = Codec(("outcomes",), registry=registry)
    heads = _heads_of_outcomes(registry)
    for message in _since(bootstrap, topics.inbound, partition, since):
        value = message.value()
        # Most of inbound is no outcome, and is told by its first bytes.
        if value is None or value[:5] not in heads:
            continue
        try:
            outcome = codec.decode(value)
        except UndecodableError as error:
            # Anyone may write to inbound; the worker makes a dead letter of it.
            _log.warning(
                "left out: not an outcome", partition=partition, offset=message.offset(), error=str(error)
            )
            continue
        if isinstance(outcome, CommandOutcome):
            ended.add(outcome.command)
    return ended


def _time_of_first(bootstrap: str, topic: str, partition: int, start: int) -> int | None:
    """The time of the first command at or after the offset; None if there is none."""
    with TopicReader(bootstrap, topic, [partition], start={partition: start}) as reader:
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
    consumer = Consumer({**client_options(bootstrap), "group.id": "attesa-reader"})
    try:
        asked = [TopicPartition(topic, partition, max(0, time))]
        (found,) = patiently(lambda: consumer.offsets_for_times(asked, timeout=_REQUEST_S))
    finally:
        consumer.close()
    return None if found.offset < 0 else found.offset


def _heads_of_outcomes(registry: Registry) -> frozenset[bytes]:
    """What an outcome's bytes begin with, by whichever version of its schema it was written."""
    return frozenset(
        b"\x00" + registry.id_of("CommandOutcome", known.version).to_bytes(4, "big")
        for known in catalog().versions("CommandOutcome")
    )
