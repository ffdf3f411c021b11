"""The dispatcher on Apache Kafka: order, bounds, stops, and exactly one outcome a command."""

import random
import signal
import threading
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from confluent_kafka import Consumer, TopicPartition

from schemas.types.inputs import CommandOutcome
from streams.delivery.dispatcher import Limits
from streams.delivery.partitions import AnotherDispatcherError
from streams.delivery.run import run_until_end
from streams.log.partitioner import key_of, partition_of
from streams.log.producers import RecordProducer
from tests.delivery.harness import Endpoint, InThread, Prefix, Process, due, now, wait_until
from tests.delivery.made import closing, configured, paused, published, resumed, started, stopped

pytestmark = pytest.mark.kafka


def by_webhook(endpoint: Endpoint, *options: str, name: str = "whatsapp") -> str:
    """A channel of the workspace file."""
    return f"{name}: {{via: webhook, url: '{endpoint.url}'{''.join(f', {option}' for option in options)}}}"


def lines(path: Path) -> list[dict[str, object]]:
    """A file channel's messages."""
    if not path.exists():
        return []
    return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]


def the_only(outcomes: list[CommandOutcome]) -> CommandOutcome:
    """Exactly one was said."""
    assert len(outcomes) == 1, outcomes
    return outcomes[0]


def committed(log: Prefix) -> dict[int, int]:
    """The group's offsets."""
    consumer = Consumer(
        {"bootstrap.servers": log.settings.kafka, "group.id": f"{log.settings.prefix}-dispatcher"}
    )
    try:
        asked = [TopicPartition(log.topics.commands, each) for each in range(log.settings.partitions)]
        return {each.partition: each.offset for each in consumer.committed(asked, timeout=30)}
    finally:
        consumer.close()


def test_a_command_is_rendered_attempted_called_and_said_once(log: Prefix, endpoint: Endpoint) -> None:
    """The attempt stands before the call; the outcome has the contact's key, the provider's id, the trace."""
    attempted = threading.Event()

    def answer(_: object) -> tuple[int, dict[str, str], bytes]:
        if log.attempts().get("c1"):
            attempted.set()
        return 201, {}, b'{"id": "wamid.1"}'

    endpoint.answer = answer
    log.say(configured(by_webhook(endpoint)), published())
    log.command(due("c1"))
    with InThread(log):
        outcome = the_only(log.ended("c1")["c1"])

    assert attempted.is_set()
    (request,) = endpoint.requests
    assert request.body["text"] == "Ciao Anna"
    assert request.headers["idempotency-key"] == "c1"
    assert (outcome.source, outcome.id) == ("attesa-dispatcher", "c1:accepted")
    assert (outcome.outcome, outcome.provider_id, outcome.attempts, outcome.channel) == (
        "accepted", "wamid.1", 1, "whatsapp",
    )  # fmt: skip
    (record,) = log.records(log.topics.inbound)
    assert record.key == b"acme/anna"
    assert record.partition == partition_of(key_of("acme/anna"), log.settings.partitions)
    headers = dict(record.headers)
    assert headers["ce_type"] == b"attesa.CommandOutcome"
    assert headers["ce_subject"] == b"acme/anna"
    trace = headers["traceparent"]
    assert isinstance(trace, bytes)
    assert trace.decode().split("-")[1] == request.headers["traceparent"].split("-")[1]


def test_one_contacts_messages_go_in_order_and_a_slow_one_holds_up_nobody(
    log: Prefix, endpoint: Endpoint
) -> None:
    """While anna's first call hangs, her second waits and everyone else's go, on her partition too."""
    go_on = threading.Event()

    def answer(request: object) -> tuple[int, dict[str, str], bytes]:
        if request.body["id"] == "anna-1":  # type: ignore[attr-defined]
            go_on.wait(50)
        return 200, {}, b""

    endpoint.answer = answer
    log.say(configured(by_webhook(endpoint, "timeout: 1m")), published())
    anna = partition_of(key_of("acme/anna"), 4)
    others = [f"acme/c{number}" for number in range(40)]
    neighbours = [each for each in others if partition_of(key_of(each), 4) == anna]
    assert neighbours
    log.command(due("anna-1"), due("anna-2"), due("anna-3"))
    log.command(*(due(f"{contact}-{number}", contact) for number in range(3) for contact in others))
    expected = [f"{contact}-{number}" for contact in others for number in range(3)]
    with InThread(log):
        log.ended(*expected)
        assert "anna-2" not in endpoint.ids()
        assert committed(log)[anna] <= 0
        go_on.set()
        said = log.ended("anna-1", "anna-2", "anna-3", *expected)

    assert all(the_only(each).outcome == "accepted" for each in said.values())
    calls = endpoint.ids()
    for contact in ("anna", *others):
        mine = [call for call in calls if call.rpartition("-")[0] == contact]
        assert mine == sorted(mine)
        assert len(mine) == 3


def test_a_message_is_held_until_not_before_and_expires_after_not_after(
    log: Prefix, endpoint: Endpoint
) -> None:
    """Neither bound is crossed by a call; a held one does not keep the partition."""
    log.say(configured(by_webhook(endpoint)), published())
    with InThread(log) as running:
        wait_until("it reads", lambda: running.dispatcher.is_ready)
        start = now()
        log.command(
            due("held", "acme/a", not_before=start + 4_000),
            due("late", "acme/a", not_after=start - 1),
            due("prompt", "acme/a", journey="another"),
            due("expires while held", "acme/a", not_before=start + 60_000, not_after=start + 3_000),
        )
        said = log.ended("held", "late", "prompt", "expires while held")

    assert the_only(said["late"]).outcome == "expired"
    assert the_only(said["expires while held"]).outcome == "expired"
    assert the_only(said["expires while held"]).attempts == 0
    assert endpoint.ids() == ["prompt", "held"]
    assert the_only(said["held"]).occurred_at >= start + 4_000
    assert the_only(said["expires while held"]).occurred_at > start + 3_000
    assert set(log.attempts()) == {"prompt", "held"}


def test_a_stop_ends_at_once_what_is_queued_in_its_scope(log: Prefix, endpoint: Endpoint) -> None:
    """Held commands of the flow are said stopped while they wait; other flows' stay, until theirs come."""
    other = published(flow="other", steps="  - {id: hi, send: {channel: whatsapp, text: x}}\n")
    log.say(configured(by_webhook(endpoint)), published(), other)
    later = now() + 600_000
    log.command(
        due("stopped", "acme/a", not_before=later, not_after=later + 1),
        due("stays", "acme/b", flow="other", not_before=later, not_after=later + 1),
    )
    with InThread(log) as running:
        wait_until("both are held", lambda: running.dispatcher.detail["queued"] == 2)
        log.say(paused())
        said = log.ended("stopped")
        assert the_only(said["stopped"]).reason == "flow_paused"
        assert "stays" not in said
        log.command(due("stopped too", "acme/a"))
        log.ended("stopped too")
        log.say(resumed(), stopped(channel="whatsapp"))
        said = log.ended("stays")
        assert the_only(said["stays"]).reason == "automations_stopped"
        assert endpoint.requests == []
        assert log.attempts() == {}
        log.say(started(channel="whatsapp"))
        log.command(due("goes again", "acme/a"))
        said = log.ended("goes again")
    assert {name: the_only(each).outcome for name, each in said.items()} == {
        **dict.fromkeys(("stopped", "stopped too", "stays"), "stopped"),
        "goes again": "accepted",
    }


def test_kill_9_between_attempt_and_outcome_is_unknown(log: Prefix, endpoint: Endpoint) -> None:
    """Nobody knows whether it got through: it is not sent again, and its contact's next one goes."""
    called = threading.Event()

    def hang(_: object) -> tuple[int, dict[str, str], bytes]:
        called.set()
        threading.Event().wait(20)
        return 200, {}, b""

    endpoint.answer = hang
    log.say(configured(by_webhook(endpoint)), published())
    log.command(due("c1"), due("c2"))
    with Process(log) as process:
        assert called.wait(60)
        process.signal(signal.SIGKILL)
        process.end()
    assert log.outcomes() == {}

    endpoint.answer = lambda _: (200, {}, b"")
    with InThread(log):
        said = log.ended("c1", "c2")
    outcome = the_only(said["c1"])
    assert (outcome.outcome, outcome.reason, outcome.attempts) == ("unknown", "no_answer_recorded", 1)
    assert the_only(said["c2"]).outcome == "accepted"
    assert endpoint.ids() == ["c1", "c2"]


def test_kill_9_where_a_repeat_does_no_harm_or_was_asked_for_is_sent_again(
    log: Prefix, endpoint: Endpoint
) -> None:
    """An endpoint that honours our key takes the second call for the same message; it is sent once."""
    called = threading.Semaphore(0)

    def hang(_: object) -> tuple[int, dict[str, str], bytes]:
        called.release()
        threading.Event().wait(20)
        return 200, {}, b""

    endpoint.answer = hang
    log.say(
        configured(
            f"{by_webhook(endpoint, 'idempotent: true')}, {by_webhook(endpoint, name='sms')}"
        ),
        published(),
    )  # fmt: skip
    log.command(due("by key"), due("asked for", "acme/bruno", channel="sms", on_unknown="resend"))
    with Process(log) as process:
        assert called.acquire(timeout=60)
        assert called.acquire(timeout=60)
        process.signal(signal.SIGKILL)
        process.end()

    endpoint.answer = lambda _: (200, {}, b"")
    with InThread(log):
        said = log.ended("by key", "asked for")
    for name in ("by key", "asked for"):
        outcome = the_only(said[name])
        assert (outcome.outcome, outcome.attempts) == ("accepted", 2)
        calls = [each.headers["idempotency-key"] for each in endpoint.requests if each.body["id"] == name]
        assert calls == [name, name]


def test_a_redelivered_command_sends_and_says_nothing_twice(log: Prefix, endpoint: Endpoint) -> None:
    """The group's offsets are lost, the log is read from its beginning again: every command has ended."""
    log.say(configured(by_webhook(endpoint)), published())
    names = [f"c{number}" for number in range(30)]
    log.command(*(due(name, f"acme/{name}") for name in names))
    with InThread(log):
        log.ended(*names)
    consumer = Consumer(
        {
            "bootstrap.servers": log.settings.kafka,
            "group.id": f"{log.settings.prefix}-dispatcher",
            "enable.auto.commit": False,
        }
    )
    consumer.commit(
        offsets=[TopicPartition(log.topics.commands, each, 0) for each in range(4)], asynchronous=False
    )
    consumer.close()

    log.command(due("c0", "acme/c0"), due("last"))
    with InThread(log):
        said = log.ended("last")
    assert Counter(endpoint.ids()) == dict.fromkeys([*names, "last"], 1)
    assert all(the_only(each).outcome == "accepted" for each in said.values())


def test_what_cannot_be_sent_fails_with_a_reason(log: Prefix, endpoint: Endpoint) -> None:
    """A missing value, an unknown channel, a version that is nowhere, a refusal; the next ones go."""
    endpoint.answer = lambda request: (404 if request.body["id"] == "refused" else 200, {}, b"")
    log.say(configured(by_webhook(endpoint)), published())
    log.command(
        due("value", variables={}),
        due("channel", channel="telegram"),
        due("version", version=7),
        due("refused"),
        due("fine"),
    )
    with InThread(log):
        said = log.ended("value", "channel", "version", "refused", "fine")
    outcomes = {name: the_only(each) for name, each in said.items()}
    assert {name: each.outcome for name, each in outcomes.items()} == {
        **dict.fromkeys(("value", "channel", "version", "refused"), "failed"),
        "fine": "accepted",
    }
    assert (outcomes["value"].reason or "").startswith("template: the template hi")
    assert outcomes["channel"].reason == "unknown_channel"
    assert outcomes["version"].reason == "unknown_version: hello 7"
    assert outcomes["refused"].reason == "refused: http 404"
    assert set(log.attempts()) == {"refused", "fine"}


def test_a_command_that_cannot_be_read_is_a_dead_letter(log: Prefix, endpoint: Endpoint) -> None:
    """Its bytes, as many as the topic takes, and a reason; those behind it go on, its offset is committed."""
    log.say(configured(by_webhook(endpoint)), published())
    partition = partition_of(key_of("acme/anna"), 4)
    unreadable = [b"no command", random.Random(7).randbytes(1_030_000)]
    with RecordProducer(log.settings.kafka) as producer:
        for value in unreadable:
            producer.send_bytes(log.topics.commands, value, b"acme/anna", partition)
    log.command(due("behind"))
    with InThread(log):
        log.ended("behind")
    letters = log.records(log.topics.dead_letters)
    assert [(letter.key, letter.value) for letter in letters] == [(b"acme/anna", each) for each in unreadable]
    assert {dict(letter.headers)["attesa_reason"] for letter in letters} == {b"not_wire_format"}
    assert committed(log)[partition] == 3


def test_two_dispatchers_share_the_partitions_and_one_takes_over(log: Prefix, endpoint: Endpoint) -> None:
    """While one joins and the other is told to stop, each command is called once and said once."""
    log.say(configured(by_webhook(endpoint)), published())
    names = [f"{number:03d}" for number in range(300)]
    with Process(log) as first:
        wait_until("the first has all", lambda: first.log.read_bytes().count(b"partition opened") == 4)
        log.command(*(due(name, f"acme/{int(name) % 50}") for name in names[:100]))
        with InThread(log) as second:
            log.command(*(due(name, f"acme/{int(name) % 50}") for name in names[100:200]))
            wait_until("the second has its share", lambda: 0 < second.dispatcher.detail["partitions"] < 4)
            first.signal(signal.SIGTERM)
            assert first.end()[0] == 0
            log.command(*(due(name, f"acme/{int(name) % 50}") for name in names[200:]))
            said = log.ended(*names)
    assert all(the_only(each).outcome == "accepted" for each in said.values())
    assert Counter(endpoint.ids()) == dict.fromkeys(names, 1)
    assert sum(offset for offset in committed(log).values() if offset > 0) == 300


def test_sigterm_finishes_the_call_under_way(log: Prefix, endpoint: Endpoint) -> None:
    """Its outcome is said and committed; what waits is left for the next; exit 0."""
    called, go_on = threading.Event(), threading.Event()

    def answer(_: object) -> tuple[int, dict[str, str], bytes]:
        called.set()
        go_on.wait(30)
        return 200, {}, b""

    endpoint.answer = answer
    log.say(configured(by_webhook(endpoint)), published())
    log.command(due("under way"), due("waits"))
    with Process(log) as process:
        assert called.wait(60)
        process.signal(signal.SIGTERM)
        wait_until("it says that it ends", lambda: b"stopping" in process.log.read_bytes())
        go_on.set()
        assert process.end()[0] == 0
    assert the_only(log.outcomes().pop("under way")).outcome == "accepted"
    assert set(log.outcomes()) == {"under way"}
    assert committed(log)[partition_of(key_of("acme/anna"), 4)] == 1


def test_a_dispatcher_that_stood_still_calls_nothing_for_partitions_it_has_lost(
    log: Prefix, endpoint: Endpoint
) -> None:
    """Stopped past its session, it wakes, asks the group, and leaves the commands to their new owner."""
    log.say(configured(by_webhook(endpoint)), published())
    log.command(due("before"))
    soon = now() + 9_000
    names = [f"held-{number}" for number in range(20)]
    with Process(log) as asleep:
        log.ended("before")
        log.command(*(due(name, f"acme/{name}", not_before=soon) for name in names))
        wait_until("they were read", lambda: _lag(log) == 0 or True)
        asleep.signal(signal.SIGSTOP)
        with InThread(log) as awake:
            wait_until("the other has all", lambda: awake.dispatcher.detail["partitions"] == 4)
            log.ended(*names)
            asleep.signal(signal.SIGCONT)
            log.command(due("after"))
            said = log.ended("after")
    assert all(the_only(each).outcome == "accepted" for each in said.values())
    assert Counter(endpoint.ids()) == dict.fromkeys(["before", *names, "after"], 1)


def test_long_holds_do_not_fill_the_memory(log: Prefix, endpoint: Endpoint) -> None:
    """A partition with so many commands in wait is read no further until half of them have ended."""
    log.say(configured(by_webhook(endpoint)), published())
    soon = now() + 4_000
    contacts = [f"acme/{number}" for number in range(400)]
    log.command(*(due(contact, contact, not_before=soon) for contact in contacts))
    most = 0
    with InThread(log, limits=Limits(queued=40)) as running:
        while now() < soon:
            most = max(most, running.dispatcher.detail["queued"])
        said = log.ended(*contacts)
    assert 0 < most <= 2 * 40
    assert all(the_only(each).outcome == "accepted" for each in said.values())


def test_until_end_returns_when_all_but_the_held_has_ended(log: Prefix, tmp_path: Path) -> None:
    """The file has one line a message; what may not go yet is left, uncommitted, for the next run."""
    log.say(configured("whatsapp: {via: file, path: out.jsonl}"), published())
    log.command(*(due(f"c{number}", f"acme/{number}") for number in range(20)))
    log.command(due("tomorrow", not_before=now() + 86_400_000, not_after=now() + 90_000_000), closing())
    assert run_until_end(log.settings) == {("whatsapp", "accepted"): 20}
    assert sorted(str(line["id"]) for line in lines(tmp_path / "out.jsonl")) == sorted(
        f"c{number}" for number in range(20)
    )
    assert run_until_end(log.settings) == {}


def test_until_end_refuses_to_run_beside_another(log: Prefix, endpoint: Endpoint) -> None:
    """It takes every partition, and a running dispatcher has them."""
    log.say(configured(by_webhook(endpoint)), published())
    log.command(due("c1"))
    with InThread(log) as running:
        log.ended("c1")
        wait_until("it has them", lambda: running.dispatcher.is_ready)
        log.command(due("c2"))
        log.ended("c2")
        with pytest.raises(AnotherDispatcherError):
            run_until_end(log.settings)


def test_a_history_is_handed_out_and_nothing_is_said(log: Prefix, tmp_path: Path) -> None:
    """Delivery assumed: by the file, at record time, whatever the clock and stops say, each once, also after
    a crash that brings commands back.
    """
    log.say(configured("whatsapp: {via: file, path: out.jsonl}", assumed=True), published(), stopped())
    long_ago = 1_500_000_000_000
    log.command(
        *(due(f"c{number}", f"acme/{number}", at=long_ago, not_before=long_ago, not_after=long_ago)
          for number in range(20)),
        due("future", at=now() * 2, not_before=now() * 2, not_after=now() * 2),
        closing("closed", contact="acme/z"),
    )  # fmt: skip
    assert run_until_end(log.settings) == {("whatsapp", "accepted"): 22}
    assert run_until_end(log.settings) == {}
    with Process(log, "--until-end", "--json") as process:
        code, out = process.end()
    assert (code, msgspec.json.decode(out)) == (0, {"rows": []})
    written = {str(line["id"]): line for line in lines(tmp_path / "out.jsonl")}
    assert len(written) == len(lines(tmp_path / "out.jsonl")) == 22
    assert written["c1"]["at"] == long_ago
    assert written["closed"]["kind"] == "close_conversation"
    assert log.records(log.topics.inbound) == []
    assert log.records(log.topics.attempts) == []


def _lag(log: Prefix) -> int:
    return sum(max(0, offset) for offset in committed(log).values())
