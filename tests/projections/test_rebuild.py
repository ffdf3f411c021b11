"""Tables made again from the facts, while others read and write them; and what `verify` finds."""

import json
import threading
from collections.abc import Iterator

import pytest

from deploy.kafka import ApacheKafka
from projections import reports
from projections.client import connected
from projections.data_model import page
from projections.errors import RebuildError
from projections.inserts import SHADOW
from projections.migrate import migrate
from projections.projector import Projected, run, run_until_end
from projections.rebuild import DayDifference, rebuild
from projections.reports import Scope
from projections.tables import TABLES
from projections.verify import verify
from schemas.errors import UsageError
from streams.log.settings import Settings, load
from streams.log.topics import Topics, apply
from tests.projections.conftest import Attesa, deliver
from tests.projections.log import START, Placed, made_up_log, message, placed
from tests.projections.test_projector_on_kafka import count, eventually, write, write_bytes

pytestmark = [pytest.mark.kafka, pytest.mark.clickhouse]


@pytest.fixture
def settings(kafka: ApacheKafka, prefix: str, clickhouse_url: str) -> Iterator[Settings]:
    """Settings of a prefix of this test, its topics made; its database is dropped after it."""
    settings = load(kafka=kafka.bootstrap, prefix=prefix, clickhouse=clickhouse_url, log_level="warning")
    apply(kafka.bootstrap, Topics(prefix).specs(3, 1))
    yield settings
    with connected(settings, database="default") as client:
        client.execute(f"DROP DATABASE IF EXISTS {Topics(prefix).database} SYNC")


def test_a_sound_projection_is_rebuilt_to_itself(settings: Settings) -> None:
    """No day differs, the tables keep their comments, no shadow stays; and verify holds before and after."""
    log = made_up_log(21, waits=80)
    write(settings, log)
    run_until_end(settings)
    with connected(settings) as client:
        before = page(client)
    assert verify(settings).holds
    told: list[tuple[int, int]] = []
    done = rebuild(settings, progress=lambda read, there: told.append((read, there)))
    assert (done.facts, done.skipped) == (len(log), 0)
    assert [table.table for table in done.tables] == list(TABLES.values())
    assert all(table.differences == [] for table in done.tables)
    assert told[-1][0] == told[-1][1] > 0
    with connected(settings) as client:
        assert page(client) == before
    assert verify(settings).holds
    assert count(settings, "facts") == len(log)


def test_what_differed_is_told_by_day_and_made_right(settings: Settings) -> None:
    """A row too many on one day, one too few on another, one that says something else on a third."""
    facts = [message(number, START + number * 86_400_000) for number in range(4)]
    write(settings, placed(*facts, settled=START + 9 * 86_400_000))
    run_until_end(settings)
    with connected(settings) as client:
        row = (
            "SELECT * REPLACE ('{id}' AS id, '{channel}' AS channel) "
            "FROM (SELECT * FROM messages WHERE message = 'm{n}')"
        )
        client.execute("INSERT INTO messages " + row.format(id="stray", channel="whatsapp", n=0))
        client.execute("CREATE TABLE kept AS messages")
        client.execute("INSERT INTO kept SELECT * FROM messages WHERE id NOT IN ('noted-1', 'noted-2')")
        client.execute("INSERT INTO kept " + row.format(id="noted-2", channel="sms", n=2))
        client.execute("EXCHANGE TABLES kept AND messages")
        client.execute("DROP TABLE kept SYNC")
    done = rebuild(settings, ["messages"])
    assert done.tables[0].differences == [
        DayDifference("2025-03-01", 2, 1),
        DayDifference("2025-03-02", 0, 1),
        DayDifference("2025-03-03", 1, 1),
    ]
    assert (done.tables[0].rows, done.tables[0].days) == (4, 4)
    assert rebuild(settings, ["messages"]).tables[0].differences == []


def test_verify_tells_a_missing_row_and_one_too_many(settings: Settings) -> None:
    """Its table is named; the others hold."""
    write(settings, placed(*(message(number, START) for number in range(4)), settled=START))
    run_until_end(settings)
    with connected(settings) as client:
        client.execute(
            "INSERT INTO messages SELECT * REPLACE (at + 1 AS at) FROM messages WHERE id = 'noted-1'"
        )
        client.execute("TRUNCATE TABLE clocks")
    found = {table.table: table for table in verify(settings).tables}
    assert (found["messages"].rows, found["messages"].distinct, found["messages"].facts) == (5, 4, 4)
    assert (found["clocks"].rows, found["clocks"].facts) == (0, 1)
    assert [name for name, table in found.items() if not table.holds] == ["messages", "clocks"]
    rebuild(settings, ["messages", "clocks"])
    assert verify(settings).holds


def test_verify_tells_a_position_beyond_the_log(settings: Settings) -> None:
    """The topic was made anew; a projector that lags is no difference."""
    write(settings, placed(message(1, START)))
    migrate(settings)
    assert [one.holds for one in verify(settings).partitions] == [True] * 3
    deliver(settings, [Placed(0, 1_000_000, message(1, START))])
    found = verify(settings)
    assert [one.holds for one in found.partitions] == [False, True, True]
    assert not found.holds


def test_while_the_projector_goes_on_readers_see_whole_tables(settings: Settings) -> None:
    """Facts arrive and are projected during several rebuilds: what is read never shrinks."""
    log = made_up_log(22, waits=240)
    half = len(log) // 2
    write(settings, log[:half])
    run_until_end(settings)
    stop, enough = threading.Event(), threading.Event()
    done: list[Projected] = []
    seen: list[tuple[int, int]] = []
    failed: list[BaseException] = []

    def read() -> None:
        try:
            with connected(settings) as client:
                while not enough.is_set():
                    seen.append(
                        client.execute(
                            "SELECT (SELECT count() FROM facts FINAL), (SELECT count() FROM sends FINAL)"
                        )[0]
                    )
        except BaseException as error:  # noqa: BLE001 - a thread's failure is the test's
            failed.append(error)

    projector = threading.Thread(target=lambda: done.append(run(settings, stop)))
    reader = threading.Thread(target=read)
    projector.start()
    reader.start()
    try:
        for at in range(half, len(log), 400):
            write(settings, log[at : at + 400])
            done_now = rebuild(settings, ["facts", "sends", "clocks"])
            assert all(table.differences == [] for table in done_now.tables)
        eventually(lambda: count(settings, "facts") == len(log))
    finally:
        stop.set()
        enough.set()
        projector.join(60)
        reader.join(60)
    assert failed == []
    assert seen
    assert seen == sorted(seen, key=lambda pair: pair[0])
    assert [sends for _, sends in seen] == sorted(sends for _, sends in seen)
    assert verify(settings).holds
    assert all(table.differences == [] for table in rebuild(settings).tables)


def test_a_batch_goes_into_the_shadow_too(settings: Settings) -> None:
    """What the projector writes while a table is rebuilt is in both, whenever they are exchanged."""
    migrate(settings)
    with connected(settings) as client:
        client.execute(f"CREATE TABLE messages{SHADOW} AS messages")
    deliver(settings, placed(message(1, START)))
    assert (count(settings, f"messages{SHADOW}"), count(settings, "messages")) == (1, 1)


def test_a_rebuild_that_died_is_in_the_way_until_told(settings: Settings) -> None:
    """Its shadow may be another's that is at work; --again says that it is not. The table stays as it was."""
    write(settings, placed(message(1, START), settled=START))
    run_until_end(settings)
    with connected(settings) as client:
        client.execute(f"CREATE TABLE messages{SHADOW} AS messages")
    with pytest.raises(RebuildError, match="rebuild messages --again"):
        rebuild(settings, ["messages"])
    assert rebuild(settings, ["messages"], again=True).tables[0].differences == []
    assert count(settings, "messages") == 1


def test_one_that_was_overtaken_exchanges_nothing(settings: Settings) -> None:
    """Begun with --again while another is at work: the first finds its shadow gone, and leaves the table."""
    write(settings, placed(message(1, START), settled=START))
    run_until_end(settings)

    def overtake(_read: int, _there: int) -> None:
        with connected(settings) as client:
            client.execute(f"DROP TABLE messages{SHADOW} SYNC")
            client.execute(f"CREATE TABLE messages{SHADOW} AS messages")

    with pytest.raises(RebuildError, match="another rebuild's"):
        rebuild(settings, ["messages"], progress=overtake)
    assert count(settings, "messages") == 1


def test_the_commands_say_it_and_end_with_one(
    settings: Settings, attesa: Attesa, monkeypatch: pytest.MonkeyPatch
) -> None:
    """verify: 1, and what to do; rebuild: 1, since it differed, and by which day; then both 0."""
    write(settings, placed(message(1, START), settled=START))
    run_until_end(settings)
    monkeypatch.setenv("ATTESA_CLICKHOUSE", settings.clickhouse.get_secret_value())
    monkeypatch.setenv("ATTESA_KAFKA", settings.kafka)
    monkeypatch.setenv("ATTESA_PREFIX", settings.prefix)
    with connected(settings) as client:
        client.execute("TRUNCATE TABLE messages")
    code, _, err = attesa("projections", "verify")
    assert (code, "attesa projections rebuild messages" in err) == (1, True)
    code, out, _ = attesa("projections", "rebuild", "messages")
    assert (code, "2025-03-01" in out) == (1, True)
    code, out, _ = attesa("projections", "rebuild", "--json")
    answer = json.loads(out)
    assert (code, answer["facts"], answer["differences"]) == (0, 2, [])
    assert answer["rows"][0] == {"table": "facts", "rows": 2, "days": 1, "days_that_differed": 0}
    code, out, _ = attesa("projections", "verify", "--json")
    assert (code, json.loads(out)["holds"]) == (0, True)


def test_what_is_no_fact_is_left_out(settings: Settings) -> None:
    """As the projector does, which wrote it to the dead letters."""
    write(settings, placed(message(1, START)))
    write_bytes(settings, b"junk")
    run_until_end(settings)
    done = rebuild(settings)
    assert (done.facts, done.skipped) == (1, 1)
    assert all(table.differences == [] for table in done.tables)


def test_an_unknown_table_names_the_nearest(settings: Settings) -> None:
    """And those there are; positions are made from no fact."""
    migrate(settings)
    with pytest.raises(UsageError, match="did you mean waits_opened"):
        rebuild(settings, ["wait_opened"])


def test_reports_are_the_same_after_a_rebuild(settings: Settings) -> None:
    """Row for row, as-of included."""
    write(settings, made_up_log(23, waits=60))
    run_until_end(settings)
    before = reports.response_rate(settings, Scope(by=("flow", "step", "day")))
    rebuild(settings)
    assert reports.response_rate(settings, Scope(by=("flow", "step", "day"))) == before
