"""`attesa projector`: facts into ClickHouse."""

import signal
import threading
from dataclasses import asdict
from typing import Annotated

import typer

from projections.projector import run, run_until_end
from streams.cli.output import show
from streams.log.logs import configure
from streams.log.settings import load

__all__ = ["projector"]


def projector(
    prefix: Annotated[str | None, typer.Option(help="The topics' prefix; ATTESA_PREFIX without it.")] = None,
    until_end: Annotated[
        bool, typer.Option("--until-end", help="Stop at the end of the facts instead of following them.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="At the end, one object for programs.")] = False,
) -> None:
    """Project facts into ClickHouse until told to stop (SIGTERM, Ctrl-C); then finish the batch.

    Applies pending migrations first. ClickHouse may go away and come back; nothing is lost or counted twice.
    """
    settings = load() if prefix is None else load(prefix=prefix)
    configure(settings, "projector")
    stop = threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: stop.set())
    done = run_until_end(settings, stop) if until_end else run(settings, stop)
    if until_end or json:
        show([asdict(done)], json=json, title="Projected")
