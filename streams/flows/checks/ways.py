"""Checks of splits and of jumps to earlier steps."""

from collections.abc import Iterator

from streams.flows.graph import following
from streams.flows.model import Asked, Flow, Jump, Respond, Sending, Splitting, Step, Waiting, WaitingFor
from streams.flows.review import Remark, Reviewed, check
from streams.flows.walk import asked, conditions_of, steps_of

__all__: list[str] = []

LETS_TIME_PASS = (Waiting, WaitingFor, Respond)
"""Steps at which a journey stands still for a while."""


def _jumps(flow: Flow) -> Iterator[Jump]:
    return (step for step in steps_of(flow.steps) if isinstance(step, Jump))


@check(
    "ATT161",
    "error",
    allowable=False,
    bad="steps: [{id: hello, send: {channel: whatsapp, text: Ciao}}, {id: day, wait: 1d}, {go_to: helo}]",
    good="steps: [{id: hello, send: {channel: whatsapp, text: Ciao}}, {id: day, wait: 1d}, {go_to: hello}]",
)
def goes_nowhere(reviewed: Reviewed) -> Iterator[Remark]:
    """A `go_to` names a step that is not there."""
    there = {step.id for step in steps_of(reviewed.flow.steps)}
    for step in _jumps(reviewed.flow):
        if step.to not in there:
            yield Remark(
                step,
                "go_to",
                f"there is no step {step.to} to go to",
                f"Name one of: {', '.join(sorted(there - {step.id}))}",
            )


@check(
    "ATT162",
    "error",
    bad="steps: [{id: hello, send: {channel: whatsapp, text: Ciao}}, {go_to: {step: hello, max: 3}}]",
    good="steps: [{id: hello, send: {channel: whatsapp, text: Ciao}}, {id: day, wait: 1d}, "
    "{go_to: {step: hello, max: 3}}]",
)
def turns_without_a_wait(reviewed: Reviewed) -> Iterator[Remark]:
    """A loop can come round without a wait: all its turns are taken at once."""
    ways, steps = following(reviewed.flow), {step.id: step for step in steps_of(reviewed.flow.steps)}
    for step in _jumps(reviewed.flow):
        if step.to in steps and _comes_round(step, ways, steps):
            yield Remark(
                step,
                "go_to",
                f"a journey can come from {step.to} back to {step.id} at the same moment, {step.max} times",
                "Put a wait on every way through the loop",
            )


def _comes_round(jump: Jump, ways: dict[str, tuple[str, ...]], steps: dict[str, Step]) -> bool:
    seen: set[str] = set()
    todo = [jump.to]
    while todo:
        name = todo.pop()
        if name == jump.id:
            return True
        if name not in seen and not isinstance(steps[name], LETS_TIME_PASS):
            seen.add(name)
            todo += ways[name]
    return False


@check(
    "ATT163",
    "error",
    bad="steps: [{id: test, split: {arms: {a: {weight: 1}, b: {weight: 1}}}}, "
    "{if: {arm: test, equals: c}, then: [end]}, close_conversation]",
    good="steps: [{id: test, split: {arms: {a: {weight: 1}, b: {weight: 1}}}}, "
    "{if: {arm: test, equals: b}, then: [end]}, close_conversation]",
)
def unknown_arm(reviewed: Reviewed) -> Iterator[Remark]:
    """A condition asks for the arm of a step that is no split, or for an arm that it has not."""
    splits = {step.id: step for step in steps_of(reviewed.flow.steps) if isinstance(step, Splitting)}
    for condition in conditions_of(reviewed.flow):
        for each in asked(condition):
            if each.subject != "arm":
                continue
            if each.name not in splits:
                there = ", ".join(sorted(splits)) or "none"
                yield Remark(each, "arm", f"no split has the id {each.name}", f"Name one of: {there}")
                continue
            split = splits[each.name]
            arms = [arm.name for arm in split.arms] + (["hold_out"] if split.hold_out else [])
            for name in sorted(_named(each) - set(arms)):
                yield Remark(
                    each,
                    each.operator or "arm",
                    f"{split.id} has no arm {name}",
                    f"Name one of: {', '.join(arms)}",
                )


def _named(asks: Asked) -> set[str]:
    """The arms that a question names."""
    if asks.operator not in {"equals", "not_equals", "in", "not_in"}:
        return set()
    operands = asks.operand if isinstance(asks.operand, list) else [asks.operand]
    return {str(operand) for operand in operands if not isinstance(operand, dict)}


@check(
    "ATT164",
    "warning",
    bad="steps: [{id: test, split: {arms: {all: {weight: 1, steps: [{wait: 1h}]}}}}, close_conversation]",
    good="steps: [{id: test, split: {arms: {all: {weight: 9, steps: [{wait: 1h}]}}, hold_out: 1}}, "
    "close_conversation]",
)
def one_arm(reviewed: Reviewed) -> Iterator[Remark]:
    """A split has a single arm and holds nobody out."""
    for step in steps_of(reviewed.flow.steps):
        if isinstance(step, Splitting) and len(step.arms) == 1 and not step.hold_out:
            yield Remark(
                step, "arms", f"everybody goes down {step.arms[0].name}", "Add an arm, or `hold_out`"
            )


@check(
    "ATT165",
    "error",
    bad="steps: [{id: day, wait: 1d}, {if: {entered: days}, then: [end]}, close_conversation]",
    good="steps: [{id: day, wait: 1d}, {if: {entered: day}, then: [end]}, close_conversation]",
)
def been_nowhere(reviewed: Reviewed) -> Iterator[Remark]:
    """A condition asks whether a journey has been at a step that is not there."""
    there = {step.id for step in steps_of(reviewed.flow.steps)}
    for condition in conditions_of(reviewed.flow):
        for each in asked(condition):
            if each.subject == "entered" and each.name not in there:
                yield Remark(
                    each,
                    "entered",
                    f"there is no step {each.name}",
                    f"Name one of: {', '.join(sorted(there))}",
                )


@check(
    "ATT166",
    "error",
    bad="steps: [{id: hello, send: {channel: whatsapp, text: Ciao}}, {id: day, wait: 1d}, "
    "{if: {read: day}, then: [end]}, close_conversation]",
    good="steps: [{id: hello, send: {channel: whatsapp, text: Ciao}}, {id: day, wait: 1d}, "
    "{if: {read: hello}, then: [end]}, close_conversation]",
)
def fate_of_nothing(reviewed: Reviewed) -> Iterator[Remark]:
    """A condition asks what became of the message of a step that sends none, or is not there."""
    sends = {step.id for step in steps_of(reviewed.flow.steps) if isinstance(step, Sending)}
    for condition in conditions_of(reviewed.flow):
        for each in asked(condition):
            if each.subject in {"delivered", "read", "failed"} and each.name not in sends:
                there = ", ".join(sorted(sends)) or "none"
                yield Remark(
                    each, each.subject, f"{each.name} is no send of this flow", f"Name one of: {there}"
                )
