"""The checks of the review, by what they look at. A new one is a function under `check` in one of these."""

import importlib

__all__ = ["load"]

MODULES = ("messages", "channels", "paths", "ways", "entries", "policies", "values")


def load() -> None:
    """Imports every module of checks; each registers its own."""
    for name in MODULES:
        importlib.import_module(f"streams.flows.checks.{name}")
