"""`attesa dispatcher`: commands out, outcomes in."""

import signal
import threading
from typing import Annotated

import typer

from streams.cli.output import show
from streams.delivery.run import run
from streams.log.logs import configure
from streams.log.settings import load

__all__ = ["dispatcher"]


def dispatcher(
    prefix: Annotated[str | None, typer.Option(help="The topics' prefix; ATTESA_PREFIX without it.")] = None,
    until_end: Annotated[
        bool,
        typer.Option("--until-end", help="Stop at the end of the commands instead of following them."),
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="At the end, one object for programs.")] = False,
) -> None:
    """Carry out commands by the workspaces' channels until told to stop (SIGTERM, Ctrl-C).

    Then finish the calls under way. Several may run: they share the partitions. With --until-end, commands
    that may not go yet are left for the next run.
    """
    settings = load() if prefix is None else load(prefix=prefix)
    configure(settings, "dispatcher")
    stop = threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: stop.set())
    tally = run(settings, stop, until_end=until_end)
    if until_end or json:
        rows = [
            {"channel": channel, "outcome": outcome, "commands": count}
            for (channel, outcome), count in sorted(tally.items())
        ]
        show(rows, json=json, title="Carried out")
