"""What the flows topic says now: what `attesa flow` reads of published flows."""

from dataclasses import dataclass
from functools import cached_property

from schemas.errors import UsageError
from schemas.registry import registry_at
from schemas.types.flow_commands import FlowPublished, WorkspaceConfigured
from streams.core.registry import FlowEntry, Published, Registry
from streams.log.flow_log import FlowLog
from streams.log.settings import Settings, load
from streams.log.topics import Topics

__all__ = ["Force", "InForce", "in_force"]


@dataclass(frozen=True)
class InForce:
    """The flows topic, folded: what holds now, and every command that led there."""

    registry: Registry
    entries: dict[int, FlowEntry]
    """By offset."""
    end: int
    """The offset that the topic was read to."""

    def workspace(self, wanted: str | None) -> str:
        """The workspace asked for, or the only one; `UsageError` if that cannot be told."""
        known = sorted(self.registry.workspaces)
        if wanted is not None:
            if wanted not in known:
                there = f"there are {', '.join(known)}" if known else "there are none"
                raise UsageError(
                    f"there is no workspace {wanted}; {there}. `attesa workspace publish FILE` makes one"
                )
            return wanted
        if len(known) != 1:
            raise UsageError(
                f"there are several workspaces ({', '.join(known)}): say --workspace ID"
                if known
                else "there is no workspace yet: `attesa workspace publish FILE` makes one"
            )
        return known[0]

    def configured(self, workspace: str) -> WorkspaceConfigured:
        """The workspace's last configuration that was not refused."""
        content = self.registry.workspaces[workspace].content
        return next(
            entry.record
            for _, entry in sorted(self.entries.items(), reverse=True)
            if isinstance(entry.record, WorkspaceConfigured)
            and (entry.record.workspace, entry.record.content) == (workspace, content)
        )

    def published(
        self, workspace: str, flow: str, version: int | None
    ) -> tuple[FlowPublished, Published, int]:
        """A version's record, the version, and how many there are; None: the one in force.

        `UsageError` if there is no such flow or version.
        """
        known = self.registry.flow(workspace, flow)
        if known is None:
            there = ", ".join(sorted(name for _, name in self.registry.flows)) or "none"
            raise UsageError(f"there is no flow {flow}; there are: {there}")
        if version is not None and not 1 <= version <= len(known.versions):
            raise UsageError(f"{flow} has versions 1 to {len(known.versions)}")
        published = known.versions[version - 1] if version else known.current
        record = self.entries[published.offset].record
        if not isinstance(record, FlowPublished):
            raise TypeError(f"flows offset {published.offset} is no FlowPublished")
        return record, published, len(known.versions)


def in_force(settings: Settings, prefix: str) -> InForce:
    """What the flows topic says now. Raises `TopicMissingError`, `NotReachableError`."""
    registry = registry_at(settings.registry_url, prefix=prefix)
    with FlowLog(settings.kafka, Topics(prefix).flows, registry=registry) as log:
        end = log.read()
        entries = log.between(0, end)
    folded = Registry()
    for entry in entries:
        folded = folded.apply(entry).registry
    return InForce(folded, {entry.offset: entry for entry in entries}, end)


class Force:
    """The flows topic, read when it is first asked for: a command about files needs no broker."""

    def __init__(self, workspace: str | None, prefix: str | None) -> None:
        """Of that prefix, else of the settings'."""
        self.workspace = workspace
        self.prefix = prefix

    @cached_property
    def read(self) -> InForce:
        """What is in force now."""
        settings = load()
        return in_force(settings, self.prefix or settings.prefix)

    def published(self, flow: str, version: int | None) -> FlowPublished:
        """A version as it was published, else the one in force; `UsageError` if there is none."""
        return self.read.published(self.read.workspace(self.workspace), flow, version)[0]
