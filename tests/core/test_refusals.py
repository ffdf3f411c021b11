"""Bad input: what is well formed and still cannot be decided, each with its reason."""

from typing import Any

import pytest

from schemas.types.facts import ContactChanged, ContactErased, JourneyEnded, TimerCancelled
from schemas.types.inputs import (
    AgentMessageSent,
    CancelJourney,
    ConversationAssigned,
    DeliveryReported,
    EraseContact,
    MergeContacts,
    MessageReceived,
    QuickReplyRequested,
    Tick,
    WebhookAnswered,
)
from streams.core.contact import decide
from streams.core.received import Received
from streams.core.refusals import DeadReason, refusal
from streams.core.state import ContactState
from streams.core.testing import (
    HOUR,
    START,
    Happens,
    agent_message,
    consent,
    conversation,
    event,
    fact,
    given,
    message,
    outcome,
    receipt,
    record,
    start,
    update,
    workspace,
)
from tests.core.flows import flow, pause_for

NAMED: dict[str, Any] = {"source": "t", "id": "1", "occurred_at": START}


@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        (message(""), DeadReason.EMPTY_MESSAGE),
        (message(" \n"), DeadReason.EMPTY_MESSAGE),
        (message("", media="link"), None),
        (message("", kind="button", button="b"), None),
        (message("", kind="receipt"), None),
        (message("x" * 65_536), None),
        (message("x" * 65_537), DeadReason.TEXT_TOO_LONG),
        (agent_message("x" * 1_000_000), DeadReason.TEXT_TOO_LONG),
        (message(kind="poem"), DeadReason.UNKNOWN_KIND),
        (message(channel="pigeon"), DeadReason.UNKNOWN_CHANNEL),
        (agent_message(channel="pigeon"), DeadReason.UNKNOWN_CHANNEL),
        (conversation("opened", "c", channel="pigeon"), DeadReason.UNKNOWN_CHANNEL),
        (conversation("closed", ""), DeadReason.BAD_ID),
        (consent("marketing", granted=True, channel="pigeon"), DeadReason.UNKNOWN_CHANNEL),
        (consent("fun", granted=True), DeadReason.UNKNOWN_KIND),
        (start("f", channel="pigeon"), DeadReason.UNKNOWN_CHANNEL),
        (start("f", properties={"x": "y" * 20_000}), DeadReason.PROPERTIES_TOO_LARGE),
        (start("nothing"), DeadReason.UNKNOWN_FLOW),
        (start("f"), None),
        (outcome("lost", command="c"), DeadReason.UNKNOWN_KIND),
        (receipt("eaten", command="c"), DeadReason.UNKNOWN_KIND),
        (event("", total=1), DeadReason.BAD_ID),
        (event("e", x="y" * 20_000), DeadReason.PROPERTIES_TOO_LARGE),
        (event("e", id="x" * 513), DeadReason.BAD_ID),
        (event("e", id=""), DeadReason.BAD_ID),
        (event("e", id="a\0b"), DeadReason.BAD_ID),
        (message(conversation="c" * 600), DeadReason.BAD_ID),
        (message(reply_to=""), DeadReason.BAD_ID),
        (
            record(AgentMessageSent(**NAMED, channel="sms", text="x", agent="a" * 513)),
            DeadReason.BAD_ID,
        ),
        (record(AgentMessageSent(**NAMED, channel="sms", text="x", agent="")), None),
        (
            record(ConversationAssigned(**NAMED, channel="sms", conversation="c", agent="a" * 513)),
            DeadReason.BAD_ID,
        ),
        (
            record(ConversationAssigned(**NAMED, channel="sms", conversation="c", team="t" * 513)),
            DeadReason.BAD_ID,
        ),
        (
            record(DeliveryReported(**NAMED, command="c", status="read", provider_id="p" * 513)),
            DeadReason.BAD_ID,
        ),
        (update(attributes={"a": "b" * 100_000}), None),
        (record(MergeContacts(**NAMED, into="other")), DeadReason.MERGE_NOT_SUPPORTED),
        (record(WebhookAnswered(**NAMED, command="c", status=0)), None),
        (
            record(QuickReplyRequested(**NAMED, shortcut="/x", agent="a", channel="pigeon")),
            DeadReason.UNKNOWN_CHANNEL,
        ),
    ],
)
def test_bad_input_is_refused_with_its_reason(happens: Happens, reason: DeadReason | None) -> None:
    """A dead letter, without a fact; or it is decided."""
    story = given(flow()).when(happens)
    assert story.last.dead == reason
    assert bool(story.facts) is (reason is None)


def test_words_beside_an_order_are_cut_and_not_refused() -> None:
    """Nobody stays unerased, and no journey goes on, for the length of a reason."""
    long = "x" * 1_000_000
    story = given(flow(pause_for(HOUR))).when(event("go"))
    story.when(record(CancelJourney(**NAMED, flow="f", reason=long)))
    story.then(fact(TimerCancelled), fact(JourneyEnded, reason="cancelled", because={"reason": "x" * 512}))
    story.when(record(EraseContact(source="t", id="2", occurred_at=START, requested_by=long, reason=long)))
    story.then(fact(ContactErased, requested_by="x" * 512, reason="x" * 512))


def test_a_fact_names_a_hundred_of_what_did_not_fit() -> None:
    """An update may hold any number of what is refused; the fact of it stays small."""
    story = given().when(update(attributes={f"a{number:04}": "x" * 17_000 for number in range(200)}))
    story.then(fact(ContactChanged, set=[], refused=[f"a{number:04}" for number in range(100)]))


def test_a_tick_is_never_refused() -> None:
    """It is about no contact."""
    assert refusal(Tick(ticker="t", flows_through=0), workspace()) is None


def test_what_is_not_decided_for_a_contact_is_an_error() -> None:
    """The partition takes ticks and refuses merges before."""
    for made in (Tick(ticker="t", flows_through=0), MergeContacts(**NAMED, into="x")):
        received = Received("acme/a", made, START, START, "t", 0, 0, "t/1")
        with pytest.raises(TypeError, match="is not decided for a contact"):
            decide(ContactState("acme/a"), received, given().registry)


def test_a_contact_can_be_decided_without_its_partition() -> None:
    """It is a function of state, input and registry; the same input twice yields nothing."""
    made = MessageReceived(**NAMED, channel="sms", text="x")
    received = Received("acme/a", made, START, START, "t", 0, 0, "t/1")
    story = given()
    facts = decide(ContactState("acme/a"), received, story.registry)
    assert len(facts) == 1
    from streams.core.contact import evolve  # noqa: PLC0415 - the pair of it

    assert decide(evolve(ContactState("acme/a"), facts[0]), received, story.registry) == []
