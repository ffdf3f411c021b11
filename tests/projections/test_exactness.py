"""No number counts anything twice: duplicates, shuffles, other batches and crashes change no report."""

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from clickhouse_driver import Client

from projections import reports
from projections.client import connect, connected, query
from projections.inserts import insert
from projections.migrate import migrate
from projections.reports import (
    JOURNEY_DIMENSIONS,
    MESSAGE_DIMENSIONS,
    SEND_DIMENSIONS,
    SLA_DIMENSIONS,
    WAIT_DIMENSIONS,
    Scope,
)
from projections.rows import rows_of
from streams.log.settings import Settings, load
from streams.log.topics import Topics
from tests.projections import recomputed
from tests.projections.conftest import Project, deliver
from tests.projections.log import DAY, HOUR, START, made_up_log

pytestmark = pytest.mark.clickhouse

WINDOW = 6 * HOUR


def published(settings: Settings) -> list[Any]:
    """Every report, by all its dimensions at once; those of rates and messages as a whole, too."""
    answers: list[Any] = [
        reports.trend(settings, Scope(by=WAIT_DIMENSIONS)),
        reports.heatmap(settings, Scope()),
        reports.waiting(settings, Scope(by=WAIT_DIMENSIONS)),
        reports.compare(settings, Scope(by=("version",))),
        reports.funnel(settings, Scope(by=JOURNEY_DIMENSIONS)),
        reports.cohort(settings, Scope(by=JOURNEY_DIMENSIONS)),
        reports.delivery(settings, Scope(by=SEND_DIMENSIONS)),
        reports.suppressions(settings, Scope(by=SEND_DIMENSIONS)),
        reports.sla(settings, Scope(by=SLA_DIMENSIONS), within_ms=WINDOW),
    ]
    for by in ((), WAIT_DIMENSIONS):
        answers += [
            reports.response_rate(settings, Scope(by=by)),
            reports.time_to_response(settings, Scope(by=by)),
        ]
    answers += [reports.messages(settings, Scope(by=by), window_ms=WINDOW) for by in ((), MESSAGE_DIMENSIONS)]
    return answers


def everything(settings: Settings) -> list[Any]:
    """Every report, and every table's rows and checksums."""
    answers = published(settings)
    with connected(settings) as client:
        for (table,) in client.execute(
            "SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%%Tree' "
            "AND name != 'migrations' ORDER BY name",
            {},
        ):
            # A position names its prefix's topic, the one thing that differs between two prefixes.
            checksum = "groupBitXor(cityHash64(* EXCEPT topic))"
            sums = f"SELECT count() AS n, {checksum} AS checksum FROM {table} FINAL"  # noqa: S608
            answers.append((table, query(client, sums, {})))
    return answers


@pytest.fixture
def settings(clickhouse_url: str) -> Iterator[Callable[[str], Settings]]:
    """Settings of one more migrated database, by a prefix; all are dropped after the test."""
    made: list[Settings] = []

    def make(prefix: str) -> Settings:
        # The test's own database's name makes these the test's own, too.
        own = clickhouse_url.rsplit("/", 1)[1].replace("_", "-")
        one = load(clickhouse=clickhouse_url, prefix=f"{own}-{prefix}")
        migrate(one)
        made.append(one)
        return one

    yield make
    for one in made:
        with connected(one, database="default") as client:
            client.execute(f"DROP DATABASE {Topics(one.prefix).database} SYNC")


@pytest.mark.parametrize("seed", range(2))
def test_any_delivery_gives_the_same_reports(settings: Callable[[str], Settings], seed: int) -> None:
    """Every block twice, blocks shuffled, the log cut into other blocks: the same answers, row for row."""
    rng = random.Random(seed)
    log = made_up_log(seed, waits=80)
    plain = settings("plain")
    deliver(plain, log)
    expected = everything(plain)

    awkward = settings("awkward")
    blocks = []
    for size in (40, 150):
        shifted = rng.sample(log, len(log))
        blocks += [shifted[at : at + size] for at in range(0, len(shifted), size)]
    rng.shuffle(blocks)
    for block in [*blocks, *rng.sample(blocks, 5)]:
        deliver(awkward, block)
    assert everything(awkward) == expected


class _BreaksError(Exception):
    pass


class Breaking:
    """A client that fails at its n-th statement, before or after it was carried out."""

    def __init__(self, client: Client, at: int, *, after: bool) -> None:
        self._client, self._left, self._after = client, at, after

    def execute(self, *arguments: Any, **options: Any) -> Any:
        """The client's."""
        self._left -= 1
        if self._left == 0 and not self._after:
            raise _BreaksError
        answer = self._client.execute(*arguments, **options)
        if self._left == 0:
            raise _BreaksError
        return answer


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_batch_that_was_interrupted_anywhere_is_made_whole(
    settings: Callable[[str], Settings], *, after: bool
) -> None:
    """Before or after each insert the process dies, and begins again at the positions that are stored."""
    log = made_up_log(7, waits=60)
    plain = settings("plain")
    deliver(plain, log)
    expected = everything(plain)

    broken = settings("broken")
    topic = Topics(broken.prefix).facts
    client = connect(broken)
    positions: dict[int, int] = {}
    statement = 0
    while rest := [place for place in log if place.offset >= positions.get(place.partition, 0)]:
        batch = rest[:60]
        rows = [row for place in batch for row in rows_of(place.fact, place.partition, place.offset)]
        reached = {place.partition: place.offset + 1 for place in batch}
        statement = statement % 12 + 1
        try:
            insert(Breaking(client, statement, after=after), rows, topic, reached)
        except _BreaksError:
            # What is stored may be before the batch or behind it: either way nothing is missing.
            positions = _stored(client, topic)
            # The next attempt gets through.
            insert(client, rows, topic, reached)
        positions = _stored(client, topic)
    client.disconnect()
    assert everything(broken) == expected


def _stored(client: Client, topic: str) -> dict[int, int]:
    return dict(
        client.execute(
            "SELECT partition, next FROM positions FINAL WHERE topic = %(topic)s", {"topic": topic}
        )
    )


def test_clocks_go_in_after_the_rows_that_they_vouch_for(projected: Settings) -> None:
    """A batch that breaks before its clocks leaves as-of where it was, so that no report sees half of it."""
    log = made_up_log(3, waits=60)
    deliver(projected, [place for place in log if place.fact.at < START + 9 * DAY])
    before = published(projected)
    client = connect(projected)
    rows = [row for place in log for row in rows_of(place.fact, place.partition, place.offset)]
    # Before the tables it looks for shadows.
    with pytest.raises(_BreaksError):
        insert(
            Breaking(client, 1 + len({type(row) for row in rows}), after=False),
            rows,
            Topics(projected.prefix).facts,
            {},
        )
    client.disconnect()
    assert published(projected) == before


@pytest.mark.parametrize("seed", range(2))
def test_response_rate_is_what_the_facts_say(projected: Settings, project: Project, seed: int) -> None:
    """Each count, by any dimensions, equals one recomputed from the facts by other code."""
    log = made_up_log(seed)
    project(log)
    for by in ((), *((name,) for name in WAIT_DIMENSIONS), ("flow", "step"), WAIT_DIMENSIONS):
        report = reports.response_rate(projected, Scope(by=by))
        assert report.as_of == recomputed.as_of(log)
        found = {tuple(row.dimensions.values()): _without(row.as_dict(), by) for row in report.rows}
        assert found == recomputed.response_rate(log, by)
        for row in report.rows:
            assert row.opened == row.responded + row.timed_out + row.cancelled + row.pending


def test_since_and_until_cut_by_the_time_of_the_prompt(projected: Settings, project: Project) -> None:
    """The first is inclusive, the other exclusive; the parts add up to the whole."""
    log = made_up_log(11)
    project(log)
    since, until = START + 3 * DAY, START + 10 * DAY
    report = reports.response_rate(projected, Scope(since="2025-03-04", until="2025-03-11T00:00"))
    assert [_without(row.as_dict(), ()) for row in report.rows] == list(
        recomputed.response_rate(log, (), since, until).values()
    )
    whole = reports.response_rate(projected, Scope()).rows[0]
    parts = [
        reports.response_rate(projected, scope).rows[0]
        for scope in (
            Scope(until="2025-03-04"),
            Scope(since="2025-03-04", until="2025-03-11"),
            Scope(since="2025-03-11"),
        )
    ]
    assert sum(part.opened for part in parts) == whole.opened
    assert sum(part.pending for part in parts) == whole.pending


@pytest.mark.parametrize("seed", range(2))
def test_messages_are_what_the_facts_say(projected: Settings, project: Project, seed: int) -> None:
    """Sent, replied, replied in the window, and the percentiles, recomputed from the facts by other code."""
    log = made_up_log(seed)
    project(log)
    for by in ((), *((name,) for name in MESSAGE_DIMENSIONS), MESSAGE_DIMENSIONS):
        report = reports.messages(projected, Scope(by=by), window_ms=WINDOW)
        expected = recomputed.messages(log, by, WINDOW)
        assert {tuple(row.dimensions.values()) for row in report.rows} == expected.keys()
        for row in report.rows:
            wanted = expected[tuple(row.dimensions.values())]
            assert (row.sent, row.replied, row.replied_in_window) == tuple(
                wanted[name] for name in ("sent", "replied", "replied_in_window")
            )
            assert row.response_seconds == quantiles(wanted["took"], p10=0.1, p50=0.5, p90=0.9)


@pytest.mark.parametrize("seed", range(2))
def test_percentiles_of_responses_are_what_the_facts_say(
    projected: Settings, project: Project, seed: int
) -> None:
    """By flow and step, recomputed from the facts by other code."""
    log = made_up_log(seed)
    project(log)
    by = ("flow", "step")
    expected = recomputed.spans(log, by)
    report = reports.time_to_response(projected, Scope(by=by))
    assert {tuple(row.dimensions.values()) for row in report.rows} == expected.keys()
    for row in report.rows:
        spans = expected[tuple(row.dimensions.values())]
        took = [span for span, is_answered in spans if is_answered]
        assert (row.waits, row.responded) == (len(spans), len(took))
        assert row.response_seconds == quantiles(took, p10=0.1, p50=0.5, p75=0.75, p90=0.9, p99=0.99)


def quantiles(values: list[int], **levels: float) -> dict[str, float | None]:
    """The value at index floor(level · n) of the sorted values, in seconds."""
    if not values:
        return dict.fromkeys(levels)
    return {name: values[int(level * len(values))] / 1000 for name, level in levels.items()}


def _without(row: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}
