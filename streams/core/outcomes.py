"""What became of a command, and the receipts for it.

An outcome moves its journey only while that send is the journey's last: then a wait that stands on it is
closed, and the journey goes on, stands before the send, or sends it anew. A wait whose prompt has no outcome
when it may not be sent any more lapses: as if the dispatcher had said expired.
"""

import re

from schemas.types.facts import DeliveryNoted, InputNoted, JourneyHeld, SendFailed
from schemas.types.inputs import CommandOutcome, DeliveryReported
from streams.core import policies as rules
from streams.core.draft import Draft
from streams.core.ids import derived
from streams.core.journeys import advance, cancel_pending
from streams.core.program import CustomerResponse, QuietHours, Send
from streams.core.received import said_at
from streams.core.sends import accept, named_zone, postpone
from streams.core.state import Journey, Sent, Timer, Wait

__all__ = ["lapse", "outcome", "receipt"]

_CODE = re.compile(r"[a-z][a-z_]{0,63}")


def outcome(draft: Draft, record: CommandOutcome) -> None:
    """The dispatcher says what became of a command."""
    sent = draft.state.sends.get(record.command)
    if sent is None or sent.outcome is not None:
        reason = "unknown_command" if sent is None else "late_outcome"
        draft.emit(InputNoted(**draft.head(), record="CommandOutcome", reason=reason))
        return
    if record.outcome == "accepted":
        at = max(sent.commanded_at, said_at(record.occurred_at, draft.received.timestamp))
        accept(draft, sent, at, provider_id=record.provider_id, assumed=False)
        _go_on(draft, sent)
        return
    _fail(draft, sent, record)
    journey = draft.state.journeys.get(sent.journey)
    if journey is None or journey.last_command != sent.command or _stands_anew(journey, sent):
        return
    match record.outcome:
        case "expired" if _quiet(draft, sent, sent.not_after) is not None:
            _send_anew(draft, journey, sent, "expired")
        case "unknown" if _send_step(draft, sent).on_unknown == "resend":
            _send_anew(draft, journey, sent, "unknown")
        case "stopped" | "unknown":
            cancel_pending(draft, journey, f"prompt_{record.outcome}")
            standing = draft.at(journey, sent.step, sent.visit + 1)
            draft.emit(JourneyHeld(**standing, reason=record.outcome))
        case _:
            _unanswerable(draft, journey, sent.command, f"prompt_{record.outcome}")


def _stands_anew(journey: Journey, sent: Sent) -> bool:
    """True if the journey stands before that send again already: its outcome comes after it had lapsed."""
    pending = journey.pending
    return isinstance(pending, Timer) and pending.kind == "send" and journey.step == sent.step


def _go_on(draft: Draft, sent: Sent) -> None:
    """A send that had lapsed was accepted after all: it is not made anew, the journey goes on from it."""
    journey = draft.state.journeys.get(sent.journey)
    if journey is not None and journey.last_command == sent.command and _stands_anew(journey, sent):
        cancel_pending(draft, journey, "prompt_accepted")
        advance(draft, journey.id, _send_step(draft, sent).next, meant_at=draft.now)


def lapse(draft: Draft, journey: Journey, prompt: str) -> None:
    """Nobody said that the prompt was accepted, and it may not be sent any more: it counts as expired.

    Silence after a message that never left is no silence: the wait is cancelled, not timed out. Where quiet
    hours ended its time it is sent anew, but not for ever: not if nobody spoke of the send before it either.
    """
    sent = draft.state.sends.get(prompt)
    quiet = sent is not None and _quiet(draft, sent, sent.not_after) is not None
    if sent is not None and quiet and not _unspoken(draft, sent):
        _send_anew(draft, journey, sent, "expired")
    else:
        _unanswerable(draft, journey, prompt, "prompt_expired")


def _unspoken(draft: Draft, sent: Sent) -> bool:
    """True if the step's send before this one has no outcome either."""
    before = draft.state.sends.get(derived(sent.journey, sent.step, sent.visit - 1, "send"))
    return before is not None and before.outcome is None


def _said(reason: str | None, default: str | None) -> tuple[str | None, dict[str, object] | None]:
    """A reason in plain if it is a code, or the code that it begins with (`code: detail`).

    The rest is sealed: a provider's own words may hold an address.
    """
    if reason is None:
        return default, None
    if _CODE.fullmatch(reason):
        return reason, None
    code, colon, _ = reason.partition(": ")
    plain = code if colon and _CODE.fullmatch(code) else "other"
    return plain, {"reason": reason[:1024]}


def _fail(draft: Draft, sent: Sent, record: CommandOutcome) -> None:
    reason, sealed = _said(record.reason, record.outcome)
    draft.emit(
        SendFailed(
            **draft.head(),
            sealed=sealed,
            flow=sent.flow,
            version=sent.version,
            journey=sent.journey,
            step=sent.step,
            visit=sent.visit,
            command=sent.command,
            channel=sent.channel,
            template=sent.template,
            purpose=sent.purpose,
            conversation=sent.conversation,
            commanded_at=sent.commanded_at,
            outcome=record.outcome,
            reason=reason or record.outcome,
        )
    )


def _send_step(draft: Draft, sent: Sent) -> Send:
    return draft.step(sent.flow, sent.version, sent.step, Send)


def _quiet(draft: Draft, sent: Sent, at: int) -> tuple[QuietHours, int] | None:
    """The quiet hours that the send is under at this moment, and when they end; None if it is under none."""
    published = draft.registry.version(draft.workspace, sent.flow, sent.version)
    rule = rules.quiet_rule(published.policies[published.index[sent.step]])
    if rule is None:
        return None
    end = rules.quiet_until(rule[0], named_zone(draft, rule[0].zone), at)
    return None if end is None else (rule[0], end)


def _send_anew(draft: Draft, journey: Journey, sent: Sent, reason: str) -> None:
    """Stands before the send again: until the quiet hours end where they hold, else it is decided at once."""
    step = _send_step(draft, sent)
    cancel_pending(draft, journey, f"prompt_{reason}")
    visit = sent.visit + 1
    quiet = _quiet(draft, sent, draft.now)
    if quiet is None:
        index = draft.published(journey).index[sent.step]
        advance(draft, journey.id, index, meant_at=draft.now, visit=visit)
        return
    hours, end = quiet
    until = rules.spread_over(hours, end, journey.id, sent.step, visit)
    because = {"quiet_until": str(end)}
    postpone(draft, journey, step, visit, sent.purpose, sent.channel, until, reason, because)


def _unanswerable(draft: Draft, journey: Journey, prompt: str, reason: str) -> None:
    """The prompt never came to the contact: a wait that stands on it ends, on the path of no response."""
    wait = journey.pending
    if isinstance(wait, Wait) and wait.prompt == prompt:
        follows = draft.step(journey.flow, journey.version, journey.step, CustomerResponse).no_response
        cancel_pending(draft, journey, reason)
        advance(draft, journey.id, follows, meant_at=draft.now)


def receipt(draft: Draft, record: DeliveryReported) -> None:
    """A provider's receipt. One that says failed is as if the send had never left."""
    sent = draft.state.sends.get(record.command)
    if sent is None:
        draft.emit(InputNoted(**draft.head(), record="DeliveryReported", reason="unknown_command"))
        return
    reason, sealed = _said(record.reason, None)
    draft.emit(
        DeliveryNoted(
            **draft.head(),
            sealed=sealed,
            flow=sent.flow,
            version=sent.version,
            journey=sent.journey,
            step=sent.step,
            visit=sent.visit,
            command=sent.command,
            channel=sent.channel,
            template=sent.template,
            provider_id=record.provider_id,
            status=record.status,
            reason=reason,
            commanded_at=sent.commanded_at,
        )
    )
    journey = draft.state.journeys.get(sent.journey)
    if record.status == "failed" and journey is not None:
        _unanswerable(draft, journey, sent.command, "prompt_failed")
