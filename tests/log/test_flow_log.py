"""The flows topic, compiled once and folded by all."""

import threading
from typing import Any

import pytest

from deploy.kafka import ApacheKafka
from schemas.types.flow_commands import FlowPaused, FlowPublished, WorkspaceConfigured
from streams.core.partition import FlowLog as FlowLogOfTheCore
from streams.core.program import WorkspaceSettings
from streams.flows import content_of, parse_workspace, workspace_definition
from streams.flows.model import Workspace
from streams.log.errors import LogGapError, TopicMissingError
from streams.log.flow_log import FlowLog, FlowLogInMemory, entry_of
from streams.log.producers import RecordProducer


def paused(number: int) -> FlowPaused:
    """A flow command without content."""
    return FlowPaused(id=str(number), by="ops", at=number, workspace="w", flow="f")


BROKEN = FlowPublished(
    id="b", by="ops", at=0, workspace="w", flow="f", source="",
    definition="{", content=content_of("{"), grammar=1, rules=1,
)  # fmt: skip


def test_a_flow_command_is_compiled_when_it_is_read() -> None:
    """A pause changes nothing compiled; what cannot be compiled is refused, with its reason, and kept."""
    assert entry_of(0, paused(0)).change is None
    assert entry_of(0, paused(0)).refused is None
    refused = entry_of(3, BROKEN)
    assert (refused.offset, refused.change) == (3, None)
    assert "cannot be compiled" in (refused.refused or "")


def test_in_memory_it_counts_offsets_from_nought() -> None:
    """And refuses to be read beyond its end."""
    log: FlowLogOfTheCore = FlowLogInMemory([paused(0), paused(1), paused(2)])
    assert [entry.record.id for entry in log.between(1, 3)] == ["1", "2"]
    assert log.between(3, 3) == []
    with pytest.raises(LogGapError):
        log.between(0, 4)


@pytest.fixture
def flows(create_topic: Any) -> str:
    """A flows topic."""
    return str(create_topic(".flows", 1))


def say(kafka: ApacheKafka, topic: str, *records: Any) -> None:
    """Writes flow commands."""
    with RecordProducer(kafka.bootstrap) as producer:
        for record in records:
            producer.send(topic, record, b"w/f")


@pytest.mark.kafka
def test_it_reads_from_the_beginning_to_the_end(kafka: ApacheKafka, flows: str) -> None:
    """A workspace comes compiled; reading again reads what is new."""
    definition = _workspace()
    configured = WorkspaceConfigured(
        id="c",
        by="ops",
        at=0,
        workspace="w",
        source="",
        definition=definition,
        content=content_of(definition),
    )
    say(kafka, flows, configured, paused(1))
    with FlowLog(kafka.bootstrap, flows) as log:
        assert log.read() == 2
        first, second = log.between(0, 2)
        assert isinstance(first.change, WorkspaceSettings)
        assert first.change.id == "w"
        assert second.record == paused(1)
        say(kafka, flows, paused(2))
        assert log.read() == 3
        assert [entry.offset for entry in log.between(0, 3)] == [0, 1, 2]
        assert log.between(0, 2)[0] is first
        with pytest.raises(LogGapError, match="offset 9"):
            log.between(0, 9)


@pytest.mark.kafka
def test_it_follows_and_lets_others_wait(kafka: ApacheKafka, flows: str) -> None:
    """Several partitions ask for an offset that is yet to come; all get the same compiled entries."""
    say(kafka, flows, paused(0))
    with FlowLog(kafka.bootstrap, flows).follow() as log:
        found: list[Any] = []
        threads = [threading.Thread(target=lambda: found.append(log.between(0, 3))) for _ in range(4)]
        for thread in threads:
            thread.start()
        say(kafka, flows, paused(1), paused(2))
        for thread in threads:
            thread.join(30)
        assert [[entry.record.id for entry in entries] for entries in found] == [["0", "1", "2"]] * 4
        assert all(entries[2] is found[0][2] for entries in found)


@pytest.mark.kafka
def test_what_is_no_flow_command_is_left_out(kafka: ApacheKafka, flows: str) -> None:
    """By every reader, and the offsets of the others stay what they are."""
    say(kafka, flows, paused(0))
    with RecordProducer(kafka.bootstrap) as producer:
        producer.send_bytes(flows, b"garbage", b"w/f", 0)
    say(kafka, flows, paused(2))
    with FlowLog(kafka.bootstrap, flows) as log:
        assert log.read() == 3
        assert [entry.offset for entry in log.between(0, 3)] == [0, 2]


@pytest.mark.kafka
def test_a_wait_for_what_never_comes_ends(kafka: ApacheKafka, flows: str) -> None:
    """With an error that names topic and offsets; never for ever."""
    with FlowLog(kafka.bootstrap, flows).follow() as log, pytest.raises(LogGapError, match="offset 5"):
        log.wait_for(5, timeout_s=0.2)


@pytest.mark.kafka
def test_what_its_thread_runs_into_is_raised_to_whoever_waits(
    kafka: ApacheKafka, flows: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread has nobody to raise to."""
    with FlowLog(kafka.bootstrap, flows) as log:

        def away() -> Any:
            raise TopicMissingError(flows)

        log.read()
        monkeypatch.setattr(log, "read", lambda: 0)
        monkeypatch.setattr(log, "_reader", away)
        log.follow()
        with pytest.raises(TopicMissingError):
            log.wait_for(1)
        with pytest.raises(TopicMissingError):
            log.check()


@pytest.mark.kafka
def test_a_missing_topic_is_said(kafka: ApacheKafka, prefix: str) -> None:
    """Before any thread is started."""
    with pytest.raises(TopicMissingError):
        FlowLog(kafka.bootstrap, f"{prefix}.flows").follow()


def _workspace() -> str:
    parsed = parse_workspace(
        "workspace: w\nzone: Europe/Rome\nlanguage: it\nchannels: {sms: {via: console}}\n", "w.yaml"
    )
    assert isinstance(parsed, Workspace), parsed
    return workspace_definition(parsed)
