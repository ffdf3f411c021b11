"""`attesa projections`: the ClickHouse tables that reports read."""

from typing import Annotated

import typer

from projections.migrate import migrate as apply_migrations
from projections.migrate import status as migration_status
from projections.moments import iso_text
from projections.standing import PartitionStanding, standing
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


def _shown(row: PartitionStanding) -> dict[str, int | str | None]:
    return row._asdict() | {"clock": iso_text(row.clock), "settled": iso_text(row.settled)}


def _settings(prefix: str | None) -> Settings:
    return load() if prefix is None else load(prefix=prefix)
