"""The projector between Apache Kafka and ClickHouse's engine: what is committed arrives, whatever dies."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import httpx
import pytest
from confluent_kafka import Producer
from pydantic import SecretStr

from deploy.embedded.clickhouse import EmbeddedClickHouse
from deploy.kafka import ApacheKafka
from deploy.ports import free_port
from projections import reports
from projections.client import connected
from projections.errors import TooManyUndecodableError
from projections.migrate import migrate
from projections.projector import Projected, run, run_until_end
from projections.reports import Scope
from projections.standing import standing
from schemas.errors import NotReachableError
from streams.log.dead_letters import read_dead_letter
from streams.log.errors import LogGapError, TopicMissingError
from streams.log.facts_codec import FactCodec
from streams.log.settings import Settings, load
from streams.log.topics import Topics, apply
from tests.fixtures.kafka import ReadTopic
from tests.projections import recomputed
from tests.projections.conftest import deliver
from tests.projections.log import START, Placed, made_up_log, message, placed

pytestmark = [pytest.mark.kafka, pytest.mark.clickhouse]

PARTITIONS = 3
CODEC = FactCodec()


@pytest.fixture
def settings(kafka: ApacheKafka, prefix: str, clickhouse_url: str) -> Iterator[Settings]:
    """Settings of a prefix of this test, its topics made; its database is dropped after it."""
    settings = load(kafka=kafka.bootstrap, prefix=prefix, clickhouse=clickhouse_url, log_level="warning")
    apply(kafka.bootstrap, Topics(prefix).specs(PARTITIONS, 1))
    yield settings
    with connected(settings, database="default") as client:
        client.execute(f"DROP DATABASE IF EXISTS {Topics(prefix).database} SYNC")


def write(settings: Settings, log: Iterable[Placed], *, commit: bool = True) -> None:
    """Writes facts as a worker does: in transactions, one of them given up where `commit` is false."""
    producer = Producer(
        {"bootstrap.servers": settings.kafka, "transactional.id": f"{settings.prefix}-writer", "linger.ms": 5}
    )
    producer.init_transactions(30)
    producer.begin_transaction()
    for number, place in enumerate(log):
        if number and number % 50 == 0 and commit:
            producer.commit_transaction(30)
            producer.begin_transaction()
        producer.produce(
            Topics(settings.prefix).facts, CODEC.encode(place.fact, None), partition=place.partition
        )
    if commit:
        producer.commit_transaction(30)
    else:
        producer.flush(30)
        producer.abort_transaction(30)


def write_bytes(settings: Settings, *values: bytes | None, partition: int = 0) -> None:
    """Writes what is no fact."""
    producer = Producer({"bootstrap.servers": settings.kafka})
    for value in values:
        producer.produce(
            Topics(settings.prefix).facts, value, b"acme/c", partition, headers=[("ce_id", b"7")]
        )
    producer.flush(30)


def eventually(holds: Callable[[], bool], within_s: float = 60.0) -> None:
    """Waits until something holds; fails the test where it does not in time."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "it did not come to hold"
        time.sleep(0.05)


def count(settings: Settings, table: str) -> int:
    """Rows of a table, each once."""
    with connected(settings) as client:
        rows: list[tuple[int]] = client.execute(f"SELECT count() FROM {table} FINAL")  # noqa: S608
    return rows[0][0]


def test_all_that_is_committed_is_projected_once(settings: Settings) -> None:
    """An aborted transaction leaves no row; running again finds nothing to do; the reports are the facts'."""
    log = made_up_log(5, waits=100)
    half = len(log) // 2
    write(settings, log[:half])
    first = run_until_end(settings)
    write(settings, log[: half // 2], commit=False)
    write(settings, log[half:])
    second = run_until_end(settings)
    third = run_until_end(settings)
    assert (first.facts, second.facts, third.facts) == (half, len(log) - half, 0)
    assert count(settings, "facts") == len(log)
    assert third.positions == second.positions
    report = reports.response_rate(settings, Scope(by=("flow", "step")))
    found = {tuple(row.dimensions.values()): row.opened for row in report.rows}
    expected = recomputed.response_rate(log, ("flow", "step"))
    assert found == {key: row["opened"] for key, row in expected.items()}
    assert [row.behind for row in standing(settings)] == [0] * PARTITIONS


def test_positions_stand_in_clickhouse_alone(settings: Settings) -> None:
    """The database was dropped: the next run projects everything anew."""
    log = made_up_log(6, waits=30)
    write(settings, log)
    assert run_until_end(settings).facts == len(log)
    with connected(settings, database="default") as client:
        client.execute(f"DROP DATABASE {Topics(settings.prefix).database} SYNC")
    assert run_until_end(settings).facts == len(log)
    assert count(settings, "facts") == len(log)


def test_two_at_once_do_each_other_no_harm(settings: Settings) -> None:
    """Both project the whole log: every row stands once."""
    log = made_up_log(8, waits=60)
    write(settings, log)
    done: list[Projected] = []
    threads = [threading.Thread(target=lambda: done.append(run_until_end(settings))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 2
    assert count(settings, "facts") == len(log)
    assert reports.messages(settings, Scope()).rows[0].sent == recomputed.messages(log, (), 0)[()]["sent"]


def test_what_is_no_fact_is_a_dead_letter_and_the_rest_goes_on(
    settings: Settings, read_topic: ReadTopic
) -> None:
    """Junk, an unknown schema, no value, a number without room: each with its reason, bytes and place."""
    write(settings, placed(message(1, START)))
    newer = b"\x00" + (2**31 - 1).to_bytes(4, "big") + b"whatever a newer version writes"
    no_room = CODEC.encode(message(2, -5), None)
    write_bytes(settings, b"junk", newer, None, no_room)
    write(settings, placed(message(3, START, contact="acme/c")))
    done = run_until_end(settings)
    assert (done.facts, done.dead_letters) == (2, 4)
    letters = [
        read_dead_letter(record.key, record.value, record.headers)
        for record in read_topic(Topics(settings.prefix).dead_letters)
    ]
    assert [letter and (letter.reason, letter.value, letter.key) for letter in letters] == [
        ("not_wire_format", b"junk", b"acme/c"),
        ("unknown_schema", newer, b"acme/c"),
        ("not_wire_format", None, b"acme/c"),
        ("undecodable", no_room, b"acme/c"),
    ]
    for letter in letters:
        assert letter is not None
        assert (letter.topic, letter.partition) == (Topics(settings.prefix).facts, 0)
        assert letter.headers == (("ce_id", b"7"),)
    assert run_until_end(settings).dead_letters == 0


def test_too_many_that_are_no_facts_stop_it(settings: Settings) -> None:
    """Rather than drain the topic it stops, says where, and stores no position behind them."""
    strict = settings.model_copy(update={"dead_letters_in_a_row": 3})
    write_bytes(settings, b"x", b"y", b"z")
    with pytest.raises(TooManyUndecodableError, match="facts-0 at 2: 3 in a row"):
        run_until_end(strict)
    assert run_until_end(settings).dead_letters == 3


def test_a_position_that_the_log_does_not_hold_stops_it(settings: Settings) -> None:
    """The topic was made anew and the database was not: it says so instead of waiting for ever."""
    migrate(settings)
    deliver(settings, [Placed(0, 1_000_000, message(1, START))])
    with pytest.raises(LogGapError, match="1000001"):
        run_until_end(settings)


def test_a_missing_topic_or_broker_is_named(settings: Settings) -> None:
    """No topics: create them; no Kafka: exit code 3."""
    other = settings.model_copy(update={"prefix": f"{settings.prefix}-none"})
    try:
        with pytest.raises(TopicMissingError, match="attesa topics apply"):
            run_until_end(other)
    finally:
        with connected(settings, database="default") as client:
            client.execute(f"DROP DATABASE IF EXISTS {Topics(other.prefix).database} SYNC")


def test_without_clickhouse_until_end_says_so(settings: Settings) -> None:
    """What is to end by itself does not wait for a server that may never come."""
    with pytest.raises(NotReachableError, match="no ClickHouse answers"):
        run_until_end(settings.model_copy(update={"clickhouse": SecretStr("clickhouse://127.0.0.1:1/x")}))


@pytest.fixture
def own_clickhouse(tmp_path: Path) -> Iterator[EmbeddedClickHouse]:
    """A server of this test's own, that it may kill."""
    with EmbeddedClickHouse(tmp_path / "clickhouse") as server:
        yield server


def test_clickhouse_may_go_away_and_come_back(settings: Settings, own_clickhouse: EmbeddedClickHouse) -> None:
    """Killed between batches and in their midst: the projector waits, and at the end all is there once."""
    own = settings.model_copy(update={"clickhouse": SecretStr(own_clickhouse.url)})
    log = made_up_log(9, waits=90)
    third = len(log) // 3
    stop = threading.Event()
    done: list[Projected] = []
    thread = threading.Thread(target=lambda: done.append(run(own, stop)))
    write(own, log[:third])
    thread.start()
    try:
        eventually(lambda: _is_there(own, third))
        own_clickhouse.kill()
        write(own, log[third : 2 * third])
        own_clickhouse.start()
        eventually(lambda: _is_there(own, 2 * third))
        own_clickhouse.kill()
        own_clickhouse.start()
        write(own, log[2 * third :])
        eventually(lambda: _is_there(own, len(log)))
    finally:
        stop.set()
        thread.join(60)
    assert [one.facts for one in done] == [len(log)]
    assert count(own, "facts") == len(log)


def _is_there(settings: Settings, facts: int) -> bool:
    try:
        return count(settings, "facts") >= facts
    except Exception:  # noqa: BLE001 - the server may be on its way, the tables not made
        return False


def _readiness(settings: Settings) -> int | None:
    try:
        return httpx.get(f"http://127.0.0.1:{settings.http_port}/readyz").status_code
    except httpx.TransportError:
        return None


def test_it_can_be_stopped_while_clickhouse_is_away(
    settings: Settings, own_clickhouse: EmbeddedClickHouse
) -> None:
    """It says that it is not ready, and leaves its batch, which is read again at the next start."""
    own = settings.model_copy(update={"clickhouse": SecretStr(own_clickhouse.url), "http_port": free_port()})
    log = made_up_log(10, waits=20)
    stop = threading.Event()
    thread = threading.Thread(target=lambda: run(own, stop))
    thread.start()
    try:
        eventually(lambda: _readiness(own) == 200)
        own_clickhouse.kill()
        write(own, log)
        eventually(lambda: _readiness(own) == 503)
    finally:
        stop.set()
        thread.join(60)
    assert not thread.is_alive()
    own_clickhouse.start()
    assert run_until_end(own).facts == len(log)
    assert count(own, "facts") == len(log)


@pytest.mark.crash
def test_it_finishes_its_batch_when_told_to_stop(settings: Settings) -> None:
    """The command: killed at any moment and started again, then SIGTERM: exit code 0, every row once."""
    log = made_up_log(12, waits=80)
    half = len(log) // 2
    write(settings, log[:half])
    killed = _command(settings)
    try:
        eventually(lambda: _is_there(settings, 1))
    finally:
        killed.send_signal(signal.SIGKILL)
        killed.wait(30)
    write(settings, log[half:])
    last = _command(settings)
    try:
        eventually(lambda: _is_there(settings, len(log)))
    finally:
        last.send_signal(signal.SIGTERM)
        code = last.wait(30)
    assert code == 0
    assert count(settings, "facts") == len(log)
    assert all(row.behind == 0 for row in standing(settings))


def _command(settings: Settings) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "ATTESA_KAFKA": settings.kafka,
        "ATTESA_CLICKHOUSE": settings.clickhouse.get_secret_value(),
        "ATTESA_PREFIX": settings.prefix,
    }
    return subprocess.Popen([sys.executable, "-m", "streams.cli.main", "projector"], env=environment)


def test_a_share_of_undecodable_records_stops_it_too(settings: Settings) -> None:
    """Never many in a row, and yet too many among the last: facts between them do not hide them."""
    strict = settings.model_copy(update={"dead_letters_in_a_row": 4, "dead_letters_share": 0.0004})
    good = CODEC.encode(message(1, START), None)
    write_bytes(settings, *(value for _ in range(5) for value in (b"x", good)))
    with pytest.raises(TooManyUndecodableError, match=r"facts-0 at 8: 5 of the last 10,000"):
        run_until_end(strict)
