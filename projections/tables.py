"""The tables' rows: one class a table, its fields the table's columns in the order of an insert.

What a column means stands in the table's comments (`migrations/`). Every row is a function of one fact.
Empty text stands for none, times are ms since the epoch, UTC, 0 for none.
"""

from typing import Final, NamedTuple

__all__ = [
    "IDENTITIES",
    "SOURCES",
    "TABLES",
    "ClockRow",
    "FactRow",
    "JourneyEndedRow",
    "JourneyStartedRow",
    "MessageRow",
    "Row",
    "SendRow",
    "SuppressionRow",
    "WaitClosedRow",
    "WaitOpenedRow",
]


class FactRow(NamedTuple):
    """A row of `facts`."""

    workspace: str
    contact: str
    partition: int
    offset: int
    at: int
    id: str
    fact: str
    cause_partition: int
    cause_offset: int
    cause_input: str
    cause_timer: str
    flow: str
    version: int
    journey: str
    step: str
    visit: int
    channel: str
    template: str
    command: str
    wait: str
    message: str
    reason: str


class WaitOpenedRow(NamedTuple):
    """A row of `waits_opened`."""

    workspace: str
    flow: str
    step: str
    at: int
    wait: str
    version: int
    journey: str
    contact: str
    prompt: str
    prompt_step: str
    channel: str
    template: str
    arm: str
    visit: int
    opened_at: int
    prompted_at: int
    started_at: int
    deadline: int
    due: int
    within_ms: int
    local_hour: int
    local_weekday: int
    partition: int
    offset: int


class WaitClosedRow(NamedTuple):
    """A row of `waits_closed`."""

    workspace: str
    flow: str
    step: str
    at: int
    wait: str
    version: int
    journey: str
    contact: str
    prompt: str
    prompt_step: str
    channel: str
    template: str
    arm: str
    visit: int
    opened_at: int
    prompted_at: int
    started_at: int
    deadline: int
    due: int
    within_ms: int
    local_hour: int
    local_weekday: int
    outcome: str
    reason: str
    matched_by: str
    response_ms: int
    lateness_ms: int
    partition: int
    offset: int


class SendRow(NamedTuple):
    """A row of `sends`."""

    workspace: str
    flow: str
    step: str
    at: int
    id: str
    version: int
    journey: str
    contact: str
    command: str
    event: str
    channel: str
    template: str
    purpose: str
    visit: int
    commanded_at: int
    accepted_at: int
    assumed: bool
    partition: int
    offset: int


class SuppressionRow(NamedTuple):
    """A row of `suppressions`."""

    workspace: str
    flow: str
    step: str
    at: int
    id: str
    version: int
    journey: str
    contact: str
    decision: str
    channel: str
    template: str
    purpose: str
    visit: int
    reason: str
    until: int
    partition: int
    offset: int


class MessageRow(NamedTuple):
    """A row of `messages`."""

    workspace: str
    channel: str
    at: int
    id: str
    message: str
    reply_to: str
    direction: str
    author: str
    kind: str
    threaded: bool
    said_at: int
    contact: str
    conversation: str
    flow: str
    version: int
    step: str
    template: str
    purpose: str
    partition: int
    offset: int


class JourneyStartedRow(NamedTuple):
    """A row of `journeys_started`."""

    workspace: str
    flow: str
    step: str
    at: int
    journey: str
    version: int
    contact: str
    trigger: str
    channel: str
    rules: int
    partition: int
    offset: int


class JourneyEndedRow(NamedTuple):
    """A row of `journeys_ended`."""

    workspace: str
    flow: str
    step: str
    at: int
    journey: str
    version: int
    contact: str
    reason: str
    trigger: str
    started_at: int
    duration_ms: int
    partition: int
    offset: int


class ClockRow(NamedTuple):
    """A row of `clocks`."""

    partition: int
    clock: int
    settled: int
    engine: str
    tzdata: str
    offset: int


Row = (
    FactRow
    | WaitOpenedRow
    | WaitClosedRow
    | SendRow
    | SuppressionRow
    | MessageRow
    | JourneyStartedRow
    | JourneyEndedRow
    | ClockRow
)
"""A row of any table."""

TABLES: Final[dict[type[Row], str]] = {
    FactRow: "facts",
    WaitOpenedRow: "waits_opened",
    WaitClosedRow: "waits_closed",
    SendRow: "sends",
    SuppressionRow: "suppressions",
    MessageRow: "messages",
    JourneyStartedRow: "journeys_started",
    JourneyEndedRow: "journeys_ended",
    ClockRow: "clocks",
}
"""Each class's table, in the order of an insert: clocks last, so that as-of never runs ahead of the rows."""

SOURCES: Final[dict[str, tuple[str, ...]]] = {
    "facts": (),
    "waits_opened": ("WaitOpened",),
    "waits_closed": ("ResponseReceived", "ResponseTimedOut", "WaitCancelled"),
    "sends": ("SendCommanded", "PromptSent", "SendFailed", "DeliveryNoted"),
    "suppressions": ("SendSuppressed", "SendPostponed"),
    "messages": ("MessageNoted",),
    "journeys_started": ("JourneyStarted",),
    "journeys_ended": ("JourneyEnded",),
    "clocks": ("ClockAdvanced",),
}
"""Each table's facts, by record name; `facts` has all. Each of them has a row, in `clocks` the newest."""

IDENTITIES: Final[dict[str, str]] = {
    "facts": "id",
    "waits_opened": "wait",
    "waits_closed": "wait",
    "sends": "id",
    "suppressions": "id",
    "messages": "id",
    "journeys_started": "journey",
    "journeys_ended": "journey",
    "clocks": "partition",
}
"""The column of each table in which no value may stand twice."""
