"""ClickHouse's engine in this process (chDB) over one data folder: connections, errors with their codes."""

import json
import logging
import re
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.embedded.clickhouse.errors import FolderDamagedError
from deploy.embedded.clickhouse.native import Column
from deploy.embedded.clickhouse.protocol import QueryError
from deploy.embedded.clickhouse.statements import identifier, literal
from deploy.errors import MissingProgramError

__all__ = ["Chunk", "Connection", "Engine"]

log = logging.getLogger(__name__)

_ERROR = re.compile(r"Code: (\d+)\. (DB::\w*Exception|[\w:]+): (.*)", re.DOTALL)
_UNKNOWN_EXCEPTION = 1002
Progress = Callable[[dict[str, int]], None]


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a streamed result: one Native block."""

    raw: bytes
    rows: int


class Connection:
    """One of the engine's connections: its own current database, settings and temporary tables.

    Not for two threads at once. Every method raises QueryError with ClickHouse's code.
    """

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    def run(self, sql: str) -> bytes:
        """Run `sql` and return its whole result in Native blocks, which may be none."""
        with _as_query_error():
            result = self._raw.query(sql, "Native")
        return result.bytes() if result is not None else b""

    def rows(self, sql: str) -> list[list[Any]]:
        """Run `sql` and return its rows as JSON's values."""
        with _as_query_error():
            raw = self._raw.query(sql, "JSONCompact").bytes()
        rows: list[list[Any]] = json.loads(raw)["data"] if raw else []
        return rows

    def insert_from(self, head: str, names: str, source: str) -> int:
        """Run the INSERT `head` with the columns `names` of the table function `source`; rows it read.

        The source's structure is taken as it is given there, not from the table.
        """
        sql = f"{head} SELECT {names} FROM {source}"  # noqa: S608  # the session quotes all three
        with _as_query_error():
            result = self._raw.query(
                f"{sql} SETTINGS use_structure_from_insertion_table_in_table_functions=0", "Native"
            )
            return int(result.storage_rows_read())

    def stream(self, sql: str) -> Generator[Chunk]:
        """Run `sql` and yield its result piece by piece; closing the generator cancels it."""
        with _as_query_error():
            result = self._raw.send_query(sql, "Native")
        try:
            while True:
                with _as_query_error():
                    piece = result.fetch()
                if piece is None:
                    return
                if raw := piece.bytes():
                    yield Chunk(raw, piece.rows_read())
        finally:
            with _as_query_error():
                result.cancel()

    def describe(self, source: str) -> list[tuple[Column, str]]:
        """The columns of a table, a table function or `(a query)`, each with its kind of default."""
        return [(Column(row[0], row[1]), row[2]) for row in self.rows(f"DESCRIBE TABLE {source}")]

    def columns_of(self, expressions: str, source: str) -> tuple[Column, ...]:
        """The columns that `expressions` over `source` give (`* EXCEPT c`)."""
        query = f"(SELECT {expressions} FROM {source})"  # noqa: S608  # both are the client's own SQL
        return tuple(column for column, _ in self.describe(query))

    def on_progress(self, callback: Progress | None) -> None:
        """Call `callback` from the engine's threads with a query's counts so far, about each 100 ms."""
        self._raw.set_progress_callback(callback)

    def close(self) -> None:
        """End the connection; what it still runs is cancelled."""
        self._raw.close()


class Engine:
    """The engine over `folder`, which this process must hold (`folder.held`).

    One connection stays open as long as the engine: it ends queries of the others.
    Raises MissingProgramError or FolderDamagedError.
    """

    def __init__(self, folder: Path) -> None:
        self._path = str(folder.resolve())
        self._connect = _chdb_connect()
        try:
            self._admin = Connection(self._connect(self._path))
        except Exception as error:
            raise FolderDamagedError(
                f"the engine does not open the folder {folder}: {error}\n"
                "projections can be made again: move the folder away, start anew and rebuild them"
            ) from error
        self._lock = threading.Lock()
        [[version, self.timezone]] = self._admin.rows("SELECT version(), timezone()")
        self.version = tuple(int(part) for part in version.split(".")[:3])
        names = self._admin.rows("SELECT name FROM system.formats WHERE is_output")
        self.formats = frozenset(name for [name] in names)

    def connect(self) -> Connection:
        """A connection of its own for one client; about 1 ms."""
        with _as_query_error():
            return Connection(self._connect(self._path))

    def kill(self, tag: str) -> None:
        """Ask the queries whose setting `log_comment` starts with `tag` to end; returns before they do."""
        with self._lock:
            self._admin.run(f"KILL QUERY WHERE startsWith(Settings['log_comment'], {literal(tag)}) ASYNC")

    def describe(self, query: str, database: str, settings: list[str]) -> tuple[Column, ...]:
        """The columns of `query` in a connection that is as the client's (`settings`: its SET statements)."""
        with closing(self.connect()) as connection:
            connection.run(f"USE {identifier(database)}")
            for statement in settings:
                connection.run(statement)
            return tuple(column for column, _ in connection.describe(f"({query}\n)"))

    def flush(self) -> None:
        """Write out what Buffer tables hold in memory, as a real server does at its end."""
        with self._lock:
            buffers = self._admin.rows("SELECT database, name FROM system.tables WHERE engine = 'Buffer'")
            for database, name in buffers:
                with suppress(QueryError):  # its destination may be gone; the others still count
                    self._admin.run(f"OPTIMIZE TABLE {identifier(database)}.{identifier(name)}")


def _chdb_connect() -> Callable[[str], Any]:
    try:
        from chdb import _chdb  # noqa: PLC0415  # an extra: the message below is for who has not got it
        from chdb.state.sqlitelike import Connection as Chdb  # noqa: PLC0415
    except ImportError as error:
        raise MissingProgramError(
            f"the embedded ClickHouse needs the package chdb ({error}): pip install 'attesa[embedded]', "
            "or set ATTESA_CLICKHOUSE to the address of a real server"
        ) from error
    # chDB would take SIGTERM for itself.
    _chdb.set_signal_handlers_enabled(0)  # type: ignore[attr-defined]  # its stub lacks it
    connect: Callable[[str], Any] = Chdb
    return connect


@contextmanager
def _as_query_error() -> Iterator[None]:
    try:
        yield
    except QueryError:
        raise
    except Exception as error:
        found = _ERROR.search(str(error))
        if found is None:
            raise QueryError(_UNKNOWN_EXCEPTION, str(error)) from error
        code, name, message = found.groups()
        raise QueryError(int(code), message, name) from error
