"""`attesa contact`: one contact, as the log has it."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import typer

from schemas.errors import UsageError
from streams.cli.output import show
from streams.log.settings import load
from streams.log.story import Told, cause_of, facts_of, tell

__all__ = ["app"]

app = typer.Typer(help="One contact, as the log has it.", no_args_is_help=True)


@app.callback()
def _noun() -> None:
    """One contact, as the log has it."""


@app.command()
def timeline(
    contact: str = typer.Argument(help="workspace/contact_id"),
    prefix: str | None = typer.Option(None, help="Another prefix than ATTESA_PREFIX."),
    json: bool = typer.Option(False, "--json", help="One object for programs."),
) -> None:
    """Everything that was decided about a contact, first to last, each with its cause in the log."""
    if "/" not in contact:
        raise UsageError(f"{contact!r}: a contact is named workspace/contact_id, as in bottega/c0042")
    settings = load(**({"prefix": prefix} if prefix else {}))
    rows = [_row(told, json=json) for told in facts_of(settings, contact)]
    if not rows:
        raise UsageError(f"{settings.prefix} has no fact about {contact}")
    show(rows, json=json, title=contact)


def _row(told: Told, *, json: bool) -> dict[str, Any]:
    fact = told.fact
    at = datetime.fromtimestamp(fact.at / 1000, UTC)
    if json:
        place = {"partition": told.partition, "offset": told.offset}
        return {"fact": type(fact).__name__, "told": tell(fact), **place, **msgspec.to_builtins(fact)}
    return {"when (UTC)": f"{at:%a %d %b %H:%M:%S}", "what": tell(fact), "because of": cause_of(fact)}
