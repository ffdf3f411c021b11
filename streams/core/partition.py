"""One partition: its clock, its registry, whose deadlines fire when. It drives the contacts' decider."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec

from schemas.types.commands import Command
from schemas.types.facts import Cause, ClockAdvanced, ContactErased, Fact, FlowCommandApplied
from schemas.types.inputs import Input, StartJourney, Tick
from streams.core.contact import deadlines, draft_of, has_seen
from streams.core.draft import Draft
from streams.core.ids import derived
from streams.core.received import Due, Received, name_of
from streams.core.refusals import MAX_ID, DeadReason, refusal
from streams.core.registry import Change, FlowEntry, Registry
from streams.core.state import ContactState, StateFormatError

__all__ = [
    "Change",
    "Contacts",
    "DeadReason",
    "Decision",
    "Entry",
    "FlowEntry",
    "FlowLog",
    "PartitionDecider",
    "Position",
    "decode_position",
    "encode_position",
    "registry_through",
]

FORMAT = 1
"""The version of the position's encoding; it stands first in the bytes."""

ADVANCE_MS = 10_000
"""How often the clock is a fact, ms of the clock; on a history at each tick."""


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One decoded record of the inbound topic."""

    offset: int
    timestamp: int
    """The record's own, ms UTC: set by the broker, on a history by the importer."""
    contact: str | None
    """The record's key, workspace/contact_id; None for a tick."""
    record: Input


class FlowLog(Protocol):
    """The flows topic, compiled."""

    def between(self, start: int, end: int) -> Sequence[FlowEntry]:
        """All flow commands with start ≤ offset < end, in order. Waits for them if it has not read so far."""


class Contacts(Protocol):
    """What the decider needs of the store."""

    def get(self, contact: str) -> ContactState | None:
        """The contact's state; None if it has none."""

    def put(self, contact: str, state: ContactState | None) -> None:
        """Keeps the state (None: it is erased) and re-indexes its soonest deadline, changed or not."""

    def soonest(self) -> tuple[int, str] | None:
        """The smallest (due, contact) in the index: a hint, checked against the state. None: none."""


class Position(msgspec.Struct, frozen=True, array_like=True):
    """How far a partition has got: what a transaction writes as `!position`."""

    next: int = 0
    """The inbound offset that is decided next; the same tick again if that was cut."""
    clock: int = 0
    """The largest record timestamp so far, ms UTC."""
    flows_through: int = 0
    """Flow commands below this offset are in force."""
    fired: int = 0
    """Deadlines fired so far by the tick at `next`."""
    advanced_at: int = 0
    """The clock of the last ClockAdvanced."""


class Decision(msgspec.Struct, frozen=True, gc=False):
    """What one cause came to. Its state has been put."""

    contact: str | None
    """None: about the partition."""
    facts: tuple[Fact, ...] = ()
    commands: tuple[Command, ...] = ()
    dead: DeadReason | None = None
    """Why the input is a dead letter; None if it is not. Facts beside it are of deadlines that were due."""
    duplicate: bool = False
    """True if the input had been taken before: it makes no fact of its own."""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Position).decode


def encode_position(position: Position) -> bytes:
    """The position as bytes: the format's version, then msgpack."""
    return bytes((FORMAT,)) + _encode(position)


def decode_position(data: bytes) -> Position:
    """The position that `encode_position` made; `StateFormatError` if the bytes are not such."""
    if data[:1] != bytes((FORMAT,)):
        raise StateFormatError(
            f"a position of format {data[0] if data else 'none'}, this version reads {FORMAT}: "
            "rebuild the state from the log, or run the version that wrote it"
        )
    try:
        return _decode(memoryview(data)[1:])
    except msgspec.MsgspecError as error:
        raise StateFormatError(
            f"a position that cannot be read ({error}): rebuild the state from the log"
        ) from error


def registry_through(flows: FlowLog, offset: int) -> Registry:
    """The registry after all flow commands below `offset`: rebuilt at assignment, without facts."""
    registry = Registry()
    for entry in flows.between(0, offset):
        registry = registry.apply(entry).registry
    return registry


class PartitionDecider:
    """Decides one partition's inputs in the order of their offsets. Not for two threads at once."""

    position: Position
    """After the decision yielded last, or after all of an input's: what goes into the same transaction."""
    registry: Registry

    def __init__(
        self,
        *,
        topic: str,
        partition: int,
        position: Position,
        registry: Registry,
        contacts: Contacts,
        flows: FlowLog,
        engine: str,
        tzdata: str,
    ) -> None:
        self.topic = topic
        self.partition = partition
        self.position = position
        self.registry = registry
        self.contacts = contacts
        self.flows = flows
        self.engine = engine
        self.tzdata = tzdata

    def decide(self, entry: Entry) -> Iterator[Decision]:
        """The decisions that this input makes, in order; none if it stands before the position.

        The shell may commit after any of them: a tick that was cut there goes on from the position.
        """
        if entry.offset < self.position.next:
            return
        if isinstance(entry.record, Tick):
            yield from self._tick(entry, entry.record)
        else:
            yield self._input(entry)

    def _move(self, **changes: int) -> None:
        self.position = msgspec.structs.replace(self.position, **changes)

    def _input(self, entry: Entry) -> Decision:
        """The contact's own due deadlines, then its input."""
        clock = max(self.position.clock, entry.timestamp)
        self._move(next=entry.offset + 1, clock=clock, fired=0)
        contact = entry.contact
        if contact is None:
            return Decision(None, dead=DeadReason.NO_CONTACT)
        workspace, slash, id_ = contact.partition("/")
        if not workspace or not slash or not id_ or len(contact) > MAX_ID or "\0" in contact:
            return Decision(contact, dead=DeadReason.BAD_CONTACT)
        known = self.contacts.get(contact)
        state = known or ContactState(contact)
        name = name_of(entry.record)
        facts: list[Fact] = []
        commands: list[Command] = []
        while (soonest := state.soonest) is not None and soonest <= clock:
            draft = self._fire(state, entry, name, clock)
            state = draft.state
            facts += draft.facts
            commands += draft.commands
        duplicate = has_seen(state, name)
        dead = None if duplicate else self._refusal(entry.record, workspace)
        if not duplicate and dead is None:
            received = self._received(entry, contact, entry.record, clock, name)
            draft = draft_of(state, received, self.registry, is_new=True)
            state = draft.state
            facts += draft.facts
            commands += draft.commands
        if facts:
            erased = isinstance(facts[-1], ContactErased)
            self.contacts.put(contact, None if erased else state)
        return Decision(contact, tuple(facts), tuple(commands), dead, duplicate)

    def _refusal(self, record: Input, workspace: str) -> DeadReason | None:
        reason = refusal(record, self.registry.workspaces.get(workspace))
        if reason is None and isinstance(record, StartJourney):
            known = self.registry.flow(workspace, record.flow)
            return DeadReason.UNKNOWN_FLOW if known is None else None
        return reason

    def _received(self, entry: Entry, contact: str, record: Input | Due, now: int, name: str) -> Received:
        return Received(contact, record, now, entry.timestamp, self.topic, self.partition, entry.offset, name)

    def _fire(self, state: ContactState, entry: Entry, name: str, clock: int) -> Draft:
        """The contact's soonest deadline fires; on a history at its own moment, else now."""
        due = deadlines(state)[0]
        now = due.due if self.registry.history else clock
        return draft_of(state, self._received(entry, state.contact, due, now, name), self.registry)

    def _tick(self, entry: Entry, tick: Tick) -> Iterator[Decision]:
        """Flow commands up to where the tick says, then what fell due, then how far time has got."""
        clock = max(self.position.clock, entry.timestamp)
        self._move(next=entry.offset, clock=clock)
        for command in self.flows.between(self.position.flows_through, tick.flows_through):
            fact = self._apply(command, entry)
            self._move(flows_through=command.offset + 1)
            yield Decision(None, (fact,))
        self._move(flows_through=max(self.position.flows_through, tick.flows_through))
        unlimited = self.registry.history or tick.fire_limit == 0
        while unlimited or self.position.fired < tick.fire_limit:
            state = self._first_due(clock)
            if state is None:
                break
            draft = self._fire(state, entry, "", clock)
            self.contacts.put(state.contact, draft.state)
            self._move(fired=self.position.fired + 1)
            yield Decision(state.contact, tuple(draft.facts), tuple(draft.commands))
        unfired = self._first_due(clock)
        since = clock - self.position.advanced_at
        self._move(next=entry.offset + 1, fired=0)
        if since >= ADVANCE_MS or (self.registry.history and since > 0):
            self._move(advanced_at=clock)
            settled = clock if unfired is None or unfired.soonest is None else unfired.soonest
            yield Decision(None, (self._advanced(entry, settled),))

    def _first_due(self, clock: int) -> ContactState | None:
        """The contact whose deadline is the first that is due; hints that do not hold are put right."""
        while (hint := self.contacts.soonest()) is not None and hint[0] <= clock:
            due, contact = hint
            state = self.contacts.get(contact)
            if state is not None and state.soonest == due:
                return state
            self.contacts.put(contact, state)
        return None

    def _cause(self, entry: Entry) -> Cause:
        return Cause(topic=self.topic, partition=self.partition, offset=entry.offset, input="")

    def _apply(self, command: FlowEntry, entry: Entry) -> FlowCommandApplied:
        applied = self.registry.apply(command)
        self.registry = applied.registry
        record = command.record
        return FlowCommandApplied(
            id=derived("flow command", self.partition, record.workspace, record.id, applied.result),
            at=self.position.clock,
            cause=self._cause(entry),
            partition=self.partition,
            flows_offset=command.offset,
            record=type(record).__name__,
            command=record.id,
            workspace=record.workspace,
            flow=getattr(record, "flow", None),
            version=applied.version,
            result=applied.result,
            reason=applied.reason,
        )

    def _advanced(self, entry: Entry, settled: int) -> ClockAdvanced:
        clock = self.position.clock
        return ClockAdvanced(
            id=derived("clock", self.partition, clock),
            at=clock,
            cause=self._cause(entry),
            partition=self.partition,
            clock=clock,
            settled=settled,
            engine=self.engine,
            tzdata=self.tzdata,
        )
