"""Checks of the ways through a flow."""

from collections.abc import Iterator

from streams.flows.graph import before, following, reached, through
from streams.flows.model import (
    Asked,
    Assign,
    Branching,
    Close,
    Cond,
    Respond,
    Sending,
    Setting,
    Splitting,
    Step,
    Tagging,
    Untagging,
    Waiting,
    WaitingFor,
)
from streams.flows.review import Remark, Reviewed, check
from streams.flows.walk import asked, conditions_of, steps_of

__all__: list[str] = []


def _asks(reviewed: Reviewed, earlier: dict[str, set[str]]) -> Iterator[tuple[str, set[str], Asked]]:
    """Each `responded`: where it is asked, and the steps that a journey may have been at by then."""
    within: set[int] = set()
    for step in steps_of(reviewed.flow.steps):
        if isinstance(step, Branching):
            for way in step.ways:
                within.add(id(way.when))
                yield from ((step.id, earlier[step.id], each) for each in _responded(way.when))
    for condition in conditions_of(reviewed.flow):
        if id(condition) not in within:
            # Entries and exits are asked of what happens, not of a journey.
            yield from (("this rule", set(), each) for each in _responded(condition))


def _responded(condition: Cond) -> Iterator[Asked]:
    return (each for each in asked(condition) if each.subject == "responded")


@check(
    "ATT121",
    "error",
    bad="steps: [end, {send: {channel: whatsapp, text: Ciao}}]",
    good="steps: [{send: {channel: whatsapp, text: Ciao}}, end]",
)
def unreachable(reviewed: Reviewed) -> Iterator[Remark]:
    """No journey can come to a step."""
    there = reached(reviewed.flow)
    came_from: set[str] = set()
    for step in steps_of(reviewed.flow.steps):
        if step.id not in there:
            if step.id not in came_from:  # one remark for what follows from one cause
                yield Remark(
                    step, "", f"no journey comes to {step.id}", "Take it out, or move it before the `end`"
                )
            came_from |= {step.id, *following(reviewed.flow)[step.id]}


@check(
    "ATT122",
    "warning",
    bad="steps: [{send: {channel: whatsapp, text: Ciao}}, {customer_response: {within: 1h}}]",
    good="steps: [{send: {channel: whatsapp, text: Ciao}}, {customer_response: {within: 1h, no_response: "
    "[{send: {channel: whatsapp, text: Ci sei?}}]}}]",
)
def same_way_either_way(reviewed: Reviewed) -> Iterator[Remark]:
    """A wait for an answer goes the same way with one and without, and nothing asks later which it was."""
    names = {each.name for condition in conditions_of(reviewed.flow) for each in _responded(condition)}
    for step in steps_of(reviewed.flow.steps):
        unasked = not names & {step.id, "last"}
        if isinstance(step, Respond) and not step.on_response and not step.no_response and unasked:
            yield Remark(
                step,
                "customer_response",
                f"{step.id} goes on the same way whether the customer answers or not",
                "Add `no_response:` (what to do in silence) or `on_response:`, or ask `responded` later; "
                "leave it so only to measure",
            )


@check(
    "ATT123",
    "error",
    bad="steps: [{send: {channel: whatsapp, text: Ciao}}, {id: wait, customer_response: {within: 1h}}, "
    "{if: {responded: nudge}, then: [end], else: [close_conversation]}]",
    good="steps: [{send: {channel: whatsapp, text: Ciao}}, {id: wait, customer_response: {within: 1h}}, "
    "{if: {responded: wait}, then: [end], else: [close_conversation]}]",
)
def unknown_step(reviewed: Reviewed) -> Iterator[Remark]:
    """A condition asks about the answer to a step that waits for none, or is not there."""
    waits = {step.id for step in steps_of(reviewed.flow.steps) if isinstance(step, Respond)}
    for condition in conditions_of(reviewed.flow):
        for each in asked(condition):
            if each.subject == "responded" and each.name not in {*waits, "last"}:
                there = ", ".join(sorted(waits)) or "none"
                yield Remark(
                    each,
                    "responded",
                    f"no customer_response step has the id {each.name}",
                    f"Name one of: {there}; or `last`",
                )


@check(
    "ATT124",
    "error",
    bad="steps: [{if: {responded: wait}, then: [end]}, {send: {channel: whatsapp, text: Ciao}}, "
    "{id: wait, customer_response: {within: 1h, on_response: end}}, close_conversation]",
    good="steps: [{send: {channel: whatsapp, text: Ciao}}, {id: wait, customer_response: {within: 1h}}, "
    "{if: {responded: wait}, then: [end]}, close_conversation]",
)
def asked_too_early(reviewed: Reviewed) -> Iterator[Remark]:
    """A condition asks about an answer before any journey can have waited for it."""
    earlier = before(reviewed.flow)
    waits = {step.id for step in steps_of(reviewed.flow.steps) if isinstance(step, Respond)}
    for where, been, each in _asks(reviewed, earlier):
        wanted = waits if each.name == "last" else waits & {each.name}
        if (wanted or each.name == "last") and not wanted & been:
            yield Remark(
                each,
                "responded",
                f"no journey has waited for {each.name} when it comes to {where}: this is always false",
                "Move the condition behind the customer_response step",
            )


@check(
    "ATT125",
    "error",
    allowable=False,
    bad="steps: [{id: a, send: {channel: whatsapp, text: Ciao}}, "
    "{customer_response: {within: 1h, prompt: b, on_response: end}}, close_conversation]",
    good="steps: [{id: a, send: {channel: whatsapp, text: Ciao}}, "
    "{customer_response: {within: 1h, prompt: a, on_response: end}}, close_conversation]",
)
def unknown_prompt(reviewed: Reviewed) -> Iterator[Remark]:
    """A wait names a prompt that is no send of the flow."""
    sends = {step.id for step in steps_of(reviewed.flow.steps) if isinstance(step, Sending)}
    for step in steps_of(reviewed.flow.steps):
        if isinstance(step, Respond) and step.prompt is not None and step.prompt not in {*sends, "none"}:
            there = ", ".join(sorted(sends)) or "none"
            yield Remark(
                step, "prompt", f"{step.prompt} is no send of this flow", f"Name one of: {there}; or `none`"
            )


@check(
    "ATT126",
    "warning",
    bad="steps: [{wait: 1h}]",
    good="steps: [{wait: 1h}, {send: {channel: whatsapp, text: Ciao}}]",
)
def does_nothing(reviewed: Reviewed) -> Iterator[Remark]:
    """A flow neither sends, nor closes, nor waits for an answer, nor changes what is known of the contact."""
    there = reached(reviewed.flow)
    does = (Sending, Close, Assign, Respond, Tagging, Untagging, Setting)
    if not any(isinstance(step, does) for step in steps_of(reviewed.flow.steps) if step.id in there):
        yield Remark(
            reviewed.flow,
            "steps",
            "journeys of this flow do nothing that anybody sees",
            "Add a send or a close",
        )


@check(
    "ATT127",
    "warning",
    bad="steps: [{send: {channel: whatsapp, text: Ciao}}]",
    good="steps: [{id: hello, send: {channel: whatsapp, text: Ciao}}]",
)
def derived_id(reviewed: Reviewed) -> Iterator[Remark]:
    """A step that journeys and reports go by has an id that changes when steps are added before it."""
    for step in steps_of(reviewed.flow.steps):
        if step.id in reviewed.file.derived and isinstance(
            step, Sending | Respond | Waiting | WaitingFor | Splitting
        ):
            yield Remark(
                step,
                "",
                f"this step is called {step.id} after its place among the others",
                "Give it an `id`: journeys under way and reports go by it",
            )


@check(
    "ATT128",
    "warning",
    bad="steps: [{send: {channel: whatsapp, text: A}}, {wait: 1h}, {customer_response: {within: 1h, "
    "prompt: none, "
    "on_response: end}}, close_conversation]\ntrigger: {event: a}",
    good="steps: [{send: {channel: whatsapp, text: A}}, {customer_response: {within: 1h, on_response: end}}, "
    "close_conversation]\ntrigger: {event: a}",
)
def answer_to_nothing(reviewed: Reviewed) -> Iterator[Remark]:
    """A wait without a prompt stands where a journey may have no conversation to be answered on."""
    flow = reviewed.flow
    if all(match.kind in {"message", "agent_message", "conversation"} for match in flow.trigger):
        return

    def prompts(step: Step) -> bool:
        return isinstance(step, Sending)

    first = {step.id for step in through(flow, prompts)}
    for step in steps_of(flow.steps):
        without = step.id in first and isinstance(step, Respond) and step.prompt is None
        if isinstance(step, Respond) and (without or step.prompt == "none") and not step.any_channel:
            yield Remark(
                step,
                "prompt" if step.prompt else "customer_response",
                f"{step.id} waits on no message, and not every trigger brings a conversation",
                "Send something before it, or take `any_channel: true`",
            )
