"""Programs that the stack runs: each in a process group of its own, known by its id and the instant it
started.

A process id alone is no name: the system gives it out again. `ProcessRecord` adds the start time and the
boot, so a record that was kept in a file never ends a stranger's process. Linux only: it reads `/proc`.
"""

import os
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.errors import ServerFailedError
from deploy.ports import free_port, require_free

__all__ = ["ProcessRecord", "Server", "await_until"]

_POLL_SECONDS = 0.05
_LOG_TAIL_LINES = 15

# A session of its own, so that neither Ctrl-C nor the end of the terminal reaches it before it has done its
# work. `read` returns when the starter's end of the pipe closes, however the starter died.
_GUARD = 'read _; kill -s KILL -- "-$1"'


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """A process that leads its own group: `started` is in clock ticks since the boot named by `boot`."""

    pid: int
    started: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> Self:
        """The record of a process that runs now. Raises `ProcessLookupError` where there is none."""
        started = _start_ticks(pid)
        if started is None:
            raise ProcessLookupError(pid)
        return cls(pid, started, _boot_id())

    def is_alive(self) -> bool:
        """Whether this very process still runs. One that ended and was not yet reaped counts as ended."""
        return self.boot == _boot_id() and _start_ticks(self.pid) == self.started

    def signal(self, number: signal.Signals) -> None:
        """Signal the whole group, if this very process still leads it; else nothing."""
        if self.is_alive():
            try:
                os.killpg(self.pid, number)
            except ProcessLookupError:
                return

    def stop(self, grace: float = 20.0) -> None:
        """SIGTERM to the group, up to `grace` seconds, then SIGKILL. Returns when the process has ended.

        A process that was paused goes on first, or it could not hear the SIGTERM.
        """
        self.signal(signal.SIGTERM)
        self.signal(signal.SIGCONT)
        if not await_until(lambda: not self.is_alive(), grace):
            self.kill()

    def kill(self) -> None:
        """SIGKILL to the group. Returns when the process has ended."""
        self.signal(signal.SIGKILL)
        await_until(lambda: not self.is_alive(), timeout=10.0)


class Server(ABC):
    """A program that serves on one loopback port until it is stopped, and can be started again on the same
    data.

    A context manager: entering starts it, leaving stops it. It is killed with whoever started it, however
    that one ends, unless `keep` is given: then it stays, and `keep` is told its record as soon as it runs.
    `port=0`: the first start takes a free one, and later starts keep it.
    """

    name: str
    port_setting: str
    start_timeout = 60.0
    stop_grace = 20.0

    def __init__(
        self, data_dir: Path, port: int = 0, *, keep: Callable[[ProcessRecord], None] | None = None
    ) -> None:
        self.data_dir = Path(data_dir).absolute()
        self.port = port
        self._keep = keep
        self._record: ProcessRecord | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def prepare(self) -> None:
        """Write whatever must stand before the program starts. `port` is chosen and free by then."""

    @abstractmethod
    def command(self) -> list[str]:
        """The program and its arguments, after `prepare`."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether a client's real request is answered now. Returns within about a second."""

    def environment(self) -> dict[str, str]:
        """The program's environment: the starter's own, where Python finds the modules that the starter
        found.
        """
        beside = str(Path(__file__).parent.parent)
        path = os.environ.get("PYTHONPATH")
        return {**os.environ, "PYTHONPATH": os.pathsep.join([beside, path] if path else [beside])}

    @property
    def log_path(self) -> Path:
        """The file that the program's output is appended to."""
        return self.data_dir / f"{self.name}.log"

    @property
    def record(self) -> ProcessRecord:
        """The running process. Raises `ServerFailedError` where it was not started."""
        if self._record is None:
            raise ServerFailedError(self.name, "is not running", log=self.log_path)
        return self._record

    @property
    def is_running(self) -> bool:
        """Whether the process runs (a paused one does)."""
        return self._record is not None and self._record.is_alive()

    def start(self) -> None:
        """Start it and wait until it answers. Nothing where it runs already.

        Raises `PortTakenError`; `ServerFailedError`, with the end of its log, where it ends or is not ready
        within `start_timeout`.
        """
        if self.is_running:
            return
        self._forget()
        chosen = self.port == 0
        for last_try in (False, False, True):
            if chosen:
                self.port = free_port()
            require_free(self.port, wanted_by=self.name, setting=self.port_setting)
            try:
                self._start_once()
            except ServerFailedError as error:
                # Between our look and its bind another took one of its ports.
                if last_try or "Address already in use" not in str(error):
                    raise
            else:
                return

    def wait(self) -> None:
        """Return when the process ends, by whatever hand."""
        if self._process is not None:
            self._process.wait()

    def stop(self) -> None:
        """End it in order: SIGTERM, `stop_grace` seconds, SIGKILL. Nothing where it does not run."""
        if self._record is not None:
            self._record.stop(self.stop_grace)
        self._forget()

    def kill(self) -> None:
        """SIGKILL, as a crash would. Nothing where it does not run."""
        if self._record is not None:
            self._record.kill()
        self._forget()

    def restart(self) -> None:
        """Stop and start again: same port, same data."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """SIGSTOP: it keeps its port and connections, and answers nothing until `resume`."""
        self.record.signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT after `pause`."""
        self.record.signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it."""
        self.stop()

    def _start_once(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self.prepare()
        log_start = self.log_path.stat().st_size if self.log_path.exists() else 0
        self._spawn()
        try:
            self._await_ready(log_start)
        except BaseException:
            self.kill()
            raise

    def _spawn(self) -> None:
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.data_dir,
                env=self.environment(),
                start_new_session=True,
            )
        self._record = ProcessRecord.of(self._process.pid)
        if self._keep is not None:
            self._keep(self._record)
        else:
            self._guard = subprocess.Popen(
                ["/bin/sh", "-c", _GUARD, "guard", str(self._process.pid)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )

    def _await_ready(self, log_start: int) -> None:
        deadline = time.monotonic() + self.start_timeout
        while not self.is_ready():
            if not self.is_running:
                raise ServerFailedError(
                    self.name,
                    "ended while it started",
                    log=self.log_path,
                    tail=_tail(self.log_path, log_start),
                )
            if time.monotonic() > deadline:
                raise ServerFailedError(
                    self.name,
                    f"did not answer within {self.start_timeout:.0f} s",
                    log=self.log_path,
                    tail=_tail(self.log_path, log_start),
                )
            time.sleep(_POLL_SECONDS)

    def _forget(self) -> None:
        if self._guard is not None:
            # First the guard, which would act at the closing of its pipe: by then the id may be another's.
            self._guard.kill()
            self._guard.wait()
            if self._guard.stdin is not None:
                self._guard.stdin.close()
        if self._process is not None:
            self._process.wait()
        self._guard = self._process = self._record = None


def await_until(condition: Callable[[], bool], timeout: float) -> bool:
    """Ask `condition` again and again for up to `timeout` seconds; whether it came true."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _start_ticks(pid: int) -> int | None:
    """Field 22 of /proc/PID/stat (proc(5)); None where the process is gone or only waits to be reaped."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
        threads = len(list(Path(f"/proc/{pid}/task").iterdir()))
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is the program's name in parentheses and may hold anything, spaces too.
    fields = text[text.rindex(")") + 2 :].split()
    state, started = fields[0], int(fields[19])
    # While other threads are still on their way out, the process holds its ports and locks.
    ended = state in "ZX" and threads <= 1
    return None if ended else started


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _tail(log: Path, start: int) -> str:
    with log.open("rb") as file:
        file.seek(start)
        text = file.read().decode(errors="replace")
    return "\n".join(text.splitlines()[-_LOG_TAIL_LINES:])
