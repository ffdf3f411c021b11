"""What can go wrong with the stack, one class for each thing that an operator would do about it.

AttesaError
├── MissingProgramError       install it
├── StackRecordError          end its processes by hand, remove the file
├── UsageError
│   ├── PortTakenError        end who holds the port, or set another one
│   └── StackConflictError    take the stack that is up down first
└── NotReachableError
    ├── FetchFailedError      look at the network or Maven's settings, try again
    └── ServerFailedError     read its log
"""

from pathlib import Path

from schemas.errors import AttesaError, NotReachableError, UsageError

__all__ = [
    "FetchFailedError",
    "MissingProgramError",
    "PortTakenError",
    "ServerFailedError",
    "StackConflictError",
    "StackRecordError",
]


class MissingProgramError(AttesaError):
    """A program or package that is needed is not on this machine, or too old."""

    exit_code = 3


class FetchFailedError(NotReachableError):
    """Apache Kafka could not be fetched."""


class PortTakenError(UsageError):
    """A port that a server should listen on is another's. `held_by` is None where the holder cannot be
    told.
    """

    def __init__(self, port: int, *, wanted_by: str, held_by: str | None, setting: str) -> None:
        self.port, self.held_by, self.setting = port, held_by, setting
        holder = held_by or "a process that cannot be told (another user's)"
        super().__init__(
            f"port {port} on 127.0.0.1, where {wanted_by} would listen, is taken by {holder}: "
            f"end that, or set {setting} to a free port"
        )


class ServerFailedError(NotReachableError):
    """A server ended, or never became ready. `tail` is the end of what it said, and is shown."""

    def __init__(self, server: str, what: str, *, log: Path, tail: str = "") -> None:
        self.server, self.log = server, log
        said = f", and said last:\n{tail}" if tail else ""
        super().__init__(f"{server} {what}; its log is {log}{said}")


class StackConflictError(UsageError):
    """Another stack than the one asked for is up on the same data folder."""


class StackRecordError(AttesaError):
    """The file that says which processes are the stack's cannot be read."""
