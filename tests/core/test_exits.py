"""Exit rules, cancelling and erasing: how a journey ends before its end, and what it waited for with it."""

from schemas.types.facts import (
    ConsentRecorded,
    ContactErased,
    ConversationNoted,
    InputNoted,
    JourneyEnded,
    JourneyStarted,
    MessageNoted,
    ResponseReceived,
    TimerCancelled,
    WaitCancelled,
)
from streams.core.program import Match
from streams.core.state import ContactState
from streams.core.testing import (
    HOUR,
    SECOND,
    agent_message,
    cancel,
    consent,
    conversation,
    erase,
    event,
    fact,
    given,
    message,
    outcome,
    passes,
    start,
)
from tests.core.flows import ask, asked, asks, flow, pause_for, send


def test_an_exit_rule_ends_the_journey_and_cancels_its_wait() -> None:
    """The wait is closed for the same reason, and is not in the rate."""
    program = flow(send("hello", 1), ask("answer"), exits=(Match(kind="event", name="refunded"),))
    story = given(program).when(event("go"), outcome("accepted"))
    story.when(event("refunded")).then(
        fact(WaitCancelled, reason="exit"),
        fact(JourneyEnded, reason="exit", because={"kind": "event", "name": "refunded"}),
    )


def test_an_exit_rule_cancels_a_timer() -> None:
    """What the journey waited for is a fact."""
    program = flow(pause_for(HOUR), exits=(Match(kind="message", name="any"),))
    story = given(program).when(event("go"), passes(SECOND))
    story.when(message()).then(
        MessageNoted,
        fact(TimerCancelled, reason="exit", kind="wait"),
        fact(JourneyEnded, because={"kind": "message", "name": "any"}, duration_ms=SECOND),
    )


def test_same_compares_with_the_triggers_properties() -> None:
    """Another cart's order does not end this cart's journey."""
    program = flow(pause_for(HOUR), exits=(Match(kind="event", name="ordered", same=("cart",)),))
    story = given(program).when(event("go", cart=1), event("go", cart=2), event("go"))
    story.when(event("ordered", cart=2)).then(TimerCancelled, JourneyEnded)
    story.when(event("ordered")).then(InputNoted)
    assert len(story.state.journeys) == 2


def test_an_exit_rule_may_filter() -> None:
    """`where` asks about that event."""
    rule = Match(kind="event", name="ordered", where=asks("property", "total", "gt", 10))
    story = given(flow(pause_for(HOUR), exits=(rule,))).when(event("go"))
    story.when(event("ordered", total=5)).then(InputNoted)
    story.when(event("ordered", total=50)).then(TimerCancelled, JourneyEnded)


def test_a_closed_conversation_ends_the_journeys_of_that_thread() -> None:
    """A journey with a thread of its own is not ended by another's."""
    program = flow(
        pause_for(HOUR),
        triggers=(Match(kind="message", name="any"), Match(kind="manual")),
        exits=(Match(kind="conversation", name="closed"),),
    )
    story = given(program).when(message(conversation="c1"))
    story.when(conversation("closed", "c2")).then(ConversationNoted)
    story.when(conversation("closed", "c1")).then(ConversationNoted, TimerCancelled, JourneyEnded)
    story.when(start("f"), conversation("closed", "c3")).then_some(JourneyEnded)


def test_waits_come_before_exit_rules() -> None:
    """A message answers first; then its exit rule ends what goes on."""
    program = flow(
        send("hello", 1), ask("answer", yes=2), pause_for(HOUR), exits=(Match(kind="message", name="any"),)
    )
    story = given(program).when(event("go"), outcome("accepted"), passes(SECOND))
    story.when(message()).then_some(ResponseReceived, TimerCancelled, fact(JourneyEnded, reason="exit"))


def test_an_exit_rule_does_not_end_what_its_own_input_starts() -> None:
    """Exits come before triggers."""
    rule = Match(kind="agent_message", name="any")
    story = given(flow(pause_for(HOUR), triggers=(rule,), exits=(rule,)))
    story.when(agent_message()).then_no(JourneyEnded).then_some(JourneyStarted)
    story.when(agent_message()).then_some(JourneyEnded, JourneyStarted)


def test_an_opt_out_may_end_a_journey() -> None:
    """`opted_out: any`, and by purpose."""
    anything = flow(pause_for(HOUR), exits=(Match(kind="opted_out", name="any"),), name="a")
    service = flow(pause_for(HOUR), exits=(Match(kind="opted_out", name="service"),), name="b")
    story = given(anything, service).when(event("go"))
    story.when(consent("marketing", granted=False)).then(
        ConsentRecorded, TimerCancelled, fact(JourneyEnded, flow="a")
    )
    story.when(consent("service", granted=False)).then(
        ConsentRecorded, TimerCancelled, fact(JourneyEnded, flow="b")
    )


def test_cancelling_ends_the_journeys_of_a_flow() -> None:
    """All of them, with the reason that was given."""
    story = given(asked(), flow(pause_for(HOUR), name="other")).when(event("go"), event("go"))
    story.when(cancel("f")).then(
        fact(WaitCancelled, reason="cancelled"),
        fact(JourneyEnded, reason="cancelled", because={"reason": "asked"}),
        WaitCancelled,
        JourneyEnded,
    )
    assert {journey.flow for journey in story.state.journeys.values()} == {"other"}


def test_one_journey_can_be_cancelled() -> None:
    """By its id."""
    story = given(flow(pause_for(HOUR))).when(event("go"), event("go"))
    one = next(iter(story.state.journeys))
    story.when(cancel("f", journey=one)).then(TimerCancelled, fact(JourneyEnded, journey=one))


def test_cancelling_nothing_is_noted() -> None:
    """The input was taken."""
    given().when(cancel("f")).then(fact(InputNoted, reason="no_journey"))


def test_erasing_closes_all_and_leaves_nothing() -> None:
    """Waits and journeys are closed, then the contact is erased; no state is kept."""
    story = given(asked(), flow(pause_for(HOUR), name="other")).when(event("go"), outcome("accepted"))
    story.when(erase()).then(
        fact(WaitCancelled, reason="erased"),
        fact(JourneyEnded, reason="erased"),
        fact(TimerCancelled, reason="erased"),
        fact(JourneyEnded, reason="erased"),
        fact(ContactErased, requested_by="ticket 7", reason="asked"),
    )
    assert story.contacts.get(story.contact) is None
    assert story.state == ContactState(story.contact)
    story.when(passes(48 * HOUR)).then_nothing()


def test_a_contact_that_is_not_known_can_be_erased() -> None:
    """Its key is destroyed all the same, whatever the workspace."""
    given().when(erase()).then(ContactErased)
