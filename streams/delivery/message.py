"""What an adapter is handed: a command made ready, and what comes back."""

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from streams.delivery.decision import Outcome

__all__ = ["Adapter", "Gate", "Kind", "Message", "Result"]

Kind = Literal["message", "close_conversation", "assign_conversation"]


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """A message as the contact will read it, or another thing for a channel to do."""

    id: str
    """The command's id: the same in every call for it, the key by which a provider tells a repeat."""
    kind: Kind
    contact: str
    """workspace/contact_id."""
    channel: str
    sender: str | None = None
    address: str | None = None
    conversation: str | None = None
    text: str | None = None
    subject: str | None = None
    template: str | None = None
    language: str | None = None
    purpose: str | None = None
    reply_to: str | None = None
    agent: str | None = None
    team: str | None = None
    priority: str | None = None
    flow: str
    version: int
    journey: str
    step: str
    at: int
    """When it is sent, ms; of a history: when it was commanded."""
    resend: bool = False
    """The provider may call without a repeat being seen as such: the step says on_unknown: resend."""
    traceparent: str | None = None


class Result(msgspec.Struct, frozen=True):
    """What became of a call, or why there was none."""

    outcome: Outcome
    reason: str | None = None
    """A code of letters and underscores, or such a code, a colon and what is known of it; no personal value.
    """
    provider_id: str | None = None


class Gate(Protocol):
    """What every call passes, each further one too: it writes the attempts, waits for their acknowledgement
    and asks once more whether the message may go.
    """

    def __call__(self, messages: Sequence[Message]) -> list[Result | None]:
        """For each: None, call now; or the end that it has come to instead. Blocks until Kafka has
        acknowledged.
        """


class Adapter(Protocol):
    """A way out. Called from many threads at once; holds what it needs open until `close`."""

    @property
    def batches(self) -> bool:
        """Takes many messages in a call; of one contact at most one."""

    @property
    def honours_key(self) -> bool:
        """A call with an id that was taken before has no second effect."""

    def deliver(self, messages: Sequence[Message], gate: Gate) -> list[Result]:
        """One result a message, in their order. Raises nothing for what a provider may do; blocks until it is
        done.
        """

    def close(self) -> None:
        """Nothing is called any more."""
