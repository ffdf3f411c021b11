"""`attesa demo` from start to end: what it shows, and that nothing of it is left."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.clickhouse, pytest.mark.slow]


def _demo(folder: Path, *options: str) -> str:
    """What a short demo says, on a machine that has no Java and no settings of Attesa's."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ATTESA_")},
        "PATH": str(Path(sys.executable).parent),
        "TMPDIR": str(folder),
        "HOME": str(folder),
        "COLUMNS": "160",
    }
    command = [
        sys.executable,
        "-m",
        "streams.cli.main",
        "demo",
        "--seconds",
        "1",
        "--customers",
        "60",
        *options,
    ]
    ended = subprocess.run(
        command,
        env=environment,
        cwd=Path(__file__).resolve().parents[2],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ended.returncode == 0, f"{ended.stdout[-3000:]}\n{ended.stderr[-3000:]}"
    assert list(folder.iterdir()) == []
    assert _processes_of(folder) == []
    return ended.stdout


def _processes_of(folder: Path) -> list[str]:
    """The command lines of running processes that name the folder."""
    lines = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it ended meanwhile
        if str(folder) in line:
            lines.append(line)
    return lines


def test_the_demo_shows_the_whole_way_and_leaves_nothing(tmp_path: Path) -> None:
    """Messages as they go out, rates by flow and step, a chart, one story with its causes, what is next."""
    said = _demo(tmp_path)
    messages = [line for line in said.splitlines() if "  whatsapp  bottega/" in line]
    assert len(messages) > 20
    for title in ("Response rate, as of ", "Time to response, as of ", "Messages and replies within 24 h"):
        assert title in said
    for flow in ("nudge-after-reply", "verify-purchase"):
        assert flow in said
    story = said.partition("The story of bottega/")[2]
    assert story.count("demo.inbound-") >= 10
    assert "the conversation is to be closed" in story
    assert "attesa report response-rate --prefix try --by flow,step" in story


def test_the_demos_numbers_add_up(tmp_path: Path) -> None:
    """Each wait stands in one column, and the rate is that of the matured ones."""
    report = json.loads(_demo(tmp_path, "--json"))
    assert (report["report"], report["by"]) == ("response-rate", ["flow", "step"])
    assert {row["flow"] for row in report["rows"]} == {"nudge-after-reply", "verify-purchase"}
    for row in report["rows"]:
        assert row["opened"] == row["responded"] + row["timed_out"] + row["cancelled"] + row["pending"]
        matured = row["matured_responded"] + row["matured_timed_out"]
        assert row["rate"] == pytest.approx(row["matured_responded"] / matured)
        assert 0 < row["rate"] < 1
    assert {row["author"] for row in report["messages"]} == {"agent", "automation"}
