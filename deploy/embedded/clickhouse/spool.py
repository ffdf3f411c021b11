"""Blocks that wait in memory for their INSERT, under a path that the engine can read."""

import os
from types import TracebackType
from typing import Self

from deploy.embedded.clickhouse.native import Block

__all__ = ["Spool"]


class Spool:
    """An anonymous file of Native blocks, as a context manager; it is gone when it is left.

    `rows` and `size` (bytes) are what it holds, `path` is good in this process only.
    """

    def __init__(self) -> None:
        self._descriptor = os.memfd_create("attesa-insert")
        self.rows = self.size = 0

    @property
    def path(self) -> str:
        """Where the engine finds it."""
        return f"/proc/self/fd/{self._descriptor}"

    def add(self, block: Block) -> None:
        """Keep a block."""
        left = memoryview(block.raw)
        while left:
            left = left[os.write(self._descriptor, left) :]
        self.rows += block.rows
        self.size += len(block.raw)

    def clear(self) -> None:
        """Forget all blocks, under a new path: the engine may remember what it saw under the old one."""
        os.close(self._descriptor)
        self._descriptor = os.memfd_create("attesa-insert")
        self.rows = self.size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)
