"""From an assignment to a partition that can decide: fence, read the changelog, find the position.

In this order: the last owner is fenced and his open transaction ended; the changelog is read, read committed,
from the store's own offset to its end; the position in it says what comes next of the inbound topic. It takes
the time of what changed since the store was last written: 200,000 records and more a second.
"""

import shutil
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final, NamedTuple

from streams.core.partition import Position
from streams.engine.contacts import PartitionContacts
from streams.engine.errors import PositionOutsideLogError
from streams.engine.fold import PartitionFold, Shared
from streams.engine.store import Store
from streams.engine.transaction import TransactionalProducer
from streams.log import metrics
from streams.log.bounds import bounds
from streams.log.errors import LogGapError
from streams.log.readers import TopicReader

__all__ = ["Recovered", "Stopped", "recover", "store_path", "throw_away_old_stores"]

STORE_TOO_OLD_S: Final = 5 * 86_400.0
"""The changelog keeps tombstones for 7 days: an older store might miss one and bring an erased contact back.
"""


class Stopped(Exception):  # noqa: N818 - no error: the assignment is over before it was taken up
    """The recovery was told to stop."""


class Recovered(NamedTuple):
    """A partition ready to decide."""

    fold: PartitionFold
    records: int
    """Changelog records that were read."""
    seconds: float


def store_path(shared: Shared, partition: int) -> Path:
    """Where a partition's store lies."""
    return shared.settings.data_dir / "stores" / shared.topics.prefix / f"p{partition}"


def recover(
    shared: Shared,
    partition: int,
    *,
    store: Store,
    producer: TransactionalProducer,
    undecidable: Collection[int],
    should_stop: Callable[[], bool],
) -> Recovered:
    """Runs in the partition's thread. Raises `Stopped`, `PositionOutsideLogError`, and what broker and disk
    raise.
    """
    begun = time.monotonic()
    producer.open()
    shared.faults.at("after_init", partition)
    records = _read_changelog(shared, partition, store, should_stop)
    store.purge()
    position = _position(shared, partition, store)
    contacts = PartitionContacts(store, shared.core.states, shared.keyring)
    fold = PartitionFold(
        shared,
        partition=partition,
        producer=producer,
        contacts=contacts,
        position=position,
        undecidable=undecidable,
    )
    seconds = time.monotonic() - begun
    metrics.recovery_seconds.observe(seconds)
    metrics.recovery_records.inc(records)
    return Recovered(fold, records, seconds)


def _read_changelog(shared: Shared, partition: int, store: Store, should_stop: Callable[[], bool]) -> int:
    if store.age_s > STORE_TOO_OLD_S:
        store.throw_away()
    try:
        return _read_from(shared, partition, store, should_stop)
    except LogGapError:
        if store.offset is None:
            raise
        # The store belongs to another changelog, or to a part of it that is gone.
        store.throw_away()
        return _read_from(shared, partition, store, should_stop)


def _read_from(shared: Shared, partition: int, store: Store, should_stop: Callable[[], bool]) -> int:
    saved = store.offset
    # A named offset: to let the client look for the beginning costs it half a second.
    start = {partition: _beginning(shared, shared.topics.state, partition) if saved is None else saved}
    count = 0
    with TopicReader(shared.settings.kafka, shared.topics.state, [partition], start=start) as reader:
        for batch in reader.to_end():
            if should_stop():
                raise Stopped
            if not batch:
                continue
            latest = {message.key() or b"": message.value() for message in batch}
            store.apply(latest, reader.next[partition])
            count += len(batch)
            shared.faults.at("in_recovery", partition)
        end = reader.next[partition]
    if end != store.offset:
        store.apply({}, end)
    return count


def _position(shared: Shared, partition: int, store: Store) -> Position:
    low = _beginning(shared, shared.topics.inbound, partition)
    kept = store.position
    if kept is None:
        return shared.core.first_position(low)
    position = shared.core.decode_position(kept)
    # Beyond the end is found by the first fetch: not every broker answers ListOffsets rightly.
    if position.next < low:
        raise PositionOutsideLogError(
            topic=shared.topics.inbound, partition=partition, position=position.next, low=low
        )
    return position


def _beginning(shared: Shared, topic: str, partition: int) -> int:
    return bounds(shared.settings.kafka, topic, [partition])[partition][0]


def throw_away_old_stores(shared: Shared, assigned: Collection[int]) -> list[Path]:
    """Deletes stores of partitions that are elsewhere for long: what was erased since is still in them."""
    thrown = []
    folder = store_path(shared, 0).parent
    for path in sorted(folder.glob("p*")) if folder.is_dir() else []:
        number = path.name[1:]
        if not number.isdecimal() or int(number) in assigned:
            continue
        age = time.time() - max((file.stat().st_mtime for file in path.iterdir()), default=0.0)
        if age > STORE_TOO_OLD_S:
            shutil.rmtree(path, ignore_errors=True)
            thrown.append(path)
    return thrown
