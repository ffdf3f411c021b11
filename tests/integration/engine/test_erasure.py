"""Erased means that no file and no topic holds anything that opens the contact's sealed values."""

import time
from pathlib import Path

import pytest

from streams.engine.envelope import ROLL_KEY, unpack
from streams.log.errors import SealBrokenError
from tests.integration.engine.harness import Bench, erase, event, message, wait_until

pytestmark = [pytest.mark.kafka]


def _files_with(folder: Path, needle: bytes) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and needle in path.read_bytes()]


def test_erasure(bench: Bench) -> None:
    """Before it the values open; after it neither topics, compacted, nor the stores' files have the key or a
    plain value.
    """
    bench.send("shop/a", event(1, name="Ada Lovelace"))
    bench.send("shop/b", event(2, name="Grace Hopper"))
    bench.send("shop/a", message(3))
    bench.flush()
    bench.run_to_end("w1")
    # A second worker's store has them too.
    bench.run_to_end("w2")
    keys = bench.keys()
    assert set(keys) == {"shop/a", "shop/b"}
    sealed = [f for facts in bench.facts().values() for f in facts if getattr(f, "sealed", None)]
    assert {fact.sealed["name"] for fact in sealed} == {"Ada Lovelace", "Grace Hopper"}
    (wrapped,) = {
        key.wrapped
        for record in bench.read(bench.topics.state)
        if record.key == b"shop/a" and record.value and (key := unpack(record.value).key)
    }
    bench.send("shop/a", erase(4))
    bench.flush()
    bench.run_to_end("w1")
    bench.run_to_end("w2")
    assert set(bench.keys()) == {"shop/b"}
    for name in ("w1", "w2"):
        assert not _files_with(bench.folder / name, wrapped), name
        assert not _files_with(bench.folder / name, b"Ada Lovelace"), name
    assert not [r for r in bench.read(bench.topics.facts) if b"Ada Lovelace" in (r.value or b"")]
    mine = [f for facts in bench.facts().values() for f in facts if getattr(f, "contact", None) == "shop/a"]
    assert [type(fact).__name__ for fact in mine] == ["InputNoted", "InputNoted", "ContactErased"]
    assert all(fact.sealed is None for fact in mine)
    bench.check(stores=["w1", "w2"])
    for topic in (bench.topics.state, bench.topics.keys):
        bench.compact(topic, b"shop/a")
        wait_until(f"{topic} is compacted", _has_no_value_of, bench, topic, b"shop/a")


def _has_no_value_of(bench: Bench, topic: str, key: bytes) -> bool:
    return not [record for record in bench.read(topic) if record.key == key and record.value is not None]


def test_a_contact_that_comes_back_has_a_new_key(bench: Bench) -> None:
    """What was sealed before the erasure stays shut."""
    bench.send("shop/a", event(1, name="Ada"))
    bench.flush()
    bench.run_to_end()
    before = bench.keys()["shop/a"]
    bench.send("shop/a", erase(2))
    bench.send("shop/a", event(3, name="Augusta"))
    bench.flush()
    bench.run_to_end()
    after = bench.keys()["shop/a"]
    assert before != after
    first, erased, second = [record for record in bench.read(bench.topics.facts) if record.key == b"shop/a"]
    with pytest.raises(SealBrokenError):
        bench.facts_codec.decode(first.value, after)
    assert bench.facts_codec.decode(erased.value, after) is not None
    opened = bench.facts_codec.decode(second.value, after)
    assert getattr(opened, "sealed", None) == {"name": "Augusta"}


def test_the_key_is_made_with_the_first_personal_value(bench: Bench) -> None:
    """Contacts without personal values have none; one that has is given the same key for all of them."""
    for number in range(20):
        bench.send("shop/plain", message(number))
        bench.send("shop/known", event(100 + number, name="Ada"))
    bench.flush()
    bench.run_to_end(settings={"max_batch": 3})
    assert [record.key for record in bench.read(bench.topics.keys)] == [b"shop/known"]
    bench.check(stores=["w1"])


def test_a_quiet_partition_of_keys_can_be_compacted_all_the_same(history: Bench) -> None:
    """Each hour of the clock leaves a tombstone there, though no contact is new."""
    start = int(time.time() * 1000) - 5 * 3_600_000
    for hour in range(4):
        history.send("shop/anna", message(hour), timestamp=start + hour * 3_600_000)
        history.flush()
        history.run_to_end()
    rolled = [record for record in history.read(history.topics.keys) if record.key == ROLL_KEY]
    assert len(rolled) >= 3
    assert all(record.value is None for record in rolled)
