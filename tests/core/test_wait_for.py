"""A wait for something that happens: closed once, by that or by its time."""

from typing import Any

from schemas.types.facts import (
    BranchTaken,
    JourneyEnded,
    JourneyStarted,
    SendCommanded,
    TimerCancelled,
    TimerFired,
    TimerSet,
)
from streams.core.program import END, CustomerResponse, Match, Program, WaitFor
from streams.core.testing import (
    DAY,
    HOUR,
    START,
    agent_message,
    consent,
    event,
    fact,
    given,
    message,
    passes,
    update,
)
from tests.core.flows import asks, facts_of, flow, pause_for, send


def waiting(match: Match, **fields: Any) -> Program:
    """Waits a day for it: then `paid`, else `late`."""
    return flow(WaitFor("pay", match, DAY, on_event=1, no_event=2), send("paid"), send("late"), **fields)


PAID = Match("event", "paid", asks("property", "total", "gt", 10), ("cart",))


def test_what_happens_takes_the_journey_on() -> None:
    """At once; the timer is no more."""
    story = given(waiting(PAID))
    story.when(event("go", cart="a")).then_some(fact(TimerSet, kind="wait_for", due=START + DAY))
    story.when(passes(HOUR), event("paid", cart="a", total=11)).then_some(
        fact(TimerCancelled, reason="happened"),
        fact(BranchTaken, step="pay", branch="on_event", because={"kind": "event", "name": "paid"}),
        fact(SendCommanded, step="paid"),
    )
    story.when(passes(2 * DAY))
    assert facts_of(story, TimerFired) == []


def test_after_its_time_the_other_way_is_taken() -> None:
    """What comes then is too late."""
    story = given(waiting(PAID))
    story.when(event("go", cart="a"), passes(DAY)).then_some(
        fact(TimerFired, kind="wait_for"), fact(SendCommanded, step="late")
    )
    story.when(event("paid", cart="a", total=11))
    assert [found.step for found in facts_of(story, SendCommanded)] == ["late"]


def test_what_is_another_case_is_not_waited_for() -> None:
    """Another name, a filter that does not hold, another cart."""
    story = given(waiting(PAID))
    story.when(
        event("go", cart="a"),
        event("other", cart="a", total=11),
        event("paid", cart="a", total=1),
        event("paid", cart="b", total=11),
    )
    assert facts_of(story, BranchTaken) == []


def test_what_opened_a_wait_does_not_close_it() -> None:
    """The message that takes the journey there is not the one that it waits for."""
    steps = (
        CustomerResponse("first", HOUR, on_response=1, no_response=END),
        WaitFor("second", Match("message", "any"), DAY, on_event=2, no_event=END),
        send("thanks"),
    )
    story = given(flow(*steps, triggers=(Match("message", "any"),)))
    story.when(message(), message())
    assert facts_of(story, BranchTaken) == []
    story.when(message()).then_some(fact(BranchTaken, step="second", branch="on_event"))


def test_it_goes_on_before_exit_rules_and_triggers() -> None:
    """One that leaves no more to wait for ends as completed."""
    story = given(waiting(Match("event", "paid"), exits=(Match("event", "paid"),)))
    story.when(event("go"), event("paid"))
    kinds = [type(found) for found in story.facts]
    assert kinds.index(BranchTaken) < kinds.index(SendCommanded) < kinds.index(JourneyEnded)
    assert facts_of(story, JourneyEnded)[0].reason == "completed"


def test_all_that_flows_look_for_can_be_waited_for() -> None:
    """An agent's message, a tag, an opt-out."""
    for match, happens in (
        (Match("agent_message", "any"), agent_message()),
        (Match("tag_added", "vip"), update(tags_added=["vip"])),
        (Match("opted_out", "any"), consent("service", granted=False)),
    ):
        story = given(flow(WaitFor("it", match, DAY, on_event=1), pause_for(DAY)))
        story.when(event("go"), happens)
        assert facts_of(story, BranchTaken)[0].because["kind"] == match.kind
        assert len(facts_of(story, JourneyStarted)) == 1
