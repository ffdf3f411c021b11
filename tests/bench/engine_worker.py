"""The engine as the bench runs it: to the end of its inbound, with a profile of its partitions' threads if
asked.

python -m tests.bench.engine_worker BOOTSTRAP PREFIX DATADIR [PROFILE]
"""

import cProfile
import pstats
import sys
import threading
from typing import Any

from streams.engine.fold import PartitionFold
from streams.engine.worker import run_until_end
from streams.log.logs import configure
from streams.log.settings import load
from tests.bench.peers.faust_agent import MASTER_KEY

_profiles: dict[int, cProfile.Profile] = {}


def _profiled() -> None:
    """Each partition's thread has a profile of its own: a profile sees one thread."""
    take = PartitionFold.take

    def profiled(self: PartitionFold, *arguments: Any) -> None:
        profile = _profiles.setdefault(threading.get_ident(), cProfile.Profile())
        profile.enable()
        try:
            take(self, *arguments)
        finally:
            profile.disable()

    PartitionFold.take = profiled  # type: ignore[method-assign,assignment]


def main(bootstrap: str, prefix: str, datadir: str, profile: str | None = None) -> None:
    """Runs to the end."""
    settings = load(
        kafka=bootstrap, prefix=prefix, data_dir=datadir, master_key=MASTER_KEY.hex(), log_level="warning"
    )
    configure(settings, "bench")
    if profile is not None:
        _profiled()
    run_until_end(settings)
    if profile is not None:
        found = pstats.Stats(next(iter(_profiles.values())))
        for more in list(_profiles.values())[1:]:
            found.add(more)
        found.dump_stats(profile)


if __name__ == "__main__":
    main(*sys.argv[1:])
