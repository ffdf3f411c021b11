"""Time and order: the clock, what fires when, ticks, flow commands, histories, positions."""

from typing import Any

import pytest

from schemas.types.facts import (
    ClockAdvanced,
    ContactErased,
    FlowCommandApplied,
    MessageNoted,
    ResponseReceived,
    ResponseTimedOut,
    SendCommanded,
    TimerFired,
)
from schemas.types.inputs import CustomerEvent, EraseContact
from streams.core.memory import MemoryContacts, fold_partition
from streams.core.partition import (
    Decision,
    Entry,
    FlowEntry,
    PartitionDecider,
    Position,
    decode_position,
    encode_position,
)
from streams.core.program import Match, Program
from streams.core.refusals import DeadReason
from streams.core.registry import Registry
from streams.core.state import StateFormatError
from streams.core.testing import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    START,
    Story,
    event,
    given,
    message,
    passes,
    passes_silently,
    pause,
    publish,
    workspace,
)
from tests.core.flows import ask, asked, flow, pause_for, send
from tests.core.logs import Log, fired, kinds

PAUSE = flow(pause_for(HOUR, 1), send("hello"))


# --- the clock


def test_the_clock_is_the_largest_timestamp_so_far() -> None:
    """A record with a smaller one does not turn it back."""
    log = Log(PAUSE).event(START + HOUR, "acme/a").event(START + MINUTE, "acme/b")
    assert [found.at for each in log.decisions() for found in each.facts if found.cause.offset][-2:] == [
        START + HOUR
    ] * 2


def test_a_tick_has_no_time_of_its_own() -> None:
    """Two tickers are harmless: the same decisions, whoever ticks and how often."""
    one = Log(PAUSE).event(START, "acme/a").tick(START + HOUR)
    two = Log(PAUSE).event(START, "acme/a").tick(START + HOUR).tick(START + HOUR).tick(START + HOUR)
    assert kinds(one.decisions(), SendCommanded)[0].id == kinds(two.decisions(), SendCommanded)[0].id
    assert len(kinds(two.decisions(), SendCommanded)) == 1


def test_the_clock_is_a_fact_every_ten_seconds() -> None:
    """At ticks; it says how far all is settled, and by what."""
    log = Log(PAUSE).tick(START + 9 * SECOND).tick(START + 10 * SECOND).tick(START + 11 * SECOND)
    found = kinds(log.decisions(), ClockAdvanced)
    assert [each.clock for each in found] == [START, START + 10 * SECOND]
    assert (found[0].partition, found[0].engine, found[0].tzdata) == (3, "0.1.0", "2025.2")
    assert [each.settled for each in found] == [START, START + 10 * SECOND]


def test_settled_is_the_soonest_deadline_that_has_not_fired() -> None:
    """A herd: one a tick fires, the rest is not settled."""
    log = Log(PAUSE).event(START, "acme/a").event(START + 1, "acme/b").tick(START + 2 * HOUR, fire_limit=1)
    assert kinds(log.decisions(), ClockAdvanced)[-1].settled == START + HOUR + 1


# --- what fires when


def test_others_deadlines_fire_at_ticks_only_in_order_of_due_contact_and_id() -> None:
    """An input of another contact lets nobody else's time pass."""
    log = Log(PAUSE).event(START + 1, "acme/b").event(START, "acme/c").event(START, "acme/a")
    log.message(START + 2 * HOUR, "acme/z").tick(START + 2 * HOUR)
    assert fired(log.decisions()) == [(name, START + 2 * HOUR) for name in ("acme/a", "acme/b", "acme/c")]


def test_a_tick_fires_at_most_so_many() -> None:
    """So that answers keep flowing through a herd; 0 is no limit."""
    log = Log(PAUSE)
    for number in range(5):
        log.event(START, f"acme/{number}")
    log.tick(START + 2 * HOUR, fire_limit=2).tick(START + 2 * HOUR + 1, fire_limit=0)
    assert [at for _, at in fired(log.decisions())] == [START + 2 * HOUR] * 2 + [START + 2 * HOUR + 1] * 3


def test_an_answer_comes_before_its_time_out_whatever_the_herd() -> None:
    """The contact's own input fires its own deadlines first, and only those that are due."""
    story = given(asked()).when(event("go"), passes_silently(30 * MINUTE), message())
    assert any(isinstance(found, ResponseReceived) for found in story.facts)


def test_a_deadline_that_moved_fires_when_it_is_due_now() -> None:
    """Index entries are hints, checked against the state."""

    class Hints(MemoryContacts):
        """An index that still points at where deadlines stood."""

        def soonest(self) -> tuple[int, str] | None:
            real = super().soonest()
            return (START + 1, self.stale.pop()) if self.stale else real

        stale: list[str]

    contacts = Hints()
    contacts.stale = []
    log = Log(PAUSE).event(START, "acme/a").tick(START + 2 * HOUR)
    decider = log.decider(contacts)
    for entry in log.entries[:-1]:
        list(decider.decide(entry))
    contacts.stale = ["acme/a", "acme/nobody"]
    decisions = list(decider.decide(log.entries[-1]))
    assert fired(decisions) == [("acme/a", START + 2 * HOUR)]


# --- flow commands


def test_flow_commands_take_effect_at_the_tick_that_carries_them() -> None:
    """Each is a fact on the partition; none is in force before."""
    log = Log()
    log.flows += [FlowEntry(1, _published(PAUSE), PAUSE)]
    log.entries.clear()
    log.tick(START, flows_through=1).event(START, "acme/a").tick(START + 1).event(START + 2, "acme/a")
    decisions = log.decisions()
    applied = kinds(decisions, FlowCommandApplied)
    assert [(each.record, each.flows_offset, each.result, each.version) for each in applied] == [
        ("WorkspaceConfigured", 0, "applied", None),
        ("FlowPublished", 1, "applied", 1),
    ]
    assert applied[1].at == START + 1
    assert [len(each.facts) for each in decisions if each.contact] == [1, 2]


def _published(program: Program) -> Any:
    return given(program).flows.entries[1].record


def test_a_tick_that_lags_behind_changes_nothing() -> None:
    """A second ticker may not have seen the newest yet."""
    log = Log(PAUSE).tick(START + 1, flows_through=0).event(START + 2, "acme/a")
    decider = log.decider()
    for entry in log.entries:
        list(decider.decide(entry))
    assert decider.position.flows_through == 2
    assert len(kinds(log.decisions(), FlowCommandApplied)) == 2


def test_a_refused_flow_command_says_why() -> None:
    """On every partition."""
    story = given(PAUSE).when(pause("other"))
    assert (story.partition_facts[-1].result, story.partition_facts[-1].reason) == ("refused", "unknown_flow")  # type: ignore[union-attr]
    story.when(publish(PAUSE))
    assert story.partition_facts[-1].result == "nothing_new"  # type: ignore[union-attr]


# --- history


def test_on_a_history_deadlines_fire_at_their_own_moment_without_a_limit() -> None:
    """Now is due, for those that it opens too; the last tick lets all of it pass, whatever its limit."""
    program = flow(pause_for(HOUR, 1, "a"), pause_for(HOUR, 2, "b"), send("hello"))
    log = Log(program, settings=workspace(delivery="assumed"))
    for number in range(3):
        log.event(START + number, f"acme/{number}")
    log.tick(START + 30 * DAY, fire_limit=1)
    decisions = log.decisions()
    expected = [(f"acme/{number}", START + hours * HOUR + number) for hours in (1, 2) for number in range(3)]
    assert fired(decisions) == expected
    assert all(found.lateness_ms == 0 for found in kinds(decisions, TimerFired))
    assert [found.settled for found in kinds(decisions, ClockAdvanced)] == [START, START + 30 * DAY]


def test_on_a_history_the_clock_is_a_fact_at_each_tick_that_moved_it() -> None:
    """So that a short import is settled to its end."""
    log = Log(PAUSE, settings=workspace(delivery="assumed")).tick(START).tick(START + 5)
    assert [found.clock for found in kinds(log.decisions(), ClockAdvanced)] == [START, START + 5]


def test_on_a_history_own_deadlines_step_before_an_input() -> None:
    """Two questions time out at their own moments before the message of a day later."""
    program = flow(ask("one", no=1), ask("two"), triggers=(Match(kind="message", name="any"),))
    log = Log(program, settings=workspace(delivery="assumed"))
    log.message(START, "acme/a").message(START + DAY, "acme/a")
    found = kinds(log.decisions(), ResponseTimedOut)
    assert [each.at - START for each in found] == [HOUR + 10 * SECOND, 2 * (HOUR + 10 * SECOND)]


# --- positions


def test_the_position_follows_each_decision() -> None:
    """Where to go on, the clock, the flow commands in force."""
    log = Log(PAUSE).event(START + 5, "acme/a")
    decider = log.decider()
    seen: list[tuple[int, int, int]] = []
    for entry in log.entries:
        seen += [_place(decider) for _ in decider.decide(entry)]
    assert seen == [(0, 0, 1), (0, 0, 2), (1, 0, 2), (2, 5, 2)]


def _place(decider: PartitionDecider) -> tuple[int, int, int]:
    at = decider.position
    return at.next, at.clock - START, at.flows_through


def test_a_tick_that_was_cut_goes_on_where_it_was() -> None:
    """Committed after any decision, a new decider comes to the same decisions, none twice."""
    log = Log(PAUSE)
    for number in range(4):
        log.event(START, f"acme/{number}")
    log.tick(START + 2 * HOUR, fire_limit=3).tick(START + 3 * HOUR, fire_limit=3)
    whole = [each for each in log.decisions() if each.facts]
    for cut in range(1, len(whole)):
        contacts, position = MemoryContacts(), Position()
        done: list[Decision] = []
        for limit in (cut, 1000):
            decider = log.decider(contacts, decode_position(encode_position(position)))
            for entry in log.entries[position.next :]:
                for decision in decider.decide(entry):
                    if decision.facts and len(done) < limit:
                        done.append(decision)
                        position = decider.position
                if len(done) >= limit:
                    break
            if limit == cut:
                contacts = replayed(log, cut)
        assert [fact.id for each in done for fact in each.facts] == [
            fact.id for each in whole for fact in each.facts
        ]


def replayed(log: Log, count: int) -> MemoryContacts:
    """The contacts after so many decisions with facts, and not one more."""
    contacts, done = MemoryContacts(), 0
    decider = log.decider(contacts)
    for entry in log.entries:
        for decision in decider.decide(entry):
            done += bool(decision.facts)
            if done >= count:
                return contacts
    return contacts


def test_what_stands_before_the_position_is_not_decided_again() -> None:
    """A shell may hand out what it has had."""
    log = Log(PAUSE).event(START, "acme/a")
    decider = log.decider()
    assert list(decider.decide(log.entries[0]))
    assert list(decider.decide(log.entries[0])) == []


def test_a_position_is_read_back_or_refused() -> None:
    """Its format's version stands first."""
    position = Position(next=5, clock=START, flows_through=2, fired=1, advanced_at=START)
    assert decode_position(encode_position(position)) == position
    for data, said in ((b"", "none"), (b"\x09x", "format 9"), (b"\x01\xc1", "cannot be read")):
        with pytest.raises(StateFormatError, match=said):
            decode_position(data)


# --- refusals


@pytest.mark.parametrize(
    ("contact", "reason"),
    [
        (None, DeadReason.NO_CONTACT),
        ("acme", DeadReason.BAD_CONTACT),
        ("/a", DeadReason.BAD_CONTACT),
        ("acme/", DeadReason.BAD_CONTACT),
        ("acme/\0", DeadReason.BAD_CONTACT),
        ("acme/" + "x" * 600, DeadReason.BAD_CONTACT),
        ("nobody/a", DeadReason.UNKNOWN_WORKSPACE),
    ],
)
def test_an_input_without_a_proper_contact_is_a_dead_letter(contact: str | None, reason: DeadReason) -> None:
    """And what comes after it is decided."""
    log = Log(PAUSE)
    made = CustomerEvent(source="t", id="1", occurred_at=START, name="go")
    log.entries.append(Entry(1, START, contact, made))
    log.event(START, "acme/a")
    *_, dead, alive = log.decisions()
    assert (dead.dead, dead.facts, dead.contact) == (reason, (), contact)
    assert alive.facts


def test_a_dead_letter_leaves_the_state_as_it_is_and_may_come_again() -> None:
    """It is not taken for seen."""
    story = given().when(message(channel="pigeon", id="m"))
    refused = story.last
    assert refused.dead is DeadReason.UNKNOWN_CHANNEL
    assert story.contacts.states == {}
    story.when(message(id="m"))
    assert story.decisions[-1].dead is None
    assert any(isinstance(found, MessageNoted) for found in story.facts)


def test_an_erased_contact_has_no_state() -> None:
    """Whatever fell due before is closed first; the index forgets it."""
    log = Log(PAUSE).event(START, "acme/a")
    erase = EraseContact(source="t", id="e", occurred_at=START, requested_by="x", reason="y")
    log.entries.append(Entry(2, START + 3 * HOUR, "acme/a", erase))
    contacts = MemoryContacts()
    decisions = fold_partition(log.entries, log.flows, contacts=contacts)
    assert isinstance(decisions[-1].facts[0], TimerFired)
    assert isinstance(decisions[-1].facts[-1], ContactErased)
    assert contacts.get("acme/a") is None
    assert contacts.soonest() is None


def test_the_same_log_makes_the_same_decisions() -> None:
    """Folded twice, fact by fact."""
    log = Log(PAUSE, asked()).event(START, "acme/a").message(START + 5, "acme/b").tick(START + DAY)
    assert log.decisions() == log.decisions()


def test_a_story_is_a_log() -> None:
    """What a story wrote can be folded again."""
    story: Story = given(asked()).when(event("go"), passes(DAY), message())
    contacts = MemoryContacts()
    decisions = fold_partition(story.log, story.flows.entries, contacts=contacts)
    assert [found.id for each in decisions if each.contact for found in each.facts] == [
        found.id for found in story.all_facts
    ]
    assert contacts.get(story.contact) == story.state
    assert isinstance(story.registry, Registry)
