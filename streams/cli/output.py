"""How commands show what they found: a table for people, one object for programs."""

import json as json_module
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

__all__ = ["console", "show"]

console = Console()
"""Standard output. Progress and questions go to standard error."""


def show(
    rows: Sequence[Mapping[str, Any]], *, json: bool = False, title: str | None = None, **extra: Any
) -> None:
    """Prints rows as a table, or with `json` as one object: `{"rows": [...], **extra}`."""
    if json:
        sys.stdout.write(
            json_module.dumps({**extra, "rows": list(rows)}, ensure_ascii=False, default=str) + "\n"
        )
        return
    table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    for name in columns:
        numeric = all(isinstance(row.get(name), int | float | type(None)) for row in rows)
        table.add_column(name.replace("_", " "), justify="right" if numeric else "left")
    for row in rows:
        table.add_row(*(_text(row.get(name)) for name in columns))
    console.print(table if rows else f"{title or 'nothing'}: no rows")


def _text(value: Any) -> str:
    """A cell: nothing is a dash, whole numbers are grouped, rates have three digits."""
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:.3f}"
        case Mapping():
            return ", ".join(f"{name} {_text(item)}" for name, item in value.items())
        case _:
            return str(value)
