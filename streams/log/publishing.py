"""Saying something to the flows topic, and waiting until every partition has it in force.

A flow command takes effect at a tick, at the same place in every replay; each partition says so with a
`FlowCommandApplied`. Who publishes waits for all of them.
"""

import getpass
import time
import uuid
from collections.abc import Callable, Sequence

import msgspec

from schemas.errors import AttesaError, NotReachableError
from schemas.registry import registry_at
from schemas.types.facts import FlowCommandApplied
from schemas.types.flow_commands import FlowCommand, FlowPublished, WorkspaceConfigured
from schemas.wire import UndecodableError
from streams.flows.compile import RULES
from streams.flows.definition import content_of
from streams.flows.parsing.flow import GRAMMAR
from streams.log.bounds import bounds
from streams.log.facts_codec import FactCodec
from streams.log.partitioner import key_of
from streams.log.producers import RecordProducer
from streams.log.readers import TopicReader
from streams.log.settings import Settings
from streams.log.topics import Topics

__all__ = [
    "NotAppliedError",
    "Published",
    "RefusedError",
    "flow_published",
    "operator",
    "publish",
    "say",
    "workspace_configured",
]

Progress = Callable[[int, int], None]
"""How many partitions have said so for all records, and how many there are."""


class NotAppliedError(NotReachableError):
    """A flow command is in the log, and some partition has not put it in force within the time."""


class RefusedError(AttesaError):
    """The engine refused a flow command; the reason is the one in its facts."""


class Published(msgspec.Struct, frozen=True):
    """What became of a flow command."""

    record: FlowCommand
    partitions: int
    """How many partitions have it in force."""
    version: int | None
    """The flow version that it made or is about."""
    result: str
    """applied or nothing_new."""


def operator() -> str:
    """Who speaks: the name of the account that the command runs under."""
    try:
        return getpass.getuser()
    except OSError:
        return "unknown"


def _now() -> int:
    return time.time_ns() // 1_000_000


def flow_published(
    workspace: str, flow: str, source: str, definition: str, *, by: str, allowed: dict[str, str] | None = None
) -> FlowPublished:
    """The record that publishes a reviewed flow. Its id is new each time: saying it again is an act too."""
    return FlowPublished(
        id=uuid.uuid4().hex,
        by=by,
        at=_now(),
        workspace=workspace,
        flow=flow,
        source=source,
        definition=definition,
        content=content_of(definition),
        grammar=GRAMMAR,
        rules=RULES,
        allowed=allowed or {},
    )


def workspace_configured(workspace: str, source: str, definition: str, *, by: str) -> WorkspaceConfigured:
    """The record that configures a workspace."""
    return WorkspaceConfigured(
        id=uuid.uuid4().hex,
        by=by,
        at=_now(),
        workspace=workspace,
        source=source,
        definition=definition,
        content=content_of(definition),
    )


def say(settings: Settings, prefix: str, records: Sequence[FlowCommand]) -> None:
    """Writes flow commands in order and returns when they are in the log, not yet in force.

    Raises `TopicMissingError`, `NotReachableError`, `DeliveryFailedError`.
    """
    registry = registry_at(settings.registry_url, prefix=prefix)
    with RecordProducer(settings.kafka, registry=registry) as producer:
        for record in records:
            flow = getattr(record, "flow", None)
            key = key_of(f"{record.workspace}/{flow}" if flow is not None else record.workspace)
            producer.send(Topics(prefix).flows, record, key)


def publish(
    settings: Settings,
    prefix: str,
    records: Sequence[FlowCommand],
    *,
    wait_s: float,
    progress: Progress | None = None,
) -> list[Published]:
    """Says flow commands and waits until every partition has all of them in force.

    Raises `NotAppliedError` after `wait_s`, naming what is missing; the commands stand in the log all the
    same, and take effect when it is there. `RefusedError` if the engine refused one. What `say` raises.
    """
    topics = Topics(prefix)
    starts = _ends(settings.kafka, topics.facts)
    before = _ends(settings.kafka, topics.inbound)
    say(settings, prefix, records)
    applied = _await(settings, topics, records, starts, time.monotonic() + wait_s, progress)
    missing = sorted(p for p in starts if any(p not in applied[record.id] for record in records))
    if missing:
        raise NotAppliedError(_what_is_missing(settings, topics, missing, before, len(starts), wait_s))
    return [_published(record, applied[record.id]) for record in records]


def _ends(bootstrap: str, topic: str) -> dict[int, int]:
    """Where each partition ends now, or a little before: what follows is read from there."""
    return {partition: high for partition, (_, high) in bounds(bootstrap, topic).items()}


def _await(
    settings: Settings,
    topics: Topics,
    records: Sequence[FlowCommand],
    starts: dict[int, int],
    give_up: float,
    progress: Progress | None,
) -> dict[str, dict[int, FlowCommandApplied]]:
    """What each partition said of each record, by its id, until all have or it is time to give up."""
    codec = FactCodec(registry=registry_at(settings.registry_url, prefix=topics.prefix))
    applied: dict[str, dict[int, FlowCommandApplied]] = {record.id: {} for record in records}
    with TopicReader(settings.kafka, topics.facts, start=starts) as reader:
        while True:
            done = sum(all(partition in said for said in applied.values()) for partition in starts)
            if progress is not None:
                progress(done, len(starts))
            if done == len(starts) or time.monotonic() > give_up:
                return applied
            for message in reader.read(0.2):
                if message.key() is not None:
                    continue  # a contact's; what partitions say has no key
                try:
                    fact = codec.decode(message.value(), None)
                except UndecodableError:
                    continue  # of a newer writer: not an answer to this
                if isinstance(fact, FlowCommandApplied) and fact.command in applied:
                    applied[fact.command][fact.partition] = fact


def _published(record: FlowCommand, said: dict[int, FlowCommandApplied]) -> Published:
    refused = [fact for _, fact in sorted(said.items()) if fact.result == "refused"]
    if refused:
        name = getattr(record, "flow", None) or record.workspace
        raise RefusedError(f"{name} was refused by the engine: {refused[0].reason}")
    fact = said[min(said)]
    return Published(record, len(said), fact.version, fact.result)


def _what_is_missing(
    settings: Settings, topics: Topics, missing: list[int], before: dict[int, int], of: int, wait_s: float
) -> str:
    """Ticks or a worker: which of the two did not come, and what to do."""
    now = _ends(settings.kafka, topics.inbound)
    silent = [partition for partition in missing if now.get(partition, 0) <= before.get(partition, 0)]
    which = ", ".join(map(str, missing))
    head = (
        f"{len(missing)} of {of} partitions ({which}) did not put it in force within {wait_s:.0f} s. "
        f"It stands in {topics.flows} and takes effect by itself; publishing it again does no harm. "
    )
    if silent:
        return head + (
            f"No tick came to {topics.inbound} in that time, and without ticks no time passes: start "
            "`attesa ticker`, and `attesa worker` if none runs"
        )
    return head + (
        f"Ticks come to {topics.inbound}, so no worker decides there: start `attesa worker`, or see its log"
    )
