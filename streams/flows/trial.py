"""What is tried on a flow: a contact, a beginning, and what happens when. Nothing of it is real."""

from collections.abc import Callable
from typing import Any, Literal

import msgspec

from schemas.types.value import Value

__all__ = [
    "Act",
    "AgentWrites",
    "ContactWrites",
    "ConversationIs",
    "EventHappens",
    "Known",
    "KnownChanges",
    "ReceiptComes",
    "StartedByHand",
    "Statuses",
    "Timed",
    "Trial",
    "Whats",
    "first_act",
]

Statuses = Literal["delivered", "read", "failed"]
Whats = Literal["opened", "assigned", "closed"]


class _Act(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happens."""


class ContactWrites(_Act, frozen=True, kw_only=True):
    """The contact writes. Without a channel: by the last message's, else the flow's."""

    text: str
    channel: str | None = None
    conversation: str | None = None
    kind: str = "text"
    button: str | None = None


class AgentWrites(_Act, frozen=True, kw_only=True):
    """An agent writes to the contact."""

    text: str
    channel: str | None = None
    conversation: str | None = None


class EventHappens(_Act, frozen=True, kw_only=True):
    """A platform reports an event."""

    name: str
    properties: dict[str, Value] = {}
    conversation: str | None = None


class ReceiptComes(_Act, frozen=True, kw_only=True):
    """The provider's receipt for the last message sent, or for the last of a step."""

    status: Statuses
    of: str | None = None


class ConversationIs(_Act, frozen=True, kw_only=True):
    """A conversation is opened, assigned or closed."""

    what: Whats
    channel: str | None = None
    conversation: str | None = None


class StartedByHand(_Act, frozen=True, kw_only=True):
    """Somebody starts the flow for the contact."""

    vars: dict[str, Value] = {}
    properties: dict[str, Value] = {}


class Known(_Act, frozen=True, kw_only=True):
    """What is known of a contact; None: as it is."""

    zone: str | None = None
    language: str | None = None
    attributes: dict[str, Value] = {}
    """By name; None takes one away."""
    tags: tuple[str, ...] = ()
    untagged: tuple[str, ...] = ()
    consent: dict[str, bool] = {}
    """Purpose to granted or not."""

    def __bool__(self) -> bool:
        """Whether it says anything."""
        return self != Known()


class KnownChanges(_Act, frozen=True, kw_only=True):
    """What is known of the contact changes."""

    to: Known


Act = (
    ContactWrites | AgentWrites | EventHappens | ReceiptComes | ConversationIs | StartedByHand | KnownChanges
)


class Timed(msgspec.Struct, frozen=True):
    """An act, so many ms after the beginning."""

    at: int
    act: Act


class Trial(msgspec.Struct, frozen=True):
    """One contact's trial of a flow."""

    start: int
    """ms UTC."""
    contact: Known
    acts: tuple[Timed, ...] = ()
    """In any order; of those at one moment the first goes first."""

    def in_order(self) -> list[Timed]:
        """The acts by their moments."""
        return sorted(self.acts, key=lambda each: each.at)


def first_act(kind: str, name: str | None, properties: dict[str, Any]) -> Act | None:
    """What makes a trigger of that kind happen; None if nothing here can."""
    named = name or ""
    makers: dict[str, Callable[[], Act]] = {
        "event": lambda: EventHappens(name=named, properties=properties),
        "message": lambda: ContactWrites(text=str(properties.get("text", "ciao"))),
        "agent_message": lambda: AgentWrites(text="buongiorno"),
        "conversation": lambda: ConversationIs(what=msgspec.convert(name, Whats)),
        "tag_added": lambda: KnownChanges(to=Known(tags=(named,))),
        "opted_out": lambda: KnownChanges(to=Known(consent={name or "any": False})),
        "manual": StartedByHand,
    }
    return makers[kind]() if kind in makers else None
