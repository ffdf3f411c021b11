"""The command `attesa` as a user runs it: subprocesses with an environment of their own."""

import json
import os
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from confluent_kafka.admin import AdminClient

from deploy.kafka import ApacheKafka
from schemas.types.inputs import Input
from streams.log.partitioner import key_of
from streams.log.producers import RecordProducer
from streams.log.settings import Settings, load
from streams.log.topics import Topics

__all__ = ["MASTER_KEY", "PARTITIONS", "Attesa", "Done", "Running", "wait_until"]

MASTER_KEY: Final = "5e" * 32
PARTITIONS: Final = 4
WAIT_S: Final = 90.0
_ANSI: Final = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
_T = TypeVar("_T")


def wait_until(what: str, holds: Callable[[], _T | None], timeout_s: float = WAIT_S) -> _T:
    """Asks until it holds and returns what it gave; `TimeoutError` says what did not come."""
    deadline = time.monotonic() + timeout_s
    while not (value := holds()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {timeout_s:.0f} s")
        time.sleep(0.1)
    return value


@dataclass(frozen=True, slots=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one object that `--json` prints."""
        found: dict[str, Any] = json.loads(self.out)
        return found

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Its rows."""
        found: list[dict[str, Any]] = self.json["rows"]
        return found

    @property
    def said(self) -> str:
        """Standard error as one line of plain words, however wide the terminal was."""
        return " ".join(_ANSI.sub("", self.err).split())


class Running:
    """A command that runs until it is told to stop."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log_path: Path) -> None:
        self.name = name
        self.process = process
        self._log_path = log_path

    @property
    def log(self) -> str:
        """What it wrote, on both outputs."""
        return self._log_path.read_text(errors="replace")

    def says(self, text: str) -> None:
        """Returns once it has written that; fails with its log if it ends before."""
        wait_until(f"{self.name} says {text!r}", lambda: self._has_said(text))

    def kill(self) -> None:
        """SIGKILL, which nothing can answer."""
        self.process.kill()
        self.process.wait()

    def stop(self, timeout_s: float = 60.0) -> int:
        """SIGTERM; the exit code."""
        self.process.terminate()
        return self.process.wait(timeout_s)

    def end(self, timeout_s: float = 120.0) -> int:
        """Waits until it ends by itself; the exit code."""
        return self.process.wait(timeout_s)

    def is_running(self) -> bool:
        """Whether it runs."""
        return self.process.poll() is None

    def _has_said(self, text: str) -> bool:
        running = self.is_running()
        said = text in self.log
        assert said or running, f"{self.name} ended with {self.process.returncode}:\n{self.log[-4000:]}"
        return said


class Attesa:
    """A user's shell: the command line on one broker, one ClickHouse, one data folder, one live prefix."""

    def __init__(self, folder: Path, kafka: str, clickhouse: str, *, prefix: str | None = None) -> None:
        self.folder = folder
        self.prefix = prefix or f"e{uuid.uuid4().hex[:8]}"
        self.topics = Topics(self.prefix)
        self.environment = {
            "ATTESA_KAFKA": kafka,
            "ATTESA_CLICKHOUSE": clickhouse,
            "ATTESA_PREFIX": self.prefix,
            "ATTESA_DATA_DIR": str(folder / "data"),
            "ATTESA_MASTER_KEY": MASTER_KEY,
            "ATTESA_PARTITIONS": str(PARTITIONS),
            "ATTESA_SESSION_TIMEOUT_S": "6",
            "ATTESA_LOG_FORMAT": "json",
        }
        self._running: list[Running] = []

    @property
    def kafka(self) -> str:
        """The broker's address."""
        return self.environment["ATTESA_KAFKA"]

    @property
    def data_dir(self) -> Path:
        """Stores, logs, and what the file channel wrote."""
        return Path(self.environment["ATTESA_DATA_DIR"])

    def settings(self, prefix: str | None = None) -> Settings:
        """What its processes read, for the parts of a test that look into the log themselves."""
        return load(
            kafka=self.kafka,
            clickhouse=self.environment["ATTESA_CLICKHOUSE"],
            prefix=prefix or self.prefix,
            data_dir=self.data_dir,
            master_key=MASTER_KEY,
        )

    def __call__(
        self, *args: str | Path, code: int = 0, timeout_s: float = 150.0, **changes: str | None
    ) -> Done:
        """Runs it to its end; fails, with all that it said, where the exit code is another.

        `changes` are of the environment: a name without `ATTESA_`, None takes it away.
        """
        ended = subprocess.run(
            self._command(args),
            env=self._environment(changes),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        done = Done(ended.returncode, ended.stdout, ended.stderr)
        shown = " ".join(map(str, args))
        assert done.code == code, f"attesa {shown}: exit {done.code}, not {code}\n{done.out}\n{done.err}"
        assert "Traceback" not in done.err, f"attesa {shown}:\n{done.err}"
        return done

    def start(self, *args: str | Path, **changes: str | None) -> Running:
        """Starts it and goes on; it is killed at the end of the test if it still runs."""
        name = f"{args[0]}-{len(self._running)}"
        log_path = self.folder / f"{name}.log"
        with log_path.open("wb") as log:
            process = subprocess.Popen(
                self._command(args),
                env=self._environment(changes),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        running = Running(name, process, log_path)
        self._running.append(running)
        return running

    def worker_to_end(self, **changes: str | None) -> None:
        """A worker that decides all that is there, and ends."""
        worker = self.start("worker", "--until-end", **changes)
        assert worker.end() == 0, worker.log[-5000:]

    def write(self, name: str, text: str) -> Path:
        """A file of the user's."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def produce(self, *inputs: tuple[str, Input]) -> None:
        """Inputs as a platform writes them, (contact, input); returns when all are in."""
        self.play((0, contact, record) for contact, record in inputs)

    def play(self, inputs: Iterable[tuple[int, str | int, Input]]) -> None:
        """The same with record times, which count on a history prefix; a tick has a partition's number."""
        with RecordProducer(self.kafka) as producer:
            for at, where, record in inputs:
                if isinstance(where, str):
                    producer.send(self.topics.inbound, record, key_of(where), timestamp=at)
                else:
                    producer.send(self.topics.inbound, record, None, partition=where, timestamp=at)

    def close(self) -> None:
        """Ends what still runs."""
        for running in self._running:
            if running.is_running():
                running.kill()

    def _command(self, args: tuple[str | Path, ...]) -> list[str]:
        return [sys.executable, "-m", "streams.cli.main", *map(str, args)]

    def _environment(self, changes: dict[str, str | None]) -> dict[str, str]:
        """The surrounding one without settings of Attesa's, and these."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ATTESA_")}
        wanted = {**self.environment, **{f"ATTESA_{name.upper()}": value for name, value in changes.items()}}
        return {
            **kept,
            **{name: value for name, value in wanted.items() if value is not None},
            "COLUMNS": "200",
            "PYTHONUNBUFFERED": "1",
        }


def delete_topics(kafka: ApacheKafka, prefixes: set[str]) -> None:
    """Takes the topics of these prefixes off the broker."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    found = [name for name in admin.list_topics(timeout=30).topics if name.split(".")[0] in prefixes]
    if found:
        for deleted in admin.delete_topics(found, operation_timeout=30).values():
            deleted.result()
