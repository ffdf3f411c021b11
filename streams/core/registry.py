"""The workspaces and flows in force: a fold of the flow commands, immutable, the same wherever it is folded.

Versions are counted here, not in records, so that two publishers cannot race: a flow's published contents are
its versions 1, 2, 3 … A content that is in force already is nothing new.
"""

from collections.abc import Iterable
from typing import Literal, TypeVar, assert_never

import msgspec

from schemas.types.flow_commands import (
    AutomationsStarted,
    AutomationsStopped,
    AutoReplyConfigured,
    FlowCommand,
    FlowEnded,
    FlowPaused,
    FlowPublished,
    FlowResumed,
    FlowRetired,
    PresenceChanged,
    WorkspaceConfigured,
)
from streams.core.program import Match, Policies, Program, Send, Step, WorkspaceSettings

__all__ = [
    "Applied",
    "Change",
    "FlowEntry",
    "FlowInForce",
    "Published",
    "Registry",
    "S",
    "Trigger",
    "step_of",
]

Change = Program | WorkspaceSettings
"""What a flow command brings, compiled."""


class FlowEntry(msgspec.Struct, frozen=True):
    """A flow command as it stands in the flows topic, decoded and compiled."""

    offset: int
    record: FlowCommand
    change: Change | None = None
    """The compiled content; None for commands without one (pause, stop …) and for refused ones."""
    refused: str | None = None
    """Why its content could not be compiled; None if it could."""


class Published(msgspec.Struct, frozen=True, gc=False):
    """A flow version, ready to decide by."""

    program: Program
    version: int
    offset: int
    """Where its FlowPublished stands in the flows topic."""
    index: dict[str, int]
    """A step's place in the program, by its id."""
    policies: dict[int, Policies]
    """What holds for each send, by its place: step over flow over workspace."""
    marketing: bool
    """True if it sends, and nothing but marketing."""
    priority: int
    """The highest of its sends'."""


class FlowInForce(msgspec.Struct, frozen=True, gc=False):
    """A flow: all its versions, and how it stands."""

    versions: tuple[Published, ...]
    paused: bool = False
    retired: bool = False

    @property
    def current(self) -> Published:
        """The version that entries go into."""
        return self.versions[-1]


class Applied(msgspec.Struct, frozen=True):
    """What a flow command came to."""

    registry: "Registry"
    result: Literal["applied", "nothing_new", "refused"]
    version: int | None = None
    """The flow version that it made or is about."""
    reason: str | None = None
    """Why it was refused."""


Trigger = tuple[Published, Match]


class Registry(msgspec.Struct, frozen=True):
    """All that is in force. Each change gives a new registry and leaves this one as it was."""

    workspaces: dict[str, WorkspaceSettings] = {}
    flows: dict[tuple[str, str], FlowInForce] = {}
    """By workspace and flow."""
    stops: frozenset[tuple[str, str | None, str | None]] = frozenset()
    """Kill switches: workspace, flow (None: all), channel (None: all)."""
    commands: frozenset[str] = frozenset()
    """The ids of all flow commands so far."""
    delivery: Literal["real", "assumed"] | None = None
    """What the first WorkspaceConfigured said; None before it."""
    triggers: dict[tuple[str, str, str | None], tuple[Trigger, ...]] = {}
    """By workspace, kind and name (None: any), the highest priority first."""

    @property
    def history(self) -> bool:
        """True where delivery is assumed and the clock steps."""
        return self.delivery == "assumed"

    def workspace(self, name: str) -> WorkspaceSettings | None:
        """The workspace's settings; None if it was never configured."""
        return self.workspaces.get(name)

    def flow(self, workspace: str, flow: str) -> FlowInForce | None:
        """The flow; None if it was never published."""
        return self.flows.get((workspace, flow))

    def version(self, workspace: str, flow: str, version: int) -> Published:
        """A version that was published; `KeyError` or `IndexError` if it was not."""
        return self.flows[workspace, flow].versions[version - 1]

    def stopped(self, workspace: str, flow: str, channel: str | None) -> bool:
        """True if a kill switch holds for this flow on this channel."""
        return bool(self.stops) and any(
            stop in self.stops
            for stop in (
                (workspace, None, None),
                (workspace, flow, None),
                (workspace, None, channel),
                (workspace, flow, channel),
            )
        )

    def triggered(self, workspace: str, kind: str, name: str | None) -> Iterable[Trigger]:
        """The triggers that may match such a happening, in the order in which they are tried."""
        anything = self.triggers.get((workspace, kind, None), ())
        if name is None:
            return anything
        named = self.triggers.get((workspace, kind, name), ())
        return anything if not named else sorted((*anything, *named), key=_order)

    def configure(self, settings: WorkspaceSettings) -> Applied:
        """The workspace's settings are these from here on."""
        if self.delivery is not None and settings.delivery != self.delivery:
            return Applied(self, "refused", reason=f"delivery is {self.delivery} on this prefix")
        if self.workspaces.get(settings.id) == settings:
            return Applied(self, "nothing_new")
        changed = msgspec.structs.replace(
            self, workspaces={**self.workspaces, settings.id: settings}, delivery=settings.delivery
        )
        for (workspace, name), flow in self.flows.items():
            if workspace == settings.id:
                versions = tuple(_published(v.program, v.version, v.offset, settings) for v in flow.versions)
                changed = changed._with(workspace, name, msgspec.structs.replace(flow, versions=versions))  # noqa: SLF001
        return Applied(changed, "applied")

    def publish(self, program: Program, offset: int = 0) -> Applied:
        """The program is its flow's next version; a retired flow takes entries again."""
        known = self.flows.get((program.workspace, program.flow))
        if known is not None and not known.retired and known.current.program.content == program.content:
            return Applied(self, "nothing_new", known.current.version)
        versions = known.versions if known else ()
        settings = self.workspaces.get(program.workspace)
        published = _published(program, len(versions) + 1, offset, settings)
        flow = FlowInForce((*versions, published), paused=known.paused if known else False)
        return Applied(self._with(program.workspace, program.flow, flow), "applied", published.version)

    def apply(self, entry: FlowEntry) -> Applied:  # noqa: C901, PLR0911, PLR0912 - one arm a command
        """This flow command in force; refused and repeated ones change only what is remembered of them."""
        record = entry.record
        if record.id in self.commands:
            return Applied(self, "nothing_new", self._version_of(record))
        known = msgspec.structs.replace(self, commands=self.commands | {record.id})
        if entry.refused is not None:
            return Applied(known, "refused", reason=entry.refused)
        match record:
            case FlowPublished() | WorkspaceConfigured():
                match entry.change:
                    case Program():
                        return known.publish(entry.change, entry.offset)
                    case WorkspaceSettings():
                        return known.configure(entry.change)
                    case None:
                        raise ValueError(
                            f"flows offset {entry.offset}: {type(record).__name__} was not compiled"
                        )
                    case _:
                        assert_never(entry.change)
            case FlowPaused():
                return known._mark(record, paused=True)  # noqa: SLF001 - its own class
            case FlowResumed():
                return known._mark(record, paused=False)  # noqa: SLF001
            case FlowRetired():
                return known._mark(record, retired=True)  # noqa: SLF001
            case AutomationsStopped():
                return known._switch(record, known.stops | {(record.workspace, record.flow, record.channel)})  # noqa: SLF001
            case AutomationsStarted():
                return known._switch(record, known.stops - {(record.workspace, record.flow, record.channel)})  # noqa: SLF001
            case FlowEnded() | AutoReplyConfigured() | PresenceChanged():
                return Applied(known, "refused", reason="not_supported")
            case _:
                assert_never(record)

    def _version_of(self, record: FlowCommand) -> int | None:
        name = getattr(record, "flow", None)
        flow = self.flows.get((record.workspace, name)) if name is not None else None
        return flow.current.version if flow else None

    def _mark(
        self,
        record: FlowPaused | FlowResumed | FlowRetired,
        *,
        paused: bool | None = None,
        retired: bool | None = None,
    ) -> Applied:
        flow = self.flows.get((record.workspace, record.flow))
        if flow is None:
            return Applied(self, "refused", reason="unknown_flow")
        marked = msgspec.structs.replace(
            flow,
            paused=flow.paused if paused is None else paused,
            retired=flow.retired if retired is None else retired,
        )
        if marked == flow:
            return Applied(self, "nothing_new", flow.current.version)
        return Applied(self._with(record.workspace, record.flow, marked), "applied", flow.current.version)

    def _switch(
        self,
        record: AutomationsStopped | AutomationsStarted,
        stops: frozenset[tuple[str, str | None, str | None]],
    ) -> Applied:
        if stops == self.stops:
            return Applied(self, "nothing_new", self._version_of(record))
        return Applied(msgspec.structs.replace(self, stops=stops), "applied", self._version_of(record))

    def _with(self, workspace: str, name: str, flow: FlowInForce) -> "Registry":
        flows = {**self.flows, (workspace, name): flow}
        kept = {key: found for key, found in self.triggers.items() if key[0] != workspace}
        return msgspec.structs.replace(self, flows=flows, triggers={**kept, **_index(workspace, flows)})


S = TypeVar("S", bound=Step)


def step_of(registry: Registry, workspace: str, flow: str, version: int, name: str, kind: type[S]) -> S:
    """A step of a flow version, by its id; `TypeError` if it is none of that kind."""
    published = registry.version(workspace, flow, version)
    step = published.program.steps[published.index[name]]
    if not isinstance(step, kind):
        raise TypeError(f"{workspace}/{flow} {version}: the step {name} is no {kind.__name__}")
    return step


def _published(program: Program, version: int, offset: int, settings: WorkspaceSettings | None) -> Published:
    default = settings.policies if settings else Policies()
    policies = {
        at: step.policies.over(default) for at, step in enumerate(program.steps) if isinstance(step, Send)
    }
    return Published(
        program=program,
        version=version,
        offset=offset,
        index={step.id: at for at, step in enumerate(program.steps)},
        policies=policies,
        marketing=bool(policies) and all(each.purpose == "marketing" for each in policies.values()),
        priority=max((each.priority for each in policies.values()), default=50),
    )


def _order(trigger: Trigger) -> tuple[int, str]:
    published, _ = trigger
    return -published.priority, published.program.flow


def _index(
    workspace: str, flows: dict[tuple[str, str], FlowInForce]
) -> dict[tuple[str, str, str | None], tuple[Trigger, ...]]:
    found: dict[tuple[str, str, str | None], list[Trigger]] = {}
    for (owner, _), flow in flows.items():
        if owner == workspace and not flow.retired:
            for match in flow.current.program.triggers:
                name = None if match.name == "any" else match.name
                found.setdefault((workspace, match.kind, name), []).append((flow.current, match))
    return {key: tuple(sorted(triggers, key=_order)) for key, triggers in found.items()}
