"""Whatever happens in whatever order: each wait is closed once, nothing is taken twice."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import given as generated
from hypothesis import strategies as st

from schemas.types.commands import SendMessage
from schemas.types.facts import (
    ContactErased,
    Fact,
    JourneyEnded,
    JourneyStarted,
    LateResponseReceived,
    PromptSent,
    ResponseReceived,
    ResponseTimedOut,
    SendCommanded,
    SendFailed,
    TimerCancelled,
    TimerFired,
    TimerSet,
    WaitCancelled,
    WaitOpened,
)
from schemas.types.inputs import Tick
from streams.core.contact import evolve
from streams.core.memory import MemoryContacts, fold_partition
from streams.core.program import (
    END,
    Arm,
    Assign,
    Assignment,
    CloseConversation,
    Enter,
    GoTo,
    Match,
    Program,
    Reference,
    SetValues,
    Split,
    Tag,
    Until,
    WaitFor,
)
from streams.core.program import Wait as DayWait
from streams.core.state import ContactState, Wait, decode_state, encode_state
from streams.core.testing import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    Happens,
    Story,
    agent_message,
    cancel,
    consent,
    conversation,
    erase,
    event,
    given,
    message,
    passes,
    passes_silently,
    pause,
    receipt,
    record,
    resume,
    start,
    update,
    workspace,
)
from streams.core.testing import outcome as said_outcome
from tests.core.flows import ask, asks, branch, capped, flow, night, pause_for, send

MARKER = "geheim-7"
"""Stands in every personal value of these stories."""

ANY_MESSAGE = Match(kind="message", name="any")


def flows() -> tuple[Program, ...]:
    """Flows that between them use every step, policy and rule."""
    nudge = flow(
        ask("quiet", within=HOUR, yes=END, no=1),
        send("nudge", 2, channels=()),
        ask("after", within=5 * MINUTE, yes=END, no=3),
        CloseConversation(id="close"),
        name="nudge",
        triggers=(ANY_MESSAGE,),
        enter=Enter(),
        exits=(Match(kind="conversation", name="closed"),),
    )
    verify = flow(
        send("check", 1, policies={"quiet_hours": night(jitter_ms=MINUTE), "caps": (capped(2, DAY),)}),
        pause_for(10 * MINUTE, 2, "breath"),
        ask("reply", within=2 * HOUR, yes=3, no=4, reactions=True),
        send("guide", channels=("sms",)),
        pause_for(12 * HOUR, 5, "night"),
        send("reminder", 6, on_unknown="resend", policies={"quiet_hours": night(jitter_ms=0)}),
        ask("again", within=HOUR, any_channel=True, yes=7, no=7),
        branch(asks("responded", "last"), END, otherwise=8),
        send("bye"),
        name="verify",
        enter=Enter(again="always"),
        exits=(Match(kind="event", name="refund", same=("cart",)),),
    )
    promo = flow(
        send("promo", 1, policies={"purpose": "marketing", "caps": (capped(1, DAY),)}),
        ask("interest", within=DAY, prompt="promo"),
        name="promo",
        enter=Enter(again="after", after_ms=HOUR, key="cart"),
    )
    mixed = flow(
        Tag("mark", add=("t", "seen"), next=1),
        Split("test", (Arm("a", 1, 2), Arm("b", 1, 3)), hold_out=1, next=4),
        SetValues("note", (Assignment("var", "v", Reference("property", "cart")),), 4),
        Tag("clear", remove=("t",), next=4),
        send("mixed", 5),
        ask("mixed-answer", within=HOUR, yes=6, no=6),
        GoTo("round", 1, 2, 7),
        Assign("hand", agents=("a", "b"), next=8),
        DayWait("until", until=Until(600), next=9),
        WaitFor("refunded", Match(kind="event", name="refund"), 2 * HOUR),
        name="mixed",
        triggers=(Match(kind="tag_added", name="t"),),
        enter=Enter(),
    )
    return nudge, verify, promo, mixed


def outcome(what: str, which: int) -> Happens:
    """An outcome of one of the commands so far, the first or the fifth time; or of none."""

    def happens(story: Story) -> None:
        sends = [command for command in story.commands if isinstance(command, SendMessage)]
        if sends:
            one = sends[which % len(sends)]
            said_outcome(what, command=one.id, provider_id=f"p-{one.id[:6]}", reason=f"words {MARKER}")(story)

    return happens


def receipt_of(status: str, which: int) -> Happens:
    """A receipt of one of the commands so far."""

    def happens(story: Story) -> None:
        sends = [command for command in story.commands if isinstance(command, SendMessage)]
        if sends:
            receipt(status, command=sends[which % len(sends)].id, reason=f"words {MARKER}")(story)

    return happens


def reply(which: int) -> Happens:
    """A message that quotes one of the sends so far."""

    def happens(story: Story) -> None:
        sends = [command for command in story.commands if isinstance(command, SendMessage)]
        quoted = f"p-{sends[which % len(sends)].id[:6]}" if sends else None
        message(MARKER, reply_to=quoted)(story)

    return happens


def behind(span: int) -> Happens:
    """A message that was said a while ago."""
    return lambda story: message(MARKER, said=story.now - span)(story)


def again(which: int) -> Happens:
    """A record of the log comes once more. After an erasure nobody could know it: it would begin anew."""

    def happens(story: Story) -> None:
        if any(isinstance(found, ContactErased) for found in story.all_facts):
            return
        entries = [entry for entry in story.log if not isinstance(entry.record, Tick)]
        if entries:
            story.put(entries[which % len(entries)].record)

    return happens


SPANS = st.sampled_from([0, SECOND, MINUTE, 10 * MINUTE, HOUR, 2 * HOUR, 12 * HOUR, DAY])
WHICH = st.integers(0, 6)
HAPPENINGS = st.one_of(
    st.sampled_from(
        [
            message(MARKER),
            message(MARKER, conversation="c1"),
            message(MARKER, channel="sms"),
            message(MARKER, kind="reaction"),
            message("stop"),
            message("start"),
            message(MARKER, said=0),
            agent_message(MARKER, conversation="c1"),
            event("go", cart=MARKER),
            event("go", cart=f"{MARKER}-2"),
            event("refund", cart=MARKER),
            update(attributes={"name": MARKER}, addresses={"sms": MARKER}, tags_added=["t"]),
            update(zone="Pacific/Apia", tags_removed=["t"], unset=["name"]),
            consent("marketing", granted=False),
            consent("any", granted=True, channel="sms"),
            conversation("opened", "c1"),
            conversation("closed", "c1"),
            start("verify", vars={"v": MARKER}),
            cancel("verify"),
            cancel("nudge"),
            pause("verify"),
            resume("verify"),
            erase(),
        ]
    ),
    st.builds(passes, SPANS),
    st.builds(passes_silently, SPANS),
    st.builds(behind, SPANS),
    st.builds(reply, WHICH),
    st.builds(again, WHICH),
    st.builds(
        outcome, st.sampled_from(["accepted", "accepted", "failed", "expired", "stopped", "unknown"]), WHICH
    ),
    st.builds(receipt_of, st.sampled_from(["delivered", "read", "failed"]), WHICH),
)
STORIES = st.lists(HAPPENINGS, max_size=30)
DELIVERY = st.sampled_from(["real", "assumed"])
PROPERTY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def told(happenings: list[Happens], delivery: str = "real") -> Story:
    """The story of all that happened."""
    return given(*flows(), settings=workspace(delivery=delivery)).when(*happenings)


def ids(facts: list[Fact], *kinds: type, field: str) -> Counter[str]:
    """How often each wait, journey or command stands in facts of these kinds."""
    return Counter(getattr(found, field) for found in facts if isinstance(found, kinds))


@PROPERTY
@generated(STORIES, DELIVERY)
def test_each_wait_is_closed_exactly_once(happenings: list[Happens], delivery: str) -> None:
    """Opened once, closed at most once and never before; open in the state, or closed."""
    story = told(happenings, delivery)
    opened = ids(story.all_facts, WaitOpened, field="wait")
    closed = ids(story.all_facts, ResponseReceived, ResponseTimedOut, WaitCancelled, field="wait")
    still = Counter(
        journey.pending.id for journey in story.state.journeys.values() if isinstance(journey.pending, Wait)
    )
    assert set(opened.values()) <= {1}
    assert opened == closed + still
    is_open: set[str] = set()
    for found in story.all_facts:
        if isinstance(found, WaitOpened):
            is_open.add(found.wait)
        elif isinstance(found, ResponseReceived | ResponseTimedOut | WaitCancelled):
            is_open.remove(found.wait)


@PROPERTY
@generated(STORIES, DELIVERY)
def test_in_the_end_every_wait_is_closed(happenings: list[Happens], delivery: str) -> None:
    """Time alone closes what nobody answers: only held journeys still stand."""
    story = told([*happenings, *(passes(2 * DAY) for _ in range(5))], delivery)
    assert story.state.soonest is None
    opened = ids(story.all_facts, WaitOpened, field="wait")
    closed = ids(story.all_facts, ResponseReceived, ResponseTimedOut, WaitCancelled, field="wait")
    assert opened == closed


@PROPERTY
@generated(STORIES)
def test_each_journey_and_timer_ends_once(happenings: list[Happens]) -> None:
    """A journey that started is running or has ended; a timer that was set is set, fired or cancelled."""
    story = told(happenings)
    started = ids(story.all_facts, JourneyStarted, field="journey")
    assert set(started.values()) <= {1}
    assert started == ids(story.all_facts, JourneyEnded, field="journey") + Counter(
        list(story.state.journeys)
    )
    timers = sum(ids(story.all_facts, TimerSet, field="journey").values())
    over = sum(ids(story.all_facts, TimerFired, TimerCancelled, field="journey").values())
    set_now = sum(journey.due is not None for journey in story.state.journeys.values())
    waits = sum(isinstance(journey.pending, Wait) for journey in story.state.journeys.values())
    assert timers == over + set_now - waits


@PROPERTY
@generated(STORIES)
def test_each_command_has_at_most_one_outcome(happenings: list[Happens]) -> None:
    """And an id of its own."""
    story = told(happenings)
    commanded = ids(story.all_facts, SendCommanded, field="command")
    assert set(commanded.values()) <= {1}
    done = ids(story.all_facts, PromptSent, SendFailed, field="command")
    assert set(done.values()) <= {1}
    assert set(done) <= set(commanded)
    assert [command.id for command in story.commands if isinstance(command, SendMessage)] == list(commanded)


@PROPERTY
@generated(STORIES)
def test_the_same_input_twice_yields_nothing_new(happenings: list[Happens]) -> None:
    """Nothing but what fell due since. An erasure leaves nothing to know it by."""
    story = told(happenings)
    entries = [entry for entry in story.log if not isinstance(entry.record, Tick)]
    if entries and story.contacts.get(story.contact) is not None:
        last = entries[-1].record
        seen = story.state.seen
        story.when(record(last))
        assert story.last.duplicate
        assert all(found.cause.timer is not None for found in story.facts)
        assert story.state.seen == seen


@PROPERTY
@generated(STORIES, DELIVERY)
def test_the_state_is_a_fold_of_the_facts(happenings: list[Happens], delivery: str) -> None:
    """As they are written and read: evolve alone comes to what decide left, to the byte."""
    story = told(happenings, delivery)
    state = ContactState(story.contact)
    for found in story.all_facts:
        state = evolve(state, msgspec.msgpack.decode(msgspec.msgpack.encode(found), type=type(found)))
    assert state == story.state
    assert decode_state(encode_state(state)) == state


@PROPERTY
@generated(STORIES, DELIVERY)
def test_a_log_folds_to_the_same_facts(happenings: list[Happens], delivery: str) -> None:
    """Twice the same, in a new decider."""
    story = told(happenings, delivery)
    contacts = MemoryContacts()
    decisions = fold_partition(
        story.log, story.flows.entries, contacts=contacts, engine="test", tzdata="test"
    )
    assert decisions == story.decisions
    assert contacts.states == story.contacts.states


@PROPERTY
@generated(STORIES, DELIVERY)
def test_no_personal_value_stands_in_plain_in_a_fact(happenings: list[Happens], delivery: str) -> None:
    """Only `sealed` holds them; no message's text is anywhere."""
    for found in told(happenings, delivery).all_facts:
        fields = msgspec.structs.asdict(found)
        fields.pop("sealed", None)
        assert MARKER not in str(fields)


@PROPERTY
@generated(STORIES)
def test_every_input_makes_a_fact_or_is_a_duplicate_or_a_dead_letter(happenings: list[Happens]) -> None:
    """Nothing is lost silently."""
    story = told(happenings)
    inputs = [entry for entry in story.log if not isinstance(entry.record, Tick)]
    taken = [each for each in story.decisions if each.duplicate or each.dead or _by_input(each)]
    assert len(taken) == len(inputs)


def _by_input(decision: Any) -> bool:
    return any(found.cause.input and found.cause.timer is None for found in decision.facts)


@PROPERTY
@generated(STORIES)
def test_fact_ids_are_never_used_twice(happenings: list[Happens]) -> None:
    """Whatever is redelivered, whatever is erased."""
    story = told(happenings)
    assert len({found.id for found in story.all_facts}) == len(story.all_facts)


@PROPERTY
@generated(STORIES)
def test_a_late_response_belongs_to_a_time_out(happenings: list[Happens]) -> None:
    """At most one each, and the time-out stands."""
    facts = told(happenings).all_facts
    late = ids(facts, LateResponseReceived, field="wait")
    assert set(late.values()) <= {1}
    assert set(late) <= set(ids(facts, ResponseTimedOut, field="wait"))


@PROPERTY
@generated(st.lists(HAPPENINGS, min_size=60, max_size=90))
def test_the_state_stays_within_its_bounds(happenings: list[Happens]) -> None:
    """However long it goes on."""
    state = told(happenings).state
    assert len(state.seen) <= 64 * 8
    assert len(state.journeys) <= 50
    assert len(state.sends) <= 32
    assert len(state.entries) <= 200
    assert max(len(state.heard), len(state.late)) <= 8
    assert len(encode_state(state)) < 64 * 1024


STORY = """
from tests.core import test_properties as p
from streams.core.testing import *
story = p.told([
    event("go", cart="x"), update(attributes={"b": 1, "a": 2}, tags_added=["z", "a", "m"]), message(),
    p.outcome("accepted", 0), passes(DAY), message("stop"), p.outcome("expired", 1), passes(3 * DAY),
])
print([found.id for found in story.all_facts], story.state, story.commands)
"""


def test_decisions_do_not_depend_on_the_process() -> None:
    """Other hash seeds, the same facts, state and commands, letter by letter."""
    printed = set()
    for seed in ("0", "1", "4242"):
        done = subprocess.run(
            [sys.executable, "-c", STORY],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        printed.add(done.stdout)
    assert len(printed) == 1
