"""Files on disk: templates beside flows, folders, the ready flows."""

from pathlib import Path

import pytest

from schemas.errors import UsageError
from streams.flows import compile_definition
from streams.flows.files import (
    LIBRARY,
    FindingsError,
    copy_ready,
    flow_paths,
    lint,
    read_workspace_file,
    ready_flows,
)
from streams.flows.template_files import read_template, read_templates
from streams.flows.templates import render
from tests.flows.sources import WORKSPACE

EXAMPLE = read_workspace_file(LIBRARY / "workspace.yaml")[0]


def write(folder: Path, **files: str) -> Path:
    """Writes files; `templates__a_it` is templates/a.it.liquid, `flow` flow.yaml."""
    for name, text in files.items():
        *folders, last = name.split("__")
        suffix = ".liquid" if folders else ".yaml"
        path = folder.joinpath(*folders, last.replace("_", ".") + suffix)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


FLOW = "flow: hello\ntrigger: {agent_message: any}\nsteps: [{send: {channel: whatsapp, template: ciao}}]\n"


def test_templates_are_read_by_name_and_language(tmp_path: Path) -> None:
    """`ciao.it.liquid` is Italian, `ciao.liquid` any; both go into the definition."""
    write(tmp_path, flow=FLOW, templates__ciao_it="Ciao!\n", templates__ciao="Hi!", templates__other="x")
    file, text, content = lint(tmp_path / "flow.yaml", WORKSPACE).publishable({})
    assert '"templates":{"ciao":{"*":{"text":"Hi!"},"it":{"text":"Ciao!"}}}' in text
    assert compile_definition("acme", text).content == content
    assert file.flow.flow == "hello"


def test_a_template_that_changes_changes_the_content(tmp_path: Path) -> None:
    """The same flow with another text is another version."""
    write(tmp_path, flow=FLOW, templates__ciao="a")
    before = lint(tmp_path / "flow.yaml", WORKSPACE).publishable({})[2]
    write(tmp_path, templates__ciao="b")
    assert lint(tmp_path / "flow.yaml", WORKSPACE).publishable({})[2] != before


@pytest.mark.parametrize(
    ("text", "message", "subject"),
    [
        ("Ciao\n", "Ciao", None),
        ("subject: Un saluto\n---\nCiao\n\n", "Ciao", "Un saluto"),
        ("Subject:  {{ contact.name }}\n---\nCiao\na", "Ciao\na", "{{ contact.name }}"),
        ("subject: Un saluto\nCiao", "subject: Un saluto\nCiao", None),
        ("subject:\n---\nCiao", "Ciao", None),
        ("---\nCiao", "---\nCiao", None),
        ("", "", None),
    ],
)
def test_a_template_may_start_with_its_subject(text: str, message: str, subject: str | None) -> None:
    """A line `subject:` with a line `---` right after it; anything else is message."""
    template = read_template(text, "a.liquid")
    assert (template.text, template.subject) == (message, subject)


def test_findings_in_a_template_stand_in_its_file(tmp_path: Path) -> None:
    """Its own file and line, below the subject too."""
    write(tmp_path, flow=FLOW, templates__ciao="subject: {{ who }}\n---\nCiao\n  {{ nome }}\n")
    found = [
        finding for finding in lint(tmp_path / "flow.yaml", WORKSPACE).findings if finding.code == "ATT103"
    ]
    assert [(Path(each.file).name, each.line, each.column) for each in found] == [
        ("ciao.liquid", 1, 4), ("ciao.liquid", 4, 6),
    ]  # fmt: skip


def test_template_files_that_cannot_be_read_are_findings(tmp_path: Path) -> None:
    """A wrong encoding and a wrong name, beside the flow's own findings."""
    write(tmp_path, flow=FLOW, templates__ciao="x", templates__a_b_c="x")
    (tmp_path / "templates" / "Ciao.liquid").write_text("x")
    (tmp_path / "templates" / "latin.liquid").write_bytes("è".encode("latin-1"))
    linted = lint(tmp_path / "flow.yaml", WORKSPACE)
    assert sorted((finding.code, Path(finding.file).name) for finding in linted.findings) == [
        ("ATT003", "latin.liquid"), ("ATT009", "Ciao.liquid"), ("ATT009", "a.b.c.liquid"),
    ]  # fmt: skip
    with pytest.raises(FindingsError, match="latin"):
        linted.publishable({})


def test_a_folder_without_templates_has_none(tmp_path: Path) -> None:
    """No folder, no templates, no error."""
    assert read_templates(tmp_path / "templates")[0].templates == {}


def test_flow_files_are_found(tmp_path: Path) -> None:
    """In folders by their `flow:`, at any depth, each once; a workspace file is none."""
    write(tmp_path, flow=FLOW, deep__x="no", workspace="workspace: a\n")
    (tmp_path / "deep" / "second.yml").write_text(FLOW)
    found = flow_paths([tmp_path, tmp_path / "flow.yaml"])
    assert [path.name for path in found] == ["second.yml", "flow.yaml"]
    with pytest.raises(UsageError, match="no file"):
        flow_paths([tmp_path / "nowhere.yaml"])
    with pytest.raises(UsageError, match="no flow files"):
        flow_paths([write(tmp_path / "empty", workspace="workspace: a")])


def test_an_error_can_be_allowed_with_a_reason_if_it_can_be_run(tmp_path: Path) -> None:
    """An unreachable step may be; a missing template may not, nor what does not parse."""
    write(tmp_path, flow=FLOW.replace("steps: [", "steps: [end, "), templates__ciao="x")
    linted = lint(tmp_path / "flow.yaml", WORKSPACE)
    with pytest.raises(FindingsError, match="ATT121"):
        linted.publishable({})
    assert linted.publishable({"ATT121": "later"})[0].flow.flow == "hello"
    missing = lint(write(tmp_path / "b", flow=FLOW) / "flow.yaml", WORKSPACE)
    with pytest.raises(FindingsError, match="ATT101"):
        missing.publishable({"ATT101": "really"})
    broken = lint(write(tmp_path / "c", flow="flow: a") / "flow.yaml", WORKSPACE)
    with pytest.raises(FindingsError, match="ATT007"):
        broken.publishable({"ATT007": "really"})


def test_files_that_cannot_be_opened_are_wrong_usage(tmp_path: Path) -> None:
    """Not a finding: there is no file to stand in."""
    with pytest.raises(UsageError, match="cannot be read"):
        lint(tmp_path, None)
    with pytest.raises(UsageError, match="cannot be read"):
        read_workspace_file(tmp_path / "nowhere.yaml")
    (tmp_path / "w.yaml").write_bytes(b"\xff")
    with pytest.raises(FindingsError, match="ATT003"):
        read_workspace_file(tmp_path / "w.yaml")
    (tmp_path / "w.yaml").write_text("workspace: a")
    with pytest.raises(FindingsError, match="ATT007"):
        read_workspace_file(tmp_path / "w.yaml")


def test_a_flow_that_is_not_utf_8_is_a_finding(tmp_path: Path) -> None:
    """Bytes are decoded before anything is read."""
    (tmp_path / "flow.yaml").write_bytes("flow: perché".encode("latin-1"))
    (finding,) = lint(tmp_path / "flow.yaml", None).findings
    assert finding.code == "ATT003"


@pytest.mark.parametrize("name", ready_flows())
def test_a_ready_flow_can_be_published_as_it_is(name: str) -> None:
    """No error against the example workspace, and no warning but the one that it is known for."""
    linted = lint(ready_flows()[name] / "flow.yaml", EXAMPLE)
    file, text, _ = linted.publishable({})
    assert file.flow.flow == name
    assert {finding.code for finding in linted.findings} == (
        {"ATT131"} if name == "nudge-and-close" else set()
    )
    assert compile_definition("acme", text).steps


@pytest.mark.parametrize("name", ready_flows())
def test_a_ready_flow_says_something_in_italian_and_english(name: str) -> None:
    """Every template is there in both languages and needs no value that a contact may lack."""
    linted = lint(ready_flows()[name] / "flow.yaml", EXAMPLE)
    for template, languages in linted.templates.templates.items():
        assert set(languages) == {"it", "en"}
        italian, english = (
            render(linted.templates.templates, template, each, {}).text for each in ("it", "en")
        )
        assert italian
        assert english
        assert italian != english


def test_the_seeds_ready_flows_are_there() -> None:
    """Nudge and close in both variants, verify purchase, abandoned cart."""
    assert set(ready_flows()) >= {"nudge-and-close", "nudge-after-reply", "verify-purchase", "abandoned-cart"}


def test_a_ready_flow_is_copied_and_never_over_something(tmp_path: Path) -> None:
    """With its templates, into a folder of its own; a second time is refused before anything is written."""
    files = copy_ready("abandoned-cart", tmp_path)
    assert tmp_path / "abandoned-cart" / "flow.yaml" in files
    assert not lint(tmp_path / "abandoned-cart" / "flow.yaml", EXAMPLE).findings
    with pytest.raises(UsageError, match="nothing was copied"):
        copy_ready("abandoned-cart", tmp_path)
    assert copy_ready("workspace", tmp_path) == [tmp_path / "workspace.yaml"]
    with pytest.raises(UsageError, match="no ready flow"):
        copy_ready("nowhere", tmp_path)
