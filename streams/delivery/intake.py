"""From records of the commands topic to commands in memory; what cannot be read becomes a dead letter."""

import queue
from collections.abc import Callable, Sequence
from typing import cast

import structlog
from confluent_kafka import Message

from schemas.errors import AttesaError
from schemas.registry import Registry
from schemas.types.commands import Command
from schemas.wire import Codec, UndecodableError
from streams.delivery.decision import bounds
from streams.delivery.journal import Journal
from streams.delivery.ledger import Ledger
from streams.delivery.partitions import Read
from streams.delivery.queue import Item
from streams.delivery.world import FoldedWorld
from streams.log.dead_letters import dead_letter
from streams.log.headers import child_traceparent, traceparent_in

__all__ = ["Acknowledged", "Intake", "TooManyUnreadableError"]

Acknowledged = queue.SimpleQueue[tuple[Ledger, int, str | None]]
"""What Kafka has acknowledged: the account, the command's offset, its id (None: it could not be read)."""

_log = structlog.get_logger()


class TooManyUnreadableError(AttesaError):
    """So many commands on end cannot be read that the fault is ours or the registry's, not theirs."""


class Intake:
    """Reads commands in the order of the log. `most_unreadable`: so many on end stop the process."""

    def __init__(
        self,
        *,
        topic: str,
        registry: Registry,
        world: FoldedWorld,
        journal: Journal,
        acknowledged: Acknowledged,
        catch_up: Callable[[], None],
        most_unreadable: int,
    ) -> None:
        """`catch_up` folds the flows topic to its end as it is when called."""
        self._topic = topic
        self._codec = Codec(("commands",), registry=registry)
        self._world = world
        self._journal = journal
        self._acknowledged = acknowledged
        self._catch_up = catch_up
        self._most_unreadable = most_unreadable
        self._unreadable = 0

    def items(self, records: Sequence[Read]) -> list[Item]:
        """The commands, entered in their accounts. A workspace and a version that a command stands on are in
        the flows topic before it is anywhere: where one is not known yet, that is read first.
        """
        read = [(each, command) for each in records if (command := self._decode(each)) is not None]
        if not all(self._world.knows(command) for _, command in read):
            self._catch_up()
        return [self._item(each, command) for each, command in read if not each.ledger.closed]

    def _item(self, record: Read, command: Command) -> Item:
        not_before, not_after = (0, None) if self._world.is_history else bounds(command)
        return Item(
            command=command,
            ledger=record.ledger,
            offset=cast("int", record.message.offset()),
            past=record.ledger.past(command.id),
            not_before=not_before,
            not_after=not_after,
            traceparent=_trace(record.message) or child_traceparent(None, command.id),
        )

    def _decode(self, record: Read) -> Command | None:
        offset = cast("int", record.message.offset())
        record.ledger.read(offset)
        try:
            command: Command = self._codec.decode(record.message.value())
        except UndecodableError as error:
            self._reject(record, offset, error)
            return None
        self._unreadable = 0
        return command

    def _reject(self, record: Read, offset: int, error: UndecodableError) -> None:
        ledger, message = record
        _log.error("a command cannot be read", partition=ledger.partition, offset=offset, error=str(error))
        letter = dead_letter(
            topic=self._topic,
            partition=ledger.partition,
            offset=offset,
            timestamp=message.timestamp()[1],
            key=message.key(),
            value=message.value(),
            headers=cast("list[tuple[str, bytes | None]]", message.headers()),
            reason=error.reason,
            error=str(error),
        )
        self._unreadable += 1
        if self._unreadable >= self._most_unreadable:
            raise TooManyUnreadableError(
                f"{self._topic}-{ledger.partition} at {offset}: {self._unreadable} commands on end cannot be "
                "read; is ATTESA_REGISTRY_URL right, and this version new enough?"
            ) from error
        self._journal.dead_letter(letter, lambda: self._acknowledged.put((ledger, offset, None)))


def _trace(message: Message) -> str | None:
    return traceparent_in(cast("list[tuple[str, bytes | None]]", message.headers()))
