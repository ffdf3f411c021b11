"""A story: one contact on one partition in memory, to which things happen and of which facts come."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from schemas.types.commands import CloseConversation, Command, SendMessage
from schemas.types.facts import Fact
from schemas.types.inputs import (
    Input,
    Tick,
)
from streams.core.memory import MemoryContacts, MemoryFlowLog
from streams.core.partition import Decision, Entry, PartitionDecider, Position
from streams.core.program import ChannelSettings, WorkspaceSettings
from streams.core.registry import Registry
from streams.core.state import ContactState

__all__ = [
    "CONTACT",
    "DAY",
    "HOUR",
    "MINUTE",
    "SECOND",
    "START",
    "Expected",
    "Happens",
    "Story",
    "fact",
    "workspace",
]

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
START = 1_772_445_600_000
"""Monday 2 March 2026, 10:00 UTC: when stories begin."""
CONTACT = "acme/anna"
"""Whom stories are about."""

Happens = Callable[["Story"], None]
"""Something that happens to a story."""


def workspace(**changes: Any) -> WorkspaceSettings:
    """A workspace with whatsapp, sms, email and a threaded forum, in UTC, without opt-in; so changed."""
    settings: dict[str, Any] = {
        "id": "acme",
        "channels": (
            ChannelSettings("email", "file"),
            ChannelSettings("forum", "file", threaded=True),
            ChannelSettings("sms", "file"),
            ChannelSettings("whatsapp", "file"),
        ),
        "consent": (),
        "stop_words": ("stop",),
        "start_words": ("start",),
    }
    return WorkspaceSettings(**{**settings, **changes})


class Expected(msgspec.Struct, frozen=True):
    """A fact of this kind, with these fields; other fields may be anything."""

    kind: type[Fact]
    fields: dict[str, Any]

    def is_met_by(self, found: Fact) -> bool:
        """True if the fact is of the kind and has the fields."""
        return type(found) is self.kind and all(
            getattr(found, name) == value for name, value in self.fields.items()
        )


def fact(kind: type[Fact], /, **fields: Any) -> Expected:
    """Expects a fact of this kind with these fields."""
    return Expected(kind, fields)


class Story:
    """One contact on one partition. `when` goes on from what happened so far."""

    def __init__(self, start_at: int, contact: str) -> None:
        self.flows = MemoryFlowLog()
        self.contacts = MemoryContacts()
        self.decider = PartitionDecider(
            topic="attesa.inbound",
            partition=0,
            position=Position(),
            registry=Registry(),
            contacts=self.contacts,
            flows=self.flows,
            engine="test",
            tzdata="test",
        )
        self.now = start_at
        self.offset = 0
        self.contact = contact
        self.log: list[Entry] = []
        self.decisions: list[Decision] = []
        self.facts: list[Fact] = []
        """The contact's facts since the last `when`."""
        self.all_facts: list[Fact] = []
        self.commands: list[Command] = []
        """All commands so far."""
        self.partition_facts: list[Fact] = []

    @property
    def state(self) -> ContactState:
        """What is remembered of the contact now."""
        return self.contacts.get(self.contact) or ContactState(self.contact)

    @property
    def registry(self) -> Registry:
        """What is in force now."""
        return self.decider.registry

    @property
    def last(self) -> Decision:
        """The last decision."""
        return self.decisions[-1]

    def put(self, made: Input, *, timestamp: int | None = None) -> None:
        """Appends a record to the log and decides it."""
        contact = None if isinstance(made, Tick) else self.contact
        entry = Entry(self.offset, self.now if timestamp is None else timestamp, contact, made)
        self.offset += 1
        self.log.append(entry)
        for decision in self.decider.decide(entry):
            self.decisions.append(decision)
            self.commands += decision.commands
            if decision.contact is None:
                self.partition_facts += decision.facts
            else:
                self.facts += decision.facts
                self.all_facts += decision.facts

    def tick(self, *, fire_limit: int = 0) -> None:
        """A ticker's record, now."""
        through = self.flows.entries[-1].offset + 1 if self.flows.entries else 0
        self.put(Tick(ticker="test", flows_through=through, fire_limit=fire_limit))

    def when(self, *happenings: Happens) -> "Story":
        """Lets these happen, one after the other."""
        self.facts = []
        for each in happenings:
            each(self)
        return self

    def then(self, *expected: Expected | type[Fact]) -> "Story":
        """Exactly these facts came of it, in this order."""
        wanted = [each if isinstance(each, Expected) else fact(each) for each in expected]
        met = len(wanted) == len(self.facts) and all(
            one.is_met_by(other) for one, other in zip(wanted, self.facts, strict=True)
        )
        if not met:
            raise AssertionError(f"expected:\n{_listed(wanted)}\ncame:\n{_listed(self.facts)}")
        return self

    def then_nothing(self) -> "Story":
        """No fact came of it."""
        return self.then()

    def then_some(self, *expected: Expected | type[Fact]) -> "Story":
        """These facts are among those that came of it, in this order."""
        rest = iter(self.facts)
        for each in expected:
            wanted = each if isinstance(each, Expected) else fact(each)
            if not any(wanted.is_met_by(found) for found in rest):
                raise AssertionError(
                    f"expected, in order:\n{_listed([wanted])}\ncame:\n{_listed(self.facts)}"
                )
        return self

    def then_no(self, kind: type[Fact]) -> "Story":
        """No fact of this kind came of it."""
        if any(isinstance(found, kind) for found in self.facts):
            raise AssertionError(f"no {kind.__name__} was expected, came:\n{_listed(self.facts)}")
        return self

    def sent(self, step: str | None = None) -> SendMessage:
        """The last send that was commanded, or the last of a step."""
        found = [
            command
            for command in self.commands
            if isinstance(command, SendMessage) and step in (None, command.step)
        ]
        if not found:
            raise AssertionError(f"nothing was sent{f' by {step}' if step else ''}")
        return found[-1]

    def closed(self) -> list[CloseConversation]:
        """All closes that were commanded."""
        return [command for command in self.commands if isinstance(command, CloseConversation)]


def _listed(items: Iterable[object]) -> str:
    return "\n".join(f"  {item}" for item in items) or "  nothing"
