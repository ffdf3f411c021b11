"""`attesa worker`: decides."""

import signal
import threading
from typing import Annotated

import typer

from streams.cli.output import show
from streams.engine.worker import run_until_end, run_worker
from streams.log.logs import configure
from streams.log.settings import load

__all__ = ["worker"]


def worker(
    prefix: Annotated[str | None, typer.Option(help="The topics' prefix; ATTESA_PREFIX without it.")] = None,
    until_end: Annotated[
        bool, typer.Option("--until-end", help="Stop when all that is in the inbound topic now is decided.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="At the end, one object for programs.")] = False,
) -> None:
    """Decide what comes in, each batch exactly once, until told to stop (SIGTERM, Ctrl-C).

    Then finish the batch in hand. Several may run: they share the partitions. With ATTESA_HTTP_PORT it serves
    /healthz, /readyz and /metrics.
    """
    settings = load() if prefix is None else load(prefix=prefix)
    configure(settings, "worker")
    stop = threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: stop.set())
    reached = run_until_end(settings, stop) if until_end else run_worker(settings, stop)
    if until_end or json:
        show([standing._asdict() for standing in reached], json=json, title="Decided")
