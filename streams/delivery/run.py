"""A dispatcher from start to end: what the command line, the import and the demo call."""

import threading
from collections.abc import Mapping

import structlog

from streams.delivery.dispatcher import Dispatcher, Limits
from streams.delivery.message import Adapter
from streams.log.http import Health, serve
from streams.log.settings import Settings

__all__ = ["Tally", "run", "run_until_end"]

Tally = dict[tuple[str, str], int]
"""How many commands of each channel came to which outcome; on a history, what was written is `accepted`."""

_log = structlog.get_logger()


def run(
    settings: Settings,
    stop: threading.Event,
    *,
    until_end: bool = False,
    adapters: Mapping[str, Adapter] | None = None,
    limits: Limits | None = None,
) -> Tally:
    """Carries out the prefix's commands until `stop` is set; then finishes the calls under way and leaves the
    group.

    Serves /healthz, /readyz and /metrics if ATTESA_HTTP_PORT is set. Raises what an operator must see: no
    broker, no topics, a record that Kafka did not take.
    """
    dispatcher = Dispatcher(settings, adapters=adapters, limits=limits)
    http = None
    try:
        if settings.http_port:
            http = serve(
                settings.http_host,
                settings.http_port,
                lambda: Health(
                    alive=dispatcher.is_alive, ready=dispatcher.is_ready, detail=dispatcher.detail
                ),
            )
        dispatcher.run(stop, until_end=until_end)
    finally:
        if http is not None:
            http.close()
    _log.info("dispatcher ended", said=sum(dispatcher.tally.values()))
    return dispatcher.tally


def run_until_end(
    settings: Settings,
    stop: threading.Event | None = None,
    *,
    adapters: Mapping[str, Adapter] | None = None,
) -> Tally:
    """Carries out what stands in the commands topic and returns: all but commands that may not go yet. Takes
    every partition, so no other dispatcher may run on the prefix.
    """
    return run(settings, stop or threading.Event(), until_end=True, adapters=adapters)
