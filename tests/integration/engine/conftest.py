"""Fixtures of the engine's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.kafka import ApacheKafka
from tests.integration.engine.harness import Bench


@pytest.fixture
def bench(kafka: ApacheKafka, prefix: str, tmp_path: Path) -> Iterator[Bench]:
    """A live prefix with four partitions."""
    made = Bench(kafka, prefix, tmp_path)
    yield made
    made.close()


@pytest.fixture
def history(kafka: ApacheKafka, prefix: str, tmp_path: Path) -> Iterator[Bench]:
    """A prefix whose record times are the producer's."""
    made = Bench(kafka, prefix, tmp_path, history=True)
    yield made
    made.close()
