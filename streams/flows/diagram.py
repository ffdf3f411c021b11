"""A flow as a picture: cards below each other, ways side by side. SVG and Mermaid draw the same one.

A new kind of step needs a case in `card` and, if it has ways out, in `lanes`; what draws knows no kinds.
"""

import re
from typing import Any, assert_never

import msgspec

from streams.flows.definition import Definition, Templates
from streams.flows.graph import goes_on
from streams.flows.model import (
    Assign,
    Branching,
    Close,
    EndHere,
    Jump,
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
from streams.flows.words import (
    beginning,
    condition_words,
    enter_words,
    happening_words,
    policy_words,
    span_words,
    wait_words,
)

__all__ = ["Card", "Lane", "Picture", "picture"]

BEGINNING = 110
"""How much of a message is shown, characters."""
_OUTPUT = re.compile(r"\{\{-?\s*([\w.]+).*?\}\}", re.DOTALL)
_TAG = re.compile(r"\{%.*?%\}", re.DOTALL)


class Lane(msgspec.Struct, frozen=True):
    """One way out of a card, and what lies on it."""

    label: str
    cards: tuple["Card", ...]
    goes_on: bool
    """Whether a journey on this way comes out below; false where it always ends before."""


class Card(msgspec.Struct, frozen=True):
    """One step as it is drawn."""

    step: str
    kind: str
    """The step's key in a flow file: colours and shapes go by it."""
    head: str
    """What it does, in few words."""
    title: str
    """What the author calls it: title, else id."""
    lines: tuple[str, ...] = ()
    """More about it: the message's beginning, policies of its own."""
    lanes: tuple[Lane, ...] = ()
    """Empty: the one way is straight on."""


class Picture(msgspec.Struct, frozen=True):
    """A whole flow as it is drawn."""

    flow: str
    title: str
    triggers: tuple[str, ...]
    notes: tuple[tuple[str, str], ...]
    """What holds everywhere: entry, exit rules, policies; a word and its text."""
    cards: tuple[Card, ...]
    goes_on: bool
    """Whether a journey can come to the end of the last card."""


def picture(definition: Definition, *, language: str | None = None) -> Picture:
    """The picture of a flow; messages begin in that language where they have it."""
    flow = definition.flow
    notes = [("enters", enter_words(flow.enter))]
    notes += [("leaves at once on", happening_words(each)) for each in flow.exit_on]
    notes += list(policy_words(flow.policies).items())
    drawer = _Drawer(definition.templates, language, flow.channel)
    return Picture(
        flow=flow.flow,
        title=flow.title or flow.flow,
        triggers=tuple(happening_words(each) for each in flow.trigger),
        notes=tuple(notes),
        cards=drawer.cards(flow.steps),
        goes_on=goes_on(flow.steps),
    )


class _Drawer:
    """Makes cards of steps; knows the messages and the flow's channel."""

    def __init__(self, templates: Templates, language: str | None, channel: str | None) -> None:
        self.templates = templates
        self.language = language
        self.channel = channel

    def cards(self, steps: tuple[Step, ...]) -> tuple[Card, ...]:
        return tuple(self.card(step) for step in steps)

    def card(self, step: Step) -> Card:
        kind, head, lines = self.said(step)
        lines += [f"{name}: {said}" for name, said in policy_words(step.policies).items()]
        return Card(step.id, kind, head, step.title or step.id, tuple(lines), self.lanes(step))

    def said(self, step: Step) -> tuple[str, str, list[str]]:  # noqa: C901, PLR0911, PLR0912 - one a kind
        """The step's kind, what it does, and more about it."""
        match step:
            case Sending():
                return self.send(step)
            case Waiting():
                return "wait", f"wait {wait_words(step)}", []
            case Respond():
                said = {"on any channel": step.any_channel, "reactions count": step.reactions}
                lines = [line for line, holds in said.items() if holds]
                if step.prompt is not None:
                    lines.append("to no message" if step.prompt == "none" else f"to {step.prompt}")
                return "customer_response", f"wait for the answer, {span_words(step.within)}", lines
            case WaitingFor():
                return "wait_for", f"wait for {happening_words(step.match)}, {span_words(step.within)}", []
            case Branching(ways=(way,)):
                return "if", f"if {condition_words(way.when)}", []
            case Branching():
                return "if", "which holds?", []
            case Splitting():
                return "split", "split by chance", []
            case Tagging():
                return "tag", f"tag {', '.join(step.tags)}", []
            case Untagging():
                return "untag", f"take away {', '.join(step.tags)}", []
            case Setting():
                values = [f"{each.name} = {_value_words(each.to)}" for each in step.values]
                return "set", "set", values
            case Jump():
                return "go_to", f"go to {step.to}, at most {step.max} times", []
            case Assign():
                to = step.agent or (
                    f"team {step.team}" if step.team else "one of " + ", ".join(step.round_robin)
                )
                return (
                    "assign",
                    f"assign to {to}",
                    [f"{step.priority} priority"],
                )
            case Close():
                which = {None: "the conversation", "trigger": "the trigger’s conversation"}
                said_which = which.get(step.conversation, "the last conversation")
                return "close_conversation", f"close {said_which}", []
            case EndHere():
                return "end", "end" if step.reason == "end" else f"end: {step.reason}", []
            case _:
                assert_never(step)

    def send(self, step: Sending) -> tuple[str, str, list[str]]:
        head = f"send · {' or '.join(step.channel) or self.channel or 'the same channel'}"
        lines = [f"“{beginning(_plain(self.message(step)), BEGINNING)}”"]
        if step.purpose is not None:
            lines.append(f"purpose: {step.purpose}")
        return "send", head, lines

    def lanes(self, step: Step) -> tuple[Lane, ...]:
        """The ways out of a step that has several."""
        match step:
            case Respond() if step.on_response or step.no_response:
                return (
                    self.lane("answered", step.on_response or ()),
                    self.lane(f"silent for {span_words(step.within)}", step.no_response or ()),
                )
            case WaitingFor() if step.on_event or step.no_event:
                return (
                    self.lane("it happens", step.on_event or ()),
                    self.lane(f"not within {span_words(step.within)}", step.no_event or ()),
                )
            case Branching(ways=(way,)):
                return self.lane("yes", way.then), self.lane("no", step.otherwise)
            case Branching():
                ways = (self.lane(condition_words(way.when), way.then) for way in step.ways)
                return *ways, self.lane("else", step.otherwise)
            case Splitting():
                total = sum(arm.weight for arm in step.arms) + step.hold_out
                arms = [self.lane(f"{arm.name} · {arm.weight} of {total}", arm.steps) for arm in step.arms]
                out = [self.lane(f"held out · {step.hold_out} of {total}", ())] if step.hold_out else []
                return *arms, *out
            case _:
                return ()

    def lane(self, label: str, steps: tuple[Step, ...]) -> Lane:
        return Lane(label, self.cards(steps), goes_on(steps))

    def message(self, step: Sending) -> str:
        """The message as its author wrote it; the template's name if its text is not known."""
        languages = self.templates.get(step.template or step.id, {})
        text = (
            languages.get(self.language or "*") or languages.get("*") or next(iter(languages.values()), None)
        )
        return text.text if text is not None else step.template or step.id


def _value_words(to: Any) -> str:
    """What a name is set to: a literal, or where it is looked up."""
    if isinstance(to, dict):
        ((subject, name),) = to.items()
        return f"now {name}" if subject == "now" else f"the {subject} {name}"
    return str(to).lower() if isinstance(to, bool) else str(to)


def _plain(liquid: str) -> str:
    """A message to be looked at: values by their names, as ‹contact.name›, without tags."""
    return _TAG.sub("", _OUTPUT.sub(r"‹\1›", liquid))
