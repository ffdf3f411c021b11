"""Every code has an example of what it finds and one of what it lets be, and both are true."""

import re
from pathlib import Path

import pytest

from streams.flows import FlowFile, parse
from streams.flows.parsing.codes import FORM
from streams.flows.parsing.located import Unreadable, decode
from streams.flows.review import Check, checks, review
from tests.flows.sources import TEMPLATES, WORKSPACE, flow_file, whole

CHECKS = list(checks().values())
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("each", CHECKS, ids=lambda each: each.code)
def test_the_bad_example_has_the_finding(each: Check) -> None:
    """A check finds what its example shows, on a line and column of the file or of a template."""
    found = [
        finding for finding in review(flow_file(each.bad), WORKSPACE, TEMPLATES) if finding.code == each.code
    ]
    assert found
    for finding in found:
        assert finding.severity == each.severity
        assert finding.line <= len(whole(each.bad).splitlines())
        assert finding.message
        assert finding.advice


@pytest.mark.parametrize("each", CHECKS, ids=lambda each: each.code)
def test_the_good_example_has_it_not(each: Check) -> None:
    """A check lets its good example be."""
    assert each.code not in {f.code for f in review(flow_file(each.good), WORKSPACE, TEMPLATES)}


@pytest.mark.parametrize(
    "each", [each for each in CHECKS if each.severity == "error"], ids=lambda each: each.code
)
def test_the_good_example_of_an_error_has_no_error_at_all(each: Check) -> None:
    """A flow mended as its example shows can be published."""
    assert [f for f in review(flow_file(each.good), WORKSPACE, TEMPLATES) if f.severity == "error"] == []


@pytest.mark.parametrize("code", FORM)
def test_the_forms_codes_find_their_example(code: str) -> None:
    """A file that is wrong in its form has that code, located, and no tree."""
    data = (
        whole(FORM[code].bad).encode("utf-8", "surrogateescape")
        if code == "ATT003"
        else FORM[code].bad.encode()
    )
    try:
        found = parse(decode(data, "flow.yaml"), "flow.yaml")
    except Unreadable as unreadable:
        found = [unreadable.finding]
    assert isinstance(found, list)
    assert code in {finding.code for finding in found}
    assert all(finding.line >= 1 and finding.column >= 1 for finding in found)


def test_the_mended_form_parses() -> None:
    """The least flow that has no finding of its form."""
    assert isinstance(parse("flow: a\ntrigger: manual\nsteps: end", "flow.yaml"), FlowFile)


def test_every_code_is_in_the_authors_guide() -> None:
    """docs/flows.md lists every code with its meaning, and no other."""
    guide = (ROOT / "docs" / "flows.md").read_text()
    listed = dict(re.findall(r"^\| (ATT\d{3}) \| \w+ \| (.+?) \|", guide, re.MULTILINE))
    assert listed == {
        **{c: e.meaning for c, e in FORM.items()},
        **{c: e.meaning for c, e in checks().items()},
    }


def test_codes_are_told_apart() -> None:
    """A code of the review is never one of the form."""
    assert not set(FORM) & set(checks())
    assert len(checks()) >= 12
