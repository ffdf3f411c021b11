"""How far each partition of the commands is done, and what the log tells of commands that come again."""

from collections import OrderedDict

from schemas.types.records import Attempt
from streams.delivery.decision import Past

__all__ = ["Ledger"]

_FRESH = Past()
_ENDED = Past(ended=True)


class Ledger:
    """One partition's account. Commands end in any order; what is committed is the lowest unfinished."""

    def __init__(
        self,
        partition: int,
        tried: dict[str, Attempt],
        ended: set[str],
        *,
        start: int | None = None,
        remembers: int = 10_000,
    ) -> None:
        """From what was read at the assignment: the last attempt of commands that have no outcome, and those
        that have one. `start` is where the commands are read from.

        Of ended commands at least the last `remembers` are known, and all that were read at the assignment.
        """
        self.partition = partition
        self.closed = False
        """The partition is no longer ours: whoever has it speaks for its commands."""
        self._tried = tried
        self._ended: OrderedDict[str, None] = OrderedDict.fromkeys(ended)
        self._remembers = max(remembers, len(ended))
        # Ordered by insertion, which is the order of the log; a plain dict is slow at its front.
        self._unfinished: OrderedDict[int, None] = OrderedDict()
        self._next = start

    def __len__(self) -> int:
        """Commands read and not finished."""
        return len(self._unfinished)

    def past(self, command: str) -> Past:
        """What is known of a command that was just read."""
        if command in self._ended:
            return _ENDED
        last = self._tried.get(command)
        return _FRESH if last is None else Past(attempts=last.attempt, in_doubt=True, via=last.via)

    def read(self, offset: int) -> None:
        """A record was read; offsets rise."""
        self._unfinished[offset] = None
        self._next = offset + 1

    def finished(self, offset: int, command: str | None = None) -> None:
        """The record is done with: its outcome is acknowledged, or it needs none. `command` is known as
        ended.
        """
        del self._unfinished[offset]
        if command is not None:
            self._tried.pop(command, None)
            self._ended[command] = None
            self._ended.move_to_end(command)
            while len(self._ended) > self._remembers:
                self._ended.popitem(last=False)

    @property
    def position(self) -> int | None:
        """The offset to go on from after a crash: the lowest unfinished, else the next; None before the
        first.
        """
        return next(iter(self._unfinished), self._next)
