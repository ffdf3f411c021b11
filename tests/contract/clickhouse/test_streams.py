"""Long results, cancelling, many clients at once."""

import socket
import struct
from concurrent.futures import ThreadPoolExecutor

import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import ServerException
from clickhouse_driver.protocol import ServerPacketTypes

from deploy.processes import await_until

pytestmark = pytest.mark.clickhouse

# Ten years of work in small steps, in the engine's own hands.
_ENDLESS = "SELECT sum(sleepEachRow(0.01)) FROM numbers(30000000000) SETTINGS max_block_size = 10"


def _running(client: Client, marker: str) -> int:
    sql = "SELECT count() FROM system.processes WHERE query LIKE %(like)s AND query NOT LIKE '%%processes%%'"
    count: int = client.execute(sql, {"like": f"%{marker}%"})[0][0]
    return count


def test_a_long_result_streams(clickhouse: Client) -> None:
    """A result far larger than a block arrives whole, in order, block by block."""
    sql = "SELECT number, toString(number) FROM numbers(1000000)"
    rows = clickhouse.execute_iter(sql, settings={"max_block_size": 10_000})
    for expected, row in enumerate(rows):
        assert row == (expected, str(expected))
    assert expected == 999_999


def test_a_result_left_in_the_middle_ends_its_query(clickhouse_url: str, clickhouse: Client) -> None:
    """A client that goes away while a result streams leaves nothing running."""
    with Client.from_url(clickhouse_url) as leaver:
        rows = leaver.execute_iter("SELECT number AS left_behind FROM system.numbers")
        assert next(iter(rows)) == (0,)
    assert await_until(lambda: _running(clickhouse, "left_behind") == 0, timeout=60)


def test_a_block_of_strings_longer_than_the_sockets_buffer(clickhouse: Client) -> None:
    """Strings across the borders of what one read brings come back as they were."""
    clickhouse.execute("CREATE TABLE t (n UInt32, s String) ENGINE = MergeTree ORDER BY n")
    values = [f"{number}" * (number % 40) for number in range(60_000)]
    clickhouse.execute("INSERT INTO t VALUES", [list(range(60_000)), values], columnar=True)
    assert [s for (s,) in clickhouse.execute("SELECT s FROM t ORDER BY n")] == values


def test_an_error_in_the_middle_of_a_result(clickhouse: Client) -> None:
    """A query that fails after its first blocks is an error with its code."""
    sql = "SELECT throwIf(number = 900000) FROM numbers(1000000) SETTINGS max_block_size = 1000"
    with pytest.raises(ServerException) as raised:
        list(clickhouse.execute_iter(sql))
    assert raised.value.code == 395
    clickhouse.disconnect()
    assert clickhouse.execute("SELECT 1") == [(1,)]


def test_a_cancelled_query_ends(clickhouse_url: str, clickhouse: Client) -> None:
    """Cancel ends a query that would run for years, and the same connection takes the next one."""
    with Client.from_url(clickhouse_url) as client:
        client.execute_with_progress(_ENDLESS)
        assert await_until(lambda: _running(clickhouse, "sleepEachRow") == 1, timeout=60)
        client.cancel()
        assert client.execute("SELECT 2") == [(2,)]
    assert _running(clickhouse, "sleepEachRow") == 0


def test_a_cancel_in_one_piece_with_its_query_is_seen(clickhouse_url: str) -> None:
    """A Cancel that the server reads together with the query still ends it."""
    with Client.from_url(clickhouse_url) as client:
        client.execute("SELECT 1")
        connection = client.connection
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        connection.send_query(_ENDLESS)
        connection.send_external_tables([])
        connection.send_cancel()
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
        while connection.receive_packet().type != ServerPacketTypes.END_OF_STREAM:
            pass
        assert client.execute("SELECT 2") == [(2,)]


def test_a_cancelled_insert_is_an_error(clickhouse: Client) -> None:
    """A statement that did not do its work is never acknowledged, not even to a client that cancelled it."""
    clickhouse.execute("CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n")
    clickhouse.execute_with_progress(f"INSERT INTO t {_ENDLESS}")
    with pytest.raises(ServerException) as raised:
        clickhouse.cancel()
    assert raised.value.code == 394
    clickhouse.disconnect()
    assert clickhouse.execute("SELECT count() FROM t") == [(0,)]


def test_a_client_that_goes_takes_its_query_along(clickhouse_url: str, clickhouse: Client) -> None:
    """A closed connection ends its query, without a Cancel."""
    client = Client.from_url(clickhouse_url)
    client.execute_with_progress(_ENDLESS)
    assert await_until(lambda: _running(clickhouse, "sleepEachRow") == 1, timeout=60)
    client.disconnect()
    assert await_until(lambda: _running(clickhouse, "sleepEachRow") == 0, timeout=60)


def test_progress_is_told_and_adds_up(clickhouse: Client) -> None:
    """The rows read, told in steps, add up to what there was; the result's size is in the profile."""
    clickhouse.execute("SELECT number FROM numbers(500000)")
    assert clickhouse.last_query.progress.rows == 500_000
    assert clickhouse.last_query.profile_info.rows == 500_000


def test_clients_at_once_do_not_mix(clickhouse_url: str, clickhouse: Client) -> None:
    """Databases, settings, temporary tables and results of clients at work together are their own."""
    clickhouse.execute("CREATE TABLE t (client UInt8, n UInt32) ENGINE = MergeTree ORDER BY (client, n)")

    def work(number: int) -> list[int]:
        got = []
        for turn in range(5):
            with Client.from_url(clickhouse_url) as client:
                client.execute(f"CREATE TEMPORARY TABLE own AS SELECT {number} AS v")
                client.execute("INSERT INTO t VALUES", [(number, turn * 1000 + i) for i in range(1000)])
                total = client.execute("SELECT sum(v) FROM own, numbers(1000) AS n")[0][0]
                block = client.execute(
                    "SELECT getSetting('max_block_size')", settings={"max_block_size": 100 + number}
                )
                got += [total, block[0][0]]
        return got

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(work, range(8)))
    assert results == [[number * 1000, 100 + number] * 5 for number in range(8)]
    assert clickhouse.execute("SELECT count(), uniqExact(client, n) FROM t") == [(40_000, 40_000)]


@pytest.mark.parametrize(
    "said",
    [b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 64, b"\x00\xff\xff\xff\xff\xff\xff\xff\x7f", b"\x00"],
    ids=["http", "varint", "length", "end"],
)
def test_what_is_no_client_is_dropped(clickhouse_url: str, clickhouse: Client, said: bytes) -> None:
    """Bytes that are not the protocol end that connection and no other."""
    _, _, address = clickhouse_url.partition("//")
    host, port = address.partition("/")[0].split(":")
    with socket.create_connection((host, int(port)), timeout=60) as stranger:
        stranger.sendall(said)
        stranger.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: stranger.recv(4096), b""))
    assert answer == b"" or struct.unpack_from("<i", answer, 1) == (33,)
    assert clickhouse.execute("SELECT 1") == [(1,)]
