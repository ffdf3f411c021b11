"""Reading steps. Ids that are not written are derived here, in the file's order."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Literal, get_args

from streams.flows.model import (
    AllOf,
    Arm,
    Assign,
    Assignment,
    Branching,
    Close,
    Cond,
    EndHere,
    Jump,
    PolicyRules,
    Priority,
    Respond,
    Sending,
    Setting,
    Splitting,
    Step,
    Tagging,
    Untagging,
    Waiting,
    WaitingFor,
    Way,
    Which,
)
from streams.flows.parsing import scalars
from streams.flows.parsing.conditions import channels, condition, happening, reference
from streams.flows.parsing.located import Items, Leaf, Node, Pairs, Place
from streams.flows.parsing.policies import PURPOSES, policies
from streams.flows.parsing.reading import Fields, Reading
from streams.flows.parsing.times import until

__all__ = ["Steps"]

MAX_STEPS = 1_000
"""In one flow: more than anybody can read, few enough to be reviewed in a second."""
KINDS = (
    "send",
    "wait",
    "customer_response",
    "wait_for",
    "if",
    "split",
    "set",
    "tag",
    "untag",
    "go_to",
    "assign",
    "close_conversation",
    "end",
)
PRIORITIES: tuple[Priority, ...] = get_args(Priority)
WHICH: tuple[Which, ...] = get_args(Which)
LATER = ("webhook", "start_flow")
HOLD_OUT = "hold_out"
MAX_WEIGHT = 1_000_000
MAX_VISITS = 1_000
ASSIGNED: tuple[Literal["var", "attribute"], ...] = ("var", "attribute")
SEND_LATER = ("media", "buttons", "fallback", "fallback_after", "on_failed")
RESPONSE_LATER = ("save_as", "matching", "remind")


class Steps:
    """Reads the steps of one file: counts kinds for default ids, keeps ids apart."""

    def __init__(self, reading: Reading, root: Node) -> None:
        """Of the file with that root: which templates are named once is asked of all of it first."""
        self.reading = reading
        self.seen: dict[str, Place] = {}
        self.derived: set[str] = set()
        """Ids that nobody wrote: kind-n."""
        self.count: Counter[str] = Counter()
        self.templates = Counter(_templates(root))

    def block(self, node: Node, what: str) -> tuple[Step, ...]:
        """A list of steps; a single one may stand bare."""
        return tuple(self.step(each, what) for each in self.reading.items(node))

    def step(self, node: Node, what: str) -> Step:
        """One step: a kind's key, and beside it id, title, policies."""
        if isinstance(node, Leaf) and isinstance(node.value, str) and node.value in (*KINDS, *LATER):
            node = Pairs({node.value: Leaf(None, node.place)}, {node.value: node.place}, node.place)
        beside = ("then", "else_if", "else") if isinstance(node, Pairs) and "if" in node.pairs else ()
        fields = self.reading.fields(
            node, f"a step of {what}", (*KINDS, "id", "title", "policies", *beside), later=LATER
        )
        missing = "this step does nothing", f"Give it one of {', '.join(KINDS)}"
        kind = fields.one_kind(KINDS, missing=missing, instead=LATER)
        if kind is None:
            return EndHere("")
        self.count[kind] += 1
        if self.count.total() == MAX_STEPS + 1:
            self.reading.error(
                node.place,
                "ATT002",
                f"a flow may have {MAX_STEPS:,} steps, and this is one more",
                "Split it into several flows",
            )
        readers: dict[str, Callable[[Fields, str], Step]] = {
            "send": self._send,
            "wait": self._wait,
            "customer_response": self._response,
            "wait_for": self._wait_for,
            "if": self._branching,
            "split": self._splitting,
            "set": self._setting,
            "tag": self._tagging,
            "untag": self._tagging,
            "go_to": self._jump,
            "assign": self._assign,
            "close_conversation": self._close,
            "end": self._end,
        }
        return self.reading.locate(readers[kind](fields, self._identify(fields, kind)), fields)

    def _identify(self, fields: Fields, kind: str) -> str:
        """The id as written, else the template's name if unique, else kind-n; no two are the same."""
        place = fields.node.place
        if "id" in fields:
            name, place = fields.scalar("id", scalars.identifier, ""), fields["id"].place
        elif kind == "send" and (template := _template(fields["send"])) and self.templates[template] == 1:
            name = template
        else:
            name = f"{kind.replace('_', '-')}-{self.count[kind]}"
            self.derived.add(name)
        if name and name in self.seen:
            self.reading.error(
                place,
                "ATT012",
                f"the step id `{name}` stands here a second time, first on line {self.seen[name].line}",
                "Give one of the two an `id` of its own",
            )
        self.seen.setdefault(name, place)
        return name

    def _title(self, fields: Fields) -> str | None:
        return fields.scalar("title", scalars.title, "") or None

    def _policies(self, fields: Fields) -> PolicyRules | None:
        return fields.get("policies", lambda node, what: policies(self.reading, node, what), None)

    def _send(self, fields: Fields, name: str) -> Sending:
        known = ("channel", "template", "text", "subject", "vars", "purpose", "on_unknown")
        inner = self.reading.fields(fields["send"], "`send`", known, later=SEND_LATER)
        inner.one_kind(
            ("template", "text"),
            missing=("this send has no message", "Add `template: <name>` or `text: …`"),
        )
        step = Sending(
            id=name,
            title=self._title(fields),
            policies=self._policies(fields),
            channel=inner.get("channel", self._by_channel, ()),
            template=inner.scalar("template", scalars.identifier, "") if "template" in inner else None,
            text=inner.get("text", self.reading.texts, None),
            subject=inner.get("subject", self.reading.texts, None),
            vars=inner.get("vars", self._variables, {}),
            purpose=inner.one_of("purpose", PURPOSES, None),
            on_unknown=inner.one_of("on_unknown", ("hold", "resend"), "hold"),
        )
        return self.reading.locate(step, inner)

    def _by_channel(self, node: Node, what: str) -> tuple[str, ...]:
        if isinstance(node, Pairs):
            self.reading.fields(node, what, (), later=("by",))
            return ()
        return channels(self.reading, node, what)

    def _variables(self, node: Node, what: str) -> dict[str, str]:
        """Name to liquid."""
        if not isinstance(node, Pairs):
            self.reading.fields(node, what, ("<name>",))
            return {}
        found = {}
        for name, value in node.pairs.items():
            self.reading.scalar(Leaf(name, node.keys[name]), f"a name in {what}", scalars.variable, "")
            found[name] = self.reading.text(value, f"`{name}` of {what}", also=(int, float, bool)) or ""
        return found

    def _wait(self, fields: Fields, name: str) -> Waiting:
        node = fields["wait"]
        if not isinstance(node, Pairs):
            ms = self.reading.scalar(node, "`wait`", scalars.span, 1)
            return Waiting(name, ms, self._title(fields), self._policies(fields))
        step = Waiting(
            name, 0, self._title(fields), self._policies(fields), until(self.reading, node, "`wait`")
        )
        return self.reading.locate(step, node)

    def _assign(self, fields: Fields, name: str) -> Assign:
        kinds = ("agent", "team", "round_robin")
        inner = self.reading.fields(fields["assign"], "`assign`", (*kinds, "priority"))
        inner.one_kind(kinds, missing=("`assign` names nobody", "Write agent:, team: or round_robin:"))
        if "round_robin" in inner and not self.reading.items(inner["round_robin"]):
            self.reading.error(
                inner["round_robin"].place, "ATT008", "`round_robin` is an empty list", "Name agents"
            )
        step = Assign(
            id=name,
            title=self._title(fields),
            policies=self._policies(fields),
            agent=inner.scalar("agent", scalars.name, "") or None,
            team=inner.scalar("team", scalars.name, "") or None,
            round_robin=inner.each(
                "round_robin", lambda node, what: self.reading.scalar(node, what, scalars.name, "")
            ),
            priority=inner.one_of("priority", PRIORITIES, "normal"),
        )
        return self.reading.locate(step, inner)

    def _response(self, fields: Fields, name: str) -> Respond:
        known = ("within", "on_response", "no_response", "any_channel", "reactions", "prompt")
        inner = self.reading.fields(
            fields["customer_response"],
            "`customer_response`",
            known,
            required=("within",),
            later=RESPONSE_LATER,
        )
        step = Respond(
            id=name,
            within=inner.scalar("within", scalars.span, 1),
            title=self._title(fields),
            policies=self._policies(fields),
            on_response=inner.get("on_response", self.block, None),
            no_response=inner.get("no_response", self.block, None),
            any_channel=inner.boolean("any_channel"),
            reactions=inner.boolean("reactions"),
            prompt=inner.scalar("prompt", scalars.identifier, "") if "prompt" in inner else None,
        )
        return self.reading.locate(step, inner)

    def _wait_for(self, fields: Fields, name: str) -> WaitingFor:
        node = fields["wait_for"]
        beside = ("within", "on_event", "no_event")
        match = happening(
            self.reading, node, "`wait_for`", beside=beside, required=("within",), later=("delivery", "of")
        )
        pairs = node if isinstance(node, Pairs) else Pairs({}, {}, node.place)
        inner = Fields(self.reading, pairs, "`wait_for`", None)
        step = WaitingFor(
            id=name,
            match=match,
            within=inner.scalar("within", scalars.span, 1),
            title=self._title(fields),
            policies=self._policies(fields),
            on_event=inner.get("on_event", self.block, None),
            no_event=inner.get("no_event", self.block, None),
        )
        return self.reading.locate(step, inner)

    def _branching(self, fields: Fields, name: str) -> Branching:
        first = Way(condition(self.reading, fields["if"], "`if`"), fields.get("then", self.block, ()))
        return Branching(
            id=name,
            ways=(self.reading.locate(first, fields), *fields.each("else_if", self._way)),
            title=self._title(fields),
            policies=self._policies(fields),
            otherwise=fields.get("else", self.block, ()),
        )

    def _way(self, node: Node, what: str) -> Way:
        fields = self.reading.fields(node, what, ("if", "then"), required=("if",))
        when: Cond = AllOf(())
        if "if" in fields:
            when = condition(self.reading, fields["if"], "`if`")
        return self.reading.locate(Way(when, fields.get("then", self.block, ())), fields)

    def _tagging(self, fields: Fields, name: str) -> Step:
        kind = "tag" if "tag" in fields else "untag"
        nodes = self.reading.items(fields[kind])
        if not nodes:
            self.reading.error(fields[kind].place, "ATT008", f"`{kind}` is an empty list", "Name a tag")
        tags = tuple(self.reading.scalar(each, f"`{kind}`", scalars.name, "") for each in nodes)
        if kind == "tag":
            return Tagging(name, tags, self._title(fields), self._policies(fields))
        return Untagging(name, tags, self._title(fields), self._policies(fields))

    def _setting(self, fields: Fields, name: str) -> Setting:
        nodes = self.reading.items(fields["set"])
        if not nodes:
            self.reading.error(
                fields["set"].place, "ATT008", "`set` is an empty list", "Write {var: name, to: value}"
            )
        values = tuple(self._assignment(each) for each in nodes)
        return Setting(name, values, self._title(fields), self._policies(fields))

    def _assignment(self, node: Node) -> Assignment:
        inner = self.reading.fields(node, "`set`", ("var", "attribute", "to"), required=("to",))
        kind = inner.one_kind(ASSIGNED, missing=("`set` names nothing", "Start with var: or attribute:"))
        name = inner.scalar("var", scalars.variable, "") or inner.scalar("attribute", scalars.name, "")
        return self.reading.locate(Assignment(kind or "var", name, inner.get("to", self._value, "")), inner)

    def _value(self, node: Node, what: str) -> Any:
        """A literal or a reference. Text with liquid in it is read by a later version."""
        if isinstance(node, Pairs):
            return reference(self.reading, node, what, now=True)
        value = self.reading.literal(node, what)
        if isinstance(value, str) and ("{{" in value or "{%" in value):
            self.reading.not_yet(node.place, f"liquid in {what}")
        return value

    def _splitting(self, fields: Fields, name: str) -> Splitting:
        inner = self.reading.fields(fields["split"], "`split`", ("arms", HOLD_OUT), required=("arms",))
        step = Splitting(
            id=name,
            arms=inner.get("arms", self._arms, ()),
            title=self._title(fields),
            policies=self._policies(fields),
            hold_out=inner.get(HOLD_OUT, self._weight, 0),
        )
        return self.reading.locate(step, inner)

    def _weight(self, node: Node, what: str) -> int:
        return self.reading.integer(node, what, 1, MAX_WEIGHT)

    def _arms(self, node: Node, what: str) -> tuple[Arm, ...]:
        if not isinstance(node, Pairs) or not node.pairs:
            self.reading.error(
                node.place, "ATT008", f"{what} is a mapping with at least one arm", "Write {a: {weight: 1}}"
            )
            return ()
        return tuple(self._arm(arm, node.keys[arm], each) for arm, each in node.pairs.items())

    def _arm(self, arm: str, place: Place, node: Node) -> Arm:
        inner = self.reading.fields(node, f"the arm `{arm}`", ("weight", "steps"), required=("weight",))
        found = Arm(
            name=self.reading.scalar(Leaf(arm, place), "an arm's name", _arm_name, ""),
            weight=inner.get("weight", self._weight, 1),
            steps=inner.get("steps", self.block, ()),
        )
        return self.reading.locate(found, inner)

    def _jump(self, fields: Fields, name: str) -> Jump:
        to, most = fields["go_to"], 10
        if isinstance(to, Pairs):
            inner = self.reading.fields(to, "`go_to`", ("step", "max"), required=("step",))
            to = inner["step"]
            most = inner.get("max", lambda node, what: self.reading.integer(node, what, 1, MAX_VISITS), 10)
            where = self.reading.scalar(to, "`step`", scalars.identifier, "") if "step" in inner else ""
        else:
            where = self.reading.scalar(to, "`go_to`", scalars.identifier, "")
        step = Jump(name, where, self._title(fields), self._policies(fields), most)
        return self.reading.locate(step, fields)

    def _close(self, fields: Fields, name: str) -> Close:
        which = None
        if _says_something(fields["close_conversation"]):
            inner = self.reading.fields(
                fields["close_conversation"], "`close_conversation`", ("conversation",)
            )
            which = inner.one_of("conversation", WHICH, None)
        return Close(name, self._title(fields), self._policies(fields), which)

    def _end(self, fields: Fields, name: str) -> EndHere:
        reason = "end"
        if _says_something(fields["end"]):
            inner = self.reading.fields(fields["end"], "`end`", ("reason",), required=("reason",))
            reason = inner.scalar("reason", scalars.name, "end")
        return EndHere(name, self._title(fields), self._policies(fields), reason)


def _arm_name(text: str) -> str:
    if text == HOLD_OUT:
        raise ValueError("hold_out stands beside `arms`, as {arms: …, hold_out: 10}")
    return scalars.name(text)


def _says_something(node: Node) -> bool:
    """A bare step has a null beside its key."""
    return not (isinstance(node, Leaf) and node.value is None)


def _template(node: Node) -> str | None:
    """The template that a send names, before anything is checked."""
    template = node.pairs.get("template") if isinstance(node, Pairs) else None
    return template.value if isinstance(template, Leaf) and isinstance(template.value, str) else None


def _templates(node: Node) -> Iterator[str]:
    """The templates that the file's sends name, as often as they are named."""
    match node:
        case Items(items=items):
            for each in items:
                yield from _templates(each)
        case Pairs(pairs=pairs):
            for name, each in pairs.items():
                if name == "send" and (template := _template(each)):
                    yield template
                yield from _templates(each)
        case _:
            return
