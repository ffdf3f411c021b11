"""Topics as Apache Kafka makes them, and readers that read them to their end."""

import random
import string
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from deploy.kafka import ApacheKafka
from schemas.errors import NotReachableError
from schemas.types.inputs import MessageReceived, Tick
from schemas.wire import Codec
from streams.log import producers as producers_module
from streams.log import topics as topics_module
from streams.log.dead_letters import dead_letter, read_dead_letter
from streams.log.errors import DeliveryFailedError, LogGapError, TopicDiffersError, TopicMissingError
from streams.log.partitioner import partition_of
from streams.log.producers import RecordProducer, produce_inputs
from streams.log.readers import TopicReader, read_to_end
from streams.log.topics import Topics, apply, listing

LONG = "".join(random.Random(1).choices(string.ascii_letters, k=1 << 20))
"""1 MiB that hardly compresses."""

pytestmark = pytest.mark.kafka


def test_topics_are_created_once_and_kept_after(kafka: ApacheKafka, prefix: str) -> None:
    """The first apply creates all nine topics, the second finds each as it is to be."""
    specs = Topics(prefix).specs(3, 1)
    assert {done.result for done in apply(kafka.bootstrap, specs)} == {"created"}
    assert {done.result for done in apply(kafka.bootstrap, specs)} == {"kept"}
    there = listing(kafka.bootstrap, prefix)
    assert len(there) == 9
    assert there[f"{prefix}.flows"] == 1
    assert there[f"{prefix}.inbound"] == there[f"{prefix}.dead-letters"] == 3


def test_a_dry_run_creates_nothing(kafka: ApacheKafka, prefix: str) -> None:
    """What is missing is named, and missing after."""
    specs = Topics(prefix).specs(1, 1)
    assert {done.result for done in apply(kafka.bootstrap, specs, dry_run=True)} == {"missing"}
    assert listing(kafka.bootstrap, prefix) == {}


def test_a_changed_configuration_is_put_right_and_reported(kafka: ApacheKafka, prefix: str) -> None:
    """Somebody shortened the retention of the facts; apply says so and takes it back."""
    apply(kafka.bootstrap, Topics(prefix).specs(1, 1))
    wrong = [spec for spec in Topics(prefix).specs(1, 1) if spec.name.endswith(".facts")]
    wrong[0].config["retention.ms"] = "1000"
    apply(kafka.bootstrap, wrong)
    done = {one.topic: one for one in apply(kafka.bootstrap, Topics(prefix).specs(1, 1))}
    assert done[f"{prefix}.facts"].result == "changed"
    assert done[f"{prefix}.facts"].differences == {"retention.ms": "1000 → -1"}
    assert {one.result for name, one in done.items() if name != f"{prefix}.facts"} == {"kept"}


def test_the_partition_count_is_never_changed(kafka: ApacheKafka, prefix: str) -> None:
    """More partitions would move contacts away from their state: refused, with nothing touched."""
    apply(kafka.bootstrap, Topics(prefix).specs(2, 1))
    with pytest.raises(TopicDiffersError, match="2 partitions and 4 are asked for"):
        apply(kafka.bootstrap, Topics(prefix).specs(4, 1))
    assert listing(kafka.bootstrap, prefix)[f"{prefix}.inbound"] == 2


def test_a_live_prefix_never_becomes_a_history(kafka: ApacheKafka, prefix: str) -> None:
    """The clock of a log keeps its kind."""
    apply(kafka.bootstrap, Topics(prefix).specs(1, 1))
    with pytest.raises(TopicDiffersError, match="begin a new prefix"):
        apply(kafka.bootstrap, Topics(prefix).specs(1, 1, history=True))


def test_the_broker_keeps_what_was_asked_for(
    kafka: ApacheKafka, prefix: str, kafka_admin: AdminClient
) -> None:
    """Time, retention and compaction as the design's table has them, read back from the broker."""
    apply(kafka.bootstrap, Topics(prefix).specs(1, 1))
    config = topics_module._configs(kafka_admin, Topics(prefix).specs(1, 1))
    day = 86_400_000
    assert config[f"{prefix}.inbound"]["message.timestamp.type"] == "LogAppendTime"
    kept = {name.removeprefix(f"{prefix}."): one["retention.ms"] for name, one in config.items()}
    assert {name: int(kept[name]) for name in ("inbound", "commands", "attempts", "dead-letters")} == {
        "inbound": 35 * day,
        "commands": 7 * day,
        "attempts": 7 * day,
        "dead-letters": 35 * day,
    }
    assert kept["flows"] == kept["facts"] == "-1"
    compacted = {name for name, one in config.items() if one["cleanup.policy"] == "compact"}
    assert compacted == {f"{prefix}.state", f"{prefix}.keys", f"{prefix}.imports"}
    assert config[f"{prefix}.keys"]["max.compaction.lag.ms"] == str(day)


def test_a_history_keeps_its_own_times(kafka: ApacheKafka, prefix: str, read_topic: Any) -> None:
    """A record of 2017 stands in inbound with its time, and no retention counts it as old."""
    topics = Topics(prefix)
    apply(kafka.bootstrap, topics.specs(1, 1, history=True))
    with RecordProducer(kafka.bootstrap) as producer:
        producer.send_bytes(topics.inbound, b"old", b"w/c", 0, timestamp=1_500_000_000_000)
        producer.send_bytes(topics.facts, b"new", b"w/c", 0, timestamp=1_500_000_000_000)
    (old,) = read_topic(topics.inbound)
    (new,) = read_topic(topics.facts)
    assert old.timestamp == 1_500_000_000_000
    assert new.timestamp > 1_700_000_000_000
    spec = topics.specs(1, 1, history=True)[0]
    assert (spec.config["retention.ms"], spec.config["message.timestamp.type"]) == ("-1", "CreateTime")


def test_a_text_of_a_megabyte_fits_and_fits_as_a_dead_letter(kafka: ApacheKafka, prefix: str) -> None:
    """What is too long for a text must still get in, and out again with its reason."""
    topics = Topics(prefix)
    apply(kafka.bootstrap, topics.specs(1, 1))
    text = MessageReceived(source="s", id="1", occurred_at=0, channel="sms", text=LONG)
    with RecordProducer(kafka.bootstrap) as producer:
        producer.send(topics.inbound, text, b"w/c")
    (batch,) = read_to_end(kafka.bootstrap, topics.inbound)
    value = batch[0].value()
    letter = dead_letter(
        topic=topics.inbound, partition=0, offset=0, timestamp=0, key=b"w/c", value=value,
        headers=batch[0].headers(), reason="text_too_long", error="1,048,576 bytes",
    )  # fmt: skip
    with RecordProducer(kafka.bootstrap) as producer:
        producer.send_bytes(topics.dead_letters, letter.value, letter.key, 0, headers=letter.wire_headers())
    (batch,) = read_to_end(kafka.bootstrap, topics.dead_letters)
    assert read_dead_letter(batch[0].key(), batch[0].value(), batch[0].headers()) == letter


def test_what_is_not_delivered_is_raised(kafka: ApacheKafka, prefix: str) -> None:
    """A record that is too large for its topic: topic and key are named, nothing is swallowed."""
    topics = Topics(prefix)
    apply(kafka.bootstrap, topics.specs(1, 1))
    with (
        pytest.raises(
            DeliveryFailedError, match=rf"{prefix}\.facts: a record with key w/c was not delivered"
        ),
        RecordProducer(kafka.bootstrap) as producer,
    ):
        producer.send_bytes(topics.facts, random.Random(1).randbytes(3 << 20), b"w/c", 0)


def test_a_producer_says_a_missing_topic_and_a_missing_broker(
    kafka: ApacheKafka, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is queued."""
    tick = Tick(ticker="t", flows_through=0)
    with pytest.raises(TopicMissingError), RecordProducer(kafka.bootstrap) as producer:
        producer.send(f"{prefix}.nothing", tick, b"w/c")
    monkeypatch.setattr(producers_module, "REQUEST_S", 0.5)
    with pytest.raises(NotReachableError), RecordProducer("127.0.0.1:1") as producer:
        producer.send("inbound", tick, b"w/c")


def test_inputs_are_produced_in_order_with_their_headers(
    kafka: ApacheKafka, prefix: str, read_topic: Any
) -> None:
    """By contact, each where its key belongs, decodable, as CloudEvents."""
    topics = Topics(prefix)
    apply(kafka.bootstrap, topics.specs(4, 1))
    sent = [
        (
            f"w/{number % 7}",
            MessageReceived(source="s", id=str(number), occurred_at=number, channel="c", text="t"),
        )
        for number in range(100)
    ]
    assert produce_inputs(kafka.bootstrap, topics.inbound, sent) == 100
    found = read_topic(topics.inbound)
    codec = Codec(("inputs",))
    for contact in {contact for contact, _ in sent}:
        records = [record for record in found if record.key == contact.encode()]
        assert {record.partition for record in records} == {partition_of(contact.encode(), 4)}
        assert [codec.decode(record.value) for record in records] == [
            one for name, one in sent if name == contact
        ]
    assert dict(found[0].headers)["ce_type"] == b"attesa.MessageReceived"
    assert dict(found[0].headers)["ce_subject"] == found[0].key


def test_a_missing_broker_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens there: exit code 3 and the address."""
    monkeypatch.setattr(topics_module, "REQUEST_S", 0.5)
    with pytest.raises(NotReachableError, match=r"127\.0\.0\.1:1"):
        apply("127.0.0.1:1", Topics("x").specs(1, 1))


@pytest.fixture
def producer(kafka: ApacheKafka) -> Iterator[Producer]:
    """A transactional producer."""
    made = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": "test-readers"})
    made.init_transactions(30)
    yield made
    made.flush(10)


def test_a_reader_ends_behind_aborted_records(kafka: ApacheKafka, prefix: str, producer: Producer) -> None:
    """Committed records come in order, aborted ones never, and `reached` steps over the markers."""
    apply(kafka.bootstrap, Topics(prefix).specs(2, 1))
    topic = Topics(prefix).facts
    for kept in (True, False, True, False):
        producer.begin_transaction()
        for number in range(50):
            producer.produce(topic, f"{kept}-{number}".encode(), partition=number % 2)
        producer.flush(10)
        producer.commit_transaction(10) if kept else producer.abort_transaction(10)
    reached: dict[int, int] = {}
    found = [m for batch in read_to_end(kafka.bootstrap, topic, reached=reached) for m in batch]
    assert [m.value() for m in found if m.partition() == 0] == [
        f"True-{number}".encode() for number in range(0, 50, 2)
    ] * 2
    # 4 transactions of 25 records and a marker in each partition.
    assert reached == {0: 104, 1: 104}
    everything = [m for batch in read_to_end(kafka.bootstrap, topic, committed=False) for m in batch]
    assert len(everything) == 200


def test_a_reader_ends_before_an_open_transaction(
    kafka: ApacheKafka, prefix: str, producer: Producer
) -> None:
    """The end is the last stable offset: what is not committed yet is not waited for."""
    apply(kafka.bootstrap, Topics(prefix).specs(1, 1))
    topic = Topics(prefix).facts
    producer.begin_transaction()
    producer.produce(topic, b"committed")
    producer.commit_transaction(10)
    producer.begin_transaction()
    producer.produce(topic, b"open")
    producer.flush(10)
    reached: dict[int, int] = {}
    found = [m.value() for batch in read_to_end(kafka.bootstrap, topic, reached=reached) for m in batch]
    producer.abort_transaction(10)
    assert found == [b"committed"]
    assert reached == {0: 2}


def test_a_reader_goes_on_from_where_it_was(kafka: ApacheKafka, create_topic: Any) -> None:
    """It starts at the offset asked for; after the end it follows what is written."""
    topic = create_topic(".t", 1)
    plain = Producer({"bootstrap.servers": kafka.bootstrap})
    for number in range(10):
        plain.produce(topic, str(number).encode())
    plain.flush(10)
    with TopicReader(kafka.bootstrap, topic, start={0: 7}) as reader:
        assert [m.value() for batch in reader.to_end() for m in batch] == [b"7", b"8", b"9"]
        assert reader.next == {0: 10}
        plain.produce(topic, b"10")
        plain.flush(10)
        after: list[bytes | None] = []
        while not after:
            after = [m.value() for m in reader.read()]
        assert after == [b"10"]


def test_an_offset_outside_the_log_is_an_error(kafka: ApacheKafka, create_topic: Any) -> None:
    """Never a silent jump to another place of the log."""
    topic = create_topic(".t", 1)
    with pytest.raises(LogGapError, match="at 99"):
        list(read_to_end(kafka.bootstrap, topic, start={0: 99}))


def test_a_missing_topic_is_said(kafka: ApacheKafka, prefix: str) -> None:
    """With the command that creates it."""
    with pytest.raises(TopicMissingError, match="attesa topics apply"):
        list(read_to_end(kafka.bootstrap, f"{prefix}.nothing"))


def test_the_broker_puts_keys_where_we_say(kafka: ApacheKafka, create_topic: Any, read_topic: Any) -> None:
    """The client library's own murmur2 partitioner, asked by key alone, agrees with `partition_of`."""
    topic = create_topic(".t", 12)
    plain = Producer({"bootstrap.servers": kafka.bootstrap, "partitioner": "murmur2_random"})
    keys = [f"w/contact-{number}".encode() for number in range(500)] + ["w/è".encode(), b"w/" + b"x" * 200]
    for key in keys:
        plain.produce(topic, b"", key)
    plain.flush(10)
    found = {record.key: record.partition for record in read_topic(topic)}
    assert found == {key: partition_of(key, 12) for key in keys}
