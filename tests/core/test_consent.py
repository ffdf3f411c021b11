"""Consent: words, inputs, defaults, and what may go by which channel."""

from typing import Any

import pytest

from schemas.types.facts import (
    ConsentRecorded,
    JourneyEnded,
    JourneyStarted,
    MessageNoted,
    ResponseReceived,
    SendCommanded,
    SendSuppressed,
    WaitCancelled,
)
from streams.core.program import Match
from streams.core.testing import SECOND, consent, event, fact, given, message, outcome, passes, workspace
from tests.core.flows import ask, asked, facts_of, flow, pause_for, send

MARKETING: dict[str, Any] = {"policies": {"purpose": "marketing"}}


@pytest.mark.parametrize("text", ["STOP", " stop. ", "Stop!", "«stop»".strip("«»")])
def test_a_stop_word_opts_out_of_marketing(text: str) -> None:
    """A message that is just the word, folded, with or without a full stop."""
    given().when(message(text, id="m")).then(
        MessageNoted,
        fact(ConsentRecorded, purpose="marketing", granted=False, by="keyword", channel=None, message="m"),
    )


@pytest.mark.parametrize("text", ["non stop", "stop the press", "", "s" * 50])
def test_other_messages_are_no_consent_words(text: str) -> None:
    """Only the word alone."""
    given().when(message(text, media="photo")).then(MessageNoted)


def test_a_start_word_opts_in_again() -> None:
    """Marketing goes again."""
    story = given(flow(send("promo", **MARKETING))).when(message("stop"), event("go"))
    story.then_some(fact(SendSuppressed, reason="opted_out"))
    story.when(message("START"), event("go")).then_some(fact(ConsentRecorded, granted=True), SendCommanded)


def test_without_consent_words_none_is_looked_for() -> None:
    """A workspace may have none."""
    given(settings=workspace(stop_words=(), start_words=())).when(message("stop")).then(MessageNoted)


def test_an_opt_out_ends_marketing_journeys() -> None:
    """And cancels what they wait for; service goes on."""
    promo = flow(send("promo", 1, **MARKETING), ask("answer"), name="promo")
    story = given(promo, asked()).when(event("go"), passes(SECOND))
    story.when(message("stop")).then(
        MessageNoted,
        ConsentRecorded,
        fact(WaitCancelled, flow="promo", reason="opted_out"),
        fact(JourneyEnded, flow="promo", reason="opted_out"),
        fact(ResponseReceived, flow="f"),
        SendCommanded,
        JourneyEnded,
    )


def test_a_flow_that_also_serves_is_not_ended_by_an_opt_out() -> None:
    """Its marketing sends are not made."""
    mixed = flow(
        send("promo", 1, **MARKETING), pause_for(SECOND, 2), send("service", 3), send("p2", **MARKETING)
    )
    story = given(mixed).when(event("go"), consent("any", granted=False, channel="sms"))
    story.when(consent("marketing", granted=False), passes(SECOND))
    story.then_some(fact(SendCommanded, step="service"), fact(SendSuppressed, step="p2", reason="opted_out"))


def test_an_opt_out_by_an_input_ends_marketing_journeys_too() -> None:
    """Of all channels; an opt-out of one only keeps sends off it."""
    story = given(flow(send("promo", 1, **MARKETING), ask("answer"))).when(event("go"))
    story.when(consent("marketing", granted=False, channel="whatsapp")).then(ConsentRecorded)
    story.when(consent("any", granted=False)).then_some(fact(JourneyEnded, reason="opted_out"))


def test_an_opt_out_is_something_that_flows_may_look_for() -> None:
    """`opted_out: marketing` starts a flow."""
    bye = flow(send("bye"), triggers=(Match(kind="opted_out", name="marketing"),))
    story = given(bye).when(message("stop"))
    story.then_some(ConsentRecorded, fact(JourneyStarted, trigger="opted_out"))
    story.when(consent("marketing", granted=True)).then(ConsentRecorded)


def test_an_opt_out_of_anything_is_one_of_every_purpose() -> None:
    """Flows that look for one purpose's see it; each once."""
    one = flow(send("bye"), triggers=(Match(kind="opted_out", name="service"),), name="one")
    any_ = flow(send("bye"), triggers=(Match(kind="opted_out", name="any"),), name="two")
    inside = flow(pause_for(SECOND), exits=(Match(kind="opted_out", name="marketing"),), name="inside")
    story = given(one, any_, inside).when(event("go"), consent("any", granted=False))
    assert sorted(found.flow for found in facts_of(story, JourneyStarted)) == ["inside", "one", "two"]
    story.then_some(fact(JourneyEnded, flow="inside", reason="exit"))


def test_marketing_needs_an_opt_in_where_the_workspace_says_so() -> None:
    """The default; service needs none."""
    settings = workspace(consent=(("marketing", "opt_in"),))
    story = given(flow(send("promo", 1, **MARKETING), send("service")), settings=settings).when(event("go"))
    story.then_some(
        fact(SendSuppressed, step="promo", reason="no_consent"), fact(SendCommanded, step="service")
    )
    story.when(consent("marketing", granted=True), event("go")).then_some(fact(SendCommanded, step="promo"))


def test_opt_out_workspaces_send_unless_denied() -> None:
    """`marketing: opt_out`."""
    settings = workspace(consent=(("marketing", "opt_out"),))
    given(flow(send("promo", **MARKETING)), settings=settings).when(event("go")).then_some(SendCommanded)


def test_service_and_urgent_go_unless_denied() -> None:
    """Denied by purpose, or by `any`."""
    story = given(flow(send("hello"))).when(consent("service", granted=False), event("go"))
    story.then_some(fact(SendSuppressed, reason="opted_out"))
    story = given(flow(send("hello", policies={"purpose": "urgent"})))
    story.when(consent("any", granted=False), event("go")).then_some(fact(SendSuppressed, reason="opted_out"))


def test_the_purpose_on_the_channel_counts_first() -> None:
    """Then the purpose, and anything on the channel; then anything."""
    story = given(flow(send("hello", channels=("sms",))))
    story.when(
        consent("service", granted=False), consent("service", granted=True, channel="sms"), event("go")
    )
    story.then_some(SendCommanded)
    story.when(consent("any", granted=False, channel="sms"), event("go"))
    story.then_some(fact(SendSuppressed, reason="opted_out"))
    story.when(consent("service", granted=True), event("go"))
    story.then_some(fact(SendSuppressed, reason="opted_out"))
    story.when(consent("any", granted=True), event("go")).then_some(SendCommanded)


def test_what_is_said_of_all_channels_replaces_what_was_said_of_single_ones() -> None:
    """STOP is STOP everywhere."""
    story = given(flow(send("promo", channels=("sms",), **MARKETING)))
    story.when(consent("marketing", granted=True, channel="sms"), message("stop"), event("go"))
    story.then_some(fact(SendSuppressed, reason="opted_out"))
    assert story.state.consent == {"marketing": False}
    assert len(facts_of(story, ConsentRecorded)) == 2


def test_a_prompt_that_is_opted_out_by_its_own_answer() -> None:
    """STOP to a service question answers it: it is a message like any other."""
    story = given(asked()).when(event("go"), outcome("accepted"), passes(SECOND))
    story.when(message("stop")).then_some(ConsentRecorded, ResponseReceived)
