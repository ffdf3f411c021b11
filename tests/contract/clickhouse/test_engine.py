"""What the projections need of the embedded engine: kinds of tables and types, exact queries, refusals."""

import struct
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import ServerException

pytestmark = pytest.mark.clickhouse

_TYPES: list[tuple[str, list[Any]]] = [
    ("LowCardinality(String)", ["a", "b", "a", ""]),
    ("LowCardinality(Nullable(String))", [None, "a", None, "b"]),
    ("Array(LowCardinality(String))", [[], ["p", "q"], ["p"]]),
    ("DateTime64(3, 'UTC')", [datetime(2026, 3, 29, 1, 30, 0, 123_000, tzinfo=UTC)]),
    ("DateTime64(6, 'Europe/Rome')", [datetime(2026, 7, 1, 12, 0, 0, 7, tzinfo=UTC)]),
    ("Nullable(DateTime('UTC'))", [None, datetime(2026, 1, 1, tzinfo=UTC)]),
    ("Array(DateTime('UTC'))", [[], [datetime(2026, 1, 1, tzinfo=UTC)]]),
    ("Date32", [date(1925, 1, 1), date(2283, 11, 11)]),
    ("Bool", [True, False]),
    ("Int128", [-(1 << 100), 1 << 100]),
    ("UInt256", [(1 << 256) - 1, 0]),
    ("Decimal(76, 0)", [Decimal(10) ** 27]),
    ("Map(String, UInt64)", [{}, {"a": 1, "b": 2}]),
    ("Map(LowCardinality(String), Array(UInt8))", [{"a": [1, 2]}, {}]),
    ("Tuple(UInt8, String)", [(1, "a"), (2, "b")]),
    ("Tuple(a UInt8, `b c` Array(String))", [(1, ["x"])]),
    ("SimpleAggregateFunction(max, UInt64)", [7]),
]


@pytest.mark.parametrize(("kind", "values"), _TYPES, ids=[kind for kind, _ in _TYPES])
def test_newer_types_come_back_as_they_went_in(clickhouse: Client, kind: str, values: list[Any]) -> None:
    """Types that the old real server lacks make the round trip, by rows and columns, under their own name."""
    clickhouse.execute(f"CREATE TABLE t (n UInt32, v {kind}) ENGINE = MergeTree ORDER BY n")
    clickhouse.execute("INSERT INTO t VALUES", list(enumerate(values)))
    more = [list(range(len(values), 2 * len(values))), values]
    clickhouse.execute("INSERT INTO t VALUES", more, columnar=True)
    got, columns = clickhouse.execute("SELECT v FROM t ORDER BY n", with_column_types=True)
    assert [value for (value,) in got] == values * 2
    assert columns == [("v", kind)]


_TABLES = [
    "ENGINE = MergeTree ORDER BY (w, n)",
    "ENGINE = MergeTree PARTITION BY toMonday(at) ORDER BY (w, n) TTL toDateTime(at) + INTERVAL 50 YEAR",
    "ENGINE = ReplacingMergeTree(n) PARTITION BY toYYYYMM(at) ORDER BY (w, at) COMMENT 'what it is; whose'",
    "ENGINE = SummingMergeTree ORDER BY w SETTINGS index_granularity = 1024",
    "ENGINE = AggregatingMergeTree ORDER BY (w, n)",
    "ENGINE = Memory",
    "ENGINE = Log",
    "ENGINE = Null",
]


@pytest.mark.parametrize("engine", _TABLES)
def test_each_kind_of_table_is_made_and_takes_rows(clickhouse: Client, engine: str) -> None:
    """DDL with PARTITION BY, ORDER BY, TTL, CODEC, COMMENT and SETTINGS, then an INSERT."""
    clickhouse.execute(
        "CREATE TABLE t (w LowCardinality(String) COMMENT 'a; ''b''', n UInt64 CODEC(T64, ZSTD(1)), "
        f"at DateTime64(3, 'UTC') CODEC(DoubleDelta, LZ4)) {engine}"
    )
    start = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [("w", number, start + timedelta(days=number)) for number in range(1, 60)]
    assert clickhouse.execute("INSERT INTO t VALUES", rows) == 59
    total = 0 if engine.endswith("Null") else sum(range(1, 60))
    assert clickhouse.execute("SELECT sum(n) FROM t") == [(total,)]
    assert "CODEC(T64, ZSTD(1))" in clickhouse.execute("SHOW CREATE TABLE t")[0][0]


def test_tables_are_altered_renamed_dropped_and_seen_in_system(clickhouse: Client) -> None:
    """ALTER, RENAME, TRUNCATE, views, EXISTS, DESCRIBE, DROP, and system.tables."""
    run = clickhouse.execute
    run("CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a")
    run("INSERT INTO t VALUES", [(1,)])
    run("ALTER TABLE t ADD COLUMN b UInt8 DEFAULT 7")
    assert run("SELECT b FROM t") == [(7,)]
    run("CREATE VIEW v AS SELECT a + b AS c FROM t")
    assert run("SELECT c FROM v") == [(8,)]
    run("ALTER TABLE t DELETE WHERE a = 1 SETTINGS mutations_sync = 1")
    assert run("SELECT count() FROM t") == [(0,)]
    run("RENAME TABLE t TO u")
    assert run("EXISTS TABLE u") == [(1,)]
    assert [row[0] for row in run("DESCRIBE TABLE u")] == ["a", "b"]
    assert run("SELECT name FROM system.tables WHERE database = currentDatabase() ORDER BY name") == [
        ("u",),
        ("v",),
    ]
    run("TRUNCATE TABLE u")
    run("DROP TABLE u")
    assert run("EXISTS TABLE u") == [(0,)]


def test_tables_are_exchanged_at_once(clickhouse: Client) -> None:
    """EXCHANGE TABLES swaps two tables under their names: how a rebuild is put in place."""
    for name, value in (("t", 1), ("t_new", 2)):
        clickhouse.execute(f"CREATE TABLE {name} (a UInt8) ENGINE = MergeTree ORDER BY a")
        clickhouse.execute(f"INSERT INTO {name} VALUES", [(value,)])
    clickhouse.execute("EXCHANGE TABLES t AND t_new")
    assert clickhouse.execute("SELECT a FROM t") == [(2,)]
    assert clickhouse.execute("SELECT a FROM t_new") == [(1,)]


def test_final_counts_a_redelivered_row_once_in_each_partition(clickhouse: Client) -> None:
    """ReplacingMergeTree FINAL with `do_not_merge_across_partitions_select_final`, before any merge."""
    clickhouse.execute(
        "CREATE TABLE t (id UInt64, at DateTime64(3, 'UTC'), offset UInt64) "
        "ENGINE = ReplacingMergeTree(offset) PARTITION BY toMonday(at) ORDER BY (toMonday(at), id)"
    )
    clickhouse.execute("SYSTEM STOP MERGES t")
    start = datetime(2026, 1, 5, tzinfo=UTC)
    rows = [(number, start + timedelta(days=number % 28), number) for number in range(1000)]
    for _ in range(3):
        clickhouse.execute("INSERT INTO t VALUES", rows)
    settings = {"do_not_merge_across_partitions_select_final": 1}
    count = "SELECT count(), uniqExact(id) FROM t"
    assert clickhouse.execute(count) == [(3000, 1000)]
    assert clickhouse.execute(f"{count} FINAL", settings=settings) == [(1000, 1000)]


def test_window_functions_and_exact_quantiles(clickhouse: Client) -> None:
    """What the reports are made of: running sums over windows, quantileExact, log bins."""
    assert clickhouse.execute(
        "SELECT number, sum(number) OVER (ORDER BY number DESC) FROM numbers(4) ORDER BY number"
    ) == [(0, 6), (1, 6), (2, 5), (3, 3)]
    assert clickhouse.execute("SELECT quantilesExact(0.1, 0.5, 0.9)(number) FROM numbers(101)") == [
        ([10, 50, 90],)
    ]
    bin_ = struct.unpack("<Q", struct.pack("<d", 1000.0))[0] >> 46
    assert clickhouse.execute("SELECT bitShiftRight(reinterpretAsUInt64(toFloat64(1000)), 46)") == [(bin_,)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT toDateTime(1767225600, 'UTC') AS at, number FROM numbers(200000)",
        "WITH 5 AS five SELECT toDateTime(1767225600, 'UTC') AS at, five",
        "SELECT at FROM dated",
        "(SELECT toDateTime(1767225600, 'UTC') AS at) UNION ALL (SELECT toDateTime(1767225600, 'UTC'))",
    ],
)
def test_a_datetime_keeps_its_time_zone(clickhouse: Client, sql: str) -> None:
    """`DateTime('UTC')` at the top of a result is not a bare DateTime, from temporary tables either."""
    clickhouse.execute("CREATE TEMPORARY TABLE dated (at DateTime('UTC'))")
    clickhouse.execute("INSERT INTO dated VALUES", [(datetime(2026, 1, 1, tzinfo=UTC),)])
    rows, columns = clickhouse.execute(sql, with_column_types=True)
    assert columns[0] == ("at", "DateTime('UTC')")
    assert {row[0] for row in rows} == {datetime(2026, 1, 1, tzinfo=UTC)}


def test_a_datetime_keeps_its_zone_in_the_clients_own_database_and_settings(clickhouse: Client) -> None:
    """The types of a result are those under the client's USE, SET and settings."""
    clickhouse.execute("CREATE TABLE a (k UInt8, at DateTime('UTC')) ENGINE = MergeTree ORDER BY k")
    clickhouse.execute("INSERT INTO a VALUES", [(1, datetime(2026, 1, 1, tzinfo=UTC))])
    clickhouse.execute("SET join_use_nulls = 1")
    sql = "SELECT a.at AS x, b.at AS y FROM a LEFT JOIN (SELECT * FROM a WHERE k = 2) AS b USING k"
    rows, columns = clickhouse.execute(sql, with_column_types=True)
    assert columns == [("x", "DateTime('UTC')"), ("y", "Nullable(DateTime('UTC'))")]
    assert rows == [(datetime(2026, 1, 1, tzinfo=UTC), None)]


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE k (x Int8) ENGINE=Kafka SETTINGS kafka_broker_list = 'localhost:1'",
        "create table k (x Int8)\nengine  `Kafka`('localhost:1', 't', 'g', 'CSV')",
        "/* ; */ CREATE OR REPLACE TABLE k (x String DEFAULT 'ENGINE = Log') ENGINE /**/ = /**/ Kafka()",
        "ATTACH TABLE k (x Int8) ENGINE = Kafka()",
    ],
)
def test_a_kafka_table_is_refused_before_the_engine_sees_it(clickhouse: Client, sql: str) -> None:
    """A failed `ENGINE = Kafka` would leave a folder that never opens again."""
    with pytest.raises(ServerException, match="no table engine Kafka") as raised:
        clickhouse.execute(sql)
    assert raised.value.code == 48
    assert clickhouse.execute("SELECT 1") == [(1,)]


def test_several_statements_at_once_are_refused(clickhouse: Client) -> None:
    """As a real server does; none of them is run."""
    clickhouse.execute("CREATE TABLE t (a UInt8) ENGINE = Memory")
    for sql in ("SELECT 1; DROP TABLE t", "DROP TABLE t; SELECT 1", "INSERT INTO t SELECT 1; DROP TABLE t"):
        with pytest.raises(ServerException) as raised:
            clickhouse.execute(sql)
        assert raised.value.code == 62
    assert clickhouse.execute("SELECT count() FROM t; -- done") == [(0,)]


def test_a_format_in_the_text_is_the_clients_own_business(clickhouse: Client) -> None:
    """FORMAT at a query's end is ignored, as the native protocol does; a column may have that name."""
    assert clickhouse.execute("SELECT 1 FORMAT JSON") == [(1,)]
    assert clickhouse.execute("SELECT 2 FORMAT TSV SETTINGS max_threads = 1;") == [(2,)]
    assert clickhouse.execute("SELECT 3 AS format ORDER BY format DESC") == [(3,)]


def test_rows_in_the_statement_itself_are_inserted(clickhouse: Client) -> None:
    """`VALUES (…), (…)` in the text, a semicolon and a quote in a string included."""
    clickhouse.execute("CREATE TABLE t (a UInt32, s String) ENGINE = MergeTree ORDER BY a")
    clickhouse.execute("INSERT INTO t (a, s) VALUES (1, 'x;y'), (2, 'it\\'s')")
    assert clickhouse.execute("SELECT s FROM t ORDER BY a") == [("x;y",), ("it's",)]


def test_an_insert_into_an_expression_of_columns(clickhouse: Client) -> None:
    """Columns given as `* EXCEPT c`, quoted ones, SETTINGS before VALUES, a table function."""
    clickhouse.execute(
        "CREATE TABLE t (`a b` UInt8, b UInt8, c UInt8 DEFAULT 9) ENGINE = MergeTree ORDER BY b"
    )
    clickhouse.execute("INSERT INTO t (* EXCEPT (c)) VALUES", [(1, 2)])
    clickhouse.execute('INSERT INTO TABLE t ("a b", `b`) SETTINGS max_threads = 1 FORMAT Native', [(3, 4)])
    assert clickhouse.execute("SELECT * FROM t ORDER BY b") == [(1, 2, 9), (3, 4, 9)]
    assert clickhouse.execute("INSERT INTO FUNCTION null('a UInt8') VALUES", [(5,)]) == 1


def test_an_insert_that_fails_in_the_middle_inserts_nothing(clickhouse: Client) -> None:
    """A constraint that one row of many blocks breaks: an error, no rows, and the connection goes on."""
    clickhouse.execute("CREATE TABLE t (x UInt32, CONSTRAINT c CHECK x < 9000) ENGINE = MergeTree ORDER BY x")
    with pytest.raises(ServerException) as raised:
        clickhouse.execute(
            "INSERT INTO t VALUES",
            [(number,) for number in range(10_000)],
            settings={"insert_block_size": 100},
        )
    assert raised.value.code == 469
    assert clickhouse.execute("SELECT count() FROM t") == [(0,)]


def test_settings_of_the_session_survive_those_of_a_query(clickhouse: Client) -> None:
    """SET stays, under and after a query's own value; async_insert is off unless asked for."""
    value = "SELECT getSetting('max_block_size'), getSetting('async_insert')"
    clickhouse.execute("SET max_block_size = 555")
    assert clickhouse.execute(value, settings={"max_block_size": 777, "async_insert": 1}) == [(777, True)]
    assert clickhouse.execute(value) == [(555, False)]
    clickhouse.execute("SELECT 1", settings={"log_comment": "mine"})
    assert clickhouse.execute(value) == [(555, False)]


def test_an_important_setting_that_nobody_knows_is_an_error(clickhouse_url: str) -> None:
    """With `settings_is_important` an unknown setting is code 115, and the next query is untouched."""
    with Client.from_url(f"{clickhouse_url}?settings_is_important=1") as client:
        with pytest.raises(ServerException) as raised:
            client.execute("SELECT 1", settings={"no_such_setting_x": 1})
        assert raised.value.code == 115
        assert client.execute("SELECT 1") == [(1,)]


def test_another_user_or_a_password_is_refused(clickhouse_url: str) -> None:
    """There is one user, `default`, without a password: code 516."""
    address = clickhouse_url.replace("//", "//somebody:secret@")
    with Client.from_url(address) as client, pytest.raises(ServerException) as raised:
        client.execute("SELECT 1")
    assert raised.value.code == 516
