"""One process for each data folder: the engine allows no second one, and would not say so clearly."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.embedded.clickhouse.errors import FolderInUseError

__all__ = ["held", "require_free"]

_LOCK = "server.lock"


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold `folder` for this process alone; it is made if it is not there.

    The lock ends with the process, however that ends. Raises `FolderInUseError`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / _LOCK
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            owner = file.read().strip() or "unknown"
            raise FolderInUseError(
                f"the folder {folder} is open in another embedded ClickHouse (process {owner}, lock {path}): "
                "stop that one, or give another folder"
            ) from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def require_free(folder: Path) -> None:
    """Raise `FolderInUseError` if another process holds `folder` now."""
    if (folder / _LOCK).exists():
        with held(folder):
            pass
