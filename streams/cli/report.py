"""`attesa report`: how contacts respond, how far journeys come, what went out, from ClickHouse."""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Annotated, Any

import typer
from rich.console import Console

from projections import reports
from projections.moments import duration_of
from projections.reports import Comparison, HeatmapRow, Report, ReportRow, Scope, TimeToResponseRow, TrendRow
from schemas.errors import UsageError
from streams.cli.chart import answered_chart, heat_picture, sparkline
from streams.cli.output import console, show, show_csv
from streams.log.settings import Settings, load

__all__ = ["app", "print_time_to_response"]

app = typer.Typer(help="How contacts respond.", no_args_is_help=True)

MOST_CHARTS = 6
"""So many curves are drawn at most; --json has them all."""

EVERYTHING = frozenset({"*"})
"""All columns: the picture says it."""

By = Annotated[
    list[str] | None,
    typer.Option("--by", help="Dimensions, separated by commas; one row for all without it."),
]
Since = Annotated[
    str | None,
    typer.Option(help="From then on: a date, a time (of --zone unless it says), or a span before as-of."),
]
Until = Annotated[str | None, typer.Option(help="Until then, exclusive; written as --since.")]
Zone = Annotated[str, typer.Option(help="The zone of days, weeks, and times that name none.")]
Workspace = Annotated[str, typer.Option(help="One workspace only.")]
Flow = Annotated[str, typer.Option(help="One flow only.")]
Where = Annotated[
    str | None, typer.Option(help="Conditions on dimensions: 'channel = whatsapp and hour >= 9'.")
]
Prefix = Annotated[str | None, typer.Option(help="The topics' prefix; ATTESA_PREFIX without it.")]
Json = Annotated[bool, typer.Option("--json", help="One object for programs.")]
Csv = Annotated[bool, typer.Option("--csv", help="A table for programs and sheets.")]

Ask = Callable[[Settings, Scope], Report[Any]]
Draw = Callable[[Any], None]


def _verb(
    name: str,
    title: str,
    about: str,
    ask: Ask,
    draw: Draw | None = None,
    repeated: frozenset[str] = frozenset(),
) -> None:
    """Adds a report that has no options of its own. People are not shown columns that are `repeated`."""

    def command(
        by: By = None,
        since: Since = None,
        until: Until = None,
        zone: Zone = "UTC",
        workspace: Workspace = "",
        flow: Flow = "",
        where: Where = None,
        prefix: Prefix = None,
        json: Json = False,
        csv: Csv = False,
    ) -> None:
        scope = _scope(by, since, until, zone, workspace, flow, where)
        report = ask(_settings(prefix), scope)
        _print(report, title, json=json, csv=csv, draw=draw, repeated=repeated)

    app.command(name, help=about)(command)


def print_time_to_response(report: Report[TimeToResponseRow]) -> None:
    """Prints the report for people: a table, then a chart of each of its first six curves."""
    rows = [{k: v for k, v in row.as_dict().items() if k != "curve"} for row in report.rows]
    show(rows, title=_title(report, "Time to response"))
    _say_if_unknown(report)
    for row in report.rows[:MOST_CHARTS]:
        console.print(
            f"\nShare answered by then, {_named(row.dimensions)} ({row.waits:,} waits)", markup=False
        )
        points = [(point.seconds, 1 - point.waiting) for point in row.curve]
        console.print(answered_chart(points), markup=False, highlight=False)
    if len(report.rows) > MOST_CHARTS:
        console.print(f"\nand {len(report.rows) - MOST_CHARTS} more curves: --json has them all")


def _draw_heatmap(report: Report[HeatmapRow]) -> None:
    rates = {
        (int(row.dimensions["weekday"] or 0), int(row.dimensions["hour"] or 0)): row.rate
        for row in report.rows
    }
    if not report.rows:
        return
    asked = sum(row.denominator for row in report.rows)
    title = _title(report, "Response rate by hour of the prompt, the contacts' own")
    console.print(
        f"{title}\n"
        f"{sum(row.numerator for row in report.rows):,} answered of {asked:,}, "
        f"{sum(row.pending for row in report.rows):,} pending, "
        f"{sum(row.excluded for row in report.rows):,} excluded; --csv has each hour's\n",
        markup=False,
        highlight=False,
    )
    console.print(heat_picture(rates), markup=False, highlight=False)


def _draw_trend(report: Report[TrendRow]) -> None:
    def group(row: TrendRow) -> dict[str, Any]:
        return {name: value for name, value in row.dimensions.items() if name != "day"}

    if report.rows:
        console.print("")
    for dimensions, rows in groupby(report.rows, group):
        line = sparkline([row.rate for row in rows])
        console.print(f"{line}  {_named(dimensions)}", markup=False, highlight=False)


@app.command("time-to-response")
def time_to_response(
    by: By = None,
    since: Since = None,
    until: Until = None,
    zone: Zone = "UTC",
    workspace: Workspace = "",
    flow: Flow = "",
    where: Where = None,
    prefix: Prefix = None,
    json: Json = False,
    csv: Csv = False,
) -> None:
    """How long answers take: percentiles of those that came, and the Kaplan–Meier curve of all waits.

    By workspace, flow, version, step, channel, template, arm, hour, weekday, day (of the prompt).
    """
    scope = _scope(by, since, until, zone, workspace, flow, where)
    report = reports.time_to_response(_settings(prefix), scope)
    if json or csv:
        _print(report, "", json=json, csv=csv)
    else:
        print_time_to_response(report)


@app.command("messages")
def messages(
    by: By = None,
    since: Since = None,
    until: Until = None,
    zone: Zone = "UTC",
    window: Annotated[str, typer.Option(help="The attribution window, a span as 1h or 7d.")] = "24h",
    workspace: Workspace = "",
    flow: Flow = "",
    where: Where = None,
    prefix: Prefix = None,
    json: Json = False,
    csv: Csv = False,
) -> None:
    """Outbound messages, human or automatic, and the customers' direct replies to them.

    By workspace, flow, version, step, channel, template, author, hour, weekday, day (of --zone).
    """
    report = reports.messages(
        _settings(prefix),
        _scope(by, since, until, zone, workspace, flow, where),
        window_ms=duration_of(window, "--window"),
    )
    _print(report, f"Messages and replies within {window}", json=json, csv=csv)


@app.command("sla")
def sla(
    by: By = None,
    since: Since = None,
    until: Until = None,
    zone: Zone = "UTC",
    within: Annotated[str, typer.Option(help="The span to answer in, as 6m or 1h.")] = "6m",
    people: Annotated[bool, typer.Option("--people", help="Count agents' answers only.")] = False,
    workspace: Workspace = "",
    where: Where = None,
    prefix: Prefix = None,
    json: Json = False,
    csv: Csv = False,
) -> None:
    """How soon the business answers what customers write first.

    By workspace, channel, hour, weekday, day (of --zone).
    """
    report = reports.sla(
        _settings(prefix),
        _scope(by, since, until, zone, workspace, "", where),
        within_ms=duration_of(within, "--within"),
        people=people,
    )
    _print(report, f"First answers within {within}", json=json, csv=csv)


@app.command("compare")
def compare(
    by: By = None,
    a: Annotated[str | None, typer.Option(help="The one.")] = None,
    b: Annotated[str | None, typer.Option(help="The other.")] = None,
    since: Since = None,
    until: Until = None,
    zone: Zone = "UTC",
    workspace: Workspace = "",
    flow: Flow = "",
    where: Where = None,
    prefix: Prefix = None,
    json: Json = False,
    csv: Csv = False,
) -> None:
    """Two versions, arms or channels beside each other, and whether their difference is more than chance.

    By one of version (without --by), arm, channel, template, step, flow, workspace.
    """
    scope = _scope(by, since, until, zone, workspace, flow, where)
    report = reports.compare(_settings(prefix), scope, a=a, b=b)
    _print(report, "Response rates beside each other", json=json, csv=csv, draw=_draw_compare)


def _draw_compare(report: Comparison) -> None:
    if report.difference is not None and report.interval is not None:
        low, high = (100 * end for end in report.interval)
        console.print(
            f"\nDifference {100 * report.difference:+.1f} points, 95 % interval {low:+.1f} to {high:+.1f} "
            "(Newcombe; for one look)",
            highlight=False,
        )
    if report.sequential is not None:
        low, high = (100 * end for end in report.sequential.difference)
        console.print(
            f"However often one looks: {low:+.1f} to {high:+.1f}, p = {report.sequential.p:.3g}",
            highlight=False,
        )
    if report.rows:
        console.print(report.sentence(), markup=False, highlight=False)


_verb(
    "response-rate",
    "Response rate",
    "Of the waits whose time is over, the share answered in time; and what became of all waits.\n\n"
    "By workspace, flow, version, step, channel, template, arm, hour, weekday, day (of the prompt).",
    reports.response_rate,
)
_verb(
    "trend",
    "Response rate by day",
    "The response rate day by day, with its 95 % band.\n\nBy the dimensions of response-rate, and day.",
    reports.trend,
    _draw_trend,
)
_verb(
    "heatmap",
    "Response rate by weekday and hour",
    "The response rate by weekday and hour of the prompt, in the contacts' own zones.",
    reports.heatmap,
    _draw_heatmap,
    EVERYTHING,
)
_verb(
    "waiting",
    "Waits open",
    "The waits that are open, and when they fall due; by flow and step without --by.\n\n"
    "By the dimensions of response-rate.",
    reports.waiting,
)
_verb(
    "funnel",
    "Journeys by step",
    "How many journeys reached each step, went on, ended or stand there, and how long they were in it; by "
    "flow without --by.\n\nBy workspace, flow, version, trigger, channel.",
    reports.funnel,
    repeated=frozenset({"numerator", "pending", "excluded"}),
)
_verb(
    "cohort",
    "Journeys by week of entry",
    "Of the journeys that began in a week and are over, the share that answered.\n\n"
    "By workspace, flow, version, trigger, channel; and week (of --zone).",
    reports.cohort,
)
_verb(
    "delivery",
    "Delivery",
    "What became of each message that was commanded.\n\n"
    "By workspace, flow, version, step, channel, template, purpose, hour, weekday, day (of --zone).",
    reports.delivery,
)
_verb(
    "suppressions",
    "Sends not made",
    "Sends that were not made, or not then, by reason.\n\nBy the dimensions of delivery; decision, reason.",
    reports.suppressions,
)


def _settings(prefix: str | None) -> Settings:
    return load() if prefix is None else load(prefix=prefix)


def _scope(
    by: Sequence[str] | None,
    since: str | None,
    until: str | None,
    zone: str,
    workspace: str,
    flow: str,
    where: str | None,
) -> Scope:
    names = [name.strip() for part in by or () for name in part.split(",") if name.strip()]
    return Scope(by=names, since=since, until=until, zone=zone, workspace=workspace, flow=flow, where=where)


def _print(
    report: Report[ReportRow],
    title: str,
    *,
    json: bool,
    csv: bool,
    draw: Draw | None = None,
    repeated: frozenset[str] = frozenset(),
) -> None:
    if json and csv:
        raise UsageError("--json and --csv: one of them")
    rows: list[dict[str, Any]] = [row.as_dict() for row in report.rows]
    if csv:
        show_csv(rows)
    elif json:
        further = report.extra() if isinstance(report, Comparison) else {}
        show(rows, json=True, as_of=report.as_of_text, report=report.report, by=report.by, **further)
    else:
        if repeated is not EVERYTHING or not rows:
            shown = [{name: cell for name, cell in row.items() if name not in repeated} for row in rows]
            show(shown, title=_title(report, title))
        if draw is not None:
            draw(report)
    _say_if_unknown(report)


def _named(dimensions: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in dimensions.items()) or "all"


def _title(report: Report[ReportRow], title: str) -> str:
    return f"{title}, as of {report.as_of_text or 'unknown'}"


def _say_if_unknown(report: Report[ReportRow]) -> None:
    if report.as_of is None:
        Console(stderr=True, soft_wrap=True).print(
            "As-of is unknown: not every partition's clock is projected yet, so nothing can be said. "
            "`attesa projections status` names the partitions; is the worker running, and the ticker?"
        )
