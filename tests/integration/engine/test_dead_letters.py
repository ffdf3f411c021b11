"""What cannot be decided goes to dead letters with its bytes and a reason; the rest goes on; too many stop
it.
"""

import pytest

from schemas.types.records import ContactKey
from schemas.wire import Codec
from streams.log.dead_letters import read_dead_letter
from streams.log.partitioner import partition_of
from tests.integration.engine.harness import Bench, event, message

pytestmark = [pytest.mark.kafka]


def _bad(bench: Bench) -> dict[str, int]:
    """One of each kind among good ones; how many of each reason."""
    good = bench.inputs.encode(message(1))
    bench.send_bytes(0, b"shop/a", b"no wire format", headers=[("origin", b"gateway-7")])
    bench.send_bytes(0, b"shop/a", None)
    bench.send_bytes(1, b"shop/a", b"\x00\xff\xff\xff\xff")
    bench.send_bytes(1, b"shop/a", good[:5] + b"\x02")
    bench.send_bytes(2, b"shop/a", good + b"more")
    fact = Codec(("records",))
    bench.send_bytes(2, b"shop/a", fact.encode(ContactKey(wrapped=b"x", master="m")))
    bench.send_bytes(3, b"\xff\xfe/a", good)
    bench.send_bytes(3, None, good)
    key = b"shop/elsewhere"
    bench.send_bytes((partition_of(key, bench.partitions) + 1) % bench.partitions, key, good)
    bench.send("shop/long", message(2, "x" * 70_000))
    bench.send("shop/refused", message(3, "refuse"))
    bench.send("shop/poison", message(4, "boom"))
    return {
        "not_wire_format": 2,
        "unknown_schema": 1,
        "undecodable": 2,
        "wrong_record": 1,
        "bad_contact": 1,
        "no_contact": 1,
        "wrong_partition": 1,
        "text_too_long": 1,
        "empty_message": 1,
        "undecidable": 1,
    }


def test_each_reason_and_processing_goes_on(bench: Bench) -> None:
    """Every kind of bad input is in the dead letters as it came; all good inputs are decided; nothing is
    lost.
    """
    for number in range(100, 200):
        bench.send(f"shop/c{number % 7}", message(number))
    expected = _bad(bench)
    for number in range(200, 300):
        bench.send(f"shop/c{number % 7}", message(number))
        # A repeat: no fact, no dead letter.
        bench.send(f"shop/c{number % 7}", message(number))
    bench.flush()
    worker = bench.run_to_end()
    found: dict[str, int] = {}
    inbound = {(record.partition, record.offset): record for record in bench.read(bench.topics.inbound)}
    for record in bench.read(bench.topics.dead_letters):
        letter = read_dead_letter(record.key, record.value, record.headers)
        assert letter is not None
        found[letter.reason] = found.get(letter.reason, 0) + 1
        original = inbound[letter.partition, letter.offset]
        assert (letter.topic, letter.timestamp) == (bench.topics.inbound, original.timestamp)
        assert (record.partition, record.key, record.value) == (
            original.partition,
            original.key,
            original.value,
        )
        assert letter.headers == original.headers
        assert letter.error
    assert found == expected
    facts = [fact for facts in bench.facts().values() for fact in facts]
    caused = {(fact.cause.partition, fact.cause.offset) for fact in facts}
    assert len(caused) == 200
    assert len(inbound) == len(caused) + sum(found.values()) + 100
    # The position covers all: nothing is read again.
    assert sum(position.next for position in bench.positions().values()) == len(inbound)
    assert "an input becomes a dead letter" in worker.log


def test_a_text_of_a_megabyte(bench: Bench) -> None:
    """It fits the topics on both sides."""
    bench.send("shop/long", message(1, "é" * 500_000))
    bench.send("shop/long", message(2))
    bench.flush()
    bench.run_to_end()
    (letter,) = bench.read(bench.topics.dead_letters)
    assert len(letter.value or b"") > 1_000_000
    assert sum(map(len, bench.facts().values())) == 1


def test_what_would_make_a_fact_too_large_for_its_topic(bench: Bench) -> None:
    """The input is a dead letter, and its partition goes on: no transaction fails for ever."""
    bench.send("shop/large", message(1))
    bench.send("shop/large", event(2, essay="é" * 600_000))
    bench.send("shop/large", message(3))
    bench.flush()
    worker = bench.run_to_end()
    (letter,) = bench.read(bench.topics.dead_letters)
    headers = dict(letter.headers)
    assert headers["attesa_reason"] == b"undecidable"
    assert len(letter.value or b"") > 1_000_000
    assert sum(map(len, bench.facts().values())) == 2
    assert "bytes for " in worker.log


def test_too_many_in_a_row_stop_the_worker(bench: Bench) -> None:
    """The worker ends with an error that says what to do, and a good share of the topic is not drained."""
    for _ in range(50):
        bench.send_bytes(0, b"shop/a", b"garbage")
    bench.flush()
    worker = bench.start(until_end=True, settings={"dead_letters_in_a_row": 20, "max_batch": 10})
    assert worker.wait() != 0
    assert "20 inputs in a row could not be decided" in worker.log
    assert "ATTESA_DEAD_LETTERS_IN_A_ROW" in worker.log
    assert len(bench.read(bench.topics.dead_letters)) < 20
    # A larger limit, as the error says, takes them all.
    bench.run_to_end(settings={"dead_letters_in_a_row": 1_000})
    assert len(bench.read(bench.topics.dead_letters)) == 50


def test_too_large_a_share_stops_the_worker(bench: Bench) -> None:
    """Failures that never come in a row stop it too, by their share of the last 10,000 inputs."""
    for number in range(200):
        bench.send_bytes(0, b"shop/a", b"garbage")
        bench.send_bytes(0, b"shop/%d" % number, bench.inputs.encode(message(number)))
    bench.flush()
    worker = bench.start(until_end=True, settings={"dead_letters_share": 0.005, "max_batch": 10})
    assert worker.wait() != 0
    assert "ATTESA_DEAD_LETTERS_SHARE" in worker.log
