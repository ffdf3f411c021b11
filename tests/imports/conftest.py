"""Fixtures of the imports' tests: those of a user's shell."""

from tests.e2e.shells import attesa

__all__ = ["attesa"]
