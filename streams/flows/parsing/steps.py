"""Reading steps. Ids that are not written are derived here, in the file's order."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import get_args

from streams.flows.model import (
    AllOf,
    Branching,
    Close,
    Cond,
    EndHere,
    PolicyRules,
    Respond,
    Sending,
    Step,
    Waiting,
    Way,
    Which,
)
from streams.flows.parsing import scalars
from streams.flows.parsing.conditions import channels, condition
from streams.flows.parsing.located import Items, Leaf, Node, Pairs, Place
from streams.flows.parsing.policies import PURPOSES, policies
from streams.flows.parsing.reading import Fields, Reading

__all__ = ["Steps"]

MAX_STEPS = 1_000
"""In one flow: more than anybody can read, few enough to be reviewed in a second."""
KINDS = ("send", "wait", "customer_response", "if", "close_conversation", "end")
WHICH: tuple[Which, ...] = get_args(Which)
LATER = ("wait_for", "split", "set", "tag", "untag", "assign", "webhook", "start_flow", "go_to")
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
            "if": self._branching,
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
        ms = 1
        if isinstance(node, Pairs):
            self.reading.fields(node, "`wait`", (), later=("until", "days", "zone", "if_past"))
            if not node.pairs:
                self.reading.error(node.place, "ATT008", "`wait` is empty", "Write a span, as 2h")
        else:
            ms = self.reading.scalar(node, "`wait`", scalars.span, 1)
        return Waiting(name, ms, self._title(fields), self._policies(fields))

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
