"""The schema registry's client, against its own mock: no registry runs here."""

import json
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryError

from schemas.catalog import catalog
from schemas.confluent import ConfluentRegistry, RegistryRefusedError
from schemas.errors import NotReachableError, UsageError
from schemas.registry import NotRegisteredError, registry_at
from schemas.types.inputs import MessageReceived
from schemas.wire import Codec, UndecodableError
from tests.schemas.test_compatibility import A, field, folder, record

MESSAGE = MessageReceived(source="gateway", id="m1", occurred_at=0, channel="sms", text="sì")


@pytest.fixture
def registry() -> ConfluentRegistry:
    """A registry with all of ours."""
    made = ConfluentRegistry("mock://attesa", prefix="dev")
    for schema in catalog():
        made.register(schema)
    return made


def test_records_round_trip_under_the_registrys_ids(registry: ConfluentRegistry) -> None:
    """The same codec, other ids; what the registry gives back reads as our newest version."""
    codec = Codec(registry=registry)
    data = codec.encode(MESSAGE)
    assert int.from_bytes(data[1:5], "big") == registry.id_of("MessageReceived")
    assert codec.decode(data) == MESSAGE
    assert registry.schema(registry.id_of("MessageReceived")).version == 1


def test_subjects_are_topic_and_record(registry: ConfluentRegistry) -> None:
    """TopicRecordName, since several records share a topic."""
    names = set(registry._client.get_subjects())
    assert "dev.inbound-attesa.MessageReceived" in names
    assert "dev.inbound-attesa.CommandOutcome" in names
    assert "dev.keys-attesa.ContactKey" in names
    assert len(names) == len(catalog().names())


def test_registering_again_gives_the_same_ids(registry: ConfluentRegistry) -> None:
    """Idempotent."""
    ids = {schema.name: registry.id_of(schema.name) for schema in catalog()}
    assert {schema.name: registry.register(schema) for schema in catalog()} == ids


def test_what_was_never_registered_says_what_to_run() -> None:
    """Encoding stops with the command that mends it."""
    with pytest.raises(NotRegisteredError, match="attesa schemas register"):
        Codec(registry=ConfluentRegistry("mock://empty")).encode(MESSAGE)


def test_an_unknown_id_is_asked_for_once(
    registry: ConfluentRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A topic full of garbage is no load on the registry."""
    asked: list[int] = []

    def get_schema(schema_id: int) -> Schema:
        asked.append(schema_id)
        raise SchemaRegistryError(404, 40_403, "Schema not found")

    monkeypatch.setattr(registry._client, "get_schema", get_schema)
    for _ in range(5):
        with pytest.raises(UndecodableError, match="unknown_schema"):
            Codec(registry=registry).decode(b"\0\0\0\xff\xffbody")
    assert asked == [0xFFFF]


def test_a_schema_of_somebody_else_has_no_place(registry: ConfluentRegistry) -> None:
    """It is in the registry, and no record of ours."""
    foreign = json.dumps({"type": "record", "name": "Order", "namespace": "shop", "fields": []})
    schema_id = registry._client.register_schema("shop-value", Schema(foreign, "AVRO"))
    with pytest.raises(UndecodableError) as raised:
        Codec(registry=registry).decode(b"\0" + schema_id.to_bytes(4, "big"))
    assert raised.value.reason == "wrong_record"


def test_a_newer_release_s_records_are_read(tmp_path: Path, registry: ConfluentRegistry) -> None:
    """A worker of the older release reads what a newer producer writes, and steps over its field."""
    newest = catalog().newest("Tick").schema
    newer = {**newest, "fields": [*newest["fields"], field("note", "string", default="")]}
    files = folder(tmp_path, newest, newer)
    theirs = ConfluentRegistry("mock://theirs", prefix="dev", files=files)
    schema_id = registry._client.register_schema(
        theirs.subject(files.newest("Tick")), Schema(files.newest("Tick").text, "AVRO")
    )
    body = b"\x02t\x0e\x0a\x06new"
    got = Codec(registry=registry).decode(b"\0" + schema_id.to_bytes(4, "big") + body)
    assert (got.ticker, got.flows_through, got.fire_limit) == ("t", 7, 5)
    assert registry.schema(schema_id).version is None


def test_a_registry_that_is_away_is_said() -> None:
    """Not an unknown schema: nothing becomes a dead letter because a server is down."""
    registry = registry_at("http://127.0.0.1:1", prefix="dev")
    assert isinstance(registry, ConfluentRegistry)
    registry._client._rest_client.max_retries = 0
    with pytest.raises(NotReachableError, match=r"127\.0\.0\.1:1"):
        Codec(registry=registry).decode(b"\0\0\0\0\x01body")


def test_a_refusal_is_passed_on(monkeypatch: pytest.MonkeyPatch, registry: ConfluentRegistry) -> None:
    """An incompatible schema, in the registry's words."""

    def refuse(*_: Any) -> int:
        raise SchemaRegistryError(409, 409, "Schema being registered is incompatible")

    monkeypatch.setattr(registry._client, "register_schema", refuse)
    with pytest.raises(RegistryRefusedError, match=r"dev\.inbound-attesa\.Tick: Schema being registered"):
        registry.register(catalog().newest("Tick"))


def test_an_address_that_is_none_is_wrong_usage() -> None:
    """Exit code 2, with the setting's name."""
    with pytest.raises(UsageError, match="ATTESA_REGISTRY_URL"):
        ConfluentRegistry("registry:8081")


def test_registered_versions_are_told_from_ours(tmp_path: Path) -> None:
    """By content, whatever the numbers are there."""
    files = folder(tmp_path, record(A), record(A, field("b", "int", default=0)))
    registry = ConfluentRegistry("mock://x", files=files)
    assert registry.registered(files.newest("Tick")) == []
    registry.register(files.newest("Tick"))
    registry._client.register_schema(
        registry.subject(files.newest("Tick")), Schema(json.dumps(record(field("z", "int"))), "AVRO")
    )
    assert [written.version for written in registry.registered(files.newest("Tick"))] == [2, None]
