"""Splits are stable by contact and flow; who is held out is sent nothing; loops are bounded."""

from collections import Counter

from schemas.types.facts import (
    ArmTaken,
    BranchTaken,
    ResponseTimedOut,
    SendCommanded,
    SendSuppressed,
    WaitOpened,
    WaitSkipped,
)
from streams.core.program import END, Arm, GoTo, Split
from streams.core.testing import DAY, HOUR, event, fact, given, outcome, passes, update
from tests.core.flows import ask, asks, branch, facts_of, flow, pause_for, send


def half(**fields: int) -> Split:
    """Arms a and b, evenly: sends `one` or `two`."""
    return Split("test", (Arm("a", 1, 1), Arm("b", 1, 2)), **fields)


def arm_of(contact: str, split: Split, name: str = "f") -> str:
    """The arm that the contact takes."""
    story = given(flow(split, send("one"), send("two"), name=name), contact=contact)
    story.when(event("go"))
    return facts_of(story, ArmTaken)[0].arm


def test_a_contact_takes_the_same_arm_each_time() -> None:
    """In every journey; another flow parts contacts in another way."""
    contacts = [f"acme/c{n}" for n in range(24)]
    first = [arm_of(contact, half()) for contact in contacts]
    assert first == [arm_of(contact, half()) for contact in contacts]
    assert first != [arm_of(contact, half(), "other") for contact in contacts]
    story = given(flow(half(), send("one"), send("two")))
    story.when(event("go"), event("go"))
    one, two = facts_of(story, ArmTaken)
    assert one.arm == two.arm
    assert (one.weight, one.total, one.held_out) == (1, 2, False)


def test_weights_are_relative() -> None:
    """Three in four take an arm of weight three against one, give or take."""
    split = Split("test", (Arm("a", 3, 1), Arm("b", 1, 2)))
    taken = Counter(arm_of(f"acme/c{n}", split) for n in range(200))
    assert 120 < taken["a"] < 180


def test_who_is_held_out_goes_on_and_is_sent_nothing() -> None:
    """Each send is a fact with the reason; a wait without its prompt is skipped; conditions see it."""
    split = Split("test", (Arm("a", 1, END),), hold_out=1_000_000, next=1)
    story = given(
        flow(
            split,
            send("hello", 2),
            ask("answer", yes=END, no=3),
            branch(asks("arm", "test", "equals", "hold_out"), 4),
            send("bye"),
        )
    )
    story.when(event("go")).then_some(
        fact(ArmTaken, arm="hold_out", held_out=True, weight=1_000_000, total=1_000_001),
        fact(SendSuppressed, step="hello", reason="hold_out"),
        fact(WaitSkipped, step="answer", reason="hold_out"),
        fact(BranchTaken, branch="then", because={"arm test equals": "true"}),
        fact(SendSuppressed, step="bye", reason="hold_out"),
    )
    assert story.commands == []


def test_who_is_held_out_stays_so_behind_a_second_split() -> None:
    """The arm is the second's, and still nothing goes out."""
    first = Split("one", (Arm("a", 1, END),), hold_out=1_000_000, next=1)
    second = Split("two", (Arm("b", 1, 2),))
    story = given(flow(first, second, send("hello")))
    story.when(event("go")).then_some(
        fact(ArmTaken, step="two", arm="b", held_out=False),
        fact(SendSuppressed, step="hello", reason="hold_out"),
    )


def test_a_wait_and_its_closing_say_the_arm() -> None:
    """So that a row needs one fact only."""
    story = given(flow(Split("test", (Arm("a", 1, 1),)), send("hello", 2), ask("answer")))
    story.when(event("go")).then_some(fact(WaitOpened, arm="a"))
    story.when(outcome("accepted"), passes(2 * HOUR)).then_some(fact(ResponseTimedOut, arm="a"))


def test_go_to_goes_so_many_times_and_then_on() -> None:
    """Each turn is a visit of its own, and says how many there may be."""
    story = given(flow(send("hello", 1), pause_for(DAY, 2), GoTo("again", 0, 2, 3), send("bye")))
    story.when(event("go"), passes(DAY), passes(DAY), passes(DAY))
    sent = [(found.step, found.visit) for found in facts_of(story, SendCommanded)]
    assert sent == [("hello", 1), ("hello", 2), ("hello", 3), ("bye", 1)]
    assert [(found.branch, found.because) for found in facts_of(story, BranchTaken)] == [
        ("go_to", {"times": "1", "max": "2"}),
        ("go_to", {"times": "2", "max": "2"}),
        ("go_on", {"times": "2", "max": "2"}),
    ]
    assert len({command.id for command in story.commands}) == 4


def test_a_condition_sees_where_the_journey_has_been() -> None:
    """A step that it went past is not one."""
    story = given(
        flow(
            branch(asks("tag", "vip"), 1, otherwise=2),
            send("vip", 3),
            send("other", 3),
            branch(asks("entered", "other"), 4),
            send("again"),
        )
    )
    story.when(event("go")).then_some(fact(BranchTaken, because={"entered other": "true"}))
    story.when(update(tags_added=["vip"]), event("go"))
    story.then_some(fact(BranchTaken, because={"entered other": "false"}))
