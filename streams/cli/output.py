"""How commands show what they found: a table for people, one object for programs."""

import csv
import json as json_module
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

__all__ = ["console", "show", "show_csv"]

PIPED_WIDTH = 140
"""Columns where standard output is no terminal: tables are not folded for a screen that is not there."""

console = Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)
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
    rows = [_flat(row) for row in rows]
    table = Table(header_style="bold", box=None, pad_edge=False)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    for name in columns:
        numeric = all(isinstance(row.get(name), int | float | type(None)) for row in rows)
        table.add_column(name.replace("_", " "), justify="right" if numeric else "left")
    for row in rows:
        table.add_row(*(_text(row.get(name)) for name in columns))
    if not rows:
        console.print(f"{title or 'nothing'}: no rows")
        return
    if title is not None:
        # A table's own title would be folded to its width.
        console.print(title, style="italic", markup=False, highlight=False, soft_wrap=True)
    console.print(table)


def show_csv(rows: Sequence[Mapping[str, Any]]) -> None:
    """Prints rows as CSV (RFC 4180, a header, UTF-8): nothing is an empty cell, a mapping has a column for
    each of its keys, a list none.
    """
    told = [
        {
            name: value
            for name, cell in row.items()
            if not isinstance(cell, list)
            for name, value in (_named(name, cell).items() if isinstance(cell, Mapping) else ((name, cell),))
        }
        for row in rows
    ]
    writer = csv.DictWriter(sys.stdout, list(dict.fromkeys(name for row in told for name in row)))
    writer.writeheader()
    writer.writerows(told)


def _named(name: str, cell: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{name}_{key}": value for key, value in cell.items()}


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row whose cells that are mappings have become columns of their own."""
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, Mapping):
            unit = " s" if name.endswith("_seconds") else ""
            flat |= {f"{key}{unit}": item for key, item in value.items()}
        else:
            flat[name] = value
    return flat


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
            return f"{value:.3f}" if abs(value) < 100 else f"{value:,.0f}"
        case _:
            return str(value)
