"""Whatever stands in a flow file: a flow that round-trips and compiles, or located findings."""

import random
import re

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.core.program import Program
from streams.flows import (
    FlowFile,
    compile_definition,
    compile_workspace,
    definition,
    parse,
    parse_workspace,
    workspace_definition,
)
from streams.flows.definition import read_definition, read_workspace
from streams.flows.files import LIBRARY
from streams.flows.finding import Finding
from streams.flows.model import Workspace
from streams.flows.review import checks, review
from tests.flows.sources import TEMPLATES, WORKSPACE, whole

GOOD = [
    *(whole(each.good) for each in checks().values()),
    *(path.read_text("utf-8") for path in sorted(LIBRARY.glob("*/flow.yaml"))),
]
WORKSPACES = [(LIBRARY / "workspace.yaml").read_text("utf-8")]
WORDS = sorted({word for text in (*GOOD, *WORKSPACES) for word in re.findall(r"[\w.:\-]+|[^\w\s]|\s+", text)})


@st.composite
def bent(draw: st.DrawFn, texts: list[str]) -> str:
    """A good file with a few words taken out, put in, doubled, swapped or cut off."""
    words = re.findall(r"[\w.:\-]+|[^\w\s]|\s+", draw(st.sampled_from(texts)))
    rng = random.Random(draw(st.integers(0, 2**32)))
    for _ in range(draw(st.integers(0, 6))):
        at = rng.randrange(len(words) + 1)
        match rng.randrange(5):
            case 0:
                words[at : at + rng.randrange(1, 4)] = []
            case 1:
                words.insert(at, rng.choice(WORDS))
            case 2:
                words[at : at + 1] = [rng.choice(WORDS)]
            case 3:
                words[at:at] = words[at : at + rng.randrange(1, 12)]
            case _:
                words = words[: max(at, 1)]
        if not words:
            break
    return "".join(words)


def located(findings: list[Finding], text: str) -> bool:
    """Every finding stands within the file (or right behind its end) and says what to do."""
    lines = text.count("\n") + 2
    return bool(findings) and all(
        1 <= each.line <= lines and each.column >= 1 and each.message and each.advice for each in findings
    )


@settings(max_examples=400, deadline=None)
@given(bent(GOOD))
def test_a_file_is_a_flow_or_has_findings(text: str) -> None:
    """A flow is the same after its definition; what the review lets pass compiles; all else is located."""
    found = parse(text, "flow.yaml")
    if isinstance(found, list):
        assert located(found, text)
        return
    bundled = definition(found.flow, TEMPLATES.templates)
    read = read_definition(bundled)
    assert read.flow == found.flow
    assert definition(read.flow, read.templates) == bundled
    remarks = review(found, WORKSPACE, TEMPLATES)
    assert all(finding.line >= 1 and finding.message and finding.advice for finding in remarks)
    if not any(finding.severity == "error" for finding in remarks):
        program = compile_definition("acme", bundled)
        assert isinstance(program, Program)
        ways = ("next", "on_response", "no_response", "otherwise")
        ends = [getattr(step, way) for step in program.steps for way in ways if hasattr(step, way)]
        assert all(-1 <= end < len(program.steps) for end in ends)


@settings(max_examples=150, deadline=None)
@given(bent(WORKSPACES))
def test_a_file_is_a_workspace_or_has_findings(text: str) -> None:
    """A workspace is the same after its definition, and compiles."""
    found = parse_workspace(text, "workspace.yaml")
    if not isinstance(found, Workspace):
        assert located(found, text)
        return
    bundled = workspace_definition(found)
    assert read_workspace(bundled) == found
    assert compile_workspace(bundled).id == found.workspace


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_any_text_at_all(text: str) -> None:
    """No text brings the parser down."""
    found = parse(text, "flow.yaml")
    assert isinstance(found, FlowFile) or located(found, text)


def test_the_good_ones_are_good() -> None:
    """The fuzz starts from files that parse; else it would prove nothing."""
    assert all(isinstance(parse(text, "flow.yaml"), FlowFile) for text in GOOD)
    assert all(isinstance(parse_workspace(text, "w.yaml"), Workspace) for text in WORKSPACES)
    assert msgspec.json.decode(definition(parse(GOOD[0], "f").flow))  # type: ignore[union-attr]
