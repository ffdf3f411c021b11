"""Inputs that cannot be decided: what the shell refuses, and how many are too many."""

from collections import deque
from collections.abc import Sequence
from typing import Final, Literal

from schemas.wire import Reason
from streams.engine.errors import TooManyDeadLettersError

__all__ = ["Limits", "RejectedError", "ShellReason"]

ShellReason = Literal["bad_contact", "wrong_partition", "text_too_long", "undecidable"]
"""What the shell itself finds: a key that is no UTF-8 · a contact first seen on a partition where its key
does not belong · a text over ATTESA_MAX_TEXT_BYTES · an input on which the core failed. Beside these stand
the wire's reasons (`schemas.wire.Reason`) and the core's (`streams.core.refusals.DeadReason`, which has two
of these names too).
"""

WINDOW: Final = 10_000


class RejectedError(Exception):
    """An input that becomes a dead letter. `detail` is for people and never quotes a personal value."""

    def __init__(self, reason: Reason | ShellReason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


class Limits:
    """Counts failures of a partition's inputs (ticks apart), in a row and among the last 10,000."""

    def __init__(self, *, in_a_row: int, share: float, topic: str, partition: int) -> None:
        self._most_in_a_row = in_a_row
        self._most_in_window = max(1, int(share * WINDOW))
        self._where = f"{topic}-{partition}"
        self._in_a_row = 0
        self._window: deque[bool] = deque(maxlen=WINDOW)
        self._in_window = 0

    def check(self, failed: Sequence[bool]) -> None:
        """Raises `TooManyDeadLettersError` if these, once committed, would be too many."""
        if not any(failed):
            return
        run = self._in_a_row
        for one in failed:
            run = run + 1 if one else 0
            if run >= self._most_in_a_row:
                self._refuse(f"{run} inputs in a row", "ATTESA_DEAD_LETTERS_IN_A_ROW")
        # Dropping the oldest can only take failures away: count exactly only when it matters.
        if self._in_window + sum(failed) > self._most_in_window:
            behind = [*self._window, *failed][-WINDOW:]
            if sum(behind) > self._most_in_window:
                self._refuse(
                    f"{sum(behind):,} of the last {len(behind):,} inputs", "ATTESA_DEAD_LETTERS_SHARE"
                )

    def add(self, failed: Sequence[bool]) -> None:
        """These were committed."""
        for one in failed:
            self._in_a_row = self._in_a_row + 1 if one else 0
            if len(self._window) == WINDOW:
                self._in_window -= self._window[0]
            self._window.append(one)
            self._in_window += one

    def _refuse(self, what: str, setting: str) -> None:
        raise TooManyDeadLettersError(
            f"{self._where}: {what} could not be decided. The worker stops here rather than drain the topic "
            "into dead letters; the last of them were not written. See the reasons in the dead letters and "
            "in this log; correct the sender or the schemas and start again; if they are to become dead "
            f"letters all the same, start with a larger {setting}."
        )
