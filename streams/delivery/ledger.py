"""How far each partition of the commands is done, and what the log tells of commands that come again."""

from collections import OrderedDict

from streams.delivery.decision import Past

__all__ = ["Ledger"]

_FRESH = Past()
_ENDED = Past(ended=True)


class Ledger:
    """One partition's account. Commands end in any order; what is committed is the lowest unfinished."""

    def __init__(
        self, partition: int, attempts: dict[str, int], ended: set[str], *, remembers: int = 10_000
    ) -> None:
        """From what was read at the assignment: calls by command id, and commands whose outcome was said.

        Of ended commands at least the last `remembers` are known, and all that were read at the assignment.
        """
        self.partition = partition
        self.closed = False
        """The partition is no longer ours: whoever has it speaks for its commands."""
        self._attempts = attempts
        self._ended: OrderedDict[str, None] = OrderedDict.fromkeys(ended)
        self._remembers = max(remembers, len(ended))
        # Ordered by insertion, which is the order of the log; a plain dict is slow at its front.
        self._unfinished: OrderedDict[int, None] = OrderedDict()
        self._next: int | None = None

    def __len__(self) -> int:
        """Commands read and not finished."""
        return len(self._unfinished)

    def past(self, command: str) -> Past:
        """What is known of a command that was just read."""
        if command in self._ended:
            return _ENDED
        attempts = self._attempts.get(command, 0)
        return Past(attempts=attempts, in_doubt=True) if attempts else _FRESH

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
            self._attempts.pop(command, None)
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
