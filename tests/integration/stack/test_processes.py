"""Processes that are started: none outlives its starter unamed, none is taken for another, each failure is
told.
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.errors import PortTakenError, ServerFailedError
from deploy.ports import LOOPBACK, free_port, holder, is_listening, require_free
from deploy.processes import ProcessRecord, Server, await_until


class Python(Server):
    """A server whose program is a line of Python; ready when it listens."""

    name = "python"
    port_setting = "ATTESA_TEST_PORT"
    stop_grace = 0.5
    start_timeout = 20.0
    line = (
        "from http.server import *; HTTPServer(('127.0.0.1', PORT), BaseHTTPRequestHandler).serve_forever()"
    )

    def prepare(self) -> None:
        """Nothing to prepare."""

    def command(self) -> list[str]:
        """This Python, with the line."""
        return [sys.executable, "-c", self.line.replace("PORT", str(self.port))]

    def is_ready(self) -> bool:
        """Whether it listens."""
        return is_listening(self.port)


class Deaf(Python):
    """One that does not end at SIGTERM."""

    line = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {Python.line}"


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port that this process listens on."""
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_the_holder_of_a_port_is_named(taken_port: int) -> None:
    """Who holds a port is told by process id, program and folder."""
    found = holder(taken_port)
    assert found is not None
    assert str(os.getpid()) in found
    assert str(Path.cwd()) in found


def test_a_taken_port_is_an_error_that_names_port_holder_and_setting(taken_port: int, tmp_path: Path) -> None:
    """What an operator needs to act stands in one message."""
    with pytest.raises(PortTakenError) as refused:
        Python(tmp_path, taken_port).start()
    for part in (str(taken_port), f"process {os.getpid()}", "ATTESA_TEST_PORT"):
        assert part in str(refused.value)


def test_a_free_port_can_be_listened_on_and_is_not_one_for_outgoing_connections() -> None:
    """Nothing that connects elsewhere can be given the port while its server restarts."""
    port = free_port()
    require_free(port, wanted_by="a test", setting="NONE")
    low, high = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    assert not low <= port <= high


def test_a_server_that_ends_while_it_starts_is_an_error_with_the_end_of_its_log(tmp_path: Path) -> None:
    """The reason stands in the message; the older part of the log does not."""
    server = Python(tmp_path)
    server.log_path.write_text("of an earlier run\n")
    server.line = "raise SystemExit('the disk is full')"
    with pytest.raises(ServerFailedError) as failed:
        server.start()
    assert "the disk is full" in str(failed.value)
    assert "of an earlier run" not in str(failed.value)
    assert not server.is_running


def test_a_server_that_never_answers_is_ended_and_told(tmp_path: Path) -> None:
    """A start that takes too long leaves no process."""
    started: list[ProcessRecord] = []
    server = Python(tmp_path, keep=started.append)
    server.line, server.start_timeout = "import time; time.sleep(600)", 0.3
    with pytest.raises(ServerFailedError, match="did not answer within"):
        server.start()
    assert not started[0].is_alive()


def test_a_server_that_is_deaf_to_sigterm_or_paused_is_stopped_all_the_same(tmp_path: Path) -> None:
    """`stop` always ends it: by SIGTERM, else by SIGKILL."""
    for server in (Deaf(tmp_path), Python(tmp_path)):
        with server:
            record = server.record
            server.pause()
            assert record.is_alive()
        assert not record.is_alive()


def test_a_record_of_another_start_is_never_signalled(tmp_path: Path) -> None:
    """A process id that the system gave out again is another's: neither alive nor stopped."""
    with Python(tmp_path) as server:
        for stranger in (
            replace(server.record, started=server.record.started - 1),
            replace(server.record, boot="another"),
        ):
            assert not stranger.is_alive()
            stranger.stop(0.1)
            stranger.kill()
        assert server.is_running


def test_a_server_that_was_killed_by_others_starts_again_on_its_port(tmp_path: Path) -> None:
    """Nothing of the first start, its guard least of all, touches the second."""
    with Python(tmp_path) as server:
        first, port = server.record, server.port
        os.kill(first.pid, signal.SIGKILL)
        assert await_until(lambda: not server.is_running, timeout=10)
        server.start()
        assert server.port == port
        assert server.record != first
        assert server.is_ready()


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_server_ends_with_its_starter_however_that_ends(end: signal.Signals, tmp_path: Path) -> None:
    """Even kill -9 of the test session leaves no broker behind."""
    line = (
        "import sys; from pathlib import Path; from tests.integration.stack.test_processes import Python\n"
        "server = Python(Path(sys.argv[1]))\n"
        "server.start()\n"
        "print(server.record.pid, flush=True)\n"
        "server.wait()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", line, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as starter:
        assert starter.stdout is not None
        server = ProcessRecord.of(int(starter.stdout.readline()))
        assert server.is_alive()
        starter.send_signal(end)
    assert await_until(lambda: not server.is_alive(), timeout=20)
