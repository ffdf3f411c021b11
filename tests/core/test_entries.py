"""Triggers and re-entry: who enters a flow, when again, and why not."""

import pytest

from schemas.types.facts import (
    EntryRefused,
    InputNoted,
    JourneyEnded,
    JourneyStarted,
    MessageNoted,
    TimerSet,
    WaitOpened,
)
from streams.core.program import Enter, Match, Program
from streams.core.testing import (
    DAY,
    HOUR,
    SECOND,
    START,
    agent_message,
    conversation,
    event,
    fact,
    given,
    message,
    passes,
    pause,
    publish,
    retire,
    start,
    update,
)
from tests.core.flows import ask, asks, facts_of, flow, pause_for, send


def started(story_facts: list[JourneyStarted]) -> list[str]:
    """Which flows were entered."""
    return [found.flow for found in story_facts]


def on(**fields: object) -> Program:
    """A flow with this trigger."""
    return flow(pause_for(HOUR), triggers=(Match(**fields),))  # type: ignore[arg-type]


def test_an_event_starts_the_flows_that_look_for_it() -> None:
    """By name; the journey keeps its properties, sealed."""
    story = given(on(kind="event", name="order.completed"))
    story.when(event("order.opened")).then(fact(InputNoted, name="order.opened", clamped=False))
    story.when(event("order.completed", total=30)).then(
        fact(JourneyStarted, trigger="event", sealed={"properties": {"total": 30}}), TimerSet
    )


def test_an_event_trigger_may_filter() -> None:
    """`where` asks about that event's properties."""
    story = given(on(kind="event", name="order", where=asks("property", "total", "gte", 100)))
    story.when(event("order", total=99), event("order")).then(InputNoted, InputNoted)
    story.when(event("order", total=100)).then_some(JourneyStarted)


def test_a_filter_may_ask_about_the_contact() -> None:
    """An attribute, a tag."""
    story = given(on(kind="event", name="order", where=asks("tag", "vip")))
    story.when(event("order"), update(tags_added=["vip"]), event("order"))
    assert len(facts_of(story, JourneyStarted)) == 1


def test_a_message_starts_flows_on_any_message() -> None:
    """The trigger's conversation is the journey's; its text is not kept."""
    story = given(on(kind="message", name="any")).when(message(conversation="c1"))
    story.then(
        MessageNoted,
        fact(JourneyStarted, trigger="message", conversation="c1", channel="whatsapp", sealed=None),
        TimerSet,
    )


def test_a_message_trigger_may_look_at_the_text_and_the_channel() -> None:
    """`where` sees the text; `channel` says by which."""
    story = given(on(kind="message", name="any", where=asks("property", "text", "contains", "ordine")))
    story.when(message("ciao")).then(MessageNoted)
    story.when(message("il mio ordine")).then_some(JourneyStarted)
    story = given(on(kind="message", name="any", channels=("sms",)))
    story.when(message(), message(channel="sms", button="b1"))
    assert len(facts_of(story, JourneyStarted)) == 1


def test_a_condition_on_a_button_sees_its_id() -> None:
    """A pressed reply button."""
    story = given(on(kind="message", name="any", where=asks("property", "button", "equals", "yes")))
    story.when(message("Sì", kind="button", button="yes")).then_some(JourneyStarted)


def test_the_first_message_is_one_that_opens_a_conversation() -> None:
    """A thread that is not open; without threads, the first by that channel."""
    program = flow(pause_for(SECOND), triggers=(Match(kind="message", name="first"),))
    story = given(program).when(message(), passes(HOUR), message(), passes(HOUR))
    assert len(facts_of(story, JourneyStarted)) == 1
    story = given(program).when(message(conversation="c1"), passes(HOUR), message(conversation="c1"))
    assert len(facts_of(story, JourneyStarted)) == 1
    story.when(conversation("closed", "c1"), message(conversation="c1"), passes(HOUR))
    assert len(facts_of(story, JourneyStarted)) == 2
    story.when(message(conversation="c2"))
    assert len(facts_of(story, JourneyStarted)) == 3


@pytest.mark.parametrize("kind", ["receipt", "reaction", "out_of_office"])
def test_automatic_messages_trigger_nothing(kind: str) -> None:
    """No receipt, no reaction, no out-of-office reply."""
    given(on(kind="message", name="any")).when(message("x", kind=kind)).then(MessageNoted)


def test_an_agents_message_starts_flows_unless_it_is_automatic() -> None:
    """`agent_message: any`."""
    story = given(on(kind="agent_message", name="any"))
    story.when(agent_message(automatic=True)).then(fact(MessageNoted, author="automation", direction="out"))
    story.when(agent_message()).then(
        fact(MessageNoted, author="agent", agent="ag-1"),
        fact(JourneyStarted, trigger="agent_message"),
        TimerSet,
    )


@pytest.mark.parametrize("what", ["opened", "assigned", "closed"])
def test_a_conversation_starts_flows(what: str) -> None:
    """Opened, assigned or closed."""
    story = given(on(kind="conversation", name=what)).when(
        conversation("opened", "c1"), conversation("assigned", "c1"), conversation("closed", "c1")
    )
    assert [found.trigger for found in facts_of(story, JourneyStarted)] == ["conversation"]


def test_a_tag_starts_flows_when_it_is_added() -> None:
    """Not when the contact has it already."""
    story = given(flow(pause_for(SECOND), triggers=(Match(kind="tag_added", name="vip"),)))
    story.when(update(tags_added=["vip"]), passes(HOUR), update(tags_added=["vip"]))
    assert len(facts_of(story, JourneyStarted)) == 1


def test_a_flow_can_be_started_by_hand() -> None:
    """Its variables come along; its trigger is not asked."""
    program = flow(send("hello", variables=("vars.a", "vars.b", "event.p")), vars=(("a", 1), ("b", 2)))
    story = given(program).when(start("f", vars={"b": 3}, properties={"p": "x"}))
    story.then_some(fact(JourneyStarted, trigger="manual"))
    assert story.sent().variables == {"vars.a": 1, "vars.b": 3, "event.p": "x"}


def test_an_event_knows_the_channel_of_its_conversation() -> None:
    """So that a flow may answer there."""
    program = flow(send("hello", channels=()))
    story = given(program).when(conversation("opened", "c1", channel="sms"), event("go", conversation="c1"))
    assert (story.sent().channel, story.sent().conversation) == ("sms", "c1")


def test_two_triggers_of_a_flow_start_it_once() -> None:
    """The first that matches."""
    program = flow(
        pause_for(HOUR), triggers=(Match(kind="message", name="any"), Match(kind="message", name="first"))
    )
    story = given(program).when(message())
    assert len(facts_of(story, JourneyStarted)) == 1


def test_flows_are_entered_by_priority() -> None:
    """The higher first; of the same by name."""
    programs = [
        flow(send("a", policies={"priority": 10}), name="low"),
        flow(send("b", policies={"priority": 90}), name="high"),
        flow(pause_for(HOUR), name="also"),
    ]
    story = given(*programs).when(event("go"))
    assert started(facts_of(story, JourneyStarted)) == ["high", "also", "low"]


def test_a_message_that_closed_a_wait_triggers_too() -> None:
    """One message, many takers."""
    trigger = Match(kind="message", name="any")
    story = given(flow(ask("answer"), triggers=(trigger,), enter=Enter())).when(message(), passes(SECOND))
    story.when(message()).then_some(JourneyEnded, JourneyStarted, WaitOpened)


# --- again


def test_by_default_a_contact_enters_again_after_it_left() -> None:
    """One running journey a contact."""
    story = given(flow(pause_for(HOUR), enter=Enter())).when(event("go"))
    story.when(event("go")).then(fact(EntryRefused, reason="running", until=None, flow="f", version=1))
    story.when(passes(HOUR), event("go")).then_some(JourneyEnded, JourneyStarted)


def test_never_again() -> None:
    """Once is once."""
    story = given(flow(send("hello"), enter=Enter(again="never"))).when(event("go"))
    story.when(passes(900 * DAY), event("go")).then(fact(EntryRefused, reason="again", until=None))


def test_always_again_in_parallel() -> None:
    """Each input has its own journey."""
    story = given(flow(pause_for(HOUR), enter=Enter(again="always"))).when(event("go"), event("go"))
    assert len(story.state.journeys) == 2


def test_again_after_a_span_since_the_last_entry() -> None:
    """The refusal says until when."""
    story = given(flow(send("hello"), enter=Enter(again="after", after_ms=DAY))).when(event("go"))
    story.when(passes(DAY - 1), event("go")).then(fact(EntryRefused, reason="again", until=START + DAY))
    story.when(passes(1), event("go")).then_some(JourneyStarted)


def test_with_a_key_all_of_it_is_per_value() -> None:
    """Two carts, two journeys; the value itself is nowhere in plain."""
    program = flow(pause_for(HOUR), enter=Enter(again="never", key="cart"))
    story = given(program).when(event("go", cart="secret-1"), event("go", cart="secret-2"))
    assert len(story.state.journeys) == 2
    keys = [found.entry_key for found in facts_of(story, JourneyStarted)]
    assert len(set(keys)) == 2
    assert "secret" not in str(keys)
    story.when(event("go", cart="secret-1")).then(fact(EntryRefused, reason="duplicate_key"))
    story.when(passes(HOUR), event("go", cart="secret-1")).then_some(fact(EntryRefused, reason="again"))


def test_always_with_a_key_is_one_running_a_value() -> None:
    """`always` takes the input's id as key only where there is none."""
    story = given(flow(pause_for(HOUR), enter=Enter(again="always", key="cart")))
    story.when(event("go", cart=1), event("go", cart=1)).then_some(fact(EntryRefused, reason="duplicate_key"))


def test_an_event_without_the_key_does_not_enter() -> None:
    """It would not be told apart."""
    given(flow(pause_for(HOUR), enter=Enter(key="cart"))).when(event("go")).then(
        fact(EntryRefused, reason="no_key")
    )


def test_enter_when_is_asked_and_says_what_it_asked() -> None:
    """The answers, never the values."""
    program = flow(pause_for(HOUR), enter=Enter(when=asks("attribute", "city", "equals", "Roma")))
    story = given(program).when(update(attributes={"city": "Milano"}), event("go"))
    story.then_some(fact(EntryRefused, reason="when", because={"attribute city equals": "false"}))
    story.when(update(attributes={"city": "Roma"}), event("go")).then_some(JourneyStarted)


def test_at_most_fifty_journeys_run() -> None:
    """The next is refused."""
    story = given(flow(pause_for(HOUR))).when(*(event("go") for _ in range(50)))
    story.when(event("go")).then(fact(EntryRefused, reason="limit"))
    assert len(story.state.journeys) == 50


def test_a_retired_flow_takes_no_entries() -> None:
    """Its triggers are silent; by hand it says why. Those inside finish; publishing it again opens it."""
    program = flow(pause_for(HOUR, 1), send("hello"))
    story = given(program).when(event("go"), retire("f"))
    story.when(event("go")).then(InputNoted)
    story.when(start("f")).then(fact(EntryRefused, reason="retired"))
    story.when(passes(HOUR)).then_some(fact(JourneyEnded, reason="completed"))
    story.when(publish(program), event("go")).then_some(fact(JourneyStarted, version=2))


def test_a_paused_flow_takes_no_entries() -> None:
    """And says so."""
    given(flow(pause_for(HOUR))).when(pause("f"), event("go")).then(fact(EntryRefused, reason="paused"))


def test_a_journey_stays_on_the_version_that_it_entered() -> None:
    """The next entry goes into the new one."""
    story = given(flow(pause_for(HOUR, 1), send("old"))).when(event("go"))
    story.when(publish(flow(pause_for(HOUR, 1), send("new"), content="2")), event("go"), passes(HOUR))
    assert [found.version for found in facts_of(story, JourneyStarted)] == [1, 2]
    assert [command.step for command in story.commands if command.version] == ["old", "new"]


def test_last_entries_are_bounded() -> None:
    """The oldest of a key falls off first: it may be entered again."""
    keyed = flow(send("a"), enter=Enter(again="never", key="k"), name="keyed")
    plain = flow(send("b"), enter=Enter(again="never"), name="plain")
    story = given(keyed, plain).when(event("go", k=0), *(event("go", k=number) for number in range(1, 201)))
    assert len(story.state.entries) == 200
    assert "plain" in story.state.entries
    story.when(event("go", k=0)).then_some(
        fact(JourneyStarted, flow="keyed"), fact(EntryRefused, flow="plain")
    )


def test_a_flow_without_steps_ends_as_it_starts() -> None:
    """Nothing to do is done."""
    given(flow()).when(event("go")).then(JourneyStarted, fact(JourneyEnded, reason="completed"))
