"""The calls under way: threads that write attempts, call adapters, and bring back what became of it."""

import queue
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from schemas.types.records import Attempt
from streams.core.program import ChannelSettings
from streams.delivery.decision import Say, World, next_action, settled
from streams.delivery.journal import Journal
from streams.delivery.lease import Lease
from streams.delivery.message import Adapter, Message, Result
from streams.delivery.queue import Item
from streams.log import metrics

__all__ = ["Calls", "Ended", "Ready"]


@dataclass(frozen=True, slots=True)
class Ready:
    """A command about to be called."""

    item: Item
    message: Message
    channel: ChannelSettings


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of it, and when (ms)."""

    item: Item
    result: Result
    attempts: int
    at: int


class Calls:
    """At most `threads` calls at once. Results are taken by one thread with `ended`."""

    def __init__(
        self, *, journal: Journal, world: World, lease: Lease, now: Callable[[], int], threads: int
    ) -> None:
        self.journal = journal
        self.world = world
        self.lease = lease
        self.now = now
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="call")
        self._ended: queue.SimpleQueue[list[Ended] | BaseException] = queue.SimpleQueue()

    def start(self, adapter: Adapter, batch: Sequence[Ready]) -> None:
        """Calls the adapter with these, on a thread."""
        self._threads.submit(self._run, adapter, batch)

    def ended(self, wait_s: float = 0.0) -> Iterable[Ended]:
        """What ended since; waits for a first one. Raises what a call raised: an adapter's own fault, or an
        attempt that Kafka did not take.
        """
        try:
            found = self._ended.get(timeout=wait_s) if wait_s else self._ended.get_nowait()
            while True:
                if isinstance(found, BaseException):
                    raise found
                yield from found
                found = self._ended.get_nowait()
        except queue.Empty:
            return

    def close(self) -> None:
        """Waits for what is under way."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _run(self, adapter: Adapter, batch: Sequence[Ready]) -> None:
        try:
            gate = _AttemptGate(self, adapter, batch) if not self.world.is_history else _open_gate
            started = time.monotonic()
            results = adapter.deliver([ready.message for ready in batch], gate)
            took, now = time.monotonic() - started, self.now()
            for ready, result in zip(batch, results, strict=True):
                metrics.channel_calls.labels(ready.channel.name, result.outcome).inc()
                metrics.channel_call_seconds.labels(ready.channel.name).observe(took)
            attempts = gate.attempts if isinstance(gate, _AttemptGate) else {}
            self._ended.put(
                [
                    Ended(ready.item, result, attempts.get(ready.message.id, ready.item.past.attempts), now)
                    for ready, result in zip(batch, results, strict=True)
                ]
            )
        except BaseException as error:  # noqa: BLE001 - the loop raises it: a thread has nobody to tell
            self._ended.put(error)


class _AttemptGate:
    """The way to a provider: an attempt in the log, then one last look whether the call may be made."""

    def __init__(self, calls: Calls, adapter: Adapter, batch: Sequence[Ready]) -> None:
        self._calls = calls
        self._honours_key = adapter.honours_key
        self._ready = {ready.message.id: ready for ready in batch}
        self.attempts = {ready.message.id: ready.item.past.attempts for ready in batch}

    def __call__(self, messages: Sequence[Message]) -> list[Result | None]:
        now = self._calls.now()
        for message in messages:
            self.attempts[message.id] += 1
        self._calls.journal.attempts([self._attempt(self._ready[message.id], now) for message in messages])
        fresh = self._calls.lease.await_fresh()
        return [self._verdict(self._ready[message.id].item, fresh=fresh) for message in messages]

    def _attempt(self, ready: Ready, now: int) -> tuple[str, int, Attempt]:
        command = ready.item.command
        attempt = Attempt(
            command=command.id,
            at=now,
            attempt=self.attempts[command.id],
            channel=ready.channel.name,
            via=ready.channel.via,
        )
        return command.contact, ready.item.ledger.partition, attempt

    def _verdict(self, item: Item, *, fresh: bool) -> Result | None:
        """While the attempt was written a stop may have come, the last moment passed, the partition gone."""
        if not fresh or item.ledger.closed:
            return Result("unknown", reason="partition_lost")
        action = next_action(
            item.command,
            now=self._calls.now(),
            past=item.past,
            world=self._calls.world,
            honours_key=self._honours_key,
        )
        return Result(settled(item.past, action.outcome), action.reason) if isinstance(action, Say) else None


def _open_gate(messages: Sequence[Message]) -> list[Result | None]:
    """On a history nothing is asked and nothing is written."""
    return [None] * len(messages)
