"""The server's pure parts: the lexer, the framing of blocks, compression."""

import struct

import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import ServerException
from clickhouse_driver.protocol import Compression
from hypothesis import given
from hypothesis import strategies as st

from deploy.embedded.clickhouse import compression, native
from deploy.embedded.clickhouse.native import Column
from deploy.embedded.clickhouse.protocol import ProtocolError, WireReader, read_varint, text, varint
from deploy.embedded.clickhouse.statements import InsertRows, Other, Select, Statement, classify

_FORMATS = frozenset({"JSON", "TSV", "Native"})


def _reader(raw: bytes, step: int) -> WireReader:
    pieces = iter([bytearray(raw[i : i + step]) for i in range(0, len(raw), step)])
    return WireReader(lambda: next(pieces, bytearray()))


_INSERTS = [
    ("INSERT INTO t VALUES", ("INSERT INTO t", "t", None, None, " ")),
    (
        "insert into d.`t` (a, `b``c`) values ;",
        ("insert into d.`t`", "d.`t`", "a, `b``c`", ("a", "b`c"), " "),
    ),
    ("INSERT INTO t (* EXCEPT (a)) FORMAT Native", ("INSERT INTO t", "t", "* EXCEPT (a)", None, " ")),
    (
        "INSERT INTO t SETTINGS x = 'VALUES' VALUES",
        ("INSERT INTO t", "t", None, None, " SETTINGS x = 'VALUES' "),
    ),
    ("INSERT INTO FUNCTION f('(') (a) VALUES", ("INSERT INTO FUNCTION f('(')", "f('(')", "a", ("a",), " ")),
]
_SELECTS = {
    "-- why\nSELECT 1;": "SELECT 1",
    "WITH x AS (SELECT 1) SELECT * FROM x": "WITH x AS (SELECT 1) SELECT * FROM x",
    "((SELECT ';'))": "((SELECT ';'))",
    "SELECT $$;$$, ';--', /* ; */ \";\" FORMAT TSV": "SELECT $$;$$, ';--', /* ; */ \";\" ",
}
_OTHERS = [
    ("INSERT INTO t (a) VALUES (1)", "INSERT", False),
    ("INSERT INTO values SELECT 1", "INSERT", False),
    ("INSERT INTO t FORMAT CSV 1;2", "INSERT", False),
    ("WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", "INSERT", False),
    ("CREATE TEMPORARY TABLE x (kafka Int8)", "CREATE", True),
    ("CREATE TABLE x (e String COMMENT 'ENGINE = Kafka') ENGINE = Log", "CREATE", False),
]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        *((sql, InsertRows(*parts)) for sql, parts in _INSERTS),
        *((sql, Select(bare)) for sql, bare in _SELECTS.items()),
        *((sql, Other(sql, verb, temporary)) for sql, verb, temporary in _OTHERS),
        ("SHOW TABLES FORMAT JSON", Other("SHOW TABLES ", "SHOW")),
    ],
)
def test_statements_are_told_apart(sql: str, expected: Statement) -> None:
    """Which of the three kinds a statement is, through comments, strings, brackets and quoted names."""
    assert classify(sql, _FORMATS) == expected


@given(st.lists(st.text(), max_size=30), st.lists(st.binary(max_size=9), max_size=30), st.integers(1, 64))
def test_a_blocks_end_is_found_wherever_the_reads_end(
    strings: list[str], tail: list[bytes], step: int
) -> None:
    """A block is taken whole, and nothing after it, whatever pieces the socket brings it in."""
    rows = len(strings)
    cells = b"".join(map(text, strings))
    nullable = bytes(rows) + cells
    array = b"".join(struct.pack("<Q", i + 1) for i in range(rows)) + cells
    raw = varint(3) + varint(rows)
    for kind, values in (("String", cells), ("Nullable(String)", nullable), ("Array(String)", array)):
        raw += text("c") + text(kind) + values
    rest = b"".join(tail) + b"\x07"
    reader = _reader(raw + rest, step)
    block = native.read_block(reader)
    assert (block.raw, block.rows) == (raw, rows)
    assert bytes(reader.read(len(rest))) == rest


@given(st.lists(st.integers(0, 2**32 - 1), max_size=20))
def test_a_retyped_block_changes_its_type_alone(values: list[int]) -> None:
    """The zone is put into a DateTime's name; values and the other columns are as they were."""
    cells = struct.pack(f"<{len(values)}I", *values)
    body = varint(2) + varint(len(values))
    raw = body + text("at") + text("DateTime") + cells + text("n") + text("UInt32") + cells
    full = (Column("at", "DateTime('UTC')"), Column("n", "UInt32"))
    expected = body + text("at") + text("DateTime('UTC')") + cells + text("n") + text("UInt32") + cells
    assert native.retype(raw, full) == expected


@pytest.mark.parametrize(
    "kind", ["Variant(String, UInt8)", "Array(Dynamic)", "AggregateFunction(sum, UInt8)"]
)
def test_a_type_of_unknown_layout_is_refused_by_name(kind: str) -> None:
    """Where the end of a column cannot be known, the error names the type and says what to do."""
    raw = varint(1) + varint(1) + text("c") + text(kind) + b"\0" * 64
    with pytest.raises(native.UnknownLayoutError, match="cast them in SQL") as raised:
        native.read_block(_reader(raw, 8))
    assert raised.value.code == 50
    assert native.columns_of(raw) is None


@given(st.integers(0, 2**64 - 1), st.integers(1, 3))
def test_numbers_round_trip(number: int, step: int) -> None:
    """A varint is read as it was written."""
    assert read_varint(_reader(varint(number), step)) == number


def test_an_endless_number_is_refused() -> None:
    """More than 64 bits is no number."""
    with pytest.raises(ProtocolError):
        read_varint(_reader(b"\xff" * 20, 4))


@pytest.mark.skipif(not compression.available(), reason="lz4 and clickhouse-cityhash are not installed")
@given(st.binary(min_size=1, max_size=4000), st.integers(1, 100))
def test_frames_round_trip_and_a_flipped_bit_is_seen(plain: bytes, step: int) -> None:
    """What is compressed comes back; a frame that was changed does not."""
    packed = b"".join(compression.compress(plain))
    assert bytes(compression.decompress(_reader(packed, step))) == plain
    broken = packed[:-1] + bytes([packed[-1] ^ 1])
    with pytest.raises(ProtocolError, match="checksum"):
        compression.decompress(_reader(broken, step))


if not compression.available():
    # Elsewhere there is nothing to decline, so there is nothing to skip.

    @pytest.mark.clickhouse
    def test_compression_is_declined_where_it_is_not_installed(clickhouse: Client) -> None:
        """A client that asks for frames is told what to do, and never answered in plain bytes."""
        clickhouse.execute("SELECT 1")
        clickhouse.connection.compression = Compression.ENABLED
        with pytest.raises(ServerException, match="compression=False") as raised:
            clickhouse.execute("SELECT 1")
        assert raised.value.code == 89


@pytest.mark.clickhouse
@pytest.mark.skipif(not compression.available(), reason="lz4 and clickhouse-cityhash are not installed")
def test_a_compressed_connection_inserts_and_selects(clickhouse_url: str) -> None:
    """The round trip through LZ4 frames in both directions."""
    with Client.from_url(f"{clickhouse_url}?compression=lz4") as client:
        client.execute("CREATE TABLE t (n UInt64, s LowCardinality(String)) ENGINE = MergeTree ORDER BY n")
        rows = [(number, f"s{number % 9}") for number in range(300_000)]
        assert client.execute("INSERT INTO t VALUES", rows) == 300_000
        assert client.execute("SELECT * FROM t ORDER BY n") == rows
