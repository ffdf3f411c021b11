"""A migrated database of ClickHouse's engine for each test, and facts put into it as by the projector."""

from collections.abc import Callable, Iterable
from typing import Protocol

import pytest

from projections.client import connected
from projections.inserts import insert
from projections.migrate import migrate
from projections.rows import rows_of
from streams.cli import main as cli
from streams.log.settings import Settings, load
from streams.log.topics import Topics
from tests.projections.log import Placed

Attesa = Callable[..., tuple[int, str, str]]


class Project(Protocol):
    """Puts facts into the test's database, and that their partitions are projected."""

    def __call__(self, log: Iterable[Placed]) -> None:
        """In one batch."""


@pytest.fixture
def projected(clickhouse_url: str) -> Settings:
    """Settings of a prefix whose database is this test's, migrated."""
    settings = load(clickhouse=clickhouse_url, kafka="127.0.0.1:1")
    migrate(settings)
    return settings


@pytest.fixture
def project(projected: Settings) -> Project:
    """Project facts into the test's database."""

    def put(log: Iterable[Placed]) -> None:
        deliver(projected, list(log))

    return put


def deliver(settings: Settings, log: list[Placed]) -> None:
    """One batch: the rows of these facts, then their partitions' positions."""
    rows = [row for place in log for row in rows_of(place.fact, place.partition, place.offset)]
    positions: dict[int, int] = {}
    for place in log:
        positions[place.partition] = max(positions.get(place.partition, 0), place.offset + 1)
    with connected(settings) as client:
        insert(client, rows, Topics(settings.prefix).facts, positions)


@pytest.fixture
def attesa(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Attesa:
    """Run the command line in this process: exit code, standard output, standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["attesa", *arguments])
        with pytest.raises(SystemExit) as left:
            cli.main()
        out, err = capsys.readouterr()
        code = left.value.code
        return code if isinstance(code, int) else int(code is not None), out, err

    return run
