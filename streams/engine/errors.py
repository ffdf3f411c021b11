"""The engine's errors: one class for each thing that an operator would do about it.

EngineError
├── PartitionStoppedError        one partition stands still, tries again by itself; the others go on
│   ├── ClockAheadError          set a clock right, or wait
│   ├── FlowLogBehindError       a tick names flow commands that the flows topic does not have
│   ├── TickFailedError          a deadline, or a flow command, that the core fails on: another version
│   ├── PositionOutsideLogError  the inbound topic lost what was not yet decided
│   ├── ChangelogError           the state cannot be read, or not by this version
│   └── StoreError               look at the disk
├── FencedError                  another worker has the partition: nothing to do
├── UndecidableError             an input that the core failed on: becomes a dead letter
├── TooManyDeadLettersError      stops the worker: find out who writes what cannot be read
├── EndNotReachedError           ends a run to the end: see to what its text names
├── WorkerFailedError            stops the worker: start it again
└── TopicsMissingError           stops the worker: `attesa topics apply`
"""

from datetime import UTC, datetime

from schemas.errors import AttesaError

__all__ = [
    "ChangelogError",
    "ClockAheadError",
    "EndNotReachedError",
    "EngineError",
    "FencedError",
    "FlowLogBehindError",
    "PartitionStoppedError",
    "PositionOutsideLogError",
    "StoreError",
    "TickFailedError",
    "TooManyDeadLettersError",
    "TopicsMissingError",
    "UndecidableError",
    "WorkerFailedError",
]


class EngineError(AttesaError):
    """Something that the engine cannot go on with; where it stands is in the text."""


class PartitionStoppedError(EngineError):
    """This partition stands still until what the text names has changed; it tries again by itself.

    `retry_s`: how long to wait before it tries, s.
    """

    retry_s: float = 5.0


class ClockAheadError(PartitionStoppedError):
    """A record's timestamp lies further ahead of this worker's clock than is allowed."""

    def __init__(
        self, *, topic: str, partition: int, offset: int, timestamp: int, now: int, limit: int
    ) -> None:
        ahead = (timestamp - now) / 1000
        self.retry_s = min(max((timestamp - now - limit) / 1000, 0.2), 30.0)
        super().__init__(
            f"{topic}-{partition} at offset {offset}: the record's timestamp {_moment(timestamp)} is "
            f"{ahead:,.0f} s ahead of this worker's clock; the limit is {limit / 1000:,.0f} s. This "
            f"partition stands still and goes on by itself at {_moment(timestamp - limit)}. If this worker's "
            "clock is slow, set it right; if the record is to be taken as it is, start the worker with a "
            "larger ATTESA_CLOCK_AHEAD_LIMIT_S."
        )


class FlowLogBehindError(PartitionStoppedError):
    """A tick says that flow commands are in force which the flows topic does not have (yet)."""

    retry_s = 1.0

    def __init__(self, *, topic: str, partition: int, offset: int, flows_through: int, end: int) -> None:
        super().__init__(
            f"{topic}-{partition} at offset {offset}: the tick names flow commands up to {flows_through}, "
            f"the flows topic was read to {end}. The partition goes on when the flows topic has them; if it "
            "was made anew, this prefix cannot be continued."
        )


class TickFailedError(PartitionStoppedError):
    """The core failed at a tick: on what fell due, or on a flow command. It is not passed over."""

    retry_s = 30.0

    def __init__(self, *, topic: str, partition: int, offset: int, cause: Exception) -> None:
        super().__init__(
            f"{topic}-{partition} at offset {offset}: the tick could not be decided: "
            f"{type(cause).__name__}: {cause}. This partition stands still: passing over the tick would let "
            "deadlines go by unfired. It is a fault of the program; the log has the traceback. Run a version "
            "that is mended, or the one before."
        )


class PositionOutsideLogError(PartitionStoppedError):
    """What comes next is not in the inbound topic any more, or not yet: never a silent jump."""

    retry_s = 10.0

    def __init__(self, *, topic: str, partition: int, position: int, low: int | None = None) -> None:
        begins = "" if low is None else f" (it begins at {low})"
        super().__init__(
            f"{topic}-{partition}: the next input is at {position}, and the log does not hold it{begins}. "
            "Inputs were deleted before they were decided, or the topic was made anew under an old state. "
            "Restore the topic, or start under a new prefix."
        )


class ChangelogError(PartitionStoppedError):
    """The changelog or its position cannot be read, or was written by a newer version."""

    retry_s = 30.0


class StoreError(PartitionStoppedError):
    """The local store cannot be opened, read or written."""

    retry_s = 10.0


class FencedError(EngineError):
    """Another worker has opened this partition's transactions: what this one had under way is void."""


class UndecidableError(EngineError):
    """The core failed on an input. Its transaction is void; the input is to become a dead letter."""

    def __init__(self, *, topic: str, partition: int, offset: int, cause: Exception) -> None:
        self.offset = offset
        self.detail = f"{type(cause).__name__}: {cause}"
        super().__init__(f"{topic}-{partition} at offset {offset} could not be decided: {self.detail}")


class TooManyDeadLettersError(EngineError):
    """So many inputs failed that the fault is with the sender or with this version, not with a record."""


class EndNotReachedError(EngineError):
    """A run to the end: what is left are partitions that stand still, for the reasons in the text."""


class WorkerFailedError(EngineError):
    """The Kafka client below the worker failed; nothing that was decided is in doubt."""


class TopicsMissingError(EngineError):
    """The prefix's topics are not there, or do not fit together."""


def _moment(ms: int) -> str:
    """A time for people; any int64 may stand in a record, so that not each has a date."""
    try:
        return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")
    except (OverflowError, ValueError, OSError):
        return f"{ms} ms"
