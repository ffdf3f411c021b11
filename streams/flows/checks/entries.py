"""Checks of what starts a journey and what ends it early."""

from collections.abc import Iterator

from streams.flows.graph import through
from streams.flows.model import Respond, Sending
from streams.flows.review import Remark, Reviewed, check
from streams.flows.walk import asked

__all__: list[str] = []


@check(
    "ATT131",
    "warning",
    bad="trigger: {message: any}\nsteps: [{customer_response: {within: 1h, on_response: end}}, "
    "close_conversation]",
    good="trigger: {agent_message: any}\nsteps: [{customer_response: {within: 1h, on_response: end}}, "
    "close_conversation]",
)
def waits_for_who_waits_for_us(reviewed: Reviewed) -> Iterator[Remark]:
    """A flow started by the customer's message waits for the customer, who may be waiting for an answer."""
    messages = [match for match in reviewed.flow.trigger if match.kind == "message"]
    if not messages:
        return
    for step in through(reviewed.flow, lambda step: isinstance(step, Sending)):
        if isinstance(step, Respond):
            yield Remark(
                messages[0],
                "message",
                f"{step.id} waits for a customer who has just written and may be waiting for us",
                "Start on `agent_message: any`, so that only who was answered is asked again",
            )
            return


@check(
    "ATT132",
    "warning",
    bad="trigger: {event: order.completed, same: order_id}",
    good="trigger: {event: order.completed}\nexit_on: [{event: order.refunded, same: order_id}]",
)
def same_as_itself(reviewed: Reviewed) -> Iterator[Remark]:
    """A trigger compares itself with itself: `same` is for exit rules."""
    for match in reviewed.flow.trigger:
        if match.same:
            yield Remark(
                match, "same", "`same` on a trigger is always true", "Take it out, or move it to `exit_on`"
            )


@check(
    "ATT133",
    "error",
    bad="trigger: {message: any}\nenter: {key: order_id}",
    good="trigger: {event: order.completed}\nenter: {key: order_id}\nchannel: whatsapp",
)
def key_of_no_event(reviewed: Reviewed) -> Iterator[Remark]:
    """A journey is to be told apart by a property, and no trigger is an event that has properties."""
    enter = reviewed.flow.enter
    if (
        enter is not None
        and enter.key
        and not any(m.kind in {"event", "manual"} for m in reviewed.flow.trigger)
    ):
        yield Remark(
            enter, "key", f"no trigger has a property {enter.key}", "Take `key` out, or start on an event"
        )


@check(
    "ATT134",
    "warning",
    bad="trigger: {message: any}\nenter: {again: always}",
    good="trigger: {message: any}\nenter: {again: after_exit}",
)
def a_journey_a_message(reviewed: Reviewed) -> Iterator[Remark]:
    """Every single message starts a journey of its own beside those that are running."""
    enter = reviewed.flow.enter
    every = [m for m in reviewed.flow.trigger if m.kind in {"message", "agent_message"} and m.name == "any"]
    every = [m for m in every if not m.keyword and m.pattern is None]
    if every and enter is not None and enter.again is not None and enter.again.rule == "always":
        yield Remark(
            enter,
            "again",
            "each message starts one more journey of this contact (50 may run at once)",
            "Take `after_exit`, or `{after: <span>}`",
        )


@check(
    "ATT135",
    "error",
    bad="trigger: {message: any, where: {property: text, equals: ciao}}",
    good="trigger: {event: greeting, where: {property: text, equals: ciao}}\nchannel: whatsapp",
)
def property_of_no_event(reviewed: Reviewed) -> Iterator[Remark]:
    """A `where` asks for a property of something that has none: only events have them."""
    for match in (*reviewed.flow.trigger, *reviewed.flow.exit_on):
        if match.kind != "event":
            for each in asked(match.where):
                if each.subject == "property":
                    yield Remark(
                        each,
                        "property",
                        f"a {match.kind.replace('_', ' ')} has no property {each.name}: this is never true",
                        "Ask `attribute` or `tag`, or match an `event`",
                    )


@check(
    "ATT136",
    "error",
    bad="trigger: {message: any}\nexit_on: [{event: order.refunded, same: order_id}]",
    good="trigger: {event: order.completed}\nexit_on: [{event: order.refunded, same: "
    "order_id}]\nchannel: whatsapp",
)
def same_as_nothing(reviewed: Reviewed) -> Iterator[Remark]:
    """An exit rule compares with a property of the trigger, and no trigger is an event that has any."""
    if any(match.kind in {"event", "manual"} for match in reviewed.flow.trigger):
        return
    for match in reviewed.flow.exit_on:
        if match.same:
            yield Remark(
                match, "same", "no trigger has properties: this exit is never taken", "Take `same` out"
            )


@check(
    "ATT137",
    "warning",
    bad="trigger: {event: order.completed}\nchannel: whatsapp\nexit_on: [{event: order.completed}]",
    good="trigger: {event: order.completed}\nchannel: whatsapp\nexit_on: [{event: order.refunded}]",
)
def exits_as_it_enters(reviewed: Reviewed) -> Iterator[Remark]:
    """What starts a journey also ends it: a second one of the same ends the first."""
    for match in reviewed.flow.exit_on:
        if match in reviewed.flow.trigger:
            yield Remark(
                match, "", "this exit is a trigger too", "Take it out, or narrow it with `where` or `same`"
            )
