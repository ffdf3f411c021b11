"""Every way through a flow: how long each takes, and the messages a contact would get on it at most.

The ways are of the flow alone: exit rules end a journey sooner, quiet hours delay a message, caps and consent
hold one back. So the messages are the most, and the time is without quiet hours.
"""

from collections.abc import Iterator
from itertools import islice
from math import prod
from typing import assert_never

import msgspec

from streams.flows.model import (
    AllOf,
    AnyOf,
    Asked,
    Assign,
    Branching,
    Close,
    Cond,
    EndHere,
    Flow,
    Jump,
    NoneOf,
    Respond,
    Sending,
    Setting,
    Splitting,
    Step,
    Tagging,
    Untagging,
    Waiting,
    WaitingFor,
)
from streams.flows.walk import blocks_of, steps_of
from streams.flows.words import condition_words, span_words

__all__ = ["MOST", "Path", "Paths", "paths"]

MOST = 200
"""How many ways are listed unless told otherwise."""


_DAY = 86_400_000


class Path(msgspec.Struct, frozen=True):
    """One way from the first step to an end."""

    choices: tuple[str, ...]
    """What is decided on it, in order: `confirmed answered`, `tier is gold: yes` …"""
    shortest: int
    """ms: everybody answers at once."""
    longest: int
    """ms: everybody answers at the last moment."""
    messages: tuple[str, ...]
    """The sends on it, by step."""
    steps: tuple[str, ...]
    ends: str
    """`end`'s reason, or completed."""


class Paths(msgspec.Struct, frozen=True):
    """The ways through a flow."""

    paths: tuple[Path, ...]
    cut: bool
    """True if there are more than were asked for."""
    most_messages: int
    """What a contact gets at most in one journey: of these ways, or, if they are cut, no more than this."""
    longest: int
    """How long a journey lasts at most, ms, likewise."""


class _Walk(msgspec.Struct, frozen=True):
    """A way so far."""

    choices: tuple[str, ...] = ()
    shortest: int = 0
    longest: int = 0
    messages: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    known: dict[str, bool] = {}
    """What the way has decided, by question: the same question has the same answer again."""
    last: str | None = None
    """The last wait for an answer."""
    ends: str | None = None
    held_out: bool = False
    """Nothing is sent on it any more."""

    def at(self, step: Step, took: tuple[int, int] = (0, 0)) -> "_Walk":
        return msgspec.structs.replace(
            self,
            steps=(*self.steps, step.id),
            shortest=self.shortest + took[0],
            longest=self.longest + took[1],
        )

    def chose(self, choice: str, known: dict[str, bool]) -> "_Walk":
        choices = (*self.choices, choice) if choice else self.choices
        return msgspec.structs.replace(self, choices=choices, known={**self.known, **known})


def paths(flow: Flow, *, most: int = MOST) -> Paths:
    """The ways through the flow, at most so many, in the file's order."""
    found = list(islice(_walks(flow.steps), most + 1))
    cut = len(found) > most
    listed = tuple(_path(walk) for walk in found[:most])
    if cut:
        turns = prod(1 + step.max for step in steps_of(flow.steps) if isinstance(step, Jump))
        messages, longest = (each * turns for each in _bounds(flow.steps))
    else:
        messages = max(len(each.messages) for each in listed)
        longest = max(each.longest for each in listed)
    return Paths(listed, cut, messages, longest)


def _path(walk: _Walk) -> Path:
    ends = walk.ends or "completed"
    return Path(walk.choices, walk.shortest, walk.longest, walk.messages, walk.steps, ends)


_Rest = tuple[tuple[Step, ...], "_Rest"] | None
"""The steps that are left of a block, and what is left of the blocks around it."""


def _walks(steps: tuple[Step, ...]) -> Iterator[_Walk]:
    """Each way through a flow's steps."""
    todo: list[tuple[_Walk, _Rest]] = [(_Walk(), (steps, None))]
    while todo:
        walk, rest = todo.pop()
        while rest is not None and not rest[0]:
            rest = rest[1]
        if rest is None or walk.ends is not None:
            yield walk
            continue
        (step, *others), around = rest
        after = (tuple(others), around)
        if isinstance(step, Jump):
            there = _from(steps, step.to, None) if walk.steps.count(step.id) < step.max else None
            todo.append((walk.at(step), there or after))
            continue
        todo += reversed([(taken, (block, after)) for taken, block in _through(step, walk)])


def _from(steps: tuple[Step, ...], name: str, around: _Rest) -> _Rest:
    """What is left from the step of that name on; None if it is not there."""
    for at, step in enumerate(steps):
        if step.id == name:
            return steps[at:], around
        for block in blocks_of(step):
            found = _from(block, name, (steps[at + 1 :], around))
            if found is not None:
                return found
    return None


def _through(step: Step, walk: _Walk) -> Iterator[tuple[_Walk, tuple[Step, ...]]]:
    """Each way that a step leaves open, with the steps that lie on it alone."""
    match step:
        case Sending():
            sent = () if walk.held_out else (step.id,)
            yield msgspec.structs.replace(walk.at(step), messages=(*walk.messages, *sent)), ()
        case Waiting():
            yield walk.at(step, _took(step)), ()
        case Respond():
            yield from _answers(step, walk)
        case WaitingFor():
            happens = walk.at(step, (0, step.within)).chose(f"{step.id}: happens", {})
            yield happens, step.on_event or ()
            silent = walk.at(step, (step.within, step.within)).chose(f"{step.id}: does not happen", {})
            yield silent, step.no_event or ()
        case Branching():
            yield from _ways(step, walk.at(step))
        case Splitting():
            yield from _arms(step, walk.at(step))
        case Tagging() | Untagging() | Setting():
            yield msgspec.structs.replace(walk.at(step), known={}), ()  # answers may differ from here on
        case Assign() | Close() | Jump():
            yield walk.at(step), ()
        case EndHere():
            yield msgspec.structs.replace(walk.at(step), ends=step.reason), ()
        case _:
            assert_never(step)


def _answers(step: Respond, walk: _Walk) -> Iterator[tuple[_Walk, tuple[Step, ...]]]:
    for answered, steps in ((True, step.on_response), (False, step.no_response)):
        took = (0, step.within) if answered else (step.within, step.within)
        said = f"{step.id} answered" if answered else f"{step.id} silent for {span_words(step.within)}"
        here = walk.at(step, took).chose(said, {f"responded {step.id}": answered})
        yield msgspec.structs.replace(here, last=step.id), steps or ()


def _ways(step: Branching, walk: _Walk) -> Iterator[tuple[_Walk, tuple[Step, ...]]]:
    """Each way of an `if` that what is known leaves open."""
    rest = walk
    for way in step.ways:
        answer = _answer(way.when, rest)
        if answer is not False:
            said = "" if answer else f"{condition_words(way.when)}: yes"
            yield rest.chose(said, _learnt(way.when, rest, answer=True)), way.then
        if answer is True:
            return
        if answer is None:
            rest = rest.chose(f"{condition_words(way.when)}: no", _learnt(way.when, rest, answer=False))
    yield rest, step.otherwise


def _question(asked: Asked, walk: _Walk) -> str:
    if asked.subject == "responded":
        return f"responded {walk.last if asked.name == 'last' else asked.name}"
    return msgspec.json.encode(asked, order="sorted").decode()


def _answer(condition: Cond, walk: _Walk) -> bool | None:
    """What the way so far says to the condition; None if it leaves it open."""
    match condition:
        case Asked():
            if condition.subject == "responded":
                return walk.known.get(_question(condition, walk), False)
            return walk.known.get(_question(condition, walk))
        case NoneOf():
            inner = _answer(condition.of, walk)
            return None if inner is None else not inner
        case AllOf() | AnyOf():
            answers = [_answer(each, walk) for each in condition.of]
            decisive = isinstance(condition, AnyOf)
            if decisive in answers:
                return decisive
            return None if None in answers else not decisive
        case _:
            assert_never(condition)


def _learnt(condition: Cond, walk: _Walk, *, answer: bool) -> dict[str, bool]:
    """What is known once the condition has that answer."""
    match condition:
        case Asked():
            return {_question(condition, walk): answer}
        case NoneOf():
            return _learnt(condition.of, walk, answer=not answer)
        case AllOf() | AnyOf():
            if answer is isinstance(condition, AllOf):
                return {
                    question: said
                    for each in condition.of
                    for question, said in _learnt(each, walk, answer=answer).items()
                }
            return {}
        case _:
            assert_never(condition)


def _took(step: Waiting) -> tuple[int, int]:
    """How long a wait step takes: until a time of day up to the gap between its days, clock changes aside."""
    if step.until is None:
        return step.span, step.span
    days = sorted(step.until.days)
    gaps = [later - sooner for sooner, later in zip(days, [*days[1:], days[0] + 7], strict=True)]
    return 0, max(gaps) * _DAY


def _arms(step: Splitting, walk: _Walk) -> Iterator[tuple[_Walk, tuple[Step, ...]]]:
    """Each arm; who is held out goes on after the split."""
    for arm in step.arms:
        yield walk.chose(f"{step.id}: {arm.name}", {}), arm.steps
    if step.hold_out:
        held_out = msgspec.structs.replace(walk, held_out=True)
        yield held_out.chose(f"{step.id}: held out", {}), ()


def _bounds(steps: tuple[Step, ...]) -> tuple[int, int]:
    """Messages and ms that no way through these steps is over, whatever it decides."""
    messages = longest = 0
    for step in steps:
        match step:
            case Sending():
                messages += 1
            case Waiting():
                longest += _took(step)[1]
            case Respond():
                inner = [_bounds(block or ()) for block in (step.on_response, step.no_response)]
                longest += step.within
            case WaitingFor():
                inner = [_bounds(block or ()) for block in (step.on_event, step.no_event)]
                longest += step.within
            case Branching():
                inner = [_bounds(block) for block in (*(way.then for way in step.ways), step.otherwise)]
            case Splitting():
                inner = [_bounds(arm.steps) for arm in step.arms]
            case Tagging() | Untagging() | Setting() | Jump() | Assign() | Close() | EndHere():
                pass
            case _:
                assert_never(step)
        if isinstance(step, Respond | WaitingFor | Branching | Splitting):
            messages += max(each[0] for each in inner)
            longest += max(each[1] for each in inner)
    return messages, longest
