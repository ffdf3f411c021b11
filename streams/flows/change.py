"""What a flow command changes, compiled once, wherever it is read."""

import msgspec

from schemas.types.flow_commands import FlowCommand, FlowPublished, WorkspaceConfigured
from streams.core.program import Program, WorkspaceSettings
from streams.core.registry import Change
from streams.flows.compile import RULES, compile_definition, compile_workspace
from streams.flows.definition import content_of
from streams.flows.parsing.flow import GRAMMAR

__all__ = ["Change", "Refused", "change_of"]


class Refused(msgspec.Struct, frozen=True):
    """A flow command that cannot be put in force: every reader of the log comes to the same."""

    reason: str


def change_of(record: FlowCommand) -> Change | Refused | None:
    """The compiled change of a flow command; None for one without content (a pause, a stop). Never raises.

    The answer depends on the record alone, so that every worker and every replay has the same. A program's
    workspace policies are not in it: the core lays a send's policies over the workspace's.
    """
    try:
        match record:
            case FlowPublished():
                return _published(record)
            case WorkspaceConfigured():
                return _configured(record)
            case _:
                return None
    except Exception as error:  # noqa: BLE001 - one record must never stop every worker that reads it
        return Refused(f"the definition cannot be compiled: {error}")


def _published(record: FlowPublished) -> Program | Refused:
    if not 1 <= record.grammar <= GRAMMAR:
        return Refused(f"grammar {record.grammar} is not known to this version, which knows 1 to {GRAMMAR}")
    if not 1 <= record.rules <= RULES:
        return Refused(f"rules {record.rules} are not known to this version, which knows 1 to {RULES}")
    if record.content != content_of(record.definition):
        return Refused("the content hash is not that of the definition")
    program = compile_definition(record.workspace, record.definition, rules=record.rules)
    if program.flow != record.flow:
        return Refused(f"the record is about {record.flow}, the definition about {program.flow}")
    return program


def _configured(record: WorkspaceConfigured) -> WorkspaceSettings | Refused:
    if record.content != content_of(record.definition):
        return Refused("the content hash is not that of the definition")
    settings = compile_workspace(record.definition)
    if settings.id != record.workspace:
        return Refused(f"the record is about {record.workspace}, the definition about {settings.id}")
    return settings
