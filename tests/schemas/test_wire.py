"""The wire format: every record round-trips, and bytes that are none say why."""

import struct
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.catalog import catalog
from schemas.registry import default_registry
from schemas.types.commands import SendMessage
from schemas.types.inputs import CustomerEvent, MessageReceived, Tick
from schemas.types.records import Attempt
from schemas.wire import Codec, UndecodableError, UnencodableError, decode, encode
from tests.schemas.records import any_record

ALL = Codec()
INBOUND = Codec(("inputs", "outcomes"))


def _event(properties: dict[str, Any]) -> CustomerEvent:
    return CustomerEvent(source="s", id="1", occurred_at=0, name="n", properties=properties)


MESSAGE = MessageReceived(source="gateway", id="m1", occurred_at=1_700_000_000_000, channel="sms", text="sì")


@pytest.mark.parametrize("record", catalog().names())
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_every_record_round_trips(record: str, data: st.DataObject) -> None:
    """What is decoded equals what was encoded, in every field and type."""
    sent = data.draw(any_record(record=record))
    got = ALL.decode(ALL.encode(sent))
    assert got == sent
    assert type(got) is type(sent)
    assert msgspec.msgpack.encode(got) == msgspec.msgpack.encode(sent)


def test_the_head_is_confluents() -> None:
    """0x00, then the schema's id in four bytes, big-endian."""
    assert encode(MESSAGE)[:5] == struct.pack(">BI", 0, default_registry().id_of("MessageReceived"))


def test_values_keep_their_type() -> None:
    """A true is no 1, a 1 no 1.0, a text with digits no number."""
    properties: dict[str, Any] = {
        "t": True, "f": False, "i": 1, "z": 0, "d": 1.0, "n": None, "s": "1", "l": ["a"], "big": 2**62,
    }  # fmt: skip
    sent = CustomerEvent(source="s", id="1", occurred_at=0, name="n", properties=properties)
    got = decode(encode(sent)).properties
    assert {name: (type(value), value) for name, value in got.items()} == {
        name: (type(value), value) for name, value in properties.items()
    }


@pytest.mark.parametrize("data", [None, b"", b"\x00\x00\x00\x01", b"\x01\x00\x00\x00\x01abc", b"{}{}{}"])
def test_bytes_in_another_format_are_said_to_be_so(data: bytes | None) -> None:
    """No value, too short, another first byte."""
    with pytest.raises(UndecodableError) as raised:
        INBOUND.decode(data)
    assert raised.value.reason == "not_wire_format"


def test_an_id_that_nobody_gave_is_unknown() -> None:
    """The id stands in the error."""
    with pytest.raises(UndecodableError) as raised:
        INBOUND.decode(struct.pack(">BI", 0, 999_999) + b"x")
    assert (raised.value.reason, raised.value.schema_id) == ("unknown_schema", 999_999)


def test_a_record_of_another_topic_has_no_place() -> None:
    """A flow command on inbound is not decided: only operators may write those, and not there."""
    foreign = encode(Attempt(command="c", at=1, attempt=1, via="console"))
    with pytest.raises(UndecodableError) as raised:
        INBOUND.decode(foreign)
    assert (raised.value.reason, raised.value.record) == ("wrong_record", "Attempt")


@given(cut=st.integers(5, len(encode(MESSAGE)) - 1))
def test_a_cut_record_is_undecodable(cut: int) -> None:
    """Wherever it ends too soon."""
    with pytest.raises(UndecodableError) as raised:
        INBOUND.decode(encode(MESSAGE)[:cut])
    assert (raised.value.reason, raised.value.record) == ("undecodable", "MessageReceived")


def test_bytes_after_the_record_are_an_error() -> None:
    """A body that goes on was written by another schema, or is two."""
    with pytest.raises(UndecodableError, match="3 bytes are left"):
        INBOUND.decode(encode(MESSAGE) + b"abc")


@settings(max_examples=400, deadline=None)
@given(
    schema_id=st.sampled_from([default_registry().id_of(name) for name in catalog().names()]),
    body=st.binary(max_size=200),
)
def test_any_bytes_are_a_record_or_an_undecodable_error(schema_id: int, body: bytes) -> None:
    """No garbage raises anything else, and what decodes encodes again."""
    try:
        record = ALL.decode(struct.pack(">BI", 0, schema_id) + body)
    except UndecodableError as error:
        assert error.reason == "undecodable"  # noqa: PT017 - not raising is right too
    else:
        assert ALL.decode(ALL.encode(record)) == record or "nan" in repr(record)


def test_a_string_that_is_no_utf8_is_undecodable() -> None:
    """Never replaced by question marks."""
    with pytest.raises(UndecodableError) as raised:
        INBOUND.decode(encode(MESSAGE).replace("sì".encode(), b"s\xff\xff"))
    assert raised.value.reason == "undecodable"


@pytest.mark.parametrize(
    ("record", "field"),
    [
        (msgspec.structs.replace(MESSAGE, text=None), "text"),
        (Tick(ticker="t", flows_through=2**63), "flows_through"),
        (Tick(ticker=b"t", flows_through=0), "ticker"),  # type: ignore[arg-type]
        (_event({"p": 2**64}), "properties"),
        (_event({"p": {"x": 1}}), "properties"),
        (CustomerEvent(source="s", id="1", occurred_at=0, name="\udcff", properties={}), "name"),
    ],
)
def test_a_value_without_room_names_its_field(record: msgspec.Struct, field: str) -> None:
    """Before anything is sent; the value itself is not in the text, it may be personal."""
    with pytest.raises(UnencodableError) as raised:
        encode(record)
    assert raised.value.field == field
    assert raised.value.record == type(record).__name__


def test_an_encoding_error_does_not_show_the_value() -> None:
    """Errors are logged; personal values must not be."""
    phone = "+39 333 1234567"
    with pytest.raises(UnencodableError) as raised:
        encode(_event({"phone": (phone, {})}))
    assert phone not in str(raised.value)
    assert raised.value.__context__ is None or raised.value.__suppress_context__


def test_a_codec_takes_its_own_kinds_only() -> None:
    """A command is not written to inbound by mistake."""
    command = SendMessage(
        id="1", contact="w/c", at=0, fact="f", flow="f", version=1, journey="j", step="s",
        channel="sms", language="it", purpose="service", not_before=0, not_after=1,
    )  # fmt: skip
    with pytest.raises(UnencodableError, match="SendMessage"):
        INBOUND.encode(command)
