"""Lets time pass: a tick on each partition of the inbound topic, each `tick_s`.

A tick has no time of its own; it says which flow commands are in force from here on, and how many deadlines
may fire at it. Two tickers are harmless. A stopped one makes things late and nothing else.
"""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from typing import Final, Self

import structlog

from schemas.errors import NotReachableError
from schemas.registry import registry_at
from schemas.types.inputs import Tick
from streams.log import metrics
from streams.log.bounds import near_the_end
from streams.log.errors import DeliveryFailedError, PartitionFailedError
from streams.log.http import Health, serve
from streams.log.producers import RecordProducer
from streams.log.readers import TopicReader
from streams.log.settings import Settings
from streams.log.topics import Topics

__all__ = ["Ticker", "run"]

_DELIVERY_S: Final = 5.0
_PRODUCER: Final = {"linger.ms": 0, "delivery.timeout.ms": int(_DELIVERY_S * 1000)}


class Ticker:
    """Writes ticks. A context manager; one thread.

    Raises `NotReachableError`, `TopicMissingError` at its start; later an absent broker is waited for.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topics = Topics(settings.prefix)
        self._registry = registry_at(settings.registry_url, prefix=settings.prefix)
        self._name = f"{socket.gethostname()}-{os.getpid()}"
        self._log = structlog.get_logger().bind(topic=self._topics.inbound)
        self._producer = self._new_producer()
        self.partitions = self._producer.partitions(self._topics.inbound)
        start = near_the_end(settings.kafka, self._topics.flows, 1)
        self._flows = TopicReader(settings.kafka, self._topics.flows, [0], start=start)
        self.failed = False
        """Whether the last round could not be written."""
        try:
            for _ in self._flows.to_end():
                pass
        except BaseException:
            self._flows.close()
            raise

    def tick(self) -> int:
        """One tick on each partition; how many were written: all, or 0 where the broker did not take them."""
        try:
            self._flows.read(0.01)
            tick = Tick(
                ticker=self._name,
                flows_through=self._flows.next[0],
                fire_limit=self._settings.fire_limit,
            )
            for partition in range(self.partitions):
                self._producer.send(self._topics.inbound, tick, None, partition=partition)
            self._producer.flush(_DELIVERY_S + 1)
        except (DeliveryFailedError, NotReachableError, PartitionFailedError) as error:
            metrics.ticks_failed.inc(self.partitions)
            if not self.failed:
                self._log.warning(
                    "ticks cannot be written: deadlines are late until they can", error=str(error)
                )
            self.failed = True
            self._producer = self._new_producer()
            return 0
        if self.failed:
            self._log.info("ticks are written again")
        self.failed = False
        metrics.ticks_written.inc(self.partitions)
        return self.partitions

    def close(self) -> None:
        """Leaves the broker."""
        self._flows.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _new_producer(self) -> RecordProducer:
        return RecordProducer(self._settings.kafka, registry=self._registry, options=_PRODUCER)


def run(settings: Settings, stop: threading.Event, *, once: bool = False) -> int:
    """Ticks until `stop` is set, or once; how many ticks were written.

    Rounds that a slow broker made late are left out, not caught up with.
    """
    written = 0
    with Ticker(settings) as ticker, _http(settings, ticker):
        log = structlog.get_logger().bind(topic=Topics(settings.prefix).inbound)
        log.info("the ticker runs", partitions=ticker.partitions, tick_s=settings.tick_s)
        due = time.monotonic()
        while not stop.is_set():
            written += ticker.tick()
            if once:
                break
            due = max(due + settings.tick_s, time.monotonic())
            stop.wait(due - time.monotonic())
        log.info("the ticker ends", ticks=written)
    return written


@contextlib.contextmanager
def _http(settings: Settings, ticker: Ticker) -> Iterator[None]:
    if settings.http_port == 0:
        yield
        return
    server = serve(
        settings.http_host, settings.http_port, lambda: Health(alive=True, ready=not ticker.failed)
    )
    try:
        yield
    finally:
        server.close()
