"""Pictures of flows: everything in them, nothing over anything else."""

import random
import re
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.flows import FlowFile, parse
from streams.flows.definition import Definition, definition, read_definition
from streams.flows.diagram import Picture, picture
from streams.flows.diagram_mermaid import mermaid
from streams.flows.diagram_svg import svg, text_width, wrapped
from streams.flows.files import lint, ready_flows
from streams.flows.walk import steps_of
from tests.flows.sources import flow_file

GOLDEN = Path(__file__).with_name("golden")
SVG = "{http://www.w3.org/2000/svg}"


def definition_of(path: Path) -> Definition:
    """A flow's file with its templates."""
    linted = lint(path, None)
    assert linted.file is not None, linted.findings
    return read_definition(definition(linted.file.flow, linted.templates.templates))


def drawn(part: str) -> Picture:
    """The picture of a flow that says `part`."""
    return picture(read_definition(definition(flow_file(part).flow)))


class Box(NamedTuple):
    """A rectangle of the picture."""

    name: str
    left: float
    top: float
    right: float
    bottom: float


def boxes(document: str) -> list[Box]:
    """Every card, label and note; each text of a card is asked to lie within it on the way."""
    found = []
    for group in ET.fromstring(document).iter(f"{SVG}g"):  # noqa: S314 - our own
        rect = group.find(f"{SVG}rect")
        assert rect is not None
        x, y, width, height = (float(rect.get(name, "nan")) for name in ("x", "y", "width", "height"))
        box = Box(str(group.get("data-step") or group.get("class")), x, y, x + width, y + height)
        for text in group.findall(f"{SVG}text"):
            at, said = float(text.get("x", "nan")), text.text or ""
            bold = text.get("class") in {"name", "way-label"}
            wide = text_width(said, 14 if text.get("class") == "name" else 12.5, bold=bold)
            left = at - wide / 2 if text.get("text-anchor") else at
            assert box.left - 1 <= left, said
            assert left + wide <= box.right + 1, said
            assert box.top < float(text.get("y", "nan")) <= box.bottom, said
        found.append(box)
    return found


def overlapping(found: list[Box]) -> list[tuple[str, str]]:
    """The pairs that share an area."""
    return [
        (one.name, other.name)
        for one, other in combinations(found, 2)
        if one.left < other.right
        and other.left < one.right
        and one.top < other.bottom
        and other.top < one.bottom
    ]


def random_flow(seed: int, count: int) -> str:
    """A flow of so many steps, nested as it happens."""
    rng, left = random.Random(seed), [count]

    def steps(depth: int, most: int, pad: str) -> list[str]:
        lines: list[str] = []
        for _ in range(most):
            if left[0] == 0:
                break
            left[0] -= 1
            name = f"step-{count - left[0]}"
            kind = rng.choice(["send", "wait", "answer", "if", "send"] if depth < 4 else ["send", "wait"])
            lines.append(f"{pad}- id: {name}")
            inner = f"{pad}    "
            match kind:
                case "send":
                    lines.append(f'{pad}  send: {{text: "{name} {"parola " * rng.randint(1, 30)}"}}')
                case "wait":
                    lines.append(f"{pad}  wait: {rng.randint(1, 90)}h")
                case "answer":
                    lines += [f"{pad}  customer_response:", f"{inner}within: 2h"]
                    for way in ("on_response", "no_response"):
                        lines += [f"{inner}{way}:", *block(depth, inner)]
                case _:
                    lines += [
                        f"{pad}  if: {{attribute: tier, equals: gold}}",
                        f"{pad}  then:",
                        *block(depth, inner),
                    ]
                    if rng.random() < 0.5:
                        lines += [
                            f"{pad}  else_if:",
                            f"{inner}- if: [{{tag: vip}}, {{property: total, gt: 100}}]",
                        ]
                        lines += [f"{inner}  then:", *block(depth, f"{inner}    ")]
                    lines += [f"{pad}  else:", *block(depth, inner)]
        return lines

    def block(depth: int, pad: str) -> list[str]:
        return steps(depth + 1, rng.randint(1, 3), pad) or [f"{pad}- end"]

    body: list[str] = []
    while left[0]:
        body += steps(0, count, "  ")
    return "\n".join(
        ["flow: generated", "trigger: {event: order.completed}", "channel: sms", "steps:", *body]
    )


@pytest.mark.parametrize("name", sorted(ready_flows()))
def test_a_ready_flows_structure_is_the_golden_one(name: str) -> None:
    """Cards, ways, spans and beginnings of messages; a change shows in review.

    `attesa flow diagram FILE --language it --out tests/flows/golden/NAME.mmd` makes one anew.
    """
    said = mermaid(picture(definition_of(ready_flows()[name] / "flow.yaml"), language="it"))
    assert said == (GOLDEN / f"{name}.mmd").read_text("utf-8")


@pytest.mark.parametrize("name", sorted(ready_flows()))
def test_a_ready_flow_is_drawn_whole(name: str) -> None:
    """One card a step, none over another, every text within its card."""
    made = definition_of(ready_flows()[name] / "flow.yaml")
    document = svg(picture(made, language="it"))
    found = boxes(document)
    assert {step.id for step in steps_of(made.flow.steps)} <= {box.name for box in found}
    assert overlapping(found) == []


def test_forty_steps_do_not_overlap() -> None:
    """A long flow is a long picture: each step has its card, apart from all others."""
    file = parse(random_flow(7, 40), "forty.yaml")
    assert isinstance(file, FlowFile), file
    found = boxes(svg(picture(read_definition(definition(file.flow)))))
    assert len([box for box in found if box.name.startswith("step-")]) == 40
    assert overlapping(found) == []


@given(st.integers(0, 2**32), st.integers(1, 60))
@settings(max_examples=40, deadline=None)
def test_no_flow_overlaps(seed: int, count: int) -> None:
    """Whatever is nested in whatever."""
    file = parse(random_flow(seed, count), "generated.yaml")
    assert isinstance(file, FlowFile), file
    assert overlapping(boxes(svg(picture(read_definition(definition(file.flow)))))) == []


def test_what_holds_everywhere_stands_on_top() -> None:
    """Entry, exit rules and policies are notes; triggers are what starts it."""
    made = drawn(
        "trigger: [{event: order.completed, where: {property: total, gt: 30}}, "
        "{message: first, channel: sms}]\n"
        "enter: {again: {after: 30d}, key: order}\nexit_on: {event: order.refunded, same: order}\n"
        "policies: {purpose: marketing, quiet_hours: 21:00-08:00, cap: {messages: 3, per: 7d}}"
    )
    assert made.triggers == (
        "event order.completed, where total > 30",
        "first message of a conversation on sms",
    )
    assert dict(made.notes) == {
        "enters": "again 30 d after the last entry, for each order",
        "leaves at once on": "event order.refunded, of the same order",
        "purpose": "marketing",
        "quiet hours": "21:00–08:00, postpone",
        "cap": "3 messages in 7 d",
    }


def test_waits_and_branches_say_their_spans_and_conditions() -> None:
    """On the card what is waited for, on the ways when they are taken."""
    made = drawn(
        "steps:\n"
        "- {id: a, send: {channel: [sms, email], text: 'Ciao {{ contact.name | default: \"tu\" }}'}}\n"
        "- {id: b, customer_response: {within: 90m, on_response: [end], no_response: [{id: c, wait: 3d}]}}\n"
        "- {id: d, if: {not: [{tag: vip}, {language: it}]}, then: [{id: e, end: {reason: not ours}}]}\n"
        "- {id: f, close_conversation: {conversation: last}}"
    )
    send, wait, branch, close = made.cards
    assert (send.head, send.lines) == ("send · sms or email", ("“Ciao ‹contact.name›”",))
    assert wait.head == "wait for the answer, 1 h 30 min"
    assert [(lane.label, lane.goes_on) for lane in wait.lanes] == [
        ("answered", False),
        ("silent for 1 h 30 min", True),
    ]
    assert wait.lanes[1].cards[0].head == "wait 3 d"
    assert branch.head == "if not (the contact has the tag vip and the language is it)"
    assert branch.lanes[0].cards[0].head == "end: not ours"
    assert close.head == "close the last conversation"


def test_what_authors_write_cannot_break_the_picture() -> None:
    """Markup in a text is text, in both forms."""
    made = drawn(
        "title: 'A <b> & \"c\"'\nsteps: [{id: a, send: {channel: sms, text: '<script> & \"x\" `y` ]]>'}}]"
    )
    document = svg(made)
    assert "<script" not in document
    assert boxes(document)
    assert re.search(
        r'"a<br>send · sms<br>“#lt;script#gt; #amp; #quot;x#quot; #96;y#96; \]\]#gt;”"', mermaid(made)
    )


def test_words_are_wrapped_within_the_width() -> None:
    """A word longer than a line is cut, a text longer than its room ends in dots."""
    assert all(text_width(line) <= 100 for line in wrapped("a" * 90 + " bb " + "c" * 9, 100, most=99))
    assert wrapped("uno due tre quattro cinque sei", 60, most=2)[-1].endswith("…")
    assert "".join(wrapped("x" * 50, 40, most=99)) == "x" * 50


def test_each_node_of_mermaid_is_joined() -> None:
    """From the trigger every step is reached; edges carry the ways' labels."""
    lines = mermaid(
        drawn("steps: [{id: w, customer_response: {within: 1h, on_response: [end]}}, {id: x, wait: 1h}]")
    )
    edges: list[Any] = re.findall(r"^  (\w+) -->(?:\|\"(.*?)\"\|)? (\w+)$", lines, re.MULTILINE)
    assert edges == [
        ("start", "", "s0"),
        ("s0", "answered", "s1"),
        ("s0", "silent for 1 h", "s2"),
        ("s2", "", "done"),
    ]
