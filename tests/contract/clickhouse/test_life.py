"""The server's life: readiness, one folder each, restarts, kills, orderly ends, what it says if it cannot."""

import re
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import NetworkError, ServerException

from deploy.embedded.clickhouse import EmbeddedClickHouse, FolderInUseError
from deploy.errors import MissingProgramError, PortTakenError
from deploy.processes import await_until

pytestmark = pytest.mark.clickhouse

_COMMAND = [sys.executable, "-m", "deploy.embedded.clickhouse"]


def _count(url: str) -> int:
    with Client.from_url(url) as client:
        count: int = client.execute("SELECT count() FROM t")[0][0]
    return count


def _make_table(url: str) -> None:
    with Client.from_url(url) as client:
        client.execute("CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n")


def _run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [*_COMMAND, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_a_restart_keeps_databases_tables_and_rows(own_server: EmbeddedClickHouse) -> None:
    """After an orderly stop all is there again, at the same address."""
    with Client.from_url(own_server.url) as client:
        client.execute("CREATE DATABASE d")
        client.execute("CREATE TABLE d.t (n UInt64) ENGINE = MergeTree ORDER BY n")
        client.execute("INSERT INTO d.t VALUES", [(7,)])
    url = own_server.database_url("d")
    own_server.restart()
    assert own_server.database_url("d") == url
    assert _count(url) == 1


@pytest.mark.crash
def test_a_kill_loses_no_acknowledged_row(own_server: EmbeddedClickHouse) -> None:
    """SIGKILL amid inserts: each acknowledged batch is there, the one under way whole or not at all."""
    _make_table(own_server.url)
    batches = 0
    for goal in (20, 60, 120):
        inserting = _Inserting(own_server.url, batches)
        inserting.start()
        assert await_until(lambda goal=goal, inserting=inserting: inserting.batches >= goal, timeout=60)  # type: ignore[misc]  # bound at once
        own_server.kill()
        inserting.join(timeout=60)
        own_server.start()
        count = _count(own_server.url)
        assert count in {inserting.batches * 100, (inserting.batches + 1) * 100}
        batches = count // 100


class _Inserting(threading.Thread):
    """Inserts batches of 100 rows until the server is gone; `batches` counts the acknowledged ones."""

    def __init__(self, url: str, batches: int) -> None:
        super().__init__()
        self.url, self.batches = url, batches

    def run(self) -> None:
        with suppress(OSError, EOFError, NetworkError), Client.from_url(self.url) as client:
            while True:
                client.execute("INSERT INTO t VALUES", [(self.batches * 100 + i,) for i in range(100)])
                self.batches += 1


def test_an_orderly_stop_lets_a_query_end(own_server: EmbeddedClickHouse) -> None:
    """SIGTERM while a query runs: its client gets the answer, then the server ends with code 0."""
    answers: list[object] = []

    def ask() -> None:
        with Client.from_url(own_server.url) as client:
            sql = "SELECT sum(sleepEachRow(0.02)) FROM numbers(100) SETTINGS max_block_size = 10"
            answers.append(client.execute(sql))

    thread = threading.Thread(target=ask)
    with Client.from_url(own_server.url) as watcher:
        thread.start()
        running = (
            "SELECT count() FROM system.processes WHERE query LIKE '%sleepEach%' AND query NOT LIKE '%proc%'"
        )
        assert await_until(lambda: watcher.execute(running) == [(1,)], timeout=60)
        own_server.stop()
    thread.join(timeout=60)
    assert answers == [[(0,)]]
    assert "stopped" in own_server.log_path.read_text()


def test_a_stop_does_not_wait_for_ever(tmp_path: Path) -> None:
    """After its grace the server cancels what still runs, and ends with code 0."""
    process = subprocess.Popen(
        [*_COMMAND, "--data", str(tmp_path), "--grace", "0.2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    address = process.stdout.readline().decode().split()[1]
    client = Client.from_url(f"clickhouse://{address}/default")
    client.execute_with_progress(
        "SELECT sum(sleepEachRow(0.01)) FROM numbers(30000000000) SETTINGS max_block_size = 10"
    )
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    client.disconnect()
    assert process.returncode == 0, said.decode()


def test_an_insert_above_the_memory_for_it_is_written_in_parts(tmp_path: Path) -> None:
    """All parts of a long INSERT arrive; if one fails the client gets the error, after sending the rest."""
    process = subprocess.Popen(
        [*_COMMAND, "--data", str(tmp_path), "--insert-memory", "20000"], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    address = process.stdout.readline().decode().split()[1]
    with Client.from_url(f"clickhouse://{address}/default?insert_block_size=1000") as client:
        client.execute(
            "CREATE TABLE t (n UInt64, CONSTRAINT c CHECK n != 31000) ENGINE = MergeTree ORDER BY n"
        )
        assert client.execute("INSERT INTO t VALUES", [(n,) for n in range(30_000)]) == 30_000
        assert client.execute("SELECT count(), uniqExact(n) FROM t") == [(30_000, 30_000)]
        with pytest.raises(ServerException) as raised:
            client.execute("INSERT INTO t VALUES", [(n,) for n in range(30_000, 60_000)])
        assert raised.value.code == 469
        assert client.execute("SELECT count() FROM t WHERE n >= 31000") == [(0,)]
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_a_second_server_on_a_folder_is_refused(own_server: EmbeddedClickHouse) -> None:
    """The engine allows one process a folder: the second is told which one has it, and the first goes on."""
    second = _run("--data", own_server.data_dir)
    assert second.returncode == 2
    assert f"process {own_server.record.pid}" in second.stderr
    with pytest.raises(FolderInUseError, match="give another folder"):
        EmbeddedClickHouse(own_server.data_dir).start()
    with Client.from_url(own_server.url) as client:
        assert client.execute("SELECT 1") == [(1,)]


def test_a_taken_port_is_named(own_server: EmbeddedClickHouse, tmp_path: Path) -> None:
    """Another server on the same port: the port, and what to do."""
    with pytest.raises(PortTakenError, match=str(own_server.port)):
        EmbeddedClickHouse(tmp_path / "other", port=own_server.port).start()
    second = _run("--data", tmp_path / "third", "--port", str(own_server.port))
    assert second.returncode == 2
    assert f":{own_server.port}" in second.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])  # noqa: S104  # they are refused
def test_only_loopback_is_listened_on(tmp_path: Path, host: str) -> None:
    """Its SQL reads any file, so nobody outside the machine may reach it."""
    refused = _run("--data", tmp_path, "--host", host)
    assert refused.returncode == 2
    assert "loopback" in refused.stderr


def test_a_folder_that_the_engine_cannot_open_is_said_to_be_so(tmp_path: Path) -> None:
    """Where the engine's folder is no folder, the message names it and says what to do."""
    (tmp_path / "engine").write_text("not a folder")
    failed = _run("--data", tmp_path)
    assert failed.returncode == 1
    assert re.search(r"error: the engine does not open the folder .*engine", failed.stderr)


def test_without_chdb_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing package is a clear error, in the library and in the command."""
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "chdb.py").write_text("raise ImportError('No module named chdb')")
    monkeypatch.setenv("PYTHONPATH", str(hidden))
    failed = _run("--data", tmp_path / "data")
    assert failed.returncode == 3
    assert "attesa[embedded]" in failed.stderr
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(MissingProgramError, match=re.escape("attesa[embedded]")):
        EmbeddedClickHouse(tmp_path / "data").start()


def test_the_first_line_tells_the_address(tmp_path: Path) -> None:
    """`listening 127.0.0.1:PORT` on standard output, once clients are taken."""
    process = subprocess.Popen([*_COMMAND, "--data", str(tmp_path), "--port", "0"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    line = process.stdout.readline().decode()
    found = re.fullmatch(r"listening (127\.0\.0\.1:\d+)\n", line)
    assert found is not None
    with Client.from_url(f"clickhouse://{found[1]}/default") as client:
        assert client.execute("SELECT 1") == [(1,)]
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=60)[0] == b""
    assert process.returncode == 0
