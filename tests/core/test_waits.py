"""Response, precisely: what a customer_response waits for, when it ends, and how."""

from schemas.types.facts import (
    DeliveryNoted,
    InputNoted,
    JourneyEnded,
    JourneyStarted,
    LateResponseReceived,
    MessageNoted,
    PromptSent,
    ResponseReceived,
    ResponseTimedOut,
    SendCommanded,
    TimerSet,
    WaitCancelled,
    WaitOpened,
    WaitSkipped,
)
from streams.core.program import Match
from streams.core.testing import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    START,
    event,
    fact,
    given,
    message,
    outcome,
    passes,
    passes_silently,
    receipt,
    update,
    workspace,
)
from tests.core.flows import ask, asked, facts_of, flow, pause_for, send

GRACE = 10 * SECOND


def test_an_answer_in_time_takes_the_path_of_on_response() -> None:
    """The contact answers within the hour: responded, and the journey goes on there."""
    story = given(asked()).when(event("go"), outcome("accepted"))
    story.when(passes(30 * MINUTE), message()).then(
        MessageNoted,
        fact(ResponseReceived, matched_by="channel", response_ms=30 * MINUTE, prompt_step="hello"),
        fact(SendCommanded, step="thanks"),
        fact(JourneyEnded, reason="completed"),
    )


def test_silence_takes_the_path_of_no_response_after_the_grace() -> None:
    """Nobody answers: timed out at deadline + grace, and the journey goes on there."""
    story = given(asked()).when(event("go"), outcome("accepted"))
    story.when(passes(HOUR + GRACE - 1)).then_nothing()
    story.when(passes(1)).then(
        fact(ResponseTimedOut, deadline=START + HOUR, due=START + HOUR + GRACE, lateness_ms=0),
        fact(SendCommanded, step="again"),
        fact(JourneyEnded, reason="completed"),
    )


def test_an_answer_on_its_way_at_the_deadline_counts() -> None:
    """Said at the deadline, in the log within the grace: in time."""
    story = given(asked()).when(event("go"), outcome("accepted"))
    story.when(passes(HOUR + 5 * SECOND), message(said=START + HOUR))
    story.then_some(fact(ResponseReceived, said_at=START + HOUR, response_ms=HOUR))


def test_an_answer_said_after_the_deadline_does_not_count_even_within_the_grace() -> None:
    """Said a second too late: the wait times out at its time, and the answer is noted as late beside it."""
    story = given(asked()).when(event("go"), outcome("accepted"))
    story.when(passes(HOUR + SECOND), message()).then(MessageNoted)
    story.when(passes(MINUTE)).then_some(
        ResponseTimedOut,
        fact(LateResponseReceived, said_at=START + HOUR + SECOND, timed_out_at=START + HOUR + GRACE),
    )


def test_an_answer_that_reaches_the_log_later_is_late_and_the_time_out_stands() -> None:
    """Said in time, brought by its gateway after deadline + grace: late, counted apart."""
    story = given(asked()).when(event("go"), outcome("accepted"), passes(2 * HOUR))
    story.when(message(said=START + 59 * MINUTE)).then(
        MessageNoted, fact(LateResponseReceived, response_ms=59 * MINUTE, step="answer")
    )


def test_a_late_response_is_noted_once() -> None:
    """The second message after a time-out is no late response any more."""
    story = given(asked()).when(event("go"), outcome("accepted"), passes(2 * HOUR), message())
    story.when(message()).then(MessageNoted)


def test_a_late_response_is_that_of_a_journeys_last_question() -> None:
    """What was asked before it has none: neither now nor by the next message."""
    story = given(flow(send("one", 1), ask("a", no=2), send("two", 3), ask("b")))
    story.when(event("go"), outcome("accepted"), passes(HOUR + GRACE), outcome("accepted"), passes(2 * HOUR))
    story.when(message()).then(MessageNoted, fact(LateResponseReceived, step="b"))
    story.when(message()).then(MessageNoted)


def test_a_quote_of_an_earlier_question_is_its_late_response() -> None:
    """The last one may still have its own."""
    story = given(flow(send("one", 1), ask("a", no=2), send("two", 3), ask("b")))
    story.when(event("go"), outcome("accepted", provider_id="w1"), passes(HOUR + GRACE), outcome("accepted"))
    story.when(passes(2 * HOUR), message(reply_to="w1")).then_some(fact(LateResponseReceived, step="a"))
    story.when(message()).then(MessageNoted, fact(LateResponseReceived, step="b"))


def test_a_late_response_counts_within_the_attribution_window_only() -> None:
    """Two days later a message is just a message."""
    story = given(asked()).when(event("go"), outcome("accepted"), passes(2 * DAY))
    story.when(message()).then(MessageNoted)


def test_an_answer_in_time_counts_however_late_a_worker_is() -> None:
    """No tick for a day: the answer stands in the log before the deadline, so it is in time."""
    story = given(asked()).when(event("go"), outcome("accepted"))
    story.when(passes_silently(30 * MINUTE), message(), passes_silently(DAY)).then_some(ResponseReceived)
    story.then_no(ResponseTimedOut)


def test_own_due_deadlines_fire_before_an_input() -> None:
    """Without ticks the contact's own next input lets its time pass: first the time-out, then the message."""
    story = given(asked()).when(event("go"), outcome("accepted"))
    story.when(passes_silently(2 * HOUR), message()).then(
        fact(ResponseTimedOut, lateness_ms=HOUR - GRACE),
        SendCommanded,
        JourneyEnded,
        MessageNoted,
        LateResponseReceived,
    )


def test_the_time_runs_from_acceptance() -> None:
    """Until acceptance the deadline is the command's not_after; then acceptance + within."""
    story = given(asked()).when(event("go"))
    story.then_some(fact(WaitOpened, prompted_at=None, deadline=START + DAY, due=START + DAY + GRACE))
    story.when(passes(5 * HOUR), outcome("accepted")).then(PromptSent, MessageNoted)
    story.when(passes(HOUR + GRACE)).then_some(
        fact(ResponseTimedOut, prompted_at=START + 5 * HOUR, deadline=START + 6 * HOUR)
    )


def test_the_time_runs_from_the_opening_if_that_is_later() -> None:
    """A step that is reached after its prompt was accepted gives its whole span."""
    story = given(flow(send("hello", 1), pause_for(2 * HOUR, 2), ask("answer")))
    story.when(event("go"), outcome("accepted"), passes(2 * HOUR))
    story.then_some(fact(WaitOpened, prompted_at=START, deadline=START + 3 * HOUR))


def test_acceptance_never_counts_before_the_command_nor_after_its_record() -> None:
    """The dispatcher's clock is held against the log's."""
    story = given(asked()).when(event("go"), passes(SECOND), outcome("accepted", said=START - DAY))
    story.then_some(fact(PromptSent, accepted_at=START))
    story = given(asked()).when(event("go"), passes(SECOND), outcome("accepted", said=START + DAY))
    story.then_some(fact(PromptSent, accepted_at=START + SECOND))


def test_an_answer_may_overtake_the_acceptance() -> None:
    """The outcome is slower than the customer: responded all the same."""
    story = given(asked()).when(event("go"), passes(3 * SECOND), message(said=START + 2 * SECOND))
    story.then_some(fact(ResponseReceived, prompted_at=None, response_ms=2 * SECOND))
    story.when(outcome("accepted", of="hello")).then(PromptSent, MessageNoted)


def test_a_response_time_is_never_negative() -> None:
    """Said before the acceptance by the clocks of two machines: zero."""
    story = given(asked()).when(event("go"), passes(5 * SECOND), outcome("accepted"))
    story.when(passes(SECOND), message(said=START + SECOND)).then_some(fact(ResponseReceived, response_ms=0))


def test_what_was_said_before_the_prompt_was_decided_is_no_answer() -> None:
    """A message that was on its way while the prompt was decided answers nothing."""
    story = given(asked()).when(event("go"), outcome("accepted"))
    story.when(passes(SECOND), message(said=START - SECOND)).then(MessageNoted)


def test_a_message_never_answers_a_wait_that_its_own_input_opened() -> None:
    """A message starts the flow, whose prompt and wait it opens: the wait stays open."""
    program = flow(send("hello", 1), ask("answer"), triggers=(Match(kind="message", name="any"),))
    story = given(program).when(message())
    story.then(MessageNoted, JourneyStarted, SendCommanded, WaitOpened)


def test_a_message_that_closes_a_wait_does_not_answer_the_next() -> None:
    """on_response asks again on the same prompt: the answer to the first is none to the second."""
    program = flow(send("hello", 1), ask("one", yes=2), ask("two", prompt="hello"))
    story = given(program).when(event("go"), outcome("accepted"), passes(SECOND), message())
    story.then_some(fact(ResponseReceived, step="one"), fact(WaitOpened, step="two"))
    assert len(facts_of(story, ResponseReceived)) == 1


def test_one_said_after_the_prompt_and_before_the_step_answers_at_once() -> None:
    """The flow waits an hour between prompt and question; the customer does not."""
    story = given(
        flow(send("hello", 1), pause_for(HOUR, 2), ask("answer", yes=3, no=4), send("yes"), send("no"))
    )
    story.when(event("go"), outcome("accepted"), passes(MINUTE), message(id="m"))
    story.when(message(id="n"), passes(HOUR))
    story.then_some(
        WaitOpened, fact(ResponseReceived, message="m", response_ms=MINUTE), fact(SendCommanded, step="yes")
    )


def test_one_said_before_the_prompt_does_not_answer_at_once() -> None:
    """What was heard while an earlier journey ran is older than the prompt."""
    story = given(flow(pause_for(HOUR, 1), send("hello", 2), pause_for(HOUR, 3), ask("answer")))
    story.when(event("go"), passes(MINUTE), message(), passes(2 * HOUR))
    story.then_some(WaitOpened).then_no(ResponseReceived)


def test_a_wait_without_a_prompt_runs_from_its_opening_on_the_triggers_conversation() -> None:
    """Nudge and close: the next message of that conversation answers."""
    program = flow(ask("answer"), triggers=(Match(kind="message", name="any"),))
    story = given(program).when(message(conversation="c1"))
    story.then_some(
        fact(WaitOpened, prompt=None, deadline=START + HOUR, conversation="c1", channel="whatsapp")
    )
    story.when(passes(MINUTE), message(conversation="c2")).then_no(ResponseReceived)
    story.when(message(conversation="c1")).then_some(fact(ResponseReceived, matched_by="conversation"))


def test_prompt_none_waits_on_none() -> None:
    """`prompt: none` waits from the opening though something was sent."""
    story = given(flow(send("hello", 1), ask("answer", prompt=""))).when(event("go"))
    story.then_some(fact(WaitOpened, prompt=None, prompt_step=None, deadline=START + HOUR))


def test_prompt_names_an_earlier_send() -> None:
    """`prompt:` names the step whose message is waited on, not the last."""
    program = flow(send("first", 1), send("second", 2, channels=("sms",)), ask("answer", prompt="first"))
    story = given(program).when(event("go"))
    story.then_some(fact(WaitOpened, prompt_step="first", channel="whatsapp", template="t-first"))


def test_the_prompt_is_the_last_send_since_the_last_customer_response() -> None:
    """A second question without a send between them has no prompt."""
    story = given(flow(send("hello", 1), ask("one", yes=2), ask("two"))).when(
        event("go"), outcome("accepted")
    )
    story.when(passes(MINUTE), message()).then_some(fact(WaitOpened, step="two", prompt=None))


def test_a_prompt_that_was_never_commanded_opens_no_wait() -> None:
    """Opted out: the wait is skipped, with the reason, and the path of no_response is taken."""
    program = flow(send("hello", 1, policies={"purpose": "marketing"}), ask("answer", no=2), send("other"))
    story = given(program, settings=workspace(consent=(("marketing", "opt_in"),))).when(event("go"))
    story.then_some(
        fact(WaitSkipped, reason="no_consent", channel="whatsapp"), fact(SendCommanded, step="other")
    )


def test_a_suppressed_send_does_not_hide_the_one_before_it() -> None:
    """The prompt is the last send that was commanded."""
    program = flow(send("hello", 1), send("more", 2, channels=("pigeon",)), ask("answer"))
    story = given(program).when(event("go"))
    story.then_some(fact(WaitOpened, prompt_step="hello"))


def test_a_prompt_that_was_never_reached_opens_no_wait() -> None:
    """`prompt:` names a step on another path."""
    story = given(flow(ask("answer", prompt="other", no=1), send("then"), send("other"))).when(event("go"))
    story.then_some(fact(WaitSkipped, reason="prompt_not_reached", channel=None, template=None))


def test_a_prompt_that_failed_before_the_step_opens_no_wait() -> None:
    """The outcome came while the flow waited between prompt and question."""
    story = given(flow(send("hello", 1), pause_for(HOUR, 2), ask("answer", no=3), send("other")))
    story.when(event("go"), outcome("failed"), passes(HOUR))
    story.then_some(fact(WaitSkipped, reason="prompt_failed"), fact(SendCommanded, step="other"))


def test_a_prompt_without_any_outcome_still_ends_its_wait() -> None:
    """The dispatcher never spoke: what is reached after not_after lapses after the grace."""
    story = given(flow(send("hello", 1), pause_for(2 * DAY, 2), ask("answer"))).when(
        event("go"), passes(2 * DAY)
    )
    story.then_some(fact(WaitOpened, deadline=START + 2 * DAY))
    story.when(passes(GRACE)).then_some(fact(WaitCancelled, reason="prompt_expired"))


def test_a_receipt_that_says_failed_is_no_silence() -> None:
    """Accepted, and then never delivered: the wait is cancelled, not timed out, and no_response is taken."""
    story = given(asked()).when(event("go"), outcome("accepted"))
    story.when(receipt("failed")).then(
        fact(DeliveryNoted, status="failed"),
        fact(WaitCancelled, reason="prompt_failed"),
        fact(SendCommanded, step="again"),
        JourneyEnded,
    )


def test_a_receipt_for_another_send_leaves_the_wait_alone() -> None:
    """Only the prompt's own receipt counts."""
    story = given(flow(send("one", 1), send("two", 2), ask("answer"))).when(event("go"))
    story.when(receipt("failed", of="one")).then(DeliveryNoted)
    story.when(receipt("delivered", of="two")).then(DeliveryNoted)


def test_a_receipt_for_an_unknown_command_is_noted() -> None:
    """It changes nothing else."""
    given().when(receipt("read", command="nobody's")).then(fact(InputNoted, reason="unknown_command"))


def test_a_closing_repeats_its_opening() -> None:
    """Local hour, weekday and the rest are those of the opening, whatever the contact's zone is by then."""
    story = given(asked()).when(update(zone="Europe/Rome"), event("go"), outcome("accepted"))
    opened = facts_of(story, WaitOpened)[0]
    assert (opened.local_hour, opened.local_weekday) == (11, 1)
    story.when(update(zone="Asia/Tokyo"), passes(2 * HOUR))
    closed = facts_of(story, ResponseTimedOut)[0]
    assert (closed.local_hour, closed.local_weekday) == (11, 1)
    assert closed.opened_at == opened.opened_at


def test_only_the_last_messages_are_remembered_for_a_step_not_yet_reached() -> None:
    """Of more than eight the first have fallen off: a later one is taken for the answer."""
    story = given(flow(send("hello", 1), pause_for(HOUR, 2), ask("answer"))).when(
        event("go"), outcome("accepted")
    )
    story.when(*(message(id=f"m{number}") for number in range(10)), passes(HOUR))
    story.then_some(fact(ResponseReceived, message="m2"))


def test_of_messages_before_the_step_the_first_that_fits_answers() -> None:
    """One by another channel does not."""
    story = given(flow(send("hello", 1), pause_for(HOUR, 2), ask("answer"))).when(
        event("go"), outcome("accepted")
    )
    story.when(message(channel="sms"), message(id="m"), passes(HOUR))
    story.then_some(fact(ResponseReceived, message="m"))


def test_a_late_message_by_another_channel_is_no_late_response() -> None:
    """It must fit as an answer must."""
    story = given(asked()).when(event("go"), outcome("accepted"), passes(HOUR + 5 * SECOND))
    story.when(message(channel="sms"), passes(HOUR)).then_no(LateResponseReceived)
    story.when(message(channel="sms")).then(MessageNoted)


def test_a_wait_step_is_no_wait_for_an_answer() -> None:
    """A message while the flow pauses closes nothing."""
    story = given(flow(pause_for(HOUR))).when(event("go")).then(JourneyStarted, TimerSet)
    story.when(message()).then(MessageNoted)
