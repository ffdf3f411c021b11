"""The dispatcher: the loop around the decisions. It alone reads the wall clock."""

import queue
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import structlog

from schemas.registry import registry_at
from schemas.types.commands import Command
from streams.delivery.adapters import Adapters
from streams.delivery.calls import Calls, Ready
from streams.delivery.decision import (
    Action,
    Call,
    Drop,
    Hold,
    Say,
    Skip,
    Write,
    channel_of,
    next_action,
    workspace_of,
)
from streams.delivery.intake import Acknowledged, Intake
from streams.delivery.journal import Journal, outcome_of
from streams.delivery.lease import Lease
from streams.delivery.ledger import Ledger
from streams.delivery.message import Adapter, Message, Result
from streams.delivery.pace import Pace, PaceKey, rates_of, sender_of
from streams.delivery.partitions import Partitions, Read
from streams.delivery.queue import Item, Queue
from streams.delivery.rendering import message_of
from streams.delivery.world import FoldedWorld
from streams.log import metrics
from streams.log.flow_log import FlowLog
from streams.log.headers import child_traceparent
from streams.log.readers import TopicReader
from streams.log.settings import Settings
from streams.log.topics import Topics

__all__ = ["Dispatcher", "Limits"]

_log = structlog.get_logger()
_BUSY_S: Final = 0.01
_IDLE_S: Final = 0.02
_COMMIT_S: Final = 1.0
_BATCH: Final = 1_000


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of it at once."""

    calls: int = 256
    """Commands that are out, and threads."""
    per_workspace: int = 192
    """Of those, one workspace's at most: a slow provider leaves room for the others."""
    queued: int = 50_000
    """Commands in memory, shared out to the partitions; one that has its share is not read on. At most twice
    as many, while partitions come.
    """
    drain_s: float = 60.0
    """So long a partition that goes waits for its calls; what is out then becomes unknown to the next owner.
    """


def wall_clock() -> int:
    """Now, in ms since the epoch, UTC."""
    return time.time_ns() // 1_000_000


class Dispatcher:
    """One process's share of a prefix's commands. `run` blocks; everything but the calls is in its thread."""

    def __init__(
        self,
        settings: Settings,
        *,
        limits: Limits | None = None,
        adapters: Mapping[str, Adapter] | None = None,
        now: Callable[[], int] = wall_clock,
    ) -> None:
        """`adapters`, by `via`, stand before the built-in ones. Raises `NotReachableError`,
        `TopicMissingError`.
        """
        self._settings = settings
        self._limits = limits or Limits()
        self._now = now
        self._topics = Topics(settings.prefix)
        registry = registry_at(settings.registry_url, prefix=settings.prefix)
        self._flows = FlowLog(settings.kafka, self._topics.flows, registry=registry)
        self._flows_through = 0
        self._world = FoldedWorld()
        self._adapters = Adapters(settings, given=adapters)
        self._pace = Pace()
        self._queue = Queue(self._pace, per_workspace=self._limits.per_workspace, key_of=self._pace_key)
        self._out: Counter[int] = Counter()
        self._acknowledged: Acknowledged = queue.SimpleQueue()
        self._lease = Lease(settings.session_timeout_s / 2)
        self._journal = Journal(settings.kafka, self._topics, registry)
        self._intake = Intake(
            topic=self._topics.commands,
            registry=registry,
            world=self._world,
            journal=self._journal,
            acknowledged=self._acknowledged,
            catch_up=self._catch_up,
            most_unreadable=settings.dead_letters_in_a_row,
        )
        self._calls = Calls(
            journal=self._journal,
            world=self._world,
            lease=self._lease,
            now=now,
            threads=self._limits.calls,
        )
        self._partitions = Partitions(
            settings,
            self._topics,
            registry,
            is_history=lambda: self._world.is_history,
            hand_back=self._hand_back,
        )
        self._commit_at = 0.0
        self._turned_at = time.monotonic()
        self.tally: Counter[tuple[str, str]] = Counter()
        """By channel and outcome: what it has said; on a history, what calls came to."""

    @property
    def is_alive(self) -> bool:
        """The loop turns."""
        return time.monotonic() - self._turned_at < self._limits.drain_s + self._settings.session_timeout_s

    @property
    def is_ready(self) -> bool:
        """It has partitions and their accounts are restored."""
        return self._partitions.is_ready

    @property
    def detail(self) -> dict[str, int]:
        """What people want to see beside its health."""
        return {"partitions": len(self._partitions.open), "queued": len(self._queue), "out": self._queue.out}

    def run(self, stop: threading.Event, *, until_end: bool = False) -> None:
        """Carries commands out until `stop` is set, then finishes the calls under way, commits and leaves.

        With `until_end` it takes every partition and returns when all have been read to their end and every
        command has ended but those that may not go yet: they stay uncommitted for the next run. Raises what
        it cannot go on with; calls under way are then `unknown` to the next start.
        """
        try:
            self._flows.follow()
            self._follow()
            if until_end:
                self._partitions.take_all()
            else:
                self._partitions.join()
            while not stop.is_set() and not (until_end and self._is_done()):
                self._turn()
            _log.info("stopping", **self.detail)
            self._partitions.close()
        finally:
            self._close()

    def _turn(self) -> None:
        """Once around: what came, what ended, what is due."""
        self._journal.check()
        self._flows.check()
        self._keep_lease()
        self._follow()
        # While calls are out their results are what is waited for, else new commands.
        is_busy = bool(self._queue.out)
        room = min(_BATCH, self._limits.queued - len(self._queue))
        self._take_in(self._partitions.read(0.0 if is_busy else _IDLE_S, room))
        self._settle(_BUSY_S if is_busy else 0.0)
        now = self._now()
        for item in self._queue.take_expired(now):
            self._carry_out(item, self._action(item))
        self._launch(now)
        mine = max(1, self._partitions.assigned)
        self._partitions.balance(max(1, self._limits.queued // mine))
        self._pace.share = mine / len(self._partitions.all)
        if time.monotonic() >= self._commit_at:
            self._partitions.commit()
            self._commit_at = time.monotonic() + _COMMIT_S
        metrics.commands_queued.set(len(self._queue))
        self._turned_at = time.monotonic()

    def _keep_lease(self) -> None:
        """Renews the lease; after a standstill only once the group has said what is ours."""
        if not self._lease.is_stale:
            self._lease.renew()
            return
        match self._partitions.is_member():
            case True:
                self._lease.renew()
            case False:
                self._partitions.abandon()
                self._lease.renew()
            case None:
                # The brokers do not answer: calls wait until they do.
                pass

    def _follow(self) -> None:
        """Folds what the flows topic has brought, and ends what a stop or a pause has caught in wait."""
        end = self._flows.end
        if end == self._flows_through:
            return
        self._world.apply(self._flows.between(self._flows_through, end))
        self._flows_through = end
        self._pace.limit_to(rates_of(self._world.registry.workspaces.values()))
        if not self._world.is_history:
            for item in self._queue.withdraw(
                lambda item: self._world.stopped(item.command) is not None, self._now()
            ):
                self._carry_out(item, self._action(item))

    def _catch_up(self) -> None:
        """Reads the flows topic to its end as it is now."""
        with TopicReader(self._settings.kafka, self._topics.flows, [0], start={0: self._flows.end}) as reader:
            for _ in reader.to_end():
                pass
            self._flows.wait_for(reader.next[0])
        self._follow()

    def _take_in(self, records: Sequence[Read]) -> None:
        """Puts commands in line; those that need no call end at once, whosever turn it is."""
        for item in self._intake.items(records):
            match action := self._action(item):
                case Call() | Write() | Hold():
                    self._queue.add(item, self._now())
                case _:
                    self._carry_out(item, action)

    def _action(self, item: Item) -> Action:
        return next_action(
            item.command,
            now=self._now(),
            past=item.past,
            world=self._world,
            honours_key=item.past.in_doubt and self._honours_key(item),
        )

    def _launch(self, now: int) -> None:
        """Lets those go whose turn it is: batches together where the adapter takes them, else one by one."""
        together: defaultdict[Adapter, list[Ready]] = defaultdict(list)
        for item in self._queue.take(now, self._limits.calls - self._queue.out):
            self._out[item.ledger.partition] += 1
            match action := self._action(item):
                case Call(channel=channel) | Write(channel=channel):
                    adapter = self._adapters.of(channel)
                    message = message_of(
                        item.command,
                        channel,
                        self._world,
                        at=item.command.at if isinstance(action, Write) else now,
                        traceparent=child_traceparent(item.traceparent, item.command.id),
                    )
                    if adapter is None:
                        self._end(item, Result("failed", reason=f"unknown_via: {channel.via}"), now)
                    elif isinstance(message, Message):
                        together[adapter].append(Ready(item, message, channel))
                    else:
                        self._end(item, message, now)
                case Hold(until=until):
                    self._out[item.ledger.partition] -= 1
                    self._queue.put_back(item, until, now)
                case _:
                    self._return(item)
                    self._carry_out(item, action)
        for adapter, ready in together.items():
            for batch in [ready] if adapter.batches else [[each] for each in ready]:
                self._calls.start(adapter, batch)

    def _settle(self, wait_s: float = 0.0) -> None:
        """Takes what calls have come to, and what Kafka has acknowledged."""
        for ended in self._calls.ended(wait_s):
            ended.item.past = msgspec.structs.replace(ended.item.past, attempts=ended.attempts)
            self._end(ended.item, ended.result, ended.at)
        while not self._acknowledged.empty():
            ledger, offset, command = self._acknowledged.get()
            ledger.finished(offset, command)

    def _end(self, item: Item, result: Result, at: int) -> None:
        """A command that was out has come to this."""
        self._return(item)
        self._say(item, result, at)

    def _return(self, item: Item) -> None:
        self._out[item.ledger.partition] -= 1
        self._queue.done(item, self._now())

    def _carry_out(self, item: Item, action: Action) -> None:
        """What needs no call."""
        match action:
            case Say(outcome=outcome, reason=reason):
                self._say(item, Result(outcome, reason), self._now())
            case Drop(reason=reason):
                self._say(item, Result("failed", reason), self._now())
            case Skip():
                item.ledger.finished(item.offset)
            case Hold() | Call() | Write():
                # Between two looks at the clock it went back, or a stop was taken back: its turn comes.
                self._queue.add(item, self._now())

    def _say(self, item: Item, result: Result, at: int) -> None:
        """The one outcome of a command; on a history there is none to say."""
        command, ledger = item.command, item.ledger
        if ledger.closed:
            return
        channel = channel_of(command)
        self.tally[channel or "", result.outcome] += 1
        if self._world.is_history:
            if result.outcome != "accepted":
                _log.warning("not delivered", command=command.id, flow=command.flow, reason=result.reason)
            ledger.finished(item.offset)
            return
        metrics.outcomes_said.labels(channel or "", result.outcome).inc()
        self._journal.outcome(
            command.contact,
            ledger.partition,
            outcome_of(command.id, result, channel=channel, attempts=item.past.attempts, at=at),
            child_traceparent(item.traceparent, f"{command.id}:{result.outcome}"),
            lambda: self._acknowledged.put((ledger, item.offset, command.id)),
        )

    def _hand_back(self, ledgers: list[Ledger], lost: bool) -> None:
        """Partitions go. What waits is the next owner's; what is out is finished, unless it is too late for
        that.
        """
        going = {ledger.partition for ledger in ledgers}
        self._queue.withdraw(lambda item: item.ledger.partition in going, self._now())
        give_up = time.monotonic() + self._limits.drain_s
        while not lost and any(self._out[each] > 0 for each in going) and time.monotonic() < give_up:
            self._lease.renew()
            self._journal.check()
            self._settle(_BUSY_S)
            # The partitions that stay go on meanwhile.
            self._launch(self._now())
        if not lost:
            self._journal.flush(self._limits.drain_s)
            self._settle()

    def _is_done(self) -> bool:
        """At the end, with nothing unfinished but what may not go yet."""
        if not self._partitions.has_ended or self._queue.out:
            return False
        unfinished = sum(len(ledger) for ledger in self._partitions.open.values())
        return unfinished == self._queue.held(self._now())

    def _close(self) -> None:
        self._lease.close()
        self._journal.close()
        self._calls.close()
        self._partitions.leave()
        self._flows.close()
        self._adapters.close()

    def _honours_key(self, item: Item) -> bool:
        """Whether the provider that may have had it would know it again."""
        channel = self._world.channel(item.command)
        if channel is None or channel.via != item.past.via:
            # The key is another provider's.
            return False
        adapter = self._adapters.of(channel)
        return adapter is not None and adapter.honours_key

    def _pace_key(self, command: Command) -> PaceKey:
        channel = self._world.channel(command)
        return workspace_of(command), sender_of(channel) if channel else ""
