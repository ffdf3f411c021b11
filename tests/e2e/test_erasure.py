"""Erasing a contact: what was personal opens before it, and nothing and nobody opens it after."""

import itertools
import re
import uuid
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import pytest
from confluent_kafka.admin import AdminClient

# The package does not list these as exported.
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource

from deploy.kafka import ApacheKafka
from schemas.types.facts import ContactErased, WaitCancelled, WaitOpened
from schemas.types.inputs import ContactUpdated, CustomerEvent, EraseContact, MessageReceived
from schemas.types.records import ContactKey
from schemas.wire import Codec
from streams.engine.envelope import POSITION_KEY, unpack
from streams.log.facts_codec import FactCodec
from streams.log.sealing import DataKey, Keyring, SealError
from streams.log.story import facts_of
from tests.e2e.command import MASTER_KEY, Attesa, wait_until
from tests.e2e.flows import ASK, SILENCE, WORKSPACE
from tests.e2e.log import Log
from tests.fixtures.kafka import Record

pytestmark = [pytest.mark.kafka, pytest.mark.clickhouse, pytest.mark.slow]

ANNA, BRUNO = "bottega/anna", "bottega/bruno"


def _marker(what: str) -> str:
    """Something that stands nowhere else in the world."""
    return f"{what}-{uuid.uuid4().hex}"


def test_an_erased_contact_cannot_be_read(attesa: Attesa, kafka: ApacheKafka) -> None:
    """No key on the topic, in the compacted changelog or in a store's files; facts stay; reports add up."""
    personal = {who: {what: _marker(what) for what in ("name", "phone", "order")} for who in (ANNA, BRUNO)}
    attesa("topics", "apply")
    worker, *_ = [attesa.start(name) for name in ("worker", "ticker", "dispatcher", "projector")]
    attesa("workspace", "publish", attesa.write("w.yaml", WORKSPACE.format(grace="1s")), "--no-wait")
    attesa.write("flows/ask.yaml", ASK.format(within="1h"))
    attesa.write("flows/silence.yaml", SILENCE.format(within="1h"))
    attesa("flow", "publish", attesa.folder / "flows", "--timeout", "60")
    log = Log(attesa.kafka, attesa.prefix)
    for contact, values in personal.items():
        attesa.produce(
            (contact, _named(values)), (contact, _message("Un segreto", 1)), (contact, _ordered(values))
        )
    wait_until("all wait", lambda: len(log.facts(WaitOpened)) == 4 or None)

    before = _told(attesa, ANNA)
    for value in personal[ANNA].values():
        assert value in before
    key = log.keys()[ANNA]
    wrapped = _wrapped_keys(log)[ANNA]
    stores = attesa.data_dir / "stores" / attesa.prefix
    records = kafka.data_dir / "records"
    assert _files_with(stores, [wrapped]), "the scan finds the key where it is"
    assert _files_with(records, [wrapped], topics=(log.topics.keys, log.topics.state))
    sealed = _sealed(log, ANNA)
    assert sealed
    for fact, data in sealed:
        key.open(data, fact.encode())
    opened_before = _rates(attesa, lambda row: row["opened"] == 4)

    attesa.produce(
        (ANNA, EraseContact(source="desk", id="x", occurred_at=0, requested_by="desk", reason="asked"))
    )
    wait_until("it is erased", lambda: log.facts(ContactErased, ANNA))
    assert {fact.reason for fact in log.facts(WaitCancelled, ANNA)} == {"erased"}
    assert log.keys().get(ANNA) is None
    assert ANNA not in log.states()
    _compact(kafka, log)
    newcomers = (f"bottega/new-{number}" for number in itertools.count())

    def is_compacted() -> bool:
        # Kafka closes a segment when the next record comes: other contacts' keys, as life goes on.
        attesa.produce(*((contact, _named({"name": "n", "phone": "p"})) for contact in islice(newcomers, 16)))
        return not _files_with(records, [wrapped], topics=(log.topics.keys, log.topics.state))

    wait_until("the cleaner has been at both topics", is_compacted)

    keys = [record for record in log.records(log.topics.keys) if record.key == ANNA.encode()]
    assert all(record.value is None for record in keys)
    assert not any(
        record.key == ANNA.encode() and record.value is not None for record in log.records(log.topics.state)
    )
    everything = _all_keys(log)
    assert everything, "Bruno's"
    for fact, data in sealed:
        for other in everything:
            with pytest.raises(SealError):
                other.open(data, fact.encode())
    assert sealed == _sealed(log, ANNA)[: len(sealed)], "facts stay"

    rates = _rates(attesa, lambda row: row["cancelled"] == 2)
    assert rates["opened"] == opened_before["opened"] == 4
    assert rates["opened"] == rates["responded"] + rates["timed_out"] + rates["cancelled"] + rates["pending"]
    assert rates["pending"] == 2

    markers = [value.encode() for value in personal[ANNA].values()]
    assert worker.stop() == 0, worker.log[-3000:]
    assert not _files_with(attesa.data_dir / "stores", [wrapped, *markers])
    for topic in (log.topics.facts, log.topics.state, log.topics.keys, log.topics.dead_letters):
        assert not _records_with(log.records(topic), [wrapped, *markers]), topic
    # Bruno's values are in no fact in plain either, and open still.
    assert not _records_with(
        log.records(log.topics.facts), [value.encode() for value in personal[BRUNO].values()]
    )
    assert all(value in _told(attesa, BRUNO) for value in personal[BRUNO].values())
    after = _told(attesa, ANNA)
    assert not any(value in after for value in personal[ANNA].values())
    assert not any(
        told.fact.sealed for told in facts_of(attesa.settings(), ANNA) if hasattr(told.fact, "sealed")
    )


def _told(attesa: Attesa, contact: str) -> str:
    """Everything that the command line can tell of a contact."""
    return attesa("contact", "timeline", contact, "--json").out


def _rates(attesa: Attesa, holds: Any) -> dict[str, Any]:
    """The response rate over all, once it is as expected."""

    def asked() -> dict[str, Any] | None:
        rows = attesa("report", "response-rate", "--json").rows
        return rows[0] if rows and holds(rows[0]) else None

    return wait_until("the report has it", asked)


def _wrapped_keys(log: Log) -> dict[str, bytes]:
    codec = Codec(kinds=("records",))
    return {
        (record.key or b"").decode(): msgspec.convert(codec.decode(record.value), ContactKey).wrapped
        for record in log.records(log.topics.keys)
        if record.value is not None
    }


def _all_keys(log: Log) -> list[DataKey]:
    """Every data key that stands anywhere: on the keys topic, and beside each state in the changelog."""
    keyring = Keyring(bytes.fromhex(MASTER_KEY))
    found = list(log.keys().values())
    for record in log.records(log.topics.state):
        if (
            record.value is not None
            and record.key != POSITION_KEY
            and not (record.key or b"").startswith(b"!")
        ):
            kept = unpack(record.value).key
            if kept is not None:
                found.append(keyring.unwrap(kept))
    return found


def _sealed(log: Log, contact: str) -> list[tuple[str, bytes]]:
    """Fact id and sealed bytes of each fact of a contact that has any."""
    codec = FactCodec()
    found = []
    for record in log.records(log.topics.facts):
        if record.key == contact.encode():
            fact, sealed = codec.sealed_of(record.value)
            if sealed is not None:
                found.append((fact.id, sealed))
    return found


def _files_with(folder: Path, needles: list[bytes], topics: tuple[str, ...] = ()) -> list[Path]:
    """Files that hold one of these byte strings; of these topics' folders, or of all."""
    pattern = re.compile(b"|".join(map(re.escape, needles)))
    found = []
    for path in sorted(folder.rglob("*")):
        if topics and path.parent.name.rsplit("-", 1)[0] not in topics:
            continue
        try:
            if path.is_file() and pattern.search(path.read_bytes()):
                found.append(path)
        except FileNotFoundError:
            continue  # compacted away meanwhile
    return found


def _records_with(records: Iterable[Record], needles: list[bytes]) -> list[Record]:
    return [
        record
        for record in records
        for part in (record.key, record.value, repr(record.headers).encode())
        if part is not None and any(needle in part for needle in needles)
    ]


def _compact(kafka: ApacheKafka, log: Log) -> None:
    """Small segments, no delay: ticks go on, so each partition's segment closes by itself."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    quick = {"segment.ms": "200", "max.compaction.lag.ms": "200", "min.cleanable.dirty.ratio": "0.0"}
    entries = [
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in quick.items()
    ]
    for topic in (log.topics.keys, log.topics.state):
        resource = ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=entries)
        for done in admin.incremental_alter_configs([resource]).values():
            done.result()


def _named(values: dict[str, str]) -> ContactUpdated:
    return ContactUpdated(
        source="crm",
        id="name",
        occurred_at=0,
        attributes={"name": values["name"]},
        addresses={"whatsapp": values["phone"]},
    )


def _ordered(values: dict[str, str]) -> CustomerEvent:
    return CustomerEvent(
        source="shop",
        id="order",
        occurred_at=0,
        name="order.completed",
        properties={"order": values["order"]},
    )


def _message(text: str, number: int) -> MessageReceived:
    return MessageReceived(source="gateway", id=f"m{number}", occurred_at=0, channel="whatsapp", text=text)
