"""Rows put in order on disk: memory stays the same however large the file is."""

import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, Self

import msgspec

from schemas.types.inputs import Input, Tick
from streams.imports.rows import LeftOut, Row

__all__ = ["Spool"]

CACHE_KIB: Final = 65_536
EXAMPLES: Final = 3
ROW_TABLE: Final = """
CREATE TABLE row (
  source TEXT, id TEXT, at INT, contact TEXT, record BLOB, there INT DEFAULT 0, PRIMARY KEY (source, id)
)
"""


class Spool:
    """Sorts rows by record time, source and id, in a temporary database. A context manager."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="attesa-import-")
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(Input).decode
        self.scratch = sqlite3.connect(Path(self._folder.name) / "rows.db", isolation_level=None)
        """For a format's own look-ups; goes with the spool."""
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "temp_store=FILE", f"cache_size=-{CACHE_KIB}"):
            self.scratch.execute(f"PRAGMA {pragma}")
        self.scratch.execute(ROW_TABLE)
        self.types: Counter[str] = Counter()
        """How many of each record are in."""
        self.channels: set[str] = set()
        """All channels that the records name."""
        self.left_out: Counter[str] = Counter()
        self.examples: dict[str, list[LeftOut]] = {}
        """The first few of each reason, to be shown."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.scratch.close()
        self._folder.cleanup()

    def __len__(self) -> int:
        return self.types.total()

    def fill(self, rows: Iterable[Row | LeftOut]) -> None:
        """Takes everything in. A source and id that came before is left out as `duplicate`."""
        self.scratch.execute("BEGIN")
        for row in rows:
            if isinstance(row, LeftOut):
                self._leave_out(row)
            else:
                self._take(row)
        self.scratch.execute("COMMIT")
        self.scratch.execute("CREATE INDEX in_order ON row (at, source, id)")

    def span(self) -> tuple[int, int]:
        """The first and last record time, ms UTC; (0, 0) if there is no row."""
        first, last = self.scratch.execute("SELECT min(at), max(at) FROM row").fetchone()
        return first or 0, last or 0

    def mark_there(self, inputs: Iterable[Input]) -> int:
        """Notes which rows are in the log already, so that `missing` leaves them out; how many they are."""
        self.scratch.execute("BEGIN")
        for record in inputs:
            if not isinstance(record, Tick):
                self.scratch.execute(
                    "UPDATE row SET there = 1 WHERE source = ? AND id = ?", (record.source, record.id)
                )
        self.scratch.execute("COMMIT")
        count: int = self.scratch.execute("SELECT count(*) FROM row WHERE there").fetchone()[0]
        return count

    def missing(self) -> Iterator[Row]:
        """The rows that are not in the log, by time, source and id."""
        found = self.scratch.execute(
            "SELECT at, contact, record FROM row WHERE NOT there ORDER BY at, source, id"
        )
        for at, contact, record in found:
            yield Row(at=at, contact=contact, record=self._decode(record))

    def _take(self, row: Row) -> None:
        record = row.record
        if isinstance(record, Tick):
            raise TypeError("a tick has no contact and comes from no file")
        added = self.scratch.execute(
            "INSERT OR IGNORE INTO row (source, id, at, contact, record) VALUES (?, ?, ?, ?, ?)",
            (record.source, record.id, row.at, row.contact, self._encode(record)),
        )
        if not added.rowcount:
            self._leave_out(LeftOut("duplicate", 0, f"{record.source}/{record.id}"))
            return
        self.types[type(record).__name__] += 1
        channel = getattr(record, "channel", None)
        if channel is not None:
            self.channels.add(channel)

    def _leave_out(self, row: LeftOut) -> None:
        self.left_out[row.reason] += 1
        examples = self.examples.setdefault(row.reason, [])
        if len(examples) < EXAMPLES:
            examples.append(row)
