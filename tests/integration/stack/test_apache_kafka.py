"""Apache Kafka as the project runs it: what the engine's promises rest on, shown on the broker itself."""

import time

import pytest
from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.cimpl import NewTopic

from deploy.kafka import ApacheKafka
from deploy.processes import await_until
from tests.fixtures.kafka import CreateTopic, ReadTopic, read_to_end

pytestmark = pytest.mark.kafka

LONG_AGO = 1_400_000_000_000


def make_topic(broker: ApacheKafka, topic: str) -> None:
    """Make a topic of one partition and wait until it stands."""
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    admin.create_topics([NewTopic(topic, 1, 1)], operation_timeout=30)[topic].result()


def produce(bootstrap: str, topic: str, values: list[bytes], **settings: object) -> None:
    """Produce and wait until the broker has taken every one."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 0, **settings})
    for value in values:
        producer.produce(topic, value, timestamp=LONG_AGO)
    assert producer.flush(30) == 0


def transactional(bootstrap: str, name: str, timeout_ms: int = 60_000) -> Producer:
    """A producer with its transactions initialised: whoever had the name before is fenced."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "transactional.id": name,
            "transaction.timeout.ms": timeout_ms,
            "linger.ms": 0,
            "log_level": 0,
        }
    )
    producer.init_transactions(30)
    return producer


def test_records_survive_a_stop_a_kill_and_another_object_on_the_same_folder(own_kafka: ApacheKafka) -> None:
    """What the broker acknowledged is there after a restart, after kill -9, and for a later starter."""
    make_topic(own_kafka, "kept")
    produce(own_kafka.bootstrap, "kept", [b"first"])
    address = own_kafka.bootstrap

    own_kafka.restart()
    produce(own_kafka.bootstrap, "kept", [b"second"])
    assert own_kafka.bootstrap == address

    own_kafka.kill()
    assert not own_kafka.is_running
    own_kafka.start()
    produce(own_kafka.bootstrap, "kept", [b"third"])
    own_kafka.stop()

    with ApacheKafka(own_kafka.data_dir, heap="256m") as later:
        values = [record.value for record in read_to_end(later.bootstrap, "kept")]
    assert values == [b"first", b"second", b"third"]


def test_a_paused_broker_answers_nothing_and_loses_nothing(own_kafka: ApacheKafka) -> None:
    """A paused broker holds its port; what was produced meanwhile is taken when it goes on."""
    make_topic(own_kafka, "paused")
    producer = Producer({"bootstrap.servers": own_kafka.bootstrap, "linger.ms": 0, "log_level": 0})
    own_kafka.pause()
    producer.produce("paused", b"waits")
    assert producer.flush(1) == 1
    assert not own_kafka.is_ready()
    assert own_kafka.is_running

    own_kafka.resume()
    assert producer.flush(30) == 0
    assert [record.value for record in read_to_end(own_kafka.bootstrap, "paused")] == [b"waits"]


def test_the_broker_sets_the_time_of_a_log_append_time_topic(
    kafka: ApacheKafka, create_topic: CreateTopic, read_topic: ReadTopic
) -> None:
    """No producer can set the clock: a record that claims 2014 stands at the broker's own time."""
    topic = create_topic(".inbound", config={"message.timestamp.type": "LogAppendTime"})
    before = time.time() * 1000
    produce(kafka.bootstrap, topic, [b"x"])

    (record,) = read_topic(topic)
    assert record.timestamp_type == TIMESTAMP_LOG_APPEND_TIME
    assert record.timestamp >= before - 1000


def test_a_create_time_topic_keeps_the_time_of_history(
    kafka: ApacheKafka, create_topic: CreateTopic, read_topic: ReadTopic
) -> None:
    """A history's records keep the time that the importer gave them, however old."""
    topic = create_topic(".history", config={"retention.ms": "-1"})
    produce(kafka.bootstrap, topic, [b"x"])
    (record,) = read_topic(topic)
    assert record.timestamp == LONG_AGO


def test_a_reader_of_committed_records_never_sees_an_aborted_one(
    kafka: ApacheKafka, prefix: str, create_topic: CreateTopic, read_topic: ReadTopic
) -> None:
    """Commits show, aborts do not; a reader of everything sees both, so the aborted record was really
    written.
    """
    topic = create_topic(".facts")
    producer = transactional(kafka.bootstrap, prefix)
    for value, end in ((b"kept", producer.commit_transaction), (b"dropped", producer.abort_transaction)):
        producer.begin_transaction()
        producer.produce(topic, value)
        assert producer.flush(30) == 0
        end(30)

    assert [record.value for record in read_topic(topic)] == [b"kept"]
    assert [record.value for record in read_topic(topic, committed=False)] == [b"kept", b"dropped"]


def test_a_new_owner_fences_the_old_and_ends_its_open_transaction(
    kafka: ApacheKafka, prefix: str, create_topic: CreateTopic, read_topic: ReadTopic
) -> None:
    """Of two producers with one transactional id the later one alone can commit, and nothing of the first
    shows.
    """
    topic = create_topic(".facts")
    old = transactional(kafka.bootstrap, prefix)
    old.begin_transaction()
    old.produce(topic, b"zombie")
    assert old.flush(30) == 0

    new = transactional(kafka.bootstrap, prefix)
    with pytest.raises(KafkaException) as refused:
        old.commit_transaction(30)
    assert refused.value.args[0].code() in {KafkaError._FENCED, KafkaError.PRODUCER_FENCED}

    new.begin_transaction()
    new.produce(topic, b"owner")
    new.commit_transaction(30)
    assert [record.value for record in read_topic(topic)] == [b"owner"]


def test_an_abandoned_transaction_times_out_and_readers_go_on(
    kafka: ApacheKafka, prefix: str, create_topic: CreateTopic
) -> None:
    """Records behind a crashed owner's open transaction are held back until its time-out, not for ever."""
    topic = create_topic(".facts")
    crashed = transactional(kafka.bootstrap, prefix, timeout_ms=2000)
    crashed.begin_transaction()
    crashed.produce(topic, b"open")
    assert crashed.flush(30) == 0
    produce(kafka.bootstrap, topic, [b"behind"])
    assert read_to_end(kafka.bootstrap, topic) == []

    assert await_until(lambda: bool(read_to_end(kafka.bootstrap, topic)), timeout=60)
    assert [record.value for record in read_to_end(kafka.bootstrap, topic)] == [b"behind"]


def test_a_changelog_is_compacted_to_the_last_record_of_each_key(
    kafka: ApacheKafka, create_topic: CreateTopic, read_topic: ReadTopic
) -> None:
    """With small segments the cleaner leaves one record a key within seconds: what the state's topic rests
    on.
    """
    topic = create_topic(
        ".state", config={"cleanup.policy": "compact", "segment.bytes": "1048576", "segment.ms": "100"}
    )
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "linger.ms": 0})

    def is_compacted() -> bool:
        # Each produce is a chance to roll the active segment, which the cleaner never touches.
        producer.produce(topic, b"roll", key=b"roll")
        producer.flush(30)
        return [record.value for record in read_topic(topic) if record.key == b"contact"] == [b"99"]

    for number in range(100):
        producer.produce(topic, str(number).encode(), key=b"contact")
    assert producer.flush(30) == 0
    assert await_until(is_compacted, timeout=60)


def test_a_topic_is_never_made_by_naming_it(kafka: ApacheKafka, prefix: str) -> None:
    """A misspelt topic is an error, not a new topic without the engine's configuration."""
    with pytest.raises(KafkaException) as refused:
        read_to_end(kafka.bootstrap, f"{prefix}.misspelt")
    assert refused.value.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART


def test_topic_configuration_is_returned(kafka_admin: AdminClient, create_topic: CreateTopic) -> None:
    """What was asked for at creation can be read back, so that `topics apply` can show a difference."""
    topic = create_topic(".inbound", 3, {"retention.ms": "3024000000"})
    resource = ConfigResource(ConfigResource.Type.TOPIC, topic)
    config = kafka_admin.describe_configs([resource])[resource].result()
    assert config["retention.ms"].value == "3024000000"
    assert len(kafka_admin.list_topics(topic, timeout=30).topics[topic].partitions) == 3
