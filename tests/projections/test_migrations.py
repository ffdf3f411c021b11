"""Migrations: in order, each once, refused where they disagree with the database."""

import re
import shutil
import threading
from pathlib import Path

import pytest
from clickhouse_driver import Client

from projections.client import connected
from projections.errors import MigrationError, RowsRefusedError
from projections.migrate import FOLDER, migrate, migrations, status
from schemas.errors import NotReachableError
from streams.log.settings import Settings, load

pytestmark = pytest.mark.clickhouse

NAMES = [path.name for path in sorted(FOLDER.glob("*.sql"))]


@pytest.fixture
def settings(clickhouse_url: str) -> Settings:
    """Settings of this test's empty database."""
    return load(clickhouse=clickhouse_url)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the migrations that a test may change."""
    return shutil.copytree(FOLDER, tmp_path / "migrations")


def test_each_is_applied_once_in_order(settings: Settings) -> None:
    """The first run applies all, the second none, and the status says so before and after."""
    assert [row.state for row in status(settings)] == ["pending"] * len(NAMES)
    assert migrate(settings) == NAMES
    assert migrate(settings) == []
    assert [(row.name, row.state) for row in status(settings)] == [(name, "applied") for name in NAMES]


def test_the_database_is_made(settings: Settings, clickhouse: Client) -> None:
    """A prefix whose database is not there gets one; asking for its status makes none."""
    named = clickhouse.execute("SELECT currentDatabase()")[0][0]
    other = settings.model_copy(update={"prefix": f"{named}-made"})
    assert {row.state for row in status(other)} == {"pending"}
    there = "SELECT count() FROM system.databases WHERE name = %(name)s"
    made = {"name": f"{named}_made"}
    assert clickhouse.execute(there, made) == [(0,)]
    try:
        assert migrate(other) == NAMES
        assert clickhouse.execute(there, made) == [(1,)]
    finally:
        clickhouse.execute(f"DROP DATABASE {named}_made SYNC")


def test_two_that_start_at_once_apply_each_once(settings: Settings, clickhouse: Client) -> None:
    """Four at once: one of them applies a migration, the others wait and find it applied."""
    applied: list[list[str]] = []
    failed: list[BaseException] = []
    barrier = threading.Barrier(4)

    def one() -> None:
        try:
            barrier.wait()
            applied.append(migrate(settings))
        except BaseException as error:  # noqa: BLE001 - a thread's failure is the test's
            failed.append(error)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert sorted(name for names in applied for name in names) == NAMES
    assert clickhouse.execute("SELECT count() FROM migrations") == [(len(NAMES),)]


def test_an_applied_file_that_changed_is_refused(settings: Settings, folder: Path) -> None:
    """Nothing is applied, the status and the error name the file."""
    migrate(settings, folder)
    changed = folder / NAMES[1]
    changed.write_text(changed.read_text() + "\n-- one more line\n")
    (folder / f"{len(NAMES) + 1:04}_more.sql").write_text("CREATE TABLE more (x UInt8) ENGINE = Null;\n")
    with pytest.raises(MigrationError, match=NAMES[1]):
        migrate(settings, folder)
    assert [row.state for row in status(settings, folder)].count("changed") == 1
    with connected(settings) as client:
        assert client.execute("EXISTS TABLE more") == [(0,)]


def test_a_newer_database_is_refused(settings: Settings, folder: Path) -> None:
    """A version that knows fewer migrations than were applied does not touch the database."""
    migrate(settings, folder)
    (folder / NAMES[-1]).unlink()
    with pytest.raises(MigrationError, match="newer Attesa"):
        migrate(settings, folder)


def test_numbers_have_no_gap(folder: Path) -> None:
    """A file that is misnumbered or misnamed is refused by its name."""
    (folder / "0099_far.sql").write_text("SELECT 1;\n")
    with pytest.raises(MigrationError, match="0099_far"):
        migrations(folder)


def test_one_that_was_interrupted_is_finished(settings: Settings, folder: Path) -> None:
    """A file whose second statement failed is applied whole by the next run."""
    broken = folder / f"{len(NAMES) + 1:04}_two.sql"
    broken.write_text("CREATE TABLE IF NOT EXISTS one (x UInt8) ENGINE = Null;\nCREATE TABLE nonsense;\n")
    with pytest.raises(RowsRefusedError, match="CREATE"):
        migrate(settings, folder)
    broken.write_text(
        "CREATE TABLE IF NOT EXISTS one (x UInt8) ENGINE = Null;\n"
        "CREATE TABLE IF NOT EXISTS two (x UInt8) ENGINE = Null;\n"
    )
    assert migrate(settings, folder) == [broken.name]


def test_a_dead_owners_lock_is_taken_over(settings: Settings, clickhouse: Client) -> None:
    """A process died while it migrated: after a while its lock is no obstacle."""
    clickhouse.execute("CREATE TABLE migrating (nothing UInt8) ENGINE = Null COMMENT 'a dead process'")
    assert migrate(settings, dead_after_s=0.3) == NAMES
    assert clickhouse.execute("EXISTS TABLE migrating") == [(0,)]


def test_every_statement_can_be_repeated() -> None:
    """What makes an interrupted migration safe to run again: nothing fails for being there already."""
    for migration in migrations():
        for statement in migration.statements:
            assert re.match(r"(CREATE (TABLE|VIEW) IF NOT EXISTS|ALTER TABLE .* IF NOT EXISTS) ", statement)


def test_every_table_and_column_says_what_it_is(projected: Settings) -> None:
    """The data model's page is made from these comments."""
    with connected(projected) as client:
        tables = client.execute(
            "SELECT name FROM system.tables WHERE database = currentDatabase() AND comment = ''"
        )
        columns = client.execute(
            "SELECT table, name FROM system.columns WHERE database = currentDatabase() AND comment = '' "
            "AND table NOT IN (SELECT name FROM system.tables WHERE database = currentDatabase() "
            "AND engine = 'View')"
        )
    assert tables == []
    assert columns == []


def test_the_partition_stands_in_the_sorting_key(projected: Settings) -> None:
    """Else FINAL reads every week; and the version is the fact's offset, so that a replay changes nothing."""
    with connected(projected) as client:
        found = client.execute(
            "SELECT name, sorting_key, partition_key, engine_full FROM system.tables "
            "WHERE database = currentDatabase() AND partition_key != ''"
        )
    assert {name for name, *_ in found} >= {"facts", "waits_opened", "waits_closed", "sends", "messages"}
    for name, sorting, partitioning, engine in found:
        assert partitioning == "intDiv(at, 604800000)", name
        assert "at" in sorting.split(", "), name
        assert engine.startswith("ReplacingMergeTree(offset)"), name


def test_no_server_is_an_error_for_people() -> None:
    """It says what was tried, never with the password, and the command ends with exit code 3."""
    settings = load(clickhouse="clickhouse://anna:secret@127.0.0.1:1/attesa")
    with pytest.raises(NotReachableError, match=r"clickhouse://127\.0\.0\.1:1/attesa") as caught:
        migrate(settings)
    assert "secret" not in str(caught.value)
    assert caught.value.exit_code == 3
