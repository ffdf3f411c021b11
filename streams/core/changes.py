"""Steps that change what is known: the contact's tags and attributes, the journey's variables."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from schemas.types.facts import ContactChanged, VariablesSet
from schemas.types.value import Value
from streams.core.conditions import Subjects, value_of
from streams.core.draft import Draft, Tagged
from streams.core.fitting import fitting_tags, fitting_values
from streams.core.ids import derived
from streams.core.program import FromNow, Reference, SetValues, Tag
from streams.core.refusals import MAX_ID
from streams.core.state import Journey

__all__ = ["change_tags", "set_values"]


def change_tags(draft: Draft, journey: Journey, step: Tag, visit: int) -> int:
    """Adds and takes away tags; those that are there, or are not, change nothing."""
    refused: list[str] = []
    added = fitting_tags(draft.state.tags, step.add, step.remove, refused)
    removed = sorted(set(step.remove) & set(draft.state.tags))
    draft.emit(
        ContactChanged(
            **draft.at(journey, step.id, visit), tags_added=added, tags_removed=removed, refused=refused
        )
    )
    draft.raised += [Tagged(tag, derived(journey.id, step.id, visit, "tag", tag)) for tag in added]
    return step.next


def set_values(draft: Draft, journey: Journey, step: SetValues, visit: int, subjects: Subjects) -> int:
    """Sets variables and attributes in the order of the step; what is missing is taken away."""
    new: dict[str, dict[str, Value]] = {"var": {}, "attribute": {}}
    seen = subjects
    for each in step.values:
        new[each.subject][each.name] = _value(each.to, seen)
        seen = msgspec.structs.replace(
            subjects,
            vars={**subjects.vars, **new["var"]},
            attributes={**subjects.attributes, **new["attribute"]},
        )
    if new["attribute"]:
        fields = _fields(new["attribute"], draft.state.attributes, "attributes")
        draft.emit(ContactChanged(**draft.at(journey, step.id, visit), **fields))
    if new["var"]:
        fields = _fields(new["var"], journey.vars, "vars")
        draft.emit(VariablesSet(**draft.at(journey, step.id, visit), **fields))
    return step.next


def _value(to: Any, subjects: Subjects) -> Value:
    match to:
        case Reference():
            return value_of(to.subject, to.name, subjects)
        case FromNow():
            at = datetime.fromtimestamp((subjects.now + to.offset_ms) // 1000, UTC)
            return at.isoformat()
        case _:
            literal: Value = to
            return literal


def _fields(new: dict[str, Value], there: Any, kind: str) -> dict[str, Any]:
    """What a fact says of the values that are to be: set, taken away, refused; the values sealed."""
    refused: list[str] = []
    kept = {name: value for name, value in there.items() if new.get(name, value) is not None}
    fit = fitting_values(kept, new, refused)
    return {
        "sealed": {kind: fit} if fit else None,
        "set": sorted(fit),
        "unset": sorted(name for name, value in new.items() if value is None and name in there),
        "refused": [name[:MAX_ID] for name in refused],
    }
