"""Fixtures of the end-to-end tests."""

from tests.e2e.shells import attesa, shell, twcs

__all__ = ["attesa", "shell", "twcs"]
