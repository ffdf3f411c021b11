"""A compiled flow and a workspace's settings: what the deciders read. Data only; `streams.flows` makes it.

Times of day are minutes from midnight, spans and moments are ms. A step names the next by its index in
`Program.steps`; `END` runs off the end. Everything is frozen and may be shared between partitions.
"""

from typing import Any, Literal

import msgspec

__all__ = [
    "END",
    "All",
    "Any_",
    "Arm",
    "Assign",
    "Assignment",
    "Cap",
    "CloseConversation",
    "Condition",
    "CustomerResponse",
    "End",
    "Enter",
    "FromNow",
    "GoTo",
    "If",
    "Match",
    "Not",
    "Policies",
    "Program",
    "QuietHours",
    "Reference",
    "Send",
    "SetValues",
    "Split",
    "Step",
    "Tag",
    "Test",
    "Until",
    "Wait",
    "WaitFor",
    "WorkspaceSettings",
]

END = -1
"""The index that ends a journey as completed."""

Purpose = Literal["urgent", "service", "marketing"]


class Reference(msgspec.Struct, frozen=True, tag=True):
    """An operand that is looked up when the condition is asked. Missing, it makes the condition false."""

    subject: Literal["property", "attribute", "var"]
    name: str


class FromNow(msgspec.Struct, frozen=True, tag=True):
    """An operand that is the clock plus so much; negative: before it."""

    offset_ms: int


class Test(msgspec.Struct, frozen=True, tag=True):
    """One subject with at most one operator; without one: it is present and not false."""

    subject: str
    """property, attribute, var, arm, tag, responded, channel, language …: the grammar's subjects."""
    name: str
    """Which property, attribute, tag, step …; of channel and language: the value asked for."""
    operator: str | None = None
    operand: Any = None
    """A literal of the operator's type, a `Reference` or `FromNow`; a tuple for in, not_in, between,
    has_any, has_all; a compiled re2 pattern for `matches` (ask with `search`; it ignores case itself where
    `fold`); literals are folded already where `fold`. For before, after, on: an ISO 8601 date or date-time as
    text; without an offset it is in the contact's zone."""
    fold: bool = False
    """Case and accents are folded on both sides."""


class All(msgspec.Struct, frozen=True, tag=True):
    """Every one holds."""

    of: tuple["Condition", ...]


class Any_(msgspec.Struct, frozen=True, tag=True):  # noqa: N801 - `Any` is typing's
    """At least one holds."""

    of: tuple["Condition", ...]


class Not(msgspec.Struct, frozen=True, tag=True):
    """It does not hold."""

    of: "Condition"


Condition = Test | All | Any_ | Not


class Match(msgspec.Struct, frozen=True):
    """Something that happens at an instant: a trigger, an exit rule."""

    kind: Literal["event", "message", "agent_message", "conversation", "opted_out", "tag_added", "manual"]
    name: str | None = None
    """The event's name, the tag, opened|assigned|closed, the purpose; `any` or `first` for a message;
    None for manual."""
    where: Condition | None = None
    same: tuple[str, ...] = ()
    """Properties that must equal the trigger's of that name."""
    channels: tuple[str, ...] = ()
    """By these channels only; empty: by any."""
    keywords: tuple[str, ...] = ()
    """Of a message: it says one of these, each as `folding.words` gives it."""
    pattern: Any = None
    """Of a message: a compiled re2 pattern that is found in it."""


class Enter(msgspec.Struct, frozen=True):
    """Who may enter again, and when."""

    again: Literal["never", "after_exit", "always", "after"] = "after_exit"
    after_ms: int = 0
    """With `after`: since the last entry."""
    key: str | None = None
    """The property that tells parallel journeys apart."""
    when: Condition | None = None


class QuietHours(msgspec.Struct, frozen=True):
    """Hours in which nothing is sent. `end` may lie before `start`: over midnight."""

    start: int
    end: int
    """Minutes from midnight, local; start in, end out."""
    days: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)
    """Weekdays on which the span starts, 1 Monday – 7 Sunday."""
    zone: str = "contact"
    """contact, business or an IANA name."""
    then: Literal["postpone", "skip", "send"] = "postpone"
    by_purpose: tuple[tuple[str, str], ...] = ()
    jitter_ms: int = 600_000
    """Sends postponed to the end spread over so much, by a hash of the journey."""


class Cap(msgspec.Struct, frozen=True):
    """At most so many messages in a sliding span."""

    messages: int
    per_ms: int
    channel: str | None = None
    purpose: str | None = None


class Policies(msgspec.Struct, frozen=True):
    """What holds for a send. A send's are step over flow; `over` lays them over the workspace's."""

    purpose: Purpose = "service"
    quiet_hours: QuietHours | None = None
    caps: tuple[Cap, ...] = ()
    """The flow's own caps count its own sends; the workspace's, in its settings, count all."""
    skip_after_ms: int | None = 86_400_000
    """A send later than this after its moment is not made; None: sent however late."""
    priority: int = 50
    given: tuple[str, ...] = ()
    """The fields, by name, that the step or the flow states; all others are the workspace's. Never `caps`."""

    def over(self, workspace: "Policies") -> "Policies":
        """These, with the workspace's for what is not `given`. Caps stay the flow's own: both are asked."""
        inherited = {
            name: getattr(workspace, name)
            for name in ("purpose", "quiet_hours", "skip_after_ms", "priority")
            if name not in self.given
        }
        return msgspec.structs.replace(self, **inherited)


class Send(msgspec.Struct, frozen=True, tag=True):
    """Commands a message."""

    id: str
    channels: tuple[str, ...]
    """In order of preference; empty: the journey's last, else the trigger's conversation's."""
    template: str
    """The template's name, or the step's id where the text stands in the flow: the key in the
    definition's templates."""
    policies: Policies
    variables: tuple[str, ...] | None = None
    """Dotted paths that the template names (contact.name, event.total, vars.x); None: it cannot be told,
    so all."""
    on_unknown: Literal["hold", "resend"] = "hold"
    next: int = END


class Until(msgspec.Struct, frozen=True):
    """A time of day: the next one after now."""

    minutes: int
    """From midnight, local."""
    days: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)
    """On these weekdays only, 1 Monday – 7 Sunday."""
    zone: str = "contact"
    """contact, business or an IANA name."""


class Wait(msgspec.Struct, frozen=True, tag=True):
    """Waits for a span, or until a time of day."""

    id: str
    span_ms: int = 0
    next: int = END
    until: Until | None = None
    """It counts, if it is there, and the span does not."""


class WaitFor(msgspec.Struct, frozen=True, tag=True):
    """Waits until something happens, a span at most."""

    id: str
    match: Match
    within_ms: int
    on_event: int = END
    no_event: int = END


class CustomerResponse(msgspec.Struct, frozen=True, tag=True):
    """Waits for the contact's answer."""

    id: str
    within_ms: int
    any_channel: bool = False
    reactions: bool = False
    prompt: str | None = None
    """A step's id; None: the last send since the last customer_response; empty text: none at all."""
    on_response: int = END
    no_response: int = END


class Branch(msgspec.Struct, frozen=True):
    """One way out of an `if`."""

    name: str
    """then, else_if-1 …"""
    condition: Condition
    next: int


class If(msgspec.Struct, frozen=True, tag=True):
    """Goes the first way whose condition holds, else `otherwise`."""

    id: str
    branches: tuple[Branch, ...]
    otherwise: int = END


class Tag(msgspec.Struct, frozen=True, tag=True):
    """Adds tags to the contact and takes others away."""

    id: str
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    next: int = END


class Assignment(msgspec.Struct, frozen=True):
    """A variable of the journey, or an attribute of the contact, and what it is to be."""

    subject: Literal["var", "attribute"]
    name: str
    to: Any
    """A literal, a `Reference` (missing: the name is taken away), or `FromNow`: ISO 8601 text, UTC."""


class SetValues(msgspec.Struct, frozen=True, tag=True):
    """Sets values one after the other: a later one sees the earlier ones."""

    id: str
    values: tuple[Assignment, ...]
    next: int = END


class Arm(msgspec.Struct, frozen=True):
    """One way out of a split."""

    name: str
    weight: int
    next: int


class Split(msgspec.Struct, frozen=True, tag=True):
    """Sends a contact down one arm, always the same one: by a hash of contact, flow and step."""

    id: str
    arms: tuple[Arm, ...]
    hold_out: int = 0
    """The weight of those to whom nothing is sent from here on; they go on at `next`."""
    next: int = END


class GoTo(msgspec.Struct, frozen=True, tag=True):
    """Goes to a step, `max_visits` times in a journey; then on."""

    id: str
    to: int
    max_visits: int = 10
    next: int = END


class CloseConversation(msgspec.Struct, frozen=True, tag=True):
    """Commands the close of a conversation."""

    id: str
    which: Literal["trigger", "last"] | None = None
    """None: the trigger's if it has one, else the last."""
    next: int = END


class Assign(msgspec.Struct, frozen=True, tag=True):
    """Commands the assignment of a conversation: the trigger's if it has one, else the last."""

    id: str
    agents: tuple[str, ...] = ()
    """One, or several in turn: each contact has its own, by a hash."""
    team: str | None = None
    """Without agents."""
    priority: Literal["low", "normal", "high"] = "normal"
    next: int = END


class End(msgspec.Struct, frozen=True, tag=True):
    """Ends the journey."""

    id: str
    reason: str = "end"


Step = (
    Send
    | Wait
    | WaitFor
    | CustomerResponse
    | If
    | Tag
    | SetValues
    | Split
    | GoTo
    | Assign
    | CloseConversation
    | End
)


class Program(msgspec.Struct, frozen=True):
    """A flow version, compiled."""

    workspace: str
    flow: str
    content: str
    """SHA-256 of the definition, hex."""
    rules: int
    steps: tuple[Step, ...]
    triggers: tuple[Match, ...]
    exits: tuple[Match, ...] = ()
    enter: Enter = Enter()
    vars: tuple[tuple[str, Any], ...] = ()
    """Journey variables at the start."""

    def index(self, step: str) -> int | None:
        """The index of the step of that id; None if there is none."""
        return next((at for at, candidate in enumerate(self.steps) if candidate.id == step), None)


class ChannelSettings(msgspec.Struct, frozen=True):
    """A channel of a workspace."""

    name: str
    via: str
    """console, webhook, file …"""
    threaded: bool = False
    """Only reply_to answers, whoever wrote it."""
    sender: str | None = None
    options: tuple[tuple[str, Any], ...] = ()
    """What the adapter takes: url, rate, path …"""


class WorkspaceSettings(msgspec.Struct, frozen=True):
    """A workspace, compiled."""

    id: str
    zone: str = "UTC"
    language: str = "en"
    content: str = ""
    channels: tuple[ChannelSettings, ...] = ()
    policies: Policies = Policies()
    consent: tuple[tuple[str, str], ...] = (("marketing", "opt_in"),)
    """Purpose to opt_in or opt_out; a purpose that is not named goes unless denied."""
    stop_words: tuple[str, ...] = ()
    """Folded: a message that is just this word opts out."""
    start_words: tuple[str, ...] = ()
    """Folded: a message that is just this word opts in again."""
    attribution_window_ms: int = 86_400_000
    delivery: Literal["real", "assumed"] = "real"
    grace_ms: int = 10_000
    hours: tuple[tuple[int, int, int], ...] = ()
    """When the business is open: weekday (1 Monday – 7 Sunday) on which it starts, start, end in minutes from
    midnight; an end not after the start lies on the next day. Empty: not stated."""
    holidays: tuple[str, ...] = ()
    """Dates, YYYY-MM-DD, on which the business is closed."""

    def channel(self, name: str) -> ChannelSettings | None:
        """The channel of that name; None if the workspace has none."""
        for channel in self.channels:
            if channel.name == name:
                return channel
        return None
