"""What changed between two flows, in words: steps by id, then all that holds everywhere.

A step is told by its kind's own words where there are some, else field by field: a new kind of step is
compared without being known here.
"""

from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any, Literal

import msgspec

from streams.flows.definition import Definition, Templates, TemplateText
from streams.flows.graph import following
from streams.flows.model import Branching, Flow, Happening, Respond, Sending, Step, Waiting
from streams.flows.walk import blocks_of, steps_of
from streams.flows.words import (
    beginning,
    condition_words,
    enter_words,
    happening_words,
    policy_words,
    span_words,
    wait_words,
)

__all__ = ["Change", "differences"]

Kind = Literal["added", "removed", "changed", "moved", "renamed"]
_SHOWN = 80


class Change(msgspec.Struct, frozen=True):
    """One thing that is otherwise."""

    kind: Kind
    part: str
    """flow, trigger, exit_on, enter, policies, vars, step or text."""
    step: str | None
    """The step's id, in the second flow unless it was removed."""
    field: str | None
    before: str | None
    after: str | None
    words: str
    """A sentence without its end."""


def differences(one: Definition, other: Definition) -> list[Change]:
    """What is otherwise in the second; none if both do the same.

    Two definitions that are not equal always differ in something: what no rule has words for is a change of
    the whole.
    """
    found = [*_everywhere(one.flow, other.flow), *_steps(one, other)]
    if not found and one != other:
        found.append(Change("changed", "flow", None, None, None, None, "the definition is otherwise"))
    return found


def _everywhere(one: Flow, other: Flow) -> Iterator[Change]:
    for field, name in (("flow", "the flow’s id"), ("title", "the title"), ("channel", "the flow’s channel")):
        yield from _value("flow", None, field, name, getattr(one, field), getattr(other, field))
    yield from _value("flow", None, "grammar", "the grammar", str(one.grammar), str(other.grammar))
    yield from _listed("trigger", "it starts on", one.trigger, other.trigger)
    yield from _listed("exit_on", "it leaves on", one.exit_on, other.exit_on)
    if one.enter != other.enter:
        before, after = enter_words(one.enter), enter_words(other.enter)
        words = f"a contact enters {after}, instead of {before}"
        yield Change("changed", "enter", None, "enter", before, after, words)
    for name in sorted({*one.vars, *other.vars}):
        old, new = (_shown(each.vars.get(name)) for each in (one, other))
        yield from _value("vars", None, name, f"the variable {name}", old, new)
    yield from _policies(None, one.policies, other.policies)


def _value(
    part: str, step: str | None, field: str, name: str, before: str | None, after: str | None
) -> Iterator[Change]:
    if before == after:
        return
    if before is None:
        yield Change("added", part, step, field, None, after, f"{name} is now {after}")
    elif after is None:
        yield Change("removed", part, step, field, before, None, f"{name} is no longer {before}")
    else:
        yield Change(
            "changed", part, step, field, before, after, f"{name} is now {after} instead of {before}"
        )


def _listed(
    part: str, says: str, before: tuple[Happening, ...], after: tuple[Happening, ...]
) -> Iterator[Change]:
    """Triggers and exit rules are told apart by what they say: they have no names."""
    gone = [each for each in before if each not in after]
    new = [each for each in after if each not in before]
    for one, other in zip(gone, new, strict=False):
        old, now = happening_words(one), happening_words(other)
        yield Change("changed", part, None, None, old, now, f"{says} {now} instead of {old}")
    for one in gone[len(new) :]:
        old = happening_words(one)
        yield Change("removed", part, None, None, old, None, f"{says} {old} no longer")
    for other in new[len(gone) :]:
        now = happening_words(other)
        yield Change("added", part, None, None, None, now, f"{says} {now} now too")


def _policies(step: str | None, one: Any, other: Any) -> Iterator[Change]:
    before, after = policy_words(one), policy_words(other)
    of = f"{step}’s " if step else "the flow’s "
    for name in dict.fromkeys([*before, *after]):
        yield from _value("policies", step, name, f"{of}{name}", before.get(name), after.get(name))


def _steps(one: Definition, other: Definition) -> Iterator[Change]:
    before = {step.id: step for step in steps_of(one.flow.steps)}
    after = {step.id: step for step in steps_of(other.flow.steps)}
    names = _renamed(before, after)
    for old, new in names.items():
        yield Change("renamed", "step", new, "id", old, new, f"{old} is now called {new}")
    where, was = _places(other.flow), _places(one.flow)
    for name, step in before.items():
        if name not in after and name not in names:
            words = f"{_what(step)} {name} is gone ({was[name]})"
            yield Change("removed", "step", name, None, _head(step), None, words)
    called = {new: old for old, new in names.items()}
    for name, step in after.items():
        earlier = before.get(called.get(name, name))
        if earlier is None:
            words = f"{_what(step)} {name} is new, {where[name]}: {_head(step)}"
            yield Change("added", "step", name, None, None, _head(step), words)
        else:
            yield from _step(earlier, step, other.flow)
    yield from _moved(one.flow, other.flow, names)
    yield from _texts(one, other, names)


def _renamed(before: dict[str, Step], after: dict[str, Step]) -> dict[str, str]:
    """Old id to new, of steps that are the same but for their id."""
    gone = {name: step for name, step in before.items() if name not in after}
    found: dict[str, str] = {}
    for name, step in after.items():
        if name not in before:
            same = (
                old for old, one in gone.items() if old not in found and _nameless(one) == _nameless(step)
            )
            if (old := next(same, None)) is not None:
                found[old] = name
    return found


def _nameless(step: Step) -> str:
    return msgspec.json.encode(msgspec.structs.replace(step, id=""), order="sorted").decode()


def _places(flow: Flow) -> dict[str, str]:
    """Where each step stands, in words."""
    found: dict[str, str] = {}
    for (parent, way), names in _blocks(flow).items():
        for at, name in enumerate(names):
            inside = f"first where {parent} goes {way}" if parent else "at the beginning"
            found[name] = f"after {names[at - 1]}" if at else inside
    return found


Block = tuple[str, str]
"""The id of the step that a block lies within (empty: the flow itself) and the way it is."""


def _blocks(flow: Flow) -> dict[Block, list[str]]:
    """The ids in each block, in order."""
    found: dict[Block, list[str]] = {("", ""): [step.id for step in flow.steps]}
    for step in steps_of(flow.steps):
        for number, block in enumerate(blocks_of(step)):
            found[step.id, _way(step, number)] = [each.id for each in block]
    return found


def _way(step: Step, number: int) -> str:
    """The name of a block within a step."""
    match step:
        case Respond():
            return "answered" if number == 0 else "unanswered"
        case Branching():
            return "else" if number == len(step.ways) else f"else if {number}" if number else "then"
        case _:
            return f"way {number + 1}"


def _moved(one: Flow, other: Flow, names: dict[str, str]) -> Iterator[Change]:
    """Steps of both that lie in another block, or in another order within theirs."""
    before = {
        (names.get(parent, parent), way): [names.get(name, name) for name in block]
        for (parent, way), block in _blocks(one).items()
    }
    after = _blocks(other)
    was = {name: block for block, inside in before.items() for name in inside}
    where = _places(other)
    for block, inside in after.items():
        kept = [name for name in inside if was.get(name) == block]
        old = [name for name in before.get(block, []) if name in kept]
        settled = SequenceMatcher(None, old, kept, autojunk=False).get_matching_blocks()
        still = {name for match in settled for name in old[match.a : match.a + match.size]}
        for name in inside:
            if name in was and name not in still:
                yield Change(
                    "moved", "step", name, None, None, where[name], f"{name} now stands {where[name]}"
                )


def _what(step: Step) -> str:
    """The kind of a step, as its key in a file says it."""
    return str(msgspec.to_builtins(step)["step"]).replace("_", " ")


def _head(step: Step) -> str:
    """What a step does, in few words."""
    match step:
        case Sending():
            said = step.template or beginning(next(iter((step.text or {}).values()), ""), _SHOWN)
            return f"sends “{said}”"
        case Waiting():
            return f"waits {wait_words(step)}"
        case Respond():
            return f"waits {span_words(step.within)} for the answer"
        case Branching():
            return f"asks whether {condition_words(step.ways[0].when)}"
        case _:
            return _what(step)


def _step(one: Step, other: Step, flow: Flow) -> Iterator[Change]:
    """What is otherwise in a step; `flow` is the second."""
    name = other.id
    if type(one) is not type(other):
        words = f"{name} is now “{_what(other)}” instead of “{_what(one)}”"
        yield Change("changed", "step", name, "kind", _what(one), _what(other), words)
        return
    told: set[str] = {"id", "policies"}
    match one, other:
        case Waiting(span=before, until=None), Waiting(span=after, until=None) if before != after:
            told.add("span")
            yield _longer(name, "span", before, after, "waits", _first_send(flow, other, silent=False))
        case Respond(within=before), Respond(within=after) if before != after:
            told.add("within")
            send = _first_send(flow, other, silent=True)
            yield _longer(name, "within", before, after, "waits for the answer", send)
        case Branching(), Branching():
            told.add("ways")
            yield from _ways(name, one, other)
        case _:
            pass
    yield from _policies(name, one.policies, other.policies)
    old, new = _stripped(msgspec.to_builtins(one)), _stripped(msgspec.to_builtins(other))
    for field in other.__struct_fields__:
        if field not in told and not (isinstance(one, Sending) and field in {"text", "subject"}):
            said = f"{name}’s {field.replace('_', ' ')}"
            yield from _value("step", name, field, said, _shown(old.get(field)), _shown(new.get(field)))


def _longer(name: str, field: str, before: int, after: int, waits: str, send: str | None) -> Change:
    old, new = span_words(before), span_words(after)
    words = f"{name} {waits} {new} instead of {old}"
    if send is not None:
        words += f": {send} now goes after {new} instead of {old}"
    return Change("changed", "step", name, field, old, new, words)


def _first_send(flow: Flow, step: Step, *, silent: bool) -> str | None:
    """The send that a wait comes to at once, without an answer where it waits for one."""
    steps = {each.id: each for each in steps_of(flow.steps)}
    ways = following(flow)[step.id]
    found = steps[ways[-1 if silent else 0]] if ways else None
    return found.id if isinstance(found, Sending) else None


def _ways(name: str, one: Branching, other: Branching) -> Iterator[Change]:
    for before, after in zip_longest(one.ways, other.ways):
        old = None if before is None else condition_words(before.when)
        new = None if after is None else condition_words(after.when)
        if old == new:
            continue
        if old is None:
            yield Change("added", "step", name, "if", None, new, f"{name} also asks whether {new}")
        elif new is None:
            yield Change("removed", "step", name, "if", old, None, f"{name} asks no longer whether {old}")
        else:
            yield Change(
                "changed", "step", name, "if", old, new, f"{name} asks whether {new} instead of {old}"
            )


def _stripped(value: Any) -> Any:
    """A part of a definition without the steps within it: they are compared by themselves."""
    match value:
        case dict():
            return {name: _stripped(each) for name, each in value.items()}
        case list() | tuple():
            return [_stripped(each) for each in value if not (isinstance(each, dict) and "step" in each)]
        case _:
            return value


def _shown(value: Any) -> str | None:
    """A value for people; None for one that says nothing."""
    match value:
        case None:
            return None
        case [] | dict() if not value:  # `{}` would match every mapping
            return None
        case bool():
            return str(value).lower()
        case str() | int() | float():
            return beginning(str(value), _SHOWN)
        case list() if all(isinstance(each, str) for each in value):
            return ", ".join(value)
        case _:
            return beginning(msgspec.json.encode(value).decode(), _SHOWN)


def _texts(one: Definition, other: Definition, names: dict[str, str]) -> Iterator[Change]:
    """Messages that both have, language by language."""
    before: Templates = {names.get(name, name): languages for name, languages in one.templates.items()}
    for name, languages in other.templates.items():
        old = before.get(name)
        for language in sorted({*languages, *old}) if old is not None else ():
            yield from _text(name, language, old.get(language) if old else None, languages.get(language))


def _text(name: str, language: str, one: TemplateText | None, other: TemplateText | None) -> Iterator[Change]:
    of = name if language == "*" else f"{name} in {language}"
    for field in ("subject", "text"):
        before, after = (None if each is None else getattr(each, field) for each in (one, other))
        if before == after:
            continue
        said = {
            "before": None if before is None else f"“{beginning(before, _SHOWN)}”",
            "after": None if after is None else f"“{beginning(after, _SHOWN)}”",
        }
        yield from _value("text", name, language, f"the {field} of {of}", said["before"], said["after"])
        if said["before"] == said["after"]:
            words = f"the {field} of {of} is otherwise further on or in its spaces"
            yield Change("changed", "text", name, language, said["before"], said["after"], words)
