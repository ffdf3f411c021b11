"""Every input is accounted for: it caused a fact, or is a dead letter with its reason, or is a duplicate."""

import time
from collections import Counter
from typing import Any

import pytest

from schemas.types.facts import Cause, MessageNoted
from schemas.types.inputs import CustomerEvent, Input, MessageReceived, Tick
from schemas.wire import Codec, UndecodableError
from streams.log.partitioner import key_of, partition_of
from streams.log.producers import RecordProducer
from tests.e2e.command import PARTITIONS, Attesa, wait_until
from tests.e2e.flows import SILENCE, WORKSPACE
from tests.e2e.log import Log
from tests.fixtures.kafka import Record

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

HOUR, YEAR = 3_600_000, 366 * 86_400_000
ROUNDS = 5

Place = tuple[int, int]


def _message(name: str, **changes: Any) -> MessageReceived:
    fields: dict[str, Any] = {
        "occurred_at": time.time_ns() // 1_000_000,
        "channel": "whatsapp",
        "text": "Ciao",
    }
    return MessageReceived(source="gateway", id=name, **{**fields, **changes})


def _bad(number: int) -> dict[str, tuple[bytes | None, bytes | None, int, str]]:
    """What goes wrong, by name: key, value, partition, and the reason that must stand beside it."""
    codec = Codec()
    contact = f"bottega/bad{number}"
    key = key_of(contact)
    home = partition_of(key, PARTITIONS)
    good = codec.encode(_message(f"bad-{number}"))

    def message(**changes: Any) -> bytes:
        return codec.encode(_message(f"bad-{number}", **changes))

    return {
        "undecodable bytes": (key, b"\xff\xfenot Avro at all", home, "not_wire_format"),
        "nothing": (key, None, home, "not_wire_format"),
        "cut off": (key, good[: len(good) // 2], home, "undecodable"),
        "an unknown schema id": (
            key,
            b"\x00" + (9_999).to_bytes(4, "big") + good[5:],
            home,
            "unknown_schema",
        ),
        "a record of another topic": (key, _a_fact(), home, "wrong_record"),
        "no key": (None, message(), home, "no_contact"),
        "a key that is no contact": (b"bad", message(), partition_of(b"bad", PARTITIONS), "bad_contact"),
        "a key on the wrong partition": (key, message(), (home + 1) % PARTITIONS, "wrong_partition"),
        "an empty text": (key, message(text="  "), home, "empty_message"),
        "a text of 1 MB": (key, message(text="a" * 1_000_000), home, "text_too_long"),
        "an unknown channel": (key, message(channel="telex"), home, "unknown_channel"),
        "an unknown workspace": (
            key_of(f"nobody/{number}"),
            message(),
            partition_of(key_of(f"nobody/{number}"), PARTITIONS),
            "unknown_workspace",
        ),
    }


def _a_fact() -> bytes:
    fact = MessageNoted(
        id="f",
        contact="bottega/x",
        at=0,
        cause=Cause(topic="t", partition=0, offset=0, input="a/b"),
        direction="in",
        message="m",
        channel="whatsapp",
        author="customer",
        occurred_at=0,
        said_at=0,
    )
    return Codec().encode(fact)


def test_inputs_are_facts_dead_letters_or_duplicates(attesa: Attesa) -> None:
    """Between good inputs every kind of bad one: the rest goes on, and the three add up to what came in."""
    attesa("topics", "apply")
    worker, ticker = attesa.start("worker"), attesa.start("ticker")
    attesa("workspace", "publish", attesa.write("w.yaml", WORKSPACE.format(grace="1s")), "--no-wait")
    attesa("flow", "publish", attesa.write("s.yaml", SILENCE.format(within="1h")), "--timeout", "60")
    log = Log(attesa.kafka, attesa.prefix)
    reasons: Counter[str] = Counter()
    with RecordProducer(attesa.kafka) as producer:
        for number in range(ROUNDS):
            for name, (key, value, partition, reason) in _bad(number).items():
                headers = [("from", name.encode())]
                producer.send_bytes(log.topics.inbound, value, key, partition, headers=headers)
                reasons[reason] += 1
                for contact, record in _good(number, name):
                    producer.send(log.topics.inbound, record, key_of(contact))
    last = _message("the last of all")
    ends = [_contact_on(partition) for partition in range(PARTITIONS)]
    attesa.produce(*((contact, last) for contact in ends))
    wait_until(
        "the rest goes on to the end",
        lambda: {f.contact for f in log.facts(MessageNoted) if f.message == last.id} == set(ends) or None,
    )
    assert worker.is_running()
    assert ticker.stop() == worker.stop() == 0, worker.log[-3000:]

    inputs = _inputs(log)
    letters = {_origin(record): record for record in log.records(log.topics.dead_letters)}
    caused = {
        (fact.cause.partition, fact.cause.offset)
        for fact in log.facts()
        if fact.cause.timer is None and hasattr(fact, "contact")
    }
    duplicates = _duplicates(inputs, letters)
    assert len(duplicates) == ROUNDS * len(_bad(0))
    assert not caused & letters.keys()
    assert not caused & duplicates
    assert caused | letters.keys() | duplicates == inputs.keys()
    assert len(inputs) == len(caused) + len(letters) + len(duplicates)

    said = Counter(_header(record, "attesa_reason") for record in letters.values())
    assert said == reasons
    for place, letter in letters.items():
        original = inputs[place]
        assert (letter.key, letter.value) == (original.key, original.value)
        assert _header(letter, "from") == _header(original, "from")
        assert _header(letter, "attesa_error")
    _check_clamped(log)


def _good(number: int, name: str) -> list[tuple[str, Input]]:
    """Good ones after a bad one: a message twice, and two with a time that nobody can mean."""
    contact, id_ = f"bottega/good{number}", f"{number} after {name}"
    now = time.time_ns() // 1_000_000
    message = _message(id_)
    return [
        (contact, message),
        (contact, message),
        (contact, _message(f"1970 {id_}", occurred_at=0)),
        (contact, _message(f"tomorrow {id_}", occurred_at=now + 24 * HOUR)),
        (contact, CustomerEvent(source="shop", id=id_, occurred_at=now, name="seen")),
    ]


def _check_clamped(log: Log) -> None:
    """A time of 1970 or of tomorrow is the record's own, and the fact says so."""
    noted = log.facts(MessageNoted)
    for kind, is_clamped in (("1970 ", True), ("tomorrow ", True), ("", False)):
        found = [fact for fact in noted if fact.message.startswith(kind or ("0 ", "1 ", "2 ", "3 ", "4 "))]
        assert len(found) == ROUNDS * len(_bad(0))
        assert {fact.clamped for fact in found} == {is_clamped}
        assert all(abs(fact.said_at - fact.at) < HOUR for fact in found)


def _inputs(log: Log) -> dict[Place, Record]:
    """All records of inbound that are no ticks, by their places."""
    codec = Codec()
    found = {}
    for record in log.records(log.topics.inbound):
        try:
            if isinstance(codec.decode(record.value), Tick):
                continue
        except UndecodableError:
            pass
        found[record.partition, record.offset] = record
    return found


def _duplicates(inputs: dict[Place, Record], letters: dict[Place, Record]) -> set[Place]:
    """Those whose source and id the same contact had before."""
    codec = Codec()
    seen: set[tuple[bytes | None, str, str]] = set()
    found = set()
    for place, record in sorted(inputs.items()):
        if place in letters:
            continue
        decoded: Any = codec.decode(record.value)
        name = (record.key, decoded.source, decoded.id)
        if name in seen:
            found.add(place)
        seen.add(name)
    return found


def _origin(letter: Record) -> Place:
    return int(_header(letter, "attesa_partition")), int(_header(letter, "attesa_offset"))


def _header(record: Record, name: str) -> str:
    (value,) = [text for header, text in record.headers if header == name] or [b""]
    return value.decode() if isinstance(value, bytes) else value or ""


def _contact_on(partition: int) -> str:
    return next(
        contact
        for number in range(1000)
        if partition_of(key_of(contact := f"bottega/end{number}"), PARTITIONS) == partition
    )
