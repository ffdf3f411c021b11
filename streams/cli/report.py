"""`attesa report`: response rates, times to response and message replies, from ClickHouse."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.console import Console

from projections import reports
from projections.moments import duration_of
from projections.reports import MessagesRow, Report, ResponseRateRow, Scope, TimeToResponseRow
from streams.cli.chart import answered_chart
from streams.cli.output import console, show
from streams.log.settings import Settings, load

__all__ = ["app", "print_time_to_response"]

app = typer.Typer(help="How contacts respond.", no_args_is_help=True)

MOST_CHARTS = 6
"""So many curves are drawn at most; --json has them all."""

By = Annotated[
    list[str] | None,
    typer.Option("--by", help="Dimensions, separated by commas; one row for all without it."),
]
Since = Annotated[
    str | None,
    typer.Option(help="From then on: a date, a time (UTC unless it names its zone), or a span before as-of."),
]
Until = Annotated[str | None, typer.Option(help="Until then, exclusive; written as --since.")]
Workspace = Annotated[str, typer.Option(help="One workspace only.")]
Flow = Annotated[str, typer.Option(help="One flow only.")]
Prefix = Annotated[str | None, typer.Option(help="The topics' prefix; ATTESA_PREFIX without it.")]
Json = Annotated[bool, typer.Option("--json", help="One object for programs.")]


@app.command("response-rate")
def response_rate(
    by: By = None,
    since: Since = None,
    until: Until = None,
    workspace: Workspace = "",
    flow: Flow = "",
    prefix: Prefix = None,
    json: Json = False,
) -> None:
    """Of the waits whose time is over, the share answered in time; and what became of all waits.

    By workspace, flow, version, step, channel, template, arm, hour, weekday, day (of the prompt).
    """
    report = reports.response_rate(_settings(prefix), _scope(by, since, until, workspace, flow))
    _show(report, json=json, title="Response rate")


@app.command("time-to-response")
def time_to_response(
    by: By = None,
    since: Since = None,
    until: Until = None,
    workspace: Workspace = "",
    flow: Flow = "",
    prefix: Prefix = None,
    json: Json = False,
) -> None:
    """How long answers take: percentiles of those that came, and the Kaplan–Meier curve of all waits.

    By workspace, flow, version, step, channel, template, arm, hour, weekday, day (of the prompt).
    """
    report = reports.time_to_response(_settings(prefix), _scope(by, since, until, workspace, flow))
    if json:
        _show(report, json=True, title="")
    else:
        print_time_to_response(report)


@app.command("messages")
def messages(
    by: By = None,
    since: Since = None,
    until: Until = None,
    window: Annotated[str, typer.Option(help="The attribution window, a span as 1h or 7d.")] = "24h",
    workspace: Workspace = "",
    flow: Flow = "",
    prefix: Prefix = None,
    json: Json = False,
) -> None:
    """Outbound messages, human or automatic, and the customers' direct replies to them.

    By workspace, flow, version, step, channel, template, author, hour, weekday, day (UTC).
    """
    report = reports.messages(
        _settings(prefix),
        _scope(by, since, until, workspace, flow),
        window_ms=duration_of(window, "--window"),
    )
    _show(report, json=json, title=f"Messages and replies within {window}")


def print_time_to_response(report: Report[TimeToResponseRow]) -> None:
    """Prints the report for people: a table, then a chart of each of its first six curves."""
    rows = [{k: v for k, v in row.as_dict().items() if k != "curve"} for row in report.rows]
    show(rows, title=_title(report, "Time to response"))
    _say_if_unknown(report)
    for row in report.rows[:MOST_CHARTS]:
        named = ", ".join(f"{name} {value}" for name, value in row.dimensions.items()) or "all"
        console.print(f"\nShare answered by then, {named} ({row.waits:,} waits)", markup=False)
        points = [(point.seconds, 1 - point.waiting) for point in row.curve]
        console.print(answered_chart(points), markup=False, highlight=False)
    if len(report.rows) > MOST_CHARTS:
        console.print(f"\nand {len(report.rows) - MOST_CHARTS} more curves: --json has them all")


def _settings(prefix: str | None) -> Settings:
    return load() if prefix is None else load(prefix=prefix)


def _scope(
    by: Sequence[str] | None, since: str | None, until: str | None, workspace: str, flow: str
) -> Scope:
    names = [name.strip() for part in by or () for name in part.split(",") if name.strip()]
    return Scope(by=names, since=since, until=until, workspace=workspace, flow=flow)


def _show(
    report: Report[ResponseRateRow] | Report[TimeToResponseRow] | Report[MessagesRow],
    *,
    json: bool,
    title: str,
) -> None:
    rows: list[dict[str, Any]] = [row.as_dict() for row in report.rows]
    show(
        rows,
        json=json,
        title=_title(report, title),
        as_of=report.as_of_text,
        report=report.report,
        by=report.by,
    )
    _say_if_unknown(report)


def _title(
    report: Report[ResponseRateRow] | Report[TimeToResponseRow] | Report[MessagesRow], title: str
) -> str:
    return f"{title}, as of {report.as_of_text or 'unknown'}"


def _say_if_unknown(
    report: Report[ResponseRateRow] | Report[TimeToResponseRow] | Report[MessagesRow],
) -> None:
    if report.as_of is None:
        Console(stderr=True, soft_wrap=True).print(
            "As-of is unknown: not every partition's clock is projected yet, so nothing can be said. "
            "`attesa projections status` names the partitions; is the worker running, and the ticker?"
        )
