"""A decision in the making: each fact is folded into the state as soon as it is made."""

from typing import Any

import msgspec

from schemas.types.commands import Command
from schemas.types.facts import Fact
from streams.core.commanding import commands
from streams.core.evolve import evolve
from streams.core.ids import fact_id
from streams.core.program import WorkspaceSettings
from streams.core.received import Due, Received
from streams.core.registry import Published, Registry, S, step_of
from streams.core.state import ContactState, Journey
from streams.core.zones import is_zone

__all__ = ["MAX_STEPS", "Draft", "Tagged"]

MAX_STEPS = 200
"""Steps that one input, or one deadline, may take a contact through."""


class Tagged(msgspec.Struct, frozen=True):
    """A step added a tag: flows may look for it, once the steps of this decision are through."""

    tag: str
    entry: str
    """What a journey that it starts is told apart by."""


class Draft:
    """What a decision has come to so far. Lives as long as the decision; never shared."""

    __slots__ = (
        "before",
        "cause",
        "cause_name",
        "commands",
        "contact",
        "facts",
        "heard_before",
        "now",
        "raised",
        "received",
        "registry",
        "settings",
        "state",
        "steps",
        "workspace",
    )

    def __init__(
        self, state: ContactState, received: Received, registry: Registry, settings: WorkspaceSettings
    ) -> None:
        self.state = state
        self.before = state
        self.received = received
        self.registry = registry
        self.settings = settings
        self.contact = received.contact
        self.workspace = settings.id
        self.now = received.now
        self.cause = received.cause
        record = received.record
        self.cause_name = record.id if isinstance(record, Due) else received.input
        self.facts: list[Fact] = []
        self.commands: list[Command] = []
        self.steps = 0
        self.raised: list[Tagged] = []
        self.heard_before = state.heard_count

    def head(self) -> dict[str, Any]:
        """The fields that every fact about the contact starts with, for the next fact."""
        return {
            "id": fact_id(self.contact, self.cause_name, len(self.facts)),
            "contact": self.contact,
            "at": self.now,
            "cause": self.cause,
        }

    def at(self, journey: Journey, step: str, visit: int) -> dict[str, Any]:
        """The same for a fact about a journey at a step."""
        return {
            "id": fact_id(self.contact, self.cause_name, len(self.facts)),
            "contact": self.contact,
            "at": self.now,
            "cause": self.cause,
            "flow": journey.flow,
            "version": journey.version,
            "journey": journey.id,
            "step": step,
            "visit": visit,
        }

    def emit(self, fact: Fact) -> None:
        """Adds the fact, folds it, and adds the commands that stand beside it."""
        self.facts.append(fact)
        self.state = evolve(self.state, fact)
        self.commands.extend(commands(fact, self.state, self.registry))

    def published(self, journey: Journey) -> Published:
        """The flow version that the journey runs on."""
        return self.registry.version(self.workspace, journey.flow, journey.version)

    def step(self, flow: str, version: int, name: str, kind: type[S]) -> S:
        """A step of a flow version, by its id; `TypeError` if it is none of that kind."""
        return step_of(self.registry, self.workspace, flow, version, name, kind)

    @property
    def zone(self) -> str:
        """The contact's zone, else the business's."""
        zone = self.state.zone
        return zone if zone is not None and is_zone(zone) else self.settings.zone

    @property
    def language(self) -> str:
        """The contact's language, else the workspace's."""
        return self.state.language or self.settings.language
