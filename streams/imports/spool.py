"""Rows put in order on disk: memory stays the same however large the file is."""

import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from schemas.types.inputs import Input, Tick
from streams.imports.rows import LeftOut, Row

__all__ = ["Spool"]

CACHE_KIB = 65_536
EXAMPLES = 3


class Spool:
    """Sorts encoded rows by (record time, source, id) in a temporary database that goes with it."""

    def __init__(self, encode: Callable[[Input], bytes]) -> None:
        self._encode = encode
        self._folder = tempfile.TemporaryDirectory(prefix="attesa-import-")
        self.scratch = sqlite3.connect(Path(self._folder.name) / "rows.db", isolation_level=None)
        """For a format's own look-ups; goes with the spool."""
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "temp_store=FILE", f"cache_size=-{CACHE_KIB}"):
            self.scratch.execute(f"PRAGMA {pragma}")
        self.scratch.execute(
            "CREATE TABLE row (source TEXT, id TEXT, at INT, contact TEXT, type TEXT, record BLOB,"
            " PRIMARY KEY (source, id))"
        )
        self.left_out: Counter[str] = Counter()
        self.examples: dict[str, list[LeftOut]] = {}
        """The first few of each reason, to be shown."""
        self.types: Counter[str] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.scratch.close()
        self._folder.cleanup()

    def fill(self, rows: Iterator[Row | LeftOut]) -> None:
        """Takes everything in. A source and id that came before is left out as `duplicate`."""
        self.scratch.execute("BEGIN")
        for row in rows:
            if isinstance(row, LeftOut):
                self._leave_out(row)
            else:
                self._take(row)
        self.scratch.execute("COMMIT")
        self.scratch.execute("CREATE INDEX in_order ON row (at, source, id)")

    def _take(self, row: Row) -> None:
        record = row.record
        if isinstance(record, Tick):
            raise TypeError("a tick has no contact and comes from no file")
        name = type(record).__name__
        added = self.scratch.execute(
            "INSERT OR IGNORE INTO row VALUES (?, ?, ?, ?, ?, ?)",
            (record.source, record.id, row.at, row.contact, name, self._encode(record)),
        )
        if added.rowcount:
            self.types[name] += 1
        else:
            self._leave_out(LeftOut("duplicate", 0, f"{record.source}/{record.id}"))

    def _leave_out(self, row: LeftOut) -> None:
        self.left_out[row.reason] += 1
        examples = self.examples.setdefault(row.reason, [])
        if len(examples) < EXAMPLES:
            examples.append(row)

    def __len__(self) -> int:
        return self.types.total()

    def span(self) -> tuple[int, int]:
        """The first and last record time, ms UTC; (0, 0) if there is no row."""
        first, last = self.scratch.execute("SELECT min(at), max(at) FROM row").fetchone()
        return first or 0, last or 0

    def in_order(self, skip: int = 0) -> Iterator[tuple[int, str, str, str, bytes]]:
        """(record time, contact, source/id, record name, wire bytes) by time and id, but the first `skip`."""
        found = self.scratch.execute(
            "SELECT at, contact, source || '/' || id, type, record FROM row"
            " ORDER BY at, source, id LIMIT -1 OFFSET ?",
            (skip,),
        )
        yield from found
