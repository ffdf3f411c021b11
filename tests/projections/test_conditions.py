"""`--where`: what it takes, what it refuses, and that nothing written there reaches the database as SQL."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections import reports
from projections.conditions import Column, condition
from projections.reports import Scope
from schemas.errors import UsageError
from streams.log.settings import Settings
from tests.projections.conftest import Project
from tests.projections.log import START, placed, wait_of

COLUMNS = {
    "channel": Column("channel", "text"),
    "version": Column("version", "number"),
    "hour": Column("local_hour", "hour"),
    "weekday": Column("local_weekday", "weekday"),
    "day": Column("toDate(at)", "day"),
}


@pytest.mark.parametrize(
    ("text", "sql", "values"),
    [
        ("channel = whatsapp", "(channel = {where_0:String})", ["whatsapp"]),
        (
            "channel = 'what''s up' and hour >= 9",
            "((channel = {where_0:String}) AND (local_hour >= {where_1:Int64}))",
            ["what's up", 9],
        ),
        (
            "channel=sms or channel != sms AND version<>2",
            (
                "((channel = {where_0:String}) OR "
                "((channel != {where_1:String}) AND (version != {where_2:Int64})))"
            ),
            ["sms", "sms", 2],
        ),
        (
            "not (weekday in (sat, Sun) or hour < 8)",
            "(NOT ((local_weekday IN ({where_0:Int64}, {where_1:Int64})) OR (local_hour < {where_2:Int64})))",
            [6, 7, 8],
        ),
        ("channel is not none", "(channel != '')", []),
        ("version is null", "(version = 0)", []),
        ("day not in (2025-03-01)", "(toDate(at) NOT IN ({where_0:Date}))", ["2025-03-01"]),
    ],
)
def test_a_condition_becomes_columns_and_parameters(text: str, sql: str, values: list[object]) -> None:
    """`and` binds closer than `or`; none is the tables' empty value."""
    made = condition(text, COLUMNS)
    assert (made.sql, list(made.parameters.values())) == (sql, values)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("chanel = sms", "did you mean channel"),
        ("hour = nine", "a number was expected"),
        ("weekday = someday", "mon … sun"),
        ("day = tomorrow", "as 2025-03-01"),
        ("hour is none", "never none"),
        ("channel", "at its end"),
        ("channel = ", "a value was expected"),
        ("channel = sms hour = 9", "and, or, or the end was expected"),
        ("(channel = sms", ") was expected"),
        ("channel in sms", "( was expected"),
        ("channel not = sms", "not in"),
        ("", "a column was expected"),
        ("channel = 'sms", "nothing of the kind"),
        ("channel = sms; drop table facts", "nothing of the kind"),
        ("hour = 9999999999", "a number was expected"),
        ("(" * 50 + "hour = 1" + ")" * 50, "30 levels"),
        ("not " * 50 + "hour = 1", "30 levels"),
        ("channel = sms or " * 200 + "hour = 1", "are the most"),
    ],
)
def test_what_is_none_is_refused_at_its_place(text: str, said: str) -> None:
    """The error names the place, and what was expected there."""
    with pytest.raises(UsageError, match=re.escape(said)) as caught:
        condition(text, COLUMNS)
    assert caught.value.exit_code == 2


PLAIN = re.compile(
    r"(\(|\)|NOT IN|IN|NOT|AND|OR|, |=|!=|<=?|>=?| |''|0"
    r"|channel|version|local_hour|local_weekday|toDate\(at\)"
    r"|\{where_\d+:(String|Int64|Date)\})*"
)


@given(
    st.lists(
        st.sampled_from(
            ["channel", "hour", "day", "=", "in", "(", ")", ",", "and", "or", "not", "is", "none"]
        )
        | st.text(max_size=12)
        | st.sampled_from(["'; DROP TABLE x --'", '"x) OR 1=1 --"', "9", "sleep(3)", "{x:Date}", "/*"]),
        max_size=14,
    )
)
def test_nothing_but_columns_and_places_of_parameters_comes_out(words: list[str]) -> None:
    """Whatever is written: it is refused, or becomes SQL of our own words only."""
    try:
        made = condition(" ".join(words), COLUMNS)
    except UsageError:
        return
    assert PLAIN.fullmatch(made.sql), made.sql


INJECTIONS = [
    "x' OR '1'='1",
    "x') OR 1=1 --",
    "x\\' OR 1=1 --",
    "'; DROP TABLE waits_opened; --",
    "{as_of:UInt64}",
    "x\t\n\\N",
    "' UNION ALL SELECT * FROM facts --",
]


@pytest.mark.clickhouse
def test_no_literal_is_ever_read_as_sql(projected: Settings, project: Project) -> None:
    """Each is the name of a flow that is there once, and is found once: not everything, and not nothing."""
    waits = [wait_of(number, START, flow=name) for number, name in enumerate(INJECTIONS)]
    project(placed(*waits, wait_of(99, START), settled=START))
    for name in INJECTIONS:
        for quoted in ("'" + name.replace("'", "''") + "'", f'"{name}"'):
            scope = Scope(where=f"flow = {quoted}")
            assert reports.response_rate(projected, scope).rows[0].opened == 1, name
    assert reports.response_rate(projected, Scope()).rows[0].opened == len(INJECTIONS) + 1


@pytest.mark.clickhouse
def test_every_report_takes_its_own_columns(projected: Settings, project: Project) -> None:
    """And names them where another is asked for; zones are IANA's, and times have an order."""
    project(placed(wait_of(1, START), settled=START))
    every = (
        reports.response_rate, reports.time_to_response, reports.trend, reports.heatmap, reports.waiting,
        reports.funnel, reports.cohort, reports.delivery, reports.suppressions, reports.messages, reports.sla,
    )  # fmt: skip
    for ask in every:
        ask(projected, Scope(where="workspace = acme and not channel in (x, y)", zone="Europe/Rome"))
        with pytest.raises(UsageError, match="did you mean"):
            ask(projected, Scope(where="colour = red"))
    with pytest.raises(UsageError, match="--zone Mars"):
        reports.response_rate(projected, Scope(zone="Mars"))
    with pytest.raises(UsageError, match="is after --until"):
        reports.response_rate(projected, Scope(since="2025-03-02", until="2025-03-01"))
