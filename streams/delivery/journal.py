"""What the dispatcher writes: an attempt before each call, and one outcome a command."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from confluent_kafka import KafkaError, Message, Producer

from schemas.registry import Registry
from schemas.types.inputs import CommandOutcome
from schemas.types.records import Attempt
from schemas.wire import Codec
from streams.delivery.message import Result
from streams.log.clients import client_options
from streams.log.dead_letters import DeadLetter
from streams.log.errors import DeliveryFailedError
from streams.log.headers import headers_for
from streams.log.partitioner import PARTITIONER, key_of
from streams.log.producers import MAX_MESSAGE_BYTES
from streams.log.topics import Topics

__all__ = ["SOURCE", "Journal", "outcome_of"]

SOURCE = "attesa-dispatcher"
"""The source of every outcome."""


def outcome_of(
    command: str, result: Result, *, channel: str | None, attempts: int, at: int
) -> CommandOutcome:
    """The input that says what became of a command. Its id is the command's and the outcome, so that the same
    said twice is a duplicate.
    """
    return CommandOutcome(
        source=SOURCE,
        id=f"{command}:{result.outcome}",
        occurred_at=at,
        command=command,
        outcome=result.outcome,
        channel=channel,
        provider_id=result.provider_id,
        reason=result.reason,
        attempts=attempts,
    )


class Journal:
    """A producer to attempts, inbound and dead letters. Safe between threads; a thread of its own takes the
    acknowledgements.
    """

    def __init__(self, bootstrap: str, topics: Topics, registry: Registry | None = None) -> None:
        self._topics = topics
        self._codec = Codec(("outcomes", "records"), registry=registry)
        self._failure: DeliveryFailedError | None = None
        self._closed = threading.Event()
        self._producer = Producer(
            {
                **client_options(bootstrap),
                "enable.idempotence": True,
                "acks": "all",
                "partitioner": PARTITIONER,
                # A dead letter is as large as the command's record was, and a little more.
                "message.max.bytes": MAX_MESSAGE_BYTES,
                "linger.ms": 2,
                "compression.type": "lz4",
                # Longer than a broker's restart. Nothing is called meanwhile: calls wait for their attempts.
                "delivery.timeout.ms": 300_000,
            }
        )
        self._thread = threading.Thread(target=self._serve, name="journal", daemon=True)
        self._thread.start()

    def attempts(self, written: Sequence[tuple[str, int, Attempt]]) -> None:
        """Writes attempts, given with their contact and partition; returns when Kafka has acknowledged every
        one.

        Raises `DeliveryFailedError`: then no call may be made.
        """
        acknowledged = _Acknowledged(len(written))
        for contact, partition, attempt in written:
            self._produce(self._topics.attempts, contact, partition, attempt, None, acknowledged)
        acknowledged.wait()

    def outcome(
        self,
        contact: str,
        partition: int,
        outcome: CommandOutcome,
        traceparent: str | None,
        on_acknowledged: Callable[[], None],
    ) -> None:
        """Says an outcome. `on_acknowledged` is called on the journal's thread; a failure is what `check`
        raises.
        """
        self._produce(
            self._topics.inbound, contact, partition, outcome, traceparent, self._taken(on_acknowledged)
        )

    def dead_letter(self, letter: DeadLetter, on_acknowledged: Callable[[], None]) -> None:
        """Writes a record of the commands topic that cannot be read, as it is, with the reason beside it."""
        self._enqueue(
            self._topics.dead_letters,
            value=letter.value,
            key=letter.key,
            partition=letter.partition,
            headers=letter.wire_headers(),
            on_delivery=self._taken(on_acknowledged),
        )

    def check(self) -> None:
        """Raises `DeliveryFailedError` if a record was not taken: nobody may go on as if it had been."""
        if self._failure is not None:
            raise self._failure

    def flush(self, timeout_s: float) -> bool:
        """Waits until all is acknowledged; False if some is not by then."""
        return int(self._producer.flush(timeout_s)) == 0

    def close(self) -> None:
        """Ends. What is not acknowledged by now is given up, and whoever waits for it is told."""
        self._producer.purge()
        self._producer.flush(5)
        self._closed.set()
        self._thread.join()

    def _serve(self) -> None:
        while not self._closed.is_set():
            self._producer.poll(0.1)

    def _taken(self, on_acknowledged: Callable[[], None]) -> Callable[[KafkaError | None, Message], None]:
        def taken(error: KafkaError | None, message: Message) -> None:
            if error is None:
                on_acknowledged()
            else:
                self._failure = _failed(error, message)

        return taken

    def _produce(
        self,
        topic: str,
        contact: str,
        partition: int,
        record: CommandOutcome | Attempt,
        traceparent: str | None,
        on_delivery: Callable[[KafkaError | None, Message], None],
    ) -> None:
        self._enqueue(
            topic,
            value=self._codec.encode(record),
            key=key_of(contact),
            # The topics are co-partitioned: where the command stood, its outcome belongs.
            partition=partition,
            headers=headers_for(record, key_of(contact), traceparent=traceparent),
            on_delivery=on_delivery,
        )

    def _enqueue(self, topic: str, **fields: Any) -> None:
        while True:
            try:
                self._producer.produce(topic, **fields)
            except BufferError:
                self._producer.poll(0.1)
            else:
                return


class _Acknowledged:
    """Counts acknowledgements in, whichever thread they come on."""

    def __init__(self, count: int) -> None:
        self._missing = count
        self._failure: DeliveryFailedError | None = None
        self._changed = threading.Condition()

    def __call__(self, error: KafkaError | None, message: Message) -> None:
        with self._changed:
            self._missing -= 1
            if error is not None:
                self._failure = _failed(error, message)
            self._changed.notify_all()

    def wait(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._missing == 0)
            if self._failure is not None:
                raise self._failure


def _failed(error: KafkaError, message: Message) -> DeliveryFailedError:
    return DeliveryFailedError(message.topic() or "?", message.key(), error.str())
