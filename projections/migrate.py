"""Migrations: `migrations/NNNN_name.sql`, in order, each once, checksummed.

Statements end with a semicolon at a line's end, and each can be repeated (`IF NOT EXISTS`), so that one that
was interrupted is finished by the next run. Two that start at once take turns: the first makes the table
`migrating`, which the server makes once only; who finds it waits, and takes it over when its owner has held
it for 20 s, and so is dead.
"""

import contextlib
import hashlib
import os
import re
import socket
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from clickhouse_driver import Client
from clickhouse_driver.errors import ServerException

from projections.client import connected, database_of, where
from projections.errors import MigrationError
from streams.log.settings import Settings

__all__ = ["Migration", "MigrationStatus", "migrate", "migrations", "status"]

FOLDER: Final = Path(__file__).parent / "migrations"
LOCK_WAIT_S: Final = 0.1
LOCK_DEAD_S: Final = 20.0
"""All migrations take a second or two; and one that is not dead is only overtaken, which does no harm."""

_TABLE_EXISTS: Final = 57
_NO_SUCH_DATABASE: Final = 81
_END: Final = re.compile(r";[ \t]*(?:\n|\Z)")
_NAME: Final = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")

_LEDGER: Final = """
CREATE TABLE IF NOT EXISTS migrations
(
    version UInt32 COMMENT 'The number its file begins with',
    name String COMMENT 'The file',
    checksum String COMMENT 'SHA-256 of the file, hexadecimal',
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When, by the server''s clock'
)
ENGINE = ReplacingMergeTree(applied_at)
ORDER BY version
COMMENT 'The migrations that were applied to this database'
"""


class Migration(NamedTuple):
    """A file of `migrations/`."""

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the file, hexadecimal."""
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def statements(self) -> list[str]:
        """Its statements, without their semicolons."""
        return [statement for part in _END.split(self.sql) if (statement := part.strip())]


class MigrationStatus(NamedTuple):
    """What a database knows of a migration."""

    version: int
    name: str
    state: str
    """applied, pending, or changed: applied from a file with another content."""


def migrations(folder: Path = FOLDER) -> list[Migration]:
    """The migrations, numbered 1, 2, 3 … without a gap. Raises `MigrationError` where they are not."""
    found = []
    for number, path in enumerate(sorted(folder.glob("*.sql")), start=1):
        name = _NAME.fullmatch(path.name)
        if name is None or int(name[1]) != number:
            raise MigrationError(f"{path}: its name should be {number:04}_what_it_does.sql")
        found.append(Migration(number, path.name, path.read_text(encoding="utf-8")))
    return found


def migrate(settings: Settings, folder: Path = FOLDER, *, dead_after_s: float = LOCK_DEAD_S) -> list[str]:
    """Makes the database and applies what is pending; the names of what it applied.

    Raises `MigrationError` before anything is touched if an applied file has changed or the database is newer
    than this version; `NotReachableError`.
    """
    wanted = migrations(folder)
    with connected(settings, database="default") as admin:
        admin.execute(f"CREATE DATABASE IF NOT EXISTS `{database_of(settings)}`")
    with connected(settings) as client:
        client.execute(_LEDGER)
        if not _pending(client, wanted, settings):
            return []
        with _alone(client, dead_after_s):
            # Read again: who held the lock before may have applied them.
            todo = _pending(client, wanted, settings)
            for migration in todo:
                _apply(client, migration)
            return [migration.name for migration in todo]


def status(settings: Settings, folder: Path = FOLDER) -> list[MigrationStatus]:
    """What stands against the database; it is not touched, and need not be there. `NotReachableError`."""
    with connected(settings) as client:
        applied = _applied(client, database_of(settings))
    return [
        MigrationStatus(
            migration.version,
            migration.name,
            "pending"
            if (known := applied.get(migration.version)) is None
            else "applied"
            if known == migration.checksum
            else "changed",
        )
        for migration in migrations(folder)
    ]


def _apply(client: Client, migration: Migration) -> None:
    for statement in migration.statements:
        client.execute(statement)
    client.execute(
        "INSERT INTO migrations (version, name, checksum) VALUES",
        [(migration.version, migration.name, migration.checksum)],
    )


def _pending(client: Client, wanted: list[Migration], settings: Settings) -> list[Migration]:
    applied = _applied(client, database_of(settings))
    for migration in wanted:
        if applied.get(migration.version, migration.checksum) != migration.checksum:
            raise MigrationError(
                f"{where(settings)}: {migration.name} has changed since it was applied. Applied files are "
                "never edited: put the change into a new one, or drop the database and project the facts anew"
            )
    if newer := sorted(applied.keys() - {migration.version for migration in wanted}):
        raise MigrationError(
            f"{where(settings)}: migration {newer[-1]} is applied there and this version knows "
            f"{len(wanted)}. The database belongs to a newer Attesa: upgrade this one"
        )
    return [migration for migration in wanted if migration.version not in applied]


def _applied(client: Client, database: str) -> dict[int, str]:
    """Checksums by version; none where the database or the ledger is not there."""
    try:
        there = client.execute(
            "SELECT count() FROM system.tables WHERE database = %(database)s AND name = 'migrations'",
            {"database": database},
        )
    except ServerException as error:
        if error.code != _NO_SUCH_DATABASE:
            raise
        return {}
    if not there[0][0]:
        return {}
    return dict(client.execute("SELECT version, checksum FROM migrations FINAL"))


@contextlib.contextmanager
def _alone(client: Client, dead_after_s: float) -> Iterator[None]:
    """Holds the table `migrating` meanwhile; waits while another does."""
    token = f"{socket.gethostname()} {os.getpid()} {uuid.uuid4().hex}"
    holder, since = "", time.monotonic()
    while not _take(client, token):
        seen = _holder(client)
        if seen != holder:
            holder, since = seen, time.monotonic()
        elif time.monotonic() - since > dead_after_s:
            client.execute("DROP TABLE IF EXISTS migrating SYNC")
        else:
            time.sleep(LOCK_WAIT_S)
    try:
        yield
    finally:
        if _holder(client) == token:
            client.execute("DROP TABLE IF EXISTS migrating SYNC")


def _take(client: Client, token: str) -> bool:
    try:
        client.execute(
            "CREATE TABLE migrating (nothing UInt8 COMMENT 'Never written') ENGINE = Null COMMENT %(token)s",
            {"token": token},
        )
    except ServerException as error:
        if error.code != _TABLE_EXISTS:
            raise
        return False
    return True


def _holder(client: Client) -> str:
    rows = client.execute(
        "SELECT comment FROM system.tables WHERE database = currentDatabase() AND name = 'migrating'"
    )
    return rows[0][0] if rows else ""
