"""The ways through a flow: which step may follow which."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from streams.flows.model import Branching, EndHere, Flow, Jump, Respond, Splitting, Step, WaitingFor
from streams.flows.walk import steps_of

__all__ = ["before", "following", "goes_on", "reached", "through"]

T = TypeVar("T")


def following(flow: Flow) -> dict[str, tuple[str, ...]]:
    """By step id: the ids that may come next. A branch that runs off its end goes on after its step."""
    found: dict[str, tuple[str, ...]] = {}
    _lay(flow.steps, None, found)
    return {step: tuple(way for way in ways if way in found) for step, ways in found.items()}


def _lay(steps: tuple[Step, ...], after: str | None, found: dict[str, tuple[str, ...]]) -> str | None:
    """Lays out a block that goes on at `after`; gives the id at which it starts."""
    for at, step in enumerate(steps):
        follows = steps[at + 1].id if at + 1 < len(steps) else after
        match step:
            case Respond():
                ways = [_lay(block or (), follows, found) for block in (step.on_response, step.no_response)]
            case WaitingFor():
                ways = [_lay(block or (), follows, found) for block in (step.on_event, step.no_event)]
            case Branching():
                ways = [
                    _lay(block, follows, found)
                    for block in (*(way.then for way in step.ways), step.otherwise)
                ]
            case Splitting():
                ways = [_lay(arm.steps, follows, found) for arm in step.arms]
                ways += [follows] if step.hold_out else []
            case Jump():
                ways = [step.to, follows]
            case EndHere():
                ways = []
            case _:
                ways = [follows]
        found[step.id] = tuple(dict.fromkeys(way for way in ways if way is not None))
    return steps[0].id if steps else after


def goes_on(steps: tuple[Step, ...]) -> bool:
    """Whether a journey can come out at the end of these steps; an empty block lets everybody through."""
    return all(_goes_on(step) for step in steps)


def _goes_on(step: Step) -> bool:
    match step:
        case EndHere():
            return False
        case Respond():
            return any(goes_on(block or ()) for block in (step.on_response, step.no_response))
        case Branching():
            return any(goes_on(block) for block in (*(way.then for way in step.ways), step.otherwise))
        case WaitingFor():
            return any(goes_on(block or ()) for block in (step.on_event, step.no_event))
        case Splitting():
            return step.hold_out > 0 or any(goes_on(arm.steps) for arm in step.arms)
        case _:
            return True


def reached(flow: Flow) -> set[str]:
    """The ids of the steps that some journey can come to."""
    return _reach(following(flow), flow.steps[0].id)


def _reach(ways: dict[str, tuple[str, ...]], start: str) -> set[str]:
    seen: set[str] = set()
    todo = [start]
    while todo:
        step = todo.pop()
        if step not in seen:
            seen.add(step)
            todo += ways[step]
    return seen


def before(flow: Flow) -> dict[str, set[str]]:
    """By step id: the steps that a journey may have been at when it comes there."""
    ways = following(flow)
    earlier: dict[str, set[str]] = {step: set() for step in ways}
    for step, nexts in ways.items():
        for following_step in nexts:
            for later in _reach(ways, following_step):
                earlier[later].add(step)
    return earlier


def through(flow: Flow, stops: Callable[[Step], bool]) -> Iterator[Step]:
    """The steps that a journey can come to without having been at a step at which `stops` is true before."""
    ways, steps = following(flow), {step.id: step for step in steps_of(flow.steps)}
    seen: set[str] = set()
    todo = [flow.steps[0].id]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            yield steps[name]
            if not stops(steps[name]):
                todo += ways[name]
