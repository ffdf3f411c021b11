"""Given, when, then: a flow tried out on one contact, in memory, in no time.

    story = given(flow)                                    # published, on a workspace with four channels
    story.when(event("order.completed", total=30)).then(JourneyStarted, SendCommanded, WaitOpened)
    story.when(outcome("accepted"), passes(2 * HOUR + 10 * SECOND)).then_last(ResponseTimedOut, ...)
    story.when(message("ciao")).then(MessageNoted)

Time stands still but for `passes`: deadlines then fire at their moments, as with a ticker; `passes_silently`
is a ticker that is away. Facts about the partition (clock, flow commands) are in `story.partition_facts`.
"""

from streams.core.happenings import (
    agent_message,
    cancel,
    configure,
    consent,
    conversation,
    erase,
    event,
    message,
    operator,
    outcome,
    passes,
    passes_silently,
    pause,
    publish,
    receipt,
    record,
    resume,
    retire,
    start,
    stop,
    unstop,
    update,
)
from streams.core.program import Program, WorkspaceSettings
from streams.core.story import (
    CONTACT,
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    START,
    Expected,
    Happens,
    Story,
    fact,
    workspace,
)

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


def given(
    *programs: Program,
    settings: WorkspaceSettings | None = None,
    start_at: int = START,
    contact: str = CONTACT,
) -> Story:
    """A story in which these flows are published. The contact's workspace is the flows' and the settings'."""
    story = Story(start_at, contact)
    return story.when(configure(settings or workspace()), *(publish(program) for program in programs))
