"""The one way to ClickHouse: clickhouse-driver, native protocol.

Queries are files with parameters as `{since:UInt64}`, ClickHouse's own, so that each also runs by hand:
`clickhouse-client --param_since=0 … < FILE`. Here the parameters are set on the connection beforehand, which
servers of every protocol revision take.
"""

import contextlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from clickhouse_driver import Client
from clickhouse_driver.errors import Error, NetworkError, ServerException, SocketTimeoutError

from projections.errors import NotMigratedError, RowsRefusedError
from schemas.errors import NotReachableError
from streams.log.settings import Settings
from streams.log.topics import Topics

__all__ = ["AWAY", "CONNECT_TIMEOUT_S", "answering", "connect", "connected", "database_of", "query", "where"]

CONNECT_TIMEOUT_S: Final = 5
DEFAULT_PREFIX: Final = Settings.model_fields["prefix"].default

AWAY: Final = (NetworkError, SocketTimeoutError, EOFError, ConnectionError, TimeoutError)
"""What the driver raises when the server is not there or went away; its next statement connects anew."""

# The driver logs a traceback for each attempt; what it raises says the same.
logging.getLogger("clickhouse_driver.connection").addHandler(logging.NullHandler())

_MISSING: Final = {
    60: "a table is missing",
    81: "there is no such database",
}


def database_of(settings: Settings) -> str:
    """The database of the settings' prefix: the URL's for the default prefix, else the prefix's own name."""
    named = urlsplit(settings.clickhouse.get_secret_value()).path.strip("/")
    if settings.prefix == DEFAULT_PREFIX and named:
        return named
    return Topics(settings.prefix).database


def where(settings: Settings) -> str:
    """The server and database, for people: without user and password."""
    parts = urlsplit(settings.clickhouse.get_secret_value())
    return f"clickhouse://{parts.hostname}:{parts.port or 9000}/{database_of(settings)}"


def connect(settings: Settings, *, database: str | None = None) -> Client:
    """A client of the prefix's database, or of `database`. It connects at its first statement.

    Not to be shared by threads.
    """
    parts = urlsplit(settings.clickhouse.get_secret_value())
    url = urlunsplit(parts._replace(path=f"/{database or database_of(settings)}"))
    client = Client.from_url(url)
    client.connection.connect_timeout = min(client.connection.connect_timeout, CONNECT_TIMEOUT_S)
    return client


@contextlib.contextmanager
def connected(settings: Settings, *, database: str | None = None) -> Iterator[Client]:
    """A client of its own, disconnected at the end; errors as in `answering`."""
    client = connect(settings, database=database)
    try:
        with answering(settings):
            yield client
    finally:
        client.disconnect()


@contextlib.contextmanager
def answering(settings: Settings) -> Iterator[None]:
    """What the driver raises inside becomes an error for people.

    `NotReachableError` for a server that is not there, `NotMigratedError` for missing tables,
    `RowsRefusedError` for what else the server says.
    """
    try:
        yield
    except AWAY as error:
        raise NotReachableError(
            f"no ClickHouse answers at {where(settings)} ({_first_line(error) or type(error).__name__}); "
            f"tried to connect for {CONNECT_TIMEOUT_S} s. Is ATTESA_CLICKHOUSE right, and the server up? "
            "`attesa up` starts one here"
        ) from error
    except ServerException as error:
        if error.code in _MISSING:
            raise NotMigratedError(where(settings), _MISSING[error.code]) from error
        raise RowsRefusedError(where(settings), error.code, _first_line(error)) from error
    except Error as error:
        raise RowsRefusedError(where(settings), error.code or 0, _first_line(error)) from error


def query(client: Client, sql: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of a SELECT whose `{name:Type}` are these parameters: numbers, texts or lists of texts."""
    if parameters:
        assigned = ", ".join(
            f"param_{name} = {_literal(_value(value))}" for name, value in parameters.items()
        )
        client.execute(f"SET {assigned}")
    rows, columns = client.execute(sql, with_column_types=True)
    names = [name for name, _ in columns]
    return [dict(zip(names, row, strict=True)) for row in rows]


def _value(value: int | str | Sequence[str]) -> str:
    """A parameter's text, as ClickHouse reads a field of a tab-separated file."""
    match value:
        case int():
            return str(int(value))
        case str():
            return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")
        case _:
            return f"[{', '.join(_literal(item) for item in value)}]"


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _first_line(error: BaseException) -> str:
    """What happened, without the server's stack trace."""
    return str(error).split("Stack trace", 1)[0].replace("\n", " ").strip().rstrip(".")
