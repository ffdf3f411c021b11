"""Reading a scenario file: what a contact does, and what is expected of the flow."""

from os.path import normpath
from pathlib import Path
from typing import Any, get_args

import msgspec

from schemas.types import facts
from schemas.types.facts import Fact
from schemas.types.value import Value
from streams.core.refusals import KINDS as MESSAGE_KINDS
from streams.core.refusals import PURPOSES
from streams.flows.finding import Finding
from streams.flows.parsing import scalars
from streams.flows.parsing.located import Items, Leaf, Node, Pairs, Place, Unreadable, load
from streams.flows.parsing.reading import Fields, Reading
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
    Statuses,
    Timed,
    Whats,
)

__all__ = ["ABOUT", "EXPECTED", "Expectation", "Scenario", "parse_scenario"]

EXPECTED: dict[str, type[Fact]] = {
    "started": facts.JourneyStarted,
    "sent": facts.SendCommanded,
    "suppressed": facts.SendSuppressed,
    "wait_opened": facts.WaitOpened,
    "responded": facts.ResponseReceived,
    "timed_out": facts.ResponseTimedOut,
    "cancelled": facts.WaitCancelled,
    "conversation_closed": facts.ConversationCloseCommanded,
    "ended": facts.JourneyEnded,
}
"""What a scenario can expect, and the fact that it is."""
ABOUT = ("step", "template", "channel", "reason")
"""What can be expected of each, where its fact has it."""
_WITHIN_MS = 1_000
_KEYS = ("scenario", "flow", "start", "contact", "do", "expect", "exactly")
_KNOWN = ("zone", "language", "attributes", "tags", "consent")
_ACTS = {
    "event": ("name", ("properties", "conversation")),
    "message": ("text", ("channel", "conversation", "kind", "button")),
    "agent_message": ("text", ("channel", "conversation")),
    "delivery": ("status", ("of",)),
    "conversation": ("is", ("channel", "id")),
    "start": (None, ("vars", "properties")),
    "set": (None, (*_KNOWN, "untag")),
}
"""What can happen: the key that a bare value stands for, and what stands beside it or within it."""


class Expectation(msgspec.Struct, frozen=True):
    """One thing that is to come of it."""

    kind: str
    """A key of `EXPECTED`."""
    about: dict[str, str]
    """step, template, channel, reason: as the fact says them."""
    at: int | None
    """ms after the beginning; None: at any time."""
    within: int
    """How far from `at` it may be, ms."""
    place: Place


class Scenario(msgspec.Struct, frozen=True):
    """A scenario file."""

    title: str
    flow: Path
    """The flow's file; what the scenario says is relative to its own file."""
    start: str
    """ISO 8601. Without an offset by the contact's clock, else the business's."""
    contact: Known
    acts: tuple[Timed, ...]
    expect: tuple[Expectation, ...]
    exactly: bool
    """Nothing of these kinds may come beside what is expected."""
    file: str


def parse_scenario(text: str, file: str) -> Scenario | list[Finding]:
    """A scenario file's text, or what is wrong with it, in the file's order. Never raises."""
    try:
        root = load(text, file)
    except Unreadable as unreadable:
        return [unreadable.finding]
    reading = Reading(file)
    scenario = _Reader(reading, file).scenario(root)
    return sorted(set(reading.findings)) or scenario


class _Reader:
    def __init__(self, reading: Reading, file: str) -> None:
        self.reading = reading
        self.file = file

    def scenario(self, root: Node) -> Scenario:
        fields = self.reading.fields(
            root, "a scenario", _KEYS, required=("scenario", "flow", "start", "do", "expect")
        )
        flow = fields.text("flow") or ""
        return Scenario(
            title=fields.scalar("scenario", scalars.title, ""),
            flow=Path(normpath(Path(self.file).parent / flow)),
            start=fields.scalar("start", scalars.iso_moment, ""),
            contact=fields.get("contact", self.known, Known()),
            acts=fields.each("do", lambda node, _: self.timed(node)),
            expect=fields.each("expect", lambda node, _: self.expectation(node)),
            exactly=fields.boolean("exactly"),
            file=self.file,
        )

    def timed(self, node: Node) -> Timed:
        inside = {key for _, keys in _ACTS.values() for key in keys}
        fields = self.reading.fields(
            node, "a line of `do`", ("at", *_ACTS, *sorted(inside)), required=("at",)
        )
        missing = "nothing happens in this line", f"Give it one of {', '.join(_ACTS)}"
        kind = fields.one_kind(tuple(_ACTS), missing=missing)
        at = fields.scalar("at", scalars.span_or_nothing, 0)
        if kind is None:
            return Timed(at, StartedByHand())
        return Timed(at, self.act(kind, self.details(kind, fields)))

    def details(self, kind: str, fields: Fields) -> Fields:
        """What an act says: a mapping, or a bare value with the rest beside it."""
        main, others = _ACTS[kind]
        known = (main, *others) if main else others
        value = fields[kind]
        if not isinstance(value, Pairs):
            beside = {name: each for name, each in fields.node.pairs.items() if name not in {"at", kind}}
            keys = {name: place for name, place in fields.node.keys.items() if name in beside}
            bare = isinstance(value, Leaf) and value.value is None
            if main is not None:
                beside, keys = {main: value, **beside}, {main: value.place, **keys}
            elif not bare:
                self.reading.fields(value, f"`{kind}`", known)
            value = Pairs(beside, keys, fields.node.place)
        return self.reading.fields(value, f"`{kind}`", known, required=(main,) if main else ())

    def act(self, kind: str, fields: Fields) -> Act:  # noqa: PLR0911 - one a kind
        channel = fields.scalar("channel", scalars.identifier, "") or None
        conversation = fields.text("conversation")
        match kind:
            case "event":
                name = fields.scalar("name", scalars.name, "")
                return EventHappens(
                    name=name, properties=self.values(fields, "properties"), conversation=conversation
                )
            case "message":
                return ContactWrites(
                    text=fields.text("text") or "",
                    channel=channel,
                    conversation=conversation,
                    kind=fields.one_of("kind", tuple(sorted(MESSAGE_KINDS)), "text"),
                    button=fields.text("button"),
                )
            case "agent_message":
                return AgentWrites(text=fields.text("text") or "", channel=channel, conversation=conversation)
            case "delivery":
                status: Statuses = fields.one_of("status", get_args(Statuses), "delivered")
                of = fields.scalar("of", scalars.identifier, "") or None
                return ReceiptComes(status=status, of=of)
            case "conversation":
                what = fields.one_of("is", get_args(Whats), "opened")
                return ConversationIs(what=what, channel=channel, conversation=fields.text("id"))
            case "start":
                return StartedByHand(
                    vars=self.values(fields, "vars"), properties=self.values(fields, "properties")
                )
            case _:
                return KnownChanges(to=self.known_of(fields))

    def known(self, node: Node, what: str) -> Known:
        return self.known_of(self.reading.fields(node, what, _KNOWN))

    def known_of(self, fields: Fields) -> Known:
        names = lambda node, what: self.reading.scalar(node, what, scalars.name, "")  # noqa: E731
        return Known(
            zone=fields.scalar("zone", scalars.place_zone, "") or None,
            language=fields.scalar("language", scalars.language, "") or None,
            attributes=fields.get(
                "attributes", lambda node, what: self.mapping(node, what, nothing=True), {}
            ),
            tags=fields.each("tags", names),
            untagged=fields.each("untag", names),
            consent=fields.get("consent", self.consent, {}),
        )

    def consent(self, node: Node, what: str) -> dict[str, bool]:
        """Purposes that are granted, or each with true or false."""
        if not isinstance(node, Pairs):
            purposes = tuple(sorted(PURPOSES))
            return {self.reading.one_of(each, what, purposes): True for each in self.reading.items(node)}
        fields = self.reading.fields(node, what, tuple(sorted(PURPOSES)))
        return {name: fields.boolean(name) for name in fields.node.pairs if name in PURPOSES}

    def values(self, fields: Fields, name: str) -> dict[str, Value]:
        return self.mapping(fields[name], f"`{name}` of {fields.what}") if name in fields else {}

    def mapping(self, node: Node, what: str, *, nothing: bool = False) -> dict[str, Value]:
        """Names to values; a mapping within is flattened, its names joined by dots."""
        if not isinstance(node, Pairs):
            self.reading.fields(node, what, ("<name>",))
            return {}
        found: dict[str, Any] = {}
        for name, value in node.pairs.items():
            match value:
                case Pairs():
                    inner = self.mapping(value, f"`{name}` of {what}", nothing=nothing)
                    found |= {f"{name}.{key}": each for key, each in inner.items()}
                case Items(items=items):
                    found[name] = [self.reading.text(each, f"`{name}` of {what}") or "" for each in items]
                case Leaf(value=None) if nothing:
                    found[name] = None
                case _:
                    found[name] = self.reading.literal(value, f"`{name}` of {what}")
        return found

    def expectation(self, node: Node) -> Expectation:
        kinds = tuple(EXPECTED)
        if isinstance(node, Leaf) and node.value in kinds:
            return Expectation(str(node.value), {}, None, _WITHIN_MS, node.place)
        fields = self.reading.fields(node, "a line of `expect`", ("at", "within", *kinds))
        missing = "this line expects nothing", f"Give it one of {', '.join(kinds)}"
        kind = fields.one_kind(kinds, missing=missing)
        at = fields.scalar("at", scalars.span_or_nothing, 0) if "at" in fields else None
        within = fields.scalar("within", scalars.span_or_nothing, _WITHIN_MS)
        about = self.about(kind, fields[kind]) if kind is not None else {}
        return Expectation(kind or "ended", about, at, within, fields.node.place)

    def about(self, kind: str, node: Node) -> dict[str, str]:
        """What the fact is to say; nothing beside the key: any of that kind."""
        if isinstance(node, Leaf) and node.value is None:
            return {}
        known = tuple(name for name in ABOUT if name in EXPECTED[kind].__struct_fields__)
        fields = self.reading.fields(node, f"`{kind}`", known)
        return {name: fields.text(name) or "" for name in fields.node.pairs if name in known}
