"""The transactions of one partition: a producer with a transactional id of its own (`PREFIX-worker-P`).

To open it fences whoever had the partition before and ends his open transaction. What was sent since the last
commit becomes visible with the commit, all of it or nothing. One thread.
"""

from collections.abc import Sequence
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from streams.engine.errors import FencedError
from streams.log.clients import client_options

__all__ = ["Headers", "TransactionalProducer"]

Headers = Sequence[tuple[str, bytes | None]]

_INIT_S: Final = 30.0
_COMMIT_S: Final = 20.0
_TRANSACTION_MS: Final = 30_000
_FENCED: Final = frozenset(
    {
        KafkaError._FENCED,  # noqa: SLF001 - the client's public names of its own errors begin so
        KafkaError.PRODUCER_FENCED,
        KafkaError.INVALID_PRODUCER_EPOCH,
        KafkaError.INVALID_PRODUCER_ID_MAPPING,
    }
)


class TransactionalProducer:
    """Sends and commits; any error leaves it useless: `close` it and open another.

    Raises `FencedError` where another worker has the partition, else `KafkaException`.
    """

    def __init__(self, bootstrap: str, transactional_id: str) -> None:
        self._producer = Producer(
            {
                **client_options(bootstrap),
                "client.id": transactional_id,
                "transactional.id": transactional_id,
                "transaction.timeout.ms": _TRANSACTION_MS,
                "linger.ms": 5,
                "batch.num.messages": 10_000,
                "queue.buffering.max.messages": 1_000_000,
                # A dead letter has the original's bytes and headers more.
                "message.max.bytes": 3 << 20,
                "compression.type": "lz4",
            }
        )
        self._open = False
        self._begun = False
        self._reports: list[tuple[KafkaError | None, int | None]] = []

    def open(self) -> None:
        """Fences the last owner; 0.01 to 1 s."""
        self._raising(self._producer.init_transactions, _INIT_S)
        self._open = True

    def send(
        self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Headers | None
    ) -> None:
        """One record of the open transaction, which begins with its first."""
        self._begin()
        self._raising(self._produce, topic, partition, key, value, headers)

    def commit(self, topic: str, partition: int, key: bytes, value: bytes) -> int:
        """Sends the last record and commits; returns that record's offset.

        An error (a time-out too) says nothing about whether it was committed: read the changelog.
        """
        self._begin()
        self._reports.clear()
        self._raising(self._last, topic, partition, key, value)
        self._raising(self._producer.commit_transaction, _COMMIT_S)
        self._begun = False
        error, offset = self._reports[-1]
        if error is not None or offset is None:
            raise KafkaException(error)
        return offset

    def close(self) -> None:
        """Aborts what is open and ends; errors mean nothing here: the next owner fences this one."""
        try:
            self._producer.close()
        except (KafkaException, RuntimeError):
            return

    def _begin(self) -> None:
        if not self._begun:
            self._raising(self._producer.begin_transaction)
            self._begun = True

    def _produce(
        self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Headers | None
    ) -> None:
        while True:
            try:
                if headers is None:
                    self._producer.produce(topic, value, key, partition)
                else:
                    self._producer.produce(topic, value, key, partition, headers=list(headers))
            except BufferError:
                self._producer.poll(0.1)
            else:
                return

    def _last(self, topic: str, partition: int, key: bytes, value: bytes) -> None:
        self._producer.produce(topic, value, key, partition, on_delivery=self._reported)

    def _reported(self, error: KafkaError | None, message: Message) -> None:
        self._reports.append((error, message.offset()))

    def _raising(self, call: Any, *arguments: Any) -> None:
        try:
            call(*arguments)
        except KafkaException as error:
            reason = error.args[0] if error.args else None
            if isinstance(reason, KafkaError) and (
                reason.code() in _FENCED or (self._open and reason.fatal())
            ):
                raise FencedError(
                    f"{reason.str()}: another worker has this partition; what was under way here is void"
                ) from error
            raise
