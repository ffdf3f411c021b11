"""Confluent's wire format: 0x00, the schema's id in four bytes (big-endian), the record in Avro binary.

A `Codec` parses each schema once. Times stay integers (ms since the epoch, UTC). A record is written by its
newest schema; what an older one wrote is resolved to the newest, by the rules of the Avro specification.
"""

import io
import struct
from collections.abc import Callable, Iterable
from typing import Any, Final, Literal, NamedTuple

import fastavro
import msgspec
from fastavro.schema import SchemaParseException
from fastavro.validation import validate

from schemas.catalog import Catalog, catalog
from schemas.errors import AttesaError
from schemas.registry import Registry, default_registry
from schemas.types import commands, facts, flow_commands, inputs, records

__all__ = [
    "Codec",
    "Reason",
    "UndecodableError",
    "UnencodableError",
    "decode",
    "encode",
    "without_logical_types",
]

Reason = Literal["not_wire_format", "unknown_schema", "undecodable", "wrong_record"]
"""Why bytes are no record: no wire format at all · an id that the registry does not know · a body that its
schema cannot read, or that goes on after its end · a record that has no place on this topic."""

_HEAD: Final = struct.Struct(">BI")
_MODULES: Final = (inputs, flow_commands, facts, commands, records)


class UndecodableError(AttesaError):
    """Bytes that are no record of this topic. They belong in the dead letters, with `reason`."""

    def __init__(
        self, reason: Reason, detail: str, *, schema_id: int | None = None, record: str | None = None
    ) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: Reason = reason
        self.detail = detail
        self.schema_id = schema_id
        self.record = record


class UnencodableError(AttesaError):
    """A record with a value that its schema has no room for. The text names the field, never the value."""

    def __init__(self, record: str, field: str | None, detail: str) -> None:
        super().__init__(f"{record}{f'.{field}' if field else ''}: {detail}")
        self.record = record
        self.field = field


class _Writer(NamedTuple):
    name: str
    head: bytes
    schema: Any
    nested: tuple[str, ...]


class _Reader(NamedTuple):
    written: Any
    newest: Any
    make: Callable[..., msgspec.Struct]
    nested: tuple[tuple[str, Callable[..., msgspec.Struct]], ...]


class Codec:
    """Encodes and decodes the records of some kinds; of all kinds if none is named. Safe between threads."""

    def __init__(
        self, kinds: Iterable[str] = (), *, registry: Registry | None = None, files: Catalog | None = None
    ) -> None:
        self._registry: Registry = registry if registry is not None else default_registry()
        self._files = files if files is not None else catalog()
        classes = _classes()
        self._classes = {name: classes[name] for name in self._files.names(*kinds)}
        self._newest = {name: _parse(self._files.newest(name).schema) for name in self._classes}
        self._writers: dict[type, _Writer] = {}
        self._readers: dict[int, _Reader] = {}

    def encode(self, record: msgspec.Struct) -> bytes:
        """The record in the wire format. Raises `UnencodableError`."""
        return self.encode_fields(type(record), msgspec.structs.asdict(record))

    def encode_fields(self, cls: type, fields: dict[str, Any]) -> bytes:
        """The same from the record's fields; takes `fields` over. Raises `UnencodableError`."""
        writer = self._writers.get(cls) or self._writer(cls)
        for name in writer.nested:
            fields[name] = msgspec.structs.asdict(fields[name])
        out = io.BytesIO()
        out.write(writer.head)
        try:
            fastavro.schemaless_writer(out, writer.schema, fields)
        except Exception as error:  # noqa: BLE001 - whatever did not fit, it is one error to the caller
            raise _unencodable(writer, fields, error) from None
        return out.getvalue()

    def decode(self, data: bytes | None) -> Any:
        """The record in these bytes. Raises `UndecodableError`; and what a registry raises that is away."""
        if data is None or len(data) < _HEAD.size or data[0] != 0:
            raise UndecodableError("not_wire_format", _why_not_wire(data))
        schema_id = int.from_bytes(data[1:5], "big")
        reader = self._readers.get(schema_id) or self._reader(schema_id)
        source = io.BytesIO(data)
        source.seek(_HEAD.size)
        try:
            fields: Any = fastavro.schemaless_reader(source, reader.written, reader.newest)
            for name, make in reader.nested:
                fields[name] = make(**fields[name])
            record = reader.make(**fields)
        except Exception as error:
            raise UndecodableError(
                "undecodable",
                f"the body does not read as {reader.make.__name__}: {type(error).__name__}",
                schema_id=schema_id,
                record=reader.make.__name__,
            ) from error
        if source.tell() != len(data):
            raise UndecodableError(
                "undecodable",
                f"{len(data) - source.tell()} bytes are left after {reader.make.__name__}",
                schema_id=schema_id,
                record=reader.make.__name__,
            )
        return record

    def _writer(self, cls: type) -> _Writer:
        name = cls.__name__
        if self._classes.get(name) is not cls:
            raise UnencodableError(name, None, f"is none of {', '.join(self._classes)}")
        head = _HEAD.pack(0, self._registry.id_of(name))
        nested = tuple(field for field, _ in _nested(cls))
        writer = self._writers[cls] = _Writer(name, head, self._newest[name], nested)
        return writer

    def _reader(self, schema_id: int) -> _Reader:
        try:
            written = self._registry.schema(schema_id)
        except KeyError:
            raise UndecodableError(
                "unknown_schema", f"no schema has the id {schema_id}", schema_id=schema_id
            ) from None
        cls = self._classes.get(written.record)
        if cls is None:
            raise UndecodableError(
                "wrong_record",
                f"{written.record} has no place here",
                schema_id=schema_id,
                record=written.record,
            )
        is_newest = written.version == self._files.newest(written.record).version
        newest = self._newest[written.record]
        reader = self._readers[schema_id] = _Reader(
            newest if is_newest else _parse(written.schema), None if is_newest else newest, cls, _nested(cls)
        )
        return reader


def encode(record: msgspec.Struct, *, registry: Registry | None = None) -> bytes:
    """One record of any kind in the wire format. For many, keep a `Codec`."""
    return _any_kind(registry).encode(record)


def decode(data: bytes | None, *kinds: str, registry: Registry | None = None) -> Any:
    """The record in these bytes, of any kind or of these alone. For many, keep a `Codec`."""
    return (Codec(kinds, registry=registry) if kinds else _any_kind(registry)).decode(data)


def without_logical_types(avro: Any) -> Any:
    """A schema whose timestamps are plain integers."""
    match avro:
        case dict():
            return {
                name: value if name == "default" else without_logical_types(value)
                for name, value in avro.items()
                if name != "logicalType"
            }
        case list():
            return [without_logical_types(member) for member in avro]
        case _:
            return avro


_shared: Codec | None = None


def _any_kind(registry: Registry | None) -> Codec:
    global _shared  # noqa: PLW0603 - parsing sixty schemas costs 20 ms
    if registry is not None:
        return Codec(registry=registry)
    if _shared is None:
        _shared = Codec()
    return _shared


def _classes() -> dict[str, type[msgspec.Struct]]:
    return {
        name: cls
        for module in _MODULES
        for name, cls in vars(module).items()
        if isinstance(cls, type) and issubclass(cls, msgspec.Struct) and cls is not msgspec.Struct
    }


def _nested(cls: type[Any]) -> tuple[tuple[str, Callable[..., msgspec.Struct]], ...]:
    """Fields of a class that are structs themselves: facts have one, their cause."""
    return tuple(
        (field.name, field.type)
        for field in msgspec.structs.fields(cls)
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct)
    )


def _parse(schema: dict[str, Any]) -> Any:
    return fastavro.parse_schema(without_logical_types(schema))


def _why_not_wire(data: bytes | None) -> str:
    if data is None:
        return "there is no value"
    if len(data) < _HEAD.size:
        return f"{len(data)} bytes are too short for a schema id"
    return f"the first byte is 0x{data[0]:02x}, not 0x00"


def _unencodable(writer: _Writer, fields: dict[str, Any], error: Exception) -> UnencodableError:
    """Names the first field whose value does not fit; the library's own text would quote the value."""
    for field in writer.schema["fields"]:
        value = fields.get(field["name"])
        try:
            fits = validate(value, field["type"], raise_errors=False)
        except (SchemaParseException, TypeError, ValueError, KeyError):
            fits = False
        if not fits:
            return UnencodableError(
                writer.name, field["name"], f"a {type(value).__name__} does not fit the schema"
            )
    return UnencodableError(writer.name, None, f"does not fit its schema ({type(error).__name__})")
