"""`attesa config`: what is set, from where, and what it means."""

import os

import typer
from pydantic import SecretStr

from streams.cli.output import show
from streams.log.settings import Settings, load

__all__ = ["app"]

app = typer.Typer(help="What is set, and what each setting means.", no_args_is_help=True)


@app.callback()
def _noun() -> None:
    """What is set, and what each setting means."""


@app.command("show")
def show_settings(json: bool = typer.Option(False, "--json", help="One object for programs.")) -> None:
    """Every setting with its value, where that comes from, and its meaning. Secrets are never printed."""
    settings = load()
    rows = []
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        variable = f"ATTESA_{name.upper()}"
        hidden = isinstance(value, SecretStr)
        source = (
            "environment"
            if variable in os.environ
            else ".env"
            if name in settings.model_fields_set
            else "default"
        )
        rows.append(
            {
                "setting": variable,
                "value": "********" if hidden else value if value is None else str(value),
                "from": source,
                "meaning": field.description,
            }
        )
    show(rows, json=json, title="Settings")
