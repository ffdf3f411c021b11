"""Whether this process may still believe that its partitions are its own."""

import threading
import time
from collections.abc import Callable

__all__ = ["Lease"]


class Lease:
    """Renewed by the loop that speaks to the group. A process that stood still (SIGSTOP, a sleeping machine)
    may have lost its partitions without having heard of it: then no call is made until the loop has asked the
    group.
    """

    def __init__(self, span_s: float | None, monotonic: Callable[[], float] = time.monotonic) -> None:
        """`span_s`: how long a renewal holds, shorter than the group waits for a silent member. None: for
        ever.
        """
        self._span_s = span_s
        self._monotonic = monotonic
        self._renewed_at = monotonic()
        self._closed = False
        self._changed = threading.Condition()

    @property
    def is_stale(self) -> bool:
        """It has run out."""
        return self._span_s is not None and self._monotonic() - self._renewed_at > self._span_s

    def renew(self) -> None:
        """The group knows us still."""
        with self._changed:
            self._renewed_at = self._monotonic()
            self._changed.notify_all()

    def await_fresh(self) -> bool:
        """Blocks while it is stale; False if it was closed meanwhile."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or not self.is_stale)
            return not self._closed

    def close(self) -> None:
        """Nobody waits any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
