"""The dispatcher, killed at random again and again: nothing lost, nothing twice, everything in order."""

import random
import signal
from collections import defaultdict
from pathlib import Path

import msgspec
import pytest

from streams.delivery.run import run_until_end
from tests.delivery.harness import Prefix, Process, due, wait_until
from tests.delivery.made import configured, published

pytestmark = [pytest.mark.kafka, pytest.mark.crash, pytest.mark.slow]

_COMMANDS = 6_000
_CONTACTS = 300
_KILLS = 6


def test_kill_9_at_random_leaves_each_message_once_in_order_with_one_outcome(
    log: Prefix, tmp_path: Path
) -> None:
    """By a channel that honours our key: every command is in the file once and has one outcome, accepted."""
    chance = random.Random(20_250_101)
    log.say(configured("whatsapp: {via: file, path: out.jsonl}"), published())
    names = [f"{number:05d}" for number in range(_COMMANDS)]
    log.command(*(due(name, f"acme/{int(name) % _CONTACTS}") for name in names))
    path = tmp_path / "out.jsonl"
    killed_midway = 0
    for _ in range(_KILLS):
        enough = _lines(path) + chance.randrange(50, 700)
        with Process(log, "--until-end") as process:
            _await_lines(process, path, enough)
            process.signal(signal.SIGKILL)
            killed_midway += process.end()[0] == -signal.SIGKILL
    assert killed_midway >= 3
    run_until_end(log.settings)

    written = [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]
    by_contact: defaultdict[str, list[str]] = defaultdict(list)
    for line in written:
        by_contact[line["contact"]].append(line["id"])
    assert sorted(line["id"] for line in written) == names
    assert all(ids == sorted(ids) for ids in by_contact.values())

    said = log.outcomes()
    assert sorted(said) == names
    assert {tuple(each.outcome for each in outcomes) for outcomes in said.values()} == {("accepted",)}
    attempts = log.attempts()
    assert max(len(each) for each in attempts.values()) >= 2, (
        "no kill came between an attempt and its outcome"
    )


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def _await_lines(process: Process, path: Path, enough: int) -> None:
    wait_until("it writes on, or ends", lambda: process.has_ended or _lines(path) >= enough)
