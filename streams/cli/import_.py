"""`attesa import`: a file of messages into a log of its own, or into the live one."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Self
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)

from schemas.errors import UsageError
from streams.cli.output import show
from streams.imports.configure import Configuration, configuration_of, sent_file, workspace_of
from streams.imports.load import FORMATS, Format, Loaded, Source
from streams.imports.load import load as load_file
from streams.imports.run import run_to_end
from streams.imports.whatsapp import Dates
from streams.log import topics as log_topics
from streams.log.publishing import say
from streams.log.settings import Settings, load

__all__ = ["import_"]

err = Console(stderr=True)


def import_(
    file: Annotated[Path, typer.Argument(help="The file.")],
    format: Annotated[Format, typer.Option(help=f"What it is: {', '.join(FORMATS)}.")],  # noqa: A002
    prefix: Annotated[
        str | None, typer.Option(help="The history's own prefix; made if it is not there.")
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Into the live log, as if it all happened now.")
    ] = False,
    flows: Annotated[
        Path | None,
        typer.Option(help="A folder of flows, and a workspace file if need be, for this history."),
    ] = None,
    run: Annotated[
        bool, typer.Option("--run", help="Then decide, send (to a file) and project all of it, and return.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read the file and say what is in it.")] = False,
    workspace: Annotated[str, typer.Option(help="The workspace, where no folder of flows says it.")] = "main",
    agent: Annotated[
        list[str] | None, typer.Option(help="whatsapp: who writes for the business, as named in the file.")
    ] = None,
    zone: Annotated[str, typer.Option(help="whatsapp: the zone of the file's times.")] = "UTC",
    dates: Annotated[
        Dates | None,
        typer.Option(help="whatsapp: it (day first) or en (month first), where the file is unclear."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One object for programs.")] = False,
) -> None:
    """Import messages: into a history prefix of their own, with their own times, or with --live as of now.

    The same file again changes nothing; one that broke off goes on where it was. Counts what was taken and
    what was left out, with reasons.
    """
    settings = _settings(prefix, live=live, dry_run=dry_run, flows=flows, run=run)
    source = Source(
        path=file,
        format=format,
        workspace=workspace_of(flows, workspace),
        agents=frozenset(agent or ()),
        zone=_zone(zone),
        dates=dates,
    )
    with _Shown() as shown:

        def before(read: Loaded) -> None:
            if not live:
                found = configuration_of(
                    flows, prefix=settings.prefix, workspace=workspace, channels=read.channels
                )
                topics = log_topics.Topics(settings.prefix)
                log_topics.apply(
                    settings.kafka, topics.specs(settings.partitions, settings.replication, history=True)
                )
                _configure(settings, found)

        done = load_file(settings, source, live=live, dry_run=dry_run, before=before, report=shown)
    if done.complete_before and flows is not None:
        err.print(
            f"{settings.prefix} keeps the flows that it was imported with: what was decided stays decided. "
            "For other flows, or changed ones: another --prefix",
            style="dim",
        )
    if run:
        run_to_end(settings, say=lambda text: err.print(text, style="dim"))
    _show(settings, done, live=live, dry_run=dry_run, run=run, json=json)


def _settings(prefix: str | None, *, live: bool, dry_run: bool, flows: Path | None, run: bool) -> Settings:
    settings = load(**({"prefix": prefix} if prefix else {}))
    if live and (flows is not None or run):
        raise UsageError(
            "--live goes into the log that the running processes follow: without --flows and --run"
        )
    if not live and not dry_run and settings.prefix == load().prefix:
        raise UsageError(
            f"a history needs a prefix of its own, not the live one ({settings.prefix}): --prefix NAME. "
            "To play the file into the live log as of now: --live"
        )
    return settings


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError):
        raise UsageError(f"--zone {name}: no such zone; IANA names are like Europe/Rome") from None


def _configure(settings: Settings, configured: Configuration) -> None:
    for note in configured.notes:
        err.print(note, style="yellow")
    say(settings, settings.prefix, configured.records)


class _Shown:
    """Progress on standard error; shows rate and time left where there is a terminal."""

    def __init__(self) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=err,
            transient=True,
        )
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def __call__(self, doing: str, done: int, of: int) -> None:
        if doing not in self._tasks:
            self._tasks[doing] = self._progress.add_task(doing, total=of or None)
        self._progress.update(self._tasks[doing], completed=done)


def _show(settings: Settings, done: Loaded, *, live: bool, dry_run: bool, run: bool, json: bool) -> None:
    row = {
        "file": done.file,
        "prefix": settings.prefix,
        "taken": sum(done.types.values()) if dry_run else done.taken,
        "of an earlier try": done.earlier,
        "left out": sum(done.left_out.values()),
        "first": _moment(done.first),
        "last": _moment(done.last),
    }
    if json:
        show(
            [{name.replace(" ", "_"): value for name, value in row.items()}],
            json=True,
            sha256=done.sha256,
            complete_before=done.complete_before,
            dry_run=dry_run,
            live=live,
            types=done.types,
            left_out=done.left_out,
            examples=[{"reason": e.reason, "line": e.line, "detail": e.detail} for e in done.examples],
        )
        return
    if done.complete_before:
        err.print(
            f"{done.file} is in {settings.prefix} already, whole ({done.taken:,} records): nothing to do"
        )
    else:
        show([row], title="Would be imported" if dry_run else "Imported")
        if done.types:
            show([done.types], title="Records")
    if done.left_out:
        show(
            [
                {
                    "left out because": e.reason,
                    "how many": done.left_out[e.reason],
                    "line": e.line,
                    "as": e.detail,
                }
                for e in done.examples
            ],
            title="Left out, the first of each",
        )
    if run:
        err.print(
            f"sent messages: {settings.data_dir / sent_file(settings.prefix)}\n"
            f"next: attesa report response-rate --prefix {settings.prefix} --by flow,step"
        )


def _moment(ms: int) -> str | None:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if ms else None
