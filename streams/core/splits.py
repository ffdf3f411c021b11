"""Steps that only choose the way: by a hash, or back to an earlier step a bounded number of times."""

from schemas.types.facts import ArmTaken, BranchTaken
from streams.core.draft import Draft
from streams.core.ids import spread
from streams.core.program import GoTo, Split
from streams.core.state import Journey

__all__ = ["HOLD_OUT", "go_to", "split"]

HOLD_OUT = "hold_out"
"""The arm of those who are held out."""


def split(draft: Draft, journey: Journey, step: Split, visit: int) -> int:
    """The contact's arm: the same in every journey of this flow, whatever its version, if weights stay."""
    total = sum(arm.weight for arm in step.arms) + step.hold_out
    place = spread(total, draft.contact, journey.flow, step.id)
    name, weight, follows = HOLD_OUT, step.hold_out, step.next
    for arm in step.arms:
        if place < arm.weight:
            name, weight, follows = arm.name, arm.weight, arm.next
            break
        place -= arm.weight
    draft.emit(
        ArmTaken(
            **draft.at(journey, step.id, visit),
            arm=name,
            held_out=name == HOLD_OUT,
            weight=weight,
            total=total,
        )
    )
    return follows


def go_to(draft: Draft, journey: Journey, step: GoTo, visit: int) -> int:
    """To the step that it names; on, once the journey has gone there `max_visits` times."""
    again = visit <= step.max_visits
    because = {"times": str(visit if again else step.max_visits), "max": str(step.max_visits)}
    branch = "go_to" if again else "go_on"
    draft.emit(BranchTaken(**draft.at(journey, step.id, visit), branch=branch, because=because))
    return step.to if again else step.next
