"""What happened, and ticks: the records of the inbound topic.

Made from the .avsc files by `python -m schemas.generate`: change those, not this. They are the wire format:
a class, its Avro record and its folder share one name.
"""

import msgspec

from schemas.types.value import Value

__all__ = [
    "AgentMessageSent",
    "CancelJourney",
    "CommandOutcome",
    "ConsentChanged",
    "ContactUpdated",
    "ConversationAssigned",
    "ConversationClosed",
    "ConversationOpened",
    "CustomerEvent",
    "DeliveryReported",
    "EraseContact",
    "Input",
    "MergeContacts",
    "MessageReceived",
    "QuickReplyRequested",
    "StartJourney",
    "Tick",
    "WebhookAnswered",
]


class AgentMessageSent(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """A message to the contact that a person (or a bot of the platform) sent, not Attesa."""

    source: str
    """Who sends this input: a platform, gateway or program. With `id` it names the input for ever."""
    id: str
    """The sender's own id of what happened (a message: the provider's message id). The same source and id
    again is a duplicate and yields nothing."""
    occurred_at: int
    """When it happened by the sender's claim, in ms since the epoch, UTC. Never trusted beyond the
    record's own timestamp."""
    channel: str
    """The channel, by the workspace's name for it: whatsapp, sms, email, push …"""
    conversation: str | None = None
    """The thread on the channel, by the platform's id; null where the platform has none."""
    text: str
    """What it says. Stays in inbound."""
    agent: str
    """Who wrote it, by the platform's id."""
    automatic: bool = False
    """True if the platform's own automation wrote it, not a person."""
    reply_to: str | None = None
    """The id of the message that it answers; null if none."""


class CancelJourney(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Ends the contact's running journeys of a flow."""

    source: str
    """Who sends this input: a platform, gateway or program. With `id` it names the input for ever."""
    id: str
    """The sender's own id of what happened (a message: the provider's message id). The same source and id
    again is a duplicate and yields nothing."""
    occurred_at: int
    """When it happened by the sender's claim, in ms since the epoch, UTC. Never trusted beyond the
    record's own timestamp."""
    flow: str
    """The flow."""
    journey: str | None = None
    """One journey only; null for all of that flow."""
    reason: str
    """Why: stands in the facts."""


class ConsentChanged(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """The contact gave or took back consent."""

    source: str
    """Who sends this input: a platform, gateway or program. With `id` it names the input for ever."""
    id: str
    """The sender's own id of what happened (a message: the provider's message id). The same source and id
    again is a duplicate and yields nothing."""
    occurred_at: int
    """When it happened by the sender's claim, in ms since the epoch, UTC. Never trusted beyond the
    record's own timestamp."""
    purpose: str
    """marketing, service, urgent or any."""
    channel: str | None = None
    """The channel it is about; null for all."""
    granted: bool
    """True if given, false if taken back."""
    reason: str | None = None
    """How it came about; null if unsaid."""


class ContactUpdated(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """What is known of the contact changed."""

    source: str
    """Who sends this input: a platform, gateway or program. With `id` it names the input for ever."""
    id: str
    """The sender's own id of what happened (a message: the provider's message id). The same source and id
    again is a duplicate and yields nothing."""
    occurred_at: int
    """When it happened by the sender's claim, in ms since the epoch, UTC. Never trusted beyond the
    record's own timestamp."""
    attributes: dict[str, Value] = {}
    """Attributes to set, by name. Personal values: sealed wherever they are kept."""
    unset: list[str] = []
    """Names of attributes to take away."""
    tags_added: list[str] = []
    """Tags to add."""
    tags_removed: list[str] = []
    """Tags to take away."""
    addresses: dict[str, str] = {}
    """Address by channel (a phone number, an e-mail address); an empty text takes it away. Personal
    values."""
    language: str | None = None
    """The contact's language (BCP 47), null to leave it."""
    zone: str | None = None
    """The contact's time zone by IANA name, null to leave it."""


class ConversationAssigned(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """A conversation was assigned."""

    source: str
    """Who sends this input: a platform, gateway or program. With `id` it names the input for ever."""
    id: str
    """The sender's own id of what happened (a message: the provider's message id). The same source and id
    again is a duplicate and yields nothing."""
    occurred_at: int
    """When it happened by the sender's claim, in ms since the epoch, UTC. Never trusted beyond the
    record's own timestamp."""
    channel: str
    """The channel, by the workspace's name for it: whatsapp, sms, email, push …"""
    conversation: str
    """The thread, by the platform's id."""
    agent: str | None = None
    """The agent it went to; null if to a team alone."""
    team: str | None = None
    """The team it went to; null if none."""


class ConversationClosed(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """A conversation was closed."""

    source: str
    """Who sends this input: a platform, gateway or program. With `id` it names the input for ever."""
    id: str
    """The sender's own id of what happened (a message: the provider's message id). The same source and id
    again is a duplicate and yields nothing."""
    occurred_at: int
    """When it happened by the sender's claim, in ms since the epoch, UTC. Never trusted beyond the
    record's own timestamp."""
    channel: str
    """The channel, by the workspace's name for it: whatsapp, sms, email, push …"""
    conversation: str
    """The thread, by the platform's id."""
    reason: str | None = None
    """Why, in the platform's words; null if unsaid."""


class ConversationOpened(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """A conversation was opened."""

    source: str
    """Who sends this input: a platform, gateway or program. With `id` it names the input for ever."""
    id: str
    """The sender's own id of what happened (a message: the provider's message id). The same source and id
    again is a duplicate and yields nothing."""
    occurred_at: int
    """When it happened by the sender's claim, in ms since the epoch, UTC. Never trusted beyond the
    record's own timestamp."""
    channel: str
    """The channel, by the workspace's name for it: whatsapp, sms, email, push …"""
    conversation: str
    """The thread, by the platform's id."""


class CustomerEvent(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Something the contact did that a platform reports: an order, a page view, a booking."""

    source: str
    """Who sends this input: a platform, gateway or program. With `id` it names the input for ever."""
    id: str
    """The sender's own id of what happened (a message: the provider's message id). The same source and id
    again is a duplicate and yields nothing."""
    occurred_at: int
    """When it happened by the sender's claim, in ms since the epoch, UTC. Never trusted beyond the
    record's own timestamp."""
    name: str
    """The event's name, dotted: order.completed."""
    properties: dict[str, Value] = {}
    """What is known of it. Nested values come flattened, keys joined by dots."""
    conversation: str | None = None
    """The thread on the channel, by the platform's id; null where the platform has none."""


class EraseContact(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Erases the contact: closes what is open, then destroys its key and its state."""

    source: str
    """Who sends this input: a platform, gateway or program. With `id` it names the input for ever."""
    id: str
    """The sender's own id of what happened (a message: the provider's message id). The same source and id
    again is a duplicate and yields nothing."""
    occurred_at: int
    """When it happened by the sender's claim, in ms since the epoch, UTC. Never trusted beyond the
    record's own timestamp."""
    requested_by: str
    """Who asked for it (a ticket, a role), never a personal value."""
    reason: str
    """Why."""


class MergeContacts(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Two contacts are one person: this one goes on under another id."""

    source: str
    """Who sends this input: a platform, gateway or program. With `id` it names the input for ever."""
    id: str
    """The sender's own id of what happened (a message: the provider's message id). The same source and id
    again is a duplicate and yields nothing."""
    occurred_at: int
    """When it happened by the sender's claim, in ms since the epoch, UTC. Never trusted beyond the
    record's own timestamp."""
    into: str
    """The contact id, in the same workspace, that stays."""


class MessageReceived(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """A message from the contact."""

    source: str
    """Who sends this input: a platform, gateway or program. With `id` it names the input for ever."""
    id: str
    """The sender's own id of what happened (a message: the provider's message id). The same source and id
    again is a duplicate and yields nothing."""
    occurred_at: int
    """When it happened by the sender's claim, in ms since the epoch, UTC. Never trusted beyond the
    record's own timestamp."""
    channel: str
    """The channel, by the workspace's name for it: whatsapp, sms, email, push …"""
    conversation: str | None = None
    """The thread on the channel, by the platform's id; null where the platform has none."""
    text: str
    """What it says. Stays in inbound (35 days); never enters a fact."""
    kind: str = "text"
    """text, button, media, reaction, receipt or out_of_office. Only text, button and media answer a wait
    by default."""
    reply_to: str | None = None
    """The id of the message that it quotes or answers; null if none."""
    button: str | None = None
    """The id of the reply button that was pressed; null if none."""
    media: str | None = None
    """A link to what came with it; null if nothing did."""


class QuickReplyRequested(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """An agent asked for a ready answer by its shortcut."""

    source: str
    """Who sends this input: a platform, gateway or program. With `id` it names the input for ever."""
    id: str
    """The sender's own id of what happened (a message: the provider's message id). The same source and id
    again is a duplicate and yields nothing."""
    occurred_at: int
    """When it happened by the sender's claim, in ms since the epoch, UTC. Never trusted beyond the
    record's own timestamp."""
    shortcut: str
    """The shortcut, with its slash."""
    agent: str
    """Who asked."""
    channel: str
    """The channel, by the workspace's name for it: whatsapp, sms, email, push …"""
    conversation: str | None = None
    """The thread on the channel, by the platform's id; null where the platform has none."""


class StartJourney(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """An operator or a platform starts a flow for this contact."""

    source: str
    """Who sends this input: a platform, gateway or program. With `id` it names the input for ever."""
    id: str
    """The sender's own id of what happened (a message: the provider's message id). The same source and id
    again is a duplicate and yields nothing."""
    occurred_at: int
    """When it happened by the sender's claim, in ms since the epoch, UTC. Never trusted beyond the
    record's own timestamp."""
    flow: str
    """The flow to start."""
    vars: dict[str, Value] = {}
    """Values for the journey's variables."""
    properties: dict[str, Value] = {}
    """Seen as the trigger's event properties."""
    conversation: str | None = None
    """The thread on the channel, by the platform's id; null where the platform has none."""
    channel: str | None = None
    """The channel of the conversation; null if none."""


class Tick(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Lets time pass on one partition. It has no contact and no time of its own: the record's timestamp,
    set by the broker, is the time.
    """

    ticker: str
    """Which ticker wrote it: for people only."""
    flows_through: int
    """Flow commands below this offset of the flows topic are in force from this tick on."""
    fire_limit: int = 500
    """At most so many due deadlines of contacts without an input of their own fire at this tick; 0: no
    limit."""


class CommandOutcome(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """What became of a command, said once by the dispatcher."""

    source: str
    """Who sends this input: a platform, gateway or program. With `id` it names the input for ever."""
    id: str
    """The sender's own id of what happened (a message: the provider's message id). The same source and id
    again is a duplicate and yields nothing."""
    occurred_at: int
    """When it happened by the sender's claim, in ms since the epoch, UTC. Never trusted beyond the
    record's own timestamp."""
    command: str
    """The id of the command."""
    outcome: str
    """accepted, failed, expired, stopped or unknown."""
    channel: str | None = None
    """The channel that was tried; null if none was."""
    provider_id: str | None = None
    """The provider's id of the message, by which replies quote it and receipts name it; null if it gave
    none."""
    reason: str | None = None
    """Why it was not accepted, in the words of the dispatcher or the provider; null if accepted."""
    attempts: int = 0
    """How many calls were made."""


class DeliveryReported(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """A receipt of the provider for a message that it had accepted."""

    source: str
    """Who sends this input: a platform, gateway or program. With `id` it names the input for ever."""
    id: str
    """The sender's own id of what happened (a message: the provider's message id). The same source and id
    again is a duplicate and yields nothing."""
    occurred_at: int
    """When it happened by the sender's claim, in ms since the epoch, UTC. Never trusted beyond the
    record's own timestamp."""
    command: str
    """The id of the command."""
    provider_id: str | None = None
    """The provider's id of the message."""
    status: str
    """delivered, read or failed."""
    reason: str | None = None
    """Why it failed; null otherwise."""


class WebhookAnswered(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """The answer to a webhook that a flow called."""

    source: str
    """Who sends this input: a platform, gateway or program. With `id` it names the input for ever."""
    id: str
    """The sender's own id of what happened (a message: the provider's message id). The same source and id
    again is a duplicate and yields nothing."""
    occurred_at: int
    """When it happened by the sender's claim, in ms since the epoch, UTC. Never trusted beyond the
    record's own timestamp."""
    command: str
    """The id of the command."""
    status: int
    """The HTTP status; 0 if there was no answer."""
    properties: dict[str, Value] = {}
    """The answer's body, flattened, keys joined by dots."""
    reason: str | None = None
    """Why there is no answer; null if there is."""


Input = (
    AgentMessageSent
    | CancelJourney
    | ConsentChanged
    | ContactUpdated
    | ConversationAssigned
    | ConversationClosed
    | ConversationOpened
    | CustomerEvent
    | EraseContact
    | MergeContacts
    | MessageReceived
    | QuickReplyRequested
    | StartJourney
    | Tick
    | CommandOutcome
    | DeliveryReported
    | WebhookAnswered
)
"""What happened, and ticks: the records of the inbound topic."""
