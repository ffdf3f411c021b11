"""Prompt outcomes: what the dispatcher says of a command, and what becomes of the journey."""

import pytest

from schemas.types.facts import (
    DeliveryNoted,
    InputNoted,
    JourneyEnded,
    JourneyHeld,
    JourneyStarted,
    MessageNoted,
    PromptSent,
    ResponseReceived,
    SendCommanded,
    SendFailed,
    SendPostponed,
    TimerCancelled,
    TimerFired,
    TimerSet,
    WaitCancelled,
    WaitOpened,
    WaitSkipped,
)
from schemas.types.inputs import WebhookAnswered
from streams.core.program import Match
from streams.core.testing import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    START,
    cancel,
    event,
    fact,
    given,
    message,
    outcome,
    passes,
    passes_silently,
    receipt,
    record,
)
from tests.core.flows import ask, asked, facts_of, flow, night, pause_for, send


def test_accepted_is_a_message_out() -> None:
    """Under the provider's id, by which replies quote it and receipts name it."""
    story = given(asked()).when(event("go"), passes(SECOND))
    story.when(outcome("accepted", provider_id="wamid.1")).then(
        fact(PromptSent, provider_id="wamid.1", accepted_at=START + SECOND, assumed=False),
        fact(MessageNoted, direction="out", message="wamid.1", said_at=START + SECOND, purpose="service"),
    )
    assert story.state.last_out["whatsapp"].message == "wamid.1"


@pytest.mark.parametrize("what", ["failed", "expired"])
def test_a_prompt_that_did_not_leave_ends_its_wait_on_the_path_of_no_response(what: str) -> None:
    """Cancelled, so not in the rate."""
    story = given(asked()).when(event("go"))
    story.when(outcome(what, reason="no_route")).then(
        fact(SendFailed, outcome=what, reason="no_route"),
        fact(WaitCancelled, reason=f"prompt_{what}"),
        fact(SendCommanded, step="again"),
        JourneyEnded,
    )


def test_expired_by_quiet_hours_is_commanded_again_when_they_end() -> None:
    """The wait is cancelled; in the morning the send is made as a second visit, and a second wait opened."""
    program = flow(send("hello", 1, policies={"quiet_hours": night()}), ask("answer"))
    story = given(program).when(passes(11 * HOUR - MINUTE), event("go"), passes(MINUTE + 5 * SECOND))
    story.when(outcome("expired")).then(
        SendFailed,
        fact(WaitCancelled, reason="prompt_expired", visit=1),
        fact(SendPostponed, reason="expired", until=START + 22 * HOUR, visit=2),
        TimerSet,
    )
    story.when(passes(11 * HOUR)).then(
        TimerFired, fact(SendCommanded, visit=2), fact(WaitOpened, visit=2, step="answer")
    )
    waits = [found.wait for found in facts_of(story, WaitOpened)]
    commands = [found.command for found in facts_of(story, SendCommanded)]
    assert len(set(waits)) == 2
    assert len(set(commands)) == 2


def test_expired_by_quiet_hours_that_are_over_is_decided_at_once() -> None:
    """The outcome came in the morning."""
    program = flow(send("hello", 1, policies={"quiet_hours": night(), "skip_after_ms": None}), ask("answer"))
    story = given(program).when(passes(10 * HOUR), event("go"), passes_silently(12 * HOUR))
    story.when(outcome("expired")).then(
        fact(WaitCancelled, reason="prompt_expired"), fact(SendCommanded, visit=2), WaitOpened, SendFailed
    )


def test_a_prompt_without_an_outcome_lapses_when_it_may_not_be_sent_any_more() -> None:
    """Silence after a message that never left is no silence: cancelled, not timed out."""
    story = given(asked()).when(event("go"))
    story.when(passes(DAY + 10 * SECOND)).then(
        fact(WaitCancelled, reason="prompt_expired", due=START + DAY + 10 * SECOND),
        fact(SendCommanded, step="again"),
        JourneyEnded,
    )
    story.when(outcome("expired", of="hello")).then(SendFailed)


def test_a_prompt_that_lapsed_in_quiet_hours_is_commanded_again_when_they_end() -> None:
    """The dispatcher said nothing, or says so only later: once is enough."""
    program = flow(send("hello", 1, policies={"quiet_hours": night()}), ask("answer"))
    story = given(program).when(passes(10 * HOUR), event("go"))
    story.when(passes(2 * HOUR)).then(
        fact(WaitCancelled, reason="prompt_expired"), fact(SendPostponed, until=START + 22 * HOUR), TimerSet
    )
    story.when(outcome("expired")).then(SendFailed)
    story.when(passes(10 * HOUR)).then(TimerFired, fact(SendCommanded, visit=2), fact(WaitOpened, visit=2))


def test_a_prompt_that_lapses_twice_in_silence_is_not_sent_for_ever() -> None:
    """Nobody spoke of either: the dispatcher is away, and the journey goes on."""
    program = flow(send("hello", 1, policies={"quiet_hours": night()}), ask("answer", no=2), send("other"))
    story = given(program).when(passes(10 * HOUR), event("go"), passes(20 * HOUR))
    story.when(passes(DAY)).then_some(
        fact(WaitCancelled, visit=2, reason="prompt_expired"), fact(SendCommanded, step="other")
    )


def test_a_prompt_that_lapsed_and_was_accepted_after_all_is_not_sent_again() -> None:
    """The outcome came too late to be believed in time: the wait opens anew on that very prompt."""
    program = flow(send("hello", 1, policies={"quiet_hours": night()}), ask("answer"))
    story = given(program).when(passes(10 * HOUR), event("go"), passes(2 * HOUR))
    story.when(outcome("accepted")).then(
        PromptSent,
        MessageNoted,
        fact(TimerCancelled, reason="prompt_accepted", kind="send"),
        fact(WaitOpened, visit=2, prompt=story.sent().id, deadline=START + 13 * HOUR),
    )
    story.when(message()).then_some(fact(ResponseReceived, prompt_step="hello"))


def test_stopped_holds_the_journey_before_the_send() -> None:
    """On pause or stop: the wait is cancelled and the journey stands before that send."""
    story = given(asked()).when(event("go"))
    story.when(outcome("stopped")).then(
        fact(SendFailed, outcome="stopped"),
        fact(WaitCancelled, reason="prompt_stopped"),
        fact(JourneyHeld, step="hello", reason="stopped", visit=2),
    )
    story.when(passes(30 * DAY), message()).then_no(ResponseReceived)
    story.when(cancel("f")).then(fact(JourneyEnded, step="hello", reason="cancelled"))


def test_stopped_while_the_flow_pauses_cancels_its_timer() -> None:
    """The journey comes back to the send that never left."""
    story = given(flow(send("hello", 1), pause_for(HOUR, 2), ask("answer"))).when(event("go"))
    story.when(outcome("stopped")).then(
        SendFailed, fact(TimerCancelled, reason="prompt_stopped", kind="wait"), JourneyHeld
    )


def test_unknown_holds_by_default() -> None:
    """Nobody knows whether it got through: somebody decides."""
    story = given(asked()).when(event("go"))
    story.when(outcome("unknown")).then(
        SendFailed, fact(WaitCancelled, reason="prompt_unknown"), fact(JourneyHeld, reason="unknown")
    )


def test_unknown_is_sent_again_where_the_step_says_so() -> None:
    """`on_unknown: resend`: a second command, and the wait anew."""
    story = given(flow(send("hello", 1, on_unknown="resend"), ask("answer"))).when(event("go"))
    story.when(outcome("unknown")).then(
        fact(SendFailed, outcome="unknown"),
        fact(WaitCancelled, reason="prompt_unknown"),
        fact(SendCommanded, visit=2),
        fact(WaitOpened, visit=2),
    )
    assert story.sent().on_unknown == "resend"


def test_resending_waits_for_quiet_hours_to_end() -> None:
    """A resend is a send like any other."""
    program = flow(send("hello", 1, on_unknown="resend", policies={"quiet_hours": night()}), ask("answer"))
    story = given(program).when(passes(11 * HOUR - SECOND), event("go"), passes(5 * SECOND))
    story.when(outcome("unknown")).then(
        SendFailed, WaitCancelled, fact(SendPostponed, reason="unknown"), TimerSet
    )


def test_a_failed_send_that_nothing_waits_on_lets_the_journey_go_on() -> None:
    """The fact says it failed; the pause goes on."""
    story = given(flow(send("hello", 1), pause_for(HOUR, 2), send("more"))).when(event("go"))
    story.when(outcome("failed")).then(SendFailed)
    story.when(passes(HOUR)).then_some(TimerFired, SendCommanded)


def test_an_outcome_of_an_earlier_send_moves_nothing() -> None:
    """Only the journey's last send does."""
    story = given(flow(send("one", 1), send("two", 2), ask("answer"))).when(event("go"))
    story.when(outcome("stopped", of="one")).then(SendFailed)


def test_an_outcome_after_the_journeys_end_is_only_noted() -> None:
    """The send is remembered beyond its journey."""
    story = given(flow(send("hello"))).when(event("go"))
    story.when(outcome("failed")).then(SendFailed)
    story = given(flow(send("hello"))).when(event("go"))
    story.when(outcome("accepted")).then(PromptSent, MessageNoted)
    story.when(receipt("failed")).then(fact(DeliveryNoted, status="failed"))


def test_an_outcome_for_an_unknown_command_is_noted() -> None:
    """It changes nothing else."""
    story = given().when(outcome("accepted", command="nobody's"))
    story.then(fact(InputNoted, record="CommandOutcome", reason="unknown_command"))


def test_a_second_outcome_is_noted() -> None:
    """One command has one outcome: the first."""
    story = given(asked()).when(event("go"), outcome("accepted"))
    story.when(outcome("failed")).then(fact(InputNoted, reason="late_outcome"))


def test_a_reason_in_a_providers_own_words_is_sealed() -> None:
    """It may hold an address: only codes stand in plain."""
    story = given(asked()).when(event("go"), outcome("failed", reason="+39 333 is no number"))
    failed = facts_of(story, SendFailed)[0]
    assert (failed.reason, failed.sealed) == ("other", {"reason": "+39 333 is no number"})
    story = given(asked()).when(event("go"), outcome("accepted"), receipt("failed", reason="+39 333 is off"))
    noted = facts_of(story, DeliveryNoted)[0]
    assert (noted.reason, noted.sealed) == ("other", {"reason": "+39 333 is off"})
    story = given(asked()).when(event("go"), outcome("failed"))
    assert facts_of(story, SendFailed)[0].reason == "failed"


def test_a_reason_that_begins_with_a_code_keeps_that_in_plain() -> None:
    """What follows the colon is sealed: reports count by the code."""
    said = "template: no value for contact.name"
    story = given(asked()).when(event("go"), outcome("failed", reason=said))
    failed = facts_of(story, SendFailed)[0]
    assert (failed.reason, failed.sealed) == ("template", {"reason": said})
    story = given(asked()).when(event("go"), outcome("failed", reason="No such: number"))
    assert facts_of(story, SendFailed)[0].reason == "other"


def test_a_receipt_is_a_fact() -> None:
    """Delivered, read or failed, with what it is about."""
    story = given(asked()).when(event("go"), outcome("accepted"), passes(SECOND))
    story.when(receipt("read")).then(fact(DeliveryNoted, status="read", commanded_at=START, step="hello"))


def test_only_so_many_sends_are_remembered() -> None:
    """The oldest that has an outcome falls off first: its receipt is then of an unknown command."""
    story = given(flow(send("hello"))).when(event("go"))
    first = story.sent().id
    story.when(event("go"), outcome("accepted"))
    accepted = story.sent().id
    story.when(*(event("go") for _ in range(31)))
    assert len(story.state.sends) == 32
    assert accepted not in story.state.sends
    assert first in story.state.sends
    story.when(event("go"))
    assert first not in story.state.sends
    story.when(receipt("read", command=first)).then(InputNoted)


def test_a_send_that_a_wait_stands_on_falls_off_last() -> None:
    """Its answer may still quote it."""
    story = given(asked(), flow(send("more"), name="more")).when(event("go"))
    prompt = story.sent("hello").id
    story.when(outcome("accepted", of="hello"), *(event("go") for _ in range(15)))
    story.when(*(outcome("accepted", command=each.id) for each in story.commands[1:]))
    story.when(event("go"))
    assert prompt in story.state.sends


def test_a_prompt_that_fell_off_opens_no_wait() -> None:
    """So many sends came between prompt and step that nothing is known of it any more."""
    program = flow(send("hello", 1), pause_for(HOUR, 2), ask("answer"))
    more = flow(send("more"), name="more", triggers=(Match(kind="event", name="other"),))
    story = given(program, more).when(event("go"), outcome("accepted"), *(event("other") for _ in range(32)))
    story.when(passes(HOUR)).then_some(fact(WaitSkipped, reason="prompt_forgotten"))


def test_a_wait_on_a_prompt_that_fell_off_lapses() -> None:
    """It was never heard to be accepted, and there is no room to remember it."""
    more = flow(send("more"), name="more", triggers=(Match(kind="event", name="other"),))
    story = given(asked(), more).when(event("go"), *(event("other") for _ in range(32)))
    story.when(passes(DAY + MINUTE)).then_some(fact(WaitCancelled, reason="prompt_expired"))


def test_an_answer_to_a_webhook_that_nobody_called_is_noted() -> None:
    """Webhooks are not called yet: whatever answers is unknown."""
    answer = WebhookAnswered(source="d", id="1", occurred_at=START, command="c", status=200)
    given().when(record(answer)).then(fact(InputNoted, reason="unknown_command", record="WebhookAnswered"))


def test_a_held_journey_has_no_deadline_and_takes_no_answer() -> None:
    """It stands until somebody decides."""
    story = given(asked()).when(event("go"), outcome("unknown"))
    assert story.state.soonest is None
    story.when(message()).then(MessageNoted)
    assert [each.flow for each in facts_of(story, JourneyStarted)] == ["f"]
