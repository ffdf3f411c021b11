"""Publishing on Apache Kafka with the command line, a worker and a ticker: as an operator does."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.kafka import ApacheKafka
from schemas.types.flow_commands import FlowPublished
from schemas.types.inputs import Tick
from schemas.wire import Codec
from streams.flows.files import copy_ready
from streams.log.producers import RecordProducer
from streams.log.topics import Topics, apply
from tests.fixtures.kafka import ReadTopic

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

PARTITIONS = 2


class Attesa:
    """The command line on a prefix of its own."""

    def __init__(self, kafka: ApacheKafka, prefix: str, folder: Path) -> None:
        self.kafka = kafka
        self.topics = Topics(prefix)
        self.folder = folder
        self.environment = {
            **os.environ,
            "ATTESA_KAFKA": kafka.bootstrap,
            "ATTESA_PREFIX": prefix,
            "ATTESA_DATA_DIR": str(folder / "data"),
            "ATTESA_MASTER_KEY": "0f" * 32,
            "ATTESA_SESSION_TIMEOUT_S": "6",
            "ATTESA_TICK_S": "0.2",
        }
        apply(kafka.bootstrap, self.topics.specs(PARTITIONS, 1))

    def command(self, *arguments: object) -> list[str]:
        """The program and its arguments."""
        return [sys.executable, "-m", "streams.cli.main", *(str(each) for each in arguments)]

    def __call__(self, *arguments: object, code: int = 0) -> str:
        """Runs a command; what it printed, or with another code than 0 its errors."""
        done = subprocess.run(
            self.command(*arguments),
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, (done.stdout, done.stderr)
        return done.stdout if code == 0 else done.stderr

    def rows(self, *arguments: object) -> list[dict[str, object]]:
        """The rows of a command's JSON."""
        found: list[dict[str, object]] = json.loads(self(*arguments, "--json"))["rows"]
        return found

    @contextmanager
    def running(self, *names: str) -> Iterator[None]:
        """Long-running commands, stopped at the end."""
        logs = [(self.folder / f"{name}.log").open("wb") for name in names]
        started = [
            subprocess.Popen(
                self.command(name), env=self.environment, cwd=self.folder, stdout=log, stderr=log
            )
            for name, log in zip(names, logs, strict=True)
        ]
        try:
            yield
        finally:
            for process in started:
                process.terminate()
            for process, log in zip(started, logs, strict=True):
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
                log.close()


@pytest.fixture
def attesa(kafka: ApacheKafka, prefix: str, tmp_path: Path) -> Attesa:
    """The command line, with the topics applied and a workspace and a ready flow copied."""
    copy_ready("workspace", tmp_path)
    copy_ready("nudge-after-reply", tmp_path / "flows")
    return Attesa(kafka, prefix, tmp_path)


def test_a_flow_is_published_shown_and_published_again(attesa: Attesa, read_topic: ReadTopic) -> None:
    """Versions are counted, the same content is nothing new, every version can be read as it was written."""
    flow = attesa.folder / "flows" / "nudge-after-reply" / "flow.yaml"
    with attesa.running("worker", "ticker"):
        (row,) = attesa.rows("workspace", "publish", "workspace.yaml", "--timeout", 90)
        assert row == {"workspace": "acme", "result": "applied", "partitions": PARTITIONS}
        (row,) = attesa.rows("flow", "publish", "flows")
        expected = {"workspace": "acme", "flow": "nudge-after-reply", "version": 1, "result": "applied"}
        assert row == {**expected, "partitions": PARTITIONS}
        (row,) = attesa.rows("flow", "publish", "flows")
        assert (row["version"], row["result"]) == (1, "nothing_new")

        first = flow.read_text("utf-8")
        flow.write_text(first.replace("5m", "15m"), "utf-8")
        (row,) = attesa.rows("flow", "publish", flow)
        assert (row["version"], row["result"]) == (2, "applied")

        unreachable = "steps:\n  - {if: {tag: a}, then: [end, close_conversation]}\n"
        flow.write_text(first.replace("steps:\n", unreachable), "utf-8")
        assert "ATT121" in attesa("flow", "publish", flow, code=1)
        (row,) = attesa.rows("flow", "publish", flow, "--allow", "ATT121=tried out")
        assert row["version"] == 3

    (row,) = attesa.rows("flow", "ls")
    assert (row["workspace"], row["flow"], row["version"], row["state"]) == (
        "acme",
        "nudge-after-reply",
        3,
        "in force",
    )
    assert first.rstrip() in attesa("flow", "show", "nudge-after-reply", "--version", 1)
    (row,) = attesa.rows("flow", "show", "nudge-after-reply")
    assert (row["version"], row["versions"], row["allowed"]) == (3, 3, {"ATT121": "tried out"})
    assert "versions 1 to 3" in attesa("flow", "show", "nudge-after-reply", "--version", 4, code=2)
    assert "no flow other" in attesa("flow", "show", "other", code=2)
    assert "workspace: acme" in attesa("workspace", "show")
    assert "no workspace other" in attesa("flow", "publish", "flows", "--workspace", "other", code=2)

    codec = Codec(("flow_commands",))
    records = [codec.decode(record.value) for record in read_topic(attesa.topics.flows)]
    flows = [record for record in records if isinstance(record, FlowPublished)]
    assert len(flows) == 4
    assert len({record.id for record in flows}) == 4
    assert flows[0].source == first
    assert {record.key for record in read_topic(attesa.topics.flows)} == {b"acme", b"acme/nudge-after-reply"}


def test_all_flows_are_published_or_none(attesa: Attesa, read_topic: ReadTopic) -> None:
    """One file with an error, or two of one name, and nothing is said."""
    attesa("workspace", "publish", "workspace.yaml", "--no-wait")
    broken = attesa.folder / "flows" / "broken.yaml"
    broken.write_text("flow: broken\ntrigger: {message: any}\nsteps: [{send: {template: nowhere}}]")
    assert "ATT101" in attesa("flow", "publish", "flows", "--no-wait", code=1)
    broken.write_text(
        (attesa.folder / "flows/nudge-after-reply/flow.yaml").read_text().replace("template: ", "text: ")
    )
    assert "two of these files" in attesa("flow", "publish", "flows", "--no-wait", code=2)
    assert len(read_topic(attesa.topics.flows)) == 1
    broken.unlink()
    assert attesa.rows("flow", "publish", "flows", "--no-wait") == [
        {"flow": "nudge-after-reply", "result": "said"}
    ]


def test_what_is_missing_is_named(attesa: Attesa) -> None:
    """No workspace; no tick; ticks and no worker: each says what to do. What was said stands in the log."""
    assert "attesa workspace publish" in attesa("flow", "publish", "flows", code=2)
    assert "start `attesa ticker`" in attesa("workspace", "publish", "workspace.yaml", "--timeout", 1, code=3)
    assert "workspace: acme" in attesa("workspace", "show")
    with attesa.running("ticker"):
        said = attesa("workspace", "publish", "workspace.yaml", "--timeout", 8, code=3)
    assert "start `attesa worker`" in said
    assert "(0, 1)" in said


def test_a_refused_configuration_is_an_error(attesa: Attesa) -> None:
    """What the engine refuses is not in force, and the command says why."""
    with attesa.running("worker", "ticker"):
        attesa("workspace", "publish", "workspace.yaml", "--timeout", 90)
        workspace = attesa.folder / "workspace.yaml"
        workspace.write_text(workspace.read_text("utf-8") + "delivery: assumed\n", "utf-8")
        assert "refused by the engine" in attesa("workspace", "publish", workspace, code=1)
    assert "delivery" not in attesa("workspace", "show")


def test_without_a_broker_it_says_so(tmp_path: Path, attesa: Attesa) -> None:
    """Exit code 3 and the address that was tried."""
    attesa.environment["ATTESA_KAFKA"] = "127.0.0.1:1"
    assert "127.0.0.1:1" in attesa("flow", "ls", code=3)
    assert tmp_path.exists()


def test_ticks_of_others_do_not_confuse(attesa: Attesa) -> None:
    """Ticks that came before the command do not count as ticking."""
    with RecordProducer(attesa.kafka.bootstrap) as producer:
        for partition in range(PARTITIONS):
            producer.send(
                attesa.topics.inbound, Tick(ticker="test", flows_through=0), None, partition=partition
            )
    assert "No tick came" in attesa("workspace", "publish", "workspace.yaml", "--timeout", 1, code=3)
