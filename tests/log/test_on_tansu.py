"""The embedded broker: what the demo needs of the log. Never a test of correctness."""

from collections.abc import Iterator

import pytest

from deploy.embedded.tansu import TansuBroker
from schemas.types.flow_commands import FlowPaused
from schemas.types.inputs import MessageReceived
from streams.log.flow_log import FlowLog
from streams.log.producers import RecordProducer, produce_inputs
from streams.log.readers import read_to_end
from streams.log.topics import Topics, apply


@pytest.fixture(scope="module")
def tansu(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TansuBroker]:
    """One broker for these tests."""
    with TansuBroker(tmp_path_factory.mktemp("tansu")) as broker:
        yield broker


def test_topics_cannot_be_checked(tansu: TansuBroker) -> None:
    """It repeats what a topic was created with, in force or not: `apply` says so and calls nothing right."""
    specs = Topics("a").specs(3, 1)
    assert {done.result for done in apply(tansu.bootstrap, specs)} == {"created"}
    assert {done.result for done in apply(tansu.bootstrap, specs)} == {"unchecked"}


def test_the_broker_does_not_set_the_time(tansu: TansuBroker) -> None:
    """Why its word on LogAppendTime is not taken. If this fails Tansu has learnt it: check it then."""
    topics = Topics("d")
    apply(tansu.bootstrap, topics.specs(1, 1))
    with RecordProducer(tansu.bootstrap) as producer:
        producer.send_bytes(topics.inbound, b"", b"w/c", 0, timestamp=1_500_000_000_000)
    (batch,) = read_to_end(tansu.bootstrap, topics.inbound)
    assert batch[0].timestamp()[1] == 1_500_000_000_000


def test_readers_find_the_end(tansu: TansuBroker) -> None:
    """By partition EOF, though it answers ListOffsets with less than the end."""
    topics = Topics("b")
    apply(tansu.bootstrap, topics.specs(3, 1))
    reached: dict[int, int] = {}
    assert list(read_to_end(tansu.bootstrap, topics.inbound, reached=reached)) == []
    assert reached == {0: 0, 1: 0, 2: 0}
    sent = [
        (f"w/{number}", MessageReceived(source="s", id=str(number), occurred_at=0, channel="c", text="t"))
        for number in range(500)
    ]
    produce_inputs(tansu.bootstrap, topics.inbound, sent)
    found = [
        message
        for batch in read_to_end(tansu.bootstrap, topics.inbound, reached=reached)
        for message in batch
    ]
    assert len(found) == sum(reached.values()) == 500


def test_the_flow_log_follows(tansu: TansuBroker) -> None:
    """As on Apache Kafka."""
    topics = Topics("c")
    apply(tansu.bootstrap, topics.specs(1, 1))
    with FlowLog(tansu.bootstrap, topics.flows).follow() as log:
        with RecordProducer(tansu.bootstrap) as producer:
            for number in range(3):
                command = FlowPaused(id=str(number), by="ops", at=0, workspace="w", flow="f")
                producer.send(topics.flows, command, b"w/f")
        assert [entry.record.id for entry in log.between(0, 3)] == ["0", "1", "2"]
