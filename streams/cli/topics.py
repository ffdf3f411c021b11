"""`attesa topics`: what the log is kept in."""

from typing import Annotated

import typer

from streams.cli.output import show
from streams.log import topics
from streams.log.settings import load
from streams.log.topics import Topics

__all__ = ["app"]

app = typer.Typer(help="The topics of a prefix: make them, list them.", no_args_is_help=True)

Prefix = Annotated[str | None, typer.Option(help="The first part of the topics' names; else ATTESA_PREFIX.")]
Partitions = Annotated[int | None, typer.Option(min=1, max=1024, help="Else ATTESA_PARTITIONS.")]
Replication = Annotated[int | None, typer.Option(min=1, max=9, help="Else ATTESA_REPLICATION.")]
History = Annotated[
    bool, typer.Option(help="A prefix for an import or a simulation: inbound keeps the producers' times.")
]
Json = Annotated[bool, typer.Option("--json", help="One object for programs.")]

UNCHECKED = "this broker tells no configuration of its own, so it cannot be checked; the partitions are right"


@app.command()
def apply(
    *,
    prefix: Prefix = None,
    partitions: Partitions = None,
    replication: Replication = None,
    history: History = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done.")] = False,
    json: Json = False,
) -> None:
    """Creates the prefix's topics and puts their configuration right; says what that took.

    A partition count is never changed. With --dry-run nothing is; exit code 1 if anything would be.
    """
    settings = load()
    specs = Topics(prefix or settings.prefix).specs(
        partitions or settings.partitions, replication or settings.replication, history=history
    )
    done = topics.apply(settings.kafka, specs, dry_run=dry_run)
    rows = [
        {
            "topic": one.topic,
            "partitions": one.partitions,
            "result": one.result,
            "differences": dict(one.differences),
        }
        for one in done
    ]
    show(rows, json=json, kafka=settings.kafka)
    if not json and any(one.result == "unchecked" for one in done):
        typer.echo(UNCHECKED, err=True)
    if any(one.result == "differs" for one in done) or (
        dry_run and any(one.result == "missing" for one in done)
    ):
        raise typer.Exit(1)


@app.command("ls")
def list_topics(*, prefix: Prefix = None, json: Json = False) -> None:
    """The prefix's topics that are there, and those that are missing."""
    settings = load()
    name = prefix or settings.prefix
    there = topics.listing(settings.kafka, name)
    wanted = {spec.name for spec in Topics(name).specs(1, 1)}
    rows = [
        {"topic": topic, "partitions": there.get(topic), "state": _state(topic, topic in there, wanted)}
        for topic in sorted(wanted | set(there))
    ]
    show(rows, json=json, kafka=settings.kafka)


def _state(topic: str, is_there: bool, wanted: set[str]) -> str:
    if not is_there:
        return "missing"
    return "there" if topic in wanted else "not Attesa's"
