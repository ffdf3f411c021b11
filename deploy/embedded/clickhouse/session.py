"""One client of the embedded ClickHouse: its packets in, its connection to the engine, the answers out."""

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

from deploy.embedded.clickhouse import compression, native, protocol
from deploy.embedded.clickhouse.engine import Connection, Engine
from deploy.embedded.clickhouse.native import Block, Column
from deploy.embedded.clickhouse.protocol import (
    ClientPacket,
    Hello,
    ProtocolError,
    Query,
    QueryError,
    ServerPacket,
    read_varint,
    varint,
)
from deploy.embedded.clickhouse.settings import SessionSettings
from deploy.embedded.clickhouse.spool import Spool
from deploy.embedded.clickhouse.statements import InsertRows, Other, Select, classify, identifier, literal
from deploy.embedded.clickhouse.wire import Wire

__all__ = ["Session"]

log = logging.getLogger(__name__)

_NO_SUCH_COLUMN_IN_TABLE, _CANNOT_READ_ALL_DATA, _AUTHENTICATION_FAILED = 16, 33, 516
_NOT_INSERTED = frozenset({"MATERIALIZED", "ALIAS", "EPHEMERAL"})
_PROGRESS = ("read_rows", "read_bytes", "total_rows_to_read", "written_rows", "written_bytes")


class Session:
    """A client from its Hello to its end; `serve` runs in a thread of its own.

    `cancel` and `leave` may be called from any other thread. The rows of an INSERT wait in memory for its
    end; above `insert_memory` bytes they are written, and the next ones wait.
    """

    def __init__(self, engine: Engine, sock: socket.socket, number: int, insert_memory: int) -> None:
        self.socket = sock
        self._engine = engine
        self._insert_memory = insert_memory
        self._wire = Wire(sock)
        self._tag = f"attesa-client-{number};"
        self._state = threading.Lock()
        self._running = self._cancelled = self._leaving = False
        self._counts: dict[str, int] | None = None
        self._temporary = False
        self._database = "default"
        self._connection: Connection
        self._settings: SessionSettings

    @property
    def running(self) -> bool:
        """Whether a query runs, and the socket can bring nothing but a Cancel or the client's end."""
        return self._running

    def wants_cancel(self) -> bool:
        """Whether the client, whose query runs, has sent a Cancel or is gone."""
        return self._running and self._wire.wants_cancel()

    def cancel(self) -> None:
        """End the query that runs, if one does; to be called again until none does."""
        with self._state:
            if self._running:
                self._cancelled = True
                self._engine.kill(self._tag)

    def leave(self) -> None:
        """End the session after its present query; an idle one at once."""
        with self._state:
            self._leaving = True
            if not self._running:
                with suppress(OSError):
                    self.socket.shutdown(socket.SHUT_RD)

    def serve(self) -> None:
        """Answer the client until it goes; never raises."""
        try:
            with closing(self._engine.connect()) as self._connection:
                if self._greet():
                    while not self._leaving and self._packet():
                        pass
                self._connection.on_progress(None)
        except (EOFError, OSError):
            log.debug("%s is gone", self._tag)
        except ProtocolError as error:
            log.warning("%s is dropped: %s", self._tag, error)
            with suppress(OSError):
                self._fail(QueryError(_CANNOT_READ_ALL_DATA, str(error)))
        except Exception:
            log.exception("%s is dropped", self._tag)
        finally:
            self.socket.close()

    # Packets.

    def _greet(self) -> bool:
        hello = protocol.read_hello(self._wire.reader)
        try:
            _authenticate(hello)
            self._settings = SessionSettings(self._connection, self._tag)
            if hello.database:
                self._connection.run(f"USE {identifier(hello.database)}")
                self._database = hello.database
        except QueryError as error:
            self._fail(error)
            return False
        self._connection.on_progress(self._on_progress)
        name = socket.gethostname()
        self._wire.send(protocol.hello_packet(self._engine.version, self._engine.timezone, name))
        return True

    def _packet(self) -> bool:
        """Answer the next packet; False if the client is to be left."""
        number = read_varint(self._wire.reader)
        match number:
            case ClientPacket.PING:
                self._wire.send(varint(ServerPacket.PONG))
            case ClientPacket.QUERY:
                return self._query()
            case ClientPacket.CANCEL:
                pass  # it came after the query's end
            case _:
                raise ProtocolError(f"packet {number} is not known here")
        return True

    def _query(self) -> bool:
        query = protocol.read_query(self._wire.reader)
        if query.compressed and not compression.available():
            self._fail(compression.declined())
            return False  # what follows are frames that cannot be read
        self._wire.compressed = query.compressed
        try:
            self._answer(query)
        except native.UnknownLayoutError as error:
            self._fail(error)
            return False  # the place in the client's block is lost
        except QueryError as error:
            self._fail(error)
        else:
            self._wire.send(varint(ServerPacket.END_OF_STREAM))
        return True

    def _fail(self, error: QueryError) -> None:
        self._wire.send(protocol.exception_packet(error))

    def _answer(self, query: Query) -> None:
        external = self._wire.read_tables()
        with self._interruptible():
            statement = classify(query.text, self._engine.formats)
            self._settings.lay(query.settings)
            with self._temporary_tables(external):
                match statement:
                    case InsertRows():
                        self._insert(statement)
                    case Select():
                        try:
                            self._select(statement.text, describe_first=bool(external) or self._temporary)
                        except QueryError:
                            # A cancelled result just ends. Any other statement did not do its work: an error.
                            if not self._cancelled:
                                raise
                    case Other():
                        self._other(statement)

    # Cancel and progress.

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        with self._state:
            self._running, self._cancelled = True, False
        try:
            yield
        finally:
            with self._state:
                self._running = False

    @contextmanager
    def _receiving(self) -> Iterator[None]:
        """While the socket brings rows, its next byte is no Cancel."""
        with self._state:
            self._running = False
        yield
        with self._state:
            self._running = True

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        """Tell the client of progress meanwhile: of its own statement, not of what is asked around it."""
        self._counts = dict.fromkeys(_PROGRESS, 0)
        try:
            yield
        finally:
            self._counts = None

    def _on_progress(self, now: dict[str, int]) -> None:
        """Pass on what was done since the last time; runs in the engine's threads, so it raises nothing."""
        before = self._counts
        if before is None:
            return
        after = {name: max(before[name], now.get(name, 0)) for name in _PROGRESS}
        if after != before:
            self._counts = after
            with suppress(OSError):  # the session's own thread meets the same error
                self._wire.send(protocol.progress_packet([after[name] - before[name] for name in _PROGRESS]))

    # A query whose result streams.

    def _select(self, sql: str, *, describe_first: bool) -> None:
        described = self._described(sql) if describe_first else None
        columns: tuple[Column, ...] | None = None
        retyped = False
        rows = blocks = size = 0
        with self._reporting(), closing(self._connection.stream(sql)) as chunks:
            for chunk in chunks:
                if self._cancelled:
                    return
                if columns is None:
                    columns, retyped = self._result_columns(sql, chunk.raw, described)
                    self._wire.send_block(native.header(columns))
                self._wire.send_block(native.retype(chunk.raw, columns) if retyped else chunk.raw)
                rows, blocks, size = rows + chunk.rows, blocks + 1, size + len(chunk.raw)
        if columns is None and (empty := described or self._described(sql)):
            self._wire.send_block(native.header(empty))
        self._wire.send(protocol.profile_packet(rows, blocks, size))

    def _described(self, sql: str) -> tuple[Column, ...]:
        """The columns of a query by the engine; none for what it cannot describe but can run.

        Not for each query: it evaluates scalar subqueries, which may be all of the work.
        """
        try:
            return tuple(column for column, _ in self._connection.describe(f"({sql}\n)"))
        except QueryError as error:
            log.info("%s no columns before the result: %s", self._tag, error)
            return ()

    def _result_columns(
        self, sql: str, raw: bytes, described: tuple[Column, ...] | None
    ) -> tuple[tuple[Column, ...], bool]:
        """The columns of a result that starts with `raw`, and whether its blocks have to be retyped."""
        columns = native.columns_of(raw)
        if columns is not None and not native.wants_zone(columns):
            return columns, False
        if not described:  # this connection is streaming: another one is asked
            try:
                described = self._engine.describe(sql, self._database, self._settings.statements())
            except QueryError as error:
                if columns is None:
                    raise
                log.warning("%s a DateTime in the result has lost its time zone: %s", self._tag, error)
                return columns, False
        if columns is None:
            return described, False
        full = native.with_zones(columns, described)
        return full, full != columns

    # Any other statement.

    def _other(self, statement: Other) -> None:
        with self._reporting():
            raw = self._connection.run(statement.text)
        match statement.verb:
            case "USE":
                [[self._database]] = self._connection.rows("SELECT currentDatabase()")
            case "SET":
                self._settings.note(statement.text)
            case _:
                self._temporary |= statement.temporary
        blocks = native.split(raw)
        if blocks:
            self._wire.send_block(native.header(blocks[0].columns))
            for block in blocks:
                self._wire.send_block(block.raw)
            self._wire.send(
                protocol.profile_packet(sum(block.rows for block in blocks), len(blocks), len(raw))
            )

    # Rows to insert.

    def _insert(self, statement: InsertRows) -> None:
        columns = self._insert_columns(statement)
        head = f"{statement.head} ({statement.columns or _names(columns)}) {statement.tail}"
        failed: QueryError | None = None
        with Spool() as spool:
            with self._receiving():
                self._wire.send_block(native.header(columns))
                while (block := self._wire.read_data()[1]).columns:
                    if failed is not None:
                        continue  # the client sends on until it is asked for nothing more
                    spool.add(block)
                    if spool.size > self._insert_memory:
                        failed = self._try_load(head, columns, spool)
            failed = failed or self._try_load(head, columns, spool)
        if failed is not None:
            raise failed

    def _try_load(self, head: str, columns: tuple[Column, ...], spool: Spool) -> QueryError | None:
        try:
            with self._reporting():
                self._load(head, columns, spool)
        except QueryError as error:
            return error
        spool.clear()
        return None

    def _load(self, head: str, columns: tuple[Column, ...], spool: Spool) -> None:
        """Insert the spooled blocks in one statement.

        They go through a file, because chDB's own `send_insert` reports success when a write fails. What the
        engine read is counted, so that no row that it overlooked is acknowledged.
        """
        if not spool.rows:
            return
        source = f"file({literal(spool.path)}, 'Native', {literal(_structure(columns))})"
        read = self._connection.insert_from(head, _names(columns), source)
        if read < spool.rows:
            raise QueryError(
                _CANNOT_READ_ALL_DATA,
                f"the engine read {read} of {spool.rows} rows of this INSERT: insert them again",
            )

    def _insert_columns(self, statement: InsertRows) -> tuple[Column, ...]:
        described = self._connection.describe(statement.source)
        if statement.columns is None:
            return tuple(column for column, default in described if default not in _NOT_INSERTED)
        if statement.names is None:
            return self._connection.columns_of(statement.columns, statement.source)
        by_name = {column.name: column for column, _ in described}
        for name in statement.names:
            if name not in by_name:
                raise QueryError(
                    _NO_SUCH_COLUMN_IN_TABLE, f"No such column {name} in table {statement.source}"
                )
        return tuple(by_name[name] for name in statement.names)

    @contextmanager
    def _temporary_tables(self, tables: dict[str, list[Block]]) -> Iterator[None]:
        """A query's external tables, as temporary ones of this connection."""
        made: list[str] = []
        try:
            for name, blocks in tables.items():
                columns = blocks[0].columns
                self._connection.run(f"CREATE TEMPORARY TABLE {identifier(name)} ({_structure(columns)})")
                made.append(name)
                with Spool() as spool:
                    for block in blocks:
                        spool.add(block)
                    self._load(f"INSERT INTO {identifier(name)} ({_names(columns)})", columns, spool)
            yield
        finally:
            for name in made:
                self._connection.run(f"DROP TEMPORARY TABLE IF EXISTS {identifier(name)}")


def _authenticate(hello: Hello) -> None:
    if hello.user != "default" or hello.password:
        raise QueryError(
            _AUTHENTICATION_FAILED,
            f"{hello.user}: Authentication failed: the embedded ClickHouse knows the user 'default' "
            "without a password, and no other",
        )


def _names(columns: tuple[Column, ...]) -> str:
    return ", ".join(identifier(column.name) for column in columns)


def _structure(columns: tuple[Column, ...]) -> str:
    return ", ".join(f"{identifier(column.name)} {column.type}" for column in columns)
