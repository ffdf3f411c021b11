"""Checks of channels."""

from collections.abc import Iterator
from difflib import get_close_matches

from streams.flows.graph import through
from streams.flows.model import Asked, Close, Sending, Step
from streams.flows.review import Remark, Reviewed, check
from streams.flows.walk import asked, conditions_of, steps_of

__all__: list[str] = []

TALKS = ("message", "agent_message", "conversation")
"""Triggers that have a conversation, and so a channel."""


def _named(reviewed: Reviewed) -> Iterator[tuple[object, str, str]]:
    """Each part of the flow that names a channel: the part, its field, the channel."""
    flow = reviewed.flow
    if flow.channel is not None:
        yield flow, "channel", flow.channel
    for match in (*flow.trigger, *flow.exit_on):
        yield from ((match, "channel", channel) for channel in match.channel)
    for step in steps_of(flow.steps):
        if isinstance(step, Sending):
            yield from ((step, "channel", channel) for channel in step.channel)
    for condition in conditions_of(flow):
        yield from ((each, "channel", each.name) for each in asked(condition) if each.subject == "channel")
    for policies in (flow.policies, *(step.policies for step in steps_of(flow.steps))):
        if policies is not None:
            yield from (
                (cap, "channel", cap.channel) for cap in policies.cap or () if cap.channel is not None
            )


@check(
    "ATT111",
    "error",
    bad="steps: [{send: {channel: whatsap, text: Ciao}}]",
    good="steps: [{send: {channel: whatsapp, text: Ciao}}]",
)
def unknown_channel(reviewed: Reviewed) -> Iterator[Remark]:
    """A channel is none of the workspace's."""
    if reviewed.workspace is None:
        return
    known = sorted(reviewed.workspace.channels)
    for part, field, channel in _named(reviewed):
        if channel not in known:
            near = get_close_matches(channel, known, n=1)
            advice = (
                f"Did you mean {near[0]}?" if near else f"It has {', '.join(known)}; add it under `channels:`"
            )
            yield Remark(part, field, f"the workspace has no channel {channel}", advice)


@check(
    "ATT112",
    "error",
    bad="trigger: {event: order.completed}\nsteps: [{send: {text: Grazie}}]",
    good="trigger: {event: order.completed}\nchannel: whatsapp\nsteps: [{send: {text: Grazie}}]",
)
def no_channel(reviewed: Reviewed) -> Iterator[Remark]:
    """A send has no channel: none of its own, none of the flow, and no conversation before it."""
    flow = reviewed.flow
    if flow.channel is not None or all(match.kind in TALKS for match in flow.trigger):
        return

    def settles(step: Step) -> bool:
        return isinstance(step, Sending) and bool(step.channel)

    for step in through(flow, settles):
        if isinstance(step, Sending) and not step.channel:
            yield Remark(
                step,
                "send",
                f"no channel is known for {step.id}: not every trigger brings a conversation",
                "Add `channel:` to the send or to the flow",
            )


@check(
    "ATT113",
    "warning",
    bad="trigger: {event: order.completed}\nsteps: [close_conversation]",
    good="trigger: {message: any}\nsteps: [close_conversation]",
)
def nothing_to_close(reviewed: Reviewed) -> Iterator[Remark]:
    """A conversation is closed where a journey may have none."""
    flow = reviewed.flow
    if all(match.kind in TALKS for match in flow.trigger):
        return
    for step in through(flow, lambda step: isinstance(step, Sending)):
        if isinstance(step, Close):
            yield Remark(
                step,
                "",
                f"{step.id} may find no conversation: not every trigger brings one, and nothing was sent yet",
                "Send something before, or start the flow from a message",
            )


@check(
    "ATT114",
    "warning",
    bad="trigger: {message: any, channel: whatsapp}\nsteps: [{if: {channel: sms}, then: [{wait: 1h}], "
    "else: end}]",
    good="trigger: {message: any}\nsteps: [{if: {channel: sms}, then: [{wait: 1h}], else: end}]",
)
def channel_never(reviewed: Reviewed) -> Iterator[Remark]:
    """A condition asks for a channel that neither a trigger nor a send can bring."""
    flow = reviewed.flow
    if not all(match.channel for match in flow.trigger):
        return
    possible = {channel for match in flow.trigger for channel in match.channel} | {flow.channel}
    for step in steps_of(flow.steps):
        possible |= set(step.channel) if isinstance(step, Sending) else set()
    for condition in conditions_of(flow):
        for each in asked(condition):
            if each.subject == "channel" and each.name not in possible:
                yield _never(each)


def _never(each: Asked) -> Remark:
    return Remark(
        each, "", f"no journey of this flow is on {each.name}", "Take the condition out, or add the channel"
    )
