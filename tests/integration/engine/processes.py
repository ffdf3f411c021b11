"""Worker processes as tests see them, and waiting for what they do."""

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["Worker", "wait_until"]

_WAIT_S = 60.0


def wait_until(what: str, holds: Callable[..., Any], *arguments: Any) -> Any:
    """Asks until `holds(*arguments)` and returns what it gave; `TimeoutError` after a minute."""
    deadline = time.monotonic() + _WAIT_S
    while not (value := holds(*arguments)):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {_WAIT_S:.0f} s")
        time.sleep(0.05)
    return value


class Worker:
    """A worker process."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self.log_path = log

    @property
    def log(self) -> str:
        """What it wrote."""
        return self.log_path.read_text(errors="replace")

    @property
    def events(self) -> list[dict[str, Any]]:
        """Its log's events."""
        return [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]

    def is_running(self) -> bool:
        """Whether it runs."""
        return self.process.poll() is None

    def signal(self, number: int) -> None:
        """Sends a signal."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """Kill -9."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        self.process.terminate()
        return self.process.wait(30)

    def wait(self, timeout_s: float = _WAIT_S) -> int:
        """Until it ends by itself."""
        return self.process.wait(timeout_s)
