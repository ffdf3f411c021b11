"""`attesa workspace`: a tenant's channels, language, zone, policies."""

from pathlib import Path
from typing import Annotated

import typer

from streams.cli.flow import Json, Prefix, Progress, in_force
from streams.cli.output import show
from streams.flows.files import read_workspace_file
from streams.log.publishing import operator, publish, say, workspace_configured
from streams.log.settings import load

__all__ = ["app"]

app = typer.Typer(help="Workspaces: configure them, see what is in force.", no_args_is_help=True)


@app.command("publish")
def publish_file(
    file: Annotated[Path, typer.Argument(help="A workspace file.")],
    *,
    prefix: Prefix = None,
    timeout: Annotated[float, typer.Option(min=0, help="How long to wait for every partition, s.")] = 30.0,
    wait: Annotated[bool, typer.Option(help="Wait until it is in force.")] = True,
    json: Json = False,
) -> None:
    """Configures a workspace with a file, whole, and waits until that is in force."""
    settings = load()
    prefix = prefix or settings.prefix
    workspace, source, definition = read_workspace_file(file)
    record = workspace_configured(workspace.workspace, source, definition, by=operator())
    if not wait:
        say(settings, prefix, [record])
        show([{"workspace": workspace.workspace, "result": "said"}], json=json)
        return
    with Progress() as progress:
        (done,) = publish(settings, prefix, [record], wait_s=timeout, progress=progress)
    rows = [{"workspace": workspace.workspace, "result": done.result, "partitions": done.partitions}]
    show(rows, json=json, title="Configured")


@app.command("show")
def show_workspace(
    workspace: Annotated[
        str | None, typer.Argument(help="Its id; not needed where there is one only.")
    ] = None,
    *,
    prefix: Prefix = None,
    json: Json = False,
) -> None:
    """A workspace as its author wrote it."""
    settings = load()
    force = in_force(settings, prefix or settings.prefix)
    record = force.configured(force.workspace(workspace))
    if json:
        fields = ("workspace", "by", "at", "content", "source")
        show([{name: getattr(record, name) for name in fields}], json=True)
        return
    typer.echo(record.source.rstrip("\n"))
