"""clickhouse-migrations, the tool that makes the projections' tables, on the embedded server."""

from pathlib import Path

import pytest
from clickhouse_driver import Client
from clickhouse_migrations.clickhouse_cluster import ClickhouseCluster

pytestmark = pytest.mark.clickhouse


def test_migrations_are_applied_once_and_in_order(clickhouse_url: str, tmp_path: Path) -> None:
    """Files are applied in order, statement by statement; a second run does nothing; a new file is added."""
    (tmp_path / "001_waits.sql").write_text(
        "CREATE TABLE waits (id UInt64) ENGINE = ReplacingMergeTree ORDER BY id;\n"
        "ALTER TABLE waits ADD COLUMN step LowCardinality(String); -- a comment; with a semicolon\n"
    )
    database = clickhouse_url.rpartition("/")[2]
    cluster = ClickhouseCluster(db_url=clickhouse_url)
    with Client.from_url(clickhouse_url) as client:
        cluster.migrate(database, tmp_path, multi_statement=True)
        cluster.migrate(database, tmp_path, multi_statement=True)
        (tmp_path / "002_rows.sql").write_text("INSERT INTO waits (id, step) VALUES (1, 'ask;now');")
        cluster.migrate(database, tmp_path, multi_statement=True)
        cluster.migrate(database, tmp_path, multi_statement=True)
        assert client.execute("SELECT * FROM waits") == [(1, "ask;now")]
        applied = client.execute("SELECT version FROM schema_versions ORDER BY version")
    assert applied == [(1,), (2,)]
