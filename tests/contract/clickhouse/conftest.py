"""The servers of the contract: the embedded one of the session, servers of one test's own, a real one."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from clickhouse_driver import Client

from deploy.embedded.clickhouse import EmbeddedClickHouse
from tests.contract.clickhouse.real_server import MISSING, RealClickHouse, find_server


@pytest.fixture(scope="session")
def real_clickhouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealClickHouse]:
    """An installed clickhouse-server, started once."""
    if find_server() is None:
        if os.environ.get("CI"):
            pytest.fail(MISSING)
        pytest.skip(MISSING)
    with RealClickHouse(tmp_path_factory.mktemp("clickhouse-server")) as server:
        yield server


@pytest.fixture(
    params=[
        pytest.param("clickhouse_server", id="embedded", marks=pytest.mark.clickhouse),
        pytest.param("real_clickhouse", id="real", marks=pytest.mark.realclickhouse),
    ]
)
def either(request: pytest.FixtureRequest) -> Iterator[Client]:
    """A client of a new database on the embedded server, and in a second run on a real one."""
    server: EmbeddedClickHouse | RealClickHouse = request.getfixturevalue(request.param)
    database = f"test_{uuid.uuid4().hex[:12]}"
    with Client.from_url(server.url) as admin:
        admin.execute(f"CREATE DATABASE {database}")
        with Client.from_url(server.url.replace("/default", f"/{database}")) as client:
            yield client
        admin.execute(f"DROP DATABASE {database}")


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[EmbeddedClickHouse]:
    """A started embedded server of this test alone, to be stopped and killed at will."""
    with EmbeddedClickHouse(tmp_path / "clickhouse") as server:
        yield server
