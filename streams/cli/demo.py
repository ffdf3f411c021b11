"""`attesa demo`: the main job from start to end on an embedded stack, which is gone afterwards."""

import contextlib
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.panel import Panel

from deploy.embedded.stack import EphemeralStack
from projections import reports
from projections.client import connected, query
from projections.errors import NotMigratedError
from projections.reports import Scope
from schemas.errors import AttesaError
from streams.cli.output import console, show
from streams.cli.report import print_time_to_response
from streams.demo.customers import WORKSPACE, two_weeks
from streams.demo.play import FLOWS, configure, play
from streams.imports.run import environment_of
from streams.log.settings import Settings, load
from streams.log.story import cause_of, facts_of, tell
from streams.log.topics import Topics, apply

__all__ = ["demo"]

PREFIX: Final = "demo"
PARTITIONS: Final = 4
DAY: Final = 86_400_000
CATCH_UP_S: Final = 120.0
LOOK_S: Final = 0.25

STORY: Final = """
SELECT contact, count() AS facts FROM facts FINAL
WHERE workspace = {workspace:String} AND contact IN
  (SELECT contact FROM facts FINAL
   WHERE workspace = {workspace:String} AND fact = 'ConversationCloseCommanded')
GROUP BY contact HAVING facts BETWEEN 10 AND 40 ORDER BY facts, contact LIMIT 1
"""

err = Console(stderr=True, highlight=False)


def demo(
    seed: Annotated[int, typer.Option(help="Other customers, other answers.")] = 7,
    seconds: Annotated[
        float, typer.Option(min=1, max=3600, help="How long the two weeks take to play.")
    ] = 45,
    customers: Annotated[int, typer.Option(min=1, max=100_000, help="How many customers there are.")] = 200,
    json: Annotated[
        bool, typer.Option("--json", help="Only the reports, as one object for programs.")
    ] = False,
) -> None:
    """Two weeks of a coffee shop's conversations, ending now, in about a minute.

    Starts an embedded broker and ClickHouse (no Kafka, no ClickHouse, no Java), publishes three flows, plays
    made-up customers, shows the messages as they go out, then the reports and one customer's story. Nothing
    is left behind.
    """
    err.print("[bold]Attesa[/]: a broker and ClickHouse, embedded, are starting …")
    with EphemeralStack() as stack:
        settings = load(
            kafka=stack.bootstrap,
            clickhouse=stack.clickhouse_url,
            prefix=PREFIX,
            partitions=PARTITIONS,
            replication=1,
            data_dir=stack.data_dir / "attesa",
            master_key=secrets.token_hex(32),
            session_timeout_s=6.0,
            http_port=0,
            log_level="warning",
        )
        apply(settings.kafka, Topics(PREFIX).specs(PARTITIONS, 1, history=True))
        configure(settings)
        end = time.time_ns() // 1_000_000
        with _processes(settings, show_messages=not json) as processes:
            _play(settings, seed=seed, end=end, seconds=seconds, customers=customers)
            _catch_up(settings, processes, end)
        _report(settings, json=json)


def _play(settings: Settings, *, seed: int, end: int, seconds: float, customers: int) -> None:
    start = end - 14 * DAY
    err.print(
        f"{customers} customers, flows {', '.join(FLOWS)}; from {_day(start)} to {_day(end)}, "
        f"in {seconds:.0f} seconds. Messages as they go out:"
    )
    rows = two_weeks(seed=seed, end=end, customers=customers)
    count = play(settings, rows, start=start, end=end, seconds=seconds)
    err.print(f"[dim]{count:,} inputs are in the log[/]")


@contextlib.contextmanager
def _processes(settings: Settings, *, show_messages: bool) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """Worker, dispatcher and projector, as in production; they end with the block."""
    environment = {
        **environment_of(settings),
        "ATTESA_SESSION_TIMEOUT_S": str(settings.session_timeout_s),
        "ATTESA_LOG_LEVEL": settings.log_level,
    }
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    started: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name in ("worker", "projector", "dispatcher"):
            with (settings.data_dir / f"{name}.log").open("wb") as log:
                started[name] = subprocess.Popen(
                    [sys.executable, "-m", "streams.cli.main", name],
                    stdin=subprocess.DEVNULL,
                    stdout=None if name == "dispatcher" and show_messages else log,
                    stderr=log,
                    env=environment,
                )
        yield started
        _end(started)
        if show_messages:
            # What the dispatcher had not printed when it was ended.
            subprocess.run(
                [sys.executable, "-m", "streams.cli.main", "dispatcher", "--until-end", "--json"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment,
                check=False,
            )
    finally:
        _end(started)


def _end(processes: dict[str, subprocess.Popen[bytes]]) -> None:
    for process in processes.values():
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    for process in processes.values():
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _catch_up(settings: Settings, processes: dict[str, subprocess.Popen[bytes]], end: int) -> None:
    """Waits until everything up to `end` is decided and projected."""
    until = time.monotonic() + CATCH_UP_S
    with err.status("the last facts reach ClickHouse …"):
        while True:
            for name, process in processes.items():
                if process.poll() is not None:
                    raise DemoFailedError(_why(name, settings.data_dir / f"{name}.log"))
            # The projector makes the tables first; on a busy machine that may take longer than the play.
            with contextlib.suppress(NotMigratedError), connected(settings) as client:
                if (reports.as_of(client, settings) or 0) >= end:
                    return
            if time.monotonic() > until:
                raise DemoFailedError(f"after {CATCH_UP_S:.0f} s the facts are not all in ClickHouse")
            time.sleep(LOOK_S)


class DemoFailedError(AttesaError):
    """One of the demo's processes ended or did not come to the end."""


def _why(name: str, log: Path) -> str:
    tail = "\n  ".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:])
    return f"the {name} ended before its time:\n  {tail}"


def _report(settings: Settings, *, json: bool) -> None:
    rates = reports.response_rate(settings, Scope(by=["flow", "step"]))
    times = reports.time_to_response(settings, Scope())
    messages = reports.messages(settings, Scope(by=["author"]))
    if json:
        show(
            [row.as_dict() for row in rates.rows],
            json=True,
            as_of=rates.as_of_text,
            report=rates.report,
            by=rates.by,
            time_to_response=[row.as_dict() for row in times.rows],
            messages=[row.as_dict() for row in messages.rows],
        )
        return
    console.print()
    show([row.as_dict() for row in rates.rows], title=f"Response rate, as of {rates.as_of_text}")
    console.print()
    print_time_to_response(times)
    console.print()
    show([row.as_dict() for row in messages.rows], title="Messages and replies within 24 h")
    _story(settings)
    console.print(Panel(NEXT, title="To go on", title_align="left", expand=False))


NEXT: Final = """\
[bold]attesa up[/]                                    a stack that stays up
[bold]attesa flow library copy verify-purchase --to flows[/]
[bold]attesa flow lint flows[/]                       reviewed, with the line and what to do
[bold]attesa import docs/examples/messages.jsonl --format jsonl --prefix try --flows docs/examples --run[/]
[bold]attesa report response-rate --prefix try --by flow,step[/]
[bold]attesa report time-to-response --prefix try[/]
[bold]attesa contact timeline main/anna --prefix try[/]
[bold]attesa down[/]"""


def _story(settings: Settings) -> None:
    """One customer, from the first message to the close, each fact with its cause."""
    with connected(settings) as client:
        found = query(client, STORY, {"workspace": WORKSPACE})
    if not found:
        return
    contact = f"{WORKSPACE}/{found[0]['contact']}"
    console.print()
    show(
        [
            {
                "when (UTC)": f"{datetime.fromtimestamp(told.fact.at / 1000, UTC):%a %d %b %H:%M:%S}",
                "what": tell(told.fact),
                "because of": cause_of(told.fact),
            }
            for told in facts_of(settings, contact)
        ],
        title=f"The story of {contact}",
    )


def _day(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%a %d %b %H:%M}"
