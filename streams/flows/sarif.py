"""Findings as SARIF 2.1.0, the form that code hosts annotate changes with."""

from pathlib import Path, PurePosixPath
from typing import Any, Final

from streams.flows.finding import Finding
from streams.flows.parsing.codes import FORM
from streams.flows.review import checks

__all__ = ["SCHEMA", "sarif"]

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(findings: list[Finding], *, version: str, root: Path) -> dict[str, Any]:
    """One run with every rule and these results. Files are named relative to `root` where they lie in it."""
    rules = _rules()
    index = {rule["id"]: at for at, rule in enumerate(rules)}
    driver = {"name": "attesa", "semanticVersion": version, "version": version, "rules": rules}
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "originalUriBaseIds": {"ROOT": {"uri": f"{root.resolve().as_uri().rstrip('/')}/"}},
                "results": [_result(finding, index, root) for finding in findings],
            }
        ],
    }


def _rules() -> list[dict[str, Any]]:
    """Every code that lint can say, in order."""
    known = [(each.code, "error", each.meaning) for each in FORM.values()]
    known += [(each.code, each.severity, each.meaning) for each in checks().values()]
    return [
        {"id": code, "shortDescription": {"text": meaning}, "defaultConfiguration": {"level": severity}}
        for code, severity, meaning in sorted(known)
    ]


def _result(finding: Finding, index: dict[str, int], root: Path) -> dict[str, Any]:
    return {
        "ruleId": finding.code,
        "ruleIndex": index[finding.code],
        "level": finding.severity,
        "message": {"text": f"{finding.message}. {finding.advice}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": _artifact(Path(finding.file), root),
                    "region": {"startLine": finding.line, "startColumn": finding.column},
                }
            }
        ],
    }


def _artifact(file: Path, root: Path) -> dict[str, str]:
    """Where a file is: below the root, else by its full address."""
    whole = file.resolve()
    if whole.is_relative_to(root.resolve()):
        return {"uri": _quoted(whole.relative_to(root.resolve())), "uriBaseId": "ROOT"}
    return {"uri": whole.as_uri()}


def _quoted(path: Path) -> str:
    """A relative path as a URI reference; a colon in its first part is no scheme."""
    return PurePosixPath("/", *path.parts).as_uri().removeprefix("file:///")
