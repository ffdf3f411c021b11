"""The decider of one contact: what happened gives facts; facts give commands and state.

    decide(state, received, registry) -> facts          commands(fact, state, registry) -> commands
    evolve(state, fact)               -> state

Pure: the same three arguments give the same answer, in every process, in every replay. An input that was seen
before gives nothing; one that cannot be decided is refused before it comes here (`refusals`).
"""

from typing import assert_never

from schemas.types.facts import Fact, InputNoted
from schemas.types.inputs import (
    AgentMessageSent,
    CancelJourney,
    CommandOutcome,
    ConsentChanged,
    ContactUpdated,
    ConversationAssigned,
    ConversationClosed,
    ConversationOpened,
    CustomerEvent,
    DeliveryReported,
    EraseContact,
    Input,
    MergeContacts,
    MessageReceived,
    QuickReplyRequested,
    StartJourney,
    Tick,
    WebhookAnswered,
)
from streams.core import contacts, messages, outcomes
from streams.core.commanding import commands
from streams.core.draft import Draft
from streams.core.entries import Happening, enter, happened
from streams.core.evolve import evolve
from streams.core.ids import SEEN_BYTES, seen_hash
from streams.core.journeys import end, fire
from streams.core.program import WorkspaceSettings
from streams.core.received import Due, Received, said_at
from streams.core.refusals import MAX_ID
from streams.core.registry import Registry
from streams.core.state import ContactState, Timer, Wait

__all__ = ["commands", "deadlines", "decide", "draft_of", "evolve", "has_seen"]


def decide(state: ContactState, received: Received, registry: Registry) -> list[Fact]:
    """The facts that this makes, in order; none if the input was seen before, or the deadline is no more."""
    return draft_of(state, received, registry).facts


def draft_of(state: ContactState, received: Received, registry: Registry, *, is_new: bool = False) -> Draft:
    """The same, with the state and the commands that the facts lead to. `is_new`: it was looked up."""
    settings = registry.workspaces.get(state.workspace) or WorkspaceSettings(id=state.workspace)
    draft = Draft(state, received, registry, settings)
    record = received.record
    if isinstance(record, Due):
        _due(draft, record)
    elif is_new or not has_seen(state, received.input):
        _decide(draft, record)
    while draft.raised:
        tagged = draft.raised.pop(0)
        happened(draft, Happening(kind="tag_added", name=tagged.tag, entry=tagged.entry))
    return draft


def has_seen(state: ContactState, name: str) -> bool:
    """True if the input of that name is among those remembered."""
    seen = seen_hash(name)
    at = state.seen.find(seen)
    while at >= 0 and at % SEEN_BYTES:
        at = state.seen.find(seen, at + 1)
    return at >= 0


def deadlines(state: ContactState) -> list[Due]:
    """All of the contact's deadlines, the soonest first; of those at once, by id."""
    found = [
        Due(journey.id, journey.pending.id, journey.pending.due)
        for journey in state.journeys.values()
        if isinstance(journey.pending, Wait | Timer)
    ]
    return sorted(found, key=lambda due: (due.due, due.id))


def _due(draft: Draft, record: Due) -> None:
    """Fires the deadline, if it still stands and has come."""
    journey = draft.state.journeys.get(record.journey)
    if journey is None or not isinstance(journey.pending, Wait | Timer):
        return
    pending = journey.pending
    if pending.id != record.id or pending.due > draft.now:
        return
    if isinstance(pending, Wait) and pending.prompt is not None and pending.prompted_at is None:
        outcomes.lapse(draft, journey, pending.prompt)
    else:
        fire(draft, journey, pending)


def _decide(draft: Draft, record: Input) -> None:  # noqa: C901, PLR0912 - one arm an input
    match record:
        case MessageReceived():
            messages.message(draft, record)
        case AgentMessageSent():
            messages.agent_message(draft, record)
        case CustomerEvent():
            _event(draft, record)
        case CommandOutcome():
            outcomes.outcome(draft, record)
        case DeliveryReported():
            outcomes.receipt(draft, record)
        case ConversationOpened() | ConversationAssigned() | ConversationClosed():
            contacts.conversation(draft, record)
        case ContactUpdated():
            contacts.update(draft, record)
        case ConsentChanged():
            contacts.consent(draft, record)
        case StartJourney():
            _start(draft, record)
        case CancelJourney():
            _cancel(draft, record)
        case EraseContact():
            contacts.erase(draft, record)
        case WebhookAnswered():
            draft.emit(InputNoted(**draft.head(), record="WebhookAnswered", reason="unknown_command"))
        case QuickReplyRequested():
            draft.emit(InputNoted(**draft.head(), record="QuickReplyRequested", reason="no_quick_replies"))
        case MergeContacts() | Tick():
            raise TypeError(f"{type(record).__name__} is not decided for a contact")
        case _:
            assert_never(record)


def _event(draft: Draft, record: CustomerEvent) -> None:
    """A customer event is noted only where nothing else says that it came, or its time was clamped."""
    clamped = said_at(record.occurred_at, draft.received.timestamp) != record.occurred_at
    noted = InputNoted(**draft.head(), record="CustomerEvent", name=record.name, clamped=clamped)
    if clamped:
        draft.emit(noted)
    channel = next(
        (
            name
            for name, known in draft.state.conversations.items()
            if record.conversation is not None and known.id == record.conversation
        ),
        None,
    )
    happened(
        draft,
        Happening(
            kind="event",
            name=record.name,
            properties=record.properties,
            channel=channel,
            conversation=record.conversation,
        ),
    )
    if not draft.facts:
        draft.emit(noted)


def _start(draft: Draft, record: StartJourney) -> None:
    """Started by hand: the trigger's `where` is not asked, `enter` is."""
    flow = draft.registry.flows[draft.workspace, record.flow]
    happening = Happening(
        kind="manual",
        properties=record.properties,
        channel=record.channel,
        conversation=record.conversation,
        vars=record.vars,
    )
    enter(draft, flow.current, happening)


def _cancel(draft: Draft, record: CancelJourney) -> None:
    """Ends the contact's journeys of a flow, or one of them."""
    for journey in list(draft.state.journeys.values()):
        if journey.flow == record.flow and record.journey in (None, journey.id):
            end(draft, journey, "cancelled", {"reason": record.reason[:MAX_ID]})
    if not draft.facts:
        draft.emit(InputNoted(**draft.head(), record="CancelJourney", reason="no_journey"))
