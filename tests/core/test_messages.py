"""Messages in and out: each is a fact without its text, with the time that counts."""

import pytest

from schemas.types.facts import InputNoted, JourneyStarted, MessageNoted
from schemas.types.inputs import QuickReplyRequested
from streams.core.testing import (
    DAY,
    MINUTE,
    SECOND,
    START,
    agent_message,
    event,
    fact,
    given,
    message,
    passes,
    record,
)
from tests.core.flows import asked, facts_of, flow, pause_for


def test_a_message_is_noted_without_its_text() -> None:
    """Direction, ids, thread, time; the text stays in inbound."""
    story = given().when(message("segreto", conversation="c1", reply_to="m0", id="m1"))
    story.then(
        fact(
            MessageNoted,
            direction="in",
            message="m1",
            author="customer",
            conversation="c1",
            reply_to="m0",
            threaded=False,
            said_at=START,
            clamped=False,
        )
    )
    assert "segreto" not in str(story.facts)


def test_a_message_by_a_threaded_channel_says_so() -> None:
    """In and out."""
    given().when(message(channel="forum"), agent_message(channel="forum")).then(
        fact(MessageNoted, threaded=True), fact(MessageNoted, threaded=True)
    )


@pytest.mark.parametrize("claim", [0, 1_772_445_600, START + 1, START + DAY])
def test_a_claim_out_of_bounds_is_clamped_to_the_record_and_noted(claim: int) -> None:
    """1970, seconds taken for ms, the future: what the sender said stays in the fact."""
    given().when(message(said=claim)).then(fact(MessageNoted, said_at=START, occurred_at=claim, clamped=True))
    given().when(agent_message(said=claim)).then(fact(MessageNoted, said_at=START, clamped=True))


def test_an_old_claim_counts_as_it_is() -> None:
    """A gateway that was away for a week is believed."""
    given().when(message(said=START - 7 * DAY)).then(
        fact(MessageNoted, said_at=START - 7 * DAY, clamped=False)
    )


def test_a_clamped_event_is_noted_beside_what_it_starts() -> None:
    """Otherwise a fact that says it came is enough."""
    story = given(flow(pause_for(MINUTE))).when(event("go", said=0))
    story.then_some(fact(InputNoted, clamped=True, name="go"), JourneyStarted)
    story.when(event("go")).then_no(InputNoted)


def test_the_same_input_again_yields_nothing() -> None:
    """Same source, same id: whatever else it says."""
    story = given().when(message("ciao", id="m1"))
    story.when(message("altro", id="m1")).then_nothing()
    assert story.last.duplicate
    assert story.last.facts == ()


def test_a_repeat_lets_the_contacts_time_pass_all_the_same() -> None:
    """Its own due deadlines fire; the input itself does nothing."""
    story = given(asked()).when(event("go", id="e1"))
    story.now += 2 * DAY
    story.when(event("go", id="e1"))
    assert story.last.duplicate
    assert story.last.facts


def test_the_last_sixty_four_inputs_are_remembered() -> None:
    """An older one is taken for new: the bound is stated."""
    story = given().when(*(message(id=f"m{number}") for number in range(65)))
    story.when(message(id="m1")).then_nothing()
    story.when(message(id="m0")).then(MessageNoted)


def test_sources_are_told_apart() -> None:
    """A slash in a source does not make two inputs one."""
    from schemas.types.inputs import CustomerEvent  # noqa: PLC0415 - only this story needs it

    one = CustomerEvent(source="a/b", id="c", occurred_at=START, name="e")
    two = CustomerEvent(source="a", id="b/c", occurred_at=START, name="e")
    given().when(record(one), record(two)).then(InputNoted, InputNoted)


def test_the_last_message_each_way_is_remembered_by_channel() -> None:
    """For windows and threads."""
    story = given().when(message(id="in"), passes(SECOND), agent_message(id="out", channel="sms"))
    assert story.state.last_in["whatsapp"].message == "in"
    assert story.state.last_out["sms"].said_at == START + SECOND


def test_a_receipt_is_no_last_message() -> None:
    """It opens no window."""
    story = given().when(message("", kind="receipt"))
    assert story.state.last_in == {}
    assert story.state.heard_count == 0


def test_a_quick_reply_is_noted() -> None:
    """Ready answers are not here yet."""
    asked_for = QuickReplyRequested(
        source="p", id="1", occurred_at=START, shortcut="/ore", agent="a", channel="sms"
    )
    given().when(record(asked_for)).then(fact(InputNoted, reason="no_quick_replies"))


def test_a_facts_cause_names_its_place_and_its_input() -> None:
    """Topic, partition, offset, and the input or the deadline that made it."""
    story = given(asked()).when(event("go", id="e1"), passes(2 * DAY))
    first, last = story.facts[0], story.facts[-1]
    assert (first.cause.topic, first.cause.input, first.cause.timer) == ("attesa.inbound", "test/e1", None)
    assert (last.cause.input, last.cause.timer) == ("", story.facts[2].wait)  # type: ignore[union-attr]
    assert len({found.id for found in story.all_facts}) == len(story.all_facts)


def test_ids_do_not_depend_on_offsets() -> None:
    """The same inputs at other offsets make the same ids."""
    one = given(asked()).when(event("go", id="e1"), message(id="m1"))
    two = given(asked())
    two.offset += 1000
    two.when(event("go", id="e1"), message(id="m1"))
    assert [found.id for found in one.facts] == [found.id for found in two.facts]
    assert [found.cause.offset for found in one.facts] != [found.cause.offset for found in two.facts]
    assert facts_of(one, JourneyStarted)[0].journey == facts_of(two, JourneyStarted)[0].journey
