"""The flow language: files into a typed tree, findings, definitions, and programs that the core runs."""

from streams.flows.change import Change, Refused, change_of
from streams.flows.compile import RULES, compile_definition, compile_workspace
from streams.flows.definition import content_of, definition, workspace_definition
from streams.flows.finding import Finding, errors
from streams.flows.parsing.flow import GRAMMAR, FlowFile, parse
from streams.flows.parsing.workspace import parse_workspace

__all__ = [
    "GRAMMAR",
    "RULES",
    "Change",
    "Finding",
    "FlowFile",
    "Refused",
    "change_of",
    "compile_definition",
    "compile_workspace",
    "content_of",
    "definition",
    "errors",
    "parse",
    "parse_workspace",
    "workspace_definition",
]
