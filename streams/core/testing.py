"""Given, when, then: a flow tried out on one contact, in memory, in no time.

    story = given(flow)                                    # published, on a workspace with four channels
    story.when(event("order.completed", total=30)).then(JourneyStarted, SendCommanded, WaitOpened)
    story.when(outcome("accepted"), passes(2 * HOUR + 10 * SECOND)).then_last(ResponseTimedOut, ...)
    story.when(message("ciao")).then(MessageNoted)

Time stands still but for `passes`: deadlines then fire at their moments, as with a ticker; `passes_silently`
is a ticker that is away. Facts about the partition (clock, flow commands) are in `story.partition_facts`.
"""

from collections.abc import Callable, Iterable
from typing import Any, Literal

import msgspec

from schemas.types.commands import CloseConversation, Command, SendMessage
from schemas.types.facts import Fact
from schemas.types.flow_commands import (
    AutomationsStarted,
    AutomationsStopped,
    FlowCommand,
    FlowPaused,
    FlowPublished,
    FlowResumed,
    FlowRetired,
    WorkspaceConfigured,
)
from schemas.types.inputs import (
    AgentMessageSent,
    CancelJourney,
    CommandOutcome,
    ConsentChanged,
    ContactUpdated,
    ConversationAssigned,
    ConversationClosed,
    ConversationOpened,
    CustomerEvent,
    DeliveryReported,
    EraseContact,
    Input,
    MessageReceived,
    StartJourney,
    Tick,
)
from streams.core.memory import MemoryContacts, MemoryFlowLog
from streams.core.partition import Change, Decision, Entry, FlowEntry, PartitionDecider, Position
from streams.core.program import ChannelSettings, Program, WorkspaceSettings
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
    "agent_message",
    "cancel",
    "configure",
    "consent",
    "conversation",
    "erase",
    "event",
    "fact",
    "given",
    "message",
    "operator",
    "outcome",
    "passes",
    "passes_silently",
    "pause",
    "publish",
    "receipt",
    "record",
    "resume",
    "retire",
    "start",
    "stop",
    "unstop",
    "update",
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

    def __init__(self, settings: WorkspaceSettings, programs: Iterable[Program], start_at: int) -> None:
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
        self.contact = CONTACT
        self.log: list[Entry] = []
        self.decisions: list[Decision] = []
        self.facts: list[Fact] = []
        """The contact's facts since the last `when`."""
        self.all_facts: list[Fact] = []
        self.commands: list[Command] = []
        """All commands so far."""
        self.partition_facts: list[Fact] = []
        self.when(configure(settings), *(publish(program) for program in programs))

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


def given(*programs: Program, settings: WorkspaceSettings | None = None, start_at: int = START) -> Story:
    """A story in which these flows are published."""
    return Story(workspace() if settings is None else settings, programs, start_at)


def record(made: Input, *, timestamp: int | None = None) -> Happens:
    """This very record comes, now or with that timestamp of its own."""
    return lambda story: story.put(made, timestamp=timestamp)


def _input(kind: Any, id_: str | None, said: int | None, /, **fields: Any) -> Happens:
    """An input with an id of its own and a claimed time, by default now."""

    def happens(story: Story) -> None:
        name = id_ if id_ is not None else f"{kind.__name__}-{story.offset}"
        at = story.now if said is None else said
        story.put(kind(source="test", id=name, occurred_at=at, **fields))

    return happens


def message(
    text: str = "ciao",
    *,
    channel: str = "whatsapp",
    conversation: str | None = None,
    kind: str = "text",
    reply_to: str | None = None,
    button: str | None = None,
    media: str | None = None,
    id: str | None = None,  # noqa: A002 - the field's name
    said: int | None = None,
) -> Happens:
    """The contact writes. `said`: when, by the sender's claim, ms UTC."""
    return _input(
        MessageReceived,
        id,
        said,
        text=text,
        channel=channel,
        conversation=conversation,
        kind=kind,
        reply_to=reply_to,
        button=button,
        media=media,
    )


def agent_message(
    text: str = "buongiorno",
    *,
    channel: str = "whatsapp",
    conversation: str | None = None,
    automatic: bool = False,
    reply_to: str | None = None,
    id: str | None = None,  # noqa: A002 - the field's name
    said: int | None = None,
) -> Happens:
    """An agent writes to the contact."""
    return _input(
        AgentMessageSent,
        id,
        said,
        text=text,
        agent="ag-1",
        channel=channel,
        conversation=conversation,
        automatic=automatic,
        reply_to=reply_to,
    )


def event(
    name: str,
    /,
    *,
    conversation: str | None = None,
    id: str | None = None,  # noqa: A002 - the field's name
    said: int | None = None,
    **properties: Any,
) -> Happens:
    """The contact does something that a platform reports, with these properties."""
    return _input(CustomerEvent, id, said, name=name, properties=properties, conversation=conversation)


def update(*, id: str | None = None, **fields: Any) -> Happens:  # noqa: A002 - the field's name
    """What is known of the contact changes: the fields of ContactUpdated."""
    return _input(ContactUpdated, id, None, **fields)


def consent(purpose: str, *, granted: bool, channel: str | None = None) -> Happens:
    """The contact gives or takes back consent."""
    return _input(ConsentChanged, None, None, purpose=purpose, granted=granted, channel=channel)


def conversation(
    what: Literal["opened", "assigned", "closed"], name: str, *, channel: str = "whatsapp"
) -> Happens:
    """A conversation is opened, assigned or closed."""
    kinds = {"opened": ConversationOpened, "assigned": ConversationAssigned, "closed": ConversationClosed}
    return _input(kinds[what], None, None, channel=channel, conversation=name)


def start(flow: str, **fields: Any) -> Happens:
    """Somebody starts a flow by hand: the fields of StartJourney."""
    return _input(StartJourney, None, None, flow=flow, **fields)


def cancel(flow: str, *, journey: str | None = None) -> Happens:
    """Somebody cancels the contact's journeys of a flow."""
    return _input(CancelJourney, None, None, flow=flow, journey=journey, reason="asked")


def erase() -> Happens:
    """The contact is erased."""
    return _input(EraseContact, None, None, requested_by="ticket 7", reason="asked")


def outcome(
    what: str,
    *,
    of: str | None = None,
    command: str | None = None,
    provider_id: str | None = None,
    reason: str | None = None,
    said: int | None = None,
) -> Happens:
    """The dispatcher says what became of the last send, of the last of a step, or of that command."""

    def happens(story: Story) -> None:
        about = command if command is not None else story.sent(of).id
        _input(
            CommandOutcome,
            f"{about}:{what}",
            said,
            command=about,
            outcome=what,
            provider_id=provider_id,
            reason=reason,
        )(story)

    return happens


def receipt(
    status: str, *, of: str | None = None, command: str | None = None, reason: str | None = None
) -> Happens:
    """The provider's receipt for the last send, the last of a step, or that command."""

    def happens(story: Story) -> None:
        about = command if command is not None else story.sent(of).id
        _input(DeliveryReported, None, None, command=about, status=status, reason=reason)(story)

    return happens


def passes(span: int) -> Happens:
    """So many ms pass, with a tick at each moment at which something falls due, and one at the end."""

    def happens(story: Story) -> None:
        end = story.now + span
        while (soonest := story.contacts.soonest()) is not None and soonest[0] <= end:
            story.now = max(story.now, soonest[0])
            story.tick()
        story.now = end
        story.tick()

    return happens


def passes_silently(span: int) -> Happens:
    """So many ms pass without a tick: the ticker is away."""

    def happens(story: Story) -> None:
        story.now += span

    return happens


def operator(
    made: Callable[[str, int], FlowCommand], change: Change | None = None, refused: str | None = None
) -> Happens:
    """A flow command, made from an id and a time, in force from the tick that follows at once."""

    def happens(story: Story) -> None:
        offset = len(story.flows.entries)
        story.flows.entries.append(FlowEntry(offset, made(f"command-{offset}", story.now), change, refused))
        story.tick()

    return happens


def publish(program: Program) -> Happens:
    """A flow is published."""
    return operator(
        lambda id_, at: FlowPublished(
            id=id_,
            by="test",
            at=at,
            workspace=program.workspace,
            flow=program.flow,
            source="",
            definition="",
            content=program.content,
            grammar=1,
            rules=program.rules,
        ),
        program,
    )


def configure(settings: WorkspaceSettings) -> Happens:
    """The workspace is configured."""
    return operator(
        lambda id_, at: WorkspaceConfigured(
            id=id_,
            by="test",
            at=at,
            workspace=settings.id,
            source="",
            definition="",
            content=settings.content,
        ),
        settings,
    )


def _of_flow(kind: Any, flow: str) -> Happens:
    return operator(lambda id_, at: kind(id=id_, by="test", at=at, workspace="acme", flow=flow))


def pause(flow: str) -> Happens:
    """A flow is paused."""
    return _of_flow(FlowPaused, flow)


def resume(flow: str) -> Happens:
    """A paused flow goes on."""
    return _of_flow(FlowResumed, flow)


def retire(flow: str) -> Happens:
    """A flow takes no entries any more."""
    return _of_flow(FlowRetired, flow)


def stop(flow: str | None = None, channel: str | None = None) -> Happens:
    """The kill switch is thrown."""
    return operator(
        lambda id_, at: AutomationsStopped(
            id=id_, by="test", at=at, workspace="acme", flow=flow, channel=channel
        )
    )


def unstop(flow: str | None = None, channel: str | None = None) -> Happens:
    """The kill switch is taken back."""
    return operator(
        lambda id_, at: AutomationsStarted(
            id=id_, by="test", at=at, workspace="acme", flow=flow, channel=channel
        )
    )
