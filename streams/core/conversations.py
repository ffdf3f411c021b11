"""Steps that command something for a conversation: its close, its assignment."""

from typing import Literal

from schemas.types.facts import ConversationAssignCommanded, ConversationCloseCommanded
from streams.core.draft import Draft
from streams.core.ids import derived, spread
from streams.core.program import Assign, CloseConversation
from streams.core.state import Journey

__all__ = ["assign", "close"]


def close(draft: Draft, journey: Journey, step: CloseConversation, visit: int) -> int:
    """The trigger's conversation or the last one is to be closed; with none of them nothing is commanded."""
    channel, conversation = _which(draft, journey, step.which)
    draft.emit(
        ConversationCloseCommanded(
            **draft.at(journey, step.id, visit),
            command=derived(journey.id, step.id, visit, "close"),
            channel=channel,
            conversation=conversation,
        )
    )
    return step.next


def assign(draft: Draft, journey: Journey, step: Assign, visit: int) -> int:
    """The conversation is to be somebody's; of several agents a contact has always the same."""
    channel, conversation = _which(draft, journey, None)
    agents = step.agents
    agent = agents[spread(len(agents), draft.contact, journey.flow, step.id)] if agents else None
    draft.emit(
        ConversationAssignCommanded(
            **draft.at(journey, step.id, visit),
            command=derived(journey.id, step.id, visit, "assign"),
            channel=channel,
            conversation=conversation,
            agent=agent,
            team=step.team,
            priority=step.priority,
        )
    )
    return step.next


def _which(
    draft: Draft, journey: Journey, which: Literal["trigger", "last"] | None
) -> tuple[str | None, str | None]:
    """Channel and thread of a conversation; None: the trigger's if it has one, else the last."""
    if which == "last" or (which is None and journey.conversation is None):
        known = draft.state.conversations
        channel = next(reversed(known), None)
        return channel, known[channel].id if channel is not None else None
    return journey.channel, journey.conversation
