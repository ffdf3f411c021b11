"""A journey's run: wait, if, close, end, and the limit of steps."""

import pytest

from schemas.types.facts import (
    BranchTaken,
    ConversationCloseCommanded,
    JourneyEnded,
    JourneyStarted,
    MessageNoted,
    ResponseReceived,
    SendCommanded,
    TimerFired,
    TimerSet,
    WaitOpened,
)
from streams.core.program import END, Any_, Branch, CloseConversation, End, If, Match, Not
from streams.core.testing import (
    HOUR,
    SECOND,
    START,
    conversation,
    event,
    fact,
    given,
    message,
    outcome,
    passes,
    start,
    update,
)
from tests.core.flows import ask, asks, branch, facts_of, flow, pause_for, send


def test_a_wait_step_waits_for_its_span() -> None:
    """To the millisecond."""
    story = given(flow(pause_for(HOUR, 1), send("hello"))).when(event("go"))
    story.then_some(fact(TimerSet, kind="wait", due=START + HOUR))
    story.when(passes(HOUR - 1)).then_nothing()
    story.when(passes(1)).then(
        fact(TimerFired, opened_at=START, due=START + HOUR),
        SendCommanded,
        fact(JourneyEnded, reason="completed"),
    )


def test_an_if_goes_the_first_way_that_holds() -> None:
    """The fact says which, and what was asked; not the values."""
    step = If(
        id="which",
        branches=(
            Branch("then", asks("attribute", "city", "equals", "Roma"), 1),
            Branch("else_if-1", asks("tag", "vip"), 2),
        ),
        otherwise=END,
    )
    story = given(flow(step, send("rome"), send("vip"))).when(event("go"))
    story.then_some(
        fact(BranchTaken, branch="else", because={"attribute city equals": "missing", "tag vip": "false"}),
        JourneyEnded,
    )
    story.when(update(attributes={"city": "Milano"}, tags_added=["vip"]), event("go"))
    story.then_some(fact(BranchTaken, branch="else_if-1"), fact(SendCommanded, step="vip"))
    story.when(update(attributes={"city": "Roma"}), event("go"))
    story.then_some(
        fact(BranchTaken, branch="then", because={"attribute city equals": "true"}),
        fact(SendCommanded, step="rome"),
    )


@pytest.mark.parametrize(
    ("name", "answers", "way"), [("last", True, "then"), ("answer", True, "then"), ("last", False, "else")]
)
def test_an_if_may_ask_whether_the_contact_responded(name: str, way: str, *, answers: bool) -> None:
    """To the last question, or to one of them."""
    story = given(flow(send("hello", 1), ask("answer", yes=2, no=2), branch(asks("responded", name), END)))
    story.when(event("go"), outcome("accepted"), passes(SECOND))
    story.when(message() if answers else passes(2 * HOUR)).then_some(fact(BranchTaken, branch=way))


def test_an_if_may_ask_about_all_any_and_not() -> None:
    """The trigger's properties, the journey's variables, the channel, the language."""
    condition = Any_((Not(asks("property", "p")), asks("var", "v", "equals", 1), asks("channel", "sms")))
    program = flow(branch(condition, END), vars=(("v", 1),))
    story = given(program).when(event("go", p="x"))
    story.then_some(fact(BranchTaken, branch="then", because={"property p": "true", "var v equals": "true"}))


def test_nobody_who_was_not_asked_has_responded() -> None:
    """`responded` of a step that was not reached is false."""
    given(flow(branch(asks("responded", "other"), END))).when(event("go")).then_some(
        fact(BranchTaken, branch="else")
    )
    given(flow(branch(asks("responded", "last"), END))).when(event("go")).then_some(
        fact(BranchTaken, branch="else")
    )


def test_close_conversation_closes_the_triggers() -> None:
    """Or the last, where the trigger had none, or where the step says so."""
    trigger = Match(kind="message", name="any")
    program = flow(CloseConversation(id="close"), triggers=(trigger,))
    story = given(program).when(message(conversation="c1"))
    story.then_some(fact(ConversationCloseCommanded, conversation="c1", channel="whatsapp"))
    assert [(closed.conversation, closed.channel) for closed in story.closed()] == [("c1", "whatsapp")]
    story = given(flow(CloseConversation(id="close"))).when(
        conversation("opened", "w"), conversation("opened", "s", channel="sms"), event("go")
    )
    assert story.closed()[-1].conversation == "s"
    story = given(flow(CloseConversation(id="close", which="last"), triggers=(Match(kind="manual"),)))
    story.when(conversation("opened", "x"), start("f", channel="sms", conversation="mine"))
    assert story.closed()[-1].conversation == "x"
    story = given(flow(CloseConversation(id="close", which="trigger"), triggers=(Match(kind="manual"),)))
    story.when(conversation("opened", "x"), start("f", channel="sms", conversation="mine"))
    assert story.closed()[-1].conversation == "mine"


def test_close_conversation_without_one_commands_nothing() -> None:
    """The fact says so, and the journey goes on."""
    story = given(flow(CloseConversation(id="close", next=1), send("hello"))).when(event("go"))
    story.then_some(fact(ConversationCloseCommanded, conversation=None, channel=None), SendCommanded)
    assert story.closed() == []


def test_end_ends_with_its_reason() -> None:
    """At that step."""
    story = given(flow(End(id="stop", reason="not_needed"))).when(event("go"))
    story.then(JourneyStarted, fact(JourneyEnded, step="stop", reason="not_needed", visit=1))


def test_an_input_takes_a_contact_through_two_hundred_steps_at_most() -> None:
    """Then a fact, and the journey is over."""
    story = given(flow(branch(asks("tag", "never"), 0, otherwise=0))).when(event("go"))
    assert len(facts_of(story, BranchTaken)) == 200
    story.then_some(fact(JourneyEnded, reason="step_limit", because={"steps": "200"}))
    assert [found.visit for found in facts_of(story, BranchTaken)] == list(range(1, 201))


def test_a_step_that_is_come_to_again_is_another_visit() -> None:
    """Its wait has another id."""
    story = given(flow(send("hello", 1), ask("answer", yes=0))).when(event("go"), passes(SECOND))
    story.when(message()).then(
        MessageNoted, ResponseReceived, fact(SendCommanded, visit=2, step="hello"), fact(WaitOpened, visit=2)
    )
    first, second = facts_of(story, WaitOpened)
    assert first.wait != second.wait
