"""Which message answers which wait: kinds, channels, quotes, threads."""

import pytest

from schemas.types.facts import (
    JourneyEnded,
    LateResponseReceived,
    MessageNoted,
    ResponseReceived,
    SendCommanded,
)
from streams.core.program import Match
from streams.core.testing import (
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
)
from tests.core.flows import ask, asked, facts_of, flow, send

GRACE = 10 * SECOND


@pytest.mark.parametrize("kind", ["receipt", "reaction", "out_of_office"])
def test_receipts_reactions_and_out_of_office_replies_are_no_answer(kind: str) -> None:
    """Only what a person means as an answer is one."""
    story = given(asked()).when(event("go"), outcome("accepted"), passes(SECOND))
    story.when(message("ok", kind=kind)).then(fact(MessageNoted, kind=kind))


def test_a_reaction_answers_where_it_is_asked_for() -> None:
    """`reactions: true`."""
    story = given(asked(reactions=True)).when(event("go"), outcome("accepted"), passes(SECOND))
    story.when(message("👍", kind="reaction")).then_some(ResponseReceived)


def test_an_answer_must_come_by_the_prompts_channel() -> None:
    """An SMS does not answer a WhatsApp message."""
    story = given(asked()).when(event("go"), outcome("accepted"), passes(SECOND))
    story.when(message(channel="sms")).then(MessageNoted)


def test_any_channel_takes_an_answer_by_any() -> None:
    """`any_channel: true`."""
    story = given(asked(any_channel=True)).when(event("go"), outcome("accepted"), passes(SECOND))
    story.when(message(channel="sms")).then_some(fact(ResponseReceived, channel=None))


def test_a_message_answers_every_open_wait_that_it_fits() -> None:
    """Two flows wait on the same channel: one message closes both, the higher priority goes first."""
    low = flow(send("low", 1, policies={"priority": 10}), ask("answer", yes=2), send("b"), name="a-low")
    high = flow(send("high", 1, policies={"priority": 90}), ask("answer", yes=2), send("d"), name="z-high")
    story = given(low, high).when(event("go"), passes(SECOND), message())
    assert [found.flow for found in facts_of(story, ResponseReceived)] == ["z-high", "a-low"]
    assert [found.step for found in facts_of(story, SendCommanded)][-2:] == ["d", "b"]


def test_a_reply_that_quotes_a_prompt_answers_that_wait_alone() -> None:
    """By the provider's id of the message, whatever the channel and however skewed the clock."""
    one = flow(send("one", 1), ask("answer"), name="one")
    two = flow(send("two", 1), ask("answer"), name="two")
    story = given(one, two).when(
        event("go"),
        outcome("accepted", of="one", provider_id="wamid.1"),
        outcome("accepted", of="two", provider_id="wamid.2"),
        passes(SECOND),
    )
    story.when(message(reply_to="wamid.2", said=START - MINUTE)).then(
        MessageNoted, fact(ResponseReceived, flow="two", matched_by="reply"), JourneyEnded
    )


def test_a_reply_that_quotes_something_else_answers_what_it_fits() -> None:
    """Quoting an agent's message is no reason not to count."""
    story = given(asked()).when(event("go"), outcome("accepted"), passes(SECOND))
    story.when(message(reply_to="an agent's")).then_some(fact(ResponseReceived, matched_by="channel"))


def test_a_quote_of_a_timed_out_prompt_is_its_late_response_and_no_other_answer() -> None:
    """The second question stays open."""
    story = given(flow(send("one", 1), ask("a", no=2), send("two", 3), ask("b")))
    story.when(event("go"), outcome("accepted", provider_id="w1"), passes(HOUR + GRACE))
    story.when(outcome("accepted", provider_id="w2"), passes(SECOND), message(reply_to="w1"))
    story.then_some(fact(LateResponseReceived, step="a")).then_no(ResponseReceived)


def test_an_answer_to_the_second_question_is_no_late_answer_to_the_first() -> None:
    """A message answers the open wait of a journey; its earlier ones are over."""
    story = given(flow(send("one", 1), ask("a", no=2), send("two", 3), ask("b")))
    story.when(event("go"), outcome("accepted"), passes(HOUR + GRACE), outcome("accepted"), passes(SECOND))
    story.when(message()).then_some(fact(ResponseReceived, step="b")).then_no(LateResponseReceived)


def test_on_a_threaded_channel_only_the_same_thread_answers() -> None:
    """Elsewhere in the forum the contact may write what it likes."""
    trigger = Match(kind="message", name="any", channels=("forum",))
    program = flow(send("hello", 1, channels=("forum",)), ask("answer"), triggers=(trigger,))
    story = given(program).when(message(channel="forum", conversation="t1"))
    assert story.sent().conversation == "t1"
    story.when(outcome("accepted"), passes(SECOND), message(channel="forum", conversation="t2"))
    story.then_no(ResponseReceived)
    story.when(message(channel="forum")).then_no(ResponseReceived)
    story.when(message(channel="forum", conversation="t1"))
    story.then_some(fact(ResponseReceived, matched_by="conversation"))


def test_on_a_threaded_channel_a_send_answers_the_contacts_last_message() -> None:
    """So that it stands in the thread."""
    trigger = Match(kind="message", name="any")
    program = flow(send("hello", channels=("forum",)), triggers=(trigger,))
    story = given(program).when(message(channel="forum", conversation="t1", id="m1"))
    assert story.sent().reply_to == "m1"
