"""`attesa ticker`: lets time pass."""

import signal
import threading
from typing import Annotated

import typer

from streams.cli.output import show
from streams.engine.ticker import run
from streams.log.logs import configure
from streams.log.settings import load

__all__ = ["ticker"]


def ticker(
    prefix: Annotated[str | None, typer.Option(help="The topics' prefix; ATTESA_PREFIX without it.")] = None,
    once: Annotated[bool, typer.Option("--once", help="One tick on each partition, and no more.")] = False,
    json: Annotated[bool, typer.Option("--json", help="At the end, one object for programs.")] = False,
) -> None:
    """Write a tick on each partition, each ATTESA_TICK_S, until told to stop (SIGTERM, Ctrl-C).

    Two tickers are harmless. Without one, nothing falls due but what an input of its own contact finds due.
    """
    settings = load() if prefix is None else load(prefix=prefix)
    configure(settings, "ticker")
    stop = threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: stop.set())
    written = run(settings, stop, once=once)
    if once or json:
        show([{"ticks": written}], json=json, title="Ticked")
