"""The send step: commanded, postponed, held, or not made. Each of these is a fact with its reason."""

from typing import Any

import msgspec

from schemas.types.facts import (
    JourneyHeld,
    MessageNoted,
    PromptSent,
    SendCommanded,
    SendPostponed,
    SendSuppressed,
    TimerSet,
)
from streams.core import policies as rules
from streams.core.consent import denial
from streams.core.draft import Draft
from streams.core.ids import derived
from streams.core.program import Policies, Send
from streams.core.state import ContactState, Journey, Sent
from streams.core.zones import DAY, is_zone

__all__ = ["accept", "named_zone", "postpone", "send"]


class _Sending(msgspec.Struct, frozen=True):
    """A send that is being decided."""

    journey: Journey
    step: Send
    policies: Policies
    visit: int
    meant_at: int
    """The moment at which it should be made: later than this it is late."""


def send(  # noqa: PLR0911 - one way of not sending a return
    draft: Draft, journey: Journey, step: Send, *, visit: int, meant_at: int
) -> int | None:
    """Decides a send; the index of the next step, or None if the journey stands here."""
    published = draft.published(journey)
    sending = _Sending(journey, step, published.policies[published.index[step.id]], visit, meant_at)
    channel, refused = _channel(draft, sending)
    if journey.held_out:
        return _suppress(draft, sending, channel, "hold_out", {})
    if (reason := _stopped(draft, journey, channel)) is not None:
        draft.emit(JourneyHeld(**draft.at(journey, step.id, visit), reason=reason))
        return None
    limit = rules.late_limit(sending.policies, meant_at)
    if limit is not None and draft.now > limit:
        late = {"lateness_ms": str(draft.now - meant_at), "skip_after_ms": str(limit - meant_at)}
        return _suppress(draft, sending, channel, "late", late)
    if channel is None or refused is not None:
        return _suppress(draft, sending, channel, refused or "no_channel", {})
    quiet = rules.quiet_rule(sending.policies)
    if quiet is not None:
        hours, then = quiet
        zone = named_zone(draft, hours.zone)
        end = rules.quiet_until(hours, zone, draft.now)
        if end is not None:
            because = {"zone": zone, "quiet_until": str(end)}
            if then == "skip":
                return _suppress(draft, sending, channel, "quiet_hours", because)
            until = rules.spread_over(hours, end, journey.id, step.id, visit)
            postpone(
                draft, journey, step, visit, sending.policies.purpose, channel, until, "quiet_hours", because
            )
            return None
    full = rules.full_cap(
        draft.state, sending.policies, draft.settings.policies, journey.flow, channel, draft.now
    )
    if full is not None:
        return _suppress(draft, sending, channel, "cap", full)
    return _command(draft, sending, channel)


def _stopped(draft: Draft, journey: Journey, channel: str | None) -> str | None:
    """Why nothing of this flow leaves just now; None if it does."""
    flow = draft.registry.flows[draft.workspace, journey.flow]
    if flow.paused:
        return "paused"
    return "stopped" if draft.registry.stopped(draft.workspace, journey.flow, channel) else None


def _channel(draft: Draft, sending: _Sending) -> tuple[str | None, str | None]:
    """The first channel by which it may go, or the first that there is and why it may not go by that."""
    own = sending.journey.last_channel or sending.journey.channel
    candidates = sending.step.channels or ((own,) if own is not None else ())
    first: tuple[str | None, str | None] = (None, None)
    for name in candidates:
        settings = draft.settings.channel(name)
        if settings is None:
            continue
        refused = denial(draft.state, draft.settings, sending.policies.purpose, name)
        if refused is None and dict(settings.options).get("address") == "required":
            refused = None if name in draft.state.addresses else "no_address"
        if refused is None:
            return name, None
        first = first if first[0] is not None else (name, refused)
    return first


def _suppress(
    draft: Draft, sending: _Sending, channel: str | None, reason: str, because: dict[str, str]
) -> int:
    """The send is not made; the journey goes on."""
    draft.emit(
        SendSuppressed(
            **draft.at(sending.journey, sending.step.id, sending.visit),
            channel=channel,
            template=sending.step.template,
            purpose=sending.policies.purpose,
            reason=reason,
            because=because,
        )
    )
    return sending.step.next


def postpone(
    draft: Draft,
    journey: Journey,
    step: Send,
    visit: int,
    purpose: str,
    channel: str,
    until: int,
    reason: str,
    because: dict[str, str],
) -> None:
    """The send is decided anew at `until`; the journey stands before it."""
    draft.emit(
        SendPostponed(
            **draft.at(journey, step.id, visit),
            channel=channel,
            template=step.template,
            purpose=purpose,
            until=until,
            reason=reason,
            because=because,
        )
    )
    draft.emit(TimerSet(**draft.at(journey, step.id, visit), kind="send", due=until))


def named_zone(draft: Draft, zone: str) -> str:
    """The zone that a flow names: the contact's, the business's, or that of the name."""
    match zone:
        case "contact":
            return draft.zone
        case "business":
            return draft.settings.zone
        case _:
            return zone if is_zone(zone) else draft.settings.zone


def _command(draft: Draft, sending: _Sending, channel: str) -> int:
    journey, step, policies = sending.journey, sending.step, sending.policies
    not_after, bound = _not_after(draft, sending, channel)
    command = derived(journey.id, step.id, sending.visit, "send")
    draft.emit(
        SendCommanded(
            **draft.at(journey, step.id, sending.visit),
            command=command,
            channel=channel,
            template=step.template,
            purpose=policies.purpose,
            conversation=_conversation(draft.state, journey, channel),
            language=draft.language,
            not_before=draft.now,
            not_after=not_after,
            counted_ms=rules.counted_ms(policies, draft.settings.policies, journey.flow, channel),
            because={"not_after": bound},
        )
    )
    if draft.registry.history:
        accept(draft, draft.state.sends[command], draft.now, provider_id=None, assumed=True)
    return step.next


def _not_after(draft: Draft, sending: _Sending, channel: str) -> tuple[int, str]:
    """Until when the dispatcher may send it, and what says so: late, quiet_hours, window or kept."""
    bounds = [(draft.now + rules.FOREVER_MS, "kept")]
    limit = rules.late_limit(sending.policies, sending.meant_at)
    if limit is not None:
        bounds.append((limit, "late"))
    quiet = rules.quiet_rule(sending.policies)
    if quiet is not None:
        start = rules.next_quiet(quiet[0], named_zone(draft, quiet[0].zone), draft.now)
        if start is not None:
            bounds.append((start, "quiet_hours"))
    last = draft.state.last_in.get(channel)
    is_text = sending.step.template == sending.step.id
    if channel == "whatsapp" and is_text and last is not None and last.said_at + DAY > draft.now:
        bounds.append((last.said_at + DAY, "window"))
    return min(bounds)


def _conversation(state: ContactState, journey: Journey, channel: str) -> str | None:
    """The thread that the message goes into: the trigger's, else the channel's open one."""
    if channel == journey.channel and journey.conversation is not None:
        return journey.conversation
    known = state.conversations.get(channel)
    return known.id if known is not None and known.open else None


def accept(draft: Draft, sent: Sent, accepted_at: int, *, provider_id: str | None, assumed: bool) -> None:
    """A channel took the message: it has left, and it is a message out."""
    about: dict[str, Any] = {
        "flow": sent.flow,
        "version": sent.version,
        "journey": sent.journey,
        "step": sent.step,
        "template": sent.template,
        "purpose": sent.purpose,
    }
    draft.emit(
        PromptSent(
            **draft.head(),
            **about,
            visit=sent.visit,
            command=sent.command,
            channel=sent.channel,
            conversation=sent.conversation,
            commanded_at=sent.commanded_at,
            provider_id=provider_id,
            accepted_at=accepted_at,
            assumed=assumed,
        )
    )
    channel = draft.settings.channel(sent.channel)
    draft.emit(
        MessageNoted(
            **draft.head(),
            **about,
            direction="out",
            message=provider_id or sent.command,
            channel=sent.channel,
            conversation=sent.conversation,
            author="automation",
            threaded=channel is not None and channel.threaded,
            occurred_at=accepted_at,
            said_at=accepted_at,
        )
    )
