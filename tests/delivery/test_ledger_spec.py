"""A partition's account: what may be committed, and what is known of a command that comes again."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.types.records import Attempt
from streams.delivery.decision import Past
from streams.delivery.ledger import Ledger


def tried(attempt: int) -> Attempt:
    """The last attempt of a command."""
    return Attempt(command="tried", at=0, attempt=attempt, channel="whatsapp", via="webhook")


@given(st.permutations(range(12)))
def test_what_is_committed_is_the_lowest_unfinished(order: list[int]) -> None:
    """Commands end in any order; a crash brings back everything from the lowest that has not."""
    assert Ledger(0, {}, set()).position is None
    ledger = Ledger(0, {}, set(), start=0)
    assert ledger.position == 0
    for offset in range(12):
        ledger.read(offset * 3)
    left = set(range(12))
    for offset in order:
        ledger.finished(offset * 3, f"c{offset}")
        left.discard(offset)
        assert ledger.position == (min(left) * 3 if left else 34)
    assert len(ledger) == 0


def test_an_attempt_without_an_outcome_is_in_doubt() -> None:
    """What the log tells at the assignment."""
    ledger = Ledger(0, {"tried": tried(2)}, {"ended"})
    assert ledger.past("tried") == Past(attempts=2, in_doubt=True, via="webhook")
    assert ledger.past("ended").ended
    assert ledger.past("new") == Past()


def test_a_command_that_ended_here_is_known_as_ended() -> None:
    """A second record of the same command does nothing."""
    ledger = Ledger(0, {"tried": tried(1)}, set())
    ledger.read(0)
    ledger.finished(0, "tried")
    assert ledger.past("tried") == Past(ended=True)


def test_memory_of_ended_commands_is_bounded() -> None:
    """The last ones, and no fewer than were read at the assignment."""
    ledger = Ledger(0, {}, {f"old-{number}" for number in range(5)}, remembers=3)
    for number in range(5):
        ledger.read(number)
        ledger.finished(number, f"new-{number}")
    assert all(ledger.past(f"new-{number}").ended for number in range(5))
    assert not any(ledger.past(f"old-{number}").ended for number in range(5))
