"""Confluent's wire format: 0x00, the schema's id in four bytes (big-endian), the record in Avro binary.

A `Codec` compiles each schema once. Times stay integers (ms since the epoch, UTC). A record is written by its
newest schema; what an older one wrote is resolved to the newest, by the rules of the Avro specification.
"""

import io
import struct
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, Final, Literal

import fastavro
import msgspec

from schemas.catalog import Catalog, catalog
from schemas.compiled import decoder, encoder, field_encoder
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


class Codec:
    """Encodes and decodes the records of some kinds; of all kinds if none is named. Safe between threads."""

    def __init__(
        self, kinds: Iterable[str] = (), *, registry: Registry | None = None, files: Catalog | None = None
    ) -> None:
        self._registry: Registry = registry if registry is not None else default_registry()
        self._files = files if files is not None else catalog()
        classes = _classes()
        self._classes = {name: classes[name] for name in self._files.names(*kinds)}
        self._encoders: dict[type, Callable[[Any], bytes]] = {}
        self._decoders: dict[int, Callable[[bytes], Any]] = {}

    def encode(self, record: msgspec.Struct) -> bytes:
        """The record in the wire format. Raises `UnencodableError`."""
        cls = type(record)
        encoder = self._encoders.get(cls) or self._make_encoder(cls)
        try:
            return encoder(record)
        except Exception as error:  # noqa: BLE001 - whatever did not fit, it is one error to the caller
            raise self._unencodable(record, error) from None

    def decode(self, data: bytes | None) -> Any:
        """The record in these bytes. Raises `UndecodableError`; and what a registry raises that is away."""
        if data is None or len(data) < _HEAD.size or data[0] != 0:
            raise UndecodableError("not_wire_format", _why_not_wire(data))
        schema_id = int.from_bytes(data[1:5], "big")
        decoder = self._decoders.get(schema_id) or self._make_decoder(schema_id)
        try:
            return decoder(data)
        except Exception as error:
            record = self._registry.schema(schema_id).record
            raise UndecodableError(
                "undecodable",
                f"the body does not read as {record} ({type(error).__name__}: {error})",
                schema_id=schema_id,
                record=record,
            ) from error

    def _make_encoder(self, cls: type) -> Callable[[Any], bytes]:
        name = cls.__name__
        if self._classes.get(name) is not cls:
            raise UnencodableError(name, None, f"is none of {', '.join(self._classes)}")
        head = _HEAD.pack(0, self._registry.id_of(name))
        made = self._encoders[cls] = encoder(self._files.newest(name).schema, head)
        return made

    def _make_decoder(self, schema_id: int) -> Callable[[bytes], Any]:
        try:
            written = self._registry.schema(schema_id)
        except KeyError:
            raise UndecodableError(
                "unknown_schema", f"no schema has the id {schema_id}", schema_id=schema_id
            ) from None
        if written.record not in self._classes:
            raise UndecodableError(
                "wrong_record",
                f"{written.record} has no place here",
                schema_id=schema_id,
                record=written.record,
            )
        newest = self._files.newest(written.record)
        made = self._decoders[schema_id] = (
            decoder(newest.schema, _classes(), _HEAD.size)
            if written.version == newest.version
            else _resolving(written.schema, newest.schema, self._classes[written.record])
        )
        return made

    def _unencodable(self, record: msgspec.Struct, error: Exception) -> UnencodableError:
        """Names the first field whose value does not fit, and its type: the value may be personal."""
        name = type(record).__name__
        for field in self._files.newest(name).schema["fields"]:
            value = getattr(record, field["name"])
            try:
                field_encoder(field["type"])(value, bytearray().extend)
            except Exception as wrong:  # noqa: BLE001 - as in encode
                said = f"a {type(value).__name__} that does not fit the schema ({type(wrong).__name__})"
                return UnencodableError(name, field["name"], said)
        return UnencodableError(name, None, f"does not fit its schema ({type(error).__name__})")


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


@cache
def _classes() -> dict[str, type[msgspec.Struct]]:
    return {
        name: cls
        for module in _MODULES
        for name, cls in vars(module).items()
        if isinstance(cls, type) and issubclass(cls, msgspec.Struct) and cls is not msgspec.Struct
    }


def _resolving(written: Any, newest: Any, cls: type[msgspec.Struct]) -> Callable[[bytes], Any]:
    """Reads what an older (or newer) version wrote, by Avro's resolution rules."""
    writer, reader = (fastavro.parse_schema(without_logical_types(schema)) for schema in (written, newest))
    nested = [
        (field.name, field.type)
        for field in msgspec.structs.fields(cls)
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct)
    ]

    def decode(data: bytes) -> Any:
        source = io.BytesIO(data)
        source.seek(_HEAD.size)
        fields: Any = fastavro.schemaless_reader(source, writer, reader)
        if source.tell() != len(data):
            raise ValueError(f"{len(data) - source.tell()} bytes are left")
        for name, inner in nested:
            fields[name] = inner(**fields[name])
        return cls(**fields)

    return decode


def _why_not_wire(data: bytes | None) -> str:
    if data is None:
        return "there is no value"
    if len(data) < _HEAD.size:
        return f"{len(data)} bytes are too short for a schema id"
    return f"the first byte is 0x{data[0]:02x}, not 0x00"
