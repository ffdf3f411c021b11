"""Writes records at the edges: tickers, imports, the command line, the dispatcher's outcomes.

The engine's own writing is transactional and elsewhere.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, Self

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from schemas.errors import NotReachableError
from schemas.registry import Registry
from schemas.types.inputs import Input
from schemas.wire import Codec
from streams.log.clients import REACH_S, client_options
from streams.log.errors import DeliveryFailedError, TopicMissingError
from streams.log.headers import headers_for
from streams.log.partitioner import PARTITIONER, key_of, partition_of

__all__ = ["MAX_MESSAGE_BYTES", "RecordProducer", "produce_inputs"]

REQUEST_S: Final = REACH_S
MAX_MESSAGE_BYTES: Final = 4 << 20
"""The largest of the topics' own limits."""


class RecordProducer:
    """An idempotent producer: each record is written once and a key's records stay in order.

    `send` returns before the record is written and blocks only while the client's queue is full. A record
    that the broker did not take makes the next `send`, `flush` or the end of the `with` raise
    `DeliveryFailedError`; then others sent about that time may or may not be there. A context manager.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        registry: Registry | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.bootstrap = bootstrap
        self._codec = Codec(registry=registry)
        self._partitions: dict[str, int] = {}
        self._failed: list[tuple[KafkaError, Message]] = []
        self._producer = Producer(
            {
                **client_options(bootstrap),
                "enable.idempotence": True,
                "acks": "all",
                "partitioner": PARTITIONER,
                "linger.ms": 5,
                "compression.type": "lz4",
                "message.max.bytes": MAX_MESSAGE_BYTES,
                "delivery.timeout.ms": 60_000,
                **(options or {}),
            }
        )

    def send(
        self,
        topic: str,
        record: msgspec.Struct,
        key: bytes | None,
        *,
        partition: int | None = None,
        timestamp: int | None = None,
        traceparent: str | None = None,
    ) -> None:
        """Writes a record under its key, to the key's partition where none is named.

        `timestamp` (ms since the epoch) counts on a history prefix; elsewhere the broker sets it. Raises
        `UnencodableError`, `TopicMissingError`, `NotReachableError`, `DeliveryFailedError`.
        """
        headers = headers_for(record, key, traceparent=traceparent)
        if partition is None:
            if key is None:
                raise ValueError(f"{topic}: a record needs a key or a partition")
            partition = partition_of(key, self.partitions(topic))
        self.send_bytes(
            topic, self._codec.encode(record), key, partition, timestamp=timestamp, headers=headers
        )

    def send_bytes(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None,
        partition: int,
        *,
        timestamp: int | None = None,
        headers: Iterable[tuple[str, bytes | None]] = (),
    ) -> None:
        """Writes bytes as they are; no value is a tombstone."""
        self._raise_failed()
        while True:
            try:
                self._producer.produce(
                    topic,
                    value,
                    key,
                    partition,
                    on_delivery=self._delivered,
                    headers=list(headers),
                    # The client's 0 is now.
                    timestamp=timestamp or 0,
                )
            except BufferError:
                self._producer.poll(0.1)
                self._raise_failed()
            except KafkaException as error:
                raise DeliveryFailedError(topic, key, error.args[0].str()) from error
            else:
                break
        self._producer.poll(0)

    def partitions(self, topic: str) -> int:
        """How many partitions a topic has; asked for once."""
        if topic not in self._partitions:
            try:
                found = self._producer.list_topics(topic, timeout=REQUEST_S).topics[topic]
            except KafkaException as error:
                raise NotReachableError(
                    f"no Kafka broker answers at {self.bootstrap} ({error.args[0].str()}); is ATTESA_KAFKA "
                    "right, and the broker up?"
                ) from error
            if found.error is not None or not found.partitions:
                raise TopicMissingError(topic)
            self._partitions[topic] = len(found.partitions)
        return self._partitions[topic]

    def flush(self, timeout_s: float = 60.0) -> None:
        """Blocks until all that was sent is written. Raises `DeliveryFailedError`, `NotReachableError`."""
        left = self._producer.flush(timeout_s)
        self._raise_failed()
        if left:
            raise NotReachableError(
                f"Kafka at {self.bootstrap} did not take {left} records within {timeout_s:.0f} s"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.flush()
        else:
            self._producer.purge()
            self._producer.flush(1.0)

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._failed.append((error, message))

    def _raise_failed(self) -> None:
        if self._failed:
            failed, self._failed = self._failed, []
            error, message = failed[0]
            raise DeliveryFailedError(message.topic() or "?", message.key(), error.str(), failed=len(failed))


def produce_inputs(
    bootstrap: str,
    topic: str,
    inputs: Iterable[tuple[str, Input] | tuple[str, Input, int]],
    *,
    registry: Registry | None = None,
) -> int:
    """Writes inputs in order and waits until all are in; how many they were.

    Each is (contact, input), or (contact, input, record time in ms) on a history prefix.
    Raises what `RecordProducer.send` and `flush` raise.
    """
    count = 0
    with RecordProducer(bootstrap, registry=registry) as producer:
        for contact, record, *times in inputs:
            producer.send(topic, record, key_of(contact), timestamp=times[0] if times else None)
            count += 1
    return count
