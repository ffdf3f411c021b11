"""The .avsc files as they lie on disk, and the ids that were given to them.

`avsc/<kind>/<Record>/<version>.avsc`. A record's name is unique over all kinds; versions count from 1 without
gaps. Which topic a record goes to is its kind's: see `stem_of`.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from schemas.errors import AttesaError

__all__ = [
    "FOLDER",
    "KINDS",
    "NAMESPACE",
    "Catalog",
    "RecordSchema",
    "SchemaFileError",
    "catalog",
    "fingerprint",
    "stem_of",
]

FOLDER = Path(__file__).parent
"""Where `avsc/` and `ids.json` lie."""

NAMESPACE = "attesa"
"""Of every record: its full name is `attesa.<Record>`."""

KINDS = ("inputs", "outcomes", "flow_commands", "facts", "commands", "records")
"""The folders below `avsc/`."""

_STEM_OF_KIND = {
    "inputs": "inbound",
    "outcomes": "inbound",
    "flow_commands": "flows",
    "facts": "facts",
    "commands": "commands",
}
_STEM_OF_RECORD = {"Attempt": "attempts", "ContactKey": "keys", "ImportProgress": "imports"}


class SchemaFileError(AttesaError):
    """A schema file or `ids.json` is not what the catalog needs; the text names the file."""


@dataclass(frozen=True, slots=True)
class RecordSchema:
    """One version of one record, as its file says."""

    kind: str
    name: str
    version: int
    path: Path
    schema: dict[str, Any]
    """The parsed JSON, untouched: logical types and docs are in it."""

    @property
    def text(self) -> str:
        """The schema as it is registered: compact JSON."""
        return json.dumps(self.schema, ensure_ascii=False, separators=(",", ":"))


class Catalog:
    """All versions of all records in one folder. Raises `SchemaFileError` on what it cannot read."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self.folder = folder
        self._versions: dict[str, list[RecordSchema]] = {}
        for found in sorted(_read(folder), key=lambda schema: (schema.name, schema.version)):
            versions = self._versions.setdefault(found.name, [])
            if versions and versions[0].kind != found.kind:
                raise SchemaFileError(
                    f"{found.path}: {found.name} is also in {versions[0].path}; "
                    "a record's name must be unique, so rename one"
                )
            if found.version != len(versions) + 1:
                raise SchemaFileError(
                    f"{found.path}: version {len(versions) + 1} is missing; they count from 1 without gaps"
                )
            versions.append(found)

    def __iter__(self) -> Iterator[RecordSchema]:
        """Every version of every record: by name, then version."""
        for versions in self._versions.values():
            yield from versions

    def names(self, *kinds: str) -> list[str]:
        """The records of these kinds, sorted; of all kinds if none is named."""
        return [name for name, versions in self._versions.items() if not kinds or versions[0].kind in kinds]

    def versions(self, record: str) -> list[RecordSchema]:
        """All versions of a record, oldest first; `KeyError` if there is no such record."""
        return self._versions[record]

    def newest(self, record: str) -> RecordSchema:
        """The version that is written; `KeyError` if there is no such record."""
        return self._versions[record][-1]


@cache
def catalog() -> Catalog:
    """The project's own, read once."""
    return Catalog()


def stem_of(schema: RecordSchema) -> str:
    """The topic of a record without its prefix: `inbound`, `flows`, `facts` and so on."""
    stem = _STEM_OF_KIND.get(schema.kind) or _STEM_OF_RECORD.get(schema.name)
    if stem is None:
        raise SchemaFileError(
            f"{schema.path}: no topic is known for {schema.name}; name it in schemas/catalog.py"
        )
    return stem


def fingerprint(schema: dict[str, Any]) -> str:
    """SHA-256 (hex) of a schema without its docs: what a version may not change once it was released."""
    bare = json.dumps(_without_docs(schema), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(bare.encode()).hexdigest()


def _without_docs(avro: Any) -> Any:
    match avro:
        case list():
            return [_without_docs(member) for member in avro]
        case {"type": "record", "fields": fields, **rest}:
            bare = {name: value for name, value in rest.items() if name != "doc"}
            return {**bare, "type": "record", "fields": [_without_docs(field) for field in fields]}
        case dict():
            # A default is data, not schema: it may have a key named doc.
            return {
                name: value if name == "default" else _without_docs(value)
                for name, value in avro.items()
                if name != "doc"
            }
        case _:
            return avro


def _read(folder: Path) -> Iterator[RecordSchema]:
    for path in sorted((folder / "avsc").glob("*/*/*")):
        kind, name = path.parts[-3:-1]
        if path.suffix != ".avsc" or not path.stem.isascii() or not path.stem.isdigit():
            raise SchemaFileError(f"{path}: a version's file is named by its number, as 2.avsc")
        if kind not in KINDS:
            raise SchemaFileError(f"{path}: {kind} is no kind; the kinds are {', '.join(KINDS)}")
        try:
            schema = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise SchemaFileError(f"{path}: not JSON: {error}") from error
        named = (schema.get("namespace"), schema.get("name")) if isinstance(schema, dict) else None
        if named != (NAMESPACE, name):
            raise SchemaFileError(
                f"{path}: the record must be named {name} in the namespace {NAMESPACE}, as its folder says"
            )
        yield RecordSchema(kind, name, int(path.stem), path, schema)
