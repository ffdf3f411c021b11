"""Conditions: what a flow asks of an event, a contact, a journey. Answers hold no value: facts are plain."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, assert_never

import msgspec

from schemas.types.value import Value
from streams.core.folding import bare, fold
from streams.core.program import All, Any_, Condition, FromNow, Not, Reference, Test
from streams.core.zones import DAY, is_zone, local, moment

__all__ = ["Answer", "Subjects", "ask", "holds", "value_of"]


class Subjects(msgspec.Struct, frozen=True):
    """What a condition can ask about."""

    now: int
    zone: str
    """For dates and times without an offset."""
    language: str
    properties: Mapping[str, Value]
    attributes: Mapping[str, Value]
    vars: Mapping[str, Value]
    tags: tuple[str, ...]
    channel: str | None
    answers: Mapping[str, bool]
    last_answer: bool | None
    arms: Mapping[str, str] = {}
    """By split, of the journey."""
    came_of: Mapping[str, str] = {}
    """What became of each send step's last message: delivered, read, failed; nothing yet: not there."""
    visits: Mapping[str, int] = {}
    """How often the journey has come to each step."""


Answer = dict[str, str]
"""What was asked and what it came to: true, false, missing or wrong_type."""


class _WrongType(Exception):  # noqa: N818 - it never leaves this module
    """A value that the operator cannot compare."""


def holds(condition: Condition | None, subjects: Subjects) -> bool:
    """True if the condition holds; no condition always does."""
    return condition is None or ask(condition, subjects, {})


def ask(condition: Condition, subjects: Subjects, because: Answer) -> bool:
    """True if the condition holds. Each question asked on the way is added to `because`."""
    match condition:
        case Test():
            return _test(condition, subjects, because)
        case All():
            return all(ask(each, subjects, because) for each in condition.of)
        case Any_():
            return any(ask(each, subjects, because) for each in condition.of)
        case Not():
            return not ask(condition.of, subjects, because)
        case _:
            assert_never(condition)


def _test(test: Test, subjects: Subjects, because: Answer) -> bool:
    question = f"{test.subject} {test.name}" + (f" {test.operator}" if test.operator else "")
    match test.subject:
        case "tag":
            answer = test.name in subjects.tags
        case "channel":
            answer = subjects.channel == test.name
        case "language":
            answer = subjects.language == test.name or subjects.language.startswith(f"{test.name}-")
        case "delivered":
            answer = subjects.came_of.get(test.name) in ("delivered", "read")
        case "read" | "failed":
            answer = subjects.came_of.get(test.name) == test.subject
        case "entered":
            answer = test.name in subjects.visits
        case "responded":
            answer = bool(
                subjects.last_answer if test.name == "last" else subjects.answers.get(test.name, False)
            )
        case _:
            return _of_value(test, question, subjects, because)
    because[question] = "true" if answer else "false"
    return answer


def value_of(subject: str, name: str, subjects: Subjects) -> Value:
    """A subject's value; None if it has none. `ValueError` if subjects of that kind have no value."""
    match subject:
        case "property":
            return subjects.properties.get(name)
        case "attribute":
            return subjects.attributes.get(name)
        case "var":
            return subjects.vars.get(name)
        case "arm":
            return subjects.arms.get(name)
        case _:
            raise ValueError(f"a condition asks about {subject}, which rules 1 do not know")


def _of_value(test: Test, question: str, subjects: Subjects, because: Answer) -> bool:
    value = value_of(test.subject, test.name, subjects)
    if test.operator == "exists":
        answer = (value is not None) is bool(test.operand)
        because[question] = "true" if answer else "false"
        return answer
    because[question] = "missing"
    if value is None:
        return test.operator in _NEGATIVE
    if test.operator is None:
        because[question] = "false" if value is False else "true"
        return value is not False
    operand = _operand(test, subjects)
    if operand is None:
        return test.operator in _NEGATIVE
    try:
        answer = _OPERATORS[test.operator](_compared(test, value), operand, subjects.zone)
    except _WrongType:
        because[question] = "wrong_type"
        return test.operator in _NEGATIVE
    because[question] = "true" if answer else "false"
    return answer


def _operand(test: Test, subjects: Subjects) -> Any:
    """The operand with its references looked up; None if one of them is missing."""
    if isinstance(test.operand, tuple):
        found = tuple(_looked_up(each, test, subjects) for each in test.operand)
        return None if None in found else found
    return _looked_up(test.operand, test, subjects)


def _looked_up(operand: Any, test: Test, subjects: Subjects) -> Any:
    match operand:
        case Reference():
            value = value_of(operand.subject, operand.name, subjects)
            return _folded(value) if test.fold else value
        case FromNow():
            return subjects.now + operand.offset_ms
        case _:
            return operand


def _compared(test: Test, value: Value) -> Value:
    """The value as the operator compares it. A pattern ignores case itself."""
    if not test.fold:
        return value
    return bare(value) if test.operator == "matches" and isinstance(value, str) else _folded(value)


def _folded(value: Value) -> Value:
    match value:
        case str():
            return fold(value)
        case list():
            return [fold(each) for each in value]
        case _:
            return value


def _same(value: Any, operand: Any) -> bool:
    """Equal, where true is not 1."""
    return isinstance(value, bool) == isinstance(operand, bool) and value == operand


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _WrongType
    return value


def _number(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _WrongType
    return value


def _several(value: Any) -> list[Any] | tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise _WrongType
    return value


def _measured(value: Any) -> Any:
    if not isinstance(value, str | list):
        raise _WrongType
    return value


def _moment(value: Any, zone: str) -> int:
    """A moment, ms UTC: of an ISO 8601 date or date-time (without an offset: in the zone), or of ms."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        read = datetime.fromisoformat(_text(value))
    except ValueError:
        raise _WrongType from None
    if read.tzinfo is not None:
        return _ms(read.astimezone(UTC))
    return moment(zone if is_zone(zone) else "UTC", _ms(read.replace(tzinfo=UTC)))


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _same_day(value: Any, operand: Any, zone: str) -> bool:
    at, day = _moment(value, zone), _moment(operand, zone)
    return local(zone, at) // DAY == local(zone, day) // DAY


def _has(value: Any, operands: Any) -> list[bool]:
    return [any(_same(each, operand) for each in _several(value)) for operand in operands]


_NEGATIVE = frozenset({"not_equals", "not_in"})
"""True of a missing value and of a wrong type."""

_OPERATORS: dict[str, Callable[[Any, Any, str], bool]] = {
    "equals": lambda value, operand, _: _same(value, operand),
    "not_equals": lambda value, operand, _: not _same(value, operand),
    "in": lambda value, operands, _: any(_same(value, each) for each in operands),
    "not_in": lambda value, operands, _: not any(_same(value, each) for each in operands),
    "contains": lambda value, operand, _: str(operand) in _text(value),
    "starts_with": lambda value, operand, _: _text(value).startswith(str(operand)),
    "ends_with": lambda value, operand, _: _text(value).endswith(str(operand)),
    "matches": lambda value, pattern, _: pattern.search(_text(value)) is not None,
    "gt": lambda value, operand, _: _number(value) > _number(operand),
    "gte": lambda value, operand, _: _number(value) >= _number(operand),
    "lt": lambda value, operand, _: _number(value) < _number(operand),
    "lte": lambda value, operand, _: _number(value) <= _number(operand),
    "between": lambda value, both, _: _number(both[0]) <= _number(value) <= _number(both[1]),
    "before": lambda value, operand, zone: _moment(value, zone) < _moment(operand, zone),
    "after": lambda value, operand, zone: _moment(value, zone) > _moment(operand, zone),
    "on": _same_day,
    "has": lambda value, operand, _: any(_has(value, [operand])),
    "has_any": lambda value, operands, _: any(_has(value, operands)),
    "has_all": lambda value, operands, _: all(_has(value, operands)),
    "empty": lambda value, wanted, _: (len(_measured(value)) == 0) is bool(wanted),
}
