"""The state: bounded, encoded with its format's version, and what a deadline is."""

import msgspec
import pytest

from schemas.types.facts import ClockAdvanced, FlowCommandApplied, ResponseTimedOut
from streams.core.contact import deadlines, decide, evolve, has_seen
from streams.core.ids import derived, input_name, journey_id, seen_hash, spread
from streams.core.received import Due, Received
from streams.core.state import ContactState, StateFormatError, decode_state, encode_state
from streams.core.testing import (
    DAY,
    HOUR,
    SECOND,
    START,
    conversation,
    event,
    given,
    message,
    outcome,
    passes,
    update,
)
from tests.core.flows import ask, asked, flow, pause_for, send


def test_a_state_is_read_back() -> None:
    """Whatever it holds."""
    story = given(asked(), flow(pause_for(HOUR), name="p"), flow(ask(no=0), name="w")).when(
        update(
            attributes={"a": 1.5, "b": ["x"], "c": None, "d": True}, tags_added=["t"], addresses={"sms": "1"}
        ),
        event("go", total=3),
        outcome("accepted", of="hello"),
        conversation("opened", "c"),
        message(),
        passes(2 * HOUR),
        event("go"),
        outcome("unknown", of="hello"),
    )
    assert decode_state(encode_state(story.state)) == story.state


@pytest.mark.parametrize(
    ("data", "said"), [(b"", "none"), (b"\x02x", "format 2"), (b"\x01\xc1", "cannot be read")]
)
def test_other_bytes_are_refused(data: bytes, said: str) -> None:
    """With what to do next."""
    with pytest.raises(StateFormatError, match=said):
        decode_state(data)


def test_deadlines_come_soonest_first_then_by_id() -> None:
    """The soonest is what the index holds."""
    story = given(
        flow(pause_for(HOUR), name="a"), flow(pause_for(HOUR), name="b"), flow(pause_for(SECOND), name="c")
    )
    story.when(event("go"))
    found = deadlines(story.state)
    assert [due.due - START for due in found] == [SECOND, HOUR, HOUR]
    assert found[1].id < found[2].id
    assert story.state.soonest == START + SECOND
    assert ContactState("acme/a").soonest is None
    assert ContactState("acme/a").workspace == "acme"


def test_a_deadline_that_is_no_more_fires_nothing() -> None:
    """Answered, held, replaced or not yet due."""
    story = given(flow(pause_for(HOUR, 1), pause_for(HOUR, id_="second"))).when(event("go"))
    due = deadlines(story.state)[0]

    def fires(what: Due, now: int) -> bool:
        received = Received(story.contact, what, now, now, "t", 0, 9, "")
        return bool(decide(story.state, received, story.registry))

    assert not fires(due, START + HOUR - 1)
    assert not fires(Due("nobody", due.id, due.due), START + HOUR)
    assert fires(due, START + HOUR)
    story.when(passes(HOUR))
    assert not fires(due, START + DAY)
    held = given(asked()).when(event("go"))
    due = deadlines(held.state)[0]
    held.when(outcome("unknown"))
    assert (
        decide(held.state, Received(held.contact, due, START + 9 * DAY, 0, "t", 0, 9, ""), held.registry)
        == []
    )


def test_facts_about_the_partition_leave_a_contact_as_it_is() -> None:
    """A reader may fold whatever it comes by."""
    story = given(asked()).when(event("go"))
    kinds = {type(found) for found in story.partition_facts}
    assert kinds == {ClockAdvanced, FlowCommandApplied}
    for found in story.partition_facts:
        assert evolve(story.state, found) == story.state


def test_facts_out_of_order_are_an_error() -> None:
    """A time-out of a wait that is not open cannot be folded: the log is not what it should be."""
    story = given(asked()).when(event("go"), outcome("accepted"), passes(DAY))
    timed_out = next(found for found in story.all_facts if isinstance(found, ResponseTimedOut))
    paused = given(flow(pause_for(HOUR), name="p")).when(event("go")).state
    journey = next(iter(paused.journeys))
    wrong = msgspec.structs.replace(timed_out, journey=journey)
    with pytest.raises(TypeError, match="no open wait"):
        evolve(paused, wrong)


def test_only_whole_hashes_are_found() -> None:
    """A hash that lies across two others is not seen."""
    one, two = seen_hash("a/1"), seen_hash("a/2")
    state = ContactState("acme/a", seen=one + two)
    assert has_seen(state, "a/1")
    assert has_seen(state, "a/2")
    across = ContactState("acme/a", seen=b"\0" + one + b"\0" * 7)
    assert not has_seen(across, "a/1")


def test_conversations_are_bounded() -> None:
    """The one used longest ago falls off."""
    from streams.core.program import ChannelSettings  # noqa: PLC0415 - only here
    from streams.core.testing import workspace  # noqa: PLC0415

    channels = tuple(ChannelSettings(f"c{number}", "file") for number in range(17))
    story = given(settings=workspace(channels=channels))
    story.when(*(conversation("opened", "x", channel=channel.name) for channel in channels))
    assert len(story.state.conversations) == 16
    assert "c0" not in story.state.conversations


def test_late_waits_and_heard_messages_are_bounded() -> None:
    """Eight of each; without a running journey nothing is heard."""
    loop = flow(send("hello", 1), ask("answer", within=SECOND, no=0))
    story = given(loop).when(event("go"))
    for _ in range(12):
        story.when(outcome("accepted"), passes(12 * SECOND))
    assert len(story.state.late) == 8
    quiet = given().when(message(), message())
    assert (quiet.state.heard, quiet.state.heard_count) == ((), 2)


def test_ids_are_derived() -> None:
    """From names, the same in every process."""
    assert derived("a", 1) == derived("a", 1) != derived("a", 2)
    assert journey_id("acme/a", "f", "s/1") == derived("acme/a", "f", "s/1")
    assert derived("a", 1) == "cbfffe3bc7ac333f71cb35e1fbdcae50"
    assert input_name("a/b", "c/d") == "a%2Fb/c/d"
    assert 0 <= spread(1000, "x") < 1000
    assert spread(0, "x") == 0
