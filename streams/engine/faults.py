"""Named points at which a test may make the engine fail: a crash is an ordinary test case.

Nothing of the environment reaches here: only who builds the app object can pass a `Faults`.
"""

from typing import Literal, Protocol

__all__ = ["Faults", "NoFaults", "Point"]

Point = Literal[
    "after_init",
    "in_recovery",
    "at_delivery",
    "mid_produce",
    "before_commit",
    "after_commit_before_store",
    "after_store",
]
"""Where, in the order of a partition's life: fenced off the last owner; between two reads of the changelog;
with a fetched batch in hand; with half of a transaction sent; before its commit; after the commit, the store
still behind; after the store.
"""


class Faults(Protocol):
    """What happens at the points."""

    def at(self, point: Point, partition: int) -> None:
        """Returns, raises, or never returns. Called in the partition's thread (`at_delivery`: the
        loop's).
        """


class NoFaults:
    """Nothing ever happens."""

    def at(self, point: Point, partition: int) -> None:
        """Returns."""
