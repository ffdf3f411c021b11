"""What operators say: the records of the flows topic.

Made from the .avsc files by `python -m schemas.generate`: change those, not this. They are the wire format:
a class, its Avro record and its folder share one name.
"""

import msgspec

__all__ = [
    "AutoReplyConfigured",
    "AutomationsStarted",
    "AutomationsStopped",
    "FlowCommand",
    "FlowEnded",
    "FlowPaused",
    "FlowPublished",
    "FlowResumed",
    "FlowRetired",
    "PresenceChanged",
    "WorkspaceConfigured",
]


class AutoReplyConfigured(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """An automatic reply's configuration, whole."""

    id: str
    """Names the command for ever; the same id again is nothing new."""
    by: str
    """Who said it."""
    at: int
    """When it was said, by the sayer's clock. In force from the next tick."""
    reason: str | None = None
    """Why; null if unsaid."""
    workspace: str
    """The workspace."""
    autoreply: str
    """Its id."""
    source: str
    """The file as written (YAML)."""
    definition: str
    """The same, parsed and checked, as canonical JSON."""
    content: str
    """SHA-256 of the definition, hex."""


class AutomationsStarted(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Takes a kill switch back."""

    id: str
    """Names the command for ever; the same id again is nothing new."""
    by: str
    """Who said it."""
    at: int
    """When it was said, by the sayer's clock. In force from the next tick."""
    reason: str | None = None
    """Why; null if unsaid."""
    workspace: str
    """The workspace."""
    flow: str | None = None
    """One flow only; null for all."""
    channel: str | None = None
    """One channel only; null for all."""


class AutomationsStopped(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Kill switch: nothing of this scope leaves any more."""

    id: str
    """Names the command for ever; the same id again is nothing new."""
    by: str
    """Who said it."""
    at: int
    """When it was said, by the sayer's clock. In force from the next tick."""
    reason: str | None = None
    """Why; null if unsaid."""
    workspace: str
    """The workspace."""
    flow: str | None = None
    """One flow only; null for all."""
    channel: str | None = None
    """One channel only; null for all."""


class FlowEnded(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Ends all journeys of the flow."""

    id: str
    """Names the command for ever; the same id again is nothing new."""
    by: str
    """Who said it."""
    at: int
    """When it was said, by the sayer's clock. In force from the next tick."""
    reason: str | None = None
    """Why; null if unsaid."""
    workspace: str
    """The workspace."""
    flow: str
    """The flow."""


class FlowPaused(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Stops the flow's actions; measurement goes on."""

    id: str
    """Names the command for ever; the same id again is nothing new."""
    by: str
    """Who said it."""
    at: int
    """When it was said, by the sayer's clock. In force from the next tick."""
    reason: str | None = None
    """Why; null if unsaid."""
    workspace: str
    """The workspace."""
    flow: str
    """The flow."""


class FlowPublished(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """A flow's content goes live as its next version."""

    id: str
    """Names the command for ever; the same id again is nothing new."""
    by: str
    """Who said it."""
    at: int
    """When it was said, by the sayer's clock. In force from the next tick."""
    reason: str | None = None
    """Why; null if unsaid."""
    workspace: str
    """The workspace."""
    flow: str
    """The flow."""
    source: str
    """The flow file as its author wrote it (YAML), comments and all."""
    definition: str
    """The same, parsed and checked, as canonical JSON: what workers compile. Templates are in it."""
    content: str
    """SHA-256 of the definition, hex. Content that is in force already is nothing new."""
    grammar: int
    """The version of the flow language."""
    rules: int
    """The version of the decision rules that this flow version is decided by."""
    allowed: dict[str, str] = {}
    """Findings of the review that were allowed: code to reason."""


class FlowResumed(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Lets a paused flow go on."""

    id: str
    """Names the command for ever; the same id again is nothing new."""
    by: str
    """Who said it."""
    at: int
    """When it was said, by the sayer's clock. In force from the next tick."""
    reason: str | None = None
    """Why; null if unsaid."""
    workspace: str
    """The workspace."""
    flow: str
    """The flow."""


class FlowRetired(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """No entries any more; those inside finish."""

    id: str
    """Names the command for ever; the same id again is nothing new."""
    by: str
    """Who said it."""
    at: int
    """When it was said, by the sayer's clock. In force from the next tick."""
    reason: str | None = None
    """Why; null if unsaid."""
    workspace: str
    """The workspace."""
    flow: str
    """The flow."""


class PresenceChanged(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """An agent came online or went."""

    id: str
    """Names the command for ever; the same id again is nothing new."""
    by: str
    """Who said it."""
    at: int
    """When it was said, by the sayer's clock. In force from the next tick."""
    reason: str | None = None
    """Why; null if unsaid."""
    workspace: str
    """The workspace."""
    agent: str
    """The agent."""
    online: bool
    """True: came; false: went."""


class WorkspaceConfigured(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """The workspace's settings, whole."""

    id: str
    """Names the command for ever; the same id again is nothing new."""
    by: str
    """Who said it."""
    at: int
    """When it was said, by the sayer's clock. In force from the next tick."""
    reason: str | None = None
    """Why; null if unsaid."""
    workspace: str
    """The workspace."""
    source: str
    """The workspace file as written (YAML)."""
    definition: str
    """The same, parsed and checked, as canonical JSON; holidays expanded to dates."""
    content: str
    """SHA-256 of the definition, hex."""


FlowCommand = (
    AutoReplyConfigured
    | AutomationsStarted
    | AutomationsStopped
    | FlowEnded
    | FlowPaused
    | FlowPublished
    | FlowResumed
    | FlowRetired
    | PresenceChanged
    | WorkspaceConfigured
)
"""What operators say: the records of the flows topic."""
