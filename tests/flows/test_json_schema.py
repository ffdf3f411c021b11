"""The JSON Schema says what the parser reads: no less, and the same keys."""

import json
import re
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from typer.testing import CliRunner

from streams.cli.flow import app
from streams.flows import FlowFile, parse, parse_workspace
from streams.flows.json_schema import flow_schema, workspace_schema
from streams.flows.model import Workspace
from streams.flows.parsing.codes import FORM
from streams.flows.parsing.located import Items, Leaf, Node, Pairs, Unreadable, load
from tests.flows.sources import whole
from tests.flows.test_fuzz import GOOD, WORKSPACES, bent

FLOW = jsonschema.Draft7Validator(flow_schema())
WORKSPACE = jsonschema.Draft7Validator(workspace_schema())


def plain(node: Node) -> Any:
    """A located tree as an editor's YAML reader has it."""
    match node:
        case Leaf():
            return node.value
        case Items():
            return [plain(each) for each in node.items]
        case Pairs():
            return {name: plain(each) for name, each in node.pairs.items()}


def data(text: str) -> Any:
    """A file's data."""
    return plain(load(text, "flow.yaml"))


def test_the_schemas_are_schemas() -> None:
    """Of draft 7, which editors know."""
    jsonschema.Draft7Validator.check_schema(flow_schema())
    jsonschema.Draft7Validator.check_schema(workspace_schema())


@pytest.mark.parametrize("text", GOOD)
def test_every_good_flow_is_valid(text: str) -> None:
    """The review's good examples and the ready flows."""
    assert [error.message for error in FLOW.iter_errors(data(text))] == []


@settings(max_examples=300, deadline=None)
@given(bent(GOOD))
def test_what_the_parser_takes_is_valid(text: str) -> None:
    """No editor underlines what can be published."""
    if isinstance(parse(text, "flow.yaml"), FlowFile):
        assert [error.message for error in FLOW.iter_errors(data(text))] == []


@settings(max_examples=150, deadline=None)
@given(bent(WORKSPACES))
def test_what_the_workspaces_parser_takes_is_valid(text: str) -> None:
    """No editor underlines what can be published."""
    if isinstance(parse_workspace(text, "workspace.yaml"), Workspace):
        assert [error.message for error in WORKSPACE.iter_errors(data(text))] == []


@pytest.mark.parametrize("code", ["ATT005", "ATT006", "ATT007", "ATT008", "ATT009"])
def test_what_the_form_forbids_is_underlined(code: str) -> None:
    """Unknown and missing keys, what is not available yet, wrong kinds and values are invalid."""
    assert not FLOW.is_valid(data(FORM[code].bad))


def mappings(schema: Any) -> list[set[str]]:
    """The keys of every mapping in a schema."""
    found = []
    if isinstance(schema, dict):
        if schema.get("type") == "object" and "properties" in schema:
            found.append(set(schema["properties"]))
        for each in schema.values():
            found += mappings(each)
    elif isinstance(schema, list):
        for each in schema:
            found += mappings(each)
    return found


def offered(text: str) -> set[str]:
    """The keys that the parser names as known where `nonsense-key` stands in a file."""
    found = parse(text, "flow.yaml")
    assert isinstance(found, list)
    advice = next(finding.advice for finding in found if "nonsense" in finding.message)
    return set(re.sub(r"^Known are ", "", advice).split(", "))


@pytest.mark.parametrize(
    "part",
    [
        "nonsense: 1",
        "enter: {nonsense: 1}",
        "policies: {nonsense: 1}",
        "policies: {quiet_hours: {nonsense: 1}}",
        "policies: {cap: {nonsense: 1}}",
        "exit_on: {nonsense: 1}",
        "steps: [{send: {nonsense: 1}}]",
        "steps: [{customer_response: {nonsense: 1}}]",
    ],
)
def test_the_keys_are_the_parsers_own(part: str) -> None:
    """Where the parser knows these keys, the schema has a mapping with just these."""
    assert offered(whole(part)) in mappings(flow_schema())


def test_attesa_flow_schema_prints_it() -> None:
    """One object, for an editor's settings."""
    assert json.loads(CliRunner().invoke(app, ["schema"]).stdout) == flow_schema()
    assert json.loads(CliRunner().invoke(app, ["schema", "workspace"]).stdout) == workspace_schema()
    assert CliRunner().invoke(app, ["schema", "other"]).exit_code != 0


def test_the_plain_data_is_the_files() -> None:
    """The helper of this file reads as an editor does."""
    assert data("a: [1, x, {b: true}]\nc: ") == {"a": [1, "x", {"b": True}], "c": None}
    with pytest.raises(Unreadable):
        data("a: [")
