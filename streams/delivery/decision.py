"""What to do with a command now: a process manager, apart from the doing.

`next_action` is asked when a command's turn comes, and again before each further call. It reads values only:
the wall clock's `now`, what is known of the command (attempts, an outcome), and what the flows topic says.
"""

from typing import Literal, Protocol, assert_never

import msgspec

from schemas.types.commands import AssignConversation, CallWebhook, CloseConversation, Command, SendMessage
from streams.core.program import ChannelSettings, WorkspaceSettings

__all__ = [
    "Action",
    "Call",
    "Drop",
    "Hold",
    "Outcome",
    "Past",
    "Say",
    "Skip",
    "World",
    "Write",
    "bounds",
    "channel_of",
    "next_action",
    "settled",
    "workspace_of",
]

Outcome = Literal["accepted", "failed", "expired", "stopped", "unknown"]
"""What may become of a command."""


class Past(msgspec.Struct, frozen=True):
    """What the log tells of a command: its attempts so far, and whether its outcome was said."""

    attempts: int = 0
    """Calls that an attempt stands for; at a restart: without anyone knowing what became of them."""
    in_doubt: bool = False
    """The last of them may have got through, for all that is known."""
    via: str | None = None
    """By which adapter that was."""
    ended: bool = False


class World(Protocol):
    """What the flows topic says, folded."""

    @property
    def is_history(self) -> bool:
        """Delivery is assumed on this prefix: no outcome is ever said."""

    def workspace(self, workspace: str) -> WorkspaceSettings | None:
        """The workspace's settings in force; None if it was never configured."""

    def stopped(self, command: Command) -> str | None:
        """Why nothing of the command's scope may leave: flow_paused, automations_stopped; else None."""


class Skip(msgspec.Struct, frozen=True):
    """Its outcome is known: nothing is left to do."""


class Hold(msgspec.Struct, frozen=True):
    """Not yet."""

    until: int
    """Ask again then, ms."""


class Say(msgspec.Struct, frozen=True):
    """No call (no further call): this became of it."""

    outcome: Outcome
    reason: str


class Call(msgspec.Struct, frozen=True):
    """Write an attempt, call the provider by this channel, say what became of it."""

    channel: ChannelSettings


class Write(msgspec.Struct, frozen=True):
    """A history: hand it to the channel whatever the time, and say nothing; its outcome was assumed."""

    channel: ChannelSettings


class Drop(msgspec.Struct, frozen=True):
    """A history's command that no channel takes: counted and logged; there is no outcome to say."""

    reason: str


Action = Skip | Hold | Say | Call | Write | Drop


def next_action(  # noqa: PLR0911 - a list of rules, the first that holds
    command: Command, *, now: int, past: Past, world: World, honours_key: bool = False
) -> Action:
    """The next thing to do with a command at `now` (ms, wall clock).

    `honours_key` says whether the channel's adapter makes a call with the same key only once. A command in
    doubt that may not be called again is `unknown`, whatever else holds: it may have reached the contact, so
    `expired` or `stopped` would be a lie.
    """
    if past.ended:
        return Skip()
    workspace = world.workspace(workspace_of(command))
    name = channel_of(command)
    channel = workspace.channel(name) if workspace and name else None
    if world.is_history:
        return Write(channel=channel) if channel else Drop(reason="unknown_channel")
    if workspace is None:
        return _no_call(past, "failed", "unknown_workspace")
    if past.in_doubt and not (honours_key or _resends(command)):
        return _no_call(past, "unknown", "no_answer_recorded")
    if reason := world.stopped(command):
        return _no_call(past, "stopped", reason)
    not_before, not_after = bounds(command)
    if not_after is not None and now > not_after:
        return _no_call(past, "expired", "not_after")
    if now < not_before:
        return Hold(until=not_before)
    if isinstance(command, CallWebhook):
        return _no_call(past, "failed", "unsupported_command")
    if channel is None:
        return _no_call(past, "failed", "unknown_channel")
    return Call(channel=channel)


def settled(past: Past, outcome: Outcome) -> Outcome:
    """What a command has come to when a call, or a verdict in its place, came to `outcome`.

    After an earlier call of which nobody knows what became, only acceptance is certain.
    """
    return "unknown" if past.in_doubt and outcome != "accepted" else outcome


def bounds(command: Command) -> tuple[int, int | None]:
    """The first and the last moment (ms, both in) at which it may be called; None: no last one."""
    match command:
        case SendMessage():
            return command.not_before, command.not_after
        case CallWebhook():
            return 0, command.not_after
        case AssignConversation() | CloseConversation():
            return 0, None
        case _:
            assert_never(command)


def channel_of(command: Command) -> str | None:
    """The channel that it goes by, by the workspace's name for it; None if it names none."""
    return None if isinstance(command, CallWebhook) else command.channel


def workspace_of(command: Command) -> str:
    """The workspace, the first part of the contact's key."""
    return command.contact.split("/", 1)[0]


def _no_call(past: Past, outcome: Outcome, reason: str) -> Say:
    return Say(outcome=settled(past, outcome), reason=reason)


def _resends(command: Command) -> bool:
    return isinstance(command, SendMessage) and command.on_unknown == "resend"
