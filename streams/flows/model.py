"""The typed tree of a flow file and of a workspace file: what a definition holds as JSON, for ever.

A definition in the log must read under every later version: fields are added with defaults and never
change meaning, and defaults are left out of the JSON, so that the content hash of a flow outlives new fields
(hence no default is a struct: only plain ones are left out). Spans and offsets are ms, times of day minutes
from midnight, days 1 Monday – 7 Sunday. Texts per language are mappings from language to liquid, `*` for any.
"""

from typing import Any, Literal

import msgspec

__all__ = [
    "ANY_LANGUAGE",
    "AgainRule",
    "AllOf",
    "AnyOf",
    "Arm",
    "Asked",
    "Assign",
    "Assignment",
    "Branching",
    "CapRule",
    "Channel",
    "Close",
    "Cond",
    "Consent",
    "EndHere",
    "EnterRule",
    "Flow",
    "Happening",
    "Jump",
    "LateRule",
    "NoneOf",
    "OpenHours",
    "PolicyRules",
    "QuietRule",
    "Respond",
    "Sending",
    "Setting",
    "Splitting",
    "Step",
    "Tagging",
    "Texts",
    "Untagging",
    "Until",
    "Waiting",
    "WaitingFor",
    "Way",
    "Workspace",
]

ANY_LANGUAGE = "*"
Texts = dict[str, str]
"""Language, or `*`, to liquid."""
Purpose = Literal["urgent", "service", "marketing"]
Then = Literal["postpone", "skip", "send"]
Via = Literal["console", "webhook", "file"]
Priority = Literal["low", "normal", "high"]
Which = Literal["trigger", "last"]
MatchKind = Literal["event", "message", "agent_message", "conversation", "tag_added", "opted_out", "manual"]


class _Part(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A part of a definition. A field that this version does not know would mean something: it is refused."""


class _Condition(_Part, frozen=True, tag_field="is"):
    """A part of a condition."""


class _Step(_Part, frozen=True, tag_field="step"):
    """A step."""


class Asked(_Condition, frozen=True, tag="asked"):
    """One subject with at most one operator."""

    subject: str
    name: str
    operator: str | None = None
    operand: Any = None
    """As written: a literal, a list of them, or `{property|attribute|var|now: …}`."""
    fold: bool = False


class AllOf(_Condition, frozen=True, tag="all"):
    """Every one holds."""

    of: tuple["Cond", ...]


class AnyOf(_Condition, frozen=True, tag="any"):
    """At least one holds."""

    of: tuple["Cond", ...]


class NoneOf(_Condition, frozen=True, tag="not"):
    """It does not hold."""

    of: "Cond"


Cond = Asked | AllOf | AnyOf | NoneOf


class Happening(_Part, frozen=True):
    """A match: something that happens at an instant. `manual` is the bare trigger."""

    kind: MatchKind
    name: str | None = None
    where: Cond | None = None
    same: tuple[str, ...] = ()
    channel: tuple[str, ...] = ()
    keyword: tuple[str, ...] = ()
    """Of a message: it says one of these."""
    pattern: str | None = None
    """Of a message: RE2, found anywhere in it."""


class AgainRule(_Part, frozen=True):
    """When a contact may enter again."""

    rule: Literal["never", "after_exit", "always", "after"] = "after_exit"
    after: int | None = None


class EnterRule(_Part, frozen=True):
    """Who may enter."""

    again: AgainRule | None = None
    key: str | None = None
    when: Cond | None = None


class QuietRule(_Part, frozen=True):
    """Hours in which nothing is sent; `hours` None: off."""

    hours: tuple[int, int] | None
    days: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)
    zone: str = "contact"
    then: Then = "postpone"
    by_purpose: dict[Purpose, Then] = {}
    jitter: int = 600_000


class CapRule(_Part, frozen=True):
    """At most so many messages in a sliding span."""

    messages: int
    per: int
    channel: str | None = None
    purpose: Purpose | None = None


class LateRule(_Part, frozen=True):
    """What becomes of a late send; None: it is sent however late."""

    skip_after: int | None


class PolicyRules(_Part, frozen=True):
    """Policies as one level states them; None: not stated here."""

    purpose: Purpose | None = None
    quiet_hours: QuietRule | None = None
    cap: tuple[CapRule, ...] | None = None
    late: LateRule | None = None
    priority: int | None = None


class Sending(_Step, frozen=True, tag="send"):
    """A send: `template` or `text`, exactly one."""

    id: str
    title: str | None = None
    policies: PolicyRules | None = None
    channel: tuple[str, ...] = ()
    template: str | None = None
    text: Texts | None = None
    subject: Texts | None = None
    vars: Texts = {}
    """Name to liquid."""
    purpose: Purpose | None = None
    on_unknown: Literal["hold", "resend"] = "hold"


class Until(_Part, frozen=True):
    """A time of day, on some weekdays: the next one after now."""

    time: int
    days: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)
    zone: str = "contact"


class Waiting(_Step, frozen=True, tag="wait"):
    """A wait for a span, or until a time of day: one of the two."""

    id: str
    span: int = 0
    title: str | None = None
    policies: PolicyRules | None = None
    until: Until | None = None


class WaitingFor(_Step, frozen=True, tag="wait_for"):
    """A wait for something that happens. A branch that is None was not written; an empty one goes on too."""

    id: str
    match: Happening
    within: int
    title: str | None = None
    policies: PolicyRules | None = None
    on_event: tuple["Step", ...] | None = None
    no_event: tuple["Step", ...] | None = None


class Respond(_Step, frozen=True, tag="customer_response"):
    """A wait for the contact's answer. A branch that is None was not written; an empty one goes on too."""

    id: str
    within: int
    title: str | None = None
    policies: PolicyRules | None = None
    on_response: tuple["Step", ...] | None = None
    no_response: tuple["Step", ...] | None = None
    any_channel: bool = False
    reactions: bool = False
    prompt: str | None = None
    """A step's id, or `none`."""


class Way(_Part, frozen=True):
    """A condition and the steps behind it."""

    when: Cond
    then: tuple["Step", ...] = ()


class Branching(_Step, frozen=True, tag="if"):
    """An if: the first way whose condition holds, else `otherwise`."""

    id: str
    ways: tuple[Way, ...]
    title: str | None = None
    policies: PolicyRules | None = None
    otherwise: tuple["Step", ...] = ()


class Tagging(_Step, frozen=True, tag="tag"):
    """Tags that the contact gets."""

    id: str
    tags: tuple[str, ...]
    title: str | None = None
    policies: PolicyRules | None = None


class Untagging(_Step, frozen=True, tag="untag"):
    """Tags that are taken from the contact."""

    id: str
    tags: tuple[str, ...]
    title: str | None = None
    policies: PolicyRules | None = None


class Assignment(_Part, frozen=True):
    """A name and its value: a literal, or `{property|attribute|var|now: …}`, as written."""

    subject: Literal["var", "attribute"]
    name: str
    to: Any


class Setting(_Step, frozen=True, tag="set"):
    """Sets values, one after the other."""

    id: str
    values: tuple[Assignment, ...]
    title: str | None = None
    policies: PolicyRules | None = None


class Arm(_Part, frozen=True):
    """A way out of a split."""

    name: str
    weight: int
    steps: tuple["Step", ...] = ()


class Splitting(_Step, frozen=True, tag="split"):
    """A split: weights are relative, `hold_out` among them."""

    id: str
    arms: tuple[Arm, ...]
    title: str | None = None
    policies: PolicyRules | None = None
    hold_out: int = 0


class Jump(_Step, frozen=True, tag="go_to"):
    """Goes to a step, so many times at most; then on."""

    id: str
    to: str
    title: str | None = None
    policies: PolicyRules | None = None
    max: int = 10


class Assign(_Step, frozen=True, tag="assign"):
    """Assigns the conversation: exactly one of agent, team, round_robin."""

    id: str
    title: str | None = None
    policies: PolicyRules | None = None
    agent: str | None = None
    team: str | None = None
    round_robin: tuple[str, ...] = ()
    priority: Priority = "normal"


class Close(_Step, frozen=True, tag="close_conversation"):
    """Closes a conversation."""

    id: str
    title: str | None = None
    policies: PolicyRules | None = None
    conversation: Which | None = None


class EndHere(_Step, frozen=True, tag="end"):
    """Ends the journey."""

    id: str
    title: str | None = None
    policies: PolicyRules | None = None
    reason: str = "end"


Step = (
    Sending
    | Waiting
    | WaitingFor
    | Respond
    | Branching
    | Tagging
    | Untagging
    | Setting
    | Splitting
    | Jump
    | Assign
    | Close
    | EndHere
)


class Flow(_Part, frozen=True):
    """A flow file."""

    flow: str
    trigger: tuple[Happening, ...]
    steps: tuple[Step, ...]
    grammar: int = 1
    title: str | None = None
    enter: EnterRule | None = None
    exit_on: tuple[Happening, ...] = ()
    channel: str | None = None
    vars: dict[str, Any] = {}
    policies: PolicyRules | None = None


class Channel(_Part, frozen=True):
    """A channel of a workspace."""

    via: Via
    sender: str | None = None
    rate: int | None = None
    """Messages a second at most, of this channel's sender."""
    threaded: bool = False
    url: str | None = None
    """webhook: where to."""
    timeout: int | None = None
    """webhook: how long one call may take, ms."""
    idempotent: bool = False
    """webhook: the endpoint promises that a call with a key it has taken before has no second effect."""
    path: str | None = None
    """file: which one."""


class Consent(_Part, frozen=True):
    """What marketing needs; service and urgent messages go unless denied."""

    marketing: Literal["opt_in", "opt_out"] = "opt_in"


class OpenHours(_Part, frozen=True):
    """Hours of one weekday in which the business is open."""

    day: int
    hours: tuple[tuple[int, int], ...] = ()


class Workspace(_Part, frozen=True):
    """A workspace file."""

    workspace: str
    zone: str
    language: str
    channels: dict[str, Channel]
    hours: tuple[OpenHours, ...] = ()
    holidays: tuple[str, ...] = ()
    """Dates, YYYY-MM-DD: however they are written, they are expanded before they are published."""
    policies: PolicyRules | None = None
    stop_words: dict[str, tuple[str, ...]] = {}
    consent: Consent | None = None
    attribution_window: int = 86_400_000
    delivery: Literal["real", "assumed"] = "real"
    grace: int = 10_000
