"""Errors of the log, one class per thing that an operator would do about it.

AttesaError
├── TopicMissingError      create it: attesa topics apply
├── TopicDiffersError      a topic is there with another shape; it cannot be changed in place
├── LogGapError            records are gone that were to be read: restore, or give the position up
├── PartitionFailedError   the broker reports an error for a partition: look at the broker
├── DeliveryFailedError    a record was not taken: look at the broker, then send again
├── MasterKeyError         set ATTESA_MASTER_KEY to the key that wrapped the contacts' keys
└── SealBrokenError        a sealed value does not open: the wrong key, or changed bytes
"""

from schemas.errors import AttesaError, UsageError

__all__ = [
    "DeliveryFailedError",
    "LogGapError",
    "MasterKeyError",
    "PartitionFailedError",
    "SealBrokenError",
    "TopicDiffersError",
    "TopicMissingError",
]


class TopicMissingError(AttesaError):
    """A topic is not there. `attesa topics apply` makes it."""

    def __init__(self, topic: str) -> None:
        super().__init__(f"topic {topic} is not there; `attesa topics apply` creates the topics of a prefix")
        self.topic = topic


class TopicDiffersError(AttesaError):
    """A topic is there in a shape that cannot be changed in place: its partitions or its kind of time."""

    def __init__(self, topic: str, detail: str) -> None:
        super().__init__(f"{topic}: {detail}")
        self.topic = topic


class _AtAnOffsetError(AttesaError):
    def __init__(self, topic: str, partition: int, offset: int, detail: str) -> None:
        super().__init__(f"{topic}-{partition} at {offset}: {detail}")
        self.topic = topic
        self.partition = partition
        self.offset = offset


class LogGapError(_AtAnOffsetError):
    """The log does not hold this offset any more, or not yet: retention, a new topic of the same name."""


class PartitionFailedError(_AtAnOffsetError):
    """The broker reported an error for this partition, or did not answer for it in time."""


class DeliveryFailedError(AttesaError):
    """The broker did not take a record; whether others of the same moment are in is in `failed`."""

    def __init__(self, topic: str, key: bytes | None, detail: str, *, failed: int = 1) -> None:
        named = "no key" if key is None else f"key {key.decode(errors='backslashreplace')}"
        more = f", and {failed - 1} more" if failed > 1 else ""
        super().__init__(f"{topic}: a record with {named} was not delivered{more}: {detail}")
        self.topic = topic
        self.key = key
        self.failed = failed


class MasterKeyError(UsageError):
    """The master key is missing, malformed, or not the one that wrapped a contact's key."""


class SealBrokenError(AttesaError):
    """A sealed value does not open: it was sealed under another key or for another fact, or was changed."""

    def __init__(self, fact: str, detail: str) -> None:
        super().__init__(f"fact {fact}: {detail}")
        self.fact = fact
