"""What the flows topic says, as far as the dispatcher minds: the registry in force, and the texts of
versions.
"""

from collections.abc import Iterable
from typing import NamedTuple

from schemas.types.commands import Command
from schemas.types.flow_commands import FlowPublished
from streams.core.program import ChannelSettings, WorkspaceSettings
from streams.core.registry import FlowEntry, Registry
from streams.delivery.decision import channel_of, workspace_of
from streams.flows.definition import SendTexts, Templates, read_definition, sends_of

__all__ = ["FoldedWorld", "Texts"]


class Texts(NamedTuple):
    """The texts of a flow version."""

    templates: Templates
    sends: dict[str, SendTexts]
    """By step: what a send lays over its template."""


class FoldedWorld:
    """The flows topic up to the last entry that was applied. One thread applies; others may ask meanwhile:
    what they see is one registry, whole.
    """

    def __init__(self) -> None:
        self.registry = Registry()
        self._definitions: dict[tuple[str, str, int], str] = {}
        self._texts: dict[tuple[str, str, int], Texts] = {}

    def apply(self, entries: Iterable[FlowEntry]) -> None:
        """Folds flow commands as the core does, so that versions are counted alike."""
        for entry in entries:
            applied = self.registry.apply(entry)
            self.registry = applied.registry
            record = entry.record
            if isinstance(record, FlowPublished) and applied.result == "applied" and applied.version:
                self._definitions[record.workspace, record.flow, applied.version] = record.definition

    @property
    def is_history(self) -> bool:
        """Delivery is assumed on this prefix: there are no outcomes to say."""
        return self.registry.history

    def workspace(self, workspace: str) -> WorkspaceSettings | None:
        """The workspace's settings in force; None if it was never configured."""
        return self.registry.workspace(workspace)

    def channel(self, command: Command) -> ChannelSettings | None:
        """The channel that the command goes by, as its workspace has it; None if it has none of that name."""
        workspace, name = self.workspace(workspace_of(command)), channel_of(command)
        return workspace.channel(name) if workspace and name else None

    def stopped(self, command: Command) -> str | None:
        """Why nothing of the command's scope may leave: automations_stopped, flow_paused; else None."""
        registry, workspace = self.registry, workspace_of(command)
        if registry.stopped(workspace, command.flow, channel_of(command)):
            return "automations_stopped"
        flow = registry.flow(workspace, command.flow)
        return "flow_paused" if flow is not None and flow.paused else None

    def knows(self, command: Command) -> bool:
        """Whether what the command stands on has been read: its workspace and its flow's version."""
        flow = self.registry.flow(workspace_of(command), command.flow)
        return flow is not None and 1 <= command.version <= len(flow.versions)

    def texts(self, workspace: str, flow: str, version: int) -> Texts | None:
        """The texts of a flow version, parsed once; None if there is no such version."""
        key = workspace, flow, version
        if key not in self._texts:
            definition = self._definitions.get(key)
            if definition is None:
                return None
            read = read_definition(definition)
            self._texts[key] = Texts(read.templates, sends_of(read.flow))
        return self._texts[key]
