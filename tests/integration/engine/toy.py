"""A toy core with the interface of the real one: it counts, it sets deadlines, it seals, it fails on demand.

What a contact says decides what happens, so that a test can ask for each thing that the shell must handle:

    any text              a fact with the contact's count
    wait N                a deadline N ms from now; when it fires, a fact `fired`, and one for the count
    boom                  the toy raises
    refuse                the input is refused: a dead letter of the core's
    command               a command beside the fact
    CustomerEvent         its properties stand sealed in the fact
    EraseContact          the contact is erased
    a repeated id         nothing: a duplicate
    Tick                  fires what is due of all contacts, at most `fire_limit`; below 0 the toy raises
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from schemas.types.commands import CloseConversation, Command
from schemas.types.facts import Cause, ClockAdvanced, ContactErased, Fact, InputNoted
from schemas.types.inputs import CustomerEvent, EraseContact, MessageReceived, Tick
from streams.core.partition import Decision, Entry, Position
from streams.core.refusals import DeadReason

__all__ = ["ToyContacts", "ToyCore", "ToyState"]

_SEEN = 64


class ToyState(msgspec.Struct, frozen=True):
    """A contact's state."""

    count: int = 0
    due: int | None = None
    seen: tuple[str, ...] = ()
    secret: str = ""


class _States:
    def encode(self, state: ToyState) -> bytes:
        return msgspec.msgpack.encode(state)

    def decode(self, data: bytes) -> ToyState:
        return msgspec.msgpack.decode(data, type=ToyState)

    def soonest(self, state: ToyState) -> int | None:
        return state.due


class ToyContacts:
    """The contacts as the core sees them, in a dict: the oracle's."""

    def __init__(self) -> None:
        self.states: dict[str, ToyState] = {}

    def get(self, contact: str) -> ToyState | None:
        """The state."""
        return self.states.get(contact)

    def put(self, contact: str, state: ToyState | None) -> None:
        """Keeps it."""
        if state is None:
            self.states.pop(contact, None)
        else:
            self.states[contact] = state

    def soonest(self) -> tuple[int, str] | None:
        """The soonest deadline."""
        return min(
            ((state.due, contact) for contact, state in self.states.items() if state.due is not None),
            default=None,
        )


class ToyDecider:
    """Decides one partition."""

    def __init__(self, topic: str, partition: int, position: Position, contacts: Any) -> None:
        self.topic = topic
        self.partition = partition
        self.position = position
        self.contacts = contacts

    def decide(self, entry: Entry) -> Iterator[Decision]:
        """The decisions of an entry."""
        clock = max(self.position.clock, entry.timestamp)
        if isinstance(entry.record, Tick):
            yield from self._tick(entry, entry.record, clock)
            return
        decision = self._input(entry, clock)
        self.position = Position(next=entry.offset + 1, clock=clock, advanced_at=self.position.advanced_at)
        yield decision

    def _tick(self, entry: Entry, tick: Tick, clock: int) -> Iterator[Decision]:
        if tick.fire_limit < 0:
            raise RuntimeError("the toy was told to fail at a tick")
        fired = self.position.fired
        while (first := self.contacts.soonest()) is not None and first[0] <= clock:
            if tick.fire_limit and fired >= tick.fire_limit:
                break
            contact = first[1]
            facts, state = self._fire(entry, contact, self.contacts.get(contact), clock)
            self.contacts.put(contact, state)
            fired += 1
            self.position = msgspec.structs.replace(
                self.position, next=entry.offset, clock=clock, fired=fired
            )
            yield Decision(contact=contact, facts=tuple(facts))
        self.position = Position(next=entry.offset + 1, clock=clock, advanced_at=clock)
        cause = self._cause(entry, "")
        yield Decision(
            contact=None,
            facts=(
                ClockAdvanced(
                    id=f"clock-{entry.offset}",
                    at=clock,
                    cause=cause,
                    partition=self.partition,
                    clock=clock,
                    settled=clock,
                    engine="toy",
                    tzdata="toy",
                ),
            ),
        )

    def _input(self, entry: Entry, clock: int) -> Decision:
        contact, record = entry.contact, entry.record
        if contact is None:
            return Decision(contact=None, dead=DeadReason.NO_CONTACT)
        state = self.contacts.get(contact) or ToyState()
        key = f"{record.source}/{record.id}"  # type: ignore[union-attr]
        if key in state.seen:
            return Decision(contact=contact, duplicate=True)
        facts: list[Fact] = []
        if state.due is not None and state.due <= clock:
            facts, state = self._fire(entry, contact, state, clock)
        text = record.text if isinstance(record, MessageReceived) else ""
        if text == "boom":
            raise RuntimeError("the toy was told to fail")
        if text == "refuse":
            self.contacts.put(contact, state)
            return Decision(contact=contact, facts=tuple(facts), dead=DeadReason.EMPTY_MESSAGE)
        if isinstance(record, EraseContact):
            facts.append(
                ContactErased(
                    id=f"erased-{key}",
                    contact=contact,
                    at=clock,
                    cause=self._cause(entry, key),
                    requested_by=record.requested_by,
                    reason=record.reason,
                )
            )
            self.contacts.put(contact, None)
            return Decision(contact=contact, facts=tuple(facts))
        return self._counted(entry, contact, state, facts, clock, key, text)

    def _counted(
        self, entry: Entry, contact: str, state: ToyState, facts: list[Fact], clock: int, key: str, text: str
    ) -> Decision:
        record = entry.record
        sealed = dict(record.properties) if isinstance(record, CustomerEvent) else None
        state = msgspec.structs.replace(
            state,
            count=state.count + 1,
            seen=(*state.seen, key)[-_SEEN:],
            due=clock + int(text[5:]) if text.startswith("wait ") else state.due,
            secret=str(sealed) if sealed else state.secret,
        )
        facts.append(self._note(entry, contact, clock, key, f"{state.count}", sealed))
        commands: Sequence[Command] = ()
        if text == "command":
            commands = (
                CloseConversation(
                    id=f"command-{key}",
                    contact=contact,
                    at=clock,
                    fact=facts[-1].id,
                    flow="toy",
                    version=1,
                    journey="toy",
                    step="close",
                    conversation="c",
                ),
            )
        self.contacts.put(contact, state)
        return Decision(contact=contact, facts=tuple(facts), commands=tuple(commands))

    def _fire(self, entry: Entry, contact: str, state: ToyState, clock: int) -> tuple[list[Fact], ToyState]:
        fired = self._note(entry, contact, clock, f"due-{state.due}", "fired")
        return [fired], msgspec.structs.replace(state, due=None, count=state.count + 1)

    def _note(
        self,
        entry: Entry,
        contact: str,
        clock: int,
        key: str,
        name: str,
        sealed: dict[str, Any] | None = None,
    ) -> InputNoted:
        return InputNoted(
            id=f"{contact}-{key}-{name}",
            contact=contact,
            at=clock,
            cause=self._cause(entry, key),
            sealed=sealed,
            record=type(entry.record).__name__,
            name=name,
        )

    def _cause(self, entry: Entry, key: str) -> Cause:
        return Cause(topic=self.topic, partition=self.partition, offset=entry.offset, input=key)


class ToyCore:
    """The toy behind the shell's interface."""

    def __init__(self) -> None:
        self.states = _States()

    def first_position(self, offset: int) -> Position:
        """Where a partition begins."""
        return Position(next=offset)

    def encode_position(self, position: Position) -> bytes:
        """As JSON."""
        return msgspec.json.encode(position)

    def decode_position(self, data: bytes) -> Position:
        """From JSON."""
        return msgspec.json.decode(data, type=Position)

    def decider(
        self,
        *,
        topic: str,
        partition: int,
        position: Position,
        contacts: Any,
        flows: Any,  # noqa: ARG002 - the toy has no flows
    ) -> ToyDecider:
        """A decider."""
        return ToyDecider(topic, partition, position, contacts)
