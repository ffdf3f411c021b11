"""Verifying: each table has a row for each of its facts, and none twice; no position is beyond the log."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from clickhouse_driver import Client

from projections.client import connected
from projections.inserts import positions_of
from projections.standing import offsets_of
from projections.tables import IDENTITIES, SOURCES
from schemas.errors import NotReachableError
from streams.log.readers import TopicReader
from streams.log.settings import Settings
from streams.log.topics import Topics

__all__ = ["Verified", "VerifiedPartition", "VerifiedTable", "verify"]

_FACTS: Final = """
SELECT fact, count() FROM facts FINAL WHERE offset < transform(partition, %(partitions)s, %(nexts)s, 0)
GROUP BY fact SETTINGS do_not_merge_across_partitions_select_final = 1
"""
_TABLE: Final = """
SELECT count(), uniqExact({identity}) FROM {table} FINAL WHERE {below}
SETTINGS do_not_merge_across_partitions_select_final = 1
"""
_BELOW: Final = "offset < transform(partition, %(partitions)s, %(nexts)s, 0)"
# The newest clock of a partition may be one that was written since.
_WITH_A_CLOCK: Final = f"partition IN (SELECT partition FROM facts WHERE fact = 'ClockAdvanced' AND {_BELOW})"  # noqa: S608
_CLOCKS: Final = f"SELECT uniqExact(partition) FROM facts WHERE {_WITH_A_CLOCK}"  # noqa: S608


@dataclass(frozen=True, slots=True)
class VerifiedTable:
    """A table below the stored positions."""

    table: str
    rows: int
    distinct: int
    """Different identities among its rows: its waits, journeys, facts."""
    facts: int
    """Facts that have a row in it, by the table `facts`; of `clocks`, the partitions."""

    @property
    def holds(self) -> bool:
        """One row a fact, none twice."""
        return self.rows == self.distinct == self.facts


@dataclass(frozen=True, slots=True)
class VerifiedPartition:
    """A partition of the facts."""

    partition: int
    next: int
    end: int

    @property
    def holds(self) -> bool:
        """The position is in the log. One that lags is no difference."""
        return self.next <= self.end


@dataclass(frozen=True, slots=True)
class Verified:
    """What stands, and what the facts say."""

    tables: list[VerifiedTable]
    partitions: list[VerifiedPartition]

    @property
    def holds(self) -> bool:
        """Every table and every position does."""
        return all(table.holds for table in self.tables) and all(one.holds for one in self.partitions)


def verify(settings: Settings) -> Verified:
    """Counts each table below the positions, FINAL, and asks the log for its ends. A live projector does no
    harm. Raises `NotReachableError`, `TopicMissingError`, `NotMigratedError`.
    """
    topic = Topics(settings.prefix).facts
    with connected(settings) as client:
        positions = positions_of(client, topic)
        tables = _tables(client, positions)
    with TopicReader(settings.kafka, topic) as reader:
        partitions = sorted(set(reader.partitions) | set(positions))
    ends = offsets_of(settings.kafka, topic, list(reader.partitions))
    if missing := set(reader.partitions) - ends.keys():
        raise NotReachableError(
            f"the broker at {settings.kafka} does not say where {topic}-{min(missing)} ends; try again"
        )
    # A partition that the topic no longer has ends at its beginning.
    found = [VerifiedPartition(each, positions.get(each, 0), ends.get(each, 0)) for each in partitions]
    return Verified(tables, found)


def _tables(client: Client, positions: Mapping[int, int]) -> list[VerifiedTable]:
    # Partition 4294967295 is none; without it the lists of an empty database would have no type.
    at_positions: dict[str, Any] = {
        "partitions": [*positions, 2**32 - 1],
        "nexts": [*positions.values(), 0],
    }
    by_fact: dict[str, int] = dict(client.execute(_FACTS, at_positions))
    tables = []
    for table, sources in SOURCES.items():
        below = _WITH_A_CLOCK if table == "clocks" else _BELOW
        sql = _TABLE.format(table=table, identity=IDENTITIES[table], below=below)
        rows, distinct = client.execute(sql, at_positions)[0]
        if table == "clocks":
            expected = client.execute(_CLOCKS, at_positions)[0][0]
        else:
            expected = sum(n for name, n in by_fact.items() if not sources or name in sources)
        tables.append(VerifiedTable(table, rows, distinct, expected))
    return tables
