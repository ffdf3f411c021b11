"""Whether what one version wrote can be read by another, by the rules of Avro's schema resolution.

https://avro.apache.org/docs/1.12.0/specification/#schema-resolution
Every version must read what every other wrote, older and newer: logs are kept for ever, and workers of two
releases run side by side while one replaces the other.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any, Final, Literal

import fastavro
from fastavro.schema import SchemaParseException
from fastavro.validation import validate

from schemas.catalog import Catalog, RecordSchema, SchemaFileError
from schemas.registry import FileRegistry, WriterSchema

__all__ = ["Finding", "Mismatch", "check_files", "check_registered", "mismatches"]

Rule = Literal["schema", "doc", "default", "backward", "forward", "changed", "id", "registry"]
"""schema: not valid Avro · doc: missing · default: not of its type · backward: the newer cannot read what the
older wrote · forward: the other way round · changed: not what its id was given to · id: none · registry: what
is registered cannot be read, or is not Attesa's."""

_PROMOTES: Final[dict[str, frozenset[str]]] = {
    "int": frozenset({"long", "float", "double"}),
    "long": frozenset({"float", "double"}),
    "float": frozenset({"double"}),
    "string": frozenset({"bytes"}),
    "bytes": frozenset({"string"}),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong, and where."""

    rule: Rule
    file: str
    field: str | None
    """Dotted into nested records; None: the record as a whole."""
    message: str


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A place where a reader's schema cannot read what a writer's wrote."""

    field: str | None
    problem: str


def check_files(files: Catalog) -> list[Finding]:
    """All findings about the folder: docs, defaults, ids, every version against every other of its record."""
    found = [finding for schema in files for finding in _check_one(schema)]
    if any(finding.rule == "schema" for finding in found):
        return found
    for name in files.names():
        for reader, writer in permutations(files.versions(name), 2):
            found += _pair(reader, writer.schema, writer.version, str(writer.path))
    return found + _check_ids(files)


def check_registered(
    files: Catalog, record: str, registered: Sequence[WriterSchema], where: str
) -> list[Finding]:
    """Findings about what a registry has of a record; `where` names it there (registry and subject)."""
    found = []
    for number, written in enumerate(registered, 1):
        newest = files.newest(record)
        if written.record != record:
            message = f"{where} version {number} is {written.record}; was the subject taken by another?"
            found.append(Finding("registry", str(newest.path), None, message))
        elif written.version is None:
            for mismatch in mismatches(newest.schema, written.schema):
                message = f"cannot read {where} version {number}, which the folder has not: "
                found.append(
                    Finding("registry", str(newest.path), mismatch.field, message + mismatch.problem)
                )
    return found


def mismatches(reader: Any, writer: Any) -> list[Mismatch]:
    """Where `reader` cannot read what `writer` wrote; empty if it reads all of it. Both are JSON schemas."""
    return list(_Resolution(_named(reader), _named(writer)).compare(reader, writer, None))


@dataclass(frozen=True, slots=True)
class _Resolution:
    """Named types of both sides, since a second use of one is only its name."""

    readers: dict[str, Any]
    writers: dict[str, Any]

    def compare(self, reader: Any, writer: Any, field: str | None) -> Iterator[Mismatch]:
        reader, writer = self.readers.get(_key(reader), reader), self.writers.get(_key(writer), writer)
        if isinstance(writer, list):
            for branch in writer:
                yield from self.compare(reader, branch, field)
        elif isinstance(reader, list):
            if not any(not list(self.compare(branch, writer, field)) for branch in reader):
                yield Mismatch(field, f"{_said(writer)} is none of {_said(reader)}")
        elif _type(reader) != _type(writer):
            if _type(reader) not in _PROMOTES.get(_type(writer), ()):
                yield Mismatch(field, f"{_said(writer)} is not read as {_said(reader)}")
        else:
            yield from self._same_type(reader, writer, field)

    def _same_type(self, reader: Any, writer: Any, field: str | None) -> Iterator[Mismatch]:
        match _type(reader):
            case "array":
                yield from self.compare(reader["items"], writer["items"], field)
            case "map":
                yield from self.compare(reader["values"], writer["values"], field)
            case "record":
                yield from self._records(reader, writer, field)
            case "enum":
                unknown = sorted(set(writer["symbols"]) - set(reader["symbols"]))
                if unknown and "default" not in reader:
                    yield Mismatch(
                        field, f"the symbols {', '.join(unknown)} are unknown and there is no default"
                    )
            case "fixed" if reader["size"] != writer["size"]:
                yield Mismatch(field, f"{writer['size']} bytes are not read as {reader['size']}")
        if _logical(reader) != _logical(writer):
            yield Mismatch(field, f"the logical type was {_logical(writer)} and is {_logical(reader)}")

    def _records(self, reader: Any, writer: Any, field: str | None) -> Iterator[Mismatch]:
        if reader["name"].rpartition(".")[2] != writer["name"].rpartition(".")[2]:
            yield Mismatch(field, f"{writer['name']} is another record than {reader['name']}")
            return
        written = {one["name"]: one for one in writer["fields"]}
        for one in reader["fields"]:
            path = _path(field, one["name"])
            known = next((name for name in (one["name"], *one.get("aliases", ())) if name in written), None)
            if known is not None:
                yield from self.compare(one["type"], written[known]["type"], path)
            elif "default" not in one:
                yield Mismatch(path, "is not in what was written, and has no default")


def _check_one(schema: RecordSchema) -> Iterator[Finding]:
    file = str(schema.path)
    try:
        # Defaults are checked below, where the field can be named.
        fastavro.parse_schema(_without_defaults(schema.schema))
    except (SchemaParseException, KeyError, TypeError, ValueError) as error:
        yield Finding("schema", file, None, f"not a valid Avro schema: {error}")
        return
    for record, path in _records_in(schema.schema, None):
        if not str(record.get("doc", "")).strip():
            yield Finding("doc", file, path, f"{record['name']} has no doc; say what it is")
        for field in record["fields"]:
            named = _path(path, field["name"])
            if not str(field.get("doc", "")).strip():
                yield Finding(
                    "doc", file, named, "has no doc; say what it means, its unit and when it is null"
                )
            if "default" in field and not _fits(field["default"], field["type"]):
                yield Finding(
                    "default", file, named, "the default is not of its type (of a union: of its first member)"
                )


def _check_ids(files: Catalog) -> list[Finding]:
    try:
        registry = FileRegistry(files)
    except SchemaFileError as error:
        return [Finding("id", str(files.folder / "ids.json"), None, str(error))]
    message = (
        f"is not what its id in {files.folder / 'ids.json'} was given to. What it wrote is out there: "
        "put it back and add the next version; if it was never released, python -m schemas.generate --amend"
    )
    return [Finding("changed", str(schema.path), None, message) for schema in registry.changed()]


def _pair(reader: RecordSchema, writer: Any, version: int, file: str) -> Iterator[Finding]:
    """Findings stand in the newer file: it is the one to change."""
    is_newer = reader.version > version
    for mismatch in mismatches(reader.schema, writer):
        rule: Rule = "backward" if is_newer else "forward"
        said = f"version {reader.version} cannot read what version {version} wrote: {mismatch.problem}"
        yield Finding(rule, str(reader.path) if is_newer else file, mismatch.field, said)


def _records_in(avro: Any, path: str | None) -> Iterator[tuple[dict[str, Any], str | None]]:
    match avro:
        case list():
            for member in avro:
                yield from _records_in(member, path)
        case {"type": "record", "fields": fields}:
            yield avro, path
            for field in fields:
                yield from _records_in(
                    field["type"], field["name"] if path is None else f"{path}.{field['name']}"
                )
        case {"type": "array", "items": inner} | {"type": "map", "values": inner}:
            yield from _records_in(inner, path)
        case {"type": dict() | list() as inner}:
            yield from _records_in(inner, path)


def _path(outer: str | None, name: str) -> str:
    return name if outer is None else f"{outer}.{name}"


def _named(avro: Any) -> dict[str, Any]:
    """Definitions by full and bare name."""
    return {
        name: definition
        for definition in _definitions(avro)
        for name in (definition["name"], f"{definition.get('namespace', 'attesa')}.{definition['name']}")
    }


def _definitions(avro: Any) -> Iterator[dict[str, Any]]:
    match avro:
        case list():
            for member in avro:
                yield from _definitions(member)
        case {"type": "record" | "enum" | "fixed"}:
            yield avro
            for field in avro.get("fields", ()):
                yield from _definitions(field["type"])
        case {"items": inner} | {"values": inner} | {"type": dict() | list() as inner}:
            yield from _definitions(inner)


def _without_defaults(avro: Any) -> Any:
    match avro:
        case list():
            return [_without_defaults(member) for member in avro]
        case dict():
            return {name: _without_defaults(value) for name, value in avro.items() if name != "default"}
        case _:
            return avro


def _fits(default: Any, avro: Any) -> bool:
    first = avro[0] if isinstance(avro, list) else avro
    if _type(first) in {"bytes", "fixed"}:
        return isinstance(default, str)
    try:
        return bool(validate(default, fastavro.parse_schema(first), raise_errors=False))
    except (SchemaParseException, KeyError, TypeError, ValueError):
        return False


def _key(avro: Any) -> str:
    return avro if isinstance(avro, str) else ""


def _type(avro: Any) -> str:
    """The type's name; that of a record for a record."""
    while isinstance(avro, dict):
        avro = avro["type"]
    return str(avro)


def _logical(avro: Any) -> str | None:
    return avro.get("logicalType") if isinstance(avro, dict) else None


def _said(avro: Any) -> str:
    match avro:
        case list():
            return "[" + ", ".join(_said(member) for member in avro) + "]"
        case {"name": name}:
            return str(name)
        case {"items": inner}:
            return f"array of {_said(inner)}"
        case {"values": inner}:
            return f"map of {_said(inner)}"
        case _:
            return _type(avro)
