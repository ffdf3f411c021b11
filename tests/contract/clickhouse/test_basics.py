"""What holds on the embedded server and on a real one alike: basic types, inserts, errors, the protocol."""

import uuid
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import ServerException
from clickhouse_driver.protocol import ServerPacketTypes

_BASIC_TYPES: list[tuple[str, list[Any]]] = [
    ("UInt8", [0, 255]),
    ("UInt16", [0, 65_535]),
    ("UInt32", [0, 4_294_967_295]),
    ("UInt64", [0, 18_446_744_073_709_551_615]),
    ("Int8", [-128, 127]),
    ("Int16", [-32_768, 32_767]),
    ("Int32", [-2_147_483_648, 2_147_483_647]),
    ("Int64", [-9_223_372_036_854_775_808, 9_223_372_036_854_775_807]),
    ("Float32", [0.5, -1.25]),
    ("Float64", [1e300, -0.1]),
    ("Decimal(9, 4)", [Decimal("12345.6789"), Decimal("-0.0001")]),
    ("Decimal(18, 2)", [Decimal("1234567890123456.78")]),
    ("Decimal(38, 10)", [Decimal("1234567890123456789012345678.0123456789")]),
    ("String", ["", "è già", "x" * 300, "a\0b"]),
    ("FixedString(4)", ["abcd", "wxyz"]),
    ("Date", [date(1970, 1, 2), date(2030, 12, 31)]),
    ("DateTime('UTC')", [datetime(2026, 3, 29, 1, 30, tzinfo=UTC)]),
    ("UUID", [uuid.UUID(int=1), uuid.UUID("6f1c7a52-0a0c-4b4c-9b93-5a3a3d9f6c11")]),
    ("Enum8('b, (c)' = -2, 'a' = 1)", ["a", "b, (c)"]),
    ("Enum16('x' = 1000)", ["x"]),
    ("Nullable(String)", [None, "", "x"]),
    ("Nullable(UInt64)", [None, 0, 7]),
    ("Array(String)", [[], ["a"], ["", "b", "c"]]),
    ("Array(Array(UInt32))", [[], [[]], [[1, 2], [], [3]]]),
    ("Array(Nullable(Int32))", [[None], [1, None, 3], []]),
]


@pytest.mark.parametrize(("kind", "values"), _BASIC_TYPES, ids=[kind for kind, _ in _BASIC_TYPES])
@pytest.mark.parametrize("columnar", [False, True], ids=["rows", "columns"])
def test_basic_types_come_back_as_they_went_in(
    either: Client, kind: str, values: list[Any], columnar: bool
) -> None:
    """Each basic type makes the round trip, row by row and column by column, under its own name."""
    either.execute(f"CREATE TABLE t (n UInt32, v {kind}) ENGINE = MergeTree ORDER BY n")
    numbers = list(range(len(values)))
    rows: Any = [numbers, values] if columnar else list(enumerate(values))
    assert either.execute("INSERT INTO t VALUES", rows, columnar=columnar) == len(values)
    got, columns = either.execute("SELECT v FROM t ORDER BY n", with_column_types=True)
    assert [value for (value,) in got] == values
    assert columns == [("v", kind)]


def test_a_subset_of_columns_leaves_the_others_to_their_defaults(either: Client) -> None:
    """Columns that an INSERT does not name take their DEFAULT; MATERIALIZED ones are never expected."""
    either.execute(
        "CREATE TABLE t (a UInt8, b UInt8 DEFAULT a + 1, c UInt8 MATERIALIZED a + 2) "
        "ENGINE = MergeTree ORDER BY a"
    )
    either.execute("INSERT INTO t (a) VALUES", [(1,)])
    either.execute("INSERT INTO t VALUES", [(5, 9)])
    assert either.execute("SELECT a, b, c FROM t ORDER BY a") == [(1, 2, 3), (5, 9, 7)]


def test_rows_may_come_from_a_generator_in_several_blocks(either: Client) -> None:
    """An INSERT of many blocks is one INSERT."""
    either.execute("CREATE TABLE t (a UInt32) ENGINE = MergeTree ORDER BY a")
    rows = ({"a": number} for number in range(10_000))
    assert either.execute("INSERT INTO t (a) VALUES", rows, settings={"insert_block_size": 999}) == 10_000
    assert either.execute("SELECT count(), sum(a) FROM t") == [(10_000, 49_995_000)]


def test_an_insert_without_rows_is_none(either: Client) -> None:
    """An empty list inserts nothing, and the connection goes on."""
    either.execute("CREATE TABLE t (a UInt32) ENGINE = MergeTree ORDER BY a")
    assert either.execute("INSERT INTO t VALUES", []) == 0
    assert either.execute("SELECT count() FROM t") == [(0,)]


def test_insert_select_copies_inside_the_server(either: Client) -> None:
    """`INSERT … SELECT` sends no block at all."""
    either.execute("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a")
    either.execute("INSERT INTO t SELECT number FROM system.numbers LIMIT 100")
    assert either.execute("SELECT sum(a) FROM t") == [(4950,)]


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("SELECT * FROM nope", 60),
        ("SELEC 1", 62),
        ("SELECT nope FROM t", 47),
        ("SELECT throwIf(number = 150000) FROM (SELECT number FROM system.numbers LIMIT 200000)", 395),
        ("CREATE TABLE t (x Int8) ENGINE = Memory", 57),
        ("SELECT toUInt8('x')", 6),
        ("USE nowhere", 81),
    ],
)
def test_errors_have_clickhouses_codes_and_the_connection_goes_on(
    either: Client, sql: str, code: int
) -> None:
    """A failed statement is a ServerException with ClickHouse's code; the client goes on."""
    either.execute("CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a")
    with pytest.raises(ServerException) as raised:
        either.execute(sql)
    assert raised.value.code == code
    assert either.execute("SELECT 1") == [(1,)]


@pytest.mark.parametrize(
    ("sql", "code"), [("INSERT INTO nope VALUES", 60), ("INSERT INTO t (zzz) VALUES", 16)]
)
def test_an_insert_is_refused_before_its_rows_are_sent(either: Client, sql: str, code: int) -> None:
    """No such table, no such column: an error in place of the header."""
    either.execute("CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a")
    with pytest.raises(ServerException) as raised:
        either.execute(sql, [(1,)])
    assert raised.value.code == code
    assert either.execute("SELECT count() FROM t") == [(0,)]


def test_an_unknown_database_is_refused_at_the_door(either: Client) -> None:
    """A client of a database that is not there gets an error, at its Hello or at its first query."""
    host, port = either.connection.hosts[0]
    with Client(host, port, database="nowhere") as client:
        with pytest.raises(ServerException) as raised:
            client.execute("SELECT * FROM t")
        assert raised.value.code in {81, 60}


def test_the_packets_of_each_statement_end_in_one_end(either: Client) -> None:
    """The packets of a query end in EndOfStream or Exception, once, however it went."""
    either.execute("SELECT 1")
    connection = either.connection
    ends = []
    for sql in ("SELECT * FROM nope", "INSERT INTO nope VALUES", "SELECT 1"):
        connection.send_query(sql)
        connection.send_external_tables([])
        while (packet := connection.receive_packet()).type not in {
            ServerPacketTypes.END_OF_STREAM,
            ServerPacketTypes.EXCEPTION,
        }:
            pass
        ends.append(packet.type)
    connection.is_query_executing = False
    assert ends == [
        ServerPacketTypes.EXCEPTION,
        ServerPacketTypes.EXCEPTION,
        ServerPacketTypes.END_OF_STREAM,
    ]


def test_an_empty_result_still_has_columns(either: Client) -> None:
    """The names and types of a result without rows."""
    either.execute("CREATE TABLE t (a UInt64, d DateTime('UTC')) ENGINE = MergeTree ORDER BY a")
    got = either.execute("SELECT a, d FROM t WHERE a = 1", with_column_types=True)
    assert got == ([], [("a", "UInt64"), ("d", "DateTime('UTC')")])


def test_the_drivers_own_parameters_are_put_into_the_text(either: Client) -> None:
    """clickhouse-driver substitutes on its side; quotes, lists, times and None arrive right."""
    values = {"a": "it's \\ x", "b": [1, 2], "c": datetime(2026, 1, 1), "d": None}  # noqa: DTZ001  # naive, as sent
    row = either.execute("SELECT %(a)s, %(b)s, toDateTime(%(c)s), %(d)s", values)[0]
    assert row == ("it's \\ x", [1, 2], datetime(2026, 1, 1), None)  # noqa: DTZ001


def test_external_tables_last_for_one_query(either: Client) -> None:
    """A table sent along with a query is there for it alone."""
    table = {"name": "ext", "structure": [("id", "UInt64"), ("s", "String")], "data": [{"id": 41, "s": "a"}]}
    assert either.execute("SELECT sum(id) FROM ext", external_tables=[table]) == [(41,)]
    assert either.execute("SELECT sum(id) + 1 FROM ext", external_tables=[table]) == [(42,)]
    with pytest.raises(ServerException):
        either.execute("SELECT * FROM ext")


def test_settings_hold_for_the_query_they_came_with(either: Client) -> None:
    """A setting given with a query changes it, and not the next one; an unknown one is left out."""
    blocks = "SELECT max(blockSize()) FROM (SELECT number FROM system.numbers LIMIT 5000)"
    assert either.execute(blocks, settings={"max_block_size": 777, "max_threads": 1}) == [(777,)]
    assert either.execute(blocks) != [(777,)]
    assert either.execute("SELECT 1", settings={"no_such_setting_x": 1}) == [(1,)]


def test_a_ping_is_answered(either: Client) -> None:
    """What the driver does before each query on an open connection."""
    either.execute("SELECT 1")
    assert either.connection.ping() is True
