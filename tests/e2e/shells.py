"""Fixtures: a user's shell for each test or module, on the session's broker and ClickHouse."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from clickhouse_driver import Client

from deploy.embedded.clickhouse import EmbeddedClickHouse
from deploy.kafka import ApacheKafka
from tests.e2e.command import Attesa, delete_topics

__all__ = ["attesa", "shell", "twcs"]

TWCS = Path(__file__).resolve().parents[3] / "shared" / "data" / "twcs_dev.csv"


@contextmanager
def opened(kafka: ApacheKafka, clickhouse: EmbeddedClickHouse, folder: Path) -> Iterator[Attesa]:
    """A shell; its processes end, its topics and databases go, with the block."""
    made = Attesa(folder, kafka.bootstrap, clickhouse.url)
    try:
        yield made
    finally:
        made.close()
        used = {made.prefix, *(f"{made.prefix}{suffix}" for suffix in ("-dev", "-calm", "-killed", "-file"))}
        delete_topics(kafka, used)
        admin = Client.from_url(clickhouse.url)
        for prefix in used:
            admin.execute(f"DROP DATABASE IF EXISTS {prefix.replace('-', '_')} SYNC")
        admin.disconnect()


@pytest.fixture
def attesa(kafka: ApacheKafka, clickhouse_server: EmbeddedClickHouse, tmp_path: Path) -> Iterator[Attesa]:
    """A shell of this test's own."""
    with opened(kafka, clickhouse_server, tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def shell(
    kafka: ApacheKafka, clickhouse_server: EmbeddedClickHouse, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Attesa]:
    """A shell that the tests of a module share."""
    with opened(kafka, clickhouse_server, tmp_path_factory.mktemp("shell")) as made:
        yield made


@pytest.fixture(scope="session")
def twcs() -> Path:
    """Real conversations, which lie beside the project and are no part of it."""
    if not TWCS.is_file():
        pytest.skip(f"not in this checkout: ../shared/data/{TWCS.name}, under its own licence")
    return TWCS
