"""The dispatcher when something is not as it should be: the broker away, a log it cannot read, no topics."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from deploy.kafka import ApacheKafka
from deploy.ports import free_port
from schemas.errors import NotReachableError, UsageError
from schemas.types.records import Attempt
from schemas.wire import encode
from streams.delivery.dispatcher import Dispatcher
from streams.delivery.intake import TooManyUnreadableError
from streams.delivery.run import run
from streams.log.errors import TopicMissingError
from streams.log.partitioner import PARTITIONER, key_of
from streams.log.producers import RecordProducer
from streams.log.settings import load
from tests.delivery.harness import Endpoint, InThread, Prefix, due, now, wait_until
from tests.delivery.made import configured, published

pytestmark = pytest.mark.kafka


def by_webhook(endpoint: Endpoint, options: str = "") -> str:
    """The workspace's WhatsApp."""
    return f"whatsapp: {{via: webhook, url: '{endpoint.url}'{options}}}"


@pytest.fixture
def own_broker(kafka: ApacheKafka, tmp_path: Path) -> Iterator[ApacheKafka]:
    """A broker that this test may pause. Behind `kafka`, which skips where none can run."""
    assert kafka.is_running
    with ApacheKafka(tmp_path / "own", heap="256m") as broker:
        yield broker
        broker.kill()


def test_no_call_is_made_before_its_attempt_is_acknowledged(
    own_broker: ApacheKafka, endpoint: Endpoint, tmp_path: Path
) -> None:
    """The broker falls silent: commands in hand wait; what is past its last moment when it comes back is
    expired.
    """
    log = Prefix(own_broker.bootstrap, "attesa", tmp_path, partitions=1)
    log.say(configured(by_webhook(endpoint)), published())
    with InThread(log, session_timeout_s=30) as running:
        wait_until("it reads", lambda: running.dispatcher.is_ready)
        start = now() + 3_000
        log.command(
            due("in time", "acme/a", not_before=start),
            due("too late by then", "acme/b", not_before=start, not_after=start + 2_000),
        )
        wait_until("both are held", lambda: running.dispatcher.detail["queued"] == 2)
        own_broker.pause()
        wait_until("both are out", lambda: running.dispatcher.detail["out"] == 2)
        wait_until("the last moment has passed", lambda: now() > start + 2_000)
        assert endpoint.requests == []
        own_broker.resume()
        said = log.ended("in time", "too late by then")
    assert {name: [each.outcome for each in outcomes] for name, outcomes in said.items()} == {
        "in time": ["accepted"],
        "too late by then": ["expired"],
    }
    assert endpoint.ids() == ["in time"]


def test_an_aborted_command_is_never_sent(log: Prefix, endpoint: Endpoint) -> None:
    """What a worker took back with its transaction was never commanded."""
    log.say(configured(by_webhook(endpoint)), published())
    producer = Producer(
        {
            "bootstrap.servers": log.settings.kafka,
            "transactional.id": log.settings.prefix,
            "partitioner": PARTITIONER,
        }
    )
    producer.init_transactions(30)
    for name, end in (("aborted", producer.abort_transaction), ("committed", producer.commit_transaction)):
        producer.begin_transaction()
        producer.produce(log.topics.commands, encode(due(name)), key_of("acme/anna"))
        producer.flush(30)
        end(30)
    with InThread(log):
        said = log.ended("committed")
    assert endpoint.ids() == list(said) == ["committed"]


def test_a_key_counts_only_with_the_provider_that_has_it(log: Prefix, endpoint: Endpoint) -> None:
    """An attempt by another adapter, before the workspace was changed: the new one does not know it."""
    log.say(configured(by_webhook(endpoint, ", idempotent: true")), published())
    with RecordProducer(log.settings.kafka) as producer:
        for name, via in (("then by file", "file"), ("by webhook", "webhook")):
            attempt = Attempt(command=name, at=now(), attempt=1, channel="whatsapp", via=via)
            producer.send(log.topics.attempts, attempt, key_of("acme/anna"))
    log.command(due("then by file"), due("by webhook"))
    with InThread(log):
        said = log.ended("then by file", "by webhook")
    assert [each.outcome for each in said["then by file"]] == ["unknown"]
    assert [(each.outcome, each.attempts) for each in said["by webhook"]] == [("accepted", 2)]
    assert endpoint.ids() == ["by webhook"]


def test_garbage_in_inbound_does_not_keep_it_from_starting(log: Prefix, endpoint: Endpoint) -> None:
    """Anyone may write there; a broken outcome is the worker's dead letter, not the dispatcher's end."""
    log.say(configured(by_webhook(endpoint)), published())
    log.command(due("c1"))
    with InThread(log):
        log.ended("c1")
    (outcome,) = log.records(log.topics.inbound)
    with RecordProducer(log.settings.kafka) as producer:
        assert outcome.value is not None
        producer.send_bytes(log.topics.inbound, outcome.value[:9], outcome.key, outcome.partition)
        producer.send_bytes(log.topics.inbound, None, outcome.key, outcome.partition)
    log.command(due("c2"))
    with InThread(log):
        wait_until("the second is called", lambda: endpoint.ids() == ["c1", "c2"])


def test_a_topic_that_cannot_be_read_at_all_stops_it(log: Prefix, endpoint: Endpoint) -> None:
    """So many on end: the fault is not the records'. It says where, and what to look at."""
    log.say(configured(by_webhook(endpoint)), published())
    with RecordProducer(log.settings.kafka) as producer:
        for _ in range(5):
            producer.send_bytes(log.topics.commands, b"\x00\x7f\xff\xff\xff?", b"acme/anna", 0)
    settings = log.settings.model_copy(update={"dead_letters_in_a_row": 5})
    with pytest.raises(TooManyUnreadableError, match=r"commands-0 at 4: 5 commands on end"):
        run(settings, threading.Event())
    assert len(log.records(log.topics.dead_letters)) <= 4


def test_a_deployment_without_a_secret_stops_and_loses_nothing(log: Prefix, endpoint: Endpoint) -> None:
    """Once it is set, the commands that waited go."""
    log.say(configured(by_webhook(endpoint)), published())
    log.command(due("c1"))
    with pytest.raises(UsageError, match="ATTESA_WEBHOOK_SECRET"):
        run(log.settings.model_copy(update={"webhook_secret": None}), threading.Event())
    assert log.outcomes() == {}
    assert log.attempts() == {}
    with InThread(log):
        assert [each.outcome for each in log.ended("c1")["c1"]] == ["accepted"]


def test_topics_that_are_not_there_are_named(log: Prefix) -> None:
    """With the command that makes them."""
    with pytest.raises(TopicMissingError, match=r"nowhere\.commands is not there; `attesa topics apply`"):
        Dispatcher(log.settings.model_copy(update={"prefix": "nowhere"}))


def test_a_broker_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its address and setting."""
    monkeypatch.setattr("streams.log.readers.REQUEST_S", 1.0)
    with pytest.raises(NotReachableError, match=r"127\.0\.0\.1:9 .*ATTESA_KAFKA"):
        Dispatcher(load(kafka="127.0.0.1:9"))


def test_health_and_metrics_are_served(log: Prefix, endpoint: Endpoint) -> None:
    """Ready once its partitions are restored; outcomes are counted by channel."""
    log.say(configured(by_webhook(endpoint)), published())
    log.command(due("c1"))
    port = free_port()
    stop = threading.Event()
    thread = threading.Thread(
        target=run, args=(log.settings.model_copy(update={"http_port": port}), stop), daemon=True
    )
    thread.start()

    def ask(path: str) -> str | None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return str(answer.read().decode())
        except (urllib.error.URLError, OSError):
            return None

    ready = json.loads(wait_until("it is ready", lambda: ask("/readyz")) or "")
    assert ready["ready"]
    assert ready["partitions"] == 4
    assert json.loads(ask("/healthz") or "")["alive"]
    log.ended("c1")
    assert 'attesa_outcomes_said_total{channel="whatsapp",outcome="accepted"}' in (ask("/metrics") or "")
    stop.set()
    thread.join(60)
    assert not thread.is_alive()
