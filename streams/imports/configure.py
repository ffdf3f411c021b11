"""What a history prefix runs with: its topics, its workspace, its flows."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from schemas.types.flow_commands import FlowCommand
from streams.flows.definition import read_workspace, workspace_definition
from streams.flows.files import flow_paths, lint, read_workspace_file, workspace_paths
from streams.flows.model import Channel, Workspace
from streams.log.publishing import flow_published, operator, workspace_configured

__all__ = ["Configuration", "configuration_of", "sent_file", "workspace_of"]

THREADED: Final = frozenset({"twitter"})
"""Channels of known formats on which only a reply answers."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """The flow commands that a history begins with, and what was changed to make them fit."""

    workspace: str
    records: list[FlowCommand]
    notes: list[str] = field(default_factory=list)


def sent_file(prefix: str) -> str:
    """Where the dispatcher writes what a history sent, relative to the data folder."""
    return f"{prefix}/sent.jsonl"


def workspace_of(folder: Path | None, otherwise: str) -> str:
    """The id of the folder's workspace file; `otherwise` if it has none. Raises as `configuration_of`."""
    found = _workspace_in(folder)
    return otherwise if found is None else found.workspace


def configuration_of(
    folder: Path | None, *, prefix: str, workspace: str, channels: Collection[str]
) -> Configuration:
    """The workspace and flows of a folder, made fit for a history that speaks these channels.

    Every send counts as accepted at once, and goes to a file. A channel that the workspace has not is added;
    without a workspace file, or a folder, there is a plain workspace with just these channels. Raises
    `FindingsError` for a file with errors, `UsageError` for a folder that is not there.
    """
    notes: list[str] = []
    found = _workspace_in(folder)
    if found is None:
        found = Workspace(workspace=workspace, zone="UTC", language="en", channels={})
    missing = [name for name in sorted(channels) if name not in found.channels]
    if folder is not None and missing and found.channels:
        notes.append(
            f"workspace {found.workspace} has no channel {', '.join(missing)}: added for this history"
        )
    known = msgspec.structs.replace(
        found, delivery="assumed", channels=_to_file({**found.channels, **_plain(missing)}, prefix)
    )
    definition = workspace_definition(known)
    by = operator()
    records: list[FlowCommand] = [workspace_configured(known.workspace, definition, definition, by=by)]
    for path in flow_paths([folder]) if folder is not None else []:
        file, text, _ = lint(path, read_workspace(definition)).publishable({})
        records.append(flow_published(known.workspace, file.flow.flow, file.source, text, by=by))
    return Configuration(known.workspace, records, notes)


def _workspace_in(folder: Path | None) -> Workspace | None:
    """The folder's one workspace file; None if it has none."""
    paths = workspace_paths(folder) if folder is not None else []
    return read_workspace_file(paths[0])[0] if paths else None


def _plain(names: Collection[str]) -> Mapping[str, Channel]:
    return {name: Channel(via="file", threaded=name in THREADED) for name in names}


def _to_file(channels: Mapping[str, Channel], prefix: str) -> dict[str, Channel]:
    return {
        name: Channel(via="file", path=sent_file(prefix), threaded=channel.threaded)
        for name, channel in channels.items()
    }
