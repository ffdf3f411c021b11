"""`attesa flow fmt`: files in their canonical form."""

from pathlib import Path
from typing import Annotated

import typer

from schemas.errors import UsageError
from streams.cli.output import show
from streams.flows.files import FindingsError, our_files, read_text
from streams.flows.format import formatted
from streams.flows.parsing.located import Unreadable

__all__ = ["fmt"]


def fmt(
    files: Annotated[
        list[Path],
        typer.Argument(help="Flow, workspace or scenario files, or folders of them.", show_default=False),
    ],
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit code 1 if a file would change.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="One object for programs.")] = False,
) -> None:
    """Lays files out in the one canonical form. What they mean stays; so do comments.

    All are read before any is written: one that is no YAML of ours stops it all.
    """
    made = [(path, *_laid_out(path)) for path in our_files(files)]
    changed = [(path, new) for path, old, new in made if old != new]
    if not check:
        for path, new in changed:
            try:
                path.write_bytes(new.encode())
            except OSError as error:
                raise UsageError(f"{path} cannot be written: {error.strerror}") from None
    if json:
        show([{"file": str(path)} for path, _ in changed], json=True, files=len(made), written=not check)
    else:
        for path, _ in changed:
            typer.echo(f"{'would change' if check else 'changed'} {path}")
        typer.echo(f"{len(made)} files, {len(changed)} {'to change' if check else 'changed'}", err=True)
    if check and changed:
        raise typer.Exit(1)


def _laid_out(path: Path) -> tuple[str, str]:
    """A file's text, and the same in canonical form."""
    text = read_text(path)
    try:
        return text, formatted(text, str(path))
    except Unreadable as unreadable:
        raise FindingsError(f"{path} cannot be read", [unreadable.finding]) from None
