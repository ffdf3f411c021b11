"""What all tests share: the brokers and servers, each started once and only when a test asks for it."""

import os
from pathlib import Path

import pytest

pytest_plugins = ["tests.fixtures.clickhouse", "tests.fixtures.kafka"]


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test sees what is set here: neither the environment's settings nor those of a stack that is up."""
    for name in [name for name in os.environ if name.startswith("ATTESA_") and name != "ATTESA_CACHE_DIR"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ATTESA_DATA_DIR", str(tmp_path / "attesa-data"))
