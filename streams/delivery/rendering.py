"""From a command to what the contact reads."""

from typing import Any, assert_never

from schemas.types.commands import AssignConversation, CallWebhook, CloseConversation, Command, SendMessage
from streams.core.program import ChannelSettings
from streams.delivery.decision import workspace_of
from streams.delivery.message import Message, Result
from streams.delivery.world import FoldedWorld
from streams.flows.templates import Rendered, TemplateError, render

__all__ = ["message_of"]


def message_of(
    command: Command, channel: ChannelSettings, world: FoldedWorld, *, at: int, traceparent: str | None
) -> Message | Result:
    """The command made ready for its channel; `failed` with the reason where its text cannot be made.

    A reason names templates and variables, never their values.
    """
    common: dict[str, Any] = {
        "id": command.id,
        "contact": command.contact,
        "channel": channel.name,
        "sender": channel.sender,
        "flow": command.flow,
        "version": command.version,
        "journey": command.journey,
        "step": command.step,
        "at": at,
        "traceparent": traceparent,
    }
    match command:
        case SendMessage():
            rendered = _rendered(command, world)
            if isinstance(rendered, Result):
                return rendered
            return Message(
                kind="message",
                address=command.address,
                conversation=command.conversation,
                text=rendered.text,
                subject=rendered.subject,
                template=command.template,
                language=rendered.language if rendered.language != "*" else command.language,
                purpose=command.purpose,
                reply_to=command.reply_to,
                resend=command.on_unknown == "resend",
                **common,
            )
        case CloseConversation():
            return Message(kind="close_conversation", conversation=command.conversation, **common)
        case AssignConversation():
            return Message(
                kind="assign_conversation",
                conversation=command.conversation,
                agent=command.agent,
                team=command.team,
                priority=command.priority,
                **common,
            )
        case CallWebhook():
            raise AssertionError("a CallWebhook goes by no channel")
        case _:
            assert_never(command)


def _rendered(command: SendMessage, world: FoldedWorld) -> Rendered | Result:
    workspace = workspace_of(command)
    texts = world.texts(workspace, command.flow, command.version)
    if texts is None:
        return Result("failed", reason=f"unknown_version: {command.flow} {command.version}")
    settings = world.workspace(workspace)
    try:
        return render(
            texts.templates,
            command.template or command.step,
            command.language,
            command.variables,
            fallback_language=settings.language if settings else None,
            send=texts.sends.get(command.step),
        )
    except TemplateError as error:
        return Result("failed", reason=f"template: {error}")
