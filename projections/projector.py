"""The projector: facts become rows.

It reads the facts, committed ones only, from the positions that stand in ClickHouse, and writes a batch when
it has 10,000 rows, or once a second: rows, clocks, then positions. It joins no group; one process is enough,
and a second one writes the same rows again, which collapse. While ClickHouse is away nothing more is read:
memory holds one batch and the client's own queue (64 MB).

What is no fact that this version knows goes to the dead letters with its reason, before the position passes
it; after a crash in between it may stand there twice, with the same topic, partition and offset.
"""

import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final, cast

import stamina
import structlog
from clickhouse_driver import Client
from confluent_kafka import Message

from projections.client import answering, connect
from projections.errors import TooManyUndecodableError
from projections.inserts import fits, insert, passes, positions_of
from projections.migrate import migrate
from projections.rows import rows_of
from projections.tables import Row
from schemas.errors import NotReachableError
from schemas.registry import registry_at
from schemas.types.facts import Fact
from schemas.wire import UndecodableError
from streams.log import metrics
from streams.log.dead_letters import DeadLetter, dead_letter
from streams.log.facts_codec import FactCodec
from streams.log.http import Health, serve
from streams.log.producers import RecordProducer
from streams.log.readers import TopicReader
from streams.log.settings import Settings
from streams.log.topics import Topics

__all__ = ["Projected", "run", "run_until_end"]

BATCH_ROWS: Final = 10_000
BATCH_S: Final = 1.0
WAIT_S: Final = 0.1
RETRY_MAX_WAIT_S: Final = 2.0
WINDOW: Final = 10_000

Headers = Sequence[tuple[str, str | bytes | None]] | None

log = structlog.get_logger()


@dataclass(slots=True)
class Projected:
    """What a run has done."""

    facts: int = 0
    rows: int = 0
    dead_letters: int = 0
    positions: dict[int, int] = field(default_factory=dict)
    """The next offset of each partition."""


class _StoppedError(Exception):
    """Asked to stop while ClickHouse was away."""


def run(settings: Settings, stop: threading.Event) -> Projected:
    """Projects the prefix's facts until `stop` is set; then finishes its batch. Migrates the database first.

    Waits for a ClickHouse that is away. Raises `NotReachableError` for Kafka at the start, `LogGapError`,
    `TopicMissingError`, `MigrationError`, `RowsRefusedError`, `TooManyUndecodableError`.
    """
    return _Projector(settings, stop).run(until_end=False)


def run_until_end(settings: Settings, stop: threading.Event | None = None) -> Projected:
    """Projects until the end of each partition was seen once. Errors as in `run`, and `NotReachableError` for
    a ClickHouse that is not there at the start.
    """
    return _Projector(settings, stop or threading.Event()).run(until_end=True)


class _Projector:
    def __init__(self, settings: Settings, stop: threading.Event) -> None:
        self._settings = settings
        self._stop = stop
        self._topic = Topics(settings.prefix).facts
        self._dead_letters_topic = Topics(settings.prefix).dead_letters
        self._codec = FactCodec(registry=registry_at(settings.registry_url, prefix=settings.prefix))
        self._limits = _Limits(settings.dead_letters_in_a_row, settings.dead_letters_share)
        self._done = Projected()
        self._rows: list[Row] = []
        self._facts = 0
        self._dead: list[DeadLetter] = []
        self._is_reading = False
        self._is_away = False

    def run(self, *, until_end: bool) -> Projected:
        client = connect(self._settings)
        with ExitStack() as stack:
            stack.callback(client.disconnect)
            if self._settings.http_port:
                http = serve(self._settings.http_host, self._settings.http_port, self._health)
                stack.callback(http.close)
            try:
                stored = self._begin(client, wait=not until_end)
            except _StoppedError:
                return self._done
            reader = stack.enter_context(TopicReader(self._settings.kafka, self._topic, start=stored))
            producer = stack.enter_context(RecordProducer(self._settings.kafka))
            log.info("projecting", topic=self._topic, positions=stored)
            self._is_reading = True
            try:
                self._loop(client, reader, producer, stored, until_end=until_end)
            except _StoppedError:
                log.warning(
                    "stopped while ClickHouse was away; these facts are read again", facts=self._facts
                )
        log.info("projected", facts=self._done.facts, dead_letters=self._done.dead_letters)
        return self._done

    def _health(self) -> Health:
        """Ready while it reads and ClickHouse takes what it writes; always alive, since it waits for that."""
        return Health(
            alive=True,
            ready=self._is_reading and not self._is_away,
            detail={"clickhouse_away": self._is_away, "facts": self._done.facts},
        )

    def _begin(self, client: Client, *, wait: bool) -> dict[int, int]:
        """Migrates; the positions stored."""

        def away(error: Exception) -> bool:
            if not wait or not isinstance(error, NotReachableError):
                return False
            self._is_away = True
            log.warning("ClickHouse is away; nothing is read yet", error=str(error))
            return True

        for attempt in stamina.retry_context(on=away, attempts=None, timeout=None, wait_max=RETRY_MAX_WAIT_S):
            if self._stop.is_set():
                raise _StoppedError
            with attempt:
                for name in migrate(self._settings):
                    log.info("migrated", migration=name)
                with answering(self._settings):
                    stored = positions_of(client, self._topic)
                self._is_away = False
                return stored
        raise AssertionError("a retry without an end has none")

    def _loop(
        self,
        client: Client,
        reader: TopicReader,
        producer: RecordProducer,
        stored: dict[int, int],
        *,
        until_end: bool,
    ) -> None:
        self._done.positions = dict(stored)
        written = time.monotonic()
        while True:
            ended = until_end and len(reader.ended) == len(reader.partitions)
            leaving = ended or self._stop.is_set()
            if leaving or len(self._rows) >= BATCH_ROWS or time.monotonic() - written >= BATCH_S:
                self._flush(client, producer, reader)
                written = time.monotonic()
            if leaving:
                return
            self._take(reader.read(WAIT_S))

    def _take(self, messages: list[Message]) -> None:
        for message in messages:
            # Typed as absent, which they are in records that were never read only.
            partition, offset = cast("int", message.partition()), cast("int", message.offset())
            try:
                fact = self._codec.decode(message.value(), None)
                rows = _rows(fact, partition, offset)
            except UndecodableError as error:
                self._refuse(message, partition, offset, error)
                continue
            self._limits.passed()
            self._rows.extend(rows)
            self._facts += 1

    def _refuse(self, message: Message, partition: int, offset: int, error: UndecodableError) -> None:
        self._limits.failed(self._topic, partition, offset)
        log.warning(
            "no fact",
            topic=self._topic,
            partition=partition,
            offset=offset,
            reason=error.reason,
            error=str(error),
        )
        self._dead.append(
            dead_letter(
                topic=self._topic,
                partition=partition,
                offset=offset,
                timestamp=message.timestamp()[1],
                key=message.key(),
                value=message.value(),
                headers=cast("Headers", message.headers()),
                reason=error.reason,
                error=str(error),
            )
        )

    def _flush(self, client: Client, producer: RecordProducer, reader: TopicReader) -> None:
        """Writes what was taken, then the positions reached. Blocks while ClickHouse is away."""
        reached, behind = dict(reader.next), reader.behind()
        moved = {p: offset for p, offset in reached.items() if self._done.positions.get(p) != offset}
        if not moved:
            return
        for letter in self._dead:
            producer.send_bytes(
                self._dead_letters_topic,
                letter.value,
                letter.key,
                letter.partition,
                headers=letter.wire_headers(),
            )
        producer.flush()
        self._insert(client, moved)
        for partition, left in behind.items():
            metrics.facts_lag.labels(str(partition)).set(left)
        for letter in self._dead:
            metrics.dead_letters_written.labels(letter.reason).inc()
        self._done.facts += self._facts
        self._done.rows += len(self._rows)
        self._done.dead_letters += len(self._dead)
        self._done.positions.update(moved)
        self._rows, self._facts, self._dead = [], 0, []

    def _insert(self, client: Client, moved: dict[int, int]) -> None:
        def is_away(error: Exception) -> bool:
            if not passes(error):
                return False
            self._is_away = True
            metrics.insert_failures.inc()
            log.warning(
                "ClickHouse is away; nothing more is read meanwhile", error=str(error).split("\n", 1)[0]
            )
            return True

        with answering(self._settings):
            for attempt in stamina.retry_context(
                on=is_away, attempts=None, timeout=None, wait_max=RETRY_MAX_WAIT_S
            ):
                if attempt.num > 1 and self._stop.is_set():
                    raise _StoppedError
                with attempt:
                    insert(client, self._rows, self._topic, moved)
        self._is_away = False


def _rows(fact: Fact, partition: int, offset: int) -> list[Row]:
    rows = rows_of(fact, partition, offset)
    if not all(map(fits, rows)):
        raise UndecodableError("undecodable", "a number has no room in its column")
    return rows


class _Limits:
    """Stops a projector that would drain the topic into dead letters."""

    def __init__(self, in_a_row: int, share: float) -> None:
        self._most_in_a_row = in_a_row
        self._most_in_window = max(in_a_row, int(share * WINDOW))
        self._in_a_row = 0
        self._window: deque[int] = deque()
        self._read = 0

    def passed(self) -> None:
        self._in_a_row = 0
        self._read += 1

    def failed(self, topic: str, partition: int, offset: int) -> None:
        """Counts a record that is no fact. Raises `TooManyUndecodableError`."""
        self._in_a_row += 1
        self._read += 1
        self._window.append(self._read)
        while self._window[0] <= self._read - WINDOW:
            self._window.popleft()
        if self._in_a_row >= self._most_in_a_row:
            what, setting = f"{self._in_a_row} in a row", "ATTESA_DEAD_LETTERS_IN_A_ROW"
        elif len(self._window) > self._most_in_window:
            what, setting = f"{len(self._window):,} of the last {WINDOW:,}", "ATTESA_DEAD_LETTERS_SHARE"
        else:
            return
        raise TooManyUndecodableError(
            f"{topic}-{partition} at {offset}: {what} are no facts that this version can read. Facts of a "
            f"newer Attesa need a newer projector; if they are to become dead letters, raise {setting}"
        )
