"""Trying flows: the same core, a clock that jumps, and every way enumerated."""

import msgspec
import pytest

from schemas.types import facts
from schemas.types.commands import SendMessage
from streams.core.memory import fold_partition
from streams.core.testing import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    START,
    consent,
    event,
    given,
    message,
    passes,
    update,
)
from streams.flows.compile import compile_definition, compile_workspace
from streams.flows.definition import definition, read_definition, workspace_definition
from streams.flows.files import LIBRARY, lint, read_workspace_file, ready_flows, stand_in
from streams.flows.paths import paths
from streams.flows.simulate import LONGEST_MS, Run, SimulationError, simulate, trigger_act
from streams.flows.timeline import timeline
from streams.flows.trial import (
    ContactWrites,
    ConversationIs,
    EventHappens,
    Known,
    KnownChanges,
    ReceiptComes,
    StartedByHand,
    Timed,
    Trial,
)
from tests.flows.sources import WORKSPACE, flow_file, whole

LIBRARY_WORKSPACE = read_workspace_file(LIBRARY / "workspace.yaml")[0]
ROME = Known(zone="Europe/Rome", language="it")


def run_of(part: str, *acts: tuple[int, object], contact: Known = ROME) -> Run:
    """A trial of a flow that says `part`."""
    timed = tuple(Timed(at, act) for at, act in acts)  # type: ignore[arg-type] # acts, all of them
    return simulate(definition(flow_file(part).flow), WORKSPACE, Trial(START, contact, timed))


def told(run: Run) -> list[tuple[int, str]]:
    """Moments since the beginning and words."""
    return [(line.since, line.what) for line in timeline(run)]


def test_a_week_with_a_clock() -> None:
    """Deadlines fire at their moments, also those that come of others; nothing waits for anybody."""
    run = run_of(
        "trigger: {event: a}\nsteps: [{id: w, wait: 6d}, {id: s, send: {channel: sms, text: Ciao}}, "
        "{id: r, customer_response: {within: 12h}}]",
        (0, EventHappens(name="a")),
    )
    assert told(run) == [
        (0, "event a"),
        (0, "the journey starts"),
        (0, "w waits until Sun 2026-03-08 11:00:00"),
        (6 * DAY, "s is sent on sms"),
        (6 * DAY, "r waits for the answer, until Sun 2026-03-08 23:00:00"),
        (6 * DAY + 12 * HOUR + 10 * SECOND, "r has no answer in 12 h"),
        (6 * DAY + 12 * HOUR + 10 * SECOND, "the journey ends: completed"),
    ]
    assert run.cut is False


def test_the_facts_are_the_cores_own() -> None:
    """The log of a trial, folded as a history, gives the same facts, ids and all."""
    text = lint(ready_flows()["verify-purchase"] / "flow.yaml", LIBRARY_WORKSPACE).publishable({})[1]
    bought = EventHappens(name="order.completed", properties={"product": "espresso-x"})
    run = simulate(text, LIBRARY_WORKSPACE, Trial(START, ROME, (Timed(0, bought),)))
    decisions = fold_partition(run.log, run.flows, engine="simulation")
    assert [fact for each in decisions if each.contact for fact in each.facts] == run.facts
    assert any(isinstance(fact, facts.SendPostponed) for fact in run.facts)


def test_a_trial_is_what_a_story_is() -> None:
    """The helper for specs and the simulation come to the same kinds of facts for a contact's day."""
    text = lint(ready_flows()["abandoned-cart"] / "flow.yaml", LIBRARY_WORKSPACE).publishable({})[1]
    settings = msgspec.structs.replace(
        compile_workspace(workspace_definition(LIBRARY_WORKSPACE)), delivery="assumed"
    )
    story = given(compile_definition("acme", text), settings=settings)
    story.when(consent("marketing", granted=True), update(language="it", zone="Europe/Rome"))
    story.when(event("cart.item_added", cart_id="k"), passes(DAY), message("grazie", channel="email"))
    run = simulate(
        text,
        LIBRARY_WORKSPACE,
        Trial(
            START,
            msgspec.structs.replace(ROME, consent={"marketing": True}),
            (
                Timed(0, EventHappens(name="cart.item_added", properties={"cart_id": "k"})),
                Timed(DAY, ContactWrites(text="grazie")),
            ),
        ),
    )
    assert [type(fact) for fact in run.facts] == [type(fact) for fact in story.all_facts]
    assert [each.template for each in story.commands if isinstance(each, SendMessage)] == ["carrello"]


def test_messages_are_rendered_in_the_contacts_language() -> None:
    """What the contact reads stands beside the send, its subject too."""
    part = (
        "trigger: manual\nsteps: [{id: s, send: {channel: email, subject: 'A {{ contact.name }}', "
        "text: {it: 'Ciao {{ contact.name }}', en: 'Hi {{ contact.name }}'}}}]"
    )
    anna = msgspec.structs.replace(ROME, language="en", attributes={"name": "Anna"})
    (sent,) = [line for line in timeline(run_of(part, (0, StartedByHand()), contact=anna)) if line.text]
    assert sent.text == "[A Anna] Hi Anna"
    nobody = timeline(run_of(part, (0, StartedByHand())))
    (problem,) = [line.what for line in nobody if line.kind == "problem"]
    assert problem.startswith("s is sent on email, but its text cannot be made: ")
    assert "contact.name is undefined" in problem


def test_what_is_not_sent_says_why() -> None:
    """Quiet hours, caps, consent: the reason and its values stand on the line."""
    part = (
        "trigger: manual\n"
        "policies: {quiet_hours: {hours: 09:00-20:00, then: skip}, cap: {messages: 1, per: 1d}}\n"
        "steps: [{id: a, send: {channel: sms, text: a}}, {wait: 12h}, "
        "{id: b, send: {channel: sms, text: b}}, "
        "{id: c, send: {channel: sms, text: c}}, {id: d, send: {channel: sms, text: d, purpose: marketing}}]"
    )
    lines = timeline(run_of(part, (0, StartedByHand())))
    said = {line.step: line.what for line in lines if line.kind in {"sent", "not sent"}}
    assert said["a"].startswith(
        "a is not sent: quiet hours (zone Europe/Rome, quiet until Mon 2026-03-02 20:00:00)"
    )
    assert said["b"] == "b is sent on sms"
    assert said["c"].startswith("c is not sent: cap (cap 1 in 24 h, of flow")
    assert said["d"] == "d is not sent: no consent"


def test_receipts_and_conversations_and_changes_happen_too() -> None:
    """A failed delivery cancels its wait; a close is an exit; a tag is a trigger."""
    part = (
        "trigger: {tag_added: vip}\nexit_on: {conversation: closed}\n"
        "steps: [{id: s, send: {channel: sms, text: a}}, {id: r, customer_response: {within: 1h}}, "
        "{id: w, wait: 2d}]"
    )
    run = run_of(
        part,
        (0, KnownChanges(to=Known(tags=("vip",)))),
        (MINUTE, ReceiptComes(status="failed", of="s")),
        (HOUR, ConversationIs(what="closed")),
    )
    said = [what for _, what in told(run)]
    assert "r waits no longer: prompt failed" in said
    assert said[-1].startswith("the journey ends: exit")


def test_what_cannot_be_tried_is_said() -> None:
    """A receipt for nothing is an error; what the core refuses stands on the timeline."""
    with pytest.raises(SimulationError, match="nothing like it was sent"):
        run_of("trigger: manual", (0, ReceiptComes(status="read")))
    refused = run_of("trigger: manual", (0, ContactWrites(text="ciao", channel="pigeon")))
    assert [line.what for line in timeline(refused) if line.kind == "problem"] == ["refused: unknown_channel"]


def test_what_waits_for_ever_is_cut() -> None:
    """Two waits of two years: the second is not followed to its end."""
    run = run_of(
        "trigger: manual\nsteps: [{wait: 1000d}, {wait: 1000d}, {id: s, send: {channel: sms, text: a}}]",
        (0, StartedByHand()),
    )
    assert run.cut
    assert max(fact.at for fact in run.facts) <= START + LONGEST_MS


@pytest.mark.parametrize(
    "trigger",
    [
        "{event: a, where: {property: total, equals: 3}}",
        "{message: any}",
        "{message: first}",
        "{agent_message: any}",
        "{conversation: assigned}",
        "{tag_added: vip}",
        "{opted_out: marketing}",
        "manual",
        "{event: a}\nenter: {key: order}",
    ],
)
def test_every_trigger_can_be_made_to_happen(trigger: str) -> None:
    """With the properties that it asks for, so that a flow can be tried without knowing more of it."""
    made = read_definition(definition(flow_file(f"trigger: {trigger}").flow))
    act = trigger_act(made)
    assert act is not None
    assert any(
        isinstance(fact, facts.JourneyStarted) for fact in run_of(f"trigger: {trigger}", (0, act)).facts
    )


def test_a_flow_without_a_workspace_is_tried_on_a_stand_in() -> None:
    """It has every channel that the flow names, and speaks the messages' language."""
    linted = lint(ready_flows()["verify-purchase"] / "flow.yaml", None)
    workspace = stand_in(linted)
    assert {"whatsapp", "sms", "email"} <= set(workspace.channels)
    assert workspace.language == "en"


def test_every_way_with_its_time_and_messages() -> None:
    """The seed's flow: three ways; what is known is not asked again."""
    text = (ready_flows()["nudge-after-reply"] / "flow.yaml").read_text("utf-8")
    found = paths(flow_file(text).flow)
    assert [(path.messages, path.shortest, path.longest, path.ends) for path in found.paths] == [
        ((), 0, HOUR, "end"),
        (("nudge",), HOUR, 65 * MINUTE, "end"),
        (("nudge", "goodbye"), 65 * MINUTE, 65 * MINUTE, "completed"),
    ]
    assert (found.cut, found.most_messages, found.longest) == (False, 2, 65 * MINUTE)


def test_ways_do_not_contradict_themselves() -> None:
    """The same question asked twice has the same answer; `any`, `all` and `not` follow from it."""
    found = paths(
        flow_file(
            "steps:\n- if: {tag: vip}\n  then: [{id: a, send: {channel: sms, text: a}}]\n"
            "- if: {any: [{tag: vip}, {all: [{tag: vip}, {tag: x}]}]}\n"
            "  then: [{id: b, send: {channel: sms, text: b}}]\n"
            "- if: {not: {tag: vip}}\n  then: [{id: c, send: {channel: sms, text: c}}]\n"
            "  else: [{id: d, send: {channel: sms, text: d}}]"
        ).flow
    )
    assert [path.messages for path in found.paths] == [("a", "b", "d"), ("c",)]


def test_too_many_ways_are_cut_and_still_bounded() -> None:
    """2¹² ways: so many as are asked for, and the most messages of all of them."""
    step = "- {customer_response: {within: 1h, no_response: [{send: {channel: sms, text: a}}]}}"
    flow = flow_file("steps:\n" + "\n".join([step] * 12)).flow
    found = paths(flow, most=10)
    assert (len(found.paths), found.cut) == (10, True)
    assert (found.most_messages, found.longest) == (12, 12 * HOUR)
    whole_ = paths(flow, most=5000)
    assert (len(whole_.paths), whole_.cut, whole_.most_messages) == (4096, False, 12)


def test_a_thousand_steps_are_walked() -> None:
    """No recursion by length."""
    flow = flow_file(whole("steps:\n" + "\n".join(["- {wait: 1h}"] * 1000))).flow
    assert paths(flow).longest == 1000 * HOUR
