"""`attesa bench`: how fast it is, against what others would write."""

import json as json_module
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from schemas.errors import AttesaError, UsageError
from streams.cli.output import show

__all__ = ["BenchFailedError", "app"]

app = typer.Typer(help="Measurements, each against a peer that does the same work.", no_args_is_help=True)

_ROOT = Path(__file__).resolve().parents[2]


class BenchFailedError(AttesaError):
    """The measurement did not come to an end; what it said stands above."""


@app.callback()
def bench() -> None:
    """Measurements, each against a peer that does the same work."""


@app.command("engine")
def engine(
    events: Annotated[int, typer.Option(min=1_000, help="Inputs in each run of the engine.")] = 40_000,
    peer_events: Annotated[int, typer.Option(min=500, help="Inputs in each run of the peer.")] = 4_000,
    runs: Annotated[int, typer.Option(min=1, help="Runs of each; the median counts.")] = 3,
    kafka: Annotated[
        str | None,
        typer.Option(help="A broker, host:port; without it one of its own (Apache Kafka from Maven)."),
    ] = None,
    profile: Annotated[bool, typer.Option("--profile", help="Show where the engine's time goes.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One object for programs.")] = False,
) -> None:
    """The engine against an ordinary Faust agent: same broker, same inputs, same flow, same fold.

    On a machine that does something else too, all numbers are low; the ratio says less than on a quiet one.
    """
    options = {"events": events, "peer_events": peer_events, "runs": runs, "kafka": kafka, "profile": profile}
    found = _measure("tests.bench.engine", options)
    rows = found.pop("rows")
    if json:
        show(rows, json=True, **found)
        return
    show([_flat(row) for row in rows], title="Events a second")
    typer.echo(f"\n{found['ratio']} times the ordinary agent, on {found['processors']} processors.")
    if found["peer_is_broken"]:
        typer.echo("The peer is slower than it should be: the machine is busy, or the peer is broken.")
    if profile:
        typer.echo()
        show(found["profile"], title="Where the engine's time goes")


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    return {"name": row["name"], **row["events_per_second"], "facts_per_event": row["facts_per_event"]}


def _measure(module: str, options: dict[str, Any]) -> dict[str, Any]:
    """Runs a measurement of the checkout; the peers are no part of what is installed."""
    if not (_ROOT / "tests" / "bench").is_dir():
        raise UsageError("the measurements are in the source tree: run `attesa bench` from a checkout")
    command = [sys.executable, "-m", module, json_module.dumps(options)]
    done = subprocess.run(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise BenchFailedError("the measurement failed; what it said stands above")
    found: dict[str, Any] = json_module.loads(done.stdout)
    return found
