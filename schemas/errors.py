"""The root of Attesa's errors.

    AttesaError
    ├── UsageError          wrong usage: exit code 2
    ├── NotReachableError   a server is not there: exit code 3
    └── …                   one class per thing that an operator would do, beside the code that raises it

A message says what, where (file and line, or topic-partition-offset) and what to do next.
"""

from typing import ClassVar

__all__ = ["AttesaError", "NotReachableError", "UsageError"]


class AttesaError(Exception):
    """Something that a person can act on; its text is meant for them."""

    exit_code: ClassVar[int] = 1


class UsageError(AttesaError):
    """The command or a setting was wrong; nothing was done."""

    exit_code = 2


class NotReachableError(AttesaError):
    """A server did not answer; what was tried is in the text."""

    exit_code = 3
