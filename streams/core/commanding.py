"""From a fact to the command that stands beside it."""

from collections.abc import Iterator

from schemas.types.commands import AssignConversation, CloseConversation, Command, SendMessage
from schemas.types.facts import (
    ConversationAssignCommanded,
    ConversationCloseCommanded,
    Fact,
    SendCommanded,
)
from schemas.types.value import Value
from streams.core.program import Send, WorkspaceSettings
from streams.core.registry import Registry, step_of
from streams.core.state import ContactState, Journey

__all__ = ["commands"]


def commands(fact: Fact, state: ContactState, registry: Registry) -> list[Command]:
    """What the world is to do because of this fact; `state` as it is after it. Most facts ask for nothing."""
    match fact:
        case SendCommanded():
            return [_send(fact, state, registry)]
        case ConversationCloseCommanded() if fact.conversation is not None:
            return [
                CloseConversation(
                    id=fact.command,
                    contact=fact.contact,
                    at=fact.at,
                    fact=fact.id,
                    flow=fact.flow,
                    version=fact.version,
                    journey=fact.journey,
                    step=fact.step,
                    visit=fact.visit,
                    channel=fact.channel,
                    conversation=fact.conversation,
                )
            ]
        case ConversationAssignCommanded() if fact.conversation is not None:
            return [
                AssignConversation(
                    id=fact.command,
                    contact=fact.contact,
                    at=fact.at,
                    fact=fact.id,
                    flow=fact.flow,
                    version=fact.version,
                    journey=fact.journey,
                    step=fact.step,
                    visit=fact.visit,
                    channel=fact.channel,
                    conversation=fact.conversation,
                    agent=fact.agent,
                    team=fact.team,
                    priority=fact.priority,
                )
            ]
        case _:
            return []


def _send(fact: SendCommanded, state: ContactState, registry: Registry) -> SendMessage:
    settings = registry.workspaces[state.workspace]
    step = step_of(registry, state.workspace, fact.flow, fact.version, fact.step, Send)
    return SendMessage(
        id=fact.command,
        contact=fact.contact,
        at=fact.at,
        fact=fact.id,
        flow=fact.flow,
        version=fact.version,
        journey=fact.journey,
        step=fact.step,
        visit=fact.visit,
        channel=fact.channel,
        address=state.addresses.get(fact.channel),
        conversation=fact.conversation,
        template=fact.template,
        language=fact.language,
        purpose=fact.purpose,
        variables=_variables(step, fact, state, settings),
        reply_to=_reply_to(fact, state, settings),
        not_before=fact.not_before,
        not_after=fact.not_after,
        on_unknown=step.on_unknown,
    )


def _reply_to(fact: SendCommanded, state: ContactState, settings: WorkspaceSettings) -> str | None:
    """On a threaded channel a message answers the contact's last in that thread."""
    channel = settings.channel(fact.channel)
    last = state.last_in.get(fact.channel)
    if channel is None or not channel.threaded or last is None or last.conversation != fact.conversation:
        return None
    return last.message


def _variables(
    step: Send, fact: SendCommanded, state: ContactState, settings: WorkspaceSettings
) -> dict[str, Value]:
    """What the template may name, by dotted path; paths that have no value are left out."""
    values = dict(_values(state, state.journeys[fact.journey], fact, settings))
    if step.variables is None:
        return values
    return {path: values[path] for path in step.variables if path in values}


def _values(
    state: ContactState, journey: Journey, fact: SendCommanded, settings: WorkspaceSettings
) -> Iterator[tuple[str, Value]]:
    yield "contact.id", state.contact.partition("/")[2]
    yield "contact.language", fact.language
    yield "contact.zone", state.zone or settings.zone
    yield from ((f"contact.{name}", value) for name, value in state.attributes.items())
    yield from ((f"event.{name}", value) for name, value in journey.properties.items())
    yield from ((f"vars.{name}", value) for name, value in journey.vars.items())
    yield "conversation.id", fact.conversation
    yield "conversation.channel", fact.channel
    yield "business.id", settings.id
    yield "business.zone", settings.zone
