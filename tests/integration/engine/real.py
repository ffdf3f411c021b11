"""The real core on a prefix: ready flows published, a seeded history of inputs, and the oracle
`fold_partition`.
"""

import random
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Any

from schemas.types.inputs import (
    AgentMessageSent,
    ContactUpdated,
    ConversationClosed,
    CustomerEvent,
    Input,
    MessageReceived,
    Tick,
)
from schemas.wire import UndecodableError
from streams.core.memory import MemoryContacts, fold_partition
from streams.core.partition import Decision, Entry
from streams.core.state import decode_state
from streams.engine.envelope import POSITION_KEY, unpack
from streams.flows.files import LIBRARY, lint, read_workspace_file
from streams.log.flow_log import FlowLog
from streams.log.partitioner import partition_of
from streams.log.publishing import flow_published, say, workspace_configured
from streams.log.settings import load
from tests.integration.engine.harness import MASTER_KEY, Bench

__all__ = ["check_against_the_core", "publish_ready", "send_history"]

MINUTE = 60_000
HOUR = 60 * MINUTE


def publish_ready(bench: Bench, *flows: str, delivery: str = "assumed") -> int:
    """Says the example workspace and ready flows; the end of the flows topic."""
    source = (LIBRARY / "workspace.yaml").read_text()
    path = bench.folder / "workspace.yaml"
    path.write_text(source + (f"delivery: {delivery}\n" if delivery == "assumed" else ""))
    workspace, text, definition = read_workspace_file(path)
    records: list[Any] = [workspace_configured(workspace.workspace, text, definition, by="test")]
    for name in flows:
        file, compiled, _ = lint(Path(LIBRARY / name / "flow.yaml"), workspace).publishable({})
        records.append(flow_published("acme", file.flow.flow, "…", compiled, by="test"))
    settings = load(kafka=bench.kafka.bootstrap, prefix=bench.topics.prefix, master_key=MASTER_KEY)
    say(settings, bench.topics.prefix, records)
    with FlowLog(bench.kafka.bootstrap, bench.topics.flows) as log:
        return log.read()


def _random_input(rng: random.Random, number: int, at: int) -> Input:
    common: dict[str, Any] = {"source": "test", "id": f"i{number}", "occurred_at": at - rng.randrange(5_000)}
    match rng.randrange(10):
        case 0:
            return AgentMessageSent(
                **common, channel="whatsapp", conversation="c1", text="Un attimo.", agent="anna"
            )
        case 1:
            return CustomerEvent(
                **common, name="order.completed", properties={"product": "espresso-x", "total": 12.5}
            )
        case 2:
            return ContactUpdated(
                **common,
                attributes={"name": f"Ada {number}"},
                addresses={"whatsapp": f"+39 333 {number}", "sms": f"+39 333 {number}"},
                language="it",
            )
        case 3:
            return ConversationClosed(**common, channel="whatsapp", conversation="c1")
        case _:
            return MessageReceived(
                **common, channel="whatsapp", conversation="c1", text=rng.choice(("ciao", "quando?", "stop"))
            )


def send_history(bench: Bench, flows_through: int, *, inputs: int, start: int, seed: int = 1) -> int:
    """Inputs of 97 contacts in time order, some repeated, with a tick before the first and after the last.

    Returns the time of the last.
    """
    rng = random.Random(seed)
    bench.tick(timestamp=start, flows_through=flows_through, fire_limit=0)
    now = start
    for number in range(inputs):
        now += rng.randrange(2 * MINUTE)
        contact = f"acme/c{rng.randrange(97)}"
        record = _random_input(rng, number, now)
        bench.send(contact, record, timestamp=now)
        if rng.random() < 0.02:
            bench.send(contact, record, timestamp=now)
        if number % 200 == 0:
            bench.tick(timestamp=now, flows_through=flows_through, fire_limit=0)
    now += 30 * 24 * HOUR
    bench.tick(timestamp=now, flows_through=flows_through, fire_limit=0)
    bench.flush()
    return now


def check_against_the_core(bench: Bench) -> Counter[str]:
    """Folds inbound with the pure core alone: facts, commands and states must be the same; counts by kind."""
    inbound = bench.read(bench.topics.inbound)
    with FlowLog(bench.kafka.bootstrap, bench.topics.flows) as log:
        flow_entries = log.between(0, log.read())
    facts, states = bench.facts(), _states(bench)
    commands: dict[int, list[Any]] = {partition: [] for partition in range(bench.partitions)}
    for record in bench.read(bench.topics.commands):
        commands[record.partition].append(bench.commands_codec.decode(record.value))
    counts: Counter[str] = Counter()
    for partition in range(bench.partitions):
        entries = [e for r in inbound if r.partition == partition and (e := _entry(bench, r)) is not None]
        contacts = MemoryContacts()
        decisions = fold_partition(
            entries,
            flow_entries,
            topic=bench.topics.inbound,
            partition=partition,
            contacts=contacts,
            engine=version("attesa"),
            tzdata=version("tzdata"),
        )
        assert facts[partition] == [fact for decision in decisions for fact in decision.facts]
        assert commands[partition] == [c for decision in decisions for c in decision.commands]
        assert states[partition] == contacts.states
        counts.update(type(fact).__name__ for decision in decisions for fact in decision.facts)
        counts.update(_sums(decisions))
    letters = bench.read(bench.topics.dead_letters)
    counts["letters"] = len(letters)
    ticks = sum(_is_tick(bench, record) for record in inbound)
    counts["inputs"] = len(inbound) - ticks
    caused = {
        (fact.cause.partition, fact.cause.offset)
        for found in facts.values()
        for fact in found
        if fact.cause.input
    }
    counts["caused"] = len(caused)
    return counts


def _sums(decisions: list[Decision]) -> dict[str, int]:
    return {
        "duplicates": sum(decision.duplicate for decision in decisions),
        "dead": sum(decision.dead is not None for decision in decisions),
    }


def _entry(bench: Bench, record: Any) -> Entry | None:
    try:
        decoded = bench.inputs.decode(record.value)
    except UndecodableError:
        return None
    contact = None if record.key is None else record.key.decode()
    if contact is not None and partition_of(record.key, bench.partitions) != record.partition:
        return None
    return Entry(record.offset, record.timestamp, contact, decoded)


def _is_tick(bench: Bench, record: Any) -> bool:
    try:
        return isinstance(bench.inputs.decode(record.value), Tick)
    except UndecodableError:
        return False


def _states(bench: Bench) -> dict[int, dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {partition: {} for partition in range(bench.partitions)}
    for record in bench.read(bench.topics.state):
        if record.key == POSITION_KEY:
            continue
        contact = (record.key or b"").decode()
        if record.value is None:
            found[record.partition].pop(contact, None)
        else:
            found[record.partition][contact] = decode_state(unpack(record.value).state)
    return found
