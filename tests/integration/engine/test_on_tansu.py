"""The engine on the embedded broker, as the demo runs it."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from deploy.embedded.tansu import TansuBroker
from deploy.errors import MissingProgramError
from tests.integration.engine.harness import Bench
from tests.integration.engine.real import HOUR, check_against_the_core, publish_ready, send_history


@pytest.fixture
def tansu(tmp_path: Path) -> Iterator[Bench]:
    """A history prefix on Tansu."""
    try:
        with TansuBroker(tmp_path / "tansu") as broker:
            made = Bench(cast("Any", broker), "demo", tmp_path, history=True)
            yield made
            made.close()
    except MissingProgramError as missing:
        pytest.skip(str(missing))


def test_a_history(tansu: Bench) -> None:
    """Without crashes, which it is not for, it holds what Apache Kafka holds."""
    through = publish_ready(tansu, "nudge-and-close")
    send_history(tansu, through, inputs=500, start=int(time.time() * 1000) - 90 * 24 * HOUR)
    tansu.run_to_end(core="real")
    counts = check_against_the_core(tansu)
    assert counts["ResponseTimedOut"] > 0
    assert counts["inputs"] == counts["caused"] + counts["duplicates"]
