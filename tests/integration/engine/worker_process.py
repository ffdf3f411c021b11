"""A worker of the toy core (or of the real one) as a process that a test starts, watches and kills.

python -m tests.integration.engine.worker_process '{"settings": {...}, "core": "toy", "kill": {"point": 0.01},
…}'
"""

import asyncio
import json
import os
import random
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from streams.engine.core import PureCore
from streams.engine.faults import Point
from streams.engine.owner import BatchLost
from streams.engine.worker import open_shared, run
from streams.log.bounds import end_offsets
from streams.log.logs import configure
from streams.log.settings import load
from tests.integration.engine.toy import ToyCore


class Injected:
    """Kills the process, raises or loses batches at the points, by chance: {point: probability}."""

    def __init__(
        self, kill: dict[str, float], unknown: dict[str, float], lose: float, log: str | None, seed: int
    ) -> None:
        self._kill = kill
        self._unknown = unknown
        self._lose = lose
        self._log = log
        self._random = random.Random(seed)

    def at(self, point: Point, partition: int) -> None:
        """Maybe fails."""
        chance = self._random.random()
        if chance < max(self._kill.get(point, 0), self._unknown.get(point, 0)):
            # So that what was produced is on the broker: an open transaction, not an empty one.
            time.sleep(0.03)
        if chance < self._kill.get(point, 0):
            self._note(f"kill {point} {partition}")
            os.kill(os.getpid(), signal.SIGKILL)
        if chance < self._unknown.get(point, 0):
            self._note(f"unknown {point} {partition}")
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"injected {point}"))
        if point == "at_delivery" and chance < self._lose:
            self._note(f"lose {point} {partition}")
            raise BatchLost

    def _note(self, line: str) -> None:
        if self._log is not None:
            with Path(self._log).open("a", encoding="utf-8") as file:
                file.write(line + "\n")


def main(options: dict[str, Any]) -> None:
    """Runs until SIGTERM, or until the end with `until_end`."""
    settings = load(**options["settings"])
    configure(settings, "worker")
    core = ToyCore() if options.get("core", "toy") == "toy" else PureCore()
    faults = Injected(
        options.get("kill", {}),
        options.get("unknown", {}),
        options.get("lose", 0.0),
        options.get("fault_log"),
        options.get("seed", 0),
    )
    with open_shared(settings, core=core, faults=faults) as shared:
        ends = end_offsets(settings.kafka, shared.topics.inbound) if options.get("until_end") else None
        stop = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        asyncio.run(run(shared, stop, ends))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
