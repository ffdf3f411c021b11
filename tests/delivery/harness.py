"""What the dispatcher's tests on Kafka share: a prefix with commands, dispatchers, an endpoint."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self, TypeVar

import msgspec

from schemas.types.commands import Command
from schemas.types.flow_commands import FlowCommand
from schemas.types.inputs import CommandOutcome
from schemas.types.records import Attempt
from schemas.wire import Codec
from streams.delivery.dispatcher import Dispatcher, Limits
from streams.delivery.message import Adapter
from streams.log.partitioner import key_of
from streams.log.producers import RecordProducer
from streams.log.settings import load
from streams.log.topics import Topics, apply
from tests.delivery.made import sending
from tests.fixtures.kafka import Record, read_to_end

__all__ = ["SECRET", "Endpoint", "InThread", "Prefix", "Process", "Request", "due", "now", "wait_until"]

SECRET = "a secret of the tests"  # noqa: S105 - of nothing
_ROOT = Path(__file__).resolve().parents[2]
_WAIT_S = 60.0
_T = TypeVar("_T")


def now() -> int:
    """The wall clock, ms."""
    return time.time_ns() // 1_000_000


def due(name: str, contact: str = "acme/anna", **changes: Any) -> Command:
    """A send that may go from now on, for an hour."""
    return sending(
        name, contact=contact, **{"at": now(), "not_before": 0, "not_after": now() + 3_600_000, **changes}
    )


def wait_until(what: str, holds: Callable[[], _T]) -> _T:
    """Asks until it holds and returns what it gave; fails after a minute."""
    give_up = time.monotonic() + _WAIT_S
    while not (value := holds()):
        if time.monotonic() > give_up:
            raise TimeoutError(f"{what}: not within {_WAIT_S:.0f} s")
        time.sleep(0.02)
    return value


class Prefix:
    """The topics of one test."""

    def __init__(self, bootstrap: str, prefix: str, folder: Path, *, partitions: int = 4) -> None:
        self.topics = Topics(prefix)
        self.settings = load(
            kafka=bootstrap,
            prefix=prefix,
            partitions=partitions,
            data_dir=folder,
            session_timeout_s=6,
            webhook_secret=SECRET,
            log_format="json",
        )
        self._codec = Codec(("outcomes", "records"))
        apply(bootstrap, self.topics.specs(partitions, 1))

    def say(self, *records: FlowCommand) -> None:
        """Operators say this."""
        with RecordProducer(self.settings.kafka) as producer:
            for record in records:
                producer.send(self.topics.flows, record, record.workspace.encode(), partition=0)

    def command(self, *commands: Command) -> None:
        """The engine commands this."""
        with RecordProducer(self.settings.kafka) as producer:
            for command in commands:
                producer.send(self.topics.commands, command, key_of(command.contact))

    def outcomes(self) -> dict[str, list[CommandOutcome]]:
        """All that were said, by command."""
        said: defaultdict[str, list[CommandOutcome]] = defaultdict(list)
        for record in read_to_end(self.settings.kafka, self.topics.inbound):
            outcome = self._codec.decode(record.value)
            said[outcome.command].append(outcome)
        return dict(said)

    def ended(self, *commands: str) -> dict[str, list[CommandOutcome]]:
        """Waits until these have an outcome, and returns all."""
        return wait_until(
            f"outcomes of {', '.join(commands)}",
            lambda: said if set(commands) <= (said := self.outcomes()).keys() else {},
        )

    def attempts(self) -> dict[str, list[Attempt]]:
        """All that were written, by command."""
        written: defaultdict[str, list[Attempt]] = defaultdict(list)
        for record in read_to_end(self.settings.kafka, self.topics.attempts):
            attempt = self._codec.decode(record.value)
            written[attempt.command].append(attempt)
        return dict(written)

    def records(self, topic: str) -> list[Record]:
        """A topic as it stands."""
        return read_to_end(self.settings.kafka, topic)


class InThread:
    """A dispatcher in a thread of the test. Leaving the `with` stops it and raises what it ran into."""

    def __init__(
        self,
        prefix: Prefix,
        adapters: Mapping[str, Adapter] | None = None,
        limits: Limits | None = None,
        **settings: Any,
    ) -> None:
        changed = prefix.settings.model_copy(update=settings)
        self.dispatcher = Dispatcher(changed, adapters=adapters, limits=limits)
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(_WAIT_S)
        assert not self._thread.is_alive(), "the dispatcher did not stop"
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            self.dispatcher.run(self._stop)
        except BaseException as error:  # noqa: BLE001 - raised where the test leaves the with
            self._error = error


class Process:
    """`attesa dispatcher` as it runs in production."""

    def __init__(self, prefix: Prefix, *arguments: str) -> None:
        settings = prefix.settings
        self.log = settings.data_dir / f"dispatcher-{now()}.log"
        environment = {
            **os.environ,
            "ATTESA_KAFKA": settings.kafka,
            "ATTESA_PREFIX": settings.prefix,
            "ATTESA_DATA_DIR": str(settings.data_dir),
            "ATTESA_SESSION_TIMEOUT_S": str(settings.session_timeout_s),
            "ATTESA_WEBHOOK_SECRET": SECRET,
            "ATTESA_LOG_FORMAT": "json",
        }
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "streams.cli.main", "dispatcher", *arguments],
                cwd=_ROOT,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=log,
            )

    def signal(self, number: int) -> None:
        """Sends a signal."""
        self.process.send_signal(number)

    @property
    def has_ended(self) -> bool:
        """It runs no more."""
        return self.process.poll() is not None

    def end(self) -> tuple[int, str]:
        """Waits for its end; its exit code and what it printed."""
        out, _ = self.process.communicate(timeout=_WAIT_S)
        return self.process.returncode, out.decode()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.communicate()


class Request(msgspec.Struct, frozen=True):
    """A call that the endpoint had."""

    headers: dict[str, str]
    raw: bytes
    body: dict[str, Any]


class Endpoint:
    """A platform's endpoint. `answer` gives status, headers and body for a request; it may block."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answer: Callable[[Request], tuple[int, dict[str, str], bytes]] = lambda _: (200, {}, b"")
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Request(headers, raw, msgspec.json.decode(raw))
                endpoint.requests.append(request)
                status, answered, body = endpoint.answer(request)
                try:
                    self.send_response(status)
                    for name, value in answered.items():
                        self.send_header(name, value)
                    self.send_header("content-length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    self.close_connection = True

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            # The default of 5 refuses connections that a dispatcher makes at once.
            request_queue_size = 256

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/messages"

    def ids(self) -> list[str]:
        """The messages it was called with, in order."""
        return [request.body["id"] for request in self.requests]

    def close(self) -> None:
        """Stops listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
