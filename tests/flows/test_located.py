"""YAML text into a located tree: positions, the core schema, and every way in which it is not readable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.flows.parsing.located import Items, Leaf, Pairs, Place, Unreadable, decode, load


def reason(text: str) -> Unreadable:
    """Why it cannot be read."""
    with pytest.raises(Unreadable) as caught:
        load(text, "flow.yaml")
    return caught.value


def at(text: str) -> tuple[str, int, int]:
    """The code and the place of what is wrong."""
    finding = reason(text).finding
    assert finding.file == "flow.yaml"
    return finding.code, finding.line, finding.column


def test_everything_knows_its_place() -> None:
    """Keys, values and list items have the line and column they start at, both from 1."""
    root = load("a: 1\nb:\n  - x\n  - {c: y}\n", "flow.yaml")
    assert isinstance(root, Pairs)
    assert root.keys == {"a": Place(1, 1), "b": Place(2, 1)}
    items = root.pairs["b"]
    assert isinstance(items, Items)
    assert [item.place for item in items.items] == [Place(3, 5), Place(4, 5)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("10:00", "10:00"),
        ("on", "on"),
        ("no", "no"),
        ("off", "off"),
        ("y", "y"),
        ("2026-12-25", "2026-12-25"),
        ("1_000", "1_000"),
        ("012", 12),
        ("0o14", 12),
        ("0x1F", 31),
        ("-3", -3),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("true", True),
        ("False", False),
        ("~", None),
        ("''", ""),
        ("'true'", "true"),
        ('"12"', "12"),
        ("21:00-08:00", "21:00-08:00"),
    ],
)
def test_plain_scalars_follow_the_core_schema_of_yaml_1_2(text: str, value: object) -> None:
    """Times, dates, on, off and no are text; quotes make anything text."""
    root = load(text, "flow.yaml")
    assert isinstance(root, Leaf)
    assert root.value == value
    assert type(root.value) is type(value)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", ("ATT001", 1, 1)),
        ("# only a comment\n", ("ATT001", 1, 1)),
        ("a: [1\n", ("ATT001", 2, 1)),
        ("a:\n\tb: 1\n", ("ATT001", 2, 1)),
        ("a: 1\nb: 2\na: 3\n", ("ATT004", 3, 1)),
        ("a: 1\n---\nb: 2\n", ("ATT001", 2, 1)),
        ("%YAML 1.1\n---\na: 1\n", ("ATT001", 2, 1)),
        ("a: !!python/object:os.system x\n", ("ATT001", 1, 4)),
        ("a: !mine x\n", ("ATT001", 1, 4)),
        ("a: *nobody\n", ("ATT001", 1, 4)),
        ("a: &a [*a]\n", ("ATT001", 1, 8)),
        ("? [a, b]\n: 1\n", ("ATT001", 1, 3)),
        ("a: b: c\n", ("ATT001", 1, 5)),
        ("a: 'b\n", ("ATT001", 2, 1)),
        ("a: .inf\n", ("ATT001", 1, 4)),
        ("a: .nan\n", ("ATT001", 1, 4)),
        ("a: 99999999999999999999\n", ("ATT001", 1, 4)),
        ("a: 1e999\n", ("ATT001", 1, 4)),
        ('a: "\\ud800"\n', ("ATT001", 1, 4)),
        ('a: "\\0"\n', ("ATT001", 1, 4)),
        ("a: \x01\n", ("ATT001", 1, 4)),
        ("[" * 100 + "]" * 100, ("ATT002", 1, 62)),
    ],
)
def test_what_cannot_be_read_says_where(text: str, where: tuple[str, int, int]) -> None:
    """Broken YAML, tabs, duplicates, directives, tags, bad aliases, cycles, odd numbers and characters."""
    assert at(text) == where


def test_a_tab_is_named_as_the_cause() -> None:
    """Who indents with a tab is told so."""
    assert "spaces" in reason("a:\n\tb: 1\n").finding.advice


def test_anchors_are_followed() -> None:
    """An alias is what its anchor holds."""
    root = load("a: &x {b: 1}\nc: *x\n", "flow.yaml")
    assert isinstance(root, Pairs)
    assert root.pairs["a"] == root.pairs["c"]


def test_anchors_that_explode_are_stopped() -> None:
    """A billion laughs are an error after fifty thousand, not a full memory."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    finding = reason("\n".join(lines)).finding
    assert finding.code == "ATT002"
    assert finding.line == 5


def test_a_megabyte_is_too_much() -> None:
    """Longer files are refused before anything is parsed, by bytes and by text."""
    assert reason("a: " + "x" * 1_000_001).finding.code == "ATT002"
    assert reason("a: " + "è" * 500_001).finding.code == "ATT002"
    with pytest.raises(Unreadable, match="ATT002"):
        decode(b"x" * 1_000_001, "flow.yaml")


def test_bytes_that_are_not_utf_8_say_where() -> None:
    """The line and column of the first wrong byte."""
    with pytest.raises(Unreadable) as caught:
        decode("flow: a\ntitle: perché\n".encode("latin-1"), "flow.yaml")
    finding = caught.value.finding
    assert (finding.code, finding.line, finding.column) == ("ATT003", 2, 13)
    assert decode("\ufeffflow: a".encode(), "flow.yaml") == "flow: a"
    with pytest.raises(Unreadable, match="ATT003"):
        decode("flow: a".encode("utf-16"), "flow.yaml")


@given(st.text(alphabet=st.sampled_from("ab:-?[]{}!&*|>'\"%@`#\n\t ,~0.\\<\x00\x85\u2028è"), max_size=60))
def test_any_text_is_a_tree_or_a_finding(text: str) -> None:
    """Whatever stands in a file: a tree, or one located finding; never another exception."""
    finding = None
    try:
        load(text, "flow.yaml")
    except Unreadable as unreadable:
        finding = unreadable.finding
    assert finding is None or (finding.line >= 1 and finding.column >= 1)
