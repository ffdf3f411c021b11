"""`attesa`: nouns, then verbs. Each noun has a file of its own beside this one.

Exit codes: 0 done, 1 the thing asked about does not hold, 2 wrong usage, 3 a server is not reachable.
"""

import importlib
import os
import sys
from importlib.metadata import version
from typing import Any

import typer
import typer.core
from rich.console import Console

from schemas.errors import AttesaError

__all__ = ["main"]

GROUPS = ("flow", "workspace", "schemas", "topics", "projections", "report", "config", "contact", "bench")
"""Nouns with verbs: `app` in a module of that name."""

COMMANDS = {
    "demo": "demo",
    "up": "stack",
    "down": "stack",
    "status": "stack",
    "worker": "worker",
    "ticker": "ticker",
    "dispatcher": "dispatcher",
    "projector": "projector",
    "import": "import_",
}
"""Single commands: a function of that name (`import_` for import) in the module named here."""


class Lazy(typer.core.TyperGroup):
    """Loads a noun's module only when it is asked for, so that `attesa --help` is quick."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - click's signature
        """The nouns, in the order in which one meets them."""
        return [*COMMANDS, *GROUPS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """The noun's command; None if there is no such noun."""
        if cmd_name in GROUPS:
            module = importlib.import_module(f"streams.cli.{cmd_name}")
            group = typer.main.get_group(module.app)
            group.name = cmd_name
            return group
        if cmd_name in COMMANDS:
            module = importlib.import_module(f"streams.cli.{COMMANDS[cmd_name]}")
            function = getattr(module, "import_" if cmd_name == "import" else cmd_name)
            single = typer.Typer(add_completion=False, rich_markup_mode=None)
            single.command(name=cmd_name)(function)
            command = typer.main.get_command(single)
            command.name = cmd_name
            return command
        return None


app = typer.Typer(
    cls=Lazy,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(value: bool) -> None:
    if value:
        typer.echo(f"attesa {version('attesa')}")
        raise typer.Exit


@app.callback()
def attesa(
    show_version: bool = typer.Option(
        False, "--version", help="The version, and nothing else.", callback=_print_version, is_eager=True
    ),
) -> None:
    """Customer journeys and conversations on Kafka: know before you publish, prove after you send."""


def main() -> None:
    """Runs the command line; the process's exit code says how it went."""
    try:
        app()
    except AttesaError as error:
        Console(stderr=True, soft_wrap=True, highlight=False).print(f"error: {error}", markup=False)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # else the interpreter complains at exit
        sys.exit(141)


if __name__ == "__main__":
    main()
