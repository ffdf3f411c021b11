"""Policies: when a send is made, postponed, held or not made; each of these is a fact with its reason."""

import pytest

from schemas.types.commands import SendMessage
from schemas.types.facts import (
    InputNoted,
    JourneyEnded,
    JourneyHeld,
    JourneyStarted,
    MessageNoted,
    PromptSent,
    SendCommanded,
    SendPostponed,
    SendSuppressed,
    TimerFired,
    TimerSet,
    WaitOpened,
)
from streams.core.program import ChannelSettings, Match, Policies
from streams.core.testing import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    START,
    consent,
    conversation,
    event,
    fact,
    given,
    message,
    outcome,
    passes,
    passes_silently,
    pause,
    receipt,
    resume,
    start,
    stop,
    unstop,
    update,
    workspace,
)
from tests.core.flows import asked, capped, facts_of, flow, night, pause_for, send


def test_a_send_is_a_fact_and_a_command() -> None:
    """The command repeats the fact's names and carries what the template needs."""
    story = given(flow(send("hello"))).when(
        update(attributes={"name": "Anna"}, addresses={"whatsapp": "+39 333"}, language="it"),
        event("go", total=30),
    )
    story.then_some(JourneyStarted, fact(SendCommanded, language="it", purpose="service"), JourneyEnded)
    made = facts_of(story, SendCommanded)[0]
    sent = story.sent()
    assert (sent.id, sent.fact, sent.template, sent.address) == (made.command, made.id, "t-hello", "+39 333")
    assert sent.variables["contact.name"] == "Anna"
    assert sent.variables["event.total"] == 30


def test_a_command_carries_only_what_its_template_names() -> None:
    """Paths without a value are left out."""
    program = flow(send("hello", variables=("event.total", "contact.name", "vars.x")), vars=(("x", 1),))
    story = given(program).when(event("go", total=30))
    assert story.sent().variables == {"event.total": 30, "vars.x": 1}


def test_a_send_goes_by_the_first_channel_that_may() -> None:
    """Channels are in order of preference; unknown ones are passed over."""
    program = flow(send("hello", channels=("pigeon", "whatsapp", "sms")))
    story = given(program).when(consent("service", granted=False, channel="whatsapp"), event("go"))
    story.then_some(fact(SendCommanded, channel="sms"))


def test_a_send_without_a_channel_goes_by_the_journeys_last() -> None:
    """Else by that of the trigger's conversation."""
    trigger = Match(kind="message", name="any")
    program = flow(
        send("a", 1, channels=()),
        send("b", 2, channels=("sms",)),
        send("c", channels=()),
        triggers=(trigger,),
    )
    story = given(program).when(message())
    assert [made.channel for made in facts_of(story, SendCommanded)] == ["whatsapp", "sms", "sms"]


def test_a_send_with_no_channel_at_all_is_not_made() -> None:
    """Neither said, nor known from the journey; or unknown to the workspace."""
    story = given(flow(send("hello", channels=()))).when(event("go"))
    story.then_some(fact(SendSuppressed, reason="no_channel", channel=None))
    story = given(flow(send("hello", channels=("pigeon",)))).when(event("go"))
    story.then_some(fact(SendSuppressed, reason="no_channel", channel=None))


def test_a_channel_that_needs_an_address_is_not_used_without_one() -> None:
    """`address: required` in the channel's options."""
    settings = workspace(channels=(ChannelSettings("sms", "webhook", options=(("address", "required"),)),))
    story = given(flow(send("hello", channels=("sms",))), settings=settings).when(event("go"))
    story.then_some(fact(SendSuppressed, reason="no_address", channel="sms"))
    story.when(update(addresses={"sms": "+39"}), event("go")).then_some(SendCommanded)


def test_a_send_goes_into_the_triggers_conversation_or_the_open_one_of_its_channel() -> None:
    """A closed one is left alone."""
    program = flow(send("hello"))
    story = given(program).when(event("go"))
    assert story.sent().conversation is None
    story.when(conversation("opened", "c1"), event("go"))
    assert story.sent().conversation == "c1"
    story.when(conversation("closed", "c1"), event("go"))
    assert story.sent().conversation is None
    story.when(start("f", channel="whatsapp", conversation="c9"))
    assert story.sent().conversation == "c9"


# --- quiet hours


def test_quiet_hours_postpone_to_their_end() -> None:
    """At 22:00 a send is postponed to 08:00 and then decided anew."""
    story = given(flow(send("hello", policies={"quiet_hours": night()})))
    story.when(passes(12 * HOUR), event("go")).then(
        JourneyStarted,
        fact(SendPostponed, until=START + 22 * HOUR, reason="quiet_hours"),
        fact(TimerSet, kind="send", due=START + 22 * HOUR),
    )
    story.when(passes(10 * HOUR)).then(
        fact(TimerFired, kind="send", lateness_ms=0), fact(SendCommanded, visit=1), JourneyEnded
    )


def test_quiet_hours_hold_in_the_contacts_zone() -> None:
    """10:00 in UTC is 21:00 in Tokyo at eleven hours' distance: Sydney sleeps."""
    story = given(flow(send("hello", policies={"quiet_hours": night()})))
    story.when(update(zone="Australia/Sydney"), event("go")).then_some(SendPostponed)


@pytest.mark.parametrize(
    ("zone", "quiet"),
    [("business", False), ("Australia/Sydney", True), ("Nowhere/Land", False), ("contact", False)],
)
def test_quiet_hours_may_run_by_another_zone(zone: str, *, quiet: bool) -> None:
    """The business's, or a named one; one that is unknown is the business's."""
    story = given(flow(send("hello", policies={"quiet_hours": night(zone=zone)}))).when(event("go"))
    assert bool(facts_of(story, SendPostponed)) is quiet


def test_quiet_hours_may_skip() -> None:
    """`then: skip`: the send is not made."""
    story = given(flow(send("hello", policies={"quiet_hours": night(then="skip")})))
    story.when(passes(12 * HOUR), event("go")).then_some(fact(SendSuppressed, reason="quiet_hours"))


def test_quiet_hours_may_differ_by_purpose() -> None:
    """`by_purpose: {service: send}` lets service through."""
    rules = {"quiet_hours": night(by_purpose=(("service", "send"),))}
    story = given(flow(send("hello", policies=rules)))
    story.when(passes(12 * HOUR), event("go")).then_some(SendCommanded)


def test_urgent_ignores_quiet_hours_and_caps() -> None:
    """It is neither counted nor held."""
    rules = {"quiet_hours": night(), "caps": (capped(1, DAY),), "purpose": "urgent"}
    story = given(flow(send("hello", policies=rules)))
    story.when(passes(12 * HOUR), event("go"), event("go")).then_no(SendPostponed).then_no(SendSuppressed)
    assert len(facts_of(story, SendCommanded)) == 2
    assert story.state.counted == ()


def test_postponed_sends_spread_by_a_hash_of_the_journey() -> None:
    """Jitter: the same in every run, different between journeys."""
    program = flow(send("hello", policies={"quiet_hours": night(jitter_ms=10 * MINUTE)}))
    untils = []
    for _ in range(2):
        story = given(program).when(passes(12 * HOUR), event("go", id="a"), event("go", id="b"))
        untils.append([found.until for found in facts_of(story, SendPostponed)])
    assert untils[0] == untils[1]
    assert untils[0][0] != untils[0][1]
    assert all(22 * HOUR <= until - START < 22 * HOUR + 10 * MINUTE for until in untils[0])


def test_quiet_hours_hold_on_their_days_only() -> None:
    """Days are those on which the span starts: Monday's night reaches into Tuesday."""
    story = given(flow(send("hello", policies={"quiet_hours": night(days=(1,))})))
    story.when(passes(20 * HOUR), event("go")).then_some(SendPostponed)
    story = given(flow(send("hello", policies={"quiet_hours": night(days=(1,))})))
    story.when(passes(36 * HOUR), event("go")).then_some(SendCommanded)


def test_a_send_may_wait_for_its_turn_until_the_next_quiet_hours() -> None:
    """not_after is the soonest of the bounds, and the fact says which."""
    story = given(flow(send("hello", policies={"quiet_hours": night()}))).when(event("go"))
    story.then_some(fact(SendCommanded, not_after=START + 11 * HOUR, because={"not_after": "quiet_hours"}))
    story = given(flow(send("hello", policies={"quiet_hours": night(days=())}))).when(event("go"))
    story.then_some(fact(SendCommanded, not_after=START + DAY, because={"not_after": "late"}))
    story = given(flow(send("hello", policies={"skip_after_ms": None}))).when(event("go"))
    story.then_some(fact(SendCommanded, not_after=START + 7 * DAY, because={"not_after": "kept"}))


def test_a_text_by_whatsapp_is_bound_by_its_window() -> None:
    """A day after the contact's last message; templates may go at any time."""
    program = flow(send("hello", template="hello"))
    story = given(program).when(message(), passes(23 * HOUR), event("go"))
    story.then_some(fact(SendCommanded, not_after=START + DAY, because={"not_after": "window"}))
    story.when(passes(2 * HOUR), event("go"))
    story.then_some(fact(SendCommanded, because={"not_after": "late"}))


# --- caps


def test_over_its_cap_a_send_is_skipped() -> None:
    """Two a day; the third is not made and says why."""
    story = given(flow(send("hello", policies={"caps": (capped(2, DAY),)})))
    story.when(event("go"), event("go"), event("go"))
    found = facts_of(story, SendSuppressed)
    assert [(each.reason, each.because["counted"], each.because["of"]) for each in found] == [
        ("cap", "2", "flow")
    ]


def test_caps_slide() -> None:
    """What was sent a day ago counts no more, to the millisecond."""
    story = given(flow(send("hello", policies={"caps": (capped(1, DAY),)}))).when(event("go"))
    story.when(passes(DAY - 1), event("go")).then_some(SendSuppressed)
    story.when(passes(1), event("go")).then_some(SendCommanded)
    assert len(story.state.counted) == 1


def test_a_flows_cap_counts_its_own_sends_the_workspaces_all() -> None:
    """One flow's sends do not fill another's cap, but they fill the workspace's."""
    rules = {"caps": (capped(1, DAY),)}
    one, two = flow(send("a", policies=rules), name="one"), flow(send("b", policies=rules), name="two")
    story = given(one, two).when(event("go"))
    assert len(facts_of(story, SendCommanded)) == 2
    settings = workspace(policies=Policies(caps=(capped(1, DAY),)))
    story = given(flow(send("a"), name="one"), flow(send("b"), name="two"), settings=settings).when(
        event("go")
    )
    assert [each.because["of"] for each in facts_of(story, SendSuppressed)] == ["workspace"]


def test_a_cap_may_count_one_channel_or_one_purpose() -> None:
    """Others neither fill it nor are held by it."""
    rules = {"caps": (capped(1, DAY, channel="sms"), capped(1, DAY, purpose="marketing"))}
    story = given(flow(send("hello", policies=rules))).when(event("go"), event("go")).then_no(SendSuppressed)
    assert story.state.counted == ()
    program = flow(
        send("hello", 1, policies=rules, channels=("sms",)), send("more", policies=rules, channels=("sms",))
    )
    given(program).when(event("go")).then_some(SendCommanded, SendSuppressed)


@pytest.mark.parametrize("what", ["failed", "expired", "stopped"])
def test_what_never_left_is_given_back(what: str) -> None:
    """Counted when commanded, given back on failed, expired and stopped."""
    story = given(flow(send("hello", policies={"caps": (capped(1, DAY),)})))
    story.when(event("go"), outcome(what), event("go")).then_no(SendSuppressed)


def test_what_may_have_left_stays_counted() -> None:
    """Unknown is not given back; a receipt that says failed is."""
    story = given(flow(send("hello", policies={"caps": (capped(1, DAY),)})))
    story.when(event("go"), outcome("unknown"), event("go")).then_some(SendSuppressed)
    story.when(receipt("failed"), event("go")).then_no(SendSuppressed)


# --- late


def test_a_late_send_is_skipped() -> None:
    """The ticker was away for longer than skip_after past the moment of the send."""
    program = flow(pause_for(HOUR, 1), send("hello", policies={"skip_after_ms": 6 * HOUR}))
    story = given(program).when(event("go"), passes_silently(8 * HOUR), passes(0))
    story.then_some(TimerFired, fact(SendSuppressed, reason="late"))
    assert facts_of(story, SendSuppressed)[0].because["lateness_ms"] == str(7 * HOUR)


def test_a_send_may_be_made_however_late() -> None:
    """`late: send_anyway`."""
    program = flow(pause_for(HOUR, 1), send("hello", policies={"skip_after_ms": None}))
    given(program).when(event("go"), passes_silently(80 * DAY), passes(0)).then_some(SendCommanded)


def test_a_postponed_send_is_late_by_its_new_moment() -> None:
    """A night of quiet hours is no lateness."""
    rules = {"quiet_hours": night(), "skip_after_ms": HOUR}
    story = given(flow(send("hello", policies=rules))).when(passes(12 * HOUR), event("go"))
    story.when(passes(10 * HOUR)).then_some(SendCommanded)


def test_a_later_wait_counts_from_now() -> None:
    """A timer that fired late does not shorten the next."""
    story = given(flow(pause_for(HOUR, 1, "a"), pause_for(HOUR, id_="b"))).when(event("go"))
    story.when(passes_silently(3 * HOUR), passes(0))
    story.then(fact(TimerFired, lateness_ms=2 * HOUR), fact(TimerSet, step="b", due=START + 4 * HOUR))


# --- pause and stop


def test_a_paused_flow_holds_before_its_sends() -> None:
    """Nothing leaves; the journey stands."""
    story = given(flow(pause_for(HOUR, 1), send("hello"))).when(event("go"), pause("f"), passes(HOUR))
    story.then_some(TimerFired, fact(JourneyHeld, reason="paused", step="hello")).then_no(SendCommanded)
    assert story.state.soonest is None


@pytest.mark.parametrize(
    ("of", "channel"), [(None, None), ("f", None), (None, "whatsapp"), ("f", "whatsapp")]
)
def test_a_kill_switch_holds_before_the_sends_of_its_scope(of: str | None, channel: str | None) -> None:
    """All, one flow, one channel, or one flow on one channel."""
    story = given(flow(send("hello"))).when(stop(of, channel), event("go"))
    story.then_some(fact(JourneyHeld, reason="stopped"))
    story.when(unstop(of, channel), event("go")).then_some(SendCommanded)


def test_a_kill_switch_leaves_other_scopes_alone() -> None:
    """Another flow, another channel."""
    story = given(flow(send("hello"))).when(stop("other"), stop(None, "sms"), event("go"))
    story.then_some(SendCommanded)


def test_a_resumed_flow_sends_again() -> None:
    """Entries after the resume go on as ever."""
    story = given(flow(send("hello"))).when(pause("f"), resume("f"), event("go")).then_some(SendCommanded)
    assert isinstance(story.commands[0], SendMessage)


# --- history


def test_on_a_history_every_send_is_accepted_in_its_own_decision() -> None:
    """Delivery assumed: PromptSent stands beside the command, at now, and is a message out."""
    story = given(asked(), settings=workspace(delivery="assumed")).when(event("go"))
    story.then(
        JourneyStarted,
        SendCommanded,
        fact(PromptSent, accepted_at=START, assumed=True, provider_id=None),
        fact(MessageNoted, direction="out", author="automation", said_at=START, template="t-hello"),
        fact(WaitOpened, prompted_at=START, deadline=START + HOUR),
    )
    made = facts_of(story, SendCommanded)[0]
    assert facts_of(story, MessageNoted)[0].message == made.command
    story.when(passes(SECOND), outcome("accepted")).then(fact(InputNoted, reason="late_outcome"))
