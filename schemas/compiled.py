"""Encoders and decoders compiled from a schema: Python source made for one record's fields, in order.

fastavro interprets a schema at each value and builds a dict on the way; this writes a struct's fields and
calls its class: 2 to 3 times as fast for a message, about 1.5 times for a fact. It is also stricter: a
number beyond 64 bits is an error (fastavro writes it as a double), a union takes the member of exactly the
value's type.
https://avro.apache.org/docs/1.12.0/specification/#binary-encoding
"""

import struct
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, Final

import msgspec

from schemas.errors import AttesaError

__all__ = ["NoCodecError", "decoder", "encoder", "field_encoder"]

_SHORT: Final = 4_096
_DOUBLE: Final = struct.Struct("<d")
_PYTHON_TYPE: Final = {
    "null": type(None), "boolean": bool, "int": int, "long": int, "double": float,
    "string": str, "bytes": bytes, "array": list, "map": dict,
}  # fmt: skip

Add = Callable[[bytes], object]


class NoCodecError(AttesaError):
    """A schema uses a type that no record has so far: enum, fixed, float, a union of two records."""


def encoder(schema: Any, head: bytes) -> Callable[[Any], bytes]:
    """A function that makes a record's bytes, `head` first. It raises whatever a wrong value causes."""
    source = _Source()
    source.line(0, "def encode(record):")
    source.line(1, "parts = [HEAD]")
    source.line(1, "add = parts.append")
    source.write(schema, "record", 1)
    source.line(1, "return join(parts)")
    return source.function("encode", HEAD=head)


def field_encoder(avro: Any) -> Callable[[Any, Add], None]:
    """A function of a value and where its bytes go, for one type alone."""
    source = _Source()
    source.line(0, "def write(value, add):")
    source.write(avro, "value", 1)
    source.line(1, "return")
    return source.function("write")


def decoder(
    schema: Any, classes: Mapping[str, Callable[..., msgspec.Struct]], start: int
) -> Callable[[bytes], Any]:
    """A function that makes the record from its bytes, from `start` to their very end.

    It raises `ValueError`, `IndexError` or another on bytes that are none; a record that ends too soon or too
    late is a `ValueError`.
    """
    source = _Source()
    source.line(0, "def decode(data):")
    source.line(1, f"p = {start}")
    source.read(schema, "record", 1)
    source.line(1, "if p != len(data): left(len(data) - p)")
    source.line(1, "return record")
    return source.function("decode", **classes)


class _Source:
    """The source of one function, and the functions for its unions."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._names = count()
        self._scope: dict[str, Any] = {
            "LENGTHS": _LENGTHS, "join": b"".join, "long": _long, "int32": _int32, "boolean": _boolean,
            "octets": _octets, "sequence": _sequence, "more": _more, "negative": _negative, "left": _left,
            "wrong": _wrong, "double": _DOUBLE.pack, "to_double": _DOUBLE.unpack_from,
        }  # fmt: skip

    def line(self, depth: int, text: str) -> None:
        self._lines.append("    " * depth + text)

    def function(self, name: str, **scope: Any) -> Callable[..., Any]:
        self._scope.update(scope)
        # The source is made of the schema's field names alone, and these are Python identifiers (checked).
        exec("\n".join(self._lines), self._scope)  # noqa: S102
        made: Callable[..., Any] = self._scope[name]
        return made

    def write(self, avro: Any, value: str, depth: int) -> None:  # noqa: C901 - one case a type
        """Lines that write what the expression `value` gives."""
        match avro:
            case "null":
                self.line(depth, f"if {value} is not None: wrong({value})")
            case "string":
                text = self._name()
                self.line(depth, f"{text} = {value}.encode()")
                self._write_length(text, depth)
                self.line(depth, f"add({text})")
            case "bytes":
                held = self._name()
                self.line(depth, f"{held} = octets({value})")
                self._write_length(held, depth)
                self.line(depth, f"add({held})")
            case "boolean" | "long" | "double":
                self.line(depth, f"add({avro}({value}))")
            case "int":
                self.line(depth, f"add(int32({value}))")
            case list():
                self._write_union(avro, value, depth)
            case {"type": "array", "items": items}:
                self._write_block(
                    f"sequence({value})", depth, lambda item, inner: self.write(items, item, inner)
                )
            case {"type": "map", "values": values}:
                self._write_map(values, value, depth)
            case {"type": "record", "fields": fields}:
                for field in fields:
                    self.write(field["type"], f"{value}.{_identifier(field['name'])}", depth)
            case {"type": str(inner)} if inner in _PYTHON_TYPE:
                self.write(inner, value, depth)
            case _:
                raise NoCodecError(f"no codec for the type {avro}")

    def _write_length(self, name: str, depth: int) -> None:
        size = self._name()
        self.line(depth, f"{size} = len({name})")
        self.line(depth, f"add(LENGTHS[{size}] if {size} < {_SHORT} else long({size}))")

    def _write_block(self, value: str, depth: int, each: Callable[[str, int], None]) -> None:
        held, item = self._name(), self._name()
        self.line(depth, f"{held} = {value}")
        self.line(depth, f"if {held}:")
        self.line(depth + 1, f"add(long(len({held})))")
        self.line(depth + 1, f"for {item} in {held}:")
        each(item, depth + 2)
        self.line(depth, "add(b'\\0')")

    def _write_map(self, values: Any, value: str, depth: int) -> None:
        def each(item: str, inner: int) -> None:
            name, held = self._name(), self._name()
            self.line(inner, f"{name}, {held} = {item}")
            self.write("string", name, inner)
            self.write(values, held, inner)

        self._write_block(f"{value}.items()", depth, each)

    def _write_union(self, members: list[Any], value: str, depth: int) -> None:
        if len(members) == 2 and members[0] == "null":
            held = self._name()
            self.line(depth, f"{held} = {value}")
            self.line(depth, f"if {held} is None:")
            self.line(depth + 1, "add(b'\\0')")
            self.line(depth, "else:")
            self.line(depth + 1, "add(b'\\2')")
            self.write(members[1], held, depth + 1)
            return
        union = self._name()
        self._scope[union] = _union_writer(members)
        self.line(depth, f"{union}({value}, add)")

    def read(self, avro: Any, into: str, depth: int) -> None:  # noqa: C901 - one case a type
        """Lines that read a value at `p` into the variable `into`."""
        match avro:
            case "null":
                self.line(depth, f"{into} = None")
            case "string" | "bytes":
                size, end = self._name(), self._name()
                self._read_varint(size, depth)
                self.line(depth, f"if {size} & 1: negative()")
                self.line(depth, f"{end} = p + ({size} >> 1)")
                self.line(depth, f"{into} = data[p:{end}]" + (".decode()" if avro == "string" else ""))
                self.line(depth, f"p = {end}")
            case "int" | "long":
                self._read_varint(into, depth)
                self.line(depth, f"{into} = ({into} >> 1) ^ -({into} & 1)")
            case "boolean":
                self.line(depth, f"{into} = data[p] == 1 or (data[p] != 0 and wrong(data[p]))")
                self.line(depth, "p += 1")
            case "double":
                self.line(depth, f"{into} = to_double(data, p)[0]")
                self.line(depth, "p += 8")
            case list():
                self._read_union(avro, into, depth)
            case {"type": "array", "items": items}:
                item = self._name()
                self.line(depth, f"{into} = []")
                self._read_blocks(
                    depth, lambda inner: self.read(items, item, inner), f"{into}.append({item})"
                )
            case {"type": "map", "values": values}:
                name, item = self._name(), self._name()

                def pair(inner: int) -> None:
                    self.read("string", name, inner)
                    self.read(values, item, inner)

                self.line(depth, f"{into} = {{}}")
                self._read_blocks(depth, pair, f"{into}[{name}] = {item}")
            case {"type": "record", "name": name, "fields": fields}:
                held = {_identifier(field["name"]): self._name() for field in fields}
                for field in fields:
                    self.read(field["type"], held[field["name"]], depth)
                self.line(
                    depth, f"{into} = {name}({', '.join(f'{field}={at}' for field, at in held.items())})"
                )
            case {"type": str(inner)} if inner in _PYTHON_TYPE:
                self.read(inner, into, depth)
            case _:
                raise NoCodecError(f"no codec for the type {avro}")

    def _read_varint(self, into: str, depth: int) -> None:
        self.line(depth, f"{into} = data[p]")
        self.line(depth, "p += 1")
        self.line(depth, f"if {into} > 127: {into}, p = more(data, p, {into})")

    def _read_blocks(self, depth: int, each: Callable[[int], None], keep: str) -> None:
        size = self._name()
        self.line(depth, "while True:")
        self._read_varint(size, depth + 1)
        self.line(depth + 1, f"if not {size}: break")
        # A negative count is followed by the block's size in bytes.
        self.line(depth + 1, f"if {size} & 1:")
        self._read_varint(self._name(), depth + 2)
        self.line(depth + 1, f"for _ in range(({size} + 1) >> 1):")
        each(depth + 2)
        self.line(depth + 2, keep)

    def _read_union(self, members: list[Any], into: str, depth: int) -> None:
        branch = self._name()
        self.line(depth, f"{branch} = data[p]")
        self.line(depth, "p += 1")
        for index, member in enumerate(members):
            self.line(depth, f"{'elif' if index else 'if'} {branch} == {index * 2}:")
            self.read(member, into, depth + 1)
        self.line(depth, f"else: wrong({branch})")

    def _name(self) -> str:
        return f"_{next(self._names)}"


def _union_writer(members: list[Any]) -> Callable[[Any, Add], None]:
    """Writes a value as the member of exactly its type."""
    writers: dict[type, tuple[bytes, Callable[[Any, Add], None]]] = {}
    for index, member in enumerate(members):
        name = member["type"] if isinstance(member, dict) else member
        if name not in _PYTHON_TYPE or _PYTHON_TYPE[name] in writers:
            raise NoCodecError(f"no codec for the union {members}: {name} cannot be told from another member")
        writers[_PYTHON_TYPE[name]] = (_LENGTHS[index], field_encoder(member))

    def write(value: Any, add: Add) -> None:
        index, writer = writers[type(value)]
        add(index)
        writer(value, add)

    return write


def _varint(unsigned: int) -> bytes:
    if 0x7_FFFF_FFFF < unsigned < 0x400_0000_0000:
        # Six bytes: every time between 1970's second half and 2039, in most records twice.
        return bytes(
            (
                unsigned & 127 | 128,
                unsigned >> 7 & 127 | 128,
                unsigned >> 14 & 127 | 128,
                unsigned >> 21 & 127 | 128,
                unsigned >> 28 & 127 | 128,
                unsigned >> 35,
            )
        )
    out = bytearray()
    while unsigned > 127:
        out.append(unsigned & 127 | 128)
        unsigned >>= 7
    out.append(unsigned)
    return bytes(out)


_LENGTHS: Final = [_varint(size << 1) for size in range(_SHORT)]


def _long(value: int) -> bytes:
    if 0 <= value < _SHORT:
        return _LENGTHS[value]
    zigzag = (value << 1) ^ (value >> 63)
    if zigzag >> 64:
        raise OverflowError("beyond 64 bits")
    return _varint(zigzag)


def _int32(value: int) -> bytes:
    if not -0x8000_0000 <= value <= 0x7FFF_FFFF:
        raise OverflowError("beyond 32 bits")
    return _long(value)


def _boolean(value: Any) -> bytes:
    return b"\1" if value is True else b"\0" if value is False else _wrong(value)


def _octets(value: Any) -> bytes:
    return value if type(value) is bytes else _wrong(value)


def _sequence(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else _wrong(value)


def _more(data: bytes, at: int, first: int) -> tuple[int, int]:
    """The rest of a varint whose first byte says that there is more: its value, and where it ended."""
    value, shift = first & 127, 7
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            break
        shift += 7
        if shift > 63:
            raise ValueError("a number of more than ten bytes")
    if value >> 64:
        raise ValueError("a number beyond 64 bits")
    return value, at


def _negative() -> None:
    raise ValueError("a negative length")


def _left(size: int) -> None:
    raise ValueError(f"{size} bytes are left" if size > 0 else "it ends too soon")


def _wrong(value: Any) -> Any:
    raise TypeError(f"a {type(value).__name__} has no place here")


def _identifier(name: str) -> str:
    if not name.isidentifier() or name.startswith("_"):
        raise NoCodecError(f"the field {name!r} is no name for an attribute")
    return name
