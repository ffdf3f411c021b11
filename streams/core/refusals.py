"""What is refused before anything is decided: an input that is well formed and still cannot be acted on.

A refusal is a value. The shell writes it to the dead letters with the record's bytes; the contact's state
stays as it was, so the same input may come again after the cause is mended.
"""

from enum import StrEnum

import msgspec

from schemas.types.inputs import (
    AgentMessageSent,
    CommandOutcome,
    ConsentChanged,
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
)
from streams.core.program import WorkspaceSettings
from streams.core.state import MAX_ATTRIBUTE_BYTES

__all__ = [
    "ANSWERING",
    "KINDS",
    "MAX_ID",
    "MAX_TEXT",
    "OUTCOMES",
    "PURPOSES",
    "STATUSES",
    "DeadReason",
    "refusal",
]

ANSWERING = frozenset({"text", "button", "media"})
"""Kinds of messages that a person means as an answer."""
KINDS = ANSWERING | {"reaction", "receipt", "out_of_office"}
OUTCOMES = frozenset({"accepted", "failed", "expired", "stopped", "unknown"})
STATUSES = frozenset({"delivered", "read", "failed"})
PURPOSES = frozenset({"marketing", "service", "urgent", "any"})
MAX_ID = 512
"""The longest id, name or word that an input may carry, characters."""
MAX_TEXT = 65_536
"""The longest message, characters."""


class DeadReason(StrEnum):
    """Why an input is a dead letter. Closed: the shell, the metrics and the docs name the same."""

    NO_CONTACT = "no_contact"
    """An input about a contact that has no key."""
    BAD_CONTACT = "bad_contact"
    """The key is not workspace/contact_id."""
    UNKNOWN_WORKSPACE = "unknown_workspace"
    """No WorkspaceConfigured is in force for it."""
    UNKNOWN_CHANNEL = "unknown_channel"
    """The workspace has no channel of that name."""
    UNKNOWN_FLOW = "unknown_flow"
    """StartJourney names a flow that was never published."""
    UNKNOWN_KIND = "unknown_kind"
    """A message, outcome, receipt or purpose of a kind that does not exist."""
    EMPTY_MESSAGE = "empty_message"
    """No text, no media, no button."""
    TEXT_TOO_LONG = "text_too_long"
    """A text over `MAX_TEXT` characters."""
    BAD_ID = "bad_id"
    """An id or a name that is empty, over `MAX_ID` characters, or holds NUL."""
    PROPERTIES_TOO_LARGE = "properties_too_large"
    """Event properties over 16 KB."""
    MERGE_NOT_SUPPORTED = "merge_not_supported"
    """Contacts cannot be merged in this version."""


_size = msgspec.msgpack.Encoder().encode


def refusal(record: Input, settings: WorkspaceSettings | None) -> DeadReason | None:  # noqa: C901, PLR0912 - one arm an input
    """Why this input of a contact cannot be decided; None if it can. `settings`: its workspace's."""
    if isinstance(record, Tick):
        return None
    if not _named(record.source, record.id):
        return DeadReason.BAD_ID
    if isinstance(record, EraseContact):
        return None
    if settings is None:
        return DeadReason.UNKNOWN_WORKSPACE
    reason: DeadReason | None = None
    match record:
        case MessageReceived():
            reason = _message(record)
        case AgentMessageSent():
            reason = _text(record.text) or _ids(record.conversation, record.reply_to, record.agent or None)
        case CustomerEvent():
            reason = _ids(record.name, record.conversation) or _properties(record.properties)
        case StartJourney():
            reason = _ids(record.conversation, record.flow) or _properties(
                {**record.properties, **record.vars}
            )
        case CommandOutcome():
            reason = _one_of(record.outcome, OUTCOMES) or _ids(record.provider_id)
        case DeliveryReported():
            reason = _one_of(record.status, STATUSES) or _ids(record.provider_id or None)
        case ConsentChanged():
            reason = _one_of(record.purpose, PURPOSES)
        case ConversationAssigned():
            reason = _ids(record.conversation, record.agent or None, record.team or None)
        case ConversationOpened() | ConversationClosed():
            reason = _ids(record.conversation)
        case MergeContacts():
            reason = DeadReason.MERGE_NOT_SUPPORTED
        case _:
            pass
    return reason or _channel(record, settings)


def _named(*names: str | None) -> bool:
    return all(name is None or (0 < len(name) <= MAX_ID and "\0" not in name) for name in names)


def _ids(*names: str | None) -> DeadReason | None:
    return None if _named(*names) else DeadReason.BAD_ID


def _one_of(value: str, allowed: frozenset[str]) -> DeadReason | None:
    return None if value in allowed else DeadReason.UNKNOWN_KIND


def _text(text: str) -> DeadReason | None:
    return DeadReason.TEXT_TOO_LONG if len(text) > MAX_TEXT else None


def _message(record: MessageReceived) -> DeadReason | None:
    if record.kind not in KINDS:
        return DeadReason.UNKNOWN_KIND
    says_nothing = not record.text.strip() and record.media is None and record.button is None
    if says_nothing and record.kind in ANSWERING:
        return DeadReason.EMPTY_MESSAGE
    return _text(record.text) or _ids(record.conversation, record.reply_to)


def _properties(properties: object) -> DeadReason | None:
    return DeadReason.PROPERTIES_TOO_LARGE if len(_size(properties)) > MAX_ATTRIBUTE_BYTES else None


def _channel(record: Input, settings: WorkspaceSettings) -> DeadReason | None:
    match record:
        case (
            MessageReceived()
            | AgentMessageSent()
            | ConversationOpened()
            | ConversationAssigned()
            | ConversationClosed()
            | ConsentChanged()
            | StartJourney()
            | QuickReplyRequested()
        ):
            channel = record.channel
        case _:
            return None
    return DeadReason.UNKNOWN_CHANNEL if channel is not None and settings.channel(channel) is None else None
