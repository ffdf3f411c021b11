"""What the engine decided, in the past tense: the records of the facts topic.

Made from the .avsc files by `python -m schemas.generate`: change those, not this. They are the wire format:
a class, its Avro record and its folder share one name.
"""

import msgspec

from schemas.types.value import Sealed

__all__ = [
    "ArmTaken",
    "BranchTaken",
    "Cause",
    "ClockAdvanced",
    "ConsentRecorded",
    "ContactChanged",
    "ContactErased",
    "ConversationAssignCommanded",
    "ConversationCloseCommanded",
    "ConversationNoted",
    "DeliveryNoted",
    "EntryRefused",
    "Fact",
    "FlowCommandApplied",
    "InputNoted",
    "JourneyEnded",
    "JourneyHeld",
    "JourneyStarted",
    "LateResponseReceived",
    "MessageNoted",
    "PromptSent",
    "ResponseReceived",
    "ResponseTimedOut",
    "SendCommanded",
    "SendFailed",
    "SendPostponed",
    "SendSuppressed",
    "TimerCancelled",
    "TimerFired",
    "TimerSet",
    "VariablesSet",
    "WaitCancelled",
    "WaitOpened",
    "WaitSkipped",
]


class Cause(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """The place in the log that made this fact."""

    topic: str
    """The topic."""
    partition: int
    """The partition."""
    offset: int
    """The offset of the input or tick."""
    input: str
    """source and id of the input, joined by a slash; empty for a tick."""
    timer: str | None = None
    """The deadline that fell due and made it; null where the input itself did."""


class ArmTaken(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """A split sent the journey one way, by a hash of contact, flow and step."""

    id: str
    """Derived from the contact, the cause by name and its place among that cause's facts; the same in
    every run."""
    contact: str
    """workspace/contact_id, the record's key."""
    at: int
    """The clock at the decision."""
    cause: Cause
    """What made it."""
    sealed: Sealed | None = None
    """Personal values, AES-SIV under the contact's data key, the fact's id as associated data; null if it
    has none."""
    flow: str
    """The flow."""
    version: int
    """The flow's version, 1 for its first."""
    journey: str
    """The journey."""
    step: str
    """The step's id."""
    visit: int = 1
    """How often the journey has come to this step, from 1."""
    arm: str
    """The arm; hold_out for who is held out."""
    held_out: bool = False
    """Whether nothing is sent to this journey from here on."""
    weight: int
    """The arm's weight."""
    total: int
    """The sum of all weights, hold-out included."""


class BranchTaken(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """A step sent the journey one way."""

    id: str
    """Derived from the contact, the cause by name and its place among that cause's facts; the same in
    every run."""
    contact: str
    """workspace/contact_id, the record's key."""
    at: int
    """The clock at the decision."""
    cause: Cause
    """What made it."""
    sealed: Sealed | None = None
    """Personal values, AES-SIV under the contact's data key, the fact's id as associated data; null if it
    has none."""
    flow: str
    """The flow."""
    version: int
    """The flow's version, 1 for its first."""
    journey: str
    """The journey."""
    step: str
    """The step's id."""
    visit: int = 1
    """How often the journey has come to this step, from 1."""
    branch: str
    """then, else, else_if-1 …; of a go_to: go_to, or go_on when it has been there often enough; of a
    wait_for: on_event; of a start_flow: its flow."""
    because: dict[str, str] = {}
    """The values that decided it, by name. Never a personal value."""


class ClockAdvanced(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """How far this partition's time has got."""

    id: str
    """Derived from the contact, the cause by name and its place among that cause's facts; the same in
    every run."""
    at: int
    """The clock at the decision."""
    cause: Cause
    """What made it."""
    partition: int
    """The partition that it is about."""
    clock: int
    """The clock."""
    settled: int
    """Everything due before this has fired: the clock, or the soonest that has not."""
    engine: str
    """The version of Attesa."""
    tzdata: str
    """The version of the time zone data."""


class ConsentRecorded(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Consent was given or taken back."""

    id: str
    """Derived from the contact, the cause by name and its place among that cause's facts; the same in
    every run."""
    contact: str
    """workspace/contact_id, the record's key."""
    at: int
    """The clock at the decision."""
    cause: Cause
    """What made it."""
    sealed: Sealed | None = None
    """Personal values, AES-SIV under the contact's data key, the fact's id as associated data; null if it
    has none."""
    purpose: str
    """marketing, service, urgent or any."""
    channel: str | None = None
    """The channel; null for all."""
    granted: bool
    """True if given."""
    by: str
    """input, or keyword for a consent word in a message."""
    message: str | None = None
    """The message with the word; null otherwise."""


class ContactChanged(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """What is known of the contact changed. Values are sealed."""

    id: str
    """Derived from the contact, the cause by name and its place among that cause's facts; the same in
    every run."""
    contact: str
    """workspace/contact_id, the record's key."""
    at: int
    """The clock at the decision."""
    cause: Cause
    """What made it."""
    sealed: Sealed | None = None
    """Personal values, AES-SIV under the contact's data key, the fact's id as associated data; null if it
    has none."""
    set: list[str] = []
    """Names of attributes that were set."""
    unset: list[str] = []
    """Names taken away."""
    tags_added: list[str] = []
    """Tags added."""
    tags_removed: list[str] = []
    """Tags taken away."""
    channels: list[str] = []
    """Channels whose address was set or taken away."""
    language: str | None = None
    """The language from here on; null if unchanged."""
    zone: str | None = None
    """The zone from here on; null if unchanged."""
    refused: list[str] = []
    """Names not kept: attributes that would outgrow their limit, tags and channels over theirs, an
    unknown zone."""
    flow: str | None = None
    """The flow whose step changed it; null if an input did."""
    version: int | None = None
    """The flow's version."""
    journey: str | None = None
    """The journey."""
    step: str | None = None
    """The step's id."""
    visit: int | None = None
    """How often the journey has come to this step, from 1."""


class ContactErased(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """The contact's key and state are destroyed with this fact."""

    id: str
    """Derived from the contact, the cause by name and its place among that cause's facts; the same in
    every run."""
    contact: str
    """workspace/contact_id, the record's key."""
    at: int
    """The clock at the decision."""
    cause: Cause
    """What made it."""
    sealed: Sealed | None = None
    """Personal values, AES-SIV under the contact's data key, the fact's id as associated data; null if it
    has none."""
    requested_by: str
    """Who asked."""
    reason: str
    """Why."""


class ConversationAssignCommanded(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """A conversation is to be assigned."""

    id: str
    """Derived from the contact, the cause by name and its place among that cause's facts; the same in
    every run."""
    contact: str
    """workspace/contact_id, the record's key."""
    at: int
    """The clock at the decision."""
    cause: Cause
    """What made it."""
    sealed: Sealed | None = None
    """Personal values, AES-SIV under the contact's data key, the fact's id as associated data; null if it
    has none."""
    flow: str
    """The flow."""
    version: int
    """The flow's version, 1 for its first."""
    journey: str
    """The journey."""
    step: str
    """The step's id."""
    visit: int = 1
    """How often the journey has come to this step, from 1."""
    command: str
    """The command's id."""
    channel: str | None = None
    """Its channel; null if there is none."""
    conversation: str | None = None
    """The thread; null if there is none: nothing was commanded."""
    agent: str | None = None
    """To this agent; null if to a team."""
    team: str | None = None
    """To this team; null if to an agent."""
    priority: str = "normal"
    """low, normal or high."""


class ConversationCloseCommanded(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """A conversation is to be closed: the command CloseConversation stands beside this fact."""

    id: str
    """Derived from the contact, the cause by name and its place among that cause's facts; the same in
    every run."""
    contact: str
    """workspace/contact_id, the record's key."""
    at: int
    """The clock at the decision."""
    cause: Cause
    """What made it."""
    sealed: Sealed | None = None
    """Personal values, AES-SIV under the contact's data key, the fact's id as associated data; null if it
    has none."""
    flow: str
    """The flow."""
    version: int
    """The flow's version, 1 for its first."""
    journey: str
    """The journey."""
    step: str
    """The step's id."""
    visit: int = 1
    """How often the journey has come to this step, from 1."""
    command: str
    """The id of the command."""
    channel: str | None = None
    """Its channel."""
    conversation: str | None = None
    """The thread; null if the journey has none, and then nothing is commanded."""


class ConversationNoted(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """A conversation was opened, assigned or closed."""

    id: str
    """Derived from the contact, the cause by name and its place among that cause's facts; the same in
    every run."""
    contact: str
    """workspace/contact_id, the record's key."""
    at: int
    """The clock at the decision."""
    cause: Cause
    """What made it."""
    sealed: Sealed | None = None
    """Personal values, AES-SIV under the contact's data key, the fact's id as associated data; null if it
    has none."""
    event: str
    """opened, assigned or closed."""
    channel: str
    """The channel, by the workspace's name for it: whatsapp, sms, email, push …"""
    conversation: str
    """The thread."""
    agent: str | None = None
    """The agent."""
    team: str | None = None
    """The team."""


class DeliveryNoted(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """A receipt for a message that was accepted."""

    id: str
    """Derived from the contact, the cause by name and its place among that cause's facts; the same in
    every run."""
    contact: str
    """workspace/contact_id, the record's key."""
    at: int
    """The clock at the decision."""
    cause: Cause
    """What made it."""
    sealed: Sealed | None = None
    """Personal values, AES-SIV under the contact's data key, the fact's id as associated data; null if it
    has none."""
    flow: str
    """The flow."""
    version: int
    """The flow's version, 1 for its first."""
    journey: str
    """The journey."""
    step: str
    """The step's id."""
    visit: int = 1
    """How often the journey has come to this step, from 1."""
    command: str
    """The id of the command."""
    channel: str
    """The channel, by the workspace's name for it: whatsapp, sms, email, push …"""
    template: str | None = None
    """The template's name, or the step's id where the text stands in the flow; null if there is no
    message."""
    provider_id: str | None = None
    """The provider's id."""
    status: str
    """delivered, read or failed."""
    reason: str | None = None
    """Why it failed."""
    commanded_at: int
    """When it was commanded."""


class EntryRefused(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """A trigger matched and the contact did not enter."""

    id: str
    """Derived from the contact, the cause by name and its place among that cause's facts; the same in
    every run."""
    contact: str
    """workspace/contact_id, the record's key."""
    at: int
    """The clock at the decision."""
    cause: Cause
    """What made it."""
    sealed: Sealed | None = None
    """Personal values, AES-SIV under the contact's data key, the fact's id as associated data; null if it
    has none."""
    flow: str
    """The flow."""
    version: int
    """The version in force."""
    reason: str
    """running, again, when, limit, duplicate_key, no_key, retired or paused."""
    until: int | None = None
    """When re-entry opens; null if it does not depend on time."""
    because: dict[str, str] = {}
    """The values that decided it, by name. Never a personal value."""


class FlowCommandApplied(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """A flow command is in force on this partition from here on."""

    id: str
    """Derived from the contact, the cause by name and its place among that cause's facts; the same in
    every run."""
    at: int
    """The clock at the decision."""
    cause: Cause
    """What made it."""
    partition: int
    """The partition that it is about."""
    flows_offset: int
    """Its offset in the flows topic."""
    record: str
    """Its record name."""
    command: str
    """Its id."""
    workspace: str
    """The workspace."""
    flow: str | None = None
    """Its flow; null if it is about none."""
    version: int | None = None
    """The version that it made or is about."""
    result: str
    """applied, nothing_new or refused."""
    reason: str | None = None
    """Why it was refused."""


class InputNoted(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """An input that changed nothing but what is remembered of inputs."""

    id: str
    """Derived from the contact, the cause by name and its place among that cause's facts; the same in
    every run."""
    contact: str
    """workspace/contact_id, the record's key."""
    at: int
    """The clock at the decision."""
    cause: Cause
    """What made it."""
    sealed: Sealed | None = None
    """Personal values, AES-SIV under the contact's data key, the fact's id as associated data; null if it
    has none."""
    record: str
    """The input's record name."""
    name: str | None = None
    """A customer event's name; null for others."""
    reason: str | None = None
    """Why nothing else came of it: unknown_command, late_outcome …; null if nothing was expected."""
    clamped: bool = False
    """True if the claimed time was out of bounds and the record's was taken."""


class JourneyEnded(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """The journey is over."""

    id: str
    """Derived from the contact, the cause by name and its place among that cause's facts; the same in
    every run."""
    contact: str
    """workspace/contact_id, the record's key."""
    at: int
    """The clock at the decision."""
    cause: Cause
    """What made it."""
    sealed: Sealed | None = None
    """Personal values, AES-SIV under the contact's data key, the fact's id as associated data; null if it
    has none."""
    flow: str
    """The flow."""
    version: int
    """The flow's version, 1 for its first."""
    journey: str
    """The journey."""
    step: str
    """The step's id."""
    visit: int = 1
    """How often the journey has come to this step, from 1."""
    reason: str
    """completed, end, exit, cancelled, erased, step_limit, held_out …"""
    trigger: str
    """What had started it."""
    started_at: int
    """When it had started."""
    duration_ms: int
    """at minus started_at, ms."""
    because: dict[str, str] = {}
    """The values that decided it, by name. Never a personal value."""


class JourneyHeld(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """The journey stands still at this step until somebody decides."""

    id: str
    """Derived from the contact, the cause by name and its place among that cause's facts; the same in
    every run."""
    contact: str
    """workspace/contact_id, the record's key."""
    at: int
    """The clock at the decision."""
    cause: Cause
    """What made it."""
    sealed: Sealed | None = None
    """Personal values, AES-SIV under the contact's data key, the fact's id as associated data; null if it
    has none."""
    flow: str
    """The flow."""
    version: int
    """The flow's version, 1 for its first."""
    journey: str
    """The journey."""
    step: str
    """The step's id."""
    visit: int = 1
    """How often the journey has come to this step, from 1."""
    reason: str
    """stopped, paused or unknown."""
    because: dict[str, str] = {}
    """The values that decided it, by name. Never a personal value."""


class JourneyStarted(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """A contact entered a flow. Its event properties are sealed."""

    id: str
    """Derived from the contact, the cause by name and its place among that cause's facts; the same in
    every run."""
    contact: str
    """workspace/contact_id, the record's key."""
    at: int
    """The clock at the decision."""
    cause: Cause
    """What made it."""
    sealed: Sealed | None = None
    """Personal values, AES-SIV under the contact's data key, the fact's id as associated data; null if it
    has none."""
    flow: str
    """The flow."""
    version: int
    """The flow's version, 1 for its first."""
    journey: str
    """The journey."""
    step: str
    """The step's id."""
    visit: int = 1
    """How often the journey has come to this step, from 1."""
    trigger: str
    """What kind of thing started it: message, agent_message, event, manual …"""
    entry_key: str | None = None
    """A digest of the value that tells parallel journeys apart (the value itself is sealed); null if the
    flow has one a contact."""
    conversation: str | None = None
    """The thread on the channel, by the platform's id; null where the platform has none."""
    channel: str | None = None
    """The channel of that conversation; null if none."""
    rules: int
    """The version of the decision rules."""


class LateResponseReceived(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """An answer came after its wait had timed out. The time-out stands."""

    id: str
    """Derived from the contact, the cause by name and its place among that cause's facts; the same in
    every run."""
    contact: str
    """workspace/contact_id, the record's key."""
    at: int
    """The clock at the decision."""
    cause: Cause
    """What made it."""
    sealed: Sealed | None = None
    """Personal values, AES-SIV under the contact's data key, the fact's id as associated data; null if it
    has none."""
    flow: str
    """The flow."""
    version: int
    """The flow's version, 1 for its first."""
    journey: str
    """The journey."""
    step: str
    """The step's id."""
    visit: int = 1
    """How often the journey has come to this step, from 1."""
    wait: str
    """The wait."""
    prompt: str | None = None
    """Its prompt."""
    channel: str | None = None
    """The channel."""
    template: str | None = None
    """The template's name, or the step's id where the text stands in the flow; null if there is no
    message."""
    opened_at: int
    """When the wait was opened."""
    prompted_at: int | None = None
    """When the prompt was accepted."""
    deadline: int
    """Its deadline."""
    timed_out_at: int
    """When it timed out."""
    message: str
    """The answer's id."""
    said_at: int
    """When it was said."""
    response_ms: int
    """said_at minus prompted_at (or opened_at), ms."""


class MessageNoted(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """A message in or out. Its text is not here."""

    id: str
    """Derived from the contact, the cause by name and its place among that cause's facts; the same in
    every run."""
    contact: str
    """workspace/contact_id, the record's key."""
    at: int
    """The clock at the decision."""
    cause: Cause
    """What made it."""
    sealed: Sealed | None = None
    """Personal values, AES-SIV under the contact's data key, the fact's id as associated data; null if it
    has none."""
    direction: str
    """in or out."""
    message: str
    """The message's id: the provider's where there is one."""
    channel: str
    """The channel, by the workspace's name for it: whatsapp, sms, email, push …"""
    conversation: str | None = None
    """The thread on the channel, by the platform's id; null where the platform has none."""
    author: str
    """customer, agent or automation."""
    agent: str | None = None
    """The agent who wrote it; null for others."""
    kind: str = "text"
    """text, button, media, reaction, receipt or out_of_office."""
    reply_to: str | None = None
    """The message that it quotes or answers; null if none."""
    threaded: bool = False
    """True if on this channel only reply_to answers."""
    occurred_at: int
    """When, by the sender's claim, as it came."""
    said_at: int
    """When, as it counts: the claim, but never after the record's timestamp; out of bounds, the record's
    timestamp."""
    clamped: bool = False
    """True if the claim was out of bounds."""
    flow: str | None = None
    """The flow that sent it; null for people's messages."""
    version: int | None = None
    """The flow's version."""
    journey: str | None = None
    """The journey."""
    step: str | None = None
    """The step."""
    template: str | None = None
    """The template's name, or the step's id where the text stands in the flow; null if there is no
    message."""
    purpose: str | None = None
    """An automation's purpose; null for others."""


class PromptSent(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """A channel accepted the message. If a wait stands on it, its time runs from here."""

    id: str
    """Derived from the contact, the cause by name and its place among that cause's facts; the same in
    every run."""
    contact: str
    """workspace/contact_id, the record's key."""
    at: int
    """The clock at the decision."""
    cause: Cause
    """What made it."""
    sealed: Sealed | None = None
    """Personal values, AES-SIV under the contact's data key, the fact's id as associated data; null if it
    has none."""
    flow: str
    """The flow."""
    version: int
    """The flow's version, 1 for its first."""
    journey: str
    """The journey."""
    step: str
    """The step's id."""
    visit: int = 1
    """How often the journey has come to this step, from 1."""
    command: str
    """The id of the command."""
    channel: str
    """The channel, by the workspace's name for it: whatsapp, sms, email, push …"""
    template: str | None = None
    """The template's name, or the step's id where the text stands in the flow; null if there is no
    message."""
    purpose: str
    """urgent, service or marketing."""
    conversation: str | None = None
    """The thread on the channel, by the platform's id; null where the platform has none."""
    commanded_at: int
    """When it was commanded."""
    provider_id: str | None = None
    """The provider's id of the message; null if it gave none."""
    accepted_at: int
    """When it was accepted."""
    assumed: bool = False
    """True on a history, where every send counts as accepted at once."""


class ResponseReceived(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """The contact answered in time."""

    id: str
    """Derived from the contact, the cause by name and its place among that cause's facts; the same in
    every run."""
    contact: str
    """workspace/contact_id, the record's key."""
    at: int
    """The clock at the decision."""
    cause: Cause
    """What made it."""
    sealed: Sealed | None = None
    """Personal values, AES-SIV under the contact's data key, the fact's id as associated data; null if it
    has none."""
    flow: str
    """The flow."""
    version: int
    """The flow's version, 1 for its first."""
    journey: str
    """The journey."""
    step: str
    """The step's id."""
    visit: int = 1
    """How often the journey has come to this step, from 1."""
    wait: str
    """The wait."""
    prompt: str | None = None
    """The command of the message that it waits on; null if it waits on none."""
    prompt_step: str | None = None
    """The step that sent it; null if none."""
    channel: str | None = None
    """The channel an answer must come by; null for any."""
    template: str | None = None
    """The template's name, or the step's id where the text stands in the flow; null if there is no
    message."""
    conversation: str | None = None
    """The thread on the channel, by the platform's id; null where the platform has none."""
    arm: str | None = None
    """The arm of the last split; null if none."""
    opened_at: int
    """When the step was reached."""
    prompted_at: int | None = None
    """When the prompt was accepted; null if it has none or was not yet."""
    deadline: int
    """An answer said by then, inclusive, is in time."""
    due: int
    """When the time-out is decided: deadline plus grace."""
    within_ms: int
    """The time given, ms."""
    local_hour: int
    """Hour of the day, 0–23, in the contact's zone, of the prompt (its acceptance if that was known at
    the opening, else its command; without a prompt: the opening). A closing repeats it."""
    local_weekday: int
    """Its day of the week, 1 Monday – 7 Sunday."""
    message: str
    """The answer's id."""
    said_at: int
    """When it was said, as it counts."""
    response_ms: int
    """max(0, said_at − prompted_at, or opened_at where there is no prompt), ms."""
    matched_by: str
    """reply: it quotes the prompt; channel: it came by the right channel; conversation: it came in the
    right thread."""


class ResponseTimedOut(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """Nobody answered in time."""

    id: str
    """Derived from the contact, the cause by name and its place among that cause's facts; the same in
    every run."""
    contact: str
    """workspace/contact_id, the record's key."""
    at: int
    """The clock at the decision."""
    cause: Cause
    """What made it."""
    sealed: Sealed | None = None
    """Personal values, AES-SIV under the contact's data key, the fact's id as associated data; null if it
    has none."""
    flow: str
    """The flow."""
    version: int
    """The flow's version, 1 for its first."""
    journey: str
    """The journey."""
    step: str
    """The step's id."""
    visit: int = 1
    """How often the journey has come to this step, from 1."""
    wait: str
    """The wait."""
    prompt: str | None = None
    """The command of the message that it waits on; null if it waits on none."""
    prompt_step: str | None = None
    """The step that sent it; null if none."""
    channel: str | None = None
    """The channel an answer must come by; null for any."""
    template: str | None = None
    """The template's name, or the step's id where the text stands in the flow; null if there is no
    message."""
    conversation: str | None = None
    """The thread on the channel, by the platform's id; null where the platform has none."""
    arm: str | None = None
    """The arm of the last split; null if none."""
    opened_at: int
    """When the step was reached."""
    prompted_at: int | None = None
    """When the prompt was accepted; null if it has none or was not yet."""
    deadline: int
    """An answer said by then, inclusive, is in time."""
    due: int
    """When the time-out is decided: deadline plus grace."""
    within_ms: int
    """The time given, ms."""
    local_hour: int
    """Hour of the day, 0–23, in the contact's zone, of the prompt (its acceptance if that was known at
    the opening, else its command; without a prompt: the opening). A closing repeats it."""
    local_weekday: int
    """Its day of the week, 1 Monday – 7 Sunday."""
    lateness_ms: int
    """at minus due, ms."""


class SendCommanded(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """A message is to be sent: the command SendMessage stands beside this fact."""

    id: str
    """Derived from the contact, the cause by name and its place among that cause's facts; the same in
    every run."""
    contact: str
    """workspace/contact_id, the record's key."""
    at: int
    """The clock at the decision."""
    cause: Cause
    """What made it."""
    sealed: Sealed | None = None
    """Personal values, AES-SIV under the contact's data key, the fact's id as associated data; null if it
    has none."""
    flow: str
    """The flow."""
    version: int
    """The flow's version, 1 for its first."""
    journey: str
    """The journey."""
    step: str
    """The step's id."""
    visit: int = 1
    """How often the journey has come to this step, from 1."""
    command: str
    """The id of the command."""
    channel: str
    """The channel, by the workspace's name for it: whatsapp, sms, email, push …"""
    template: str | None = None
    """The template's name, or the step's id where the text stands in the flow; null if there is no
    message."""
    purpose: str
    """urgent, service or marketing."""
    conversation: str | None = None
    """The thread on the channel, by the platform's id; null where the platform has none."""
    language: str
    """The language it goes out in."""
    not_before: int
    """Not to be sent before."""
    not_after: int
    """Not to be sent after."""
    counted_ms: int = 0
    """The longest span of a cap that it counts in, ms; 0 if it counts in none."""
    because: dict[str, str] = {}
    """The values that decided it, by name. Never a personal value."""


class SendFailed(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """The message did not go out, or nobody knows."""

    id: str
    """Derived from the contact, the cause by name and its place among that cause's facts; the same in
    every run."""
    contact: str
    """workspace/contact_id, the record's key."""
    at: int
    """The clock at the decision."""
    cause: Cause
    """What made it."""
    sealed: Sealed | None = None
    """Personal values, AES-SIV under the contact's data key, the fact's id as associated data; null if it
    has none."""
    flow: str
    """The flow."""
    version: int
    """The flow's version, 1 for its first."""
    journey: str
    """The journey."""
    step: str
    """The step's id."""
    visit: int = 1
    """How often the journey has come to this step, from 1."""
    command: str
    """The id of the command."""
    channel: str
    """The channel, by the workspace's name for it: whatsapp, sms, email, push …"""
    template: str | None = None
    """The template's name, or the step's id where the text stands in the flow; null if there is no
    message."""
    purpose: str
    """urgent, service or marketing."""
    conversation: str | None = None
    """The thread on the channel, by the platform's id; null where the platform has none."""
    commanded_at: int
    """When it was commanded."""
    outcome: str
    """failed, expired, stopped or unknown."""
    reason: str
    """Why."""


class SendPostponed(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """A send waits for its hour."""

    id: str
    """Derived from the contact, the cause by name and its place among that cause's facts; the same in
    every run."""
    contact: str
    """workspace/contact_id, the record's key."""
    at: int
    """The clock at the decision."""
    cause: Cause
    """What made it."""
    sealed: Sealed | None = None
    """Personal values, AES-SIV under the contact's data key, the fact's id as associated data; null if it
    has none."""
    flow: str
    """The flow."""
    version: int
    """The flow's version, 1 for its first."""
    journey: str
    """The journey."""
    step: str
    """The step's id."""
    visit: int = 1
    """How often the journey has come to this step, from 1."""
    channel: str | None = None
    """The channel."""
    template: str | None = None
    """The template's name, or the step's id where the text stands in the flow; null if there is no
    message."""
    purpose: str
    """urgent, service or marketing."""
    until: int
    """When it is decided anew."""
    reason: str
    """quiet_hours or expired."""
    because: dict[str, str] = {}
    """The values that decided it, by name. Never a personal value."""


class SendSuppressed(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """A send was not made."""

    id: str
    """Derived from the contact, the cause by name and its place among that cause's facts; the same in
    every run."""
    contact: str
    """workspace/contact_id, the record's key."""
    at: int
    """The clock at the decision."""
    cause: Cause
    """What made it."""
    sealed: Sealed | None = None
    """Personal values, AES-SIV under the contact's data key, the fact's id as associated data; null if it
    has none."""
    flow: str
    """The flow."""
    version: int
    """The flow's version, 1 for its first."""
    journey: str
    """The journey."""
    step: str
    """The step's id."""
    visit: int = 1
    """How often the journey has come to this step, from 1."""
    channel: str | None = None
    """The channel it would have gone by; null if none was found."""
    template: str | None = None
    """The template's name, or the step's id where the text stands in the flow; null if there is no
    message."""
    purpose: str
    """urgent, service or marketing."""
    reason: str
    """quiet_hours, cap, opted_out, no_consent, late, no_channel, no_address …"""
    because: dict[str, str] = {}
    """The values that decided it, by name. Never a personal value."""


class TimerCancelled(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """The journey waits for that moment no more."""

    id: str
    """Derived from the contact, the cause by name and its place among that cause's facts; the same in
    every run."""
    contact: str
    """workspace/contact_id, the record's key."""
    at: int
    """The clock at the decision."""
    cause: Cause
    """What made it."""
    sealed: Sealed | None = None
    """Personal values, AES-SIV under the contact's data key, the fact's id as associated data; null if it
    has none."""
    flow: str
    """The flow."""
    version: int
    """The flow's version, 1 for its first."""
    journey: str
    """The journey."""
    step: str
    """The step's id."""
    visit: int = 1
    """How often the journey has come to this step, from 1."""
    kind: str
    """wait or send."""
    opened_at: int
    """When the wait began."""
    due: int
    """The moment it was for."""
    reason: str
    """Why."""


class TimerFired(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """The moment came."""

    id: str
    """Derived from the contact, the cause by name and its place among that cause's facts; the same in
    every run."""
    contact: str
    """workspace/contact_id, the record's key."""
    at: int
    """The clock at the decision."""
    cause: Cause
    """What made it."""
    sealed: Sealed | None = None
    """Personal values, AES-SIV under the contact's data key, the fact's id as associated data; null if it
    has none."""
    flow: str
    """The flow."""
    version: int
    """The flow's version, 1 for its first."""
    journey: str
    """The journey."""
    step: str
    """The step's id."""
    visit: int = 1
    """How often the journey has come to this step, from 1."""
    kind: str
    """wait or send."""
    opened_at: int
    """When the wait began."""
    due: int
    """The moment it was for."""
    lateness_ms: int
    """at minus due, ms."""


class TimerSet(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """The journey waits for a moment."""

    id: str
    """Derived from the contact, the cause by name and its place among that cause's facts; the same in
    every run."""
    contact: str
    """workspace/contact_id, the record's key."""
    at: int
    """The clock at the decision."""
    cause: Cause
    """What made it."""
    sealed: Sealed | None = None
    """Personal values, AES-SIV under the contact's data key, the fact's id as associated data; null if it
    has none."""
    flow: str
    """The flow."""
    version: int
    """The flow's version, 1 for its first."""
    journey: str
    """The journey."""
    step: str
    """The step's id."""
    visit: int = 1
    """How often the journey has come to this step, from 1."""
    kind: str
    """wait: a wait step; send: a postponed send."""
    due: int
    """The moment."""


class VariablesSet(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """A step changed the journey's variables; their values are sealed."""

    id: str
    """Derived from the contact, the cause by name and its place among that cause's facts; the same in
    every run."""
    contact: str
    """workspace/contact_id, the record's key."""
    at: int
    """The clock at the decision."""
    cause: Cause
    """What made it."""
    sealed: Sealed | None = None
    """Personal values, AES-SIV under the contact's data key, the fact's id as associated data; null if it
    has none."""
    flow: str
    """The flow."""
    version: int
    """The flow's version, 1 for its first."""
    journey: str
    """The journey."""
    step: str
    """The step's id."""
    visit: int = 1
    """How often the journey has come to this step, from 1."""
    set: list[str] = []
    """Names of variables that were set."""
    unset: list[str] = []
    """Names taken away: what they were to be was missing."""
    refused: list[str] = []
    """Names not kept: variables that would outgrow their limit."""


class WaitCancelled(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """The wait ended without an answer and without a time-out."""

    id: str
    """Derived from the contact, the cause by name and its place among that cause's facts; the same in
    every run."""
    contact: str
    """workspace/contact_id, the record's key."""
    at: int
    """The clock at the decision."""
    cause: Cause
    """What made it."""
    sealed: Sealed | None = None
    """Personal values, AES-SIV under the contact's data key, the fact's id as associated data; null if it
    has none."""
    flow: str
    """The flow."""
    version: int
    """The flow's version, 1 for its first."""
    journey: str
    """The journey."""
    step: str
    """The step's id."""
    visit: int = 1
    """How often the journey has come to this step, from 1."""
    wait: str
    """The wait."""
    prompt: str | None = None
    """The command of the message that it waits on; null if it waits on none."""
    prompt_step: str | None = None
    """The step that sent it; null if none."""
    channel: str | None = None
    """The channel an answer must come by; null for any."""
    template: str | None = None
    """The template's name, or the step's id where the text stands in the flow; null if there is no
    message."""
    conversation: str | None = None
    """The thread on the channel, by the platform's id; null where the platform has none."""
    arm: str | None = None
    """The arm of the last split; null if none."""
    opened_at: int
    """When the step was reached."""
    prompted_at: int | None = None
    """When the prompt was accepted; null if it has none or was not yet."""
    deadline: int
    """An answer said by then, inclusive, is in time."""
    due: int
    """When the time-out is decided: deadline plus grace."""
    within_ms: int
    """The time given, ms."""
    local_hour: int
    """Hour of the day, 0–23, in the contact's zone, of the prompt (its acceptance if that was known at
    the opening, else its command; without a prompt: the opening). A closing repeats it."""
    local_weekday: int
    """Its day of the week, 1 Monday – 7 Sunday."""
    reason: str
    """exit, cancelled, erased, prompt_failed, prompt_expired, prompt_stopped, journey_ended …"""


class WaitOpened(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """The journey waits for an answer. Until the prompt is accepted, deadline is what holds if it never
    is.
    """

    id: str
    """Derived from the contact, the cause by name and its place among that cause's facts; the same in
    every run."""
    contact: str
    """workspace/contact_id, the record's key."""
    at: int
    """The clock at the decision."""
    cause: Cause
    """What made it."""
    sealed: Sealed | None = None
    """Personal values, AES-SIV under the contact's data key, the fact's id as associated data; null if it
    has none."""
    flow: str
    """The flow."""
    version: int
    """The flow's version, 1 for its first."""
    journey: str
    """The journey."""
    step: str
    """The step's id."""
    visit: int = 1
    """How often the journey has come to this step, from 1."""
    wait: str
    """The wait."""
    prompt: str | None = None
    """The command of the message that it waits on; null if it waits on none."""
    prompt_step: str | None = None
    """The step that sent it; null if none."""
    channel: str | None = None
    """The channel an answer must come by; null for any."""
    template: str | None = None
    """The template's name, or the step's id where the text stands in the flow; null if there is no
    message."""
    conversation: str | None = None
    """The thread on the channel, by the platform's id; null where the platform has none."""
    arm: str | None = None
    """The arm of the last split; null if none."""
    opened_at: int
    """When the step was reached."""
    prompted_at: int | None = None
    """When the prompt was accepted; null if it has none or was not yet."""
    deadline: int
    """An answer said by then, inclusive, is in time."""
    due: int
    """When the time-out is decided: deadline plus grace."""
    within_ms: int
    """The time given, ms."""
    local_hour: int
    """Hour of the day, 0–23, in the contact's zone, of the prompt (its acceptance if that was known at
    the opening, else its command; without a prompt: the opening). A closing repeats it."""
    local_weekday: int
    """Its day of the week, 1 Monday – 7 Sunday."""


class WaitSkipped(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):
    """No wait was opened, since its prompt was never commanded."""

    id: str
    """Derived from the contact, the cause by name and its place among that cause's facts; the same in
    every run."""
    contact: str
    """workspace/contact_id, the record's key."""
    at: int
    """The clock at the decision."""
    cause: Cause
    """What made it."""
    sealed: Sealed | None = None
    """Personal values, AES-SIV under the contact's data key, the fact's id as associated data; null if it
    has none."""
    flow: str
    """The flow."""
    version: int
    """The flow's version, 1 for its first."""
    journey: str
    """The journey."""
    step: str
    """The step's id."""
    visit: int = 1
    """How often the journey has come to this step, from 1."""
    template: str | None = None
    """The template's name, or the step's id where the text stands in the flow; null if there is no
    message."""
    channel: str | None = None
    """The prompt's channel."""
    reason: str
    """Why the prompt was not commanded."""


Fact = (
    ArmTaken
    | BranchTaken
    | ClockAdvanced
    | ConsentRecorded
    | ContactChanged
    | ContactErased
    | ConversationAssignCommanded
    | ConversationCloseCommanded
    | ConversationNoted
    | DeliveryNoted
    | EntryRefused
    | FlowCommandApplied
    | InputNoted
    | JourneyEnded
    | JourneyHeld
    | JourneyStarted
    | LateResponseReceived
    | MessageNoted
    | PromptSent
    | ResponseReceived
    | ResponseTimedOut
    | SendCommanded
    | SendFailed
    | SendPostponed
    | SendSuppressed
    | TimerCancelled
    | TimerFired
    | TimerSet
    | VariablesSet
    | WaitCancelled
    | WaitOpened
    | WaitSkipped
)
"""What the engine decided, in the past tense: the records of the facts topic."""
