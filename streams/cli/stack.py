"""`attesa up`, `down`, `status`: a broker and ClickHouse on this machine, without installing either."""

import sys
from dataclasses import asdict
from typing import Annotated

import typer

from deploy.embedded.stack import BrokerName, ServiceState, Stack
from streams.cli.output import show
from streams.log.sealing import load_or_create_master_key
from streams.log.settings import KEPT, Settings, load

__all__ = ["down", "status", "up"]


Json = Annotated[bool, typer.Option("--json", help="One object for programs.")]


def up(
    broker: Annotated[
        BrokerName | None,
        typer.Option(
            help="kafka: Apache Kafka, keeps its data, needs Java 17 and, once, Maven. tansu: needs neither, "
            "forgets everything at `down`. Without it: what is up; else kafka where Java and Maven are found."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Start a broker and ClickHouse that stay up, on loopback; what is up already stays as it is.

    Ports and folder: ATTESA_KAFKA_PORT, ATTESA_CLICKHOUSE_PORT, ATTESA_DATA_DIR.
    """
    settings = load()
    stack = _stack(settings, broker)
    services = stack.up()
    if settings.master_key is None:
        kept = settings.data_dir / KEPT
        load_or_create_master_key(kept)
        _say(f"This stack's master key is in {kept}; the commands find it there.")
    show(
        _rows(services, json=json), json=json, title=_title(stack), broker=stack.broker, forgets=stack.forgets
    )
    if stack.forgets:
        _say("Tansu keeps its log in memory: `attesa down` forgets everything, ClickHouse's folder with it.")
    here = {"ATTESA_KAFKA": stack.bootstrap, "ATTESA_CLICKHOUSE": stack.clickhouse_url}
    if (settings.kafka, settings.clickhouse.get_secret_value()) != tuple(here.values()):
        exports = " ".join(f"{name}={address}" for name, address in here.items())
        _say(f"The other commands look elsewhere; point them here: export {exports}")


def down(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before forgetting a Tansu stack.")] = False,
    json: Json = False,
) -> None:
    """Stop the stack. Apache Kafka's data stay; Tansu's, and ClickHouse's beside it, are forgotten.

    On a terminal it asks before it forgets anything.
    """
    stack = _stack(load())
    services = stack.status()
    if all(service.state == "down" for service in services):
        show([], json=json, title=_title(stack))
        return
    if stack.forgets and not yes and sys.stdin.isatty():
        show(_rows(services), title=f"To be stopped and forgotten, data in {stack.data_dir}")
        typer.confirm("Everything that is on it is lost. Go on?", abort=True, err=True)
    stopped = stack.down()
    show([{**row, "state": "stopped"} for row in _rows(stopped, json=json)], json=json, title=_title(stack))


def status(json: Json = False) -> None:
    """Show the stack's services: up, silent (runs, does not answer), ended (by other hands), down.

    Exit code 1 where one that should be up is silent or ended.
    """
    stack = _stack(load())
    services = stack.status()
    show(
        _rows(services, json=json), json=json, title=_title(stack), broker=stack.broker, forgets=stack.forgets
    )
    if any(service.state in {"silent", "ended"} for service in services):
        raise typer.Exit(1)


def _stack(settings: Settings, broker: BrokerName | None = None) -> Stack:
    return Stack(settings.data_dir, broker, settings.kafka_port, settings.clickhouse_port, say=_say)


def _title(stack: Stack) -> str:
    return f"Stack, data in {stack.data_dir}"


def _rows(services: list[ServiceState], *, json: bool = False) -> list[dict[str, object]]:
    rows = [asdict(service) for service in services]
    for row, service in zip(rows, services, strict=True):
        row["since"] = service.since and f"{service.since:%Y-%m-%dT%H:%M:%SZ}"
        if not json:
            # A name, not an amount: its digits are not grouped. The folder is in the title, or rows would
            # break.
            row["pid"] = service.pid and str(service.pid)
            del row["data_dir"]
    return rows


def _say(sentence: str) -> None:
    typer.echo(sentence, err=True)
