"""What a format makes of a file."""

import msgspec

from schemas.errors import UsageError
from schemas.types.inputs import Input

__all__ = ["ImportRefusedError", "LeftOut", "Row"]


class Row(msgspec.Struct, frozen=True):
    """A record to be written: `at` is its record time, ms UTC; `contact` is `workspace/contact_id`."""

    at: int
    contact: str
    record: Input


class LeftOut(msgspec.Struct, frozen=True):
    """Something in the file that no record is made of."""

    reason: str
    """One of a few words that are counted: no_time, not_a_message, bad_record …"""
    line: int
    detail: str = ""


class ImportRefusedError(UsageError):
    """The file cannot be imported as it is; nothing was written."""
