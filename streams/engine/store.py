"""The local copy of a partition's state: RocksDB, behind the changelog, never ahead of it.

    c + contact              the contact's envelope, as in the changelog
    d + due + contact        index of deadlines (due: 8 bytes big-endian); hints, not in the changelog
    e + contact              erased, and older files may still hold it
    !position                the position, as in the changelog
    !offset                  next offset of the changelog, and when it was written (wall clock, ms)

Written after the commit, in one write batch with the changelog's offset; the log of RocksDB is not synced:
what a power cut takes away is read again from the changelog. Keys and values are bytes. One thread at a time.
"""

import shutil
import struct
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import rocksdict

from streams.engine.envelope import POSITION_KEY, soonest_of
from streams.engine.errors import StoreError

__all__ = ["Store"]

_CONTACT: Final = b"c"
_DEADLINE: Final = b"d"
_AFTER_DEADLINES: Final = b"e"
_ERASED: Final = b"e"
_AFTER_ERASED: Final = b"f"
_OFFSET: Final = b"!offset"
_OFFSET_VALUE: Final = struct.Struct(">QQ")
_DUE: Final = struct.Struct(">Q")
_WRITE_BUFFER_BYTES: Final = 16 << 20
_PURGED_ONE_BY_ONE: Final = 16
_WHAT_TO_DO: Final = "Look at the disk; a folder that is taken away is made again from the changelog."


class Store:
    """One partition's RocksDB at `path`; made if it is not there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db: Any = None
        self._open()

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        options = rocksdict.Options(raw_mode=True)
        options.create_if_missing(True)
        options.set_write_buffer_size(_WRITE_BUFFER_BYTES)
        options.set_max_write_buffer_number(3)
        options.set_keep_log_file_num(2)
        self._db = rocksdict.Rdict(str(self.path), options)

    @property
    def offset(self) -> int | None:
        """The next offset of the changelog; None for a new store."""
        kept = self._db.get(_OFFSET)
        return None if kept is None else int(_OFFSET_VALUE.unpack(kept)[0])

    @property
    def age_s(self) -> float:
        """Since it was last written, by the wall clock, s; 0 for a new store."""
        kept = self._db.get(_OFFSET)
        return 0.0 if kept is None else max(0.0, time.time() - _OFFSET_VALUE.unpack(kept)[1] / 1000)

    @property
    def position(self) -> bytes | None:
        """The encoded position; None if none was ever written."""
        kept: bytes | None = self._db.get(POSITION_KEY)
        return kept

    def get(self, contact: str) -> bytes | None:
        """The contact's envelope."""
        try:
            kept: bytes | None = self._db.get(_CONTACT + contact.encode())
        except Exception as error:
            raise StoreError(f"{self.path}: a contact cannot be read: {error}. {_WHAT_TO_DO}") from error
        return kept

    def write(
        self,
        contacts: Iterable[tuple[str, bytes | None]],
        deadlines: Mapping[tuple[int, str], bool],
        position: bytes,
        changelog_offset: int,
    ) -> None:
        """What a committed transaction changed. `deadlines`: entries to add (True) and to take away."""
        batch = rocksdict.WriteBatch(raw_mode=True)
        for contact, envelope in contacts:
            self._put_contact(batch, contact.encode(), envelope)
        for (due, contact), stands in deadlines.items():
            key = _DEADLINE + _DUE.pack(due) + contact.encode()
            if stands:
                batch[key] = b""
            else:
                batch.delete(key)
        batch[POSITION_KEY] = position
        self._finish(batch, changelog_offset)

    def apply(self, records: Mapping[bytes, bytes | None], changelog_offset: int) -> None:
        """Records of the changelog by key, the last of each; fills the index as it goes.

        Entries of older versions of a contact stay behind in the index: they are hints.
        """
        batch = rocksdict.WriteBatch(raw_mode=True)
        for key, value in records.items():
            if key == POSITION_KEY:
                if value is not None:
                    batch[POSITION_KEY] = value
                continue
            self._put_contact(batch, key, value)
            if value is not None and (due := soonest_of(value)) is not None:
                batch[_DEADLINE + _DUE.pack(due) + key] = b""
        self._finish(batch, changelog_offset)

    @staticmethod
    def _put_contact(batch: Any, contact: bytes, envelope: bytes | None) -> None:
        if envelope is None:
            batch.delete(_CONTACT + contact)
            batch[_ERASED + contact] = b""
        else:
            batch[_CONTACT + contact] = envelope

    def _finish(self, batch: Any, changelog_offset: int) -> None:
        batch[_OFFSET] = _OFFSET_VALUE.pack(changelog_offset, int(time.time() * 1000))
        self._db.write(batch)

    def deadlines_after(self, after: tuple[int, str] | None, most: int) -> list[tuple[int, str]]:
        """The next `most` index entries behind `after`, in order of (due, contact)."""
        start = _DEADLINE if after is None else _DEADLINE + _DUE.pack(after[0]) + after[1].encode() + b"\0"
        found: list[tuple[int, str]] = []
        try:
            entries = self._db.iter()
            entries.seek(start)
        except Exception as error:
            raise StoreError(f"{self.path}: the deadlines cannot be read: {error}. {_WHAT_TO_DO}") from error
        while len(found) < most and entries.valid():
            key = entries.key()
            if key >= _AFTER_DEADLINES:
                break
            found.append((_DUE.unpack_from(key, 1)[0], key[9:].decode()))
            entries.next()
        return found

    def purge(self) -> int:
        """Rewrites the files that may still hold erased contacts, so that no file opens them; returns how
        many contacts. Cheap when there are none; else it rewrites the files around each.
        """
        erased: list[bytes] = []
        entries = self._db.iter()
        entries.seek(_ERASED)
        while entries.valid() and (key := entries.key()) < _AFTER_ERASED:
            erased.append(key)
            entries.next()
        if not erased:
            return 0
        # The memtable first: the tombstones must reach files to meet what they delete; and the old log goes.
        self._db.flush(wait=True)
        if len(erased) > _PURGED_ONE_BY_ONE:
            self._db.compact_range(_CONTACT, _DEADLINE)
        else:
            for key in erased:
                contact = _CONTACT + key[1:]
                self._db.compact_range(contact, contact + b"\0")
        batch = rocksdict.WriteBatch(raw_mode=True)
        for key in erased:
            batch.delete(key)
        self._db.write(batch)
        return len(erased)

    def throw_away(self) -> None:
        """Deletes everything and starts anew."""
        self._db.close()
        shutil.rmtree(self.path)
        self._open()

    def close(self) -> None:
        """Closes the files. What was written stays."""
        self._db.close()
