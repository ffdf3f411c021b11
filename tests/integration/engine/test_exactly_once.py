"""Each input is in the facts exactly once, states and positions follow."""

import pytest

from tests.integration.engine.harness import Bench, message

pytestmark = [pytest.mark.kafka]


def test_decides_each_input_once_and_in_order(bench: Bench) -> None:
    """Facts, states, positions and the local store are those of a fold of the inbound topic alone."""
    for number in range(2_000):
        bench.send(f"shop/c{number % 97}", message(number))
    bench.tick()
    bench.flush()
    worker = bench.run_to_end()
    counts = bench.check(stores=["w1"])
    assert counts["facts"] == 2_000 + 4
    assert "Traceback" not in worker.log
