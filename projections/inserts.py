"""Rows into ClickHouse: at least once, in an order that keeps every report right in between.

A batch is not one transaction. Its rows go in table by table, the clocks after the rows that they vouch for,
the positions last; whatever stops it in between, the same batch comes again and its duplicates collapse.
A table that is being rebuilt has a shadow, and what goes into the one goes into the other.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from clickhouse_driver import Client
from clickhouse_driver.errors import ErrorCodes, ServerException

from projections.client import AWAY
from projections.tables import TABLES, Row, WaitClosedRow, WaitOpenedRow
from streams.log import metrics

__all__ = ["SHADOW", "fits", "insert", "insert_rows", "passes", "positions_of"]

SHADOW: Final = "_new"
"""What the name of a table's shadow ends with: the table that a rebuild fills, and then exchanges with it."""

INSERT_SETTINGS: Final = {
    # Acknowledged means written.
    "async_insert": 0,
    # A history of years arrives in one batch, and each week is a part of its own.
    "max_partitions_per_insert_block": 0,
}

_TRANSIENT: Final = frozenset(
    {
        ErrorCodes.TIMEOUT_EXCEEDED,
        ErrorCodes.TOO_MANY_SIMULTANEOUS_QUERIES,
        ErrorCodes.NO_FREE_CONNECTION,
        ErrorCodes.SOCKET_TIMEOUT,
        ErrorCodes.NETWORK_ERROR,
        ErrorCodes.MEMORY_LIMIT_EXCEEDED,
        ErrorCodes.TABLE_IS_READ_ONLY,
        ErrorCodes.NOT_ENOUGH_SPACE,
        ErrorCodes.TOO_MANY_PARTS,
        ErrorCodes.ALL_CONNECTION_TRIES_FAILED,
        ErrorCodes.KEEPER_EXCEPTION,
        ErrorCodes.QUERY_WAS_CANCELLED,
    }
)
_GONE: Final = frozenset({ErrorCodes.UNKNOWN_TABLE, ErrorCodes.TABLE_IS_DROPPED})
_LARGEST: Final = 2**63 - 1


def insert(client: Client, rows: Iterable[Row], topic: str, positions: Mapping[int, int]) -> None:
    """Writes the rows, then that the partitions of `topic` are projected to `positions` (the next offsets).

    Raises what the driver raises; to write the same again does no harm.
    """
    by_table: dict[type[Row], list[Row]] = defaultdict(list)
    for row in rows:
        by_table[type(row)].append(row)
    shadows = _shadows(client)
    for kind, table in TABLES.items():
        if found := by_table.get(kind):
            # The shadow first: if the two are exchanged in between, both rows go into what is the table then.
            if table + SHADOW in shadows:
                _insert_if_there(client, table + SHADOW, found)
            insert_rows(client, table, found)
    if positions:
        columns = [[topic] * len(positions), list(positions), list(positions.values())]
        _insert(client, "positions", ("topic", "partition", "next"), columns)


def insert_rows(client: Client, table: str, rows: Sequence[Row]) -> None:
    """Writes rows of one kind, at least one, into a table of its columns. Raises what the driver raises."""
    _insert(client, table, rows[0]._fields, list(zip(*rows, strict=True)))


def _shadows(client: Client) -> set[str]:
    rows = client.execute(
        "SELECT name FROM system.tables WHERE database = currentDatabase() AND endsWith(name, %(end)s)",
        {"end": SHADOW},
    )
    return {name for (name,) in rows}


def _insert_if_there(client: Client, shadow: str, rows: Sequence[Row]) -> None:
    """A shadow whose rebuild has ended meanwhile needs no rows any more."""
    try:
        insert_rows(client, shadow, rows)
    except ServerException as error:
        if error.code not in _GONE:
            raise


def _insert(client: Client, table: str, names: tuple[str, ...], columns: list[Any]) -> None:
    with metrics.insert_seconds.labels(table).time():
        client.execute(
            f"INSERT INTO {table} ({', '.join(names)}) VALUES",
            columns,
            columnar=True,
            settings=INSERT_SETTINGS,
        )
    metrics.rows_inserted.labels(table).inc(len(columns[0]))


def positions_of(client: Client, topic: str) -> dict[int, int]:
    """The next offset to read of each partition of the topic that was projected before."""
    rows = client.execute(
        "SELECT partition, next FROM positions FINAL WHERE topic = %(topic)s ORDER BY partition",
        {"topic": topic},
    )
    return dict(rows)


def fits(row: Row) -> bool:
    """Whether its numbers have room in their columns; one that has none would stop every row beside it."""
    if isinstance(row, WaitOpenedRow | WaitClosedRow) and not (row.local_hour < 24 and row.local_weekday < 8):
        return False
    return all(0 <= value <= _LARGEST for value in row if isinstance(value, int))


def passes(error: BaseException) -> bool:
    """Whether ClickHouse may take the same rows a little later."""
    return isinstance(error, AWAY) or (isinstance(error, ServerException) and error.code in _TRANSIENT)
