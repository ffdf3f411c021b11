"""What came of a trial, line by line: when, by the clock and since the beginning, and what, in words."""

import re
from datetime import UTC, datetime
from typing import assert_never

import msgspec

from schemas.types import facts
from schemas.types.facts import Fact
from streams.core.zones import local
from streams.flows.simulate import Happened, Run
from streams.flows.trial import (
    Act,
    AgentWrites,
    ContactWrites,
    ConversationIs,
    EventHappens,
    KnownChanges,
    ReceiptComes,
    StartedByHand,
)
from streams.flows.words import span_words

__all__ = ["Line", "clock_words", "since_words", "timeline"]

_CAPITAL = re.compile(r"([A-Z])")
_MS = re.compile(r"\b(\d+) ms\b")


class Line(msgspec.Struct, frozen=True):
    """One line of the timeline."""

    at: int
    """ms UTC."""
    since: int
    """ms since the beginning."""
    clock: str
    """The contact's wall clock."""
    kind: str
    """in, sent, not sent, wait, journey, branch, conversation, contact or problem."""
    what: str
    step: str | None = None
    text: str | None = None
    """The message, as the contact reads it."""


def timeline(run: Run) -> list[Line]:
    """The lines of a run, in order. Facts that say nothing to an author (a message counted) are left out."""
    return [line for happened in run.happened if (line := _line(run, happened)) is not None]


def clock_words(at: int, zone: str) -> str:
    """A moment by a zone's clock, as `Mon 2026-03-02 10:00:00`."""
    shown = datetime.fromtimestamp(local(zone, at) / 1000, UTC)
    return shown.strftime("%a %Y-%m-%d %H:%M:%S")


def since_words(ms: int) -> str:
    """So long after the beginning, to the second: `+2 h`."""
    return f"+{span_words(ms // 1000 * 1000)}"


def _line(run: Run, happened: Happened) -> Line | None:
    if happened.what is None:
        kind, what = "problem", f"refused: {happened.problem}"
    elif isinstance(happened.what, Fact):
        told = _fact_words(happened.what, run.zone)
        if told is None:
            return None
        kind, what = told
        if happened.problem is not None:
            kind, what = "problem", f"{what}, but its text cannot be made: {happened.problem}"
    else:
        kind, what = "in", _act_words(happened.what)
    text = happened.text
    if text is not None and happened.subject is not None:
        text = f"[{happened.subject}] {text}"
    return Line(
        happened.at,
        happened.at - run.start,
        clock_words(happened.at, run.zone),
        kind,
        what,
        getattr(happened.what, "step", None),
        text,
    )


def _act_words(act: Act) -> str:  # noqa: PLR0911 - one an act
    match act:
        case ContactWrites():
            return f"the contact writes{_on(act.channel)}: {act.text}"
        case AgentWrites():
            return f"an agent writes{_on(act.channel)}: {act.text}"
        case EventHappens():
            properties = ", ".join(f"{name} {value}" for name, value in act.properties.items())
            return f"event {act.name}" + (f" ({properties})" if properties else "")
        case ReceiptComes():
            return f"receipt: {act.status}" + (f" ({act.of})" if act.of else "")
        case ConversationIs():
            return f"the conversation is {act.what}{_on(act.channel)}"
        case StartedByHand():
            return "started by hand"
        case KnownChanges():
            return f"the contact changes: {_known_words(act)}"
        case _:
            assert_never(act)


def _known_words(act: KnownChanges) -> str:
    known = act.to
    said = [f"{name} {value}" for name, value in known.attributes.items()]
    said += [f"tag {tag}" for tag in known.tags]
    said += [f"without the tag {tag}" for tag in known.untagged]
    said += [f"{'says yes' if granted else 'says no'} to {name}" for name, granted in known.consent.items()]
    said += [f"zone {known.zone}"] if known.zone else []
    said += [f"language {known.language}"] if known.language else []
    return ", ".join(said)


def _on(channel: str | None) -> str:
    return f" on {channel}" if channel else ""


def _changed(fact: facts.VariablesSet | facts.ContactChanged) -> str:
    """The names that a step changed, tags with their sign."""
    names = [*fact.set, *(f"{name} (taken away)" for name in fact.unset)]
    if isinstance(fact, facts.ContactChanged):
        names += [f"+{tag}" for tag in fact.tags_added] + [f"-{tag}" for tag in fact.tags_removed]
    return ", ".join([*names, *(f"{name} (refused)" for name in fact.refused)]) or "nothing"


def _because(because: dict[str, str], zone: str) -> str:
    """The values that decided it, in parentheses; moments and spans as people say them."""
    said = ", ".join(_value(name, value, zone) for name, value in because.items())
    return f" ({said})" if said else ""


def _value(name: str, value: str, zone: str) -> str:
    if name.endswith("_until") and value.isdecimal():
        return f"{_reason(name)} {clock_words(int(value), zone)}"
    if name.endswith("_ms") and value.isdecimal():
        return f"{_reason(name.removesuffix('_ms'))} {span_words(int(value))}"
    return f"{_reason(name)} {_MS.sub(lambda found: span_words(int(found[1])), value)}"


def _reason(reason: str) -> str:
    return reason.replace("_", " ")


def _fact_words(fact: Fact, zone: str) -> tuple[str, str] | None:  # noqa: C901, PLR0911, PLR0912 - one a fact
    """The kind of line and its words; None for a fact that says nothing to an author."""
    match fact:
        case facts.JourneyStarted():
            return "journey", "the journey starts"
        case facts.EntryRefused():
            until = f", again from {clock_words(fact.until, zone)}" if fact.until else ""
            return "journey", f"does not enter: {_reason(fact.reason)}{until}"
        case facts.JourneyEnded():
            return "journey", f"the journey ends: {_reason(fact.reason)}{_because(fact.because, zone)}"
        case facts.JourneyHeld():
            return "journey", f"the journey stands at {fact.step}: {_reason(fact.reason)}"
        case facts.SendCommanded():
            return "sent", f"{fact.step} is sent on {fact.channel}"
        case facts.SendPostponed():
            until = clock_words(fact.until, zone)
            return "not sent", f"{fact.step} is not sent yet, {_reason(fact.reason)}: at {until}"
        case facts.SendSuppressed():
            return (
                "not sent",
                f"{fact.step} is not sent: {_reason(fact.reason)}{_because(fact.because, zone)}",
            )
        case facts.SendFailed():
            return "not sent", f"{fact.step} has failed: {_reason(fact.reason or fact.outcome)}"
        case facts.DeliveryNoted():
            return "sent", f"{fact.step} is {fact.status}"
        case facts.WaitOpened():
            until = clock_words(fact.deadline, zone)
            return "wait", f"{fact.step} waits for the answer, until {until}"
        case facts.ResponseReceived():
            return "wait", f"{fact.step} is answered after {span_words(fact.response_ms)}"
        case facts.ResponseTimedOut():
            return "wait", f"{fact.step} has no answer in {span_words(fact.within_ms)}"
        case facts.LateResponseReceived():
            late = span_words(fact.said_at - fact.deadline)
            return "wait", f"an answer to {fact.step} comes {late} late: it changes nothing"
        case facts.WaitCancelled():
            return "wait", f"{fact.step} waits no longer: {_reason(fact.reason)}"
        case facts.WaitSkipped():
            return "wait", f"{fact.step} does not wait: {_reason(fact.reason)}"
        case facts.TimerSet():
            if fact.kind not in {"wait", "wait_for"}:
                return None
            return "wait", f"{fact.step} waits until {clock_words(fact.due, zone)}"
        case facts.TimerCancelled():
            return "wait", f"{fact.step} waits no longer: {_reason(fact.reason)}"
        case facts.BranchTaken():
            return "branch", f"{fact.step} goes {fact.branch}{_because(fact.because, zone)}"
        case facts.ArmTaken():
            arm = "holds the contact out: nothing is sent" if fact.held_out else f"goes down {fact.arm}"
            return "branch", f"{fact.step} {arm}"
        case facts.VariablesSet() | facts.ContactChanged(step=str()):
            return "contact", f"{fact.step} changes {_changed(fact)}"
        case facts.ConversationAssignCommanded():
            if fact.conversation is None:
                return "conversation", f"{fact.step} has no conversation to assign"
            to = fact.agent or f"team {fact.team}"
            return "conversation", f"{fact.step} assigns the conversation to {to}"
        case facts.ConversationCloseCommanded():
            if fact.conversation is None:
                return "conversation", f"{fact.step} has no conversation to close"
            return "conversation", f"{fact.step} closes the conversation{_on(fact.channel)}"
        case facts.ConsentRecorded():
            said = "yes" if fact.granted else "no"
            return "contact", f"consent: {said} to {fact.purpose}{_on(fact.channel)}"
        case facts.ContactErased():
            return "contact", "the contact is erased"
        case facts.InputNoted():
            return ("problem", f"nothing came of it: {_reason(fact.reason)}") if fact.reason else None
        case (
            facts.MessageNoted()
            | facts.PromptSent()
            | facts.TimerFired()
            | facts.ContactChanged()
            | facts.ClockAdvanced()
            | facts.FlowCommandApplied()
        ):
            return None
        case _:
            # A fact that has no words of its own yet is shown by its name: never left out.
            name = _CAPITAL.sub(r" \1", type(fact).__name__).strip().lower()
            return "journey", f"{getattr(fact, 'step', '')} {name}".strip()
