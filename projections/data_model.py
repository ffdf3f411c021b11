"""The data model's page, made from the comments in the database: `python -m projections.data_model`.

It prints the page of the database that the settings name; `docs/data-model.md` is held to it by a test.
"""

import sys
from typing import Final

from clickhouse_driver import Client

from projections.client import connected
from streams.log.settings import load

__all__ = ["page"]

_HEAD: Final = """# The data model

What stands in ClickHouse. Made from the tables' own comments by `python -m projections.data_model`.

Every row is a function of one fact, so that what is delivered twice collapses to one row; read the tables
`FINAL` with `do_not_merge_across_partitions_select_final = 1`. Empty text stands for none, and times are
milliseconds since the epoch, UTC, 0 for none. Message texts, names, addresses, attributes and what providers
and operators wrote are never here; the facts hold what of it they may, sealed.
"""

_TABLES: Final = """
SELECT name, comment, sorting_key, partition_key, engine = 'View' AS is_view FROM system.tables
WHERE database = currentDatabase() AND NOT startsWith(name, '.') ORDER BY is_view, name
"""
_COLUMNS: Final = """
SELECT table, name, type, comment FROM system.columns WHERE database = currentDatabase()
ORDER BY table, position
"""


def page(client: Client) -> str:
    """The page of the client's database, in Markdown."""
    columns: dict[str, list[tuple[str, str, str]]] = {}
    for table, name, kind, comment in client.execute(_COLUMNS):
        columns.setdefault(table, []).append((name, kind, comment))
    parts = [_HEAD]
    for table, comment, sorting, partitioning, is_view in client.execute(_TABLES):
        kind = ", a view with parameters" if is_view else ""
        parts.append(f"\n## {table}{kind}\n\n{comment}.\n")
        if is_view:
            continue
        parts.append(
            f"\nSorted by `{sorting}`" + (f", parts by `{partitioning}`" if partitioning else "") + ".\n"
        )
        parts.append("\n| column | type | what it is |\n|---|---|---|\n")
        parts.extend(f"| {name} | {type_} | {meaning} |\n" for name, type_, meaning in columns[table])
    return "".join(parts)


if __name__ == "__main__":
    with connected(load()) as connection:
        sys.stdout.write(page(connection))
