"""What kind of statement a client sent: just enough of ClickHouse's lexer to send it the right way.

A statement is one of three: rows to insert that follow as blocks, a query whose result streams, or any other.
The engine parses it again and alone decides whether it is right.
"""

import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from deploy.embedded.clickhouse.protocol import QueryError

__all__ = ["InsertRows", "Other", "Select", "Statement", "classify", "identifier", "literal"]

_SYNTAX_ERROR, _NOT_IMPLEMENTED = 62, 48
# Creating one of these fails in this engine, and then the data folder never opens again.
_REFUSED_ENGINES = frozenset({"kafka"})
_TOKEN = re.compile(
    r"""(?P<skip>\s+|--[^\n]*|\#[!\ ][^\n]*|/\*.*?\*/)
      | (?P<string>'(?:[^'\\]|\\.|'')*'|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
      | (?P<quoted>`(?:[^`\\]|\\.|``)*`|"(?:[^"\\]|\\.|"")*")
      | (?P<word>[A-Za-z_]\w*)
      | (?P<number>\d[\w.]*)
      | (?P<mark>.)""",
    re.DOTALL | re.VERBOSE,
)
_OPEN, _CLOSE = frozenset("([{"), frozenset(")]}")


@dataclass(frozen=True, slots=True)
class InsertRows:
    """An INSERT whose rows follow as blocks.

    `head` is its text up to the columns (`INSERT INTO t`), `source` what DESCRIBE takes, `columns` the list
    as it was given (None: it was not), `names` the plain names in it (None: it has others), `tail` SETTINGS.
    """

    head: str
    source: str
    columns: str | None
    names: tuple[str, ...] | None
    tail: str


@dataclass(frozen=True, slots=True)
class Select:
    """A query whose result is streamed; without FORMAT, which the protocol ignores."""

    text: str


@dataclass(frozen=True, slots=True)
class Other:
    """Any other statement: its first word in capitals, and whether it makes a temporary table."""

    text: str
    verb: str
    temporary: bool = False


Statement = InsertRows | Select | Other


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int
    depth: int

    @property
    def word(self) -> str:
        return self.text.upper() if self.kind == "word" else ""


def classify(sql: str, formats: AbstractSet[str]) -> Statement:
    """Which statement `sql` is; `formats` are the names that may stand after FORMAT.

    Raises QueryError for what must not reach the engine: several statements at once, an engine that
    would leave the data folder unusable.
    """
    first = next((token for token in _tokens(sql) if token.text != "("), None)
    match first.word if first else "":
        case "INSERT":
            return _insert(sql)
        case "SELECT" | "FROM":
            return Select(_bare(sql, formats))
        case "WITH":
            leading = (t.word for t in _tokens(sql) if t.depth == 0)
            verb = next((word for word in leading if word in {"SELECT", "INSERT"}), "WITH")
            bare = _bare(sql, formats)
            return Other(bare, verb) if verb == "INSERT" else Select(bare)
        case "CREATE" | "ATTACH" | "REPLACE" as verb:
            words = [token for token in _tokens(sql) if token.kind in {"word", "quoted"} or token.text == "="]
            _refuse_engines(words)
            temporary = any(token.word in {"TEMPORARY", "TEMP"} for token in words[:4])
            return Other(_bare(sql, frozenset()), verb, temporary)
        case "SHOW" | "DESCRIBE" | "DESC" | "EXISTS" | "EXPLAIN" | "CHECK" as verb:
            return Other(_bare(sql, formats), verb)
        case verb:
            return Other(_bare(sql, frozenset()), verb)


def literal(value: str) -> str:
    """`value` as a string of ClickHouse's SQL."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def identifier(name: str) -> str:
    """`name` as a quoted identifier of ClickHouse's SQL."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


def _tokens(sql: str, start: int = 0) -> Iterator[_Token]:
    """What is neither space nor comment; a bracket has the depth that is outside it."""
    depth = 0
    for found in _TOKEN.finditer(sql, start):
        kind = found.lastgroup or ""
        if kind == "tag":
            kind = "string"
        if kind == "skip":
            continue
        word = found.group()
        if kind == "mark" and word in _CLOSE:
            depth -= 1
        yield _Token(kind, word, found.start(), found.end(), depth)
        if kind == "mark" and word in _OPEN:
            depth += 1


def _bare(sql: str, formats: AbstractSet[str]) -> str:
    """`sql` without the comments before it, its last semicolon and, where it may have one, its FORMAT."""
    tokens = list(_tokens(sql))
    ended = next((i for i, token in enumerate(tokens) if token.text == ";" and token.depth == 0), len(tokens))
    if any(token.text != ";" for token in tokens[ended:]):
        raise QueryError(
            _SYNTAX_ERROR, "Syntax error (Multi-statements are not allowed): send one statement at a time"
        )
    tokens = tokens[:ended]
    if not tokens:
        raise QueryError(_SYNTAX_ERROR, "Syntax error: Empty query")
    start, end = tokens[0].start, tokens[-1].end
    for place in range(len(tokens) - 2, -1, -1):
        word, name = tokens[place : place + 2]
        last = place + 2 == len(tokens) or tokens[place + 2].word == "SETTINGS"
        if last and word.depth == 0 and word.word == "FORMAT" and name.text in formats:
            return sql[start : word.start] + sql[name.end : end]
    return sql[start:end]


def _refuse_engines(words: list[_Token]) -> None:
    for place, token in enumerate(words):
        if token.word != "ENGINE":
            continue
        named = next((word.text for word in words[place + 1 :] if word.text != "="), "").strip('`"')
        if named.casefold() in _REFUSED_ENGINES:
            raise QueryError(
                _NOT_IMPLEMENTED,
                f"the embedded ClickHouse has no table engine {named}: the projector reads Kafka, "
                "tables here take its INSERTs; use a real server for this engine",
            )


def _insert(sql: str) -> Statement:
    """INSERT INTO [TABLE] [FUNCTION] source [(columns)] [SETTINGS …] {VALUES | FORMAT f}, if that is all."""
    start = _rows_marker(sql)
    if start is None:
        return Other(_bare(sql, frozenset()), "INSERT")
    if start < 0:
        return Other(sql, "INSERT")
    tokens = list(_tokens(sql[:start]))
    place = 1 + (len(tokens) > 1 and tokens[1].word == "INTO")
    place += len(tokens) > place and tokens[place].word == "TABLE"
    function = len(tokens) > place and tokens[place].word == "FUNCTION"
    place += function
    if place >= len(tokens):
        return Other(sql, "INSERT")
    first = place
    place += 1
    while place < len(tokens) and (tokens[place].text == "." or tokens[place - 1].text == "."):
        place += 1
    if function:
        place = _after_brackets(tokens, place)
    source = sql[tokens[first].start : tokens[place - 1].end]
    head = sql[tokens[0].start : tokens[place - 1].end]
    if place == len(tokens) or tokens[place].text != "(":
        return InsertRows(head, source, None, None, sql[tokens[place - 1].end : start])
    after = _after_brackets(tokens, place)
    inside = tokens[place + 1 : after - 1]
    columns = sql[tokens[place].end : tokens[after - 1].start]
    return InsertRows(head, source, columns, _plain_names(inside), sql[tokens[after - 1].end : start])


def _rows_marker(sql: str) -> int | None:
    """Where VALUES or FORMAT stands if it ends the statement.

    -1 if rows in some format follow it in the text (their lexer is not SQL's), None for any other INSERT.
    """
    tokens = _tokens(sql)
    for token in tokens:
        if token.depth or token.word not in {"VALUES", "FORMAT", "SELECT", "WITH", "FROM"}:
            continue
        if token.word not in {"VALUES", "FORMAT"}:
            return None
        if token.word == "FORMAT":
            next(tokens, None)
        if next((found for found in tokens if found.text != ";"), None) is None:
            return token.start
        return -1 if token.word == "FORMAT" else None
    return None


def _after_brackets(tokens: list[_Token], place: int) -> int:
    """The place after the bracket that closes the one at `place`."""
    depth = tokens[place].depth
    closing = (i for i in range(place + 1, len(tokens)) if tokens[i].depth == depth)
    return next(closing, len(tokens) - 1) + 1


def _plain_names(inside: list[_Token]) -> tuple[str, ...] | None:
    """The names in a list like `a, "b"`; None if it is more than that (`* EXCEPT c`, `t.a`)."""
    names, commas = inside[::2], inside[1::2]
    plain = all(t.kind in {"word", "quoted"} for t in names) and all(t.text == "," for t in commas)
    if not inside or not plain or len(names) != len(commas) + 1:
        return None
    return tuple(map(_unquoted, names))


def _unquoted(token: _Token) -> str:
    if token.kind == "word":
        return token.text
    quote = token.text[0]
    return re.sub(r"\\(.)", r"\1", token.text[1:-1].replace(quote * 2, quote))
