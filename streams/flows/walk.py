"""Walking the tree: steps and conditions in the file's order."""

from collections.abc import Iterator

from streams.flows.model import (
    AllOf,
    AnyOf,
    Asked,
    Branching,
    Cond,
    Flow,
    NoneOf,
    Respond,
    Sending,
    Setting,
    Splitting,
    Step,
    WaitingFor,
)

__all__ = ["asked", "blocks_of", "channels_of", "conditions_of", "steps_of", "variables_of"]


def blocks_of(step: Step) -> tuple[tuple[Step, ...], ...]:
    """The blocks of steps that lie within a step, in the file's order."""
    match step:
        case Branching():
            return (*(way.then for way in step.ways), step.otherwise)
        case Respond():
            return step.on_response or (), step.no_response or ()
        case WaitingFor():
            return step.on_event or (), step.no_event or ()
        case Splitting():
            return tuple(arm.steps for arm in step.arms)
        case _:
            return ()


def steps_of(steps: tuple[Step, ...]) -> Iterator[Step]:
    """Each step, then those within it."""
    for step in steps:
        yield step
        for block in blocks_of(step):
            yield from steps_of(block)


def asked(condition: Cond | None) -> Iterator[Asked]:
    """The single questions of a condition."""
    match condition:
        case AllOf() | AnyOf():
            for each in condition.of:
                yield from asked(each)
        case NoneOf():
            yield from asked(condition.of)
        case Asked():
            yield condition
        case None:
            return


def conditions_of(flow: Flow) -> Iterator[Cond]:
    """Every condition of a flow."""
    for happening in (*flow.trigger, *flow.exit_on):
        if happening.where is not None:
            yield happening.where
    if flow.enter is not None and flow.enter.when is not None:
        yield flow.enter.when
    for step in steps_of(flow.steps):
        if isinstance(step, Branching):
            yield from (way.when for way in step.ways)
        elif isinstance(step, WaitingFor) and step.match.where is not None:
            yield step.match.where


def variables_of(flow: Flow) -> set[str]:
    """The journey variables that a flow sets, at its start or by a step."""
    found = set(flow.vars)
    for step in steps_of(flow.steps):
        if isinstance(step, Setting):
            found.update(each.name for each in step.values if each.subject == "var")
    return found


def channels_of(flow: Flow) -> set[str]:
    """The channels that a flow names: its own, its sends', those of triggers, exit rules and conditions."""
    named = {flow.channel} if flow.channel is not None else set()
    for happening in (*flow.trigger, *flow.exit_on):
        named.update(happening.channel)
    for step in steps_of(flow.steps):
        if isinstance(step, Sending):
            named.update(step.channel)
        elif isinstance(step, WaitingFor):
            named.update(step.match.channel)
    for condition in conditions_of(flow):
        named.update(each.name for each in asked(condition) if each.subject == "channel")
    return named
