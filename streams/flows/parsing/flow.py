"""Reading a flow file."""

from typing import Any

import msgspec

from streams.flows.finding import Finding, Severity
from streams.flows.model import AgainRule, EnterRule, Flow, Happening
from streams.flows.parsing import scalars
from streams.flows.parsing.conditions import condition, happening
from streams.flows.parsing.located import Items, Leaf, Node, Pairs, Place, Unreadable, load
from streams.flows.parsing.policies import policies
from streams.flows.parsing.reading import Reading
from streams.flows.parsing.steps import Steps

__all__ = ["FlowFile", "parse"]

GRAMMAR = 1
LATER_TRIGGERS = ("absence", "date", "inactivity", "schedule")


class FlowFile(msgspec.Struct, frozen=True):
    """A flow as its file says it, and where each part of it stands."""

    flow: Flow
    source: str
    file: str
    places: dict[tuple[int, str], Place]
    """By the identity of a part of `flow` and a field's name; ask `place`."""
    derived: frozenset[str] = frozenset()
    """Step ids that nobody wrote and that count steps: kind-n."""

    def place(self, part: object, field: str = "") -> Place:
        """Where a part of the flow, or a field of it, stands."""
        return self.places.get((id(part), field)) or self.places.get((id(part), "")) or Place(1, 1)

    def finding(
        self, part: object, field: str, *, code: str, severity: Severity, message: str, advice: str
    ) -> Finding:
        """A finding about a part of the flow."""
        line, column = self.place(part, field)
        return Finding(self.file, line, column, code, severity, message, advice)


def parse(text: str, file: str) -> FlowFile | list[Finding]:
    """A flow file's text as a typed tree, or what is wrong with it, in the file's order. Never raises."""
    try:
        root = load(text, file)
    except Unreadable as unreadable:
        return [unreadable.finding]
    reading = Reading(file)
    steps = Steps(reading, root)
    flow = _flow(reading, root, steps)
    if reading.findings:
        return sorted(set(reading.findings))
    return FlowFile(flow, text, file, reading.places, frozenset(steps.derived))


def _flow(reading: Reading, root: Node, steps: Steps) -> Flow:
    fields = reading.fields(
        root,
        "a flow",
        ("flow", "grammar", "title", "trigger", "enter", "exit_on", "channel", "vars", "policies", "steps"),
        required=("flow", "trigger", "steps"),
        later=("goal", "still_valid"),
    )
    for name in ("trigger", "steps"):
        if name in fields and not reading.items(fields[name]):
            reading.error(fields[name].place, "ATT008", f"`{name}` is an empty list", "Write at least one")
    return reading.locate(
        Flow(
            flow=fields.scalar("flow", scalars.identifier, ""),
            trigger=fields.each("trigger", lambda node, what: _trigger(reading, node, what)),
            steps=fields.get("steps", steps.block, ()),
            grammar=fields.get(
                "grammar", lambda node, what: reading.integer(node, what, 1, GRAMMAR), GRAMMAR
            ),
            title=fields.scalar("title", scalars.title, "") or None,
            enter=fields.get("enter", lambda node, _: _enter(reading, node), None),
            exit_on=fields.each("exit_on", lambda node, what: happening(reading, node, what)),
            channel=fields.scalar("channel", scalars.identifier, "") or None,
            vars=fields.get("vars", lambda node, what: _vars(reading, node, what), {}),
            policies=fields.get("policies", lambda node, what: policies(reading, node, what), None),
        ),
        fields,
    )


def _trigger(reading: Reading, node: Node, what: str) -> Happening:
    return happening(reading, node, what, also=("manual",), later=LATER_TRIGGERS)


def _enter(reading: Reading, node: Node) -> EnterRule:
    fields = reading.fields(node, "`enter`", ("again", "key", "when"))
    return reading.locate(
        EnterRule(
            again=fields.get("again", lambda node, _: _again(reading, node), None),
            key=fields.scalar("key", scalars.name, "") or None,
            when=fields.get("when", lambda node, what: condition(reading, node, what), None),
        ),
        fields,
    )


def _again(reading: Reading, node: Node) -> AgainRule:
    if isinstance(node, Pairs):
        fields = reading.fields(node, "`again`", ("after",), required=("after",))
        return AgainRule("after", fields.scalar("after", scalars.span, 1))
    return AgainRule(reading.one_of(node, "`again`", ("never", "after_exit", "always")))


def _vars(reading: Reading, node: Node, what: str) -> dict[str, Any]:
    """The journey's variables at its start: flat values."""
    if not isinstance(node, Pairs):
        reading.fields(node, what, ("<name>",))
        return {}
    found: dict[str, Any] = {}
    for name, value in node.pairs.items():
        reading.scalar(Leaf(name, node.keys[name]), f"a name in {what}", scalars.variable, "")
        match value:
            case Leaf(value=literal):
                found[name] = literal
            case Items(items=items):
                found[name] = [reading.text(each, f"`{name}` of {what}") or "" for each in items]
            case Pairs():
                reading.error(
                    value.place,
                    "ATT008",
                    f"`{name}` of {what} is a mapping",
                    "Write a single value or a list of texts",
                )
    return found
