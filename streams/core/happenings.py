"""What can happen to a story: inputs of the contact, outcomes, time, and flow commands."""

from collections.abc import Callable
from typing import Any, Literal

from schemas.types.flow_commands import (
    AutomationsStarted,
    AutomationsStopped,
    FlowCommand,
    FlowPaused,
    FlowPublished,
    FlowResumed,
    FlowRetired,
    WorkspaceConfigured,
)
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
    MessageReceived,
    StartJourney,
)
from streams.core.partition import Change, FlowEntry
from streams.core.program import Program, WorkspaceSettings
from streams.core.story import Happens, Story

__all__ = [
    "agent_message",
    "cancel",
    "configure",
    "consent",
    "conversation",
    "erase",
    "event",
    "message",
    "operator",
    "outcome",
    "passes",
    "passes_silently",
    "pause",
    "publish",
    "receipt",
    "record",
    "resume",
    "retire",
    "start",
    "stop",
    "unstop",
    "update",
]


def record(made: Input, *, timestamp: int | None = None) -> Happens:
    """This very record comes, now or with that timestamp of its own."""
    return lambda story: story.put(made, timestamp=timestamp)


def _input(kind: Any, id_: str | None, said: int | None, /, **fields: Any) -> Happens:
    """An input with an id of its own and a claimed time, by default now."""

    def happens(story: Story) -> None:
        name = id_ if id_ is not None else f"{kind.__name__}-{story.offset}"
        at = story.now if said is None else said
        story.put(kind(source="test", id=name, occurred_at=at, **fields))

    return happens


def message(
    text: str = "ciao",
    *,
    channel: str = "whatsapp",
    conversation: str | None = None,
    kind: str = "text",
    reply_to: str | None = None,
    button: str | None = None,
    media: str | None = None,
    id: str | None = None,  # noqa: A002 - the field's name
    said: int | None = None,
) -> Happens:
    """The contact writes. `said`: when, by the sender's claim, ms UTC."""
    return _input(
        MessageReceived,
        id,
        said,
        text=text,
        channel=channel,
        conversation=conversation,
        kind=kind,
        reply_to=reply_to,
        button=button,
        media=media,
    )


def agent_message(
    text: str = "buongiorno",
    *,
    channel: str = "whatsapp",
    conversation: str | None = None,
    automatic: bool = False,
    reply_to: str | None = None,
    id: str | None = None,  # noqa: A002 - the field's name
    said: int | None = None,
) -> Happens:
    """An agent writes to the contact."""
    return _input(
        AgentMessageSent,
        id,
        said,
        text=text,
        agent="ag-1",
        channel=channel,
        conversation=conversation,
        automatic=automatic,
        reply_to=reply_to,
    )


def event(
    name: str,
    /,
    *,
    conversation: str | None = None,
    id: str | None = None,  # noqa: A002 - the field's name
    said: int | None = None,
    **properties: Any,
) -> Happens:
    """The contact does something that a platform reports, with these properties."""
    return _input(CustomerEvent, id, said, name=name, properties=properties, conversation=conversation)


def update(*, id: str | None = None, **fields: Any) -> Happens:  # noqa: A002 - the field's name
    """What is known of the contact changes: the fields of ContactUpdated."""
    return _input(ContactUpdated, id, None, **fields)


def consent(purpose: str, *, granted: bool, channel: str | None = None) -> Happens:
    """The contact gives or takes back consent."""
    return _input(ConsentChanged, None, None, purpose=purpose, granted=granted, channel=channel)


def conversation(
    what: Literal["opened", "assigned", "closed"], name: str, *, channel: str = "whatsapp"
) -> Happens:
    """A conversation is opened, assigned or closed."""
    kinds = {"opened": ConversationOpened, "assigned": ConversationAssigned, "closed": ConversationClosed}
    return _input(kinds[what], None, None, channel=channel, conversation=name)


def start(flow: str, **fields: Any) -> Happens:
    """Somebody starts a flow by hand: the fields of StartJourney."""
    return _input(StartJourney, None, None, flow=flow, **fields)


def cancel(flow: str, *, journey: str | None = None) -> Happens:
    """Somebody cancels the contact's journeys of a flow."""
    return _input(CancelJourney, None, None, flow=flow, journey=journey, reason="asked")


def erase() -> Happens:
    """The contact is erased."""
    return _input(EraseContact, None, None, requested_by="ticket 7", reason="asked")


def outcome(
    what: str,
    *,
    of: str | None = None,
    command: str | None = None,
    provider_id: str | None = None,
    reason: str | None = None,
    said: int | None = None,
) -> Happens:
    """The dispatcher says what became of the last send, of the last of a step, or of that command."""

    def happens(story: Story) -> None:
        about = command if command is not None else story.sent(of).id
        _input(
            CommandOutcome,
            f"{about}:{what}",
            said,
            command=about,
            outcome=what,
            provider_id=provider_id,
            reason=reason,
        )(story)

    return happens


def receipt(
    status: str, *, of: str | None = None, command: str | None = None, reason: str | None = None
) -> Happens:
    """The provider's receipt for the last send, the last of a step, or that command."""

    def happens(story: Story) -> None:
        about = command if command is not None else story.sent(of).id
        _input(DeliveryReported, None, None, command=about, status=status, reason=reason)(story)

    return happens


def passes(span: int) -> Happens:
    """So many ms pass, with a tick at each moment at which something falls due, and one at the end."""

    def happens(story: Story) -> None:
        end = story.now + span
        while (soonest := story.contacts.soonest()) is not None and soonest[0] <= end:
            story.now = max(story.now, soonest[0])
            story.tick()
        story.now = end
        story.tick()

    return happens


def passes_silently(span: int) -> Happens:
    """So many ms pass without a tick: the ticker is away."""

    def happens(story: Story) -> None:
        story.now += span

    return happens


def operator(
    made: Callable[[str, int, str], FlowCommand], change: Change | None = None, refused: str | None = None
) -> Happens:
    """A flow command, made from an id, a time and a workspace, in force from the tick that follows."""

    def happens(story: Story) -> None:
        offset = len(story.flows.entries)
        story.flows.entries.append(
            FlowEntry(offset, made(f"command-{offset}", story.now, story.state.workspace), change, refused)
        )
        story.tick()

    return happens


def publish(program: Program) -> Happens:
    """A flow is published."""
    return operator(
        lambda id_, at, _: FlowPublished(
            id=id_,
            by="test",
            at=at,
            workspace=program.workspace,
            flow=program.flow,
            source="",
            definition="",
            content=program.content,
            grammar=1,
            rules=program.rules,
        ),
        program,
    )


def configure(settings: WorkspaceSettings) -> Happens:
    """The workspace is configured."""
    return operator(
        lambda id_, at, _: WorkspaceConfigured(
            id=id_,
            by="test",
            at=at,
            workspace=settings.id,
            source="",
            definition="",
            content=settings.content,
        ),
        settings,
    )


def _of_flow(kind: Any, flow: str) -> Happens:
    return operator(lambda id_, at, workspace: kind(id=id_, by="test", at=at, workspace=workspace, flow=flow))


def pause(flow: str) -> Happens:
    """A flow is paused."""
    return _of_flow(FlowPaused, flow)


def resume(flow: str) -> Happens:
    """A paused flow goes on."""
    return _of_flow(FlowResumed, flow)


def retire(flow: str) -> Happens:
    """A flow takes no entries any more."""
    return _of_flow(FlowRetired, flow)


def stop(flow: str | None = None, channel: str | None = None) -> Happens:
    """The kill switch is thrown."""
    return operator(
        lambda id_, at, workspace: AutomationsStopped(
            id=id_, by="test", at=at, workspace=workspace, flow=flow, channel=channel
        )
    )


def unstop(flow: str | None = None, channel: str | None = None) -> Happens:
    """The kill switch is taken back."""
    return operator(
        lambda id_, at, workspace: AutomationsStarted(
            id=id_, by="test", at=at, workspace=workspace, flow=flow, channel=channel
        )
    )
