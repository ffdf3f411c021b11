"""What each number means, one small case at a time; and against pandas and lifelines."""

from itertools import pairwise
from pathlib import Path

import lifelines
import pandas as pd
import pytest

from projections import reports
from projections.client import connected, query
from projections.errors import NotMigratedError
from projections.reports import MESSAGE_DIMENSIONS, MessagesRow, ResponseRateRow, Scope
from schemas.errors import UsageError
from schemas.types.facts import Fact, PromptSent
from streams.log.settings import Settings, load
from tests.projections.conftest import Project
from tests.projections.log import (
    CAUSE,
    DAY,
    HOUR,
    START,
    cancelled,
    message,
    placed,
    responded,
    timed_out,
    wait_of,
)

pytestmark = pytest.mark.clickhouse

MINUTE = HOUR // 60
TWCS = Path(__file__).parents[3] / "shared" / "data" / "twcs_dev.csv"


@pytest.fixture
def rate(projected: Settings, project: Project) -> "Rate":
    """The response rate of all waits of a small log."""
    return Rate(projected, project)


class Rate:
    """Projects a log and asks for the response rate."""

    def __init__(self, settings: Settings, project: Project) -> None:
        self.settings, self._project = settings, project

    def __call__(self, *facts: Fact, settled: int, by: tuple[str, ...] = ()) -> ResponseRateRow:
        """The first row, with the clock settled to `settled`."""
        self._project(placed(*facts, settled=settled))
        return reports.response_rate(self.settings, Scope(by=by)).rows[0]


def test_an_answer_counts_when_its_wait_has_matured(rate: Rate) -> None:
    """Answered at once; until deadline and grace are over the rate does not know it."""
    opened = wait_of(1, START)
    row = rate(opened, responded(opened, START + MINUTE), settled=opened.due - 1)
    assert (row.responded, row.matured_responded, row.rate) == (1, 0, None)
    row = rate(opened, responded(opened, START + MINUTE), settled=opened.due)
    assert (row.responded, row.matured_responded, row.rate) == (1, 1, 1.0)


def test_a_cancelled_wait_is_not_in_the_rate(rate: Rate) -> None:
    """It is neither an answer nor a silence."""
    waits = [wait_of(number, START) for number in range(3)]
    row = rate(
        *waits,
        responded(waits[0], START + MINUTE),
        timed_out(waits[1]),
        cancelled(waits[2], START + MINUTE),
        settled=START + DAY,
    )
    assert (row.opened, row.responded, row.timed_out, row.cancelled, row.pending) == (3, 1, 1, 1, 0)
    assert row.rate == 0.5


def test_an_open_wait_is_pending(rate: Rate) -> None:
    """It counts as opened, and in no rate."""
    row = rate(wait_of(1, START), settled=START + MINUTE)
    assert (row.opened, row.pending, row.rate) == (1, 1, None)


def test_what_is_beyond_as_of_has_not_happened(rate: Rate) -> None:
    """A closing after as-of leaves its wait pending, an opening after it leaves nothing."""
    opened = wait_of(1, START)
    row = rate(opened, timed_out(opened), wait_of(2, START + DAY), settled=START + HOUR)
    assert (row.opened, row.timed_out, row.pending) == (1, 0, 1)


def test_a_day_is_the_day_of_the_prompt(rate: Rate) -> None:
    """Opened before midnight and accepted after it: the day of the acceptance."""
    opened = wait_of(1, START - MINUTE, prompted_at=None)
    row = rate(opened, timed_out(opened, prompted_at=START + MINUTE), settled=START + DAY, by=("day",))
    assert row.dimensions == {"day": "2025-03-01"}


def test_a_wait_without_a_prompt_counts_on_the_day_it_opened(rate: Rate) -> None:
    """There is no acceptance to go by."""
    opened = wait_of(1, START - MINUTE, prompt=None, prompted_at=None)
    row = rate(opened, timed_out(opened), settled=START + DAY, by=("day",))
    assert row.dimensions == {"day": "2025-02-28"}


def test_an_open_waits_day_is_its_prompts_once_accepted(rate: Rate) -> None:
    """What was accepted since it opened is known from the send."""
    opened = wait_of(1, START - MINUTE, prompted_at=None)
    sent = PromptSent(
        id="s", contact="acme/c", at=START + MINUTE, cause=CAUSE, flow="nudge", version=1, journey="j1",
        step="hello", command="p1", channel="whatsapp", purpose="service", commanded_at=START - MINUTE,
        accepted_at=START + MINUTE,
    )  # fmt: skip
    row = rate(opened, sent, settled=START + HOUR, by=("day",))
    assert (row.dimensions, row.pending) == ({"day": "2025-03-01"}, 1)


def test_as_of_is_the_slowest_partitions(projected: Settings, project: Project) -> None:
    """One partition lags: nothing later than its settled clock is counted, of any partition."""
    project(placed(wait_of(1, START), wait_of(2, START + HOUR), settled=START + DAY))
    project(placed(settled=START + MINUTE, partition=1))
    report = reports.response_rate(projected, Scope())
    assert report.as_of == START + MINUTE
    assert report.as_of_text == "2025-03-01T00:01:00.000Z"
    assert report.rows[0].opened == 1


def test_without_every_partitions_clock_nothing_is_said(projected: Settings, project: Project) -> None:
    """A partition was projected and its clock is not known: no as-of, no rows, rather than wrong ones."""
    project(placed(wait_of(1, START), settled=START + DAY))
    project(placed(wait_of(3, START, contact="acme/d"), partition=1))
    for report in (
        reports.response_rate(projected, Scope()),
        reports.time_to_response(projected, Scope()),
        reports.messages(projected, Scope()),
    ):
        assert (report.as_of, report.rows) == (None, [])


def test_one_row_of_zeros_where_there_is_nothing(projected: Settings, project: Project) -> None:
    """Time has passed and nothing happened: that is an answer; by dimensions there is no row."""
    project(placed(settled=START))
    assert reports.response_rate(projected, Scope()).rows == [
        ResponseRateRow({}, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, None)
    ]
    assert reports.messages(projected, Scope()).rows == [
        MessagesRow({}, 0, 0, 0, {"p10": None, "p50": None, "p90": None})
    ]
    assert reports.time_to_response(projected, Scope()).rows[0].waits == 0
    assert reports.response_rate(projected, Scope(by=("flow",))).rows == []


def test_an_unknown_dimension_names_the_nearest(projected: Settings) -> None:
    """And all there are; the command ends with exit code 2."""
    with pytest.raises(UsageError, match="did you mean channel"):
        reports.response_rate(projected, Scope(by=("chanel",)))
    with pytest.raises(UsageError, match="did you mean author"):
        reports.messages(projected, Scope(by=("arthur",)))


@pytest.mark.parametrize("wrong", ["yesterday", "2025-13-01", "7", "-3d", ""])
def test_a_time_that_is_none_is_refused(projected: Settings, project: Project, wrong: str) -> None:
    """The error names the option and the forms there are."""
    project(placed(settled=START))
    with pytest.raises(UsageError, match="--since"):
        reports.messages(projected, Scope(since=wrong))


def test_times_may_be_dates_moments_and_spans(rate: Rate) -> None:
    """A span counts back from as-of; a moment without a zone is UTC."""
    rate(wait_of(1, START), wait_of(2, START + 12 * HOUR), settled=START + DAY)
    for since, opened in (
        ("2025-03-01", 2),
        ("2025-03-01T00:00:00.001", 1),
        ("2025-03-01T01:00+01:00", 2),
        ("2025-03-01T12:00:00Z", 1),
        ("12h", 1),
        ("1d", 2),
        ("11h59m", 0),
    ):
        rows = reports.response_rate(rate.settings, Scope(since=since)).rows
        assert rows[0].opened == opened, since


def test_a_database_without_tables_says_what_to_do(clickhouse_url: str) -> None:
    """Nothing is projected yet: the error names the command that begins it."""
    settings = load(clickhouse=clickhouse_url)
    with pytest.raises(NotMigratedError, match="attesa projections migrate"):
        reports.response_rate(settings, Scope())


def test_one_workspace_and_one_flow_may_be_asked_for(rate: Rate) -> None:
    """Names that hold quotes and backslashes are names."""
    odd = "o'dd\\n\tflow"
    rate(
        wait_of(1, START, flow=odd),
        wait_of(2, START, contact="zeta/c"),
        wait_of(3, START),
        settled=START + MINUTE,
    )
    for scope, opened in ((Scope(flow=odd), 1), (Scope(workspace="zeta"), 1), (Scope(workspace="acme"), 2)):
        assert reports.response_rate(rate.settings, scope).rows[0].opened == opened
    assert reports.response_rate(rate.settings, Scope(by=("flow",))).rows[1].dimensions == {"flow": odd}


# ---- messages


@pytest.fixture
def replies(projected: Settings, project: Project) -> "Replies":
    """The messages report of a small log."""
    return Replies(projected, project)


class Replies:
    """Projects messages and asks who replied."""

    def __init__(self, settings: Settings, project: Project) -> None:
        self.settings, self._project = settings, project

    def __call__(self, *facts: Fact, window_ms: int = HOUR) -> tuple[int, int, int]:
        """Sent, replied, replied in the window."""
        self._project(placed(*facts, settled=START + 30 * DAY))
        row = reports.messages(self.settings, Scope(), window_ms=window_ms).rows[0]
        return row.sent, row.replied, row.replied_in_window


def out(number: int, at: int, **fields: object) -> Fact:
    """An outbound message."""
    return message(number, at, direction="out", **fields)


def test_on_a_threaded_channel_only_a_quote_answers(replies: Replies) -> None:
    """A message that names none answers none, whenever it comes."""
    assert replies(
        out(1, START, threaded=True), message(2, START + MINUTE, threaded=True), window_ms=DAY
    ) == (1, 0, 0)


def test_on_a_threaded_channel_whoever_quotes_answers(replies: Replies) -> None:
    """Another contact's message counts, in the window or after it; our own do not."""
    assert replies(
        out(1, START, threaded=True),
        out(2, START + MINUTE, threaded=True, reply_to="m1"),
        message(3, START + 2 * HOUR, threaded=True, reply_to="m1", contact="acme/other"),
        message(4, START + 3 * HOUR, threaded=True, reply_to="m2", contact="zeta/other"),
    ) == (2, 1, 0)


def test_elsewhere_the_next_message_answers_the_last_outbound(replies: Replies) -> None:
    """Two went out, one came back: the second is answered, the first is not."""
    assert replies(out(1, START), out(2, START + MINUTE), message(3, START + 2 * MINUTE)) == (2, 1, 1)


def test_elsewhere_only_the_first_message_answers(replies: Replies) -> None:
    """Three lines in a row are one reply, and the first one's time is its time."""
    replies(out(1, START), *(message(n, START + n * MINUTE) for n in (2, 3, 4)))
    row = reports.messages(replies.settings, Scope()).rows[0]
    assert (row.replied, row.response_seconds["p50"]) == (1, 120.0)


def test_elsewhere_a_message_outside_the_window_is_no_reply(replies: Replies) -> None:
    """A message a day later is one of its own; exactly at the window's end it still answers."""
    assert replies(out(1, START), message(2, START + HOUR + 1)) == (1, 0, 0)
    assert replies(out(1, START), message(2, START + HOUR)) == (1, 1, 1)


def test_another_contacts_or_channels_message_answers_nothing(replies: Replies) -> None:
    """Elsewhere than on threaded channels a reply is the contact's own, on the same channel."""
    assert replies(
        out(1, START), message(2, START + 1, contact="acme/d"), message(3, START + 2, channel="sms")
    ) == (1, 0, 0)


@pytest.mark.parametrize("kind", ["receipt", "reaction", "out_of_office"])
def test_what_is_no_message_neither_answers_nor_counts(replies: Replies, kind: str) -> None:
    """Nor does it stand between a message and its reply."""
    assert replies(
        out(1, START), message(2, START + 1, kind=kind), out(3, START + 2, kind=kind), window_ms=DAY
    ) == (1, 0, 0)


def test_a_message_brought_again_long_after_counts_once(replies: Replies) -> None:
    """Too late for the contact's memory of inputs, it makes a second fact; it stays one message."""
    again = message(1, START, direction="out", id="noted-again", at=START + 20 * DAY)
    assert replies(out(1, START), message(2, START + MINUTE), again) == (1, 1, 1)


def test_the_real_conversations_of_2017(projected: Settings, project: Project) -> None:
    """Public support messages: 1,265 of brands, 569 with a direct reply, 372 of these within the hour; and
    quantileExact gives the percentiles that were computed apart from this project: 70, 953 and 75,031 s.
    """
    if not TWCS.exists():
        pytest.skip(f"not in this checkout: {TWCS}, whose licence does not let it live in a repository")
    tweets = pd.read_csv(TWCS, dtype=str, keep_default_na=False)
    times = pd.to_datetime(tweets["created_at"], format="%a %b %d %H:%M:%S %z %Y")
    facts = [
        message(
            number,
            int(at.timestamp()) * 1000,
            contact=f"twcs/{tweet.author_id}",
            direction="in" if tweet.inbound == "True" else "out",
            message=tweet.tweet_id,
            channel="twitter",
            threaded=True,
            reply_to=tweet.in_response_to_tweet_id or None,
        )
        for number, (tweet, at) in enumerate(zip(tweets.itertuples(), times, strict=True))
    ]
    project(placed(*facts, settled=max(fact.at for fact in facts)))
    (row,) = reports.messages(projected, Scope(), window_ms=HOUR).rows
    assert (row.sent, row.replied, row.replied_in_window) == (1265, 569, 372)
    assert row.response_seconds == {"p10": 70, "p50": 953, "p90": 75_031}
    by_day = reports.messages(projected, Scope(by=("day", "hour")), window_ms=HOUR).rows
    assert sum(each.replied for each in by_day) == 569


# ---- time to response


def lives(count: int = 4_000) -> list[Fact]:
    """Waits of many lengths: answered, timed out, cancelled and open."""
    facts: list[Fact] = []
    for number in range(count):
        within = (HOUR, 2 * HOUR, DAY)[number % 3]
        opened = wait_of(number, START + number * 7_919, within)
        facts.append(opened)
        took = int(HOUR * ((number * 0.618034) % 1) ** 3 * 4) + 1
        match number % 10:
            case 0 | 1 | 2 | 3 | 4 if took <= within:
                facts.append(responded(opened, opened.opened_at + took))
            case 5:
                facts.append(cancelled(opened, opened.opened_at + took // 3))
            case 6:
                pass
            case _:
                facts.append(timed_out(opened))
    return facts


def test_the_curve_is_kaplan_and_meiers(projected: Settings, project: Project) -> None:
    """Within 1e-3 of lifelines at every step, for open, timed out and cancelled waits as it censors them."""
    facts = lives()
    cut = START + 10 * HOUR
    project(placed(*sorted(facts, key=lambda fact: fact.at), settled=cut))
    (row,) = reports.time_to_response(projected, Scope()).rows
    durations, ended = [], []
    closings = {fact.wait: fact for fact in facts if type(fact).__name__ != "WaitOpened" and fact.at <= cut}  # type: ignore[union-attr]
    for opened in facts:
        if type(opened).__name__ != "WaitOpened" or opened.at > cut:
            continue
        closing = closings.get(opened.wait)  # type: ignore[union-attr]
        match type(closing).__name__:
            case "ResponseReceived":
                durations.append(closing.response_ms)  # type: ignore[union-attr]
            case "ResponseTimedOut":
                durations.append(closing.deadline - opened.opened_at)  # type: ignore[union-attr]
            case "WaitCancelled":
                durations.append(closing.at - opened.opened_at)  # type: ignore[union-attr]
            case _:
                durations.append(cut - opened.at)
        ended.append(type(closing).__name__ == "ResponseReceived")
    assert row.waits == len(durations)
    assert row.responded == sum(ended)
    fitted = lifelines.KaplanMeierFitter().fit([ms / 1000 for ms in durations], ended)
    for point in row.curve:
        assert point.waiting == pytest.approx(float(fitted.predict(point.seconds)), abs=1e-3)
    assert row.curve[-1].waiting == pytest.approx(float(fitted.survival_function_.iloc[-1].iloc[0]), abs=1e-3)
    assert row.median_seconds == pytest.approx(float(fitted.median_survival_time_), rel=1 / 64)


def test_the_curve_is_exact_where_no_bin_holds_two_times(projected: Settings, project: Project) -> None:
    """A few lives an octave apart: each step to the last digit, its time to the millisecond."""
    waits = [wait_of(number, START, DAY) for number in range(8)]
    project(
        placed(
            *waits,
            responded(waits[0], START),
            responded(waits[1], START + 60_000),
            responded(waits[2], START + 60_000),
            cancelled(waits[3], START + 130_000),
            responded(waits[4], START + 300_000),
            cancelled(waits[5], START + 900_000),
            responded(waits[6], START + 2_000_000),
            settled=START + 2 * HOUR,
        )
    )
    (row,) = reports.time_to_response(projected, Scope()).rows
    assert [(point.seconds, point.answered, point.at_risk) for point in row.curve] == [
        (0.0, 1, 8),
        (60.0, 2, 7),
        (300.0, 1, 4),
        (2_000.0, 1, 2),
    ]
    shares = [7 / 8, 5 / 8, 5 / 8 * 3 / 4, 5 / 8 * 3 / 4 / 2]
    assert [point.waiting for point in row.curve] == pytest.approx(shares, abs=1e-12)
    assert row.median_seconds == 300.0
    fitted = lifelines.KaplanMeierFitter().fit(
        [0, 60, 60, 130, 300, 900, 2_000, 7_200], [1, 1, 1, 0, 1, 0, 1, 0]
    )
    for point in row.curve:
        assert point.waiting == pytest.approx(float(fitted.predict(point.seconds)), abs=1e-12)


def test_the_curve_falls_to_nothing_when_all_have_answered(projected: Settings, project: Project) -> None:
    """The last of all answers: the share without one is zero, not nearly."""
    waits = [wait_of(number, START) for number in range(3)]
    project(
        placed(
            *waits,
            *(responded(wait, START + MINUTE * 4**n) for n, wait in enumerate(waits)),
            settled=START + DAY,
        )
    )
    (row,) = reports.time_to_response(projected, Scope()).rows
    assert row.curve[-1].waiting == 0
    assert all(one.waiting > other.waiting for one, other in pairwise(row.curve))


def test_no_median_where_fewer_than_half_ever_answer(projected: Settings, project: Project) -> None:
    """Of three one answered: half of them never will have, as far as one knows."""
    waits = [wait_of(number, START) for number in range(3)]
    project(
        placed(
            *waits,
            responded(waits[0], START + MINUTE),
            *(timed_out(w) for w in waits[1:]),
            settled=START + DAY,
        )
    )
    (row,) = reports.time_to_response(projected, Scope()).rows
    assert (row.median_seconds, row.response_seconds["p50"]) == (None, 60.0)


def test_a_prompt_that_was_never_accepted_is_not_watched(projected: Settings, project: Project) -> None:
    """Nobody could answer what no channel took: it is in no curve, neither open nor cancelled."""
    waits = [wait_of(number, START, prompted_at=None) for number in range(2)]
    project(placed(*waits, cancelled(waits[0], START + MINUTE, "prompt_failed"), settled=START + HOUR))
    assert reports.time_to_response(projected, Scope()).rows[0].waits == 0
    assert reports.response_rate(projected, Scope()).rows[0].opened == 2


def test_every_query_runs_by_hand(projected: Settings) -> None:
    """Each file names its parameters in its head, and has no others."""
    for path in sorted(reports.QUERIES.glob("*.sql")):
        text = path.read_text(encoding="utf-8")
        head = "".join(line for line in text.splitlines(keepends=True) if line.startswith("--"))
        assert "clickhouse-client --database attesa --param_" in head, path.name
        # A fact's week never changes, so weeks need no merging with each other.
        is_by_week = path.name != "as_of.sql"
        assert text.endswith("SETTINGS do_not_merge_across_partitions_select_final = 1\n") is is_by_week
        values = {
            "as_of": START, "since": 0, "until": START, "workspace": "", "flow": "", "window_ms": HOUR,
            "by": list(MESSAGE_DIMENSIONS), "topic": "attesa.facts", "zone": "Europe/Rome",
            "dimension": "arm", "within_ms": HOUR, "people": 1,
        }  # fmt: skip
        named = {name: value for name, value in values.items() if f"--param_{name}=" in head}
        with connected(projected) as client:
            query(client, text, named)
