"""The conditions of `--where`: read into columns and literals, never pasted into a query.

`channel = whatsapp and (hour >= 9 or not weekday in (sat, sun)) and arm is not none`. Each column becomes an
expression that the report knows, each literal a query parameter; nothing else that was written gets any
further. `and` binds closer than `or`.
"""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal, NamedTuple, NoReturn

from schemas.errors import UsageError
from streams.flows.parsing.scalars import DAYS

__all__ = ["Column", "Condition", "condition"]

LONGEST: Final = 2_000
DEEPEST: Final = 30

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*'|\"[^\"]*\")|(?P<sign><=|>=|!=|<>|=|<|>|\(|\)|,)|(?P<word>[\w.:+-]+))"
)
_COMPARISONS: Final = frozenset({"=", "!=", "<>", "<", "<=", ">", ">="})


class Column(NamedTuple):
    """What a condition may ask about."""

    sql: str
    """Its expression in the report's query."""
    kind: Literal["text", "number", "hour", "weekday", "day"]


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition as SQL whose literals are parameters."""

    sql: str
    parameters: dict[str, str | int]


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


def condition(text: str, columns: Mapping[str, Column]) -> Condition:
    """The condition over these columns. Raises `UsageError` that shows the place."""
    if len(text) > LONGEST:
        raise UsageError(f"--where: {len(text):,} characters; {LONGEST:,} are the most")
    parser = _Parser(text, columns)
    sql = parser.either(0)
    if parser.here is not None:
        parser.fail("and, or, or the end was expected")
    return Condition(sql, parser.parameters)


class _Parser:
    def __init__(self, text: str, columns: Mapping[str, Column]) -> None:
        self._text, self._columns = text, columns
        self._tokens = _tokens(text)
        self._at = 0
        self.parameters: dict[str, str | int] = {}

    @property
    def here(self) -> _Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def fail(self, expected: str) -> NoReturn:
        place = "at its end" if self.here is None else f"at {self._text[self.here.at :][:20]!r}"
        raise UsageError(
            f"--where {self._text}: {place}, {expected}. Write as: channel = whatsapp and hour >= 9, "
            "step in (ask, ask-again), arm is none; texts with spaces in quotes"
        )

    def either(self, depth: int) -> str:
        parts = [self._both(depth)]
        while self._word("or"):
            parts.append(self._both(depth))
        return parts[0] if len(parts) == 1 else f"({' OR '.join(parts)})"

    def _both(self, depth: int) -> str:
        parts = [self._one(depth)]
        while self._word("and"):
            parts.append(self._one(depth))
        return parts[0] if len(parts) == 1 else f"({' AND '.join(parts)})"

    def _one(self, depth: int) -> str:
        if depth > DEEPEST:
            self.fail(f"no more than {DEEPEST} levels are taken")
        if self._word("not"):
            return f"(NOT {self._one(depth + 1)})"
        if self._sign("("):
            inner = self.either(depth + 1)
            if not self._sign(")"):
                self.fail(") was expected")
            return inner
        return self._comparison()

    def _comparison(self) -> str:
        column = self._column()
        if self._word("is"):
            negated = self._word("not")
            if not (self._word("none") or self._word("null")):
                self.fail("none was expected")
            if column.kind not in {"text", "number"}:
                self.fail("hours, weekdays and days are never none")
            # Empty text and version 0 stand for none.
            none = "''" if column.kind == "text" else "0"
            return f"({column.sql} {'!=' if negated else '='} {none})"
        negated = self._word("not")
        if self._word("in"):
            return f"({column.sql} {'NOT IN' if negated else 'IN'} ({', '.join(self._list(column))}))"
        token = self.here
        if negated or token is None or token.text not in _COMPARISONS or token.kind != "sign":
            self.fail("=, !=, <, <=, >, >=, in, not in, is none or is not none was expected")
        self._at += 1
        sign = "!=" if token.text == "<>" else token.text
        return f"({column.sql} {sign} {self._literal(column)})"

    def _column(self) -> Column:
        token = self.here
        if token is None or token.kind != "word":
            self.fail("a column was expected")
        if token.text not in self._columns:
            near = difflib.get_close_matches(token.text, self._columns, n=1, cutoff=0.0)
            self.fail(
                f"there is no such column; did you mean {near[0]}? There are {', '.join(self._columns)}"
            )
        self._at += 1
        return self._columns[token.text]

    def _list(self, column: Column) -> list[str]:
        if not self._sign("("):
            self.fail("( was expected")
        literals = [self._literal(column)]
        while self._sign(","):
            literals.append(self._literal(column))
        if not self._sign(")"):
            self.fail(", or ) was expected")
        return literals

    def _literal(self, column: Column) -> str:
        token = self.here
        if token is None or token.kind == "sign":
            self.fail("a value was expected")
        name = f"where_{len(self.parameters)}"
        value: str | int
        match column.kind:
            case "text":
                value, kind = _unquoted(token), "String"
            case "day":
                value, kind = self._day(token), "Date"
            case "number" | "hour" | "weekday":
                value, kind = self._number(token, column.kind), "Int64"
        self._at += 1
        self.parameters[name] = value
        return f"{{{name}:{kind}}}"

    def _number(self, token: _Token, kind: str) -> int:
        text = _unquoted(token)
        if kind == "weekday" and text.lower() in DAYS:
            return DAYS.index(text.lower()) + 1
        if not re.fullmatch(r"[0-9]{1,9}", text):
            self.fail("a number was expected" + (", or mon … sun" if kind == "weekday" else ""))
        return int(text)

    def _day(self, token: _Token) -> str:
        try:
            return date.fromisoformat(_unquoted(token)).isoformat()
        except ValueError:
            self.fail("a day was expected, as 2025-03-01")

    def _word(self, word: str) -> bool:
        return self._takes("word", word)

    def _sign(self, sign: str) -> bool:
        return self._takes("sign", sign)

    def _takes(self, kind: str, text: str) -> bool:
        token = self.here
        if token is None or token.kind != kind or token.text.lower() != text:
            return False
        self._at += 1
        return True


def _tokens(text: str) -> list[_Token]:
    tokens, at = [], 0
    end = len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None:
            raise UsageError(f"--where {text}: at {text[at:][:20]!r}, nothing of the kind is known here")
        kind = str(found.lastgroup)
        tokens.append(_Token(kind, found[kind], found.start(kind)))
        at = found.end()
    return tokens


def _unquoted(token: _Token) -> str:
    if token.kind != "text":
        return token.text
    inner = token.text[1:-1]
    return inner.replace("''", "'") if token.text[0] == "'" else inner
