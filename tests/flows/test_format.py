"""The canonical form: the same meaning, every comment, and nothing more to change a second time."""

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import UsageError
from streams.flows import FlowFile, definition, parse
from streams.flows.files import LIBRARY, FindingsError
from streams.flows.format import formatted
from streams.flows.format_tree import document
from streams.flows.parsing.located import Unreadable, load
from streams.flows.review import checks
from tests.flows.sources import whole
from tests.flows.test_cli import run
from tests.flows.test_fuzz import GOOD, WORKSPACES, bent

FILES = sorted(LIBRARY.rglob("*.yaml"))


def canonical(text: str) -> str:
    """Formatted, and formatted once more without a change."""
    made = formatted(text, "f.yaml")
    assert formatted(made, "f.yaml") == made
    return made


@pytest.mark.parametrize("path", FILES, ids=lambda path: "-".join(path.parts[-3:]))
def test_a_file_of_the_library_keeps_meaning_and_comments(path: Path) -> None:
    """Its definition is the same, and each comment is there."""
    text = path.read_text("utf-8")
    made = canonical(text)
    assert re.findall(r"#.*", made) == re.findall(r"#.*", text)
    before, after = parse(text, "a"), parse(made, "a")
    if isinstance(before, FlowFile):
        assert isinstance(after, FlowFile)
        assert definition(after.flow) == definition(before.flow)


@pytest.mark.parametrize("path", FILES, ids=lambda path: "-".join(path.parts[-3:]))
def test_what_comes_along_is_in_canonical_form(path: Path) -> None:
    """`attesa flow fmt --check` has nothing to say of it."""
    assert formatted(path.read_text("utf-8"), str(path)) == path.read_text("utf-8")


@given(st.one_of(bent(GOOD), bent(WORKSPACES)))
@settings(max_examples=120, deadline=None)
def test_whatever_is_yaml_is_laid_out_and_means_the_same(text: str) -> None:
    """It never fails on what can be read, and a second time changes nothing."""
    try:
        load(text, "f.yaml")
    except Unreadable:
        return
    canonical(text)


AWKWARD = [
    *(
        " a",
        "a ",
        "a: b",
        "a #b",
        "- a",
        "-30d",
        "10:00",
        "no",
        "true",
        "null",
        "~",
        "1_000",
        "0x1F",
        "'",
        '"',
    ),
    *(
        'it\'s "so"',
        "{{ a }}",
        "[x",
        "*a",
        "&a",
        "!t",
        "|",
        "---",
        "...",
        "\\",
        "1e3",
        ".5",
        "-",
        "?",
        ":",
        "a:",
    ),
    *("#", "%", "@", "`", "a\nb", "a\nb\n", "\n", " \na", "a\n\n", "è\u2028x", "\u00a0", "\U0001f600", ""),
]
SCALARS = st.one_of(st.text(max_size=30), st.sampled_from(AWKWARD))


@given(
    st.recursive(
        SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(SCALARS, inner, max_size=4)
    )
)
@settings(max_examples=150, deadline=None)
def test_every_text_comes_back(value: object) -> None:
    """Whatever stands in a file as text, in quotes and in braces or not."""
    import json  # noqa: PLC0415 - JSON is YAML: a way to write any value

    text = json.dumps({"flow": value})
    try:
        load(text, "f.yaml")
    except Unreadable:
        return
    canonical(text)


@pytest.mark.parametrize("check", sorted(checks()))
def test_the_examples_of_the_codes_keep_their_definition(check: str) -> None:
    """Good and bad ones alike."""
    for part in (checks()[check].good, checks()[check].bad):
        before, after = parse(whole(part), "a"), parse(canonical(whole(part)), "a")
        assert isinstance(before, FlowFile)
        assert isinstance(after, FlowFile)
        assert definition(after.flow) == definition(before.flow)


def test_the_form() -> None:
    """Keys in the guide's order, lists set in, quotes where needed, comments below each other."""
    text = """
# on top

steps:
- send: {text: "Ciao: a tutti", channel: sms}   # hello
  id: "a"

- wait: "1h"
  # why
  id: b
  title: 'Un''attesa'
- {if: {tag: vip}, then: [ end ],
   else: [{wait: 2h}]} # last
trigger:   manual # t
flow: x # f


# end
"""
    assert canonical(text) == (
        """# on top
flow: x           # f
trigger: manual   # t
steps:
  - id: a
    send: {channel: sms, text: "Ciao: a tutti"}   # hello

  # why
  - id: b
    title: Un'attesa
    wait: 1h
  - {if: {tag: vip}, then: [end], else: [{wait: 2h}]}   # last
# end
"""
    )


def test_long_lines_are_broken_and_blocks_of_text_stay() -> None:
    """Braces that do not fit become lines; a text of several lines is a block."""
    one = "{id: one, send: {channel: whatsapp, template: uno}}"
    two = "{id: two, send: {channel: [whatsapp, sms, email], template: long-name-of-a-template}, title: T}"
    made = canonical(f"flow: a\ntrigger: manual\nsteps: [{one}, {two}]")
    assert made.splitlines()[2:] == [
        "steps:",
        f"  - {one}",
        "  - {id: two, title: T, send: {channel: [whatsapp, sms, email], template: long-name-of-a-template}}",
    ]
    head = "flow: a\ntrigger: manual\nsteps:\n  - send:\n      text: |\n"
    block = f"{head}        # no comment\n        due\n      # one\n"
    assert canonical(block) == block.replace("      # one\n", "# one\n")


def test_comments_stay_with_what_they_stand_beside() -> None:
    """Also where a line in braces is broken, an item begins with another key, a list is empty."""
    long = "x" * 90
    assert canonical(
        f"steps:\n  - {{wait: 1h}}   # one\n  - {{id: a, send: {{text: {long}}}}} # two\n# three\n"
    ) == (f"steps:\n  - {{wait: 1h}}   # one\n  - id: a   # two\n    send: {{text: {long}}}\n# three\n")
    inside = canonical("steps: [a, # one\n  b, # two\n  # three\n  c] # four\nflow: x\n")
    assert sorted(re.findall(r"# \w+", inside)) == ["# four", "# one", "# three", "# two"]


def test_anchors_keep_their_places() -> None:
    """An alias stands behind its anchor: nothing changes places then."""
    made = canonical("steps: [&w {wait: 1h}, *w]\nflow: a\ntrigger: manual\n")
    assert made.splitlines()[0].startswith("steps: [&w {wait: 1h}, *w]")


def test_the_tree_knows_what_is_a_comment() -> None:
    """Not a `#` within quotes, a word or a block."""
    _, rest = document("a: 'x # y'\nb: x#y\nc: |\n  # z\nd: \"#\" # yes\n# rest\n")
    assert rest == ["# rest"]


def test_fmt_writes_or_checks(tmp_path: Path) -> None:
    """In place, only what changes; `--check` writes nothing and exits with 1."""
    flow = tmp_path / "flow.yaml"
    flow.write_text("steps: [end]\ntrigger: manual\nflow: a\n", "utf-8")
    assert run("fmt", flow, "--check").exit_code == 1
    assert flow.read_text("utf-8").startswith("steps")
    assert run("fmt", tmp_path).exit_code == 0
    assert flow.read_text("utf-8") == "flow: a\ntrigger: manual\nsteps: [end]\n"
    assert run("fmt", flow, "--check").exit_code == 0
    flow.write_text("flow: [", "utf-8")
    with pytest.raises(FindingsError):
        run("fmt", flow)
    with pytest.raises(UsageError):
        run("fmt", tmp_path / "no.yaml")
