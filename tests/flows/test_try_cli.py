"""`attesa flow diagram`, `simulate`, `test`: output and exit codes."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from schemas.errors import UsageError
from streams.flows.files import LIBRARY, FindingsError
from tests.flows.test_cli import GOOD, run

VERIFY = LIBRARY / "verify-purchase" / "flow.yaml"


def test_a_diagram_goes_to_standard_output_or_a_file(tmp_path: Path) -> None:
    """SVG unless the file's name, or `--format`, says Mermaid."""
    assert run("diagram", VERIFY).stdout.startswith("<svg ")
    assert "flowchart TD" in run("diagram", VERIFY, "--format", "mermaid").stdout
    run("diagram", VERIFY, "--out", tmp_path / "a.svg")
    assert ET.parse(tmp_path / "a.svg").getroot().tag.endswith("svg")  # noqa: S314 - our own
    said = json.loads(run("diagram", VERIFY, "--out", tmp_path / "a.mmd", "--json").stdout)
    assert said["rows"] == [{"flow": "verify-purchase", "format": "mermaid", "file": str(tmp_path / "a.mmd")}]
    assert "Ciao ‹contact.name›" in (tmp_path / "a.mmd").read_text("utf-8")
    with pytest.raises(UsageError):
        run("diagram", VERIFY, "--out", tmp_path / "no" / "a.svg")


def test_a_draft_is_drawn_and_a_broken_file_is_not(tmp_path: Path) -> None:
    """What lint finds does not stand in the way of a picture; what does not parse has none."""
    (tmp_path / "draft.yaml").write_text(GOOD.replace("text: Ciao", "template: nowhere"), "utf-8")
    assert "“nowhere”" in run("diagram", tmp_path / "draft.yaml").stdout
    (tmp_path / "broken.yaml").write_text("flow: a", "utf-8")
    with pytest.raises(FindingsError):
        run("diagram", tmp_path / "broken.yaml")


def test_simulate_starts_the_flow_by_itself() -> None:
    """The trigger with what it asks for; the timeline by the clock and since the beginning."""
    said = run("simulate", VERIFY, "--reply", "1h: sì", "--contact", "zone=Europe/Rome,language=it,name=Anna")
    assert "Mon 2026-03-02 11:00:00  +1 h" in said.stdout
    assert "“Ciao Anna! " in said.stdout
    assert said.stdout.rstrip().endswith("2 messages, over after 1 h")


def test_simulate_as_json_is_one_object() -> None:
    """`rows` has a line each."""
    said = json.loads(
        run(
            "simulate",
            VERIFY,
            "--event",
            '0s: order.completed product=espresso-x product_name="Espresso X" total=30',
            "--event",
            "90m: order.refunded",
            "--start",
            "2026-07-01T10:00",
            "--json",
        ).stdout
    )
    assert said["workspace"] == "acme"
    texts = [row["text"] for row in said["rows"] if row["text"]]
    assert texts == [
        (
            "Ciao e grazie! La tua Espresso X è in viaggio. "
            "Rispondi a questo messaggio e ti mandiamo la guida avanzata."
        )
    ]
    assert said["rows"][-1]["since"] == 5_400_000


def test_simulate_a_scenario() -> None:
    """The same as `test` lives through."""
    said = run("simulate", VERIFY, "--scenario", VERIFY.parent / "scenarios" / "refunded.yaml")
    assert "the journey ends: exit" in said.stdout
    with pytest.raises(UsageError):
        run("simulate", VERIFY, "--scenario", VERIFY.parent / "scenarios" / "late.yaml", "--reply", "1h: a")


@pytest.mark.parametrize(
    "options",
    [
        ["--reply", "sì"],
        ["--reply", "soon: sì"],
        ["--event", "1h:"],
        ["--contact", "zone"],
        ["--contact", "zone=Rome"],
        ["--start", "monday"],
    ],
)
def test_simulate_refuses_what_it_cannot_read(options: list[str]) -> None:
    """With the option in the message."""
    with pytest.raises(UsageError, match=options[0]):
        run("simulate", VERIFY, *options)


def test_simulate_without_a_workspace_says_so(tmp_path: Path) -> None:
    """A stand-in has every channel."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "flow.yaml").write_text(GOOD, "utf-8")
    said = run("simulate", tmp_path / "flow.yaml").stdout
    assert "a stand-in workspace" in said
    assert "a is sent on whatsapp" in said


def test_every_way_is_listed() -> None:
    """With its time and its messages, and the most of both."""
    said = run("simulate", VERIFY, "--all-paths").stdout
    assert "confirmed silent for 2 h" in said
    assert "at most 2 messages and 14 h, of 2 ways" in said
    cut = json.loads(run("simulate", VERIFY, "--all-paths", "--limit", 1, "--json").stdout)
    assert (len(cut["rows"]), cut["cut"], cut["most_messages"], cut["longest"]) == (1, True, 2, 50_400_000)


def test_scenarios_are_run_and_counted(tmp_path: Path) -> None:
    """0 if all go as they say; 1, with the difference and JUnit's file, if one does not."""
    good = run("test", LIBRARY)
    assert good.exit_code == 0
    assert " as expected, 0 not" in good.stdout
    (tmp_path / "wrong.yaml").write_text(
        f"scenario: wrong\nflow: {VERIFY}\nstart: 2026-03-02T10:00\ndo: []\nexpect: [sent]\n", "utf-8"
    )
    bad = run("test", tmp_path, "--junit", tmp_path / "junit.xml")
    assert bad.exit_code == 1
    assert "line 5: expected sent" in bad.stdout
    assert ET.parse(tmp_path / "junit.xml").find(".//failure") is not None  # noqa: S314 - our own
    said = run("test", tmp_path, "--json")
    assert said.exit_code == 1
    assert json.loads(said.stdout)["rows"][0]["differences"][0]["line"] == 5


def test_the_guides_picture_is_the_flow_as_it_is(tmp_path: Path) -> None:
    """`attesa flow diagram … --language en --out docs/pictures/verify-purchase.svg` makes it anew."""
    run("diagram", VERIFY, "--language", "en", "--out", tmp_path / "a.svg")
    pictures = Path(__file__).parents[2] / "docs" / "pictures"
    assert (pictures / "verify-purchase.svg").read_text("utf-8") == (tmp_path / "a.svg").read_text("utf-8")
