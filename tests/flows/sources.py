"""Flow texts for the tests of this folder."""

from streams.flows import FlowFile, parse, parse_workspace
from streams.flows.model import Workspace
from streams.flows.template_files import TemplateFile, TemplateFiles

__all__ = ["TEMPLATES", "WORKSPACE", "flow_file", "whole"]

WORKSPACE_TEXT = """
workspace: acme
zone: Europe/Rome
language: it
channels: {whatsapp: {via: console}, sms: {via: console}, email: {via: console}}
"""


def _workspace() -> Workspace:
    workspace = parse_workspace(WORKSPACE_TEXT, "workspace.yaml")
    assert isinstance(workspace, Workspace), workspace
    return workspace


WORKSPACE = _workspace()
TEMPLATES = TemplateFiles(
    "templates",
    {
        "ciao": {"*": TemplateFile("templates/ciao.liquid", "Ciao!")},
        "carrello": {"it": TemplateFile("templates/carrello.it.liquid", "Torna!", "Il carrello", 3)},
    },
)


def whole(part: str) -> str:
    """A flow that says `part`; what it needs beside that is filled in."""
    lines = [] if part.startswith("flow:") or "\nflow:" in part else ["flow: example"]
    if "trigger:" not in part:
        lines.append("trigger: {agent_message: any}")
    if "steps:" not in part:
        lines.append("steps: [{id: hello, send: {channel: whatsapp, text: Ciao}}]")
    return "\n".join([*lines, part])


def flow_file(part: str) -> FlowFile:
    """That flow, parsed."""
    file = parse(whole(part), "flow.yaml")
    assert isinstance(file, FlowFile), "\n".join(str(finding) for finding in file)
    return file
