"""Which schemas read which: our rules, held against what fastavro really does."""

import io
import json
from pathlib import Path
from typing import Any

import fastavro
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.catalog import Catalog, catalog
from schemas.compatibility import check_files, check_registered, mismatches
from schemas.generate import ids_source
from schemas.registry import FileRegistry, WriterSchema
from schemas.types.inputs import Tick
from schemas.wire import Codec, without_logical_types
from tests.schemas.records import values_of

TS = {"type": "long", "logicalType": "timestamp-millis"}


def record(*fields: dict[str, Any], name: str = "Tick") -> dict[str, Any]:
    """A record's schema."""
    return {"type": "record", "name": name, "namespace": "attesa", "doc": "A record.", "fields": list(fields)}


def field(name: str, avro: Any, **more: Any) -> dict[str, Any]:
    """A field with a doc."""
    return {"name": name, "type": avro, "doc": "A field.", **more}


def folder(path: Path, *versions: dict[str, Any], amend: bool = False) -> Catalog:
    """A catalog of one record in these versions, with ids."""
    for number, schema in enumerate(versions, 1):
        file = path / "avsc" / "inputs" / schema["name"] / f"{number}.avsc"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(schema), encoding="utf-8")
    files = Catalog(path)
    (path / "ids.json").write_text(ids_source(files, amend=amend), encoding="utf-8")
    return files


A = field("a", "string")


def test_the_projects_own_schemas_fit() -> None:
    """Docs, defaults, ids, every version against every other; `attesa schemas check` says where not."""
    assert check_files(catalog()) == []


@pytest.mark.parametrize(
    ("old", "new", "rule", "where"),
    [
        (record(A), record(A, field("b", "int")), "backward", "b"),
        (record(A, field("b", "int")), record(A), "forward", "b"),
        (record(A), record(field("a", "long")), "backward", "a"),
        (record(field("a", "long")), record(field("a", "int")), "backward", "a"),
        (record(field("a", "int")), record(field("a", "long")), "forward", "a"),
        (record(field("a", ["null", "string"])), record(A), "backward", "a"),
        (record(field("a", TS)), record(field("a", "long")), "backward", "a"),
        (record(A), record(field("renamed", "string")), "backward", "renamed"),
        (
            record(field("a", {"type": "array", "items": "int"})),
            record(field("a", {"type": "array", "items": "string"})),
            "backward",
            "a",
        ),
        (
            record(field("c", record(A, name="Cause"))),
            record(field("c", record(A, field("b", "int"), name="Cause"))),
            "backward",
            "c.b",
        ),
        (
            record(field("a", {"type": "enum", "name": "E", "symbols": ["X", "Y"]})),
            record(field("a", {"type": "enum", "name": "E", "symbols": ["X"]})),
            "backward",
            "a",
        ),
        (
            record(field("a", {"type": "fixed", "name": "F", "size": 4})),
            record(field("a", {"type": "fixed", "name": "F", "size": 8})),
            "backward",
            "a",
        ),
    ],
)
def test_what_does_not_fit_is_found_with_file_and_field(
    tmp_path: Path, old: dict[str, Any], new: dict[str, Any], rule: str, where: str
) -> None:
    """The finding stands in the newer file, which is the one to change."""
    findings = check_files(folder(tmp_path, old, new))
    assert (rule, where) in {(finding.rule, finding.field) for finding in findings}
    assert {Path(finding.file).name for finding in findings} == {"2.avsc"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (record(A), record(A, field("b", ["null", "int"], default=None))),
        (record(A, field("b", "int", default=0)), record(A)),
        (record(A), record(A, field("b", {"type": "map", "values": "string"}, default={}))),
        (record(A, field("b", "int")), record(field("b", "int"), A)),
    ],
)
def test_a_field_with_a_default_may_come_and_go(
    tmp_path: Path, old: dict[str, Any], new: dict[str, Any]
) -> None:
    """These are the changes that a version is for."""
    assert check_files(folder(tmp_path, old, new)) == []


def test_a_middle_version_is_checked_too(tmp_path: Path) -> None:
    """Version 3 fits 2 and 1, and 2 does not fit 1: transitive, not only the last step."""
    findings = check_files(folder(tmp_path, record(A), record(A, field("b", "int")), record(A)))
    assert {(finding.rule, Path(finding.file).name) for finding in findings} == {
        ("backward", "2.avsc"),
        ("forward", "3.avsc"),
    }


def test_a_missing_doc_is_found_however_deep(tmp_path: Path) -> None:
    """On a record and on a field of a nested record."""
    inner = record({"name": "b", "type": "int"}, name="Inner")
    schema = record(field("c", {"type": "array", "items": inner}))
    del schema["doc"]
    assert {(f.rule, f.field) for f in check_files(folder(tmp_path, schema))} == {
        ("doc", None),
        ("doc", "c.b"),
    }


def test_a_default_of_another_type_is_found(tmp_path: Path) -> None:
    """A union's default is of its first member."""
    schema = record(field("a", ["string", "null"], default=None), field("b", "int", default="x"))
    assert [(f.rule, f.field) for f in check_files(folder(tmp_path, schema))] == [
        ("default", "a"),
        ("default", "b"),
    ]


def test_what_is_no_schema_is_said(tmp_path: Path) -> None:
    """An unknown type."""
    assert [f.rule for f in check_files(folder(tmp_path, record(field("a", "strnig"))))] == ["schema"]


def test_a_released_version_does_not_change(tmp_path: Path) -> None:
    """Its id stands for what was written with it; a doc may change, and --amend is for unreleased ones."""
    folder(tmp_path, record(A))
    changed = record({**A, "doc": "Better said."})
    assert check_files(folder(tmp_path, changed)) == []
    changed = record(A, field("b", "int", default=0))
    assert [f.rule for f in check_files(folder(tmp_path, changed))] == ["changed"]
    assert check_files(folder(tmp_path, changed, amend=True)) == []


def test_a_registry_with_a_version_of_its_own_is_checked(tmp_path: Path) -> None:
    """Somebody registered what the folder has not: harmless if the newest reads it, else named."""
    files = folder(tmp_path, record(A))
    harmless = WriterSchema("Tick", None, record(A, field("x", "int")))
    harmful = WriterSchema("Tick", None, record(field("x", "int")))
    other = WriterSchema("Tock", None, record(A, name="Tock"))
    assert check_registered(files, "Tick", [harmless], "there") == []
    assert [f.field for f in check_registered(files, "Tick", [harmful], "there")] == ["a"]
    assert [f.rule for f in check_registered(files, "Tick", [other], "there")] == ["registry"]


PRIMITIVES = st.sampled_from(["null", "boolean", "int", "long", "double", "string", "bytes"])
TYPES = st.recursive(
    PRIMITIVES,
    lambda inner: st.one_of(
        inner.map(lambda items: {"type": "array", "items": items}),
        inner.map(lambda values: {"type": "map", "values": values}),
        st.lists(PRIMITIVES, min_size=2, max_size=3, unique=True),
    ),
    max_leaves=3,
)


@settings(max_examples=300, deadline=None)
@given(data=st.data(), old=TYPES, new=TYPES)
def test_what_fits_by_our_rules_is_read_by_fastavro(data: st.DataObject, old: Any, new: Any) -> None:
    """A library that knows nothing of our rules reads whatever they let through."""
    writer, reader = record(field("v", old)), record(field("v", new))
    if mismatches(reader, writer):
        return
    value = data.draw(values_of(old))
    if _promotes_bytes(old, new):
        value = None
    if value is None and old != "null" and not (isinstance(old, list) and "null" in old):
        return
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(writer), {"v": value})
    out.seek(0)
    fastavro.schemaless_reader(out, fastavro.parse_schema(writer), fastavro.parse_schema(reader))
    assert out.read() == b""


def _promotes_bytes(old: Any, new: Any) -> bool:
    """Bytes that are no UTF-8 are not text, whatever the rules say."""
    return "bytes" in json.dumps(old) and "string" in json.dumps(new)


@pytest.mark.parametrize("name", catalog().names())
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_every_old_version_reads_under_the_newest(name: str, data: st.DataObject) -> None:
    """What any version of a record ever wrote, the codec makes into today's class."""
    registry = FileRegistry()
    for version in catalog().versions(name):
        fields = data.draw(values_of(version.schema))
        out = io.BytesIO()
        out.write(b"\0" + registry.id_of(name, version.version).to_bytes(4, "big"))
        schema = fastavro.parse_schema(without_logical_types(version.schema))
        fastavro.schemaless_writer(out, schema, fields)
        got = msgspec.to_builtins(Codec().decode(out.getvalue()), builtin_types=(bytes,))
        shared = {one["name"] for one in catalog().newest(name).schema["fields"]} & set(fields)
        for key in shared - {"cause"}:
            assert got[key] == fields[key]


def test_an_older_and_a_newer_writer_are_resolved(tmp_path: Path) -> None:
    """Fields that were not written have their defaults, those that are unknown are stepped over."""
    ticker, through = field("ticker", "string"), field("flows_through", "int")
    old = record(field("dropped", ["null", "string"], default=None), ticker, through)
    new = record(ticker, field("flows_through", "long"), field("fire_limit", "int", default=500))
    files = folder(tmp_path, old, new)
    registry = FileRegistry(files)
    out = io.BytesIO()
    out.write(b"\0" + registry.id_of("Tick", 1).to_bytes(4, "big"))
    fastavro.schemaless_writer(out, fastavro.parse_schema(old), {"ticker": "t", "flows_through": 7})
    codec = Codec(registry=registry, files=files)
    assert codec.decode(out.getvalue()) == Tick(ticker="t", flows_through=7, fire_limit=500)
    assert codec.encode(Tick(ticker="t", flows_through=7))[4] == registry.id_of("Tick", 2)
