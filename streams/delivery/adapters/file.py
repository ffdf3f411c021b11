"""`file`: JSON lines, appended to a file; on disk before a message counts as accepted."""

import contextlib
import fcntl
import os
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from streams.delivery.message import Gate, Message, Result

__all__ = ["FileAdapter"]

_TAIL_BYTES = 64 * 1024 * 1024
_LEFT_OUT = frozenset({"resend", "traceparent"})


class FileAdapter:
    """Appends to one file, which several processes may share: a lock on it is held for each batch.

    A message whose id is among the file's last `remembers` lines is not written again, which covers what a
    crash can bring back. A line torn by a crash is cut off. fsync once a batch.
    """

    batches = True
    honours_key = True

    def __init__(self, path: Path, *, remembers: int = 100_000) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._remembers = remembers
        self._written: OrderedDict[str, None] = OrderedDict()
        self._size = 0
        # flock is between processes; threads of this one share the descriptor.
        self._lock = threading.Lock()

    def deliver(self, messages: Sequence[Message], gate: Gate) -> list[Result]:
        """Accepted once on disk; failed, with nothing written, where the disk refuses."""
        verdicts = gate(messages)
        due = [message for message, verdict in zip(messages, verdicts, strict=True) if verdict is None]
        done = Result("accepted")
        if due:
            with self._lock:
                fcntl.flock(self._file, fcntl.LOCK_EX)
                try:
                    self._append(due)
                except OSError as error:
                    done = Result("failed", reason=f"disk: {error.strerror}")
                finally:
                    fcntl.flock(self._file, fcntl.LOCK_UN)
        return [verdict or done for verdict in verdicts]

    def close(self) -> None:
        """Closes the file."""
        os.close(self._file)

    def _append(self, messages: Iterable[Message]) -> None:
        self._catch_up()
        fresh = {message.id: message for message in messages if message.id not in self._written}
        if not fresh:
            return
        data = b"".join(_line(message) for message in fresh.values())
        try:
            if os.write(self._file, data) != len(data):
                raise OSError(28, "No space left on device")  # noqa: TRY301 - undone below, as any other
            os.fsync(self._file)
        except OSError:
            # Where even that is refused, the torn line is cut off before the next batch.
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._size)
            raise
        self._size += len(data)
        self._remember(fresh)

    def _catch_up(self) -> None:
        """Reads what was appended since, by another process or before this one; cuts off a torn last line."""
        size = os.fstat(self._file).st_size
        start = max(self._size, size - _TAIL_BYTES)
        tail = _read(self._file, start, size)
        whole = tail.rfind(b"\n") + 1
        if whole < len(tail):
            os.ftruncate(self._file, start + whole)
        lines = tail[:whole].splitlines()
        # A tail that begins within the file begins within a line.
        self._remember(_ids(lines[1:] if start > self._size else lines))
        self._size = start + whole

    def _remember(self, ids: Iterable[str]) -> None:
        for written in ids:
            self._written[written] = None
        while len(self._written) > self._remembers:
            self._written.popitem(last=False)


class _Id(msgspec.Struct):
    id: str


_ID = msgspec.json.Decoder(_Id)


def _ids(lines: Iterable[bytes]) -> Iterable[str]:
    for line in lines:
        try:
            yield _ID.decode(line).id
        except msgspec.MsgspecError:
            # Not ours: somebody's own line in the file is left as it is.
            continue


def _read(file: int, start: int, end: int) -> bytes:
    parts = []
    while start < end and (part := os.pread(file, end - start, start)):
        parts.append(part)
        start += len(part)
    return b"".join(parts)


def _line(message: Message) -> bytes:
    fields: dict[str, Any] = {
        name: value
        for name, value in msgspec.structs.asdict(message).items()
        if name not in _LEFT_OUT and value is not None
    }
    return msgspec.json.encode(fields) + b"\n"
