"""Things for the world to do: the records of the commands topic.

Made from the .avsc files by `python -m schemas.generate`: change those, not this. They are the wire format:
a class, its Avro record and its folder share one name.
"""

import msgspec

from schemas.types.value import Value

__all__ = [
    "AssignConversation",
    "CallWebhook",
    "CloseConversation",
    "Command",
    "SendMessage",
]


class AssignConversation(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Assign the conversation."""

    id: str
    """Derived: the same decision makes the same id. The idempotency key towards providers."""
    contact: str
    """workspace/contact_id, the record's key."""
    at: int
    """The clock at the decision."""
    fact: str
    """The fact that it stands beside."""
    flow: str
    """The flow."""
    version: int
    """The flow's version, 1 for its first."""
    journey: str
    """The journey."""
    step: str
    """The step's id."""
    visit: int = 1
    """How often the journey has come to this step, from 1."""
    channel: str | None = None
    """Its channel."""
    conversation: str
    """The thread."""
    agent: str | None = None
    """To this agent."""
    team: str | None = None
    """To this team."""
    priority: str = "normal"
    """low, normal or high."""


class CallWebhook(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Call a platform's webhook and say what it answered."""

    id: str
    """Derived: the same decision makes the same id. The idempotency key towards providers."""
    contact: str
    """workspace/contact_id, the record's key."""
    at: int
    """The clock at the decision."""
    fact: str
    """The fact that it stands beside."""
    flow: str
    """The flow."""
    version: int
    """The flow's version, 1 for its first."""
    journey: str
    """The journey."""
    step: str
    """The step's id."""
    visit: int = 1
    """How often the journey has come to this step, from 1."""
    url: str
    """Where."""
    method: str = "POST"
    """GET, POST, PUT, PATCH or DELETE."""
    headers: dict[str, str] = {}
    """Header name to the name of a secret."""
    body: dict[str, Value] = {}
    """What to send."""
    not_after: int
    """Not to be called after."""


class CloseConversation(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Close the conversation."""

    id: str
    """Derived: the same decision makes the same id. The idempotency key towards providers."""
    contact: str
    """workspace/contact_id, the record's key."""
    at: int
    """The clock at the decision."""
    fact: str
    """The fact that it stands beside."""
    flow: str
    """The flow."""
    version: int
    """The flow's version, 1 for its first."""
    journey: str
    """The journey."""
    step: str
    """The step's id."""
    visit: int = 1
    """How often the journey has come to this step, from 1."""
    channel: str | None = None
    """Its channel."""
    conversation: str
    """The thread."""


class SendMessage(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Send this message to the contact."""

    id: str
    """Derived: the same decision makes the same id. The idempotency key towards providers."""
    contact: str
    """workspace/contact_id, the record's key."""
    at: int
    """The clock at the decision."""
    fact: str
    """The fact that it stands beside."""
    flow: str
    """The flow."""
    version: int
    """The flow's version, 1 for its first."""
    journey: str
    """The journey."""
    step: str
    """The step's id."""
    visit: int = 1
    """How often the journey has come to this step, from 1."""
    channel: str
    """The channel, by the workspace's name for it: whatsapp, sms, email, push …"""
    address: str | None = None
    """Where to; null where the channel needs none."""
    conversation: str | None = None
    """The thread on the channel, by the platform's id; null where the platform has none."""
    template: str | None = None
    """The template's name, or the step's id where the text stands in the flow; null if there is no
    message."""
    language: str
    """The language."""
    purpose: str
    """urgent, service or marketing."""
    variables: dict[str, Value] = {}
    """What the template may name, keys dotted: contact.name, event.total, vars.x."""
    reply_to: str | None = None
    """The message that it answers; null if none."""
    not_before: int
    """Not to be sent before."""
    not_after: int
    """Not to be sent after."""
    on_unknown: str = "hold"
    """hold or resend: what to do when nobody knows whether a call got through."""


Command = AssignConversation | CallWebhook | CloseConversation | SendMessage
"""Things for the world to do: the records of the commands topic."""
