"""A recorded log in files, and what the core makes of it.

    flows.jsonl     the flow commands, in order
    inputs.jsonl    offset, record time, contact and record of each input
    facts.jsonl     one line a fact: its contact, its name, its bytes on the wire (hex) under a fixed key
    commands.jsonl  the same of commands

`python -m tests.golden.recorded tests/golden/rules-N` writes the last two anew. A golden log guards a version
of the rules: where it changes, either the change is a mistake, or it belongs behind a new version and a line
in the changelog says so.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from schemas.types.flow_commands import FlowCommand
from schemas.types.inputs import Input
from schemas.wire import Codec
from streams.core.memory import fold_partition
from streams.core.partition import Decision, Entry
from streams.log.facts_codec import FactCodec
from streams.log.flow_log import entry_of
from streams.log.sealing import DataKey

__all__ = ["commands_of", "decisions_of", "facts_of", "lines_of"]

KEY = DataKey(bytes(range(64)))
"""The same key for every contact: what is golden is the log and the rules."""


def lines_of(path: Path) -> list[Any]:
    """The lines of a JSON lines file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def decisions_of(folder: Path) -> list[Decision]:
    """What the core decides on the recorded log."""
    flows = [
        entry_of(offset, msgspec.convert(line, FlowCommand))
        for offset, line in enumerate(lines_of(folder / "flows.jsonl"))
    ]
    entries = [
        Entry(line["offset"], line["timestamp"], line["contact"], msgspec.convert(line["record"], Input))
        for line in lines_of(folder / "inputs.jsonl")
    ]
    return fold_partition(entries, flows, topic="golden.inbound", engine="golden", tzdata="golden")


def facts_of(decisions: list[Decision]) -> Iterator[dict[str, Any]]:
    """A line for each fact."""
    codec = FactCodec()
    for decision in decisions:
        for fact in decision.facts:
            yield {
                "contact": decision.contact,
                "fact": type(fact).__name__,
                "bytes": codec.encode(fact, KEY).hex(),
            }


def commands_of(decisions: list[Decision]) -> Iterator[dict[str, Any]]:
    """A line for each command."""
    codec = Codec(("commands",))
    for decision in decisions:
        for command in decision.commands:
            yield {
                "contact": decision.contact,
                "command": type(command).__name__,
                "bytes": codec.encode(command).hex(),
            }


def _write(path: Path, lines: Iterator[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        decided = decisions_of(Path(name))
        _write(Path(name) / "facts.jsonl", facts_of(decided))
        _write(Path(name) / "commands.jsonl", commands_of(decided))
