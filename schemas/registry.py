"""Which id stands for which schema: the checked-in file, or a schema registry behind the same interface."""

import json
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from schemas.catalog import FOLDER, Catalog, RecordSchema, SchemaFileError, catalog, fingerprint
from schemas.errors import AttesaError

__all__ = [
    "FileRegistry",
    "GivenId",
    "NotRegisteredError",
    "Registry",
    "WriterSchema",
    "default_registry",
    "read_ids",
    "registry_at",
]


class WriterSchema(NamedTuple):
    """What an id stands for."""

    record: str
    """The record's name, without its namespace."""
    version: int | None
    """Its version among our files; None: a schema that is in the registry and not in our files."""
    schema: dict[str, Any]
    """The schema as JSON."""


class NotRegisteredError(AttesaError, KeyError):
    """A record is to be written whose schema has no id yet."""

    # KeyError's own would put the text in quotes.
    __str__ = Exception.__str__


class Registry(Protocol):
    """Ids and schemas, both ways. Ids are 32-bit; once given, an id stands for its schema for ever."""

    def id_of(self, record: str, version: int | None = None) -> int:
        """The id of a record's version, by default the newest; `NotRegisteredError` if it has none."""

    def schema(self, schema_id: int) -> WriterSchema:
        """What an id stands for; `KeyError` if nothing. May block on the network the first time."""


class GivenId(NamedTuple):
    """A line of `ids.json`."""

    id: int
    sha256: str
    """The fingerprint of the schema that it was given to."""


class FileRegistry:
    """The ids in `schemas/ids.json`: stable, checked in, the same on every machine. Needs no server.

    Raises `SchemaFileError` where a version has no id or `ids.json` gives one twice.
    """

    def __init__(self, files: Catalog | None = None) -> None:
        self.files = files if files is not None else catalog()
        given = read_ids(self.files.folder)
        self._ids: dict[tuple[str, int], int] = {}
        self._schemas: dict[int, RecordSchema] = {}
        for found in self.files:
            line = given.get((found.name, found.version))
            if line is None:
                raise SchemaFileError(
                    f"{found.path}: has no id in {self.files.folder / 'ids.json'}; "
                    "run python -m schemas.generate and commit what it changed"
                )
            self._ids[found.name, found.version] = line.id
            self._schemas[line.id] = found

    def id_of(self, record: str, version: int | None = None) -> int:
        """The id of a record's version, by default the newest; `NotRegisteredError` if it has none."""
        try:
            return self._ids[record, version if version is not None else self.files.newest(record).version]
        except KeyError:
            raise NotRegisteredError(
                f"{record} version {version or 'any'}: there is no such schema"
            ) from None

    def schema(self, schema_id: int) -> WriterSchema:
        """What an id stands for; `KeyError` if nothing."""
        found = self._schemas[schema_id]
        return WriterSchema(found.name, found.version, found.schema)

    def changed(self) -> list[RecordSchema]:
        """Versions whose file is no longer what its id was given to (docs apart)."""
        given = read_ids(self.files.folder)
        return [
            found
            for found in self.files
            if fingerprint(found.schema) != given[found.name, found.version].sha256
        ]


def read_ids(folder: Path = FOLDER) -> dict[tuple[str, int], GivenId]:
    """`ids.json` by record and version; empty if there is none. `SchemaFileError` if an id stands twice."""
    path = folder / "ids.json"
    if not path.exists():
        return {}
    ids: dict[tuple[str, int], GivenId] = {}
    seen: dict[int, str] = {}
    for name, line in json.loads(path.read_text(encoding="utf-8")).items():
        record, _, version = name.partition("/")
        if line["id"] in seen:
            raise SchemaFileError(
                f"{path}: id {line['id']} is given to {seen[line['id']]} and to {name}; an id is never reused"
            )
        seen[line["id"]] = name
        ids[record, int(version)] = GivenId(line["id"], line["sha256"])
    return ids


_default: FileRegistry | None = None


def default_registry() -> FileRegistry:
    """The file registry of the project's own schemas, made once."""
    global _default  # noqa: PLW0603 - reading sixty files costs 20 ms, and every codec wants the same ones
    if _default is None:
        _default = FileRegistry()
    return _default


def registry_at(url: str | None, *, prefix: str = "attesa") -> Registry:
    """The registry at a URL, with subjects under this prefix's topics; without a URL the checked-in ids."""
    if not url:
        return default_registry()
    # Its client is slow to import, and most processes have no registry.
    from schemas.confluent import ConfluentRegistry  # noqa: PLC0415

    return ConfluentRegistry(url, prefix=prefix)
