"""`attesa flow diagram` and `diff`: what a flow is, and what changed in it."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from schemas.errors import UsageError
from streams.cli.output import show
from streams.flows.definition import Definition, definition, read_definition
from streams.flows.diagram import picture
from streams.flows.diagram_mermaid import mermaid
from streams.flows.diagram_svg import svg
from streams.flows.files import FindingsError, lint, workspace_near

__all__ = ["diagram", "read_flow"]


def read_flow(path: Path) -> Definition:
    """A flow's file as a definition. Raises `UsageError`, and `FindingsError` if it does not parse.

    What lint finds beyond that does not matter: a draft is looked at too.
    """
    linted = lint(path, None)
    if linted.file is None:
        raise FindingsError(f"{path} is no flow", linted.findings)
    return read_definition(definition(linted.file.flow, linted.templates.templates))


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
