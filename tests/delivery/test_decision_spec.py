"""What the dispatcher does with a command: given what the log says, when its turn comes, then this."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.types.commands import CallWebhook
from streams.delivery.decision import Call, Drop, Hold, Past, Say, Skip, Write, next_action, settled
from tests.delivery.made import (
    AT,
    closing,
    configured,
    paused,
    published,
    resumed,
    sending,
    started,
    stopped,
    world_of,
)

FRESH = Past()
TRIED = Past(attempts=1, in_doubt=True)
SETTLED_WORLD = (configured(), published())


def test_a_command_whose_time_has_come_is_called_by_its_channel() -> None:
    """Within its bounds, unstopped, by a channel that the workspace has."""
    world = world_of(*SETTLED_WORLD)
    action = next_action(sending(), now=AT, past=FRESH, world=world)
    assert isinstance(action, Call)
    assert (action.channel.name, action.channel.via) == ("whatsapp", "console")


def test_a_command_that_may_not_go_yet_is_held_until_it_may() -> None:
    """`not_before` is the first moment at which it may go."""
    world = world_of(*SETTLED_WORLD)
    assert next_action(sending(), now=AT - 1, past=FRESH, world=world) == Hold(until=AT)


def test_a_command_past_its_last_moment_is_expired() -> None:
    """At `not_after` it may still go, a millisecond later no more."""
    world = world_of(*SETTLED_WORLD)
    late = sending(not_after=AT + 10)
    assert isinstance(next_action(late, now=AT + 10, past=FRESH, world=world), Call)
    assert next_action(late, now=AT + 11, past=FRESH, world=world) == Say("expired", "not_after")


def test_a_close_has_no_bounds() -> None:
    """It goes whenever its turn comes."""
    world = world_of(*SETTLED_WORLD)
    assert isinstance(next_action(closing(), now=AT * 2, past=FRESH, world=world), Call)


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        (paused(), "flow_paused"),
        (stopped(), "automations_stopped"),
        (stopped(flow="hello"), "automations_stopped"),
        (stopped(channel="whatsapp"), "automations_stopped"),
        (stopped(flow="hello", channel="whatsapp"), "automations_stopped"),
    ],
)
def test_a_stop_or_a_pause_holds_for_what_is_queued(stop: object, reason: str) -> None:
    """Also for what may not go yet: it is said at once."""
    world = world_of(*SETTLED_WORLD, stop)  # type: ignore[arg-type]
    assert next_action(sending(), now=AT - 1, past=FRESH, world=world) == Say("stopped", reason)


@pytest.mark.parametrize(
    "elsewhere",
    [stopped(flow="other"), stopped(channel="email"), stopped(workspace="other"), paused(flow="other")],
)
def test_a_stop_of_another_scope_holds_nothing(elsewhere: object) -> None:
    """Another flow's, channel's or workspace's."""
    world = world_of(*SETTLED_WORLD, elsewhere)  # type: ignore[arg-type]
    assert isinstance(next_action(sending(), now=AT, past=FRESH, world=world), Call)


@pytest.mark.parametrize(("stop", "start"), [(paused(), resumed()), (stopped(), started())])
def test_a_stop_that_was_taken_back_holds_nothing(stop: object, start: object) -> None:
    """Resumed, started again."""
    world = world_of(*SETTLED_WORLD, stop, start)  # type: ignore[arg-type]
    assert isinstance(next_action(sending(), now=AT, past=FRESH, world=world), Call)


def test_an_unknown_channel_fails() -> None:
    """The workspace has none of that name."""
    world = world_of(*SETTLED_WORLD)
    action = next_action(sending(channel="telegram"), now=AT, past=FRESH, world=world)
    assert action == Say("failed", "unknown_channel")


def test_an_unknown_workspace_fails() -> None:
    """It was never configured."""
    action = next_action(sending(), now=AT, past=FRESH, world=world_of())
    assert action == Say("failed", "unknown_workspace")


def test_a_command_of_a_kind_that_has_no_adapter_fails() -> None:
    """Said, not swallowed."""
    call = CallWebhook(
        id="w", contact="acme/anna", at=AT, fact="f", flow="hello", version=1, journey="j", step="s",
        url="https://x.example", not_after=AT + 1,
    )  # fmt: skip
    world = world_of(*SETTLED_WORLD)
    assert next_action(call, now=AT, past=FRESH, world=world) == Say("failed", "unsupported_command")


def test_an_ended_command_is_left_alone() -> None:
    """Its outcome was said: a redelivery does nothing, whatever else holds."""
    world = world_of(*SETTLED_WORLD, stopped())
    assert next_action(sending(), now=AT * 2, past=Past(attempts=1, ended=True), world=world) == Skip()


def test_an_attempt_without_an_outcome_is_unknown() -> None:
    """Nobody knows whether it reached the contact, so it is not sent again."""
    world = world_of(*SETTLED_WORLD)
    assert next_action(sending(), now=AT, past=TRIED, world=world) == Say("unknown", "no_answer_recorded")


def test_what_is_in_doubt_is_sent_again_where_that_does_no_harm_or_was_asked_for() -> None:
    """The provider honours our key, or the step says on_unknown: resend."""
    world = world_of(*SETTLED_WORLD)
    assert isinstance(next_action(sending(), now=AT, past=TRIED, world=world, honours_key=True), Call)
    assert isinstance(next_action(sending(on_unknown="resend"), now=AT, past=TRIED, world=world), Call)


@given(
    now=st.integers(AT - 10_000, AT + 10_000_000),
    stop=st.booleans(),
    honours_key=st.booleans(),
    resend=st.booleans(),
    channel=st.sampled_from(["whatsapp", "telegram"]),
)
def test_what_is_in_doubt_is_never_said_not_to_have_gone(
    now: int, stop: bool, honours_key: bool, resend: bool, channel: str
) -> None:
    """Neither expired, nor stopped, nor failed: it may have reached the contact."""
    world = world_of(*SETTLED_WORLD, *([stopped()] if stop else []))
    command = sending(channel=channel, on_unknown="resend" if resend else "hold")
    action = next_action(command, now=now, past=TRIED, world=world, honours_key=honours_key)
    if isinstance(action, Say):
        assert action.outcome == "unknown"
    assert settled(TRIED, "failed") == "unknown"
    assert settled(TRIED, "accepted") == "accepted"
    assert settled(FRESH, "failed") == "failed"


@given(now=st.integers(0, AT * 2), stop=st.booleans())
def test_a_history_asks_neither_the_clock_nor_stops(now: int, stop: bool) -> None:
    """Its outcome was assumed in the decision; it is handed out in the order of the log."""
    world = world_of(configured(assumed=True), published(), *([stopped()] if stop else []))
    assert isinstance(next_action(sending(), now=now, past=FRESH, world=world), Write)
    nowhere = next_action(sending(channel="telegram"), now=now, past=FRESH, world=world)
    assert nowhere == Drop("unknown_channel")
