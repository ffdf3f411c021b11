"""Commands and flow commands as the delivery tests need them, made by the product's own parsers."""

from typing import Any

from schemas.types.commands import CloseConversation, SendMessage
from schemas.types.flow_commands import (
    AutomationsStarted,
    AutomationsStopped,
    FlowCommand,
    FlowPaused,
    FlowPublished,
    FlowResumed,
    WorkspaceConfigured,
)
from streams.delivery.world import FoldedWorld
from streams.flows import (
    GRAMMAR,
    RULES,
    FlowFile,
    content_of,
    definition,
    parse,
    parse_workspace,
    workspace_definition,
)
from streams.flows.model import Workspace
from streams.log.flow_log import entry_of

__all__ = [
    "AT",
    "FLOW",
    "closing",
    "configured",
    "paused",
    "published",
    "resumed",
    "sending",
    "started",
    "stopped",
    "world_of",
]

AT = 1_800_000_000_000
"""A moment, ms."""
FLOW = "hello"

_CHANNELS = "whatsapp: {via: console}, email: {via: file, path: out.jsonl}"
_STEPS = """
  - {id: hi, send: {channel: whatsapp, text: "Ciao {{ contact.name }}"}}
  - {id: mail, send: {channel: email, text: "Gentile {{ contact.name }}", subject: "Per {{ contact.name }}"}}
"""


def configured(
    channels: str = _CHANNELS, *, workspace: str = "acme", number: int = 0, assumed: bool = False
) -> WorkspaceConfigured:
    """A workspace with these channels (YAML flow style)."""
    delivery = "delivery: assumed" if assumed else ""
    head = f"workspace: {workspace}\nzone: Europe/Rome\nlanguage: it\n"
    source = f"{head}channels: {{{channels}}}\n{delivery}\n"
    parsed = parse_workspace(source, "workspace.yaml")
    assert isinstance(parsed, Workspace), parsed
    text = workspace_definition(parsed)
    return WorkspaceConfigured(
        id=f"configure-{workspace}-{number}",
        by="test",
        at=AT,
        workspace=workspace,
        source=source,
        definition=text,
        content=content_of(text),
    )


def published(
    steps: str = _STEPS, *, workspace: str = "acme", flow: str = FLOW, number: int = 0
) -> FlowPublished:
    """A flow of these steps (YAML), triggered by any message."""
    source = f"flow: {flow}\ntrigger: {{message: any}}\nsteps:\n{steps}"
    parsed = parse(source, "flow.yaml")
    assert isinstance(parsed, FlowFile), parsed
    text = definition(parsed.flow)
    return FlowPublished(
        id=f"publish-{workspace}-{flow}-{number}",
        by="test",
        at=AT,
        workspace=workspace,
        flow=flow,
        source=source,
        definition=text,
        content=content_of(text),
        grammar=GRAMMAR,
        rules=RULES,
    )


def paused(number: int = 0, *, workspace: str = "acme", flow: str = FLOW) -> FlowPaused:
    """The flow is paused."""
    return FlowPaused(id=f"pause-{number}", by="test", at=AT, workspace=workspace, flow=flow)


def resumed(number: int = 0, *, workspace: str = "acme", flow: str = FLOW) -> FlowResumed:
    """It goes on."""
    return FlowResumed(id=f"resume-{number}", by="test", at=AT, workspace=workspace, flow=flow)


def stopped(
    number: int = 0, *, workspace: str = "acme", flow: str | None = None, channel: str | None = None
) -> AutomationsStopped:
    """The kill switch."""
    return AutomationsStopped(
        id=f"stop-{number}", by="test", at=AT, workspace=workspace, flow=flow, channel=channel
    )


def started(
    number: int = 0, *, workspace: str = "acme", flow: str | None = None, channel: str | None = None
) -> AutomationsStarted:
    """It is taken back."""
    return AutomationsStarted(
        id=f"start-{number}", by="test", at=AT, workspace=workspace, flow=flow, channel=channel
    )


def sending(name: str = "c", *, contact: str = "acme/anna", **changes: Any) -> SendMessage:
    """A send by WhatsApp that may go from `AT` for an hour. Its journey is its contact's."""
    fields: dict[str, Any] = {
        "id": name,
        "contact": contact,
        "at": AT,
        "fact": f"fact-{name}",
        "flow": FLOW,
        "version": 1,
        "journey": f"journey-{contact}",
        "step": "hi",
        "channel": "whatsapp",
        "template": "hi",
        "language": "it",
        "purpose": "service",
        "variables": {"contact.name": "Anna"},
        "not_before": AT,
        "not_after": AT + 3_600_000,
    }
    return SendMessage(**{**fields, **changes})


def closing(name: str = "c", *, contact: str = "acme/anna", channel: str = "whatsapp") -> CloseConversation:
    """A close of a conversation."""
    return CloseConversation(
        id=name,
        contact=contact,
        at=AT,
        fact=f"fact-{name}",
        flow=FLOW,
        version=1,
        journey=f"journey-{contact}",
        step="close",
        channel=channel,
        conversation="thread-1",
    )


def world_of(*records: FlowCommand) -> FoldedWorld:
    """What these flow commands come to."""
    world = FoldedWorld()
    world.apply(entry_of(offset, record) for offset, record in enumerate(records))
    return world
