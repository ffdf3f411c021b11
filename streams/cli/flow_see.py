"""`attesa flow diagram` and `diff`: what a flow is, and what changed in it."""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
import typer

from schemas.errors import UsageError
from streams.cli.flow_force import Force
from streams.cli.output import show
from streams.flows.definition import Definition, definition, read_definition
from streams.flows.diagram import picture
from streams.flows.diagram_mermaid import mermaid
from streams.flows.diagram_svg import svg
from streams.flows.difference import differences
from streams.flows.files import FindingsError, lint, workspace_near
from streams.flows.parsing import scalars

__all__ = ["diagram", "diff", "read_flow"]


def read_flow(path: Path) -> Definition:
    """A flow's file as a definition. Raises `UsageError`, and `FindingsError` if it does not parse.

    What lint finds beyond that does not matter: a draft is looked at too.
    """
    linted = lint(path, None)
    if linted.file is None:
        raise FindingsError(f"{path} is no flow", linted.findings)
    return read_definition(definition(linted.file.flow, linted.templates.templates))


def diff(
    one: Annotated[str, typer.Argument(help="A flow file, or FLOW@VERSION of the flows topic.", metavar="A")],
    other: Annotated[str, typer.Argument(help="Likewise; FLOW alone: the version in force.", metavar="B")],
    *,
    workspace: Annotated[str | None, typer.Option(help="The workspace's id, for published flows.")] = None,
    prefix: Annotated[str | None, typer.Option(help="The topics' prefix; else ATTESA_PREFIX.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One object for programs.")] = False,
) -> None:
    """Says in words what is otherwise in B. Exit code 0 if nothing is, 1 if something is."""
    force = Force(workspace, prefix)
    found = differences(_named(one, force), _named(other, force))
    if json:
        show(msgspec.to_builtins(found), json=True, same=not found)
    else:
        for change in found:
            typer.echo(f"{change.kind:<8} {change.words}")
        if not found:
            typer.echo("the same")
    if found:
        raise typer.Exit(1)


def _named(what: str, force: Force) -> Definition:
    """A file if there is one of that name, else a published flow."""
    if Path(what).is_file():
        return read_flow(Path(what))
    flow, _, version = what.partition("@")
    try:
        wanted = int(version) if version else None
        scalars.identifier(flow)
    except ValueError:
        raise UsageError(f"there is no file {what}, and it is no FLOW@VERSION either") from None
    return read_definition(force.published(flow, wanted).definition)


def diagram(
    file: Annotated[Path, typer.Argument(help="A flow file.", show_default=False)],
    *,
    out: Annotated[Path | None, typer.Option(help="The file to write; else standard output.")] = None,
    form: Annotated[
        Literal["svg", "mermaid"] | None, typer.Option("--format", help="Else by the file's name: svg, mmd.")
    ] = None,
    language: Annotated[
        str | None, typer.Option(help="Of the messages; else the workspace's near the flow.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One object for programs.")] = False,
) -> None:
    """Draws a flow: its steps, its waits and their spans, its branches, what starts and what ends it."""
    chosen = form or ("mermaid" if out is not None and out.suffix in {".mmd", ".mermaid", ".md"} else "svg")
    near = workspace_near(file)
    drawn = picture(read_flow(file), language=language or (near.language if near is not None else None))
    text = mermaid(drawn) if chosen == "mermaid" else svg(drawn)
    if out is None and not json:
        typer.echo(text, nl=False)
        return
    if out is not None:
        try:
            out.write_text(text, "utf-8")
        except OSError as error:
            raise UsageError(f"{out} cannot be written: {error.strerror}") from None
    row = {"flow": drawn.flow, "format": chosen, "file": None if out is None else str(out)}
    show([row if out is not None else {**row, "text": text}], json=json, title="Drawn")
