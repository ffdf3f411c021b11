"""What can keep the embedded ClickHouse from running, one class for each thing to do about it.

AttesaError
├── MissingProgramError   (deploy.errors) install the extra `embedded`
├── FolderDamagedError    move the folder away and rebuild the projections
└── UsageError
    ├── AddressError      take a loopback address, or a free port
    └── FolderInUseError  stop the other server, or take another folder
"""

from schemas.errors import AttesaError, UsageError

__all__ = ["AddressError", "FolderDamagedError", "FolderInUseError"]


class FolderInUseError(UsageError):
    """Another process has the data folder open; the engine allows one."""


class AddressError(UsageError):
    """The address is not a loopback one, or the port is taken."""


class FolderDamagedError(AttesaError):
    """The engine refuses to open the data folder."""
