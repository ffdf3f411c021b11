"""Blocks in ClickHouse's Native format: where one ends, what its columns are, and their types' full names.

Values are never decoded: a block goes from the client to the engine and back as it is. But nothing in it
says how long it is, so each type's layout on the wire has to be known.
Source: ClickHouse `src/Formats/NativeReader.cpp` and `src/DataTypes/Serializations/`.
"""

import re
import struct
from dataclasses import dataclass
from functools import lru_cache

from deploy.embedded.clickhouse.protocol import QueryError, WireReader, read_text, read_varint, text, varint

__all__ = [
    "Block",
    "Column",
    "UnknownLayoutError",
    "columns_of",
    "header",
    "read_block",
    "retype",
    "split",
    "wants_zone",
    "with_zones",
]

_UNKNOWN_LAYOUT = 50  # ClickHouse's UNKNOWN_TYPE
_SIZES = {
    "Bool": 1,
    "Enum8": 1,
    "Enum16": 2,
    "BFloat16": 2,
    "Float32": 4,
    "Float64": 8,
    "Nothing": 1,
    "Date": 2,
    "Date32": 4,
    "DateTime": 4,
    "DateTime64": 8,
    "Time": 4,
    "Time64": 8,
    "UUID": 16,
    "IPv4": 4,
    "IPv6": 16,
    **{f"{sign}Int{bits}": bits // 8 for sign in ("", "U") for bits in (8, 16, 32, 64, 128, 256)},
    **{f"Decimal{bits}": bits // 8 for bits in (32, 64, 128, 256)},
}
_ALIASES = {
    "Point": "Tuple(Float64, Float64)",
    "Ring": "Array(Point)",
    "LineString": "Array(Point)",
    "Polygon": "Array(Ring)",
    "MultiLineString": "Array(LineString)",
    "MultiPolygon": "Array(Polygon)",
}
# The largest precision of each width of Decimal.
_DECIMALS = ((9, "Decimal32"), (18, "Decimal64"), (38, "Decimal128"), (76, "Decimal256"))
_ELEMENT_NAME = re.compile(r"\A(?:`(?:[^`\\]|\\.)*`|\w+)\s+(?=\w)")
_INDEX_WIDTH = 0xFF


class UnknownLayoutError(QueryError):
    """A column's type has a layout that this server does not know."""

    def __init__(self, name: str) -> None:
        message = (
            f"the embedded ClickHouse cannot take columns of type {name} over the native protocol: "
            "cast them in SQL (toString, finalizeAggregation), or use a real server"
        )
        super().__init__(_UNKNOWN_LAYOUT, message)


@dataclass(frozen=True, slots=True)
class Column:
    """A column's name and its type, as ClickHouse writes it."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Block:
    """A block as it came: `raw` is its Native bytes, without BlockInfo."""

    columns: tuple[Column, ...]
    rows: int
    raw: bytes


@dataclass(frozen=True, slots=True)
class _Layout:
    kind: str
    inner: tuple["_Layout", ...] = ()
    size: int = 0


def read_block(reader: WireReader) -> Block:
    """The next block; raises UnknownLayoutError, after which the reader's place is lost."""
    reader.mark()
    width, rows = read_varint(reader), read_varint(reader)
    columns = []
    for _ in range(width):
        columns.append(Column(read_text(reader), read_text(reader)))
        if rows:
            _skip_column(reader, columns[-1].type, rows)
    return Block(tuple(columns), rows, reader.taken())


def split(raw: bytes) -> list[Block]:
    """All blocks in `raw`."""
    reader, blocks, left = _over(raw), [], len(raw)
    while left:
        blocks.append(read_block(reader))
        left -= len(blocks[-1].raw)
    return blocks


def columns_of(raw: bytes) -> tuple[Column, ...] | None:
    """The columns of the block at the start of `raw`; None if one has a layout that is not known here."""
    try:
        return read_block(_over(raw)).columns
    except UnknownLayoutError:
        return None


def header(columns: tuple[Column, ...]) -> bytes:
    """A block of these columns without rows: the driver takes names and types from it."""
    return varint(len(columns)) + varint(0) + b"".join(text(c.name) + text(c.type) for c in columns)


def wants_zone(columns: tuple[Column, ...]) -> bool:
    """Whether a time zone may have been dropped from a column's type.

    `FORMAT Native` speaks to a client of revision 0, which knows `DateTime('UTC')` as `DateTime` only.
    """
    return any(column.type == "DateTime" for column in columns)


def with_zones(columns: tuple[Column, ...], described: tuple[Column, ...]) -> tuple[Column, ...]:
    """`columns` with the time zones that `described` has for the same query."""
    if len(columns) != len(described):
        return columns
    return tuple(
        Column(mine.name, full.type)
        if mine.type == "DateTime" and full.type.startswith("DateTime(")
        else mine
        for mine, full in zip(columns, described, strict=True)
    )


def retype(raw: bytes, columns: tuple[Column, ...]) -> bytes:
    """The block `raw` with the types of `columns`, which must have the same layouts."""
    reader = _over(raw)
    width, rows = read_varint(reader), read_varint(reader)
    out = [varint(width), varint(rows)]
    for column in columns:
        out += [text(read_text(reader)), text(column.type)]
        written = read_text(reader)
        reader.mark()
        if rows:
            _skip_column(reader, written, rows)
        out.append(reader.taken())
    return b"".join(out)


def _over(raw: bytes) -> WireReader:
    return WireReader(iter((bytearray(raw), bytearray())).__next__)


def _skip_column(reader: WireReader, name: str, rows: int) -> None:
    layout = _layout(name)
    _skip_prefix(reader, layout)
    _skip_values(reader, layout, rows)


def _skip_prefix(reader: WireReader, layout: _Layout) -> None:
    """All prefixes of a column stand before its values, the outer types' first."""
    if layout.kind == "LowCardinality":
        reader.read(8)
        return
    for inner in layout.inner:
        _skip_prefix(reader, inner)


def _skip_values(reader: WireReader, layout: _Layout, rows: int) -> None:
    if not rows:
        return
    match layout.kind:
        case "fixed":
            reader.read(rows * layout.size)
        case "String":
            reader.read_strings(rows)
        case "Nullable":
            reader.read(rows)
            _skip_values(reader, layout.inner[0], rows)
        case "Array":
            (total,) = struct.unpack("<Q", reader.read(8 * rows)[-8:])
            _skip_values(reader, layout.inner[0], total)
        case "Tuple":
            for inner in layout.inner:
                _skip_values(reader, inner, rows)
        case "LowCardinality":
            flags, keys = struct.unpack("<QQ", reader.read(16))
            _skip_values(reader, layout.inner[0], keys)
            (indices,) = struct.unpack("<Q", reader.read(8))
            reader.read(indices << (flags & _INDEX_WIDTH))
        case _:
            raise AssertionError(layout.kind)


@lru_cache(maxsize=4096)
def _layout(name: str) -> _Layout:  # noqa: PLR0911  # one return for each kind of type
    name = _ALIASES.get(name, name)
    base, _, rest = name.partition("(")
    arguments = _arguments(rest[:-1])
    if base in _SIZES:
        return _Layout("fixed", size=_SIZES[base])
    match base:
        case "String":
            return _Layout("String")
        case "FixedString":
            return _Layout("fixed", size=int(arguments[0]))
        case "Decimal":
            width = next(width for precision, width in _DECIMALS if int(arguments[0]) <= precision)
            return _Layout("fixed", size=_SIZES[width])
        case "Nullable" | "Array":
            return _Layout(base, (_layout(arguments[0]),))
        case "LowCardinality":
            key = _layout(arguments[0])  # the dictionary holds plain values: its first one stands for NULL
            return _Layout(base, (key.inner[0] if key.kind == "Nullable" else key,))
        case "Tuple":
            return _Layout("Tuple", tuple(map(_element, arguments)))
        case "Map" | "Nested":
            return _Layout("Array", (_Layout("Tuple", tuple(map(_element, arguments))),))
        case "SimpleAggregateFunction":
            return _layout(arguments[1])
        case _:
            raise UnknownLayoutError(name)


def _element(argument: str) -> _Layout:
    """The type of a tuple's element, which may have a name before it."""
    return _layout(_ELEMENT_NAME.sub("", argument))


def _arguments(inside: str) -> list[str]:
    """`inside` cut at its outermost commas; quotes may hold commas and brackets."""
    pieces, start, depth = [], 0, 0
    for found in re.finditer(r"'(?:[^'\\]|\\.|'')*'|`(?:[^`\\]|\\.)*`|[(),]", inside):
        match found.group():
            case "(":
                depth += 1
            case ")":
                depth -= 1
            case "," if not depth:
                pieces.append(inside[start : found.start()].strip())
                start = found.end()
            case _:
                pass
    last = inside[start:].strip()
    return [*pieces, last] if last else pieces
