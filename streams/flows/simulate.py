"""A flow tried on one contact: the same core, no broker, a clock that jumps from moment to moment.

Delivery is assumed: a message has arrived when it is commanded. What falls due fires at its moment. The facts
are those that the engine makes of the same inputs on a history.
"""

from collections.abc import Iterator
from typing import Any, Final, assert_never

import msgspec

from schemas.errors import AttesaError
from schemas.types.commands import Command, SendMessage
from schemas.types.facts import Fact
from schemas.types.flow_commands import FlowPublished, WorkspaceConfigured
from schemas.types.inputs import (
    AgentMessageSent,
    ConsentChanged,
    ContactUpdated,
    ConversationAssigned,
    ConversationClosed,
    ConversationOpened,
    CustomerEvent,
    DeliveryReported,
    Input,
    MessageReceived,
    StartJourney,
    Tick,
)
from streams.core.memory import MemoryContacts, MemoryFlowLog
from streams.core.partition import Decision, Entry, FlowEntry, PartitionDecider, Position
from streams.core.program import Program, WorkspaceSettings
from streams.core.registry import Registry
from streams.flows.compile import compile_definition, compile_workspace
from streams.flows.definition import Definition, read_definition, sends_of, workspace_definition
from streams.flows.model import Cond, Workspace
from streams.flows.templates import TemplateError, render
from streams.flows.trial import (
    Act,
    AgentWrites,
    ContactWrites,
    ConversationIs,
    EventHappens,
    Known,
    KnownChanges,
    ReceiptComes,
    StartedByHand,
    Timed,
    Trial,
    first_act,
)
from streams.flows.walk import asked

__all__ = ["Happened", "Run", "SimulationError", "simulate", "trigger_act"]

CONTACT: Final = "contact"
"""The contact's id."""
LONGEST_MS: Final = 3 * 366 * 86_400_000
"""How far a trial is followed; flows that wait for longer are cut there."""
MOST_DEADLINES: Final = 10_000


class SimulationError(AttesaError):
    """The trial cannot be made as it is written."""


class Happened(msgspec.Struct, frozen=True):
    """One thing on the timeline: an act, a fact, or an act that the core refused."""

    at: int
    """ms UTC."""
    what: Act | Fact | None
    text: str | None = None
    """The message of a send, as the contact reads it."""
    subject: str | None = None
    problem: str | None = None
    """Why an act was refused, or why a message cannot be rendered."""


class Run(msgspec.Struct, frozen=True):
    """What came of a trial."""

    start: int
    zone: str
    """The contact's at the end of the trial, else the business's."""
    grace: int
    happened: tuple[Happened, ...]
    cut: bool
    """True if deadlines were still open at the end of what is followed."""
    log: tuple[Entry, ...]
    """The inputs and ticks that were decided: the engine makes the same facts of them on a history."""
    flows: tuple[FlowEntry, ...]
    """The flow commands that were in force from the first tick on."""

    @property
    def facts(self) -> list[Fact]:
        """All facts about the contact."""
        return [each.what for each in self.happened if isinstance(each.what, Fact)]


def simulate(definition: str, workspace: Workspace, trial: Trial) -> Run:
    """Lives the trial through. `SimulationError` if an act names something that is not there."""
    return _Simulation(definition, workspace, trial).run()


def trigger_act(definition: Definition) -> Act | None:
    """What makes the flow's first trigger happen; None if nothing here can.

    Its properties are those that its `where` asks to equal, and made-up ones where the flow tells journeys
    apart by a property.
    """
    flow = definition.flow
    first = flow.trigger[0]
    names = {name for rule in flow.exit_on for name in rule.same}
    if flow.enter is not None and flow.enter.key is not None:
        names.add(flow.enter.key)
    properties = {name: f"{name}-1" for name in sorted(names)} | dict(_wanted(first.where))
    return first_act(first.kind, first.name, properties)


def _wanted(where: Cond | None) -> Iterator[tuple[str, str]]:
    for each in asked(where):
        if each.subject == "property" and each.operator == "equals" and not isinstance(each.operand, dict):
            yield each.name, each.operand


class _Simulation:
    def __init__(self, definition: str, workspace: Workspace, trial: Trial) -> None:
        self.trial = trial
        self.definition = read_definition(definition)
        self.sends = sends_of(self.definition.flow)
        settings = compile_workspace(workspace_definition(workspace))
        self.settings = msgspec.structs.replace(settings, delivery="assumed")
        self.program = compile_definition(settings.id, definition)
        self.key = f"{settings.id}/{CONTACT}"
        self.contacts = MemoryContacts()
        self.offset = 0
        self.now = trial.start
        self.sent: list[SendMessage] = []
        self.log: list[Entry] = []
        self.happened: list[Happened] = []
        self.flows = (self.configured(self.settings), self.published(self.program))
        self.decider = PartitionDecider(
            topic="attesa.inbound",
            partition=0,
            position=Position(),
            registry=Registry(),
            contacts=self.contacts,
            flows=MemoryFlowLog(self.flows),
            engine="simulation",
            tzdata="",
        )

    def configured(self, settings: WorkspaceSettings) -> FlowEntry:
        record = WorkspaceConfigured(
            id="workspace",
            by="simulation",
            at=self.now,
            workspace=settings.id,
            source="",
            definition="",
            content=settings.content,
        )
        return FlowEntry(0, record, settings)

    def published(self, program: Program) -> FlowEntry:
        record = FlowPublished(
            id="flow",
            by="simulation",
            at=self.now,
            workspace=program.workspace,
            flow=program.flow,
            source="",
            definition="",
            content=program.content,
            grammar=1,
            rules=program.rules,
        )
        return FlowEntry(1, record, program)

    def run(self) -> Run:
        self.tick()
        for made in self.inputs_of_known(self.trial.contact):
            self.put(made)
        for timed in self.trial.in_order():
            self.pass_to(self.trial.start + timed.at)
            self.act(timed)
        cut = not self.pass_to(self.now + LONGEST_MS, idle=True)
        state = self.contacts.get(self.key)
        zone = state.zone if state is not None and state.zone else self.settings.zone
        return Run(
            self.trial.start,
            zone,
            self.settings.grace_ms,
            tuple(self.happened),
            cut,
            tuple(self.log),
            self.flows,
        )

    def pass_to(self, moment: int, *, idle: bool = False) -> bool:
        """Lets time pass, with a tick where something falls due; false if there is too much of that.

        `idle`: only as long as something is due.
        """
        for _ in range(MOST_DEADLINES):
            soonest = self.contacts.soonest()
            if soonest is None or soonest[0] > moment:
                self.now = self.now if idle else moment
                return soonest is None or not idle
            self.now = max(self.now, soonest[0])
            self.tick()
        return False

    def tick(self) -> None:
        self.put(Tick(ticker="simulation", flows_through=2, fire_limit=0))

    def act(self, timed: Timed) -> None:
        self.happened.append(Happened(self.now, timed.act))
        for made in self.inputs_of(timed.act):
            self.put(made)

    def put(self, made: Input) -> None:
        """One record into the log, and what comes of it."""
        contact = None if isinstance(made, Tick) else self.key
        entry = Entry(self.offset, self.now, contact, made)
        self.offset += 1
        self.log.append(entry)
        for decision in self.decider.decide(entry):
            self.note(decision)

    def note(self, decision: Decision) -> None:
        if decision.dead is not None:
            self.happened.append(Happened(self.now, None, problem=str(decision.dead)))
        if decision.contact is None:
            for fact in decision.facts:
                if getattr(fact, "result", "applied") == "refused":
                    raise SimulationError(f"the flow cannot be put in force: {getattr(fact, 'reason', '')}")
            return
        by_fact = {command.fact: command for command in decision.commands}
        for fact in decision.facts:
            self.happened.append(self.told(fact, by_fact.get(fact.id)))

    def told(self, fact: Fact, command: Command | None) -> Happened:
        """A fact, with the message that stands beside it."""
        if not isinstance(command, SendMessage):
            return Happened(fact.at, fact)
        self.sent.append(command)
        try:
            rendered = render(
                self.definition.templates,
                command.template or command.step,
                command.language,
                command.variables,
                fallback_language=self.settings.language,
                send=self.sends.get(command.step),
            )
        except TemplateError as error:
            return Happened(fact.at, fact, problem=str(error))
        return Happened(fact.at, fact, rendered.text, rendered.subject)

    def inputs_of(self, act: Act) -> Iterator[Input]:
        """The records that an act makes."""
        match act:
            case ContactWrites():
                channel = self.channel(act.channel)
                thread = act.conversation or f"{channel}-1"
                yield MessageReceived(
                    **self.head(),
                    channel=channel,
                    conversation=thread,
                    text=act.text,
                    kind=act.kind,
                    button=act.button,
                    reply_to=self.quoted(channel),
                )
            case AgentWrites():
                channel = self.channel(act.channel)
                thread = act.conversation or f"{channel}-1"
                yield AgentMessageSent(
                    **self.head(), channel=channel, conversation=thread, text=act.text, agent="agent"
                )
            case EventHappens():
                yield CustomerEvent(
                    **self.head(),
                    name=act.name,
                    properties=act.properties,
                    conversation=act.conversation,
                )
            case ReceiptComes():
                yield DeliveryReported(**self.head(), command=self.last_sent(act.of).id, status=act.status)
            case ConversationIs():
                kinds = {"opened": ConversationOpened, "assigned": ConversationAssigned}
                kind = kinds.get(act.what, ConversationClosed)
                channel = self.channel(act.channel)
                thread = act.conversation or f"{channel}-1"
                yield kind(**self.head(), channel=channel, conversation=thread)
            case StartedByHand():
                yield StartJourney(
                    **self.head(), flow=self.program.flow, vars=act.vars, properties=act.properties
                )
            case KnownChanges():
                yield from self.inputs_of_known(act.to)
            case _:
                assert_never(act)

    def inputs_of_known(self, known: Known) -> Iterator[Input]:
        for purpose, granted in known.consent.items():
            yield ConsentChanged(**self.head(), purpose=purpose, granted=granted)
        said = msgspec.structs.replace(known, consent={})
        if said:
            yield ContactUpdated(
                **self.head(),
                attributes={name: value for name, value in known.attributes.items() if value is not None},
                unset=[name for name, value in known.attributes.items() if value is None],
                tags_added=list(known.tags),
                tags_removed=list(known.untagged),
                language=known.language,
                zone=known.zone,
            )

    def head(self) -> dict[str, Any]:
        """Source, id and time of an input; the id counts, so that no two are the same."""
        return {"source": "simulation", "id": f"input-{self.offset}", "occurred_at": self.now}

    def channel(self, named: str | None) -> str:
        """The channel named, else the last message's, else the flow's, else the workspace's first."""
        flow = self.definition.flow.channel
        known = [channel.name for channel in self.settings.channels]
        found = named or (self.sent[-1].channel if self.sent else flow)
        return found or ("whatsapp" if "whatsapp" in known else known[0])

    def quoted(self, channel: str) -> str | None:
        """On a threaded channel the contact answers the last message of it."""
        settings = self.settings.channel(channel)
        if settings is None or not settings.threaded:
            return None
        return next((each.id for each in reversed(self.sent) if each.channel == channel), None)

    def last_sent(self, step: str | None) -> SendMessage:
        for command in reversed(self.sent):
            if step in {None, command.step}:
                return command
        raise SimulationError(
            f"a receipt comes for {step or 'the last message'}, and nothing like it was sent by then"
        )
