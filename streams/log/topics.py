"""The topics of a prefix: their names, their configuration, and how they are made.

What each keeps and why is in `specs`. Topics are made by `attesa topics apply` and never by a producer.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

# The package does not list these as exported; its version is pinned.
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._metadata import TopicMetadata
from confluent_kafka.cimpl import NewTopic

from schemas.errors import NotReachableError
from streams.log.clients import REACH_S, client_options
from streams.log.errors import TopicDiffersError

__all__ = ["LARGEST_VALUE", "Applied", "TopicSpec", "Topics", "apply", "listing"]

LARGEST_VALUE: Final = 1_000_000
"""What a fact or a command may be at most, bytes: its topic takes it with its key and headers around it."""
DAY_MS: Final = 86_400_000
FOR_EVER: Final = "-1"
REQUEST_S: Final = REACH_S


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """What a topic must be."""

    name: str
    partitions: int
    replication: int
    config: dict[str, str]


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a topic."""

    topic: str
    result: Literal["created", "changed", "kept", "differs", "unchecked", "missing"]
    """changed: its configuration · differs: it stays different, `differences` say in what · unchecked: the
    broker tells no configuration of its own · missing: it is not there and nothing was to be created."""
    partitions: int
    differences: dict[str, str] = field(default_factory=dict)
    """By configuration key: what it was and what it is to be."""


@dataclass(frozen=True, slots=True)
class Topics:
    """The names of a prefix."""

    prefix: str

    @property
    def inbound(self) -> str:
        """What happened, and ticks."""
        return f"{self.prefix}.inbound"

    @property
    def flows(self) -> str:
        """What operators said."""
        return f"{self.prefix}.flows"

    @property
    def facts(self) -> str:
        """What the engine decided."""
        return f"{self.prefix}.facts"

    @property
    def commands(self) -> str:
        """What the world is to do."""
        return f"{self.prefix}.commands"

    @property
    def state(self) -> str:
        """The changelog of contacts' state and of positions."""
        return f"{self.prefix}.state"

    @property
    def keys(self) -> str:
        """Each contact's data key, wrapped."""
        return f"{self.prefix}.keys"

    @property
    def attempts(self) -> str:
        """The dispatcher's, before each call."""
        return f"{self.prefix}.attempts"

    @property
    def dead_letters(self) -> str:
        """What could not be decoded or decided, with its reason."""
        return f"{self.prefix}.dead-letters"

    @property
    def imports(self) -> str:
        """How far each imported file has got."""
        return f"{self.prefix}.imports"

    @property
    def database(self) -> str:
        """The ClickHouse database of the prefix."""
        return self.prefix.replace("-", "_")

    def specs(self, partitions: int, replication: int, *, history: bool = False) -> list[TopicSpec]:
        """All nine, in the order of an event's way.

        On a history prefix inbound keeps the producers' times and keeps all its records; everywhere else the
        broker sets the time, and age is counted from it.
        """
        common = {
            "message.timestamp.type": "LogAppendTime",
            "min.insync.replicas": str(max(1, replication - 1)),
            "unclean.leader.election.enable": "false",
            "max.message.bytes": str(1 << 20),
        }
        limited = _kept(35)
        inbound = {"message.timestamp.type": "CreateTime", **_kept(None)} if history else limited
        wanted: list[tuple[str, int, dict[str, str]]] = [
            # Room for a text of 1 MB with its record around it: what is too long must become a dead letter.
            (self.inbound, partitions, {**inbound, "max.message.bytes": str(2 << 20)}),
            (self.flows, 1, {**_kept(None), "max.message.bytes": str(4 << 20)}),
            (self.facts, partitions, _kept(None)),
            (self.commands, partitions, _kept(7)),
            (self.state, partitions, {**_COMPACTED, "max.message.bytes": str(2 << 20)}),
            (self.keys, partitions, _COMPACTED),
            (self.attempts, partitions, _kept(7)),
            # The original bytes, its headers, and ours beside them.
            (self.dead_letters, partitions, {**limited, "max.message.bytes": str(3 << 20)}),
            (self.imports, 1, _COMPACTED),
        ]
        return [TopicSpec(name, count, replication, {**common, **config}) for name, count, config in wanted]


def _kept(days: int | None) -> dict[str, str]:
    kept_ms = FOR_EVER if days is None else str(days * DAY_MS)
    return {"cleanup.policy": "delete", "retention.ms": kept_ms, "retention.bytes": FOR_EVER}


# State holds what is personal beside its wrapped key: both must be gone from disk a day after an erasure at
# the latest, however little else is written. A reader that was away a week still sees every tombstone.
_COMPACTED: Final = {
    "cleanup.policy": "compact",
    "max.compaction.lag.ms": str(DAY_MS),
    "delete.retention.ms": str(7 * DAY_MS),
    "min.cleanable.dirty.ratio": "0.1",
    "segment.bytes": str(128 << 20),
}


def apply(bootstrap: str, specs: Sequence[TopicSpec], *, dry_run: bool = False) -> list[Applied]:
    """Makes the topics what they are to be, and says what that took. Idempotent.

    A configuration that differs is changed and reported. A partition count or a kind of time is never
    changed: `TopicDiffersError` says why, before anything was touched. With `dry_run` nothing is touched at
    all. Raises `NotReachableError` when no broker answers.
    """
    admin = AdminClient(client_options(bootstrap))
    there = _topics(admin, bootstrap)
    present = [spec for spec in specs if spec.name in there]
    for spec in present:
        _refuse_partitions(spec, len(there[spec.name].partitions))
    configs = _configs(admin, present)
    for spec in present:
        _refuse_time(spec, configs[spec.name])
    changes = {spec.name: _differences(spec, configs[spec.name]) for spec in present}
    if not dry_run:
        raced = _create(admin, [spec for spec in specs if spec.name not in there], bootstrap)
        altered = [spec for spec in present if changes[spec.name]]
        _alter(admin, altered, changes)
        _await_configs(admin, altered)
        if raced:
            # Another apply made them between our look and our creation: look again.
            return apply(bootstrap, specs)
    done = []
    for spec in specs:
        if spec.name not in there:
            done.append(Applied(spec.name, "missing" if dry_run else "created", spec.partitions))
        elif not configs[spec.name]:
            done.append(Applied(spec.name, "unchecked", spec.partitions))
        else:
            done.append(_applied(spec, changes[spec.name], _replication(there[spec.name]), dry_run=dry_run))
    return done


def listing(bootstrap: str, prefix: str) -> dict[str, int]:
    """The topics of a prefix that are there, with their partition counts."""
    there = _topics(AdminClient(client_options(bootstrap)), bootstrap)
    return {
        name: len(topic.partitions) for name, topic in sorted(there.items()) if name.startswith(f"{prefix}.")
    }


def _topics(admin: AdminClient, bootstrap: str) -> dict[str, TopicMetadata]:
    try:
        return dict(admin.list_topics(timeout=REQUEST_S).topics)
    except KafkaException as error:
        raise NotReachableError(
            f"no Kafka broker answers at {bootstrap} ({error.args[0].str()}); is ATTESA_KAFKA right, and the "
            "broker up?"
        ) from error


def _replication(topic: TopicMetadata) -> int:
    return min((len(partition.replicas) for partition in topic.partitions.values()), default=0)


def _configs(admin: AdminClient, specs: Sequence[TopicSpec]) -> dict[str, dict[str, str]]:
    """What the broker says each topic's configuration is; empty where it says nothing of its own.

    Tansu gives back what a topic was created with, in force or not (it keeps producers' times under
    LogAppendTime), and nothing else; Kafka tells every key that there is.
    """
    if not specs:
        return {}
    resources = {ConfigResource(ConfigResource.Type.TOPIC, spec.name): spec for spec in specs}
    found: dict[str, dict[str, str]] = {}
    for resource, future in admin.describe_configs(list(resources), request_timeout=REQUEST_S).items():
        told = {name: entry.value for name, entry in future.result().items()}
        spec = resources[resource]
        found[spec.name] = {} if told.keys() <= spec.config.keys() else told
    return found


def _refuse_partitions(spec: TopicSpec, partitions: int) -> None:
    if partitions != spec.partitions:
        raise TopicDiffersError(
            spec.name,
            f"has {partitions} partitions and {spec.partitions} are asked for. The count is never changed: a "
            "contact's partition follows from it, and its state and open waits would stay behind. Set "
            f"ATTESA_PARTITIONS={partitions}, or begin a new prefix",
        )


def _refuse_time(spec: TopicSpec, config: dict[str, str]) -> None:
    kind, wanted = config.get("message.timestamp.type"), spec.config["message.timestamp.type"]
    if kind is not None and kind != wanted:
        meaning = {"CreateTime": "a history (producers' times)", "LogAppendTime": "live (the broker's times)"}
        instead = "leave --history out" if wanted == "CreateTime" else "say --history"
        raise TopicDiffersError(
            spec.name,
            f"is {meaning.get(kind, kind)} and is to be {meaning[wanted]}. A log's clock never changes its "
            f"kind; {instead}, or begin a new prefix",
        )


def _differences(spec: TopicSpec, config: dict[str, str]) -> dict[str, str]:
    return {
        key: f"{config.get(key)} → {value}"
        for key, value in spec.config.items()
        if config and config.get(key) != value
    }


def _applied(spec: TopicSpec, changes: dict[str, str], replication: int, *, dry_run: bool) -> Applied:
    if replication != spec.replication:
        # More replicas need a plan of where they go (kafka-reassign-partitions), which is the operator's.
        difference = {"replication": f"{replication}, asked for {spec.replication}: reassign its partitions"}
        return Applied(spec.name, "differs", spec.partitions, {**changes, **difference})
    if changes:
        return Applied(spec.name, "differs" if dry_run else "changed", spec.partitions, changes)
    return Applied(spec.name, "kept", spec.partitions)


def _create(admin: AdminClient, specs: Sequence[TopicSpec], bootstrap: str) -> list[TopicSpec]:
    """Creates topics and waits until the broker knows them; those that somebody else made meanwhile."""
    if not specs:
        return []
    new = [NewTopic(spec.name, spec.partitions, spec.replication, config=spec.config) for spec in specs]
    others: set[str] = set()
    for name, future in admin.create_topics(new, operation_timeout=REQUEST_S).items():
        try:
            future.result()
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise TopicDiffersError(name, f"could not be created: {error.args[0].str()}") from error
            others.add(name)
    _await_leaders(admin, specs, bootstrap)
    return [spec for spec in specs if spec.name in others]


def _await_leaders(admin: AdminClient, specs: Sequence[TopicSpec], bootstrap: str) -> None:
    """Until every partition has a leader: a broker answers a creation before it knows the topic itself."""
    give_up = time.monotonic() + REQUEST_S
    while True:
        there = _topics(admin, bootstrap)
        waiting = [spec.name for spec in specs if spec.name not in there or not _is_led(there[spec.name])]
        if not waiting:
            return
        if time.monotonic() > give_up:
            raise TopicDiffersError(waiting[0], f"was created and has no leader after {REQUEST_S:.0f} s")
        time.sleep(0.05)


def _is_led(topic: TopicMetadata) -> bool:
    return bool(topic.partitions) and all(partition.leader >= 0 for partition in topic.partitions.values())


def _alter(admin: AdminClient, specs: Sequence[TopicSpec], changes: dict[str, dict[str, str]]) -> None:
    if not specs:
        return
    resources = [
        ConfigResource(
            ConfigResource.Type.TOPIC,
            spec.name,
            incremental_configs=[
                ConfigEntry(key, spec.config[key], incremental_operation=AlterConfigOpType.SET)
                for key in changes[spec.name]
            ],
        )
        for spec in specs
    ]
    for resource, future in admin.incremental_alter_configs(resources, request_timeout=REQUEST_S).items():
        try:
            future.result()
        except KafkaException as error:
            raise TopicDiffersError(resource.name, f"could not be changed: {error.args[0].str()}") from error


def _await_configs(admin: AdminClient, specs: Sequence[TopicSpec]) -> None:
    """Until the broker tells the configuration that it was given: it answers before it has it."""
    give_up = time.monotonic() + REQUEST_S
    while specs:
        configs = _configs(admin, specs)
        specs = [spec for spec in specs if _differences(spec, configs[spec.name])]
        if specs and time.monotonic() > give_up:
            raise TopicDiffersError(
                specs[0].name, f"took a configuration and has not got it after {REQUEST_S:.0f} s"
            )
        if specs:
            time.sleep(0.05)
