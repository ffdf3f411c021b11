"""Conditions: each operator, missing values and wrong types, and answers that never hold a value."""

from typing import Any

import pytest
import re2

from streams.core.conditions import Answer, Subjects, ask, holds
from streams.core.program import All, Any_, Condition, FromNow, Not, Reference
from streams.core.testing import DAY, START
from tests.core.flows import asks

SUBJECTS = Subjects(
    now=START,
    zone="Europe/Rome",
    language="it-IT",
    properties={
        "total": 30,
        "list": ["a", "b"],
        "empty": "",
        "none": [],
        "flag": False,
        "on": True,
        "half": 0.5,
    },
    attributes={
        "city": "Forlì",
        "born": "1990-03-02",
        "at": "2026-03-02T12:00:00+01:00",
        "local": "2026-03-02T11:30:00",
        "ms": START,
        "words": ["È", "No"],
    },
    vars={"n": 3, "text": "ciao"},
    tags=("vip",),
    channel="sms",
    answers={"one": True, "two": False},
    last_answer=None,
)


def of(subject: str, name: str, operator: str | None = None, operand: Any = None, **fields: Any) -> bool:
    """Whether it holds."""
    return ask(asks(subject, name, operator, operand, **fields), SUBJECTS, {})


@pytest.mark.parametrize(
    ("name", "operator", "operand", "answer"),
    [
        ("total", "equals", 30, True),
        ("total", "equals", 30.0, True),
        ("total", "equals", "30", False),
        ("on", "equals", 1, False),
        ("on", "equals", True, True),
        ("total", "not_equals", 31, True),
        ("total", "not_equals", 30, False),
        ("total", "in", (1, 30), True),
        ("total", "in", (1, 2), False),
        ("total", "not_in", (1, 2), True),
        ("total", "not_in", (30,), False),
        ("total", "gt", 29, True),
        ("total", "gt", 30, False),
        ("total", "gte", 30, True),
        ("total", "lt", 30, False),
        ("total", "lt", 31, True),
        ("total", "lte", 30, True),
        ("half", "lte", 1, True),
        ("total", "between", (30, 40), True),
        ("total", "between", (31, 40), False),
        ("list", "has", "a", True),
        ("list", "has", "c", False),
        ("list", "has_any", ("c", "b"), True),
        ("list", "has_any", ("c", "d"), False),
        ("list", "has_all", ("a", "b"), True),
        ("list", "has_all", ("a", "c"), False),
        ("total", "exists", True, True),
        ("gone", "exists", True, False),
        ("gone", "exists", False, True),
        ("empty", "empty", True, True),
        ("none", "empty", True, True),
        ("list", "empty", True, False),
        ("list", "empty", False, True),
        ("total", None, None, True),
        ("flag", None, None, False),
        ("gone", None, None, False),
    ],
)
def test_operators_on_properties(name: str, operator: str | None, operand: Any, *, answer: bool) -> None:
    """Equality where true is not 1, membership, order, lists, presence."""
    assert of("property", name, operator, operand) is answer


@pytest.mark.parametrize(
    ("operator", "operand", "answer"),
    [
        ("contains", "orl", True),
        ("contains", "ORL", False),
        ("starts_with", "For", True),
        ("ends_with", "lì", True),
        ("ends_with", "li", False),
        ("matches", re2.compile("^F.*ì$"), True),
        ("matches", re2.compile("x"), False),
    ],
)
def test_operators_on_text(operator: str, operand: Any, *, answer: bool) -> None:
    """As it stands, unless folded."""
    assert of("attribute", "city", operator, operand) is answer


def test_folding_ignores_case_and_accents() -> None:
    """Of text and of lists; operands come folded, patterns ignore case themselves."""
    options = re2.Options()
    options.case_sensitive = False
    assert of("attribute", "city", "equals", "forli", fold=True)
    assert of("attribute", "city", "matches", re2.compile("^FORLI$", options=options), fold=True)
    assert of("attribute", "words", "has", "e", fold=True)
    assert of("property", "total", "equals", 30, fold=True)
    assert not of("property", "total", "matches", re2.compile("3"), fold=True)
    assert of("attribute", "city", "equals", Reference("attribute", "city"), fold=True)


@pytest.mark.parametrize(
    ("name", "operator", "operand", "answer"),
    [
        ("at", "before", "2026-03-02T12:00:01+01:00", True),
        ("at", "after", "2026-03-02T11:59:59+01:00", True),
        ("at", "on", "2026-03-02", True),
        ("at", "on", "2026-03-03", False),
        ("local", "after", FromNow(0), True),
        ("local", "before", "2026-03-02T10:31:00Z", True),
        ("born", "before", FromNow(-30 * 365 * DAY), True),
        ("ms", "after", FromNow(-1), True),
        ("ms", "before", FromNow(0), False),
    ],
)
def test_operators_on_moments(name: str, operator: str, operand: Any, *, answer: bool) -> None:
    """ISO 8601 or ms; without an offset in the contact's zone; against the clock where the flow says so."""
    assert of("attribute", name, operator, operand) is answer


@pytest.mark.parametrize("operator", ["contains", "gt", "before", "has", "empty", "matches", "between"])
def test_a_wrong_type_is_false_and_said(operator: str) -> None:
    """The fact says wrong_type."""
    operands: dict[str, Any] = {"between": (1, 2), "matches": re2.compile("x")}
    because: Answer = {}
    name = "on" if operator != "gt" else "list"
    assert not ask(asks("property", name, operator, operands.get(operator, "x")), SUBJECTS, because)
    assert because == {f"property {name} {operator}": "wrong_type"}


def test_a_text_that_is_no_moment_is_a_wrong_type() -> None:
    """Whatever it is compared with."""
    because: Answer = {}
    assert not ask(asks("attribute", "city", "before", "2026-01-01"), SUBJECTS, because)
    assert because == {"attribute city before": "wrong_type"}


def test_a_missing_value_is_false_but_for_not_equals_and_not_in() -> None:
    """The fact says missing."""
    because: Answer = {}
    assert not ask(asks("attribute", "gone", "equals", 1), SUBJECTS, because)
    assert because == {"attribute gone equals": "missing"}
    assert of("attribute", "gone", "not_equals", 1)
    assert of("attribute", "gone", "not_in", (1,))
    assert not of("attribute", "gone", "empty", True)


def test_a_missing_reference_is_false_but_for_not_equals_and_not_in() -> None:
    """Bare or in a list."""
    nothing = Reference("var", "gone")
    assert not of("property", "total", "equals", nothing)
    assert not of("property", "total", "in", (30, nothing))
    assert of("property", "total", "not_equals", nothing)


def test_a_reference_is_looked_up() -> None:
    """In the event, the contact, the journey."""
    assert of("property", "total", "gt", Reference("var", "n"))
    assert not of("var", "n", "gt", Reference("property", "total"))
    assert of("var", "text", "not_equals", Reference("attribute", "city"))


def test_states_hold_or_do_not() -> None:
    """Tag, channel, language, responded."""
    assert of("tag", "vip")
    assert not of("tag", "other")
    assert of("channel", "sms")
    assert not of("channel", "email")
    assert of("language", "it")
    assert of("language", "it-IT")
    assert not of("language", "i")
    assert of("responded", "one")
    assert not of("responded", "two")
    assert not of("responded", "last")


def test_all_any_and_not() -> None:
    """They stop at the first that decides, and say what was asked."""
    yes, no = asks("tag", "vip"), asks("tag", "other")
    because: Answer = {}
    condition: Condition = All((yes, Any_((no, yes)), Not(no)))
    assert ask(condition, SUBJECTS, because)
    assert because == {"tag vip": "true", "tag other": "false"}
    assert not ask(All((no, yes)), SUBJECTS, {})
    assert not ask(Any_((no, no)), SUBJECTS, {})
    assert ask(All(()), SUBJECTS, {})


def test_no_condition_always_holds() -> None:
    """Nothing is asked."""
    assert holds(None, SUBJECTS)
    assert not holds(asks("tag", "other"), SUBJECTS)


def test_answers_never_hold_a_value() -> None:
    """Facts are plain."""
    because: Answer = {}
    ask(asks("attribute", "city", "equals", "Forlì"), SUBJECTS, because)
    assert "Forlì" not in str(because)


def test_a_subject_that_the_rules_do_not_know_is_an_error() -> None:
    """Flows are reviewed before they come here."""
    with pytest.raises(ValueError, match="did"):
        of("did", "split-1")


def test_a_moment_in_an_unknown_zone_is_read_in_utc() -> None:
    """Never the machine's own."""
    import msgspec  # noqa: PLC0415 - only here

    there = msgspec.structs.replace(SUBJECTS, zone="Nowhere/Land")
    assert not ask(asks("attribute", "local", "before", "2026-03-02T11:30:00Z"), there, {})
