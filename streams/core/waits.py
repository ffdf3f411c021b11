"""Waits for an answer: opened, answered, timed out, cancelled; each closed exactly once."""

from collections.abc import Iterator
from typing import Any, Literal, cast

import msgspec

from schemas.types.facts import (
    LateResponseReceived,
    ResponseReceived,
    ResponseTimedOut,
    WaitCancelled,
    WaitOpened,
    WaitSkipped,
)
from streams.core.draft import Draft
from streams.core.ids import derived
from streams.core.program import CustomerResponse
from streams.core.refusals import ANSWERING
from streams.core.state import Heard, Journey, Late, Prompt, Sent, Wait
from streams.core.zones import local_hour

__all__ = ["answered", "cancel_wait", "note_late", "open_wait", "time_out"]

MatchedBy = Literal["reply", "channel", "conversation"]


class _Opening(msgspec.Struct, frozen=True):
    """What a wait that is about to open stands on."""

    prompt: Sent | None
    prompt_step: str | None


def open_wait(draft: Draft, journey: Journey, step: CustomerResponse, *, visit: int) -> int | None:
    """Opens the wait; the next index if it is closed at once (skipped, or answered before it was reached)."""
    name = journey.prompt if step.prompt is None else step.prompt or None
    sent: Sent | None = None
    if name is not None:
        prompt = journey.prompts.get(name)
        sent, missing = _commanded(draft, prompt)
        if sent is None:
            _skip(draft, journey, step, visit, prompt, missing)
            return step.no_response
    fields = _wait(draft, journey, step, visit, _Opening(sent, name))
    draft.emit(WaitOpened(**draft.at(journey, step.id, visit), **fields))
    opened = draft.state.journeys[journey.id]
    wait = cast("Wait", opened.pending)  # the fact has just been folded
    for message in _early(draft, sent):
        if (matched := _matches(draft, wait, step, message)) is not None:
            _respond(draft, opened, wait, message, matched)
            return step.on_response
    return None


def _commanded(draft: Draft, prompt: Prompt | None) -> tuple[Sent | None, str]:
    """The prompt's send, or why there is none to wait on."""
    if prompt is None:
        return None, "prompt_not_reached"
    if prompt.command is None:
        return None, prompt.reason or "prompt_suppressed"
    sent = draft.state.sends.get(prompt.command)
    if sent is None:
        return None, "prompt_forgotten"
    if sent.outcome not in (None, "accepted"):
        return None, f"prompt_{sent.outcome}"
    return sent, ""


def _skip(
    draft: Draft, journey: Journey, step: CustomerResponse, visit: int, prompt: Prompt | None, reason: str
) -> None:
    draft.emit(
        WaitSkipped(
            **draft.at(journey, step.id, visit),
            template=prompt.template if prompt else None,
            channel=prompt.channel if prompt else None,
            reason=reason,
        )
    )


def _wait(
    draft: Draft, journey: Journey, step: CustomerResponse, visit: int, opening: _Opening
) -> dict[str, Any]:
    """The fields of a wait that opens now."""
    sent = opening.prompt
    if sent is None:
        deadline, prompted_at, anchor = draft.now + step.within_ms, None, draft.now
    elif sent.accepted_at is None:
        deadline, prompted_at, anchor = max(sent.not_after, draft.now), None, sent.commanded_at
    else:
        prompted_at = anchor = sent.accepted_at
        deadline = max(sent.accepted_at, draft.now) + step.within_ms
    hour, day = local_hour(draft.zone, anchor)
    channel = sent.channel if sent else journey.channel
    return {
        "wait": derived(journey.id, step.id, visit, "wait"),
        "prompt": sent.command if sent else None,
        "prompt_step": opening.prompt_step,
        "channel": None if step.any_channel else channel,
        "template": sent.template if sent else None,
        "conversation": sent.conversation if sent else journey.conversation,
        "arm": journey.arm,
        "opened_at": draft.now,
        "prompted_at": prompted_at,
        "deadline": deadline,
        "due": deadline + draft.settings.grace_ms,
        "within_ms": step.within_ms,
        "local_hour": hour,
        "local_weekday": day,
    }


def _fields(wait: Wait) -> dict[str, Any]:
    """The fields by which a closing repeats what it closes."""
    return {
        "wait": wait.id,
        "prompt": wait.prompt,
        "prompt_step": wait.prompt_step,
        "channel": wait.channel,
        "template": wait.template,
        "conversation": wait.conversation,
        "arm": wait.arm,
        "opened_at": wait.opened_at,
        "prompted_at": wait.prompted_at,
        "deadline": wait.deadline,
        "due": wait.due,
        "within_ms": wait.within_ms,
        "local_hour": wait.local_hour,
        "local_weekday": wait.local_weekday,
    }


def _early(draft: Draft, sent: Sent | None) -> Iterator[Heard]:
    """Messages that came after the prompt and before the step was reached, but for the input's own."""
    if sent is not None:
        yield from (
            message for message in draft.state.heard if sent.heard < message.number <= draft.heard_before
        )


def _fits(  # noqa: PLR0911 - one rule a return
    draft: Draft, wait: Wait, step: CustomerResponse, message: Heard
) -> MatchedBy | None:
    """How the message fits the wait, time apart; None if it does not."""
    if message.kind not in ANSWERING and not (message.kind == "reaction" and step.reactions):
        return None
    quoted = _quoted(draft, message.reply_to)
    if quoted is not None:
        return "reply" if quoted == wait.prompt else None
    if wait.channel is None:
        return "channel"
    if message.channel != wait.channel:
        return None
    channel = draft.settings.channel(wait.channel)
    threaded = channel is not None and channel.threaded
    if message.conversation == wait.conversation:
        return "channel" if wait.conversation is None else "conversation"
    if threaded or (wait.prompt is None and None not in (message.conversation, wait.conversation)):
        return None
    return "channel"


def _quoted(draft: Draft, reply_to: str | None) -> str | None:
    """The command of the send that a message quotes; None if it quotes none of ours."""
    if reply_to is None:
        return None
    sends = draft.state.sends
    return next(
        (sent.command for sent in sends.values() if reply_to in (sent.provider_id, sent.command)), None
    )


def _matches(draft: Draft, wait: Wait, step: CustomerResponse, message: Heard) -> MatchedBy | None:
    """How the message answers the wait, in time; None if it does not."""
    if message.said_at > wait.deadline:
        return None
    matched = _fits(draft, wait, step, message)
    return matched if matched == "reply" or message.said_at >= wait.since else None


def answered(draft: Draft, message: Heard) -> list[tuple[str, int]]:
    """Closes every open wait that the message answers; which journeys go on where, by priority."""
    found: list[tuple[int, Journey, Wait, CustomerResponse, MatchedBy]] = []
    for journey in draft.state.journeys.values():
        wait = journey.pending
        if isinstance(wait, Wait):
            step = draft.step(journey.flow, journey.version, journey.step, CustomerResponse)
            if (matched := _matches(draft, wait, step, message)) is not None:
                found.append((-draft.published(journey).priority, journey, wait, step, matched))
    found.sort(key=lambda each: each[0])
    for _, journey, wait, _, matched in found:
        _respond(draft, journey, wait, message, matched)
    return [(journey.id, step.on_response) for _, journey, _, step, _ in found]


def _respond(draft: Draft, journey: Journey, wait: Wait, message: Heard, matched: MatchedBy) -> None:
    began = wait.opened_at if wait.prompted_at is None else wait.prompted_at
    draft.emit(
        ResponseReceived(
            **draft.at(journey, journey.step, journey.visit),
            **_fields(wait),
            message=message.message,
            said_at=message.said_at,
            response_ms=max(0, message.said_at - began),
            matched_by=matched,
        )
    )


def time_out(draft: Draft, journey: Journey, wait: Wait) -> int:
    """Closes the wait without an answer; the next index. An answer that came too late is noted beside it."""
    step = draft.step(journey.flow, journey.version, journey.step, CustomerResponse)
    draft.emit(
        ResponseTimedOut(
            **draft.at(journey, journey.step, journey.visit),
            **_fields(wait),
            lateness_ms=draft.now - wait.due,
        )
    )
    late = draft.state.late[-1]
    for message in draft.state.heard:
        if message.number > wait.heard and message.said_at > wait.deadline and _note(draft, late, message):
            break
    return step.no_response


def note_late(draft: Draft, message: Heard) -> None:
    """A message after waits had timed out: a late response of each journey's last that it fits.

    Not of a journey that it answers now: its answer took its earlier waits away.
    """
    noted: set[str] = set()
    for late in reversed(draft.state.late):
        if late.journey not in noted and _note(draft, late, message):
            noted.add(late.journey)


def _note(draft: Draft, late: Late, message: Heard) -> bool:
    wait = late.wait
    step = draft.step(late.flow, late.version, late.step, CustomerResponse)
    in_window = wait.since <= message.said_at <= wait.deadline + draft.settings.attribution_window_ms
    if not in_window or _fits(draft, wait, step, message) is None:
        return False
    began = wait.opened_at if wait.prompted_at is None else wait.prompted_at
    draft.emit(
        LateResponseReceived(
            **draft.head(),
            flow=late.flow,
            version=late.version,
            journey=late.journey,
            step=late.step,
            visit=late.visit,
            wait=wait.id,
            prompt=wait.prompt,
            channel=wait.channel,
            template=wait.template,
            opened_at=wait.opened_at,
            prompted_at=wait.prompted_at,
            deadline=wait.deadline,
            timed_out_at=late.timed_out_at,
            message=message.message,
            said_at=message.said_at,
            response_ms=max(0, message.said_at - began),
        )
    )
    return True


def cancel_wait(draft: Draft, journey: Journey, wait: Wait, reason: str) -> None:
    """Closes the wait without an answer and without a time-out."""
    draft.emit(
        WaitCancelled(**draft.at(journey, journey.step, journey.visit), **_fields(wait), reason=reason)
    )
