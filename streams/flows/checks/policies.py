"""Checks of policies."""

from collections.abc import Iterator

from streams.flows.definition import sending
from streams.flows.model import PolicyRules, Sending
from streams.flows.review import Remark, Reviewed, check
from streams.flows.walk import steps_of

__all__: list[str] = []


def _purpose(reviewed: Reviewed, send: Sending) -> str:
    """A send's purpose: its own, its policies', the flow's, the workspace's."""
    workspace = reviewed.workspace.policies if reviewed.workspace else None
    stated = (
        send.purpose,
        *(level.purpose for level in (send.policies, reviewed.flow.policies, workspace) if level),
    )
    return next((purpose for purpose in stated if purpose), "service")


@check(
    "ATT141",
    "warning",
    bad="steps: [{id: w, wait: 1h, policies: {priority: 9}}, {send: {channel: whatsapp, text: Ciao}}]",
    good="steps: [{id: w, wait: 1h}, {send: {channel: whatsapp, text: Ciao}, policies: {priority: 9}}]",
)
def policies_of_no_send(reviewed: Reviewed) -> Iterator[Remark]:
    """Policies stand beside a step that sends nothing."""
    for step in steps_of(reviewed.flow.steps):
        if step.policies is not None and not isinstance(step, Sending):
            yield Remark(
                step, "policies", f"{step.id} sends nothing: its policies do nothing", "Move them to a send"
            )


@check(
    "ATT142",
    "warning",
    bad="policies: {purpose: urgent, quiet_hours: 21:00-08:00}",
    good="policies: {purpose: service, quiet_hours: 21:00-08:00}",
)
def urgent_and_held(reviewed: Reviewed) -> Iterator[Remark]:
    """Quiet hours or caps are stated for urgent messages, which ignore them."""
    levels: list[PolicyRules | None] = [reviewed.flow.policies]
    levels += [step.policies for step in steps_of(reviewed.flow.steps)]
    for policies in levels:
        if policies is not None and policies.purpose == "urgent":
            quiet = policies.quiet_hours is not None and policies.quiet_hours.hours is not None
            field = "quiet_hours" if quiet else "cap" if policies.cap else None
            if field:
                yield Remark(
                    policies,
                    field,
                    f"urgent messages ignore `{field}`",
                    "Take it out, or take `purpose: service`",
                )


@check(
    "ATT143",
    "warning",
    bad="policies: {purpose: marketing}\nsteps: [{send: {channel: whatsapp, text: Sconti}}]",
    good="policies: {purpose: marketing, quiet_hours: 21:00-08:00}\nsteps: [{send: {channel: whatsapp, "
    "text: Sconti}}]",
)
def marketing_at_night(reviewed: Reviewed) -> Iterator[Remark]:
    """A marketing message may go out at night: no quiet hours hold for it."""
    if reviewed.workspace is None:
        return
    for send in sending(reviewed.flow.steps):
        levels = (send.policies, reviewed.flow.policies, reviewed.workspace.policies)
        if _purpose(reviewed, send) == "marketing" and not any(
            level and level.quiet_hours for level in levels
        ):
            yield Remark(
                send,
                "send",
                f"{send.id} is marketing and may go out at any hour",
                "Add `quiet_hours: 21:00-08:00` to the flow's or the workspace's policies, or `off`",
            )


@check(
    "ATT144",
    "warning",
    bad="policies: {late: {skip_after: 1h}, quiet_hours: 21:00-08:00}",
    good="policies: {late: {skip_after: 12h}, quiet_hours: 21:00-08:00}",
)
def late_before_morning(reviewed: Reviewed) -> Iterator[Remark]:
    """A send counts as late sooner than the quiet hours that it may have to wait for are over."""
    levels = [reviewed.flow.policies, *(step.policies for step in steps_of(reviewed.flow.steps))]
    for policies in levels:
        if policies is None or policies.late is None or policies.late.skip_after is None:
            continue
        quiet = policies.quiet_hours
        if quiet is not None and quiet.hours is not None and quiet.then == "postpone":
            start, end = quiet.hours
            night = ((end - start) % 1_440) * 60_000
            if policies.late.skip_after < night:
                yield Remark(
                    policies,
                    "late",
                    "what is postponed by the quiet hours can be late, and skipped, before they end",
                    "Make `skip_after` longer than the quiet hours, or take `then: skip` to say so",
                )


@check(
    "ATT145",
    "warning",
    bad="policies: {cap: {messages: 5, per: 7d, channel: sms}}\nchannel: whatsapp",
    good="policies: {cap: {messages: 5, per: 7d, channel: whatsapp}}\nchannel: whatsapp",
)
def cap_of_nothing(reviewed: Reviewed) -> Iterator[Remark]:
    """A flow's cap is for a channel that it sends nothing on."""
    flow = reviewed.flow
    sends = sending(flow.steps)
    if flow.policies is None or not all(send.channel or flow.channel for send in sends):
        return
    used = {channel for send in sends for channel in send.channel or (flow.channel,)}
    for cap in flow.policies.cap or ():
        if cap.channel is not None and cap.channel not in used:
            yield Remark(
                cap,
                "channel",
                f"this flow sends nothing on {cap.channel}",
                "Mend the channel, or take it out",
            )
