"""Compiled codecs against fastavro: the same bytes and values, from a library that interprets."""

import io
import struct
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.catalog import catalog
from schemas.compiled import NoCodecError, decoder, encoder, field_encoder
from schemas.registry import default_registry
from schemas.wire import Codec, without_logical_types
from tests.schemas.records import any_record, class_of, values_of
from tests.schemas.test_compatibility import field, record


@pytest.mark.parametrize("name", catalog().names())
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_the_same_bytes_as_fastavro(name: str, data: st.DataObject) -> None:
    """Both ways, for every record."""
    schema = catalog().newest(name).schema
    plain = fastavro.parse_schema(without_logical_types(schema))
    fields = data.draw(values_of(schema))
    theirs = io.BytesIO()
    fastavro.schemaless_writer(theirs, plain, fields)
    made = Codec().decode(b"\0" + _id(name) + theirs.getvalue())
    assert Codec().encode(made)[5:] == theirs.getvalue()


def _id(name: str) -> bytes:
    return default_registry().id_of(name).to_bytes(4, "big")


@pytest.mark.parametrize(
    "near", [0, 64, 2**13, 2**34, 2**41, 2**62, 2**63 - 2, -(2**34), -(2**41), -(2**63) + 1]
)
@given(by=st.integers(-1, 1), anywhere=st.integers(-(2**63), 2**63 - 1))
def test_every_long(near: int, by: int, anywhere: int) -> None:
    """Zigzag and varint over the whole range, and where one byte more begins."""
    for value in (near + by, anywhere):
        assert _written(value) == _written_by_fastavro(value)


def _written(value: int) -> bytes:
    out: list[bytes] = []
    field_encoder("long")(value, out.append)
    return b"".join(out)


def _written_by_fastavro(value: int) -> bytes:
    theirs = io.BytesIO()
    fastavro.schemaless_writer(theirs, "long", value)
    return theirs.getvalue()


def test_blocks_with_sizes_and_in_pieces_are_read() -> None:
    """Other writers may cut a list into blocks, and say a block's size by a negative count."""
    schema = catalog().newest("ContactUpdated").schema
    tags = b"\x01\x04\x02a" + b"\x02\x02b" + b"\x00"  # one item in 2 bytes, then one item, then the end
    body = (
        b"\x02s\x02i\x00"  # source, id, occurred_at
        b"\x00"  # attributes
        b"\x00" + tags + b"\x00\x00\x00\x00"  # unset, tags_added, tags_removed, addresses, language, zone
    )
    made = decoder(schema, {"ContactUpdated": class_of("ContactUpdated")}, 0)(body)
    assert made.tags_added == ["a", "b"]


@pytest.mark.parametrize(
    ("avro", "value"),
    [
        ("int", 2**31),
        ("long", 2**63),
        ("long", -(2**63) - 1),
        ("long", "1"),
        ("string", b"a"),
        ("bytes", "a"),
        ("boolean", 1),
        ("double", "1"),
        ("null", 0),
        ({"type": "array", "items": "string"}, "ab"),
        ({"type": "map", "values": "string"}, ["a"]),
        (["null", "boolean", "long"], 1.0),
        (["null", "long"], "1"),
    ],
)
def test_a_value_of_another_type_is_refused(avro: Any, value: object) -> None:
    """Nothing is rounded, cut or read as something else."""
    with pytest.raises((TypeError, KeyError, AttributeError, OverflowError, struct.error)):
        field_encoder(avro)(value, bytearray().extend)


@pytest.mark.parametrize(
    "avro",
    [
        "float",
        {"type": "enum", "name": "E", "symbols": ["A"]},
        {"type": "fixed", "name": "F", "size": 2},
        ["null", "int", "long"],
        [record(name="A"), record(name="B")],
    ],
)
def test_what_has_no_codec_says_so_when_it_is_made(avro: Any) -> None:
    """Not at the first record."""
    with pytest.raises(NoCodecError):
        encoder(record(field("a", avro)), b"")


def test_a_field_that_is_no_name_is_refused() -> None:
    """Field names become source: nothing but names may."""
    with pytest.raises(NoCodecError, match="is no name"):
        encoder(record(field("a; import os", "int")), b"")


@given(record=any_record())
def test_decoding_is_independent_of_what_was_decoded_before(record: Any) -> None:
    """No defaults are shared: changing one record's lists changes no other."""
    codec = Codec()
    first, second = codec.decode(codec.encode(record)), codec.decode(codec.encode(record))
    for name in first.__struct_fields__:
        value = getattr(first, name)
        if isinstance(value, list | dict):
            assert value is not getattr(second, name)
