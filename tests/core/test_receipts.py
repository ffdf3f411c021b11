"""Conditions see what became of a message: delivered, read, failed."""

import pytest

from schemas.types.facts import BranchTaken
from streams.core.testing import HOUR, Happens, event, fact, given, outcome, passes, receipt
from tests.core.flows import asks, branch, flow, pause_for, send


@pytest.mark.parametrize(
    ("happenings", "holds"),
    [
        ([], set()),
        ([outcome("accepted")], set()),
        ([outcome("accepted"), receipt("delivered")], {"delivered"}),
        ([outcome("accepted"), receipt("delivered"), receipt("read")], {"delivered", "read"}),
        ([outcome("accepted"), receipt("read"), receipt("delivered")], {"delivered", "read"}),
        ([outcome("accepted"), receipt("failed")], {"failed"}),
        ([outcome("failed")], {"failed"}),
    ],
)
@pytest.mark.parametrize("subject", ["delivered", "read", "failed"])
def test_conditions_see_what_became_of_a_message(
    happenings: list[Happens], holds: set[str], subject: str
) -> None:
    """What was read was delivered, in whatever order receipts come; one that failed was neither."""
    story = given(flow(send("hello", 1), pause_for(HOUR, 2), branch(asks(subject, "hello"), 3), send("then")))
    story.when(event("go"), *happenings)
    story.when(passes(HOUR)).then_some(fact(BranchTaken, branch="then" if subject in holds else "else"))


def test_a_send_that_was_not_made_came_to_nothing() -> None:
    """It did not fail either."""
    story = given(flow(send("hello", 1, channels=("pigeon",)), branch(asks("failed", "hello"), -1)))
    story.when(event("go")).then_some(fact(BranchTaken, branch="else"))
