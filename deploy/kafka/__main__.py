"""`python -m deploy.kafka fetch | run`: Apache Kafka's jars into the cache; or a broker in the foreground."""

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from deploy.errors import ServerFailedError
from deploy.kafka.broker import ApacheKafka
from deploy.kafka.distribution import KAFKA_VERSION, is_fetched
from deploy.kafka.distribution import fetch as fetch_jars
from schemas.errors import AttesaError

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)


@app.command()
def fetch() -> None:
    """Fetch Apache Kafka's jars into the cache (ATTESA_CACHE_DIR) and print the folder."""
    if not is_fetched():
        typer.echo(f"fetching Apache Kafka {KAFKA_VERSION} through Maven, about 54 MB", err=True)
    typer.echo(fetch_jars())


@app.command()
def run(
    data: Annotated[Path, typer.Option(help="Folder for records, settings and log; kept.")],
    port: Annotated[
        int, typer.Option(envvar="ATTESA_KAFKA_PORT", help="Port on 127.0.0.1; 0 takes a free one.")
    ] = 19092,
    heap: Annotated[str, typer.Option(help="Java's heap limit.")] = "512m",
) -> None:
    """Run one broker until Ctrl-C or SIGTERM. Prints `listening 127.0.0.1:PORT` when it answers."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with ApacheKafka(data, port, heap) as broker:
            typer.echo(f"listening {broker.bootstrap}")
            sys.stdout.flush()
            broker.wait()
            raise ServerFailedError(broker.name, "ended by itself", log=broker.log_path)
    except KeyboardInterrupt:
        typer.echo("stopped", err=True)


def main() -> None:
    """Run the command; an error that the reader can mend is one line and its exit code."""
    try:
        app()
    except AttesaError as error:
        typer.echo(f"error: {error}", err=True)
        raise SystemExit(error.exit_code) from error


if __name__ == "__main__":
    main()
