"""How far the projections have got: positions beside the log's ends, and clocks."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

# The package does not list it as exported; its version is pinned.
from confluent_kafka.admin._listoffsets import OffsetSpec

from projections.client import connected
from streams.log.clients import client_options
from streams.log.settings import Settings
from streams.log.topics import Topics

__all__ = ["PartitionStanding", "offsets_of", "standing"]

REQUEST_S: Final = 5.0

_STANDING: Final = """
SELECT partition, next, clocks.clock, clocks.settled
FROM (SELECT partition, next FROM positions FINAL WHERE topic = %(topic)s) AS projected
LEFT JOIN (SELECT partition, clock, settled FROM clocks FINAL) AS clocks USING (partition)
ORDER BY partition
"""


class PartitionStanding(NamedTuple):
    """A partition of the facts, as far as it is projected. Times in ms since the epoch, UTC."""

    partition: int
    next: int
    """The next offset to project."""
    behind: int | None
    """Offsets until the end of what is committed; None where Kafka does not answer."""
    clock: int | None
    settled: int | None


def standing(settings: Settings) -> list[PartitionStanding]:
    """All partitions that a projector has read. Raises `NotReachableError` for ClickHouse only."""
    topic = Topics(settings.prefix).facts
    with connected(settings) as client:
        rows = client.execute(_STANDING, {"topic": topic})
    ends = offsets_of(settings.kafka, topic, [row[0] for row in rows])
    return [
        PartitionStanding(
            partition,
            reached,
            None if partition not in ends else max(0, ends[partition] - reached),
            clock or None,
            settled or None,
        )
        for partition, reached, clock, settled in rows
    ]


def offsets_of(
    bootstrap: str, topic: str, partitions: Sequence[int], *, first: bool = False
) -> dict[int, int]:
    """Where what is committed ends, or with `first` begins; nothing for a partition of which the broker says
    nothing in time.
    """
    if not partitions:
        return {}
    admin = AdminClient(client_options(bootstrap))
    spec = OffsetSpec.earliest() if first else OffsetSpec.latest()  # type: ignore[no-untyped-call]
    asked = {TopicPartition(topic, partition): spec for partition in partitions}
    futures = admin.list_offsets(
        asked, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=REQUEST_S
    )
    offsets = {}
    for place, future in futures.items():
        try:
            offsets[place.partition] = future.result().offset
        except KafkaException:
            continue
    return offsets
