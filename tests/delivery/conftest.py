"""Fixtures of the delivery's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.kafka import ApacheKafka
from tests.delivery.harness import Endpoint, Prefix


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """A platform's endpoint on loopback."""
    made = Endpoint()
    yield made
    made.close()


@pytest.fixture
def log(kafka: ApacheKafka, prefix: str, tmp_path: Path) -> Prefix:
    """A prefix's topics, four partitions."""
    return Prefix(kafka.bootstrap, prefix, tmp_path)
