"""Findings as SARIF 2.1.0: what the standard requires, and what code hosts read."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from streams.flows.finding import Finding
from streams.flows.sarif import sarif
from tests.flows.test_cli import GOOD, run


def closed(required: list[str], **properties: Any) -> dict[str, Any]:
    """An object with these properties and no other."""
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


TEXT = {"type": "string", "minLength": 1}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
ARTIFACT = closed(["uri"], uri={"type": "string", "format": "uri-reference"}, uriBaseId=TEXT)
REGION = closed(
    ["startLine", "startColumn"],
    startLine={"type": "integer", "minimum": 1},
    startColumn={"type": "integer", "minimum": 1},
)
RESULT = closed(
    ["ruleId", "message"],
    ruleId=TEXT,
    ruleIndex={"type": "integer", "minimum": -1},
    level=LEVEL,
    message=closed(["text"], text=TEXT),
    locations={
        "type": "array",
        "items": closed(
            ["physicalLocation"],
            physicalLocation=closed(["artifactLocation"], artifactLocation=ARTIFACT, region=REGION),
        ),
    },
)
RULE = closed(
    ["id"],
    id=TEXT,
    shortDescription=closed(["text"], text=TEXT),
    defaultConfiguration=closed(["level"], level=LEVEL),
)
DRIVER = closed(
    ["name"],
    name=TEXT,
    version=TEXT,
    semanticVersion={"type": "string", "pattern": r"^\d+\.\d+\.\d+"},
    rules={"type": "array", "items": RULE, "uniqueItems": True},
)
SHAPE = closed(
    ["version", "runs"],
    **{"$schema": {"type": "string", "format": "uri"}},
    version={"const": "2.1.0"},
    runs={
        "type": "array",
        "items": closed(
            ["tool"],
            tool=closed(["driver"], driver=DRIVER),
            columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
            originalUriBaseIds={
                "type": "object",
                "additionalProperties": closed(["uri"], uri={"pattern": "/$"}),
            },
            results={"type": "array", "items": RESULT},
        ),
    },
)
"""The part of the standard's schema that findings use, closed to the rest."""


def made(*findings: Finding, root: Path = Path("/repo")) -> Any:
    """The document, checked."""
    document = sarif(list(findings), version="0.1.0", root=root)
    Draft202012Validator(SHAPE).validate(document)
    return document


def finding(file: str, severity: Any = "error") -> Finding:
    """One at line 3, column 5."""
    return Finding(file, 3, 5, "ATT103", severity, "no such variable", "Name another")


def test_a_result_names_rule_place_and_advice() -> None:
    """The rule's index is right; the file is relative to the root."""
    (run_,) = made(finding("/repo/flows/a b.yaml"))["runs"]
    (result,) = run_["results"]
    assert run_["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "ATT103"
    assert result["message"]["text"] == "no such variable. Name another"
    (location,) = result["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "flows/a%20b.yaml", "uriBaseId": "ROOT"},
        "region": {"startLine": 3, "startColumn": 5},
    }
    assert run_["originalUriBaseIds"]["ROOT"]["uri"] == "file:///repo/"


def test_a_file_outside_the_root_has_its_full_address() -> None:
    """No relative path leads out of a repository."""
    (run_,) = made(finding("/elsewhere/a.yaml"))["runs"]
    (location,) = run_["results"][0]["locations"]
    assert location["physicalLocation"]["artifactLocation"] == {"uri": "file:///elsewhere/a.yaml"}


def test_every_code_is_a_rule_once() -> None:
    """Also those that found nothing: a host shows what was looked for."""
    ids = [rule["id"] for rule in made()["runs"][0]["tool"]["driver"]["rules"]]
    rows = json.loads(run("codes", "--json").stdout)["rows"]
    assert ids == sorted({row["code"] for row in rows})


def test_lint_writes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside what it says, with the same exit code; nothing found is an empty list of results."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flow.yaml").write_text(GOOD.replace("Ciao", "'{{ nome }}'"), "utf-8")
    assert run("lint", tmp_path / "flow.yaml", "--sarif", tmp_path / "lint.sarif").exit_code == 1
    document = json.loads((tmp_path / "lint.sarif").read_text("utf-8"))
    Draft202012Validator(SHAPE).validate(document)
    (result,) = document["runs"][0]["results"]
    assert (result["ruleId"], result["level"]) == ("ATT103", "error")
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "flow.yaml"
    (tmp_path / "flow.yaml").write_text(GOOD, "utf-8")
    assert run("lint", tmp_path / "flow.yaml", "--sarif", tmp_path / "lint.sarif").exit_code == 0
    assert json.loads((tmp_path / "lint.sarif").read_text("utf-8"))["runs"][0]["results"] == []
