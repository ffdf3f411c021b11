"""The fold: what a fact leaves behind in the contact's state. Total, pure, without the registry."""

from typing import Any, assert_never

from msgspec.structs import replace

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
from streams.core import evolve_sends
from streams.core.ids import SEEN_BYTES, derived, seen_hash
from streams.core.state import (
    MAX_CONVERSATIONS,
    MAX_ENTRIES,
    MAX_HEARD,
    MAX_LATE,
    MAX_SEEN,
    ContactState,
    Conversation,
    Heard,
    Held,
    Journey,
    LastMessage,
    Late,
    Timer,
    Wait,
)

__all__ = ["evolve"]

_KEPT = MAX_SEEN * SEEN_BYTES
_HEARD = frozenset({"text", "button", "media", "reaction"})


def evolve(state: ContactState, fact: Fact) -> ContactState:  # noqa: C901, PLR0911, PLR0912 - one arm a fact
    """The state after this fact. A partition's leaves a contact as it is; an erasure leaves nothing."""
    cause = fact.cause
    if cause.timer is None and cause.input:
        seen = seen_hash(cause.input)
        if not state.seen.endswith(seen):
            state = replace(state, seen=(state.seen + seen)[-_KEPT:])
    match fact:
        case MessageNoted():
            return _message(state, fact)
        case JourneyStarted():
            return _started(state, fact)
        case JourneyEnded():
            return _ended(state, fact)
        case WaitOpened():
            return _opened(state, fact)
        case ResponseReceived():
            return _closed(state, fact, answered=True)
        case ResponseTimedOut():
            return _closed(_remember_late(state, fact), fact, answered=False)
        case WaitCancelled():
            return _closed(state, fact, answered=False)
        case WaitSkipped():
            return _closed(_stand(state, fact, prompt=None), fact, answered=False)
        case LateResponseReceived():
            return _answered_late(state, fact)
        case TimerSet():
            timer = Timer(
                derived(fact.journey, fact.step, fact.visit, fact.kind), fact.kind, fact.at, fact.due
            )
            return _stand(state, fact, pending=timer)
        case JourneyHeld():
            return _stand(state, fact, pending=Held(fact.reason, fact.at))
        case TimerCancelled() if fact.reason == "prompt_accepted":
            return _stand(state, fact, pending=None, prompt=fact.step)
        case TimerFired() | TimerCancelled():
            return _stand(state, fact, pending=None)
        case BranchTaken() | ConversationAssignCommanded() | ConversationCloseCommanded() | SendPostponed():
            return _stand(state, fact)
        case ArmTaken():
            return _parted(state, fact)
        case VariablesSet():
            return _variables(state, fact)
        case SendCommanded():
            return evolve_sends.commanded(state, fact)
        case SendSuppressed():
            return evolve_sends.suppressed(state, fact)
        case PromptSent():
            return evolve_sends.accepted(state, fact)
        case SendFailed():
            return evolve_sends.failed(state, fact)
        case DeliveryNoted():
            return evolve_sends.delivered(state, fact)
        case ContactChanged():
            changed = _changed(state, fact)
            return changed if fact.journey is None else _stand(changed, fact)
        case ConsentRecorded():
            return _consent(state, fact)
        case ConversationNoted():
            return _conversation(state, fact.channel, fact.conversation, fact.event != "closed", fact.at)
        case ContactErased():
            return ContactState(fact.contact)
        case InputNoted() | EntryRefused() | ClockAdvanced() | FlowCommandApplied():
            return state
        case _:
            assert_never(fact)


def _stand(state: ContactState, fact: Any, **changes: Any) -> ContactState:
    """The journey stands at the fact's step."""
    journey = state.journeys[fact.journey]
    visits = journey.visits
    if visits.get(fact.step) != fact.visit:
        visits = {**visits, fact.step: fact.visit}
    moved = replace(journey, step=fact.step, visit=fact.visit, visits=visits, **changes)
    return replace(state, journeys={**state.journeys, journey.id: moved})


def _parted(state: ContactState, fact: ArmTaken) -> ContactState:
    """The journey goes down an arm; once held out it stays so."""
    journey = state.journeys[fact.journey]
    return _stand(
        state,
        fact,
        arms={**journey.arms, fact.step: fact.arm},
        arm=fact.arm,
        held_out=journey.held_out or fact.held_out,
    )


def _variables(state: ContactState, fact: VariablesSet) -> ContactState:
    values = {**state.journeys[fact.journey].vars, **(fact.sealed or {}).get("vars", {})}
    return _stand(state, fact, vars={name: value for name, value in values.items() if name not in fact.unset})


def _message(state: ContactState, fact: MessageNoted) -> ContactState:
    if fact.conversation is not None:
        state = _conversation(state, fact.channel, fact.conversation, True, fact.at)
    last = LastMessage(fact.message, fact.conversation, fact.said_at)
    if fact.direction == "out":
        return replace(state, last_out={**state.last_out, fact.channel: last})
    if fact.kind not in _HEARD:
        return state
    number = state.heard_count + 1
    heard = state.heard
    if state.journeys:
        message = Heard(
            fact.message, fact.channel, fact.conversation, fact.kind, fact.reply_to, fact.said_at, number
        )
        heard = (*heard, message)[-MAX_HEARD:]
    return replace(state, last_in={**state.last_in, fact.channel: last}, heard=heard, heard_count=number)


def _conversation(
    state: ContactState,
    channel: str,
    conversation: str,
    is_open: bool,
    at: int,
) -> ContactState:
    known = {name: found for name, found in state.conversations.items() if name != channel}
    if len(known) >= MAX_CONVERSATIONS:
        del known[next(iter(known))]
    return replace(state, conversations={**known, channel: Conversation(conversation, is_open, at)})


def _started(state: ContactState, fact: JourneyStarted) -> ContactState:
    sealed = fact.sealed or {}
    journey = Journey(
        id=fact.journey,
        flow=fact.flow,
        version=fact.version,
        trigger=fact.trigger,
        started_at=fact.at,
        entry_key=fact.entry_key,
        channel=fact.channel,
        conversation=fact.conversation,
        properties=sealed.get("properties", {}),
        vars=sealed.get("vars", {}),
        step=fact.step,
    )
    key = fact.flow if fact.entry_key is None else f"{fact.flow}\0{fact.entry_key}"
    entries = {name: at for name, at in state.entries.items() if name != key}
    if len(entries) >= MAX_ENTRIES:
        del entries[next((name for name in entries if "\0" in name), next(iter(entries)))]
    return replace(state, journeys={**state.journeys, journey.id: journey}, entries={**entries, key: fact.at})


def _ended(state: ContactState, fact: JourneyEnded) -> ContactState:
    journeys = {name: journey for name, journey in state.journeys.items() if name != fact.journey}
    return replace(state, journeys=journeys, heard=state.heard if journeys else ())


def _opened(state: ContactState, fact: WaitOpened) -> ContactState:
    sent = state.sends.get(fact.prompt) if fact.prompt is not None else None
    wait = Wait(
        id=fact.wait,
        prompt=fact.prompt,
        prompt_step=fact.prompt_step,
        channel=fact.channel,
        template=fact.template,
        conversation=fact.conversation,
        arm=fact.arm,
        opened_at=fact.opened_at,
        prompted_at=fact.prompted_at,
        deadline=fact.deadline,
        due=fact.due,
        within_ms=fact.within_ms,
        local_hour=fact.local_hour,
        local_weekday=fact.local_weekday,
        since=sent.commanded_at if sent else fact.opened_at,
        heard=sent.heard if sent else state.heard_count,
    )
    return _stand(state, fact, pending=wait, prompt=None)


def _closed(state: ContactState, fact: Any, *, answered: bool) -> ContactState:
    """A customer_response is over: answered or not."""
    journey = state.journeys[fact.journey]
    state = _stand(
        state,
        fact,
        pending=None,
        answers={**journey.answers, fact.step: answered},
        last_answer=answered,
    )
    if answered:
        state = replace(state, late=tuple(late for late in state.late if late.journey != fact.journey))
    return state


def _remember_late(state: ContactState, fact: ResponseTimedOut) -> ContactState:
    wait = state.journeys[fact.journey].pending
    if not isinstance(wait, Wait):
        raise TypeError(f"{fact.id}: {fact.journey} has no open wait to time out")
    late = Late(wait, fact.journey, fact.flow, fact.version, fact.step, fact.visit, fact.at)
    return replace(state, late=(*state.late, late)[-MAX_LATE:])


def _answered_late(state: ContactState, fact: LateResponseReceived) -> ContactState:
    """The wait has its late response; what the journey had asked before it will have none."""
    kept = tuple(
        late for late in state.late if late.journey != fact.journey or late.wait.opened_at > fact.opened_at
    )
    return replace(state, late=kept)


def _changed(state: ContactState, fact: ContactChanged) -> ContactState:
    sealed = fact.sealed or {}
    attributes = {**state.attributes, **sealed.get("attributes", {})}
    for name in fact.unset:
        attributes.pop(name, None)
    addresses = {**state.addresses, **sealed.get("addresses", {})}
    tags = (set(state.tags) | set(fact.tags_added)) - set(fact.tags_removed)
    return replace(
        state,
        attributes=attributes,
        addresses={channel: address for channel, address in addresses.items() if address},
        tags=tuple(sorted(tags)),
        language=fact.language or state.language,
        zone=fact.zone or state.zone,
    )


def _consent(state: ContactState, fact: ConsentRecorded) -> ContactState:
    """What is said of all channels, or of any purpose, replaces what was said of single ones."""
    kept = {
        name: granted
        for name, granted in state.consent.items()
        if not (
            fact.purpose in ("any", name.partition("\0")[0])
            and fact.channel in (None, name.partition("\0")[2])
        )
    }
    key = fact.purpose if fact.channel is None else f"{fact.purpose}\0{fact.channel}"
    return replace(state, consent={**kept, key: fact.granted})
