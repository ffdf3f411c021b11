"""`attesa up`, `down` and `status`, and the library under them, on the real broker and ClickHouse's
engine.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from clickhouse_driver import Client
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from deploy.embedded import stack as stack_module
from deploy.embedded.clickhouse import EmbeddedClickHouse
from deploy.embedded.stack import BrokerName, EphemeralStack, ServiceState, Stack, default_broker
from deploy.errors import PortTakenError, ServerFailedError, StackConflictError, StackRecordError
from deploy.ports import LOOPBACK, free_port, is_listening
from deploy.processes import ProcessRecord, await_until
from tests.fixtures.kafka import read_to_end, require_apache_kafka

ROOT = Path(__file__).resolve().parents[3]


class StackFolder:
    """A data folder and two ports, for stacks on it one after the other. What it ran is ended after the
    test.
    """

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.kafka_port, self.clickhouse_port = free_port(), free_port()
        self.said: list[str] = []

    def stack(self, broker: BrokerName | None = None) -> Stack:
        """A new object each time, as each command makes one."""
        return Stack(self.data_dir, broker, self.kafka_port, self.clickhouse_port, say=self.said.append)

    def start(self, *arguments: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
        """Start `attesa` with its settings pointing here; nobody sits at a terminal, unless `stdin` is
        one.
        """
        settings = {
            "ATTESA_DATA_DIR": str(self.data_dir),
            "ATTESA_KAFKA_PORT": str(self.kafka_port),
            "ATTESA_CLICKHOUSE_PORT": str(self.clickhouse_port),
            "COLUMNS": "200",
        }
        return subprocess.Popen(
            [sys.executable, "-m", "streams.cli.main", *arguments],
            env={**os.environ, **settings},
            cwd=ROOT,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        return self.end(self.start(*arguments))

    def end(self, process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
        """Wait for a command that was started."""
        out, error = process.communicate(timeout=120)
        return subprocess.CompletedProcess(process.args, process.returncode, out, error)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[StackFolder]:
    """A folder for stacks."""
    here = StackFolder(tmp_path / "data")
    yield here
    if (here.data_dir / "stack.json").exists():
        here.stack().down()


@pytest.fixture(params=["kafka", "tansu"])
def broker(request: pytest.FixtureRequest) -> BrokerName:
    """Each of the two brokers."""
    name: BrokerName = request.param
    if name == "kafka":
        require_apache_kafka()
    return name


def processes(services: list[ServiceState]) -> list[ProcessRecord]:
    """The processes of services that are up."""
    return [ProcessRecord.of(service.pid) for service in services if service.pid is not None]


def states(services: list[ServiceState]) -> list[str]:
    """The broker's state, and ClickHouse's."""
    return [service.state for service in services]


def write_something(stack: Stack) -> None:
    """A record in a topic and a row in a table."""
    admin = AdminClient({"bootstrap.servers": stack.bootstrap})
    admin.create_topics([NewTopic("facts", 1, 1)])["facts"].result(30)
    producer = Producer({"bootstrap.servers": stack.bootstrap})
    producer.produce("facts", b"kept")
    assert producer.flush(30) == 0
    client = clickhouse(stack)
    client.execute("CREATE TABLE kept (n UInt64) ENGINE = MergeTree ORDER BY n")
    client.execute("INSERT INTO kept VALUES", [(42,)])
    client.disconnect()


def clickhouse(stack: Stack | EphemeralStack) -> Client:
    """A client of its ClickHouse, on the database that is always there."""
    return Client.from_url(stack.clickhouse_url.rpartition("/")[0] + "/default")


def test_up_twice_is_up_once(folder: StackFolder, broker: BrokerName) -> None:
    """A second `up` leaves the processes of the first alone, whichever object asks and with or without the
    broker.
    """
    first = folder.stack(broker).up()
    assert states(first) == ["up", "up"]
    assert folder.stack(broker).up() == first
    assert folder.stack().up() == first
    assert folder.stack().broker == broker


def test_down_leaves_no_process_and_no_port(folder: StackFolder, broker: BrokerName) -> None:
    """After `down` nothing of it runs or listens; a second `down` finds nothing."""
    started = processes(folder.stack(broker).up())
    assert len(started) == 2
    assert states(folder.stack().down()) == ["up", "up"]
    assert not any(process.is_alive() for process in started)
    assert not is_listening(folder.kafka_port)
    assert not is_listening(folder.clickhouse_port)
    assert folder.stack().down() == []
    assert states(folder.stack(broker).status()) == ["down", "down"]


def test_with_apache_kafka_data_survive_kill_9_of_everything_and_a_second_up(folder: StackFolder) -> None:
    """`up` after a crash starts what is gone, on the same data; so does `up` after `down`."""
    require_apache_kafka()
    stack = folder.stack("kafka")
    crashed = processes(stack.up())
    write_something(stack)
    for process in crashed:
        process.kill()
    assert states(stack.status()) == ["ended", "ended"]

    for again in (folder.stack("kafka"), folder.stack("kafka")):
        assert states(again.up()) == ["up", "up"]
        assert [record.value for record in read_to_end(again.bootstrap, "facts")] == [b"kept"]
        client = clickhouse(again)
        assert client.execute("SELECT n FROM kept") == [(42,)]
        client.disconnect()
        again.down()


def test_with_tansu_down_forgets_the_log_and_clickhouse_with_it(folder: StackFolder) -> None:
    """A projection never outlives the log that it was made from."""
    stack = folder.stack("tansu")
    stack.up()
    assert stack.forgets
    write_something(stack)
    stack.down()
    assert not (folder.data_dir / "tansu").exists()

    folder.stack("tansu").up()
    client = clickhouse(stack)
    assert client.execute("EXISTS TABLE kept") == [(0,)]
    client.disconnect()


def test_when_tansu_died_up_starts_clickhouse_anew_too_and_says_so(folder: StackFolder) -> None:
    """The log went with the process: rows that came from it go, and the reader is told."""
    stack = folder.stack("tansu")
    before = processes(stack.up())
    write_something(stack)
    before[0].kill()
    assert states(stack.status()) == ["ended", "up"]

    after = processes(folder.stack().up())
    assert not any(process.is_alive() for process in before)
    assert all(process.is_alive() for process in after)
    assert any("ClickHouse's folder is removed too" in sentence for sentence in folder.said)
    client = clickhouse(stack)
    assert client.execute("EXISTS TABLE kept") == [(0,)]
    client.disconnect()


@pytest.mark.parametrize("setting", ["ATTESA_KAFKA_PORT", "ATTESA_CLICKHOUSE_PORT"])
def test_a_taken_port_is_named_with_its_holder_and_setting_and_nothing_is_started(
    folder: StackFolder, setting: str
) -> None:
    """Both ports are looked at before anything starts."""
    port = folder.kafka_port if setting == "ATTESA_KAFKA_PORT" else folder.clickhouse_port
    with socket.socket() as listener:
        listener.bind((LOOPBACK, port))
        listener.listen()
        with pytest.raises(PortTakenError) as refused:
            folder.stack("tansu").up()
    for part in (f"port {port}", f"process {os.getpid()}", setting):
        assert part in str(refused.value)
    assert not (folder.data_dir / "stack.json").exists()


def test_where_the_second_service_fails_the_first_is_stopped_again(
    folder: StackFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`up` is whole or not at all."""
    monkeypatch.setattr(
        EmbeddedClickHouse, "command", lambda _: [sys.executable, "-c", "raise SystemExit('no disk')"]
    )
    with pytest.raises(ServerFailedError, match="no disk"):
        folder.stack("tansu").up()
    assert not is_listening(folder.kafka_port)
    assert not (folder.data_dir / "stack.json").exists()


def test_another_broker_or_another_port_on_a_stack_that_is_up_is_refused(folder: StackFolder) -> None:
    """Never two stacks on one folder, and never a silent change of address."""
    folder.stack("tansu").up()
    with pytest.raises(StackConflictError, match=r"a stack on tansu is up.*attesa down"):
        folder.stack("kafka").up()
    asked, folder.kafka_port = folder.kafka_port, folder.kafka_port + 1
    with pytest.raises(StackConflictError, match=f"ATTESA_KAFKA_PORT={asked}"):
        folder.stack().up()


def test_down_ends_only_the_processes_that_it_recorded(folder: StackFolder) -> None:
    """A process id that was given out again is a stranger's: left alone, shown as ended."""
    stack = folder.stack("tansu")
    started = processes(stack.up())
    path = folder.data_dir / "stack.json"
    text = path.read_text()
    for process in started:
        other = replace(process, started=process.started - 1)
        text = text.replace(f'"started": {process.started}', f'"started": {other.started}')
    path.write_text(text)

    assert states(stack.status()) == ["ended", "ended"]
    stack.down()
    assert all(process.is_alive() for process in started)
    for process in started:
        process.kill()


def test_a_service_that_hangs_is_silent_and_stopped_all_the_same(folder: StackFolder) -> None:
    """`status` tells a hung server from one that is up; `down` ends it."""
    stack = folder.stack("tansu")
    hung = processes(stack.up())[0]
    hung.signal(signal.SIGSTOP)
    assert await_until(lambda: states(stack.status()) == ["silent", "up"], timeout=10)
    with pytest.raises(ServerFailedError, match=r"does not answer: attesa down"):
        stack.up()
    stack.down()
    assert not hung.is_alive()


def test_a_damaged_record_is_an_error_that_says_what_to_do(folder: StackFolder) -> None:
    """Nothing is guessed about processes."""
    folder.data_dir.mkdir()
    (folder.data_dir / "stack.json").write_text('{"broker": "rabbit"}')
    with pytest.raises(StackRecordError, match=r"stack\.json does not say what runs.*remove the file"):
        folder.stack().up()
    (folder.data_dir / "stack.json").unlink()


def test_an_ephemeral_stack_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the length of a block there are a broker and ClickHouse; after it no process, no port, no file."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with EphemeralStack() as stack:
        admin = AdminClient({"bootstrap.servers": stack.bootstrap, "log_level": 0})
        assert admin.list_topics(timeout=30).brokers
        client = clickhouse(stack)
        assert client.execute("SELECT 1") == [(1,)]
        client.disconnect()
        assert list(tmp_path.iterdir()) == [stack.data_dir]
        port = int(stack.bootstrap.rpartition(":")[2])
    assert list(tmp_path.iterdir()) == []
    assert not is_listening(port)


def test_the_default_broker_is_apache_kafka_where_it_can_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Java the default needs nothing that is not in the wheel."""
    monkeypatch.setattr(stack_module, "missing_programs", lambda: None)
    assert default_broker() == "kafka"
    monkeypatch.setattr(stack_module, "missing_programs", lambda: "no java")
    assert default_broker() == "tansu"


def test_the_commands_start_show_and_stop_a_stack(folder: StackFolder) -> None:
    """`attesa up`, `status`, `down`: one object with `--json`, and what would be lost is said."""
    up = folder.command("up", "--broker", "tansu", "--json")
    assert up.returncode == 0, up.stderr
    answer = json.loads(up.stdout)
    assert [(row["service"], row["state"]) for row in answer["rows"]] == [
        ("Tansu", "up"),
        ("ClickHouse", "up"),
    ]
    assert answer["forgets"]
    assert "`attesa down` forgets everything" in up.stderr
    assert f"export ATTESA_KAFKA=127.0.0.1:{folder.kafka_port}" in up.stderr

    status = folder.command("status")
    assert status.returncode == 0
    assert str(answer["rows"][0]["pid"]) in status.stdout

    down = folder.command("down", "--json")
    assert [row["state"] for row in json.loads(down.stdout)["rows"]] == ["stopped", "stopped"]
    assert json.loads(folder.command("status", "--json").stdout)["rows"][0]["state"] == "down"


def test_on_a_terminal_down_asks_before_it_forgets_and_yes_answers(folder: StackFolder) -> None:
    """`n` leaves the stack as it was; `--yes` does not ask."""
    running = processes(folder.stack("tansu").up())
    ours, terminal = os.openpty()
    os.write(ours, b"n\n")
    refused = folder.end(folder.start("down", stdin=terminal))
    assert refused.returncode == 1
    assert "To be stopped and forgotten" in refused.stdout
    assert all(process.is_alive() for process in running)

    done = folder.end(folder.start("down", "--yes", stdin=terminal))
    assert done.returncode == 0, done.stderr
    assert not any(process.is_alive() for process in running)
    os.close(ours)
    os.close(terminal)


def test_a_taken_port_is_one_line_and_exit_code_2(folder: StackFolder) -> None:
    """No traceback for what a setting mends."""
    with socket.socket() as listener:
        listener.bind((LOOPBACK, folder.kafka_port))
        listener.listen()
        refused = folder.command("up", "--broker", "tansu")
    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr
    assert f"port {folder.kafka_port}" in refused.stderr


def test_two_commands_at_once_bring_up_one_stack(folder: StackFolder) -> None:
    """The second waits for the first, and finds its stack."""
    commands = [folder.start("up", "--broker", "tansu", "--json") for _ in range(2)]
    ends = [folder.end(command) for command in commands]
    assert [end.returncode for end in ends] == [0, 0], [end.stderr for end in ends]
    assert json.loads(ends[0].stdout)["rows"] == json.loads(ends[1].stdout)["rows"]


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_an_up_that_is_cut_off_leaves_nothing_that_down_would_not_find(
    folder: StackFolder, end: signal.Signals
) -> None:
    """Ctrl-C takes back what it began; after kill -9 the record is there before the service is ready."""
    command = folder.start("up", "--broker", "tansu")
    assert command.stderr is not None
    while "starting ClickHouse" not in command.stderr.readline():
        assert command.poll() is None
    command.send_signal(end)
    folder.end(command)
    if end == signal.SIGKILL:
        assert states(folder.stack().status())[0] == "up"
        folder.stack().down()
    assert not (folder.data_dir / "stack.json").exists()
    assert not is_listening(folder.kafka_port)
    assert not is_listening(folder.clickhouse_port)
