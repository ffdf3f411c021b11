"""Fixtures of the crash tests: those of the engine's."""

from tests.integration.engine.conftest import bench, history

__all__ = ["bench", "history"]
