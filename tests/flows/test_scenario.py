"""Scenario files: read with located findings, lived through, compared."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from schemas.errors import UsageError
from streams.flows.files import LIBRARY, flow_paths, ready_flows, scenario_paths
from streams.flows.parsing.scenario import Scenario, parse_scenario
from streams.flows.scenario import junit, moment_of, try_scenario
from streams.flows.trial import (
    ContactWrites,
    EventHappens,
    Known,
    KnownChanges,
    ReceiptComes,
    StartedByHand,
    Timed,
)

FLOW = """
flow: hello
trigger: {event: order.completed}
steps:
  - {id: greet, send: {channel: sms, text: Ciao}}
  - {id: answer, customer_response: {within: 1h, no_response: [{id: again, send: {text: Ci sei?}}]}}
"""
HEAD = "scenario: s\nflow: flow.yaml\nstart: 2026-03-02T10:00\n"


def scenario_of(text: str) -> Scenario:
    """Read without findings."""
    scenario = parse_scenario(text, "dir/s.yaml")
    assert isinstance(scenario, Scenario), scenario
    return scenario


def codes_of(text: str) -> list[tuple[str, int, int]]:
    """Its findings' codes and places."""
    found = parse_scenario(text, "s.yaml")
    assert isinstance(found, list), found
    return [(each.code, each.line, each.column) for each in found]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a flow."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "flow.yaml").write_text(FLOW, "utf-8")
    return tmp_path


def write(folder: Path, body: str, name: str = "s.yaml") -> Path:
    """A scenario of that flow: an order at once, and `body`."""
    (folder / name).write_text(f"{HEAD}contact: {{zone: Europe/Rome}}\n{body}", "utf-8")
    return folder / name


ORDER = "do: [{at: 0s, event: order.completed}]\n"


@pytest.mark.parametrize("path", scenario_paths([LIBRARY]), ids=lambda path: "-".join(path.parts[-3::2]))
def test_the_ready_flows_do_as_their_scenarios_say(path: Path) -> None:
    """Every scenario that comes along goes as it says."""
    verdict = try_scenario(path)
    assert verdict.good, str(verdict)


def test_every_ready_flow_has_scenarios() -> None:
    """At least three each: answered, silent, late or what corresponds."""
    for name, folder in ready_flows().items():
        assert len(list((folder / "scenarios").glob("*.yaml"))) >= 3, name


def test_a_scenario_is_no_flow() -> None:
    """It says `flow:` too, and is not taken for one."""
    assert not [path for path in flow_paths([LIBRARY]) if "scenarios" in path.parts]


def test_everything_that_can_be_written() -> None:
    """Acts bare and in full; the contact; what is expected, bare and in full."""
    scenario = scenario_of(
        HEAD
        + "contact: {zone: Europe/Rome, language: it, attributes: {name: Anna, pet: {kind: cat}}, tags: vip, "
        "consent: {marketing: true, service: false}}\n"
        "do:\n"
        "  - {at: 0s, event: order.completed, properties: {total: 30, items: [a, b]}}\n"
        "  - {at: 1h, message: {text: sì, channel: sms, kind: text}}\n"
        "  - {at: 1h30m, delivery: read, of: greet}\n"
        "  - {at: 2h, set: {tags: x, untag: vip, attributes: {name: null}, consent: [marketing]}}\n"
        "  - {at: 2h, start: {vars: {n: 1}}}\n"
        "expect:\n  - ended\n  - {at: 1h, within: 5s, sent: {step: a, template: b, channel: sms}}\n"
    )
    assert scenario.flow == Path("dir/flow.yaml")
    assert scenario.contact == Known(
        zone="Europe/Rome",
        language="it",
        attributes={"name": "Anna", "pet.kind": "cat"},
        tags=("vip",),
        consent={"marketing": True, "service": False},
    )
    assert scenario.acts == (
        Timed(0, EventHappens(name="order.completed", properties={"total": 30, "items": ["a", "b"]})),
        Timed(3_600_000, ContactWrites(text="sì", channel="sms")),
        Timed(5_400_000, ReceiptComes(status="read", of="greet")),
        Timed(
            7_200_000,
            KnownChanges(
                to=Known(
                    tags=("x",), untagged=("vip",), attributes={"name": None}, consent={"marketing": True}
                )
            ),
        ),
        Timed(7_200_000, StartedByHand(vars={"n": 1})),
    )
    first, second = scenario.expect
    assert (first.kind, first.about, first.at) == ("ended", {}, None)
    assert (second.about, second.at, second.within) == (
        {"step": "a", "template": "b", "channel": "sms"},
        3_600_000,
        5_000,
    )


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("scenario: [", [("ATT001", 1, 12)]),
        ("scenario: s", [("ATT007", 1, 1)] * 4),
        (HEAD + "do: []\nexpect: []\nexpects: []", [("ATT005", 6, 1)]),
        (HEAD + "do: [{event: a}]\nexpect: []", [("ATT007", 4, 6)]),
        (HEAD + "do: [{at: 1h}]\nexpect: []", [("ATT007", 4, 6)]),
        (HEAD + "do: [{at: soon, message: a}]\nexpect: []", [("ATT009", 4, 11)]),
        (HEAD + "do: [{at: 1h, message: a, event: b}]\nexpect: []", [("ATT010", 4, 27)]),
        (HEAD + "do: [{at: 1h, delivery: lost}]\nexpect: []", [("ATT009", 4, 25)]),
        (HEAD + "do: [{at: 1h, message: a, properties: {b: 1}}]\nexpect: []", [("ATT005", 4, 27)]),
        (HEAD + "do: []\nexpect: [{sent: {stepp: a}}]", [("ATT005", 5, 18)]),
        (HEAD + "do: []\nexpect: [{sent: {reason: cap}}]", [("ATT005", 5, 18)]),
        (HEAD + "do: []\nexpect: [{at: 1h}]", [("ATT007", 5, 10)]),
        (HEAD.replace("2026-03-02T10:00", "monday") + "do: []\nexpect: []", [("ATT009", 3, 8)]),
    ],
)
def test_what_is_wrong_is_located(text: str, codes: list[tuple[str, int, int]]) -> None:
    """The codes of flow files, with line and column."""
    assert codes_of(text) == codes


def test_as_expected(folder: Path) -> None:
    """In order; what is not mentioned may come between."""
    path = write(folder, ORDER + "expect: [{sent: {step: greet}}, {sent: {step: again}}, ended]")
    verdict = try_scenario(path)
    assert (verdict.good, verdict.expected) == (True, 3)


def test_grace_need_not_be_counted(folder: Path) -> None:
    """An hour's wait ends after an hour, or after the hour and the grace; not before, not later."""
    for at, good in (("1h", True), ("1h10s", True), ("59m58s", False), ("1h12s", False)):
        body = f"expect: [{{at: {at}, timed_out: {{step: answer}}}}, {{at: {at}, sent: {{step: again}}}}]"
        assert try_scenario(write(folder, ORDER + body)).good is good, at


def test_what_is_missing_is_shown_with_what_happened_around_then(folder: Path) -> None:
    """The expectation with its line, what came nearest, and the timeline."""
    verdict = try_scenario(write(folder, ORDER + "expect:\n  - {at: 2h, sent: {step: again}}\n"))
    (difference,) = verdict.differences
    assert difference.line == 7
    assert difference.expected == "sent {step: again}, +2 h within 1 s"
    assert difference.came == "sent {step: again, template: again, channel: sms}, +1 h 10 s"
    assert any(line.endswith("+1 h 10 s  answer has no answer in 1 h") for line in difference.around)
    assert str(verdict).startswith("FAILED")


def test_what_never_came_is_said(folder: Path) -> None:
    """Nothing of the kind; and the rest is still compared."""
    verdict = try_scenario(write(folder, ORDER + "expect: [responded, ended]"))
    assert [(each.expected, each.came) for each in verdict.differences] == [
        ("responded", "nothing of the kind")
    ]


def test_the_order_counts(folder: Path) -> None:
    """What came before what was met already does not count again."""
    body = "expect: [{sent: {step: again}}, {sent: {step: greet}}]"
    (difference,) = try_scenario(write(folder, ORDER + body)).differences
    assert difference.expected == "sent {step: greet}"


def test_exactly_allows_nothing_beside(folder: Path) -> None:
    """Each thing too many is a difference of its own."""
    body = "expect: [{sent: {step: greet}}]\nexactly: true"
    came = [each.came.split(",")[0] for each in try_scenario(write(folder, ORDER + body)).differences]
    assert came == [
        "started {step: greet}",
        "wait_opened {step: answer",
        "timed_out {step: answer",
        "sent {step: again",
        "ended {step: again",
    ]


def test_what_cannot_be_done_is_a_difference(folder: Path) -> None:
    """An unknown channel, a receipt for nothing: never passed over."""
    for line in ("message: {text: a, channel: pigeon}", "delivery: read"):
        assert not try_scenario(write(folder, f"do: [{{at: 0s, {line}}}]\nexpect: []")).good


def test_a_broken_scenario_or_flow_has_findings(folder: Path) -> None:
    """Nothing is tried then."""
    assert try_scenario(write(folder, "do: []")).findings
    (folder / "flow.yaml").write_text("flow: a", "utf-8")
    assert try_scenario(write(folder, ORDER + "expect: []")).findings


def test_a_start_without_an_offset_is_by_the_clock_of_the_contact() -> None:
    """Ten in Rome is nine in London."""
    assert moment_of("2026-03-02T10:00", "Europe/Rome") == moment_of("2026-03-02T09:00Z", "Asia/Tokyo")


def test_junit_counts_and_explains(folder: Path) -> None:
    """A test case a scenario; failures and errors with their text."""
    good = try_scenario(write(folder, ORDER + "expect: [ended]", "good.yaml"))
    bad = try_scenario(write(folder, ORDER + "expect: [responded]", "bad.yaml"))
    broken = try_scenario(write(folder, "do: []", "broken.yaml"))
    suite = ET.fromstring(junit([good, bad, broken]).encode()).find("testsuite")  # noqa: S314 - our own
    assert suite is not None
    assert {name: suite.get(name) for name in ("tests", "failures", "errors")} == {
        "tests": "3",
        "failures": "1",
        "errors": "1",
    }
    cases = suite.findall("testcase")
    assert [[child.tag for child in case] for case in cases] == [[], ["failure"], ["error"]]
    assert "expected responded" in str(cases[1][0].text)


def test_paths_of_scenarios_that_are_not_there(tmp_path: Path) -> None:
    """A missing file, an empty folder: wrong usage."""
    for path in (tmp_path, tmp_path / "no.yaml"):
        with pytest.raises(UsageError):
            scenario_paths([path])
