"""Runs worker, dispatcher and projector on a prefix to the end of its log."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from schemas.errors import AttesaError
from streams.log.settings import Settings

__all__ = ["PROCESSES", "RunFailedError", "environment_of", "run_to_end"]

PROCESSES: Final = (("worker",), ("dispatcher", "projector"))
"""What decides first, then what follows from it, side by side."""

TAIL: Final = 30
"""Lines of a failed process's log that are shown."""


class RunFailedError(AttesaError):
    """One of the processes did not come to the end; its log says why."""


def run_to_end(settings: Settings, *, say: Callable[[str], None] = lambda _: None) -> None:
    """Returns when all inputs in the log are decided, their commands carried out and their facts projected.

    Each is a process of its own, as in production; its log is in the data folder, under the prefix. Raises
    `RunFailedError`.
    """
    folder = settings.data_dir / settings.prefix
    folder.mkdir(parents=True, exist_ok=True)
    for side_by_side in PROCESSES:
        say(f"{' and '.join(side_by_side)} to the end of the log")
        started = {name: _start(name, settings, folder) for name in side_by_side}
        try:
            for name, process in started.items():
                if process.wait() != 0:
                    raise RunFailedError(_why(name, process.returncode, folder))
        finally:
            for process in started.values():
                if process.poll() is None:
                    process.terminate()
                    process.wait(30)


def environment_of(settings: Settings) -> dict[str, str]:
    """This process's environment with these settings in it, where a process would read others itself."""
    environment = {
        **os.environ,
        "ATTESA_PREFIX": settings.prefix,
        "ATTESA_KAFKA": settings.kafka,
        "ATTESA_CLICKHOUSE": settings.clickhouse.get_secret_value(),
        "ATTESA_DATA_DIR": str(settings.data_dir),
        "ATTESA_HTTP_PORT": "0",
    }
    if settings.master_key is not None:
        environment["ATTESA_MASTER_KEY"] = settings.master_key.get_secret_value()
    return environment


def _start(name: str, settings: Settings, folder: Path) -> subprocess.Popen[bytes]:
    """The process, with these settings."""
    with (folder / f"{name}.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "streams.cli.main", name, "--until-end"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment_of(settings),
        )


def _why(name: str, code: int, folder: Path) -> str:
    log = folder / f"{name}.log"
    tail = "\n  ".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL:])
    return f"the {name} ended with exit code {code}; the end of its log, {log}:\n  {tail}"
