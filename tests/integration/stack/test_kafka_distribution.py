"""Where Apache Kafka comes from: fetched once, whole or not at all, and what is missing is named."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deploy.errors import FetchFailedError, MissingProgramError
from deploy.kafka import KAFKA_VERSION, distribution, fetch, is_fetched, missing_programs
from deploy.processes import ProcessRecord, await_until
from tests.fixtures.kafka import require_apache_kafka

ROOT = Path(__file__).resolve().parents[3]


class Machine:
    """A machine with an empty cache and only the programs that the test puts on it."""

    def __init__(self, folder: Path) -> None:
        self.cache, self.programs = folder / "cache", folder / "bin"
        self.programs.mkdir()
        self.calls = folder / "calls"

    def has(self, program: str, script: str) -> None:
        """Put a shell script on the path."""
        path = self.programs / program
        path.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")
        path.chmod(0o755)

    def has_java(self, version: str = "17.0.15") -> None:
        """A Java that tells this version."""
        self.has("java", f"echo 'openjdk version \"{version}\" 2025-04-15' >&2")

    def has_maven(self) -> None:
        """A Maven that writes the broker's jar where it is told, and counts its calls."""
        self.has(
            "mvn",
            f'echo called >> "{self.calls}"\n'
            'for argument; do case "$argument" in -DoutputDirectory=*) to="${argument#*=}";; esac; done\n'
            f'echo jar > "$to/kafka_2.13-{KAFKA_VERSION}.jar"',
        )


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """An empty one."""
    empty = Machine(tmp_path)
    monkeypatch.setenv("PATH", str(empty.programs))
    monkeypatch.setenv("ATTESA_CACHE_DIR", str(empty.cache))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    return empty


def test_without_java_it_says_what_to_install(machine: Machine) -> None:
    """The message has the command."""
    machine.has_maven()
    missing = missing_programs()
    assert missing is not None
    assert "no java on the path" in missing
    assert "apt install openjdk-17-jre-headless maven" in missing


def test_a_java_that_is_too_old_is_named_with_its_version(machine: Machine) -> None:
    """Kafka 4 would end with a class version error that few understand."""
    machine.has_java("11.0.2")
    missing = missing_programs()
    assert missing is not None
    assert "11.0.2" in missing
    assert "17 or newer" in missing


def test_a_wrong_java_home_is_named(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """JAVA_HOME goes before the path, so it is what to mend."""
    machine.has_java()
    monkeypatch.setenv("JAVA_HOME", "/nowhere")
    missing = missing_programs()
    assert missing is not None
    assert "JAVA_HOME (/nowhere)" in missing


def test_maven_is_needed_until_the_jars_are_there(machine: Machine) -> None:
    """Afterwards Java alone is enough."""
    machine.has_java()
    missing = missing_programs()
    assert missing is not None
    assert "no mvn on the path" in missing
    with pytest.raises(MissingProgramError):
        fetch()

    machine.has_maven()
    assert missing_programs() is None
    assert fetch() == machine.cache / f"kafka-{KAFKA_VERSION}"
    (machine.programs / "mvn").unlink()
    assert missing_programs() is None


def test_many_at_once_fetch_once(machine: Machine) -> None:
    """One fetches, the others wait for it."""
    machine.has_maven()
    with ThreadPoolExecutor(8) as starters:
        folders = {future.result() for future in [starters.submit(fetch) for _ in range(8)]}
    assert len(folders) == 1
    assert machine.calls.read_text().splitlines() == ["called"]


def test_a_fetch_that_failed_tells_mavens_words_and_leaves_nothing(machine: Machine) -> None:
    """The next one begins afresh."""
    machine.has("mvn", "echo '[ERROR] Could not resolve host'; exit 1")
    with pytest.raises(FetchFailedError, match=r"(?s)check the network.*Could not resolve host"):
        fetch()
    assert not is_fetched()
    machine.has_maven()
    assert list(fetch().iterdir())
    assert sorted(path.name for path in machine.cache.iterdir()) == [
        f"kafka-{KAFKA_VERSION}",
        f"kafka-{KAFKA_VERSION}.lock",
    ]


def test_a_fetch_that_was_cut_off_does_not_count(machine: Machine) -> None:
    """What kill -9 leaves is half a folder under another name, and the next fetch removes it."""
    half = machine.cache / f"kafka-{KAFKA_VERSION}.part-x"
    half.mkdir(parents=True)
    assert not is_fetched()
    machine.has_maven()
    fetch()
    assert not half.exists()


def test_the_pom_and_the_code_agree_on_the_version() -> None:
    """Both name it; neither may move alone."""
    pom = Path(distribution.__file__).with_name("pom.xml").read_text()
    assert pom.count(f"<version>{KAFKA_VERSION}</version>") == 3


@pytest.mark.kafka
def test_the_command_runs_a_broker_until_it_is_told_to_stop(tmp_path: Path) -> None:
    """`python -m deploy.kafka run`: it says where it listens, and at SIGTERM broker and command end."""
    require_apache_kafka()
    command = [sys.executable, "-m", "deploy.kafka", "run", "--data", str(tmp_path), "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=os.environ
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("listening 127.0.0.1:")
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        broker = next(
            ProcessRecord.of(int(child))
            for child in children
            if b"kafka.Kafka" in Path(f"/proc/{child}/cmdline").read_bytes()
        )
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    assert await_until(lambda: not broker.is_alive(), timeout=5)


@pytest.mark.parametrize(("ci", "ends"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)])
def test_without_kafka_tests_are_skipped_here_and_fail_in_ci(
    ci: str, ends: type[BaseException], machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody without Java is stopped from working, and no CI is green for want of it."""
    machine.has_maven()
    monkeypatch.setenv("CI", ci)
    with pytest.raises(ends, match="no java on the path"):
        require_apache_kafka()
