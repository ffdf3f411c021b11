"""What is remembered of one contact: a fold of its facts, bounded, frozen.

| what | at most | what falls off |
|---|---|---|
| hashes of inputs | 64 | the oldest: a repeat of it would be taken for new |
| running journeys | 50 | nothing: a further entry is refused (`limit`) |
| commanded sends | 32 | the oldest that has an outcome, else the oldest: its outcome is `InputNoted` |
| counted sends | as many as the caps that count them | those older than their cap's span |
| last entries | 200 | the oldest of a key, else the oldest: it may be entered again |
| messages heard while a journey runs | 8 | the oldest: a later one may count as the answer |
| timed-out waits | 8 | the oldest: its answer is no late response any more |
| attributes, event properties | 16 KB each | nothing: what does not fit is refused by name |
| tags, channels, conversations | 100, 16, 16 | refused by name; conversations: the oldest |

Containers inside are never changed in place: a fold copies what it changes. Times are ms, UTC.
"""

import msgspec

from schemas.errors import AttesaError
from schemas.types.value import Value

__all__ = [
    "FORMAT",
    "MAX_ATTRIBUTE_BYTES",
    "MAX_CHANNELS",
    "MAX_CONVERSATIONS",
    "MAX_ENTRIES",
    "MAX_HEARD",
    "MAX_JOURNEYS",
    "MAX_LATE",
    "MAX_SEEN",
    "MAX_SENDS",
    "MAX_TAGS",
    "ContactState",
    "Conversation",
    "Counted",
    "Heard",
    "Held",
    "Journey",
    "LastMessage",
    "Late",
    "Pending",
    "Prompt",
    "Sent",
    "StateFormatError",
    "Timer",
    "Wait",
    "decode_state",
    "encode_state",
]

FORMAT = 1
"""The version of the encoding; it stands first in the bytes."""

MAX_SEEN = 64
MAX_JOURNEYS = 50
MAX_SENDS = 32
MAX_ENTRIES = 200
MAX_HEARD = 8
MAX_LATE = 8
MAX_ATTRIBUTE_BYTES = 16_384
MAX_TAGS = 100
MAX_CHANNELS = 16
MAX_CONVERSATIONS = 16


class StateFormatError(AttesaError):
    """A state's bytes are of a format that this version does not read."""


class Heard(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A message that came while a journey ran: it may answer a prompt whose step is not reached yet."""

    message: str
    channel: str
    conversation: str | None
    kind: str
    reply_to: str | None
    said_at: int
    number: int
    """The how-manieth message from the contact it is."""


class LastMessage(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The last message one way on a channel."""

    message: str
    conversation: str | None
    said_at: int


class Conversation(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The last known thread on a channel."""

    id: str
    open: bool
    at: int


class Counted(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A commanded send that counts in a cap."""

    at: int
    command: str
    flow: str
    channel: str
    purpose: str
    until: int
    """No cap counts it from this moment on."""


class Sent(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A commanded send, until it falls off."""

    command: str
    journey: str
    flow: str
    version: int
    step: str
    visit: int
    channel: str
    template: str | None
    purpose: str
    conversation: str | None
    commanded_at: int
    not_after: int
    heard: int
    """How many messages the contact had sent when it was commanded: only later ones answer it."""
    outcome: str | None = None
    """accepted, failed, expired, stopped, unknown; None while there is none."""
    accepted_at: int | None = None
    provider_id: str | None = None
    receipt: str | None = None
    """The furthest that a receipt said: delivered, read or failed; None while there is none."""


class Prompt(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What became of a send step, the last time that the journey came to it."""

    command: str | None
    """The command; None if none was made."""
    channel: str | None
    template: str | None
    reason: str | None = None
    """Why none was made."""


class Wait(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="w"):
    """An open wait for an answer."""

    id: str
    prompt: str | None
    prompt_step: str | None
    channel: str | None
    template: str | None
    conversation: str | None
    arm: str | None
    opened_at: int
    prompted_at: int | None
    deadline: int
    due: int
    within_ms: int
    local_hour: int
    local_weekday: int
    since: int
    """Only what is said from then on answers: the prompt's command, else the opening."""
    heard: int
    """Only messages after so many answer."""


class Timer(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="t"):
    """A wait for a moment: of a wait step, or of a postponed send."""

    id: str
    kind: str
    """wait or send."""
    opened_at: int
    due: int


class Held(msgspec.Struct, frozen=True, array_like=True, gc=False, tag="h"):
    """The journey stands still before its step until somebody decides."""

    reason: str
    at: int


Pending = Wait | Timer | Held


class Journey(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One run of the contact through one flow version."""

    id: str
    flow: str
    version: int
    trigger: str
    started_at: int
    entry_key: str | None
    channel: str | None
    conversation: str | None
    properties: dict[str, Value]
    """The trigger's properties."""
    vars: dict[str, Value]
    step: str
    """Where it stands, or stood last."""
    visit: int = 1
    pending: Pending | None = None
    """What it waits for; None only inside a decision."""
    visits: dict[str, int] = {}
    """How often it has come to each step."""
    prompts: dict[str, Prompt] = {}
    """What became of each send step."""
    prompt: str | None = None
    """The send step that the next customer_response waits on; None if there was none since the last."""
    last_command: str | None = None
    """The last send that was commanded."""
    last_channel: str | None = None
    """Its channel."""
    answers: dict[str, bool] = {}
    """Whether each customer_response was answered."""
    last_answer: bool | None = None
    arms: dict[str, str] = {}
    """Each split's arm."""
    arm: str | None = None
    """The last split's."""
    held_out: bool = False
    """Nothing is sent to it any more."""

    @property
    def due(self) -> int | None:
        """When its deadline falls due; None if it has none."""
        pending = self.pending
        return pending.due if isinstance(pending, Wait | Timer) else None


class Late(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A wait that timed out: what comes now is a late response."""

    wait: Wait
    journey: str
    flow: str
    version: int
    step: str
    visit: int
    timed_out_at: int


class ContactState(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """All that decisions about a contact need."""

    contact: str
    """workspace/contact_id."""
    seen: bytes = b""
    """Hashes of the last inputs, `SEEN_BYTES` each, oldest first."""
    journeys: dict[str, Journey] = {}
    sends: dict[str, Sent] = {}
    """By command, oldest first."""
    counted: tuple[Counted, ...] = ()
    entries: dict[str, int] = {}
    """The last entry by flow, or by flow, NUL and key digest; oldest first."""
    heard: tuple[Heard, ...] = ()
    heard_count: int = 0
    """How many messages came from the contact, ever."""
    last_in: dict[str, LastMessage] = {}
    last_out: dict[str, LastMessage] = {}
    late: tuple[Late, ...] = ()
    conversations: dict[str, Conversation] = {}
    """By channel, the last used last."""
    attributes: dict[str, Value] = {}
    addresses: dict[str, str] = {}
    tags: tuple[str, ...] = ()
    """Sorted."""
    consent: dict[str, bool] = {}
    """By purpose (or any), or by purpose, NUL and channel."""
    language: str | None = None
    zone: str | None = None

    @property
    def soonest(self) -> int | None:
        """When the soonest of its deadlines falls due, ms UTC; None if it has none."""
        if not self.journeys:
            return None
        return min(
            (due for journey in self.journeys.values() if (due := journey.due) is not None), default=None
        )

    @property
    def workspace(self) -> str:
        """The workspace that it belongs to."""
        return self.contact.partition("/")[0]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(ContactState).decode


def encode_state(state: ContactState) -> bytes:
    """The state as bytes: the format's version, then msgpack."""
    return bytes((FORMAT,)) + _encode(state)


def decode_state(data: bytes) -> ContactState:
    """The state that `encode_state` made; `StateFormatError` if the bytes are not such."""
    if data[:1] != bytes((FORMAT,)):
        raise StateFormatError(
            f"a state of format {data[0] if data else 'none'}, this version reads {FORMAT}: "
            "rebuild the state from the log, or run the version that wrote it"
        )
    try:
        return _decode(memoryview(data)[1:])
    except msgspec.MsgspecError as error:
        raise StateFormatError(f"a state that cannot be read ({error}): rebuild it from the log") from error
