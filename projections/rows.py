"""From a fact to the rows that it makes: pure, so that a duplicate makes the same rows again.

No text, no names, nothing sealed ever becomes a row: each row takes the fields that it names. What a person
or a provider wrote (an agent's name, a reason in free words, an attribute's name, a value that decided) stays
in the facts.
"""

from typing import Final, assert_never

from projections.tables import (
    ClockRow,
    FactRow,
    JourneyEndedRow,
    JourneyStartedRow,
    MessageRow,
    Row,
    SendRow,
    SuppressionRow,
    WaitClosedRow,
    WaitOpenedRow,
)
from schemas.types.facts import (
    ArmTaken,
    BranchTaken,
    ClockAdvanced,
    ConsentRecorded,
    ContactChanged,
    ContactErased,
    ConversationAssignCommanded,
    ConversationCloseCommanded,
    ConversationNoted,
    DeliveryNoted,
    EntryRefused,
    Fact,
    FlowCommandApplied,
    InputNoted,
    JourneyEnded,
    JourneyHeld,
    JourneyStarted,
    LateResponseReceived,
    MessageNoted,
    PromptSent,
    ResponseReceived,
    ResponseTimedOut,
    SendCommanded,
    SendFailed,
    SendPostponed,
    SendSuppressed,
    TimerCancelled,
    TimerFired,
    TimerSet,
    VariablesSet,
    WaitCancelled,
    WaitOpened,
    WaitSkipped,
)

__all__ = ["rows_of"]

Closing = ResponseReceived | ResponseTimedOut | WaitCancelled

_REASON_IN_A_WORD: Final = (
    EntryRefused
    | JourneyEnded
    | JourneyHeld
    | SendPostponed
    | SendSuppressed
    | TimerCancelled
    | WaitCancelled
    | WaitSkipped
)
"""Facts whose `reason` is the engine's own word. Others' may be a sentence that somebody wrote."""


def rows_of(fact: Fact, partition: int, offset: int) -> list[Row]:
    """The rows that the fact at this place of the facts topic makes: one of `facts`, and of what is asked."""
    rows: list[Row] = [_fact(fact, partition, offset)]
    match fact:
        case WaitOpened():
            rows.append(_wait_opened(fact, partition, offset))
        case ResponseReceived() | ResponseTimedOut() | WaitCancelled():
            rows.append(_wait_closed(fact, partition, offset))
        case SendCommanded() | PromptSent() | SendFailed() | DeliveryNoted():
            rows.append(_send(fact, partition, offset))
        case SendSuppressed() | SendPostponed():
            rows.append(_suppression(fact, partition, offset))
        case MessageNoted():
            rows.append(_message(fact, partition, offset))
        case JourneyStarted():
            rows.append(_journey_started(fact, partition, offset))
        case JourneyEnded():
            rows.append(_journey_ended(fact, partition, offset))
        case ClockAdvanced():
            rows.append(_clock(fact, offset))
        case (
            ArmTaken()
            | BranchTaken()
            | ConsentRecorded()
            | ContactChanged()
            | ContactErased()
            | ConversationAssignCommanded()
            | ConversationCloseCommanded()
            | ConversationNoted()
            | EntryRefused()
            | FlowCommandApplied()
            | InputNoted()
            | JourneyHeld()
            | LateResponseReceived()
            | TimerCancelled()
            | TimerFired()
            | TimerSet()
            | VariablesSet()
            | WaitSkipped()
        ):
            pass
        case _:
            assert_never(fact)
    return rows


def _owner(contact: str) -> tuple[str, str]:
    """Workspace and contact id of a key; the id may hold slashes of its own."""
    workspace, _, contact_id = contact.partition("/")
    return workspace, contact_id


def _fact(fact: Fact, partition: int, offset: int) -> FactRow:
    if isinstance(fact, ClockAdvanced):
        workspace, contact = "", ""
    elif isinstance(fact, FlowCommandApplied):
        workspace, contact = fact.workspace, ""
    else:
        workspace, contact = _owner(fact.contact)
    return FactRow(
        workspace=workspace,
        contact=contact,
        partition=partition,
        offset=offset,
        at=fact.at,
        id=fact.id,
        fact=type(fact).__name__,
        cause_partition=fact.cause.partition,
        cause_offset=fact.cause.offset,
        cause_input=fact.cause.input,
        cause_timer=fact.cause.timer or "",
        flow=getattr(fact, "flow", None) or "",
        version=getattr(fact, "version", None) or 0,
        journey=getattr(fact, "journey", None) or "",
        step=getattr(fact, "step", None) or "",
        visit=getattr(fact, "visit", None) or 0,
        channel=getattr(fact, "channel", None) or "",
        template=getattr(fact, "template", None) or "",
        command=getattr(fact, "command", ""),
        wait=getattr(fact, "wait", ""),
        message=getattr(fact, "message", None) or "",
        reason=fact.reason if isinstance(fact, _REASON_IN_A_WORD) else "",
    )


def _wait_opened(fact: WaitOpened, partition: int, offset: int) -> WaitOpenedRow:
    workspace, contact = _owner(fact.contact)
    return WaitOpenedRow(
        workspace=workspace,
        flow=fact.flow,
        step=fact.step,
        at=fact.at,
        wait=fact.wait,
        version=fact.version,
        journey=fact.journey,
        contact=contact,
        prompt=fact.prompt or "",
        prompt_step=fact.prompt_step or "",
        channel=fact.channel or "",
        template=fact.template or "",
        arm=fact.arm or "",
        visit=fact.visit,
        opened_at=fact.opened_at,
        prompted_at=fact.prompted_at or 0,
        started_at=_started_at(fact),
        deadline=fact.deadline,
        due=fact.due,
        within_ms=fact.within_ms,
        local_hour=fact.local_hour,
        local_weekday=fact.local_weekday,
        partition=partition,
        offset=offset,
    )


def _wait_closed(fact: Closing, partition: int, offset: int) -> WaitClosedRow:
    workspace, contact = _owner(fact.contact)
    outcome, reason, matched_by, response_ms, lateness_ms = _closing(fact)
    return WaitClosedRow(
        workspace=workspace,
        flow=fact.flow,
        step=fact.step,
        at=fact.at,
        wait=fact.wait,
        version=fact.version,
        journey=fact.journey,
        contact=contact,
        prompt=fact.prompt or "",
        prompt_step=fact.prompt_step or "",
        channel=fact.channel or "",
        template=fact.template or "",
        arm=fact.arm or "",
        visit=fact.visit,
        opened_at=fact.opened_at,
        prompted_at=fact.prompted_at or 0,
        started_at=_started_at(fact),
        deadline=fact.deadline,
        due=fact.due,
        within_ms=fact.within_ms,
        local_hour=fact.local_hour,
        local_weekday=fact.local_weekday,
        outcome=outcome,
        reason=reason,
        matched_by=matched_by,
        response_ms=response_ms,
        lateness_ms=lateness_ms,
        partition=partition,
        offset=offset,
    )


def _started_at(fact: WaitOpened | Closing) -> int:
    return fact.opened_at if fact.prompted_at is None else fact.prompted_at


def _closing(fact: Closing) -> tuple[str, str, str, int, int]:
    """Outcome, reason, matched_by, response_ms, lateness_ms."""
    match fact:
        case ResponseReceived():
            return "responded", "", fact.matched_by, fact.response_ms, 0
        case ResponseTimedOut():
            return "timed_out", "", "", 0, fact.lateness_ms
        case WaitCancelled():
            return "cancelled", fact.reason, "", 0, 0
        case _:
            assert_never(fact)


def _send(
    fact: SendCommanded | PromptSent | SendFailed | DeliveryNoted, partition: int, offset: int
) -> SendRow:
    workspace, contact = _owner(fact.contact)
    match fact:
        case SendCommanded():
            event, purpose, commanded_at, accepted_at, assumed = "commanded", fact.purpose, fact.at, 0, False
        case PromptSent():
            event, purpose, commanded_at = "accepted", fact.purpose, fact.commanded_at
            accepted_at, assumed = fact.accepted_at, fact.assumed
        case SendFailed():
            event, purpose, commanded_at = fact.outcome, fact.purpose, fact.commanded_at
            accepted_at, assumed = 0, False
        case DeliveryNoted():
            # A receipt's `failed` is not the dispatcher's: the channel had accepted it.
            event = "undelivered" if fact.status == "failed" else fact.status
            purpose, commanded_at, accepted_at, assumed = "", fact.commanded_at, 0, False
        case _:
            assert_never(fact)
    return SendRow(
        workspace=workspace,
        flow=fact.flow,
        step=fact.step,
        at=fact.at,
        id=fact.id,
        version=fact.version,
        journey=fact.journey,
        contact=contact,
        command=fact.command,
        event=event,
        channel=fact.channel,
        template=fact.template or "",
        purpose=purpose,
        visit=fact.visit,
        commanded_at=commanded_at,
        accepted_at=accepted_at,
        assumed=assumed,
        partition=partition,
        offset=offset,
    )


def _suppression(fact: SendSuppressed | SendPostponed, partition: int, offset: int) -> SuppressionRow:
    workspace, contact = _owner(fact.contact)
    postponed = isinstance(fact, SendPostponed)
    return SuppressionRow(
        workspace=workspace,
        flow=fact.flow,
        step=fact.step,
        at=fact.at,
        id=fact.id,
        version=fact.version,
        journey=fact.journey,
        contact=contact,
        decision="postponed" if postponed else "suppressed",
        channel=fact.channel or "",
        template=fact.template or "",
        purpose=fact.purpose,
        visit=fact.visit,
        reason=fact.reason,
        until=fact.until if isinstance(fact, SendPostponed) else 0,
        partition=partition,
        offset=offset,
    )


def _message(fact: MessageNoted, partition: int, offset: int) -> MessageRow:
    workspace, contact = _owner(fact.contact)
    return MessageRow(
        workspace=workspace,
        channel=fact.channel,
        at=fact.at,
        id=fact.id,
        message=fact.message,
        reply_to=fact.reply_to or "",
        direction=fact.direction,
        author=fact.author,
        kind=fact.kind,
        threaded=fact.threaded,
        said_at=fact.said_at,
        contact=contact,
        conversation=fact.conversation or "",
        flow=fact.flow or "",
        version=fact.version or 0,
        step=fact.step or "",
        template=fact.template or "",
        purpose=fact.purpose or "",
        partition=partition,
        offset=offset,
    )


def _journey_started(fact: JourneyStarted, partition: int, offset: int) -> JourneyStartedRow:
    workspace, contact = _owner(fact.contact)
    return JourneyStartedRow(
        workspace=workspace,
        flow=fact.flow,
        step=fact.step,
        at=fact.at,
        journey=fact.journey,
        version=fact.version,
        contact=contact,
        trigger=fact.trigger,
        channel=fact.channel or "",
        rules=fact.rules,
        partition=partition,
        offset=offset,
    )


def _journey_ended(fact: JourneyEnded, partition: int, offset: int) -> JourneyEndedRow:
    workspace, contact = _owner(fact.contact)
    return JourneyEndedRow(
        workspace=workspace,
        flow=fact.flow,
        step=fact.step,
        at=fact.at,
        journey=fact.journey,
        version=fact.version,
        contact=contact,
        reason=fact.reason,
        trigger=fact.trigger,
        started_at=fact.started_at,
        duration_ms=fact.duration_ms,
        partition=partition,
        offset=offset,
    )


def _clock(fact: ClockAdvanced, offset: int) -> ClockRow:
    return ClockRow(
        partition=fact.partition,
        clock=fact.clock,
        settled=fact.settled,
        engine=fact.engine,
        tzdata=fact.tzdata,
        offset=offset,
    )
