"""What a flow command changes: a program, settings, nothing, or a refusal; never an exception."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.types.flow_commands import FlowPaused, FlowPublished, WorkspaceConfigured
from streams.core.program import Program, WorkspaceSettings
from streams.flows import Refused, change_of, content_of, definition, workspace_definition
from tests.flows.sources import TEMPLATES, WORKSPACE, flow_file

DEFINITION = definition(
    flow_file("steps: [{send: {channel: sms, template: ciao}}]").flow, TEMPLATES.templates
)


def published(text: str = DEFINITION, **changes: Any) -> FlowPublished:
    """A FlowPublished of that definition."""
    record = FlowPublished(
        id="1", by="test", at=0, workspace="acme", flow="example", source="", definition=text,
        content=content_of(text), grammar=1, rules=1,
    )  # fmt: skip
    return msgspec.structs.replace(record, **changes)


def test_the_definition_used_here_compiles() -> None:
    """Else the refusals below would prove nothing."""
    assert isinstance(change_of(published(flow_of('{"step":"end","id":"a"}'))), Program)


def configured(text: str, workspace: str = "acme") -> WorkspaceConfigured:
    """A WorkspaceConfigured of that definition."""
    return WorkspaceConfigured(
        id="1", by="test", at=0, workspace=workspace, source="", definition=text, content=content_of(text)
    )


def refusal(record: FlowPublished | WorkspaceConfigured) -> str:
    """Why it is refused."""
    change = change_of(record)
    assert isinstance(change, Refused)
    return change.reason


def test_a_published_flow_is_a_program() -> None:
    """Of its workspace, with the rules that it was published under."""
    program = change_of(published())
    assert isinstance(program, Program)
    assert (program.workspace, program.flow, program.rules) == ("acme", "example", 1)
    assert program.content == content_of(DEFINITION)


def test_a_configured_workspace_is_settings() -> None:
    """As its definition says."""
    settings = change_of(configured(workspace_definition(WORKSPACE)))
    assert isinstance(settings, WorkspaceSettings)
    assert settings.id == "acme"


def test_a_pause_brings_nothing() -> None:
    """A command without content has no change."""
    assert change_of(FlowPaused(id="1", by="test", at=0, workspace="acme", flow="example")) is None


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"grammar": 2}, "grammar 2"),
        ({"grammar": 0}, "grammar 0"),
        ({"rules": 2}, "rules 2"),
        ({"content": "x"}, "content hash"),
        ({"flow": "other"}, "about other"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], why: str) -> None:
    """Of a newer grammar or newer rules, with another hash, about another flow."""
    assert why in refusal(published(**changes))


def flow_of(*steps: str, templates: str = "{}") -> str:
    """A definition with these steps, as JSON."""
    return f'{{"flow":{{"flow":"example","trigger":[],"steps":[{",".join(steps)}]}},"templates":{templates}}}'


def asking(operand: str) -> str:
    """A step that asks for a pattern."""
    asked = f'"is":"asked","subject":"var","name":"x","operator":"matches","operand":{operand}'
    return f'{{"step":"if","id":"a","ways":[{{"when":{{{asked}}}}}]}}'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        flow_of('{"step":"send","id":"a","template":"x"}'),
        flow_of('{"step":"fly","id":"a"}'),
        flow_of('{"step":"end","id":"a","later":1}'),
        flow_of('{"step":"end","id":"a"}', '{"step":"end","id":"a"}'),
        flow_of('{"step":"send","id":"a","text":{"*":"{{"}}', templates='{"a":{"*":{"text":"{{"}}}'),
        flow_of(asking('"("')),
        flow_of(asking("{}")),
        flow_of('{"step":"customer_response","id":"a","within":1,"prompt":"b"}'),
    ],
    ids=range(12),
)
def test_a_definition_that_cannot_be_run_is_refused(text: str) -> None:
    """Whatever a publisher wrote (a field of a later version too), workers refuse it alike and go on."""
    assert "cannot be compiled" in refusal(published(text))


def test_a_workspace_that_does_not_fit_is_refused() -> None:
    """No JSON, another hash, another workspace."""
    assert "cannot be compiled" in refusal(configured("{"))
    text = workspace_definition(WORKSPACE)
    assert "content hash" in refusal(msgspec.structs.replace(configured(text), content="x"))
    assert "about other" in refusal(configured(text, "other"))


@given(st.text(max_size=100))
def test_no_text_stops_a_reader(text: str) -> None:
    """A record never raises: one bad publish must not stop every worker."""
    assert isinstance(change_of(published(text)), Refused)
    assert isinstance(change_of(configured(text)), Refused)


def test_a_definition_reads_under_later_versions() -> None:
    """Golden: a definition as version 0.1.0 wrote it still compiles to the same."""
    text = (
        '{"flow":{"flow":"example","steps":[{"channel":["sms"],"id":"ciao","step":"send","template":"ciao"}],'
        '"trigger":[{"kind":"agent_message","name":"any"}]},"templates":{"ciao":{"*":{"text":"Ciao!"}}}}'
    )
    assert text == DEFINITION
    assert isinstance(change_of(published(text)), Program)
