"""Errors of the projections, one class per thing that an operator would do about it.

AttesaError
├── NotReachableError       ClickHouse does not answer: look at the server, or at ATTESA_CLICKHOUSE
├── NotMigratedError        the tables are not there: attesa projections migrate
├── MigrationError          the database and this version's migrations disagree: no row was touched
├── RebuildError            another rebuild holds the table, or one died: let it end, or begin again
├── RowsRefusedError        ClickHouse answers and takes the rows for no reason that passes: read what it says
└── TooManyUndecodableError facts that are none: look at who writes to the topic, or upgrade
"""

from schemas.errors import AttesaError

__all__ = [
    "MigrationError",
    "NotMigratedError",
    "RebuildError",
    "RowsRefusedError",
    "TooManyUndecodableError",
]


class NotMigratedError(AttesaError):
    """The database has no tables of ours, or not all. `attesa projections migrate` makes them."""

    def __init__(self, where: str, detail: str) -> None:
        super().__init__(
            f"{where}: nothing is projected there yet ({detail}). `attesa projections migrate` makes the "
            "tables, `attesa projector` fills them; --prefix names another prefix"
        )


class MigrationError(AttesaError):
    """The database was migrated by other files than these."""


class RebuildError(AttesaError):
    """A table cannot be rebuilt now. The table itself is as it was."""


class RowsRefusedError(AttesaError):
    """ClickHouse refuses rows or a query, and would again."""

    def __init__(self, where: str, code: int, detail: str) -> None:
        super().__init__(f"{where}: ClickHouse refused with code {code}: {detail}")
        self.code = code


class TooManyUndecodableError(AttesaError):
    """So many records of the facts' topic are no facts that going on would drain it into dead letters."""
