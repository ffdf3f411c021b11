"""The README's commands, run in the order in which one reads them, on a stack of their own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.ports import LOOPBACK, free_port, is_listening
from tests.docs.pages import README, ROOT, blocks
from tests.fixtures.kafka import require_apache_kafka

pytestmark = [pytest.mark.kafka, pytest.mark.clickhouse, pytest.mark.slow]

MADE_ELSEWHERE = ("make demo", "make test")
"""`make test` runs this, and the demo has its own tests."""


@contextmanager
def _stack(folder: Path) -> Iterator[dict[str, str]]:
    """An environment whose stack lies in a folder of its own, on free ports; taken down at the end."""
    kafka, clickhouse = free_port(), free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ATTESA_")},
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "ATTESA_DATA_DIR": str(folder / "data"),
        "ATTESA_KAFKA_PORT": str(kafka),
        "ATTESA_CLICKHOUSE_PORT": str(clickhouse),
        "ATTESA_KAFKA": f"{LOOPBACK}:{kafka}",
        "ATTESA_CLICKHOUSE": f"clickhouse://{LOOPBACK}:{clickhouse}/attesa",
        "ATTESA_LOG_FORMAT": "json",
        "COLUMNS": "160",
    }
    try:
        yield environment
    finally:
        _run("attesa down --yes", environment)
        assert not is_listening(kafka)
        assert not is_listening(clickhouse)


def _run(script: str, environment: dict[str, str]) -> str:
    """A shell's lines, each of which must succeed."""
    ended = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert ended.returncode == 0, f"{script}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout


def test_every_snippet_of_the_readme_runs(tmp_path: Path) -> None:
    """Each `sh` block ends with 0. Where processes are listed (`text`), they start, and run to the end."""
    require_apache_kafka()
    processes: dict[str, subprocess.Popen[bytes]] = {}
    with _stack(tmp_path) as environment:
        try:
            for block in blocks(README):
                lines = block.text.splitlines()
                if block.language == "text":
                    for command in (line.split()[:2] for line in lines if line.startswith("attesa ")):
                        with (tmp_path / f"{command[1]}.log").open("wb") as log:
                            processes[command[1]] = subprocess.Popen(
                                command, cwd=tmp_path, env=environment, stdout=log, stderr=log
                            )
                elif block.language == "sh":
                    script = "\n".join(line for line in lines if line not in MADE_ELSEWHERE)
                    out = _run(script, environment)
                    assert "no rows" not in out
            assert set(processes) == {"worker", "ticker", "dispatcher", "projector"}
            for name, process in processes.items():
                process.terminate()
                assert process.wait(60) == 0, (tmp_path / f"{name}.log").read_text()[-3000:]
        finally:
            for process in processes.values():
                process.kill()
                process.wait()
