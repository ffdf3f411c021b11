"""Rebuilding: a table made again from the facts, beside the one that is read, and then put in its place.

Its shadow (`waits_opened_new`) is filled from the log. From the moment that the shadow is there the projector
writes into both, so that nothing is missing when the two are exchanged, in one step: whoever reads sees the
old table or the new one, whole. What the projector had in hand before that moment stands in the log below the
end that is read afterwards. Before the exchange the two are compared, day by day, below the positions that
were stored when it began; what differs is told, since the table was wrong, or the projection has changed.
"""

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

from clickhouse_driver import Client
from confluent_kafka import Message

from projections.client import connected, where
from projections.errors import NotMigratedError, RebuildError
from projections.inserts import SHADOW, fits, insert_rows, positions_of
from projections.rows import rows_of
from projections.standing import offsets_of
from projections.tables import TABLES, ClockRow, Row
from schemas.errors import UsageError
from schemas.registry import registry_at
from schemas.wire import UndecodableError
from streams.log.errors import LogGapError
from streams.log.facts_codec import FactCodec
from streams.log.readers import TopicReader
from streams.log.settings import Settings
from streams.log.topics import Topics

__all__ = ["DayDifference", "Rebuilt", "RebuiltTable", "rebuild"]

BATCH_ROWS: Final = 10_000

Progress = Callable[[int, int], None]
"""Called with the offsets read and those there are, about once a batch."""

_DAYS: Final = """
SELECT intDiv({time}, 86400000) AS day, count() AS n, groupBitXor(cityHash64(*)) AS checksum
FROM {table} FINAL
WHERE offset < transform(partition, %(partitions)s, %(nexts)s, 0) {further}
GROUP BY day SETTINGS do_not_merge_across_partitions_select_final = 1
"""
# A clock that has moved on is no longer what it was at the positions.
_STILL: Final = (
    "AND partition NOT IN (SELECT partition FROM clocks FINAL "
    "WHERE offset >= transform(partition, %(partitions)s, %(nexts)s, 0))"
)
_AHEAD: Final = """
INSERT INTO clocks_new SELECT * FROM clocks FINAL
WHERE offset >= transform(partition, %(partitions)s, %(nexts)s, 0)
"""


@dataclass(frozen=True, slots=True)
class DayDifference:
    """A day of which the table was not what the facts say."""

    day: str
    rows_before: int
    """Its rows in the table as it was; as many as now, where only what they say differs."""
    rows_now: int


@dataclass(frozen=True, slots=True)
class RebuiltTable:
    """A table that was made again and is in its place."""

    table: str
    rows: int
    """Its rows below the positions."""
    days: int
    differences: list[DayDifference]


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild has done."""

    facts: int
    skipped: int
    """Records that are no facts; they stand in the dead letters since they were first read."""
    positions: dict[int, int]
    """The offset of each partition below which tables were compared."""
    tables: list[RebuiltTable]


def rebuild(
    settings: Settings, tables: Sequence[str] = (), *, again: bool = False, progress: Progress | None = None
) -> Rebuilt:
    """Makes these tables again, or all, while the projector goes on. `again` drops the shadow of a rebuild
    that died.

    Raises `UsageError` for an unknown table, `RebuildError` where another rebuild is at work or the table is
    gone, `LogGapError` where the log does not reach back to the first fact; `NotReachableError`. Whatever it
    raises, the tables are as they were.
    """
    names = _known(tables)
    topic = Topics(settings.prefix).facts
    with connected(settings) as client, _shadows(client, settings, names, again=again) as shadows:
        positions = positions_of(client, topic)
        with TopicReader(settings.kafka, topic) as reader:
            _refuse_a_late_beginning(settings, topic, reader.partitions)
            filling = _Filling(client, names, positions, settings)
            for batch in reader.to_end():
                filling.take(batch)
                if progress is not None:
                    done = sum(reader.next.values())
                    progress(done, done + sum(reader.behind().values()))
            filling.flush()
        rebuilt = []
        for name in names:
            at_positions = _parameters(positions)
            if name == "clocks" and positions:
                client.execute(_AHEAD, at_positions)
            rebuilt.append(_compared(client, name, at_positions))
            _exchange(client, name, shadows[name])
    return Rebuilt(filling.facts, filling.skipped, positions, rebuilt)


def _known(tables: Sequence[str]) -> list[str]:
    known = list(TABLES.values())
    for name in tables:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
            raise UsageError(
                f"{name}: no such table; did you mean {near[0]}? There are {', '.join(known)}; "
                "`positions` and `migrations` are made from no fact"
            )
    # In the order of an insert: clocks last.
    return [name for name in known if not tables or name in tables]


@contextmanager
def _shadows(
    client: Client, settings: Settings, names: Sequence[str], *, again: bool
) -> Iterator[dict[str, Any]]:
    """Makes the shadows, gives their uuids by table, and drops what is left of them."""
    there = _uuids(client)
    for name in names:
        if name not in there:
            raise NotMigratedError(where(settings), f"the table {name} is missing")
        if name + SHADOW in there and not again:
            raise RebuildError(
                f"{where(settings)}: {name}{SHADOW} is there: another rebuild of {name} is at work, or one "
                f"died. If none is at work: attesa projections rebuild {name} --again"
            )
    made: list[str] = []
    try:
        for name in names:
            client.execute(f"DROP TABLE IF EXISTS {name}{SHADOW} SYNC")
            client.execute(f"CREATE TABLE {name}{SHADOW} AS {name}")
            made.append(name)
        uuids = _uuids(client)
        yield {name: uuids.get(name + SHADOW) for name in names}
    finally:
        for name in made:
            client.execute(f"DROP TABLE IF EXISTS {name}{SHADOW} SYNC")


def _uuids(client: Client) -> dict[str, Any]:
    return dict(client.execute("SELECT name, uuid FROM system.tables WHERE database = currentDatabase()"))


def _refuse_a_late_beginning(settings: Settings, topic: str, partitions: Sequence[int]) -> None:
    for partition, offset in offsets_of(settings.kafka, topic, partitions, first=True).items():
        if offset > 0:
            raise LogGapError(
                topic,
                partition,
                0,
                f"the log begins at {offset}: what the tables hold of earlier facts would be lost",
            )


class _Filling:
    """Puts the rows of facts into the shadows."""

    def __init__(
        self, client: Client, names: Sequence[str], positions: Mapping[int, int], settings: Settings
    ) -> None:
        self._client = client
        self._codec = FactCodec(registry=registry_at(settings.registry_url, prefix=settings.prefix))
        self._positions = positions
        self._rows: dict[type[Row], list[Row]] = {kind: [] for kind, name in TABLES.items() if name in names}
        self.facts = 0
        self.skipped = 0

    def take(self, messages: Sequence[Message]) -> None:
        """Adds the rows of these records; what is no fact is counted and left out, as the projector does."""
        for message in messages:
            partition, offset = cast("int", message.partition()), cast("int", message.offset())
            try:
                rows = rows_of(self._codec.decode(message.value(), None), partition, offset)
            except UndecodableError:
                self.skipped += 1
                continue
            if not all(map(fits, rows)):
                self.skipped += 1
                continue
            self.facts += 1
            for row in rows:
                # As-of must not run ahead of the tables: clocks go no further than the positions do.
                if isinstance(row, ClockRow) and offset >= self._positions.get(partition, 0):
                    continue
                if (waiting := self._rows.get(type(row))) is not None:
                    waiting.append(row)
                    if len(waiting) >= BATCH_ROWS:
                        self._write(type(row))

    def flush(self) -> None:
        """Writes what is left."""
        for kind in self._rows:
            self._write(kind)

    def _write(self, kind: type[Row]) -> None:
        if rows := self._rows[kind]:
            insert_rows(self._client, TABLES[kind] + SHADOW, rows)
            self._rows[kind] = []


def _parameters(positions: Mapping[int, int]) -> dict[str, Any]:
    # Partition 4294967295 is none; without it the lists of an empty database would have no type.
    return {"partitions": [*positions, 2**32 - 1], "nexts": [*positions.values(), 0]}


def _compared(client: Client, name: str, at_positions: dict[str, Any]) -> RebuiltTable:
    before, now = (_days(client, name, table, at_positions) for table in (name, name + SHADOW))
    differences = [
        DayDifference(_iso(day), before.get(day, (0, 0))[0], now.get(day, (0, 0))[0])
        for day in sorted(before.keys() | now.keys())
        if before.get(day) != now.get(day)
    ]
    return RebuiltTable(name, sum(n for n, _ in now.values()), len(now), differences)


def _days(client: Client, name: str, table: str, at_positions: dict[str, Any]) -> dict[int, tuple[int, int]]:
    """Rows and their checksum, by day."""
    is_clocks = name == "clocks"
    sql = _DAYS.format(table=table, time="clock" if is_clocks else "at", further=_STILL if is_clocks else "")
    return {day: (n, checksum) for day, n, checksum in client.execute(sql, at_positions)}


def _exchange(client: Client, name: str, uuid: Any) -> None:
    if _uuids(client).get(name + SHADOW) != uuid:
        raise RebuildError(
            f"{name}{SHADOW} is another rebuild's now, begun with --again while this one was at work. "
            f"{name} is as it was; let that one end"
        )
    client.execute(f"EXCHANGE TABLES {name} AND {name}{SHADOW}")


def _iso(day: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)).date().isoformat()
