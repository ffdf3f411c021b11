"""`attesa schemas`."""

import json
from pathlib import Path

from typer.testing import CliRunner

from schemas.catalog import catalog
from streams.cli.schemas import app
from tests.schemas.test_compatibility import A, field, folder, record


def test_check_passes_on_what_fits() -> None:
    """Exit code 0, and the counts."""
    done = CliRunner().invoke(app, ["check", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {
        "rows": [],
        "versions": len(list(catalog())),
        "registry": None,
        "unregistered": [],
    }


def test_check_names_file_and_field(tmp_path: Path) -> None:
    """Exit code 1; a line a finding for people, a row for programs."""
    folder(tmp_path, record(A), record(A, field("b", "int")))
    done = CliRunner().invoke(app, ["check", "--folder", str(tmp_path)])
    assert done.exit_code == 1
    assert f"{tmp_path}/avsc/inputs/Tick/2.avsc: b: " in done.stdout
    done = CliRunner().invoke(app, ["check", "--folder", str(tmp_path), "--json"])
    assert done.exit_code == 1
    (row,) = json.loads(done.stdout)["rows"]
    assert (row["rule"], row["field"]) == ("backward", "b")


def test_check_against_a_registry_says_what_is_missing_there() -> None:
    """An empty registry: nothing is wrong, and nothing is registered."""
    done = CliRunner().invoke(app, ["check", "--registry", "mock://r", "--json"])
    assert done.exit_code == 0, done.output
    assert len(json.loads(done.stdout)["unregistered"]) == len(list(catalog()))


def test_register_prints_ids() -> None:
    """One row a version, with subject and id."""
    done = CliRunner().invoke(app, ["register", "--registry", "mock://r", "--prefix", "dev", "--json"])
    assert done.exit_code == 0, done.output
    rows = json.loads(done.stdout)["rows"]
    assert len({row["id"] for row in rows}) == len(rows) == len(list(catalog()))
    assert "dev.flows-attesa.FlowPublished" in {row["subject"] for row in rows}


def test_register_needs_a_registry() -> None:
    """Wrong usage, with both ways to name one."""
    done = CliRunner().invoke(app, ["register"], env={"ATTESA_REGISTRY_URL": ""})
    assert done.exit_code != 0
    assert "--registry" in str(done.exception)
