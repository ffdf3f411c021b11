"""Checks of what conditions ask."""

from collections.abc import Iterator

from streams.flows.model import Branching
from streams.flows.review import Remark, Reviewed, check
from streams.flows.walk import asked, conditions_of, steps_of, variables_of

__all__: list[str] = []


@check(
    "ATT151",
    "warning",
    bad="steps: [{if: {var: level, gt: 3}, then: end}, close_conversation]",
    good="vars: {level: 0}\nsteps: [{if: {var: level, gt: 3}, then: end}, close_conversation]",
)
def unset_variable(reviewed: Reviewed) -> Iterator[Remark]:
    """A condition asks for a variable that the flow does not set."""
    for condition in conditions_of(reviewed.flow):
        for each in asked(condition):
            if each.subject == "var" and each.name not in variables_of(reviewed.flow):
                yield Remark(
                    each,
                    "var",
                    f"nothing sets the variable {each.name}",
                    "Set it in the flow's `vars` or by a `set`, unless whoever starts the journey gives it",
                )


@check(
    "ATT152",
    "error",
    bad="steps: [{if: {attribute: age, between: [30, 18]}, then: end}, close_conversation]",
    good="steps: [{if: {attribute: age, between: [18, 30]}, then: end}, close_conversation]",
)
def empty_range(reviewed: Reviewed) -> Iterator[Remark]:
    """A range ends before it starts."""
    for condition in conditions_of(reviewed.flow):
        for each in asked(condition):
            if each.operator == "between":
                low, high = each.operand
                if isinstance(low, int | float) and isinstance(high, int | float) and low > high:
                    yield Remark(each, "between", f"nothing lies between {low} and {high}", "Swap the two")


@check(
    "ATT153",
    "error",
    bad="steps: [{if: {tag: vip}, then: end, else_if: [{if: {tag: vip}, then: [{wait: 1h}]}]}, "
    "close_conversation]",
    good="steps: [{if: {tag: vip}, then: end, else_if: [{if: {tag: new}, then: [{wait: 1h}]}]}, "
    "close_conversation]",
)
def asked_twice(reviewed: Reviewed) -> Iterator[Remark]:
    """A branch asks what a branch before it has asked already: it is never taken."""
    for step in steps_of(reviewed.flow.steps):
        if isinstance(step, Branching):
            for at, way in enumerate(step.ways):
                if any(way.when == earlier.when for earlier in step.ways[:at]):
                    yield Remark(way, "if", "a branch before this one asks the same", "Mend one of the two")


@check(
    "ATT154",
    "warning",
    bad="steps: [{if: {tag: vip}}, close_conversation]",
    good="steps: [{if: {tag: vip}, then: end}, close_conversation]",
)
def branches_of_nothing(reviewed: Reviewed) -> Iterator[Remark]:
    """No branch of an `if` does anything."""
    for step in steps_of(reviewed.flow.steps):
        if isinstance(step, Branching) and not step.otherwise and not any(way.then for way in step.ways):
            yield Remark(
                step, "if", f"{step.id} goes on the same way whatever it finds", "Add `then:` or `else:`"
            )
