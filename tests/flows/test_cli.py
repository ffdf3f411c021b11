"""`attesa flow` without a broker: lint, codes, library; their output and exit codes."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from schemas.errors import UsageError
from streams.cli.flow import app
from streams.flows.files import LIBRARY, FindingsError
from streams.flows.review import checks

GOOD = "flow: hello\ntrigger: {agent_message: any}\nsteps: [{id: a, send: {text: Ciao}}]\n"


def run(*arguments: object) -> Result:
    """The command's result; what it raised is raised."""
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_lint_of_a_good_flow_is_quiet_and_0(tmp_path: Path) -> None:
    """No line for what is right."""
    (tmp_path / "flow.yaml").write_text(GOOD)
    result = run("lint", tmp_path / "flow.yaml")
    assert (result.exit_code, result.stdout) == (0, "")


def test_lint_of_errors_is_1_and_locates_them(tmp_path: Path) -> None:
    """One line a finding, as compilers write."""
    (tmp_path / "flow.yaml").write_text(GOOD.replace("Ciao", "'{{ nome }}'"))
    result = run("lint", tmp_path)
    assert result.exit_code == 1
    assert f"{tmp_path / 'flow.yaml'}:3:30: error ATT103: " in result.stdout


def test_lint_of_warnings_alone_is_0() -> None:
    """A warning asks for a second look and stops nobody."""
    result = run("lint", LIBRARY, "--workspace", LIBRARY / "workspace.yaml")
    assert result.exit_code == 0
    assert "warning ATT131" in result.stdout


def test_lint_asks_the_workspace_if_there_is_one(tmp_path: Path) -> None:
    """Without it channels are not asked; with a broken one nothing is."""
    (tmp_path / "flow.yaml").write_text(GOOD + "channel: pigeon\n")
    assert run("lint", tmp_path).exit_code == 0
    assert run("lint", tmp_path, "--workspace", LIBRARY / "workspace.yaml").exit_code == 1
    (tmp_path / "w.yaml").write_text("workspace: a")
    with pytest.raises(FindingsError, match="ATT007"):
        run("lint", tmp_path, "--workspace", tmp_path / "w.yaml")


def test_lint_as_json_is_one_object(tmp_path: Path) -> None:
    """`rows` has every finding with all its fields."""
    (tmp_path / "flow.yaml").write_text("flow: a")
    result = run("lint", tmp_path, "--json")
    assert result.exit_code == 1
    said = json.loads(result.stdout)
    assert said["files"] == [str(tmp_path / "flow.yaml")]
    assert [row["code"] for row in said["rows"]] == ["ATT007", "ATT007"]
    assert set(said["rows"][0]) == {
        "file", "line", "column", "code", "severity", "message", "advice",
    }  # fmt: skip


def test_lint_of_nothing_is_wrong_usage(tmp_path: Path) -> None:
    """A file that is not there is no finding."""
    with pytest.raises(UsageError):
        run("lint", tmp_path / "nowhere.yaml")


def test_codes_are_listed() -> None:
    """All of them, with severity and meaning."""
    rows = json.loads(run("codes", "--json").stdout)["rows"]
    assert {row["code"] for row in rows} >= set(checks())


def test_the_library_is_listed_and_copied(tmp_path: Path) -> None:
    """A copy lints as it is."""
    rows = json.loads(run("library", "--json").stdout)["rows"]
    assert "nudge-and-close" in {row["flow"] for row in rows}
    run("library", "copy", "verify-purchase", "--to", tmp_path)
    assert run("lint", tmp_path).exit_code == 0
    with pytest.raises(UsageError):
        run("library", "paste")
    with pytest.raises(UsageError):
        run("library", "copy")


@pytest.mark.parametrize("allow", ["ATT121", "ATT121=", "ATT999=x", "ATT005=x", "ATT101=x"])
def test_what_cannot_be_allowed_is_said_before_anything_else(allow: str, tmp_path: Path) -> None:
    """A code without a reason, an unknown one, one of the form, one that could never be run."""
    (tmp_path / "flow.yaml").write_text(GOOD)
    with pytest.raises(UsageError, match="--allow"):
        run("publish", tmp_path, "--allow", allow)
