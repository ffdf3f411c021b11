"""Golden journeys: a recorded log gives the same facts, byte for byte, as when it was recorded."""

from collections import Counter
from pathlib import Path

import pytest

from schemas.wire import Codec
from tests.golden.recorded import KEY, commands_of, decisions_of, facts_of, lines_of

RECORDED = sorted(path for path in Path(__file__).parent.glob("rules-*") if path.is_dir())


@pytest.mark.parametrize("folder", RECORDED, ids=lambda folder: folder.name)
def test_a_recorded_log_gives_the_same_bytes(folder: Path) -> None:
    """Each fact and each command, in order. See `recorded` for how to read a difference."""
    decisions = decisions_of(folder)
    for written, decided in zip(lines_of(folder / "facts.jsonl"), facts_of(decisions), strict=True):
        assert decided == written
    for written, decided in zip(lines_of(folder / "commands.jsonl"), commands_of(decisions), strict=True):
        assert decided == written


def test_the_golden_logs_are_worth_keeping() -> None:
    """Waits that were answered, timed out, were answered too late; sends that were not made; consent."""
    assert RECORDED
    made = Counter(line["fact"] for folder in RECORDED for line in lines_of(folder / "facts.jsonl"))
    for name in (
        "ResponseReceived",
        "ResponseTimedOut",
        "LateResponseReceived",
        "SendPostponed",
        "SendSuppressed",
        "ConversationCloseCommanded",
        "ConsentRecorded",
    ):
        assert made[name], name


def test_golden_bytes_can_be_read() -> None:
    """By whoever looks at a difference: `Codec` decodes them, the key opens what is sealed."""
    line = next(line for line in lines_of(RECORDED[0] / "facts.jsonl") if line["fact"] == "ContactChanged")
    fact = Codec(("facts",)).decode(bytes.fromhex(line["bytes"]))
    sealed = getattr(fact, "sealed", None)
    assert isinstance(sealed, bytes)
    assert KEY.open(sealed, getattr(fact, "id", "").encode())
