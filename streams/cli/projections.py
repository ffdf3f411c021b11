"""`attesa projections`: the ClickHouse tables that reports read."""

from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from projections.migrate import migrate as apply_migrations
from projections.migrate import status as migration_status
from projections.moments import iso_text
from projections.rebuild import rebuild as rebuild_tables
from projections.standing import PartitionStanding, standing
from projections.verify import verify as verify_tables
from streams.cli.output import show
from streams.log.settings import Settings, load

__all__ = ["app"]

app = typer.Typer(help="The ClickHouse tables that reports read.", no_args_is_help=True)

Prefix = Annotated[str | None, typer.Option(help="The topics' prefix; ATTESA_PREFIX without it.")]
Json = Annotated[bool, typer.Option("--json", help="One object for programs.")]


@app.command("migrate")
def migrate(prefix: Prefix = None, json: Json = False) -> None:
    """Make the database and apply the migrations that are pending, each once. Safe to run twice at once."""
    applied = apply_migrations(_settings(prefix))
    show([{"applied": name} for name in applied], json=json, title="Migrations applied")


@app.command("status")
def status(prefix: Prefix = None, json: Json = False) -> None:
    """What is applied, how far the facts of each partition are projected, and their clocks."""
    settings = _settings(prefix)
    files = [row._asdict() for row in migration_status(settings)]
    is_current = all(row["state"] == "applied" for row in files)
    rows = [_shown(row) for row in standing(settings)] if is_current else []
    if json:
        show(rows, json=True, migrations=files)
        return
    show(files, title="Migrations")
    show(rows, title="Partitions")


@app.command("rebuild")
def rebuild(
    tables: Annotated[list[str] | None, typer.Argument(help="Tables; all without any.")] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Begin anew where an earlier rebuild died on the way.")
    ] = False,
    prefix: Prefix = None,
    json: Json = False,
) -> None:
    """Make tables again from the facts, compare them with what stands, and put them in their place.

    The projector and the reports go on meanwhile. Exit code 1 if a table was not what the facts say; it is
    now.
    """
    settings = _settings(prefix)
    errors = Console(stderr=True)
    with Progress(
        TextColumn("facts"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=errors, disable=not errors.is_terminal,
    ) as bar:  # fmt: skip
        task = bar.add_task("facts", total=None)
        done = rebuild_tables(
            settings,
            tables or (),
            again=again,
            progress=lambda read, there: bar.update(task, completed=read, total=there),
        )
    differences = [{"table": one.table} | asdict(day) for one in done.tables for day in one.differences]
    rows: list[dict[str, Any]] = [
        {"table": one.table, "rows": one.rows, "days": one.days, "days_that_differed": len(one.differences)}
        for one in done.tables
    ]
    if json:
        show(
            rows,
            json=True,
            facts=done.facts,
            skipped=done.skipped,
            positions=done.positions,
            differences=differences,
        )
    else:
        skipped = f", {done.skipped:,} that are none left out" if done.skipped else ""
        show(rows, title=f"Rebuilt from {done.facts:,} facts{skipped}")
        if differences:
            show(differences, title="What differed before")
    if differences:
        raise typer.Exit(1)


@app.command("verify")
def verify(prefix: Prefix = None, json: Json = False) -> None:
    """Check that each table has a row for each of its facts and none twice, and each position is in the log.

    Exit code 1 if one does not. How far the projector lags is shown, and is no difference.
    """
    found = verify_tables(_settings(prefix))
    tables = [asdict(table) | {"holds": table.holds} for table in found.tables]
    partitions = [
        asdict(one) | {"behind": max(0, one.end - one.next), "holds": one.holds} for one in found.partitions
    ]
    if json:
        show(tables, json=True, partitions=partitions, holds=found.holds)
    else:
        show(tables, title="Tables")
        show(partitions, title="Partitions")
        for table in found.tables:
            if not table.holds:
                typer.echo(
                    f"{table.table} is not what the facts say: attesa projections rebuild {table.table}",
                    err=True,
                )
        for one in found.partitions:
            if not one.holds:
                typer.echo(
                    f"partition {one.partition} is projected to {one.next} and its log ends at {one.end}: "
                    "the topic was made anew; drop the database and project it again",
                    err=True,
                )
    if not found.holds:
        raise typer.Exit(1)


def _shown(row: PartitionStanding) -> dict[str, int | str | None]:
    return row._asdict() | {"clock": iso_text(row.clock), "settled": iso_text(row.settled)}


def _settings(prefix: str | None) -> Settings:
    return load() if prefix is None else load(prefix=prefix)
