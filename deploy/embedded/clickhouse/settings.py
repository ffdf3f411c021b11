"""The settings that come with a query: laid over the client's own, and taken away after it."""

import logging

from deploy.embedded.clickhouse.engine import Connection
from deploy.embedded.clickhouse.protocol import QueryError, Setting
from deploy.embedded.clickhouse.statements import identifier, literal

__all__ = ["SessionSettings"]

log = logging.getLogger(__name__)

_UNKNOWN_SETTING = 115


class SessionSettings:
    """The settings of a client's connection to the engine.

    Clients mostly send the same ones with each query, so they are left in place until others come.
    `tag` is what `log_comment` starts with: by it a query is found when it is to be ended.
    """

    def __init__(self, connection: Connection, tag: str) -> None:
        self._connection = connection
        self._tag = tag
        self._overlay: dict[str, Setting] = {}
        self._beneath: dict[str, str | None] = {}
        self._own: list[str] = []
        # As a real server has it: an INSERT is acknowledged when its rows are in the table.
        connection.run(f"SET log_comment={literal(tag)}, async_insert=0")

    def lay(self, wanted: dict[str, Setting]) -> None:
        """Put `wanted` in force, and what was there before back for the settings that it does not name."""
        if wanted == self._overlay:
            return
        for name in self._overlay.keys() - wanted.keys():
            self._connection.run(self._statement(name, self._beneath.pop(name)))
            del self._overlay[name]
        for name, setting in wanted.items():
            if self._overlay.get(name) != setting:
                self._lay_one(name, setting)

    def note(self, statement: str) -> None:
        """Remember a SET statement that the client ran itself."""
        self._own.append(statement)

    def statements(self) -> list[str]:
        """The SET statements that bring another connection to the same settings."""
        return [
            *self._own,
            *(self._statement(name, setting.value) for name, setting in self._overlay.items()),
        ]

    def _lay_one(self, name: str, setting: Setting) -> None:
        beneath = self._beneath[name] if name in self._beneath else self._value(name)
        try:
            self._connection.run(self._statement(name, setting.value))
        except QueryError as error:
            if setting.important or error.code != _UNKNOWN_SETTING:
                raise
            log.info("%s the setting %s is not known and left out", self._tag, name)
        else:
            self._overlay[name], self._beneath[name] = setting, beneath

    def _value(self, name: str) -> str | None:
        """The connection's present value of a setting; None if it is the default."""
        rows = self._connection.rows(
            f"SELECT value FROM system.settings WHERE name = {literal(name)} AND changed"  # noqa: S608  # quoted
        )
        return str(rows[0][0]) if rows else None

    def _statement(self, name: str, value: str | None) -> str:
        if name == "log_comment":
            value = self._tag + (value or "").removeprefix(self._tag)
        return f"SET {identifier(name)}={'DEFAULT' if value is None else literal(value)}"
