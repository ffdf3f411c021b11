"""`attesa report` and `attesa projections` as people and programs meet them."""

import csv
import io
import json
import re
from typing import Any

import pytest

from streams.cli.chart import answered_chart, heat_picture, sparkline
from streams.log.settings import Settings
from tests.projections.conftest import Attesa, Project
from tests.projections.log import HOUR, START, made_up_log, message, placed, responded, wait_of


@pytest.fixture
def on_database(projected: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The command line looks at this test's database."""
    monkeypatch.setenv("ATTESA_CLICKHOUSE", projected.clickhouse.get_secret_value())
    monkeypatch.setenv("ATTESA_KAFKA", projected.kafka)
    return projected


def read(out: str) -> dict[str, Any]:
    """The one object that --json prints."""
    parsed: dict[str, Any] = json.loads(out)
    return parsed


@pytest.mark.clickhouse
def test_reports_have_the_keys_that_programs_rely_on(
    on_database: Settings, project: Project, attesa: Attesa
) -> None:
    """One object: rows, as_of, report, by; in a row the numbers, and the dimensions asked for."""
    assert on_database.prefix == "attesa"
    project(made_up_log(1, waits=40))
    code, out, _ = attesa("report", "messages", "--window", "1h", "--json")
    answer = read(out)
    assert code == 0
    assert (answer["report"], answer["by"]) == ("messages", [])
    assert re.fullmatch(r"2025-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", answer["as_of"])
    (row,) = answer["rows"]
    assert row.keys() == {"sent", "replied", "replied_in_window", "response_seconds"}
    assert row["response_seconds"].keys() == {"p10", "p50", "p90"}

    _, out, _ = attesa("report", "response-rate", "--by", "flow,step", "--by", "day", "--json")
    answer = read(out)
    assert (answer["report"], answer["by"]) == ("response-rate", ["flow", "step", "day"])
    counts = {
        "opened", "responded", "timed_out", "cancelled", "pending", "matured_responded", "matured_timed_out",
        "numerator", "denominator", "excluded", "rate",
    }  # fmt: skip
    assert all(row.keys() == counts | {"flow", "step", "day"} for row in answer["rows"])

    _, out, _ = attesa("report", "time-to-response", "--json")
    answer = read(out)
    (row,) = answer["rows"]
    assert row["response_seconds"].keys() == {"p10", "p50", "p75", "p90", "p99"}
    assert row.keys() == {"waits", "responded", "response_seconds", "median_seconds", "curve"}
    assert row["curve"][0].keys() == {"seconds", "answered", "at_risk", "waiting"}


@pytest.mark.clickhouse
def test_every_report_prints_for_people_programs_and_sheets(
    on_database: Settings, project: Project, attesa: Attesa
) -> None:
    """A table under as-of; one object whose rows are as many as the sheet's below its header."""
    assert on_database.prefix == "attesa"
    project(made_up_log(2, waits=80))
    for name in (
        "response-rate", "time-to-response", "trend", "heatmap", "waiting", "funnel", "cohort", "delivery",
        "suppressions", "messages", "sla", "compare",
    ):  # fmt: skip
        code, out, _ = attesa("report", name)
        assert code == 0
        assert "as of 2025-03-" in out, name
        answer = read(attesa("report", name, "--json")[1])
        assert answer["report"] == name
        sheet = list(csv.DictReader(io.StringIO(attesa("report", name, "--csv")[1])))
        assert len(sheet) == len(answer["rows"]) > 0
        for row in answer["rows"]:
            if "rate" in row:
                assert {"numerator", "denominator", "pending", "excluded"} <= row.keys()
        cells = {key for key, value in answer["rows"][0].items() if not isinstance(value, dict | list)}
        assert cells <= sheet[0].keys()
    assert "response_seconds_p90" in attesa("report", "messages", "--csv")[1].splitlines()[0]
    code, _, err = attesa("report", "messages", "--csv", "--json")
    assert (code, "one of them" in err) == (2, True)


@pytest.mark.clickhouse
def test_options_narrow_what_is_counted(on_database: Settings, project: Project, attesa: Attesa) -> None:
    """--where, --zone and --since, as one writes them."""
    assert on_database.prefix == "attesa"
    project(placed(wait_of(1, START - 60_000), wait_of(2, START, flow="o'dd"), settled=START + HOUR))

    def opened(*arguments: str) -> int:
        rows = read(attesa("report", "response-rate", "--json", *arguments)[1])["rows"]
        return sum(row["opened"] for row in rows)

    assert opened() == 2
    assert opened("--where", 'flow = "o\'dd" and hour >= 9') == 1
    assert opened("--where", "hour < 9") == 0
    assert opened("--since", "2025-03-01") == 1
    assert opened("--since", "2025-03-01", "--zone", "Europe/Rome") == 2
    code, _, err = attesa("report", "response-rate", "--where", "flow = x; drop table facts")
    assert (code, "nothing of the kind" in err) == (2, True)


@pytest.mark.clickhouse
def test_people_get_a_table_and_a_chart(on_database: Settings, project: Project, attesa: Attesa) -> None:
    """As-of stands above the numbers; the curve is drawn under its name."""
    assert on_database.prefix == "attesa"
    waits = [wait_of(number, START) for number in range(4)]
    project(placed(*waits, responded(waits[0], START + 60_000), settled=START + HOUR))
    code, out, _ = attesa("report", "time-to-response", "--by", "flow")
    assert code == 0
    assert "as of 2025-03-01T01:00:00.000Z" in out
    assert "flow nudge (4 waits)" in out
    assert "█" in out
    assert "1m" in out


@pytest.mark.clickhouse
def test_an_unknown_as_of_is_said(on_database: Settings, project: Project, attesa: Attesa) -> None:
    """No clock is projected yet: programs get null, people a sentence on standard error."""
    assert on_database.prefix == "attesa"
    project(placed(message(1, START)))
    code, out, err = attesa("report", "messages", "--json")
    assert (code, read(out)["as_of"], read(out)["rows"]) == (0, None, [])
    assert "not every partition's clock is projected yet" in err


@pytest.mark.clickhouse
def test_wrong_usage_ends_with_two(on_database: Settings, project: Project, attesa: Attesa) -> None:
    """An unknown dimension, time or window: what is wrong, and what there is."""
    assert on_database.prefix == "attesa"
    project(placed(settled=START))
    for arguments, said in (
        (("response-rate", "--by", "flwo"), "did you mean flow"),
        (("messages", "--since", "soon"), "--since soon: not a time"),
        (("messages", "--window", "long"), "--window long: not a span"),
    ):
        code, _, err = attesa("report", *arguments)
        assert code == 2
        assert said in err


@pytest.mark.parametrize(
    "command",
    [
        ("report", "response-rate"),
        ("report", "time-to-response"),
        ("report", "messages"),
        ("report", "funnel"),
        ("report", "compare"),
        ("projections", "migrate"),
        ("projections", "status"),
        ("projections", "rebuild"),
        ("projections", "verify"),
        ("projector", "--until-end"),
    ],
    ids=" ".join,
)
def test_without_clickhouse_they_end_with_three(
    attesa: Attesa, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """What was tried is said, the password is not."""
    monkeypatch.setenv("ATTESA_CLICKHOUSE", "clickhouse://anna:secret@127.0.0.1:1/attesa")
    code, _, err = attesa(*command, "--json")
    assert code == 3
    assert "clickhouse://127.0.0.1:1/attesa" in err
    assert "secret" not in err


@pytest.mark.clickhouse
def test_migrate_and_status_say_what_stands(
    clickhouse_url: str, attesa: Attesa, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pending before, applied after; nothing to do the second time."""
    monkeypatch.setenv("ATTESA_CLICKHOUSE", clickhouse_url)
    _, out, _ = attesa("projections", "status", "--json")
    assert {row["state"] for row in read(out)["migrations"]} == {"pending"}
    _, out, _ = attesa("projections", "migrate", "--json")
    assert len(read(out)["rows"]) == len(read(attesa("projections", "status", "--json")[1])["migrations"])
    _, out, _ = attesa("projections", "migrate", "--json")
    assert read(out)["rows"] == []
    code, out, _ = attesa("projections", "status")
    assert (code, out.count("applied")) == (0, 5)


@pytest.mark.clickhouse
def test_a_prefix_is_a_database(on_database: Settings, project: Project, attesa: Attesa) -> None:
    """Another prefix is read from its own database; one that was never projected says what to do."""
    assert on_database.prefix == "attesa"
    project(placed(settled=START))
    code, _, err = attesa("report", "messages", "--prefix", "never-there")
    assert code == 1
    assert "never_there" in err
    assert "attesa projections migrate" in err


def test_a_chart_climbs_from_left_to_right() -> None:
    """Each column is as high as the share that had answered by its time; the scale ends just above it."""
    lines = answered_chart([(1, 0.1), (60, 0.2), (3_600, 0.45)], width=40, height=5).splitlines()
    assert lines[0].startswith("  50% ┤")
    columns = [sum(len(line) > 7 + at and line[7 + at] != " " for line in lines[:5]) for at in range(40)]
    assert columns == sorted(columns)
    assert columns[0] == 1
    assert columns[-1] == 5
    assert lines[-1].split() == ["1s", "10s", "1m", "5m", "15m", "1h"]


def test_a_chart_without_answers_says_so() -> None:
    """And one with a single answer is drawn all the same."""
    assert answered_chart([]) == "no answer yet"
    assert "100% ┤" in answered_chart([(0.0, 1.0)])


def test_a_sparkline_has_a_bar_a_value() -> None:
    """From the lowest bar at nothing to the highest at the largest; a gap where there is none."""
    assert sparkline([0.0, 0.25, None, 0.5]) == "▁▅ █"
    assert sparkline([None, 0.0]) == " ▁"
    assert sparkline([]) == ""


def test_a_heat_map_is_a_week_of_hours() -> None:
    """Seven lines of 24 cells, the darkest where the rate is highest, a dot for none answered."""
    lines = heat_picture({(1, 0): 0.0, (1, 1): 0.1, (7, 23): 0.4}).splitlines()
    assert [line[:3] for line in lines[1:8]] == ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    assert lines[1] == "Mon ··▒▒"
    assert lines[7] == "Sun " + " " * 46 + "██"
    assert lines[8].endswith("up to 40%")
    assert "0     3     6" in lines[0]
