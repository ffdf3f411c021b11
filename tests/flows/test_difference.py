"""What changed between two flows, in words."""

import json
from pathlib import Path

import pytest

from schemas.errors import UsageError
from streams.cli.flow_force import InForce
from streams.core.registry import FlowEntry, Registry
from streams.flows.change import change_of
from streams.flows.definition import Definition, definition, read_definition
from streams.flows.difference import differences
from streams.flows.files import LIBRARY, ready_flows
from streams.flows.parsing.flow import FlowFile, parse
from streams.log.publishing import flow_published
from tests.flows.sources import flow_file
from tests.flows.test_cli import run
from tests.flows.test_diagram import definition_of, random_flow

BASE = """trigger: {event: order.completed}
channel: sms
steps:
- {id: hello, send: {text: Ciao}}
- {id: answer, customer_response: {within: 1h, no_response: [{id: nudge, send: {text: Ci sei?}}]}}
- {id: pause, wait: 1h}
- {id: reminder, send: {text: Ricorda}}
- {id: which, if: {tag: vip}, then: [{id: gift, send: {text: Un regalo}}]}"""


def of(part: str) -> Definition:
    """The definition of a flow that says `part`."""
    return read_definition(definition(flow_file(part).flow))


def words(old: str, new: str) -> list[str]:
    """What is said when `old` in the flow becomes `new`."""
    assert old in BASE, old
    return [change.words for change in differences(of(BASE), of(BASE.replace(old, new)))]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "wait: 1h",
            "wait: 2h",
            ["pause waits 2 h instead of 1 h: reminder now goes after 2 h instead of 1 h"],
        ),
        (
            "within: 1h",
            "within: 30m",
            ["answer waits for the answer 30 min instead of 1 h: nudge now goes after 30 min instead of 1 h"],
        ),
        (
            "text: Ricorda",
            "text: Non dimenticare",
            ["the text of reminder is now “Non dimenticare” instead of “Ricorda”"],
        ),
        ("order.completed", "order.paid", ["it starts on event order.paid instead of event order.completed"]),
        ("{event: order.completed}", "[{event: order.completed}, manual]", ["it starts on by hand now too"]),
        (
            "{tag: vip}",
            "{tag: gold}",
            ["which asks whether the contact has the tag gold instead of the contact has the tag vip"],
        ),
        ("channel: sms", "channel: email", ["the flow’s channel is now email instead of sms"]),
        (
            "channel: sms",
            "channel: sms\nexit_on: {event: order.refunded}",
            ["it leaves on event order.refunded now too"],
        ),
        (
            "channel: sms",
            "channel: sms\nenter: {again: never}",
            ["a contact enters once and never again, instead of again after the journey has ended"],
        ),
        (
            "channel: sms",
            "channel: sms\npolicies: {quiet_hours: 21:00-08:00}",
            ["the flow’s quiet hours is now 21:00–08:00, postpone"],
        ),
        ("channel: sms", "channel: sms\nvars: {n: 3}", ["the variable n is now 3"]),
        ("channel: sms", "channel: sms\ntitle: Nuovo", ["the title is now Nuovo"]),
        (
            "- {id: pause, wait: 1h}\n",
            "",
            ["wait pause is gone (after answer)"],
        ),
        (
            "- {id: pause, wait: 1h}\n",
            "- {id: pause, wait: 1h}\n- {id: more, send: {channel: email, template: extra}}\n",
            ["send more is new, after pause: sends “extra”"],
        ),
        (
            "text: Ciao}}",
            "text: Ciao, vars: {a: x}}}",
            ['hello’s vars is now {"a":"x"}'],
        ),
        ("id: pause", "id: calm", ["pause is now called calm"]),
        (
            "{id: pause, wait: 1h}",
            "{id: pause, end: }",
            ["pause is now “end” instead of “wait”"],
        ),
        ("{text: Ciao}", "{text: Ciao, purpose: urgent}", ["hello’s purpose is now urgent"]),
        ("{text: Ciao}", "{text: Ciao, channel: [email, sms]}", ["hello’s channel is now email, sms"]),
        ("within: 1h,", "within: 1h, any_channel: true,", ["answer’s any channel is now true"]),
        (
            "{id: hello, send: {text: Ciao}}",
            "{id: hello, send: {text: Ciao}, policies: {priority: 80}}",
            ["hello’s priority is now 80"],
        ),
    ],
)
def test_a_change_in_words(old: str, new: str, said: list[str]) -> None:
    """One sentence for one change, and no other."""
    assert words(old, new) == said


def test_steps_that_stand_elsewhere_have_moved() -> None:
    """In order, and into or out of a branch; those that stay are not named."""
    swapped = BASE.replace("- {id: pause, wait: 1h}\n", "").replace(
        "- {id: hello", "- {id: pause, wait: 1h}\n- {id: hello"
    )
    assert [change.words for change in differences(of(BASE), of(swapped))] == [
        "pause now stands at the beginning"
    ]
    inside = BASE.replace("- {id: pause, wait: 1h}\n", "").replace(
        "then: [{id: gift", "then: [{id: pause, wait: 1h}, {id: gift"
    )
    assert [change.words for change in differences(of(BASE), of(inside))] == [
        "pause now stands first where which goes then"
    ]


def test_messages_are_compared_by_language() -> None:
    """One said differently, one new, one gone; a difference far behind is told too."""
    long = "parola " * 40
    old = of("steps: [{id: a, send: {channel: sms, text: {it: Ciao, de: Hallo, en: '" + long + "x'}}}]")
    new = of("steps: [{id: a, send: {channel: sms, text: {it: Salve, fr: Salut, en: '" + long + "y'}}}]")
    assert [change.words for change in differences(old, new)] == [
        "the text of a in de is no longer “Hallo”",
        "the text of a in en is otherwise further on or in its spaces",
        "the text of a in fr is now “Salut”",
        "the text of a in it is now “Salve” instead of “Ciao”",
    ]


@pytest.mark.parametrize("name", sorted(ready_flows()))
def test_a_flow_does_not_differ_from_itself(name: str) -> None:
    """Nothing is said of the same."""
    assert (
        differences(
            definition_of(ready_flows()[name] / "flow.yaml"), definition_of(ready_flows()[name] / "flow.yaml")
        )
        == []
    )


def test_flows_that_differ_are_never_called_the_same() -> None:
    """Whatever differs in the definition: something is said."""
    made = []
    for seed in range(12):
        file = parse(random_flow(seed, 12), "generated.yaml")
        assert isinstance(file, FlowFile)
        made.append(read_definition(definition(file.flow)))
    for one in made:
        for other in made:
            assert bool(differences(one, other)) is (one != other)


def test_diff_of_files_says_and_exits(tmp_path: Path) -> None:
    """0 the same, 1 not; `--json` has the parts."""
    verify = LIBRARY / "verify-purchase" / "flow.yaml"
    assert run("diff", verify, verify).exit_code == 0
    run("library", "copy", "verify-purchase", "--to", tmp_path)
    copy = tmp_path / "verify-purchase" / "flow.yaml"
    copy.write_text(copy.read_text("utf-8").replace("wait: 12h", "wait: 1d"), "utf-8")
    result = run("diff", verify, copy)
    assert result.exit_code == 1
    assert (
        "half-a-day waits 24 h instead of 12 h: sollecito now goes after 24 h instead of 12 h"
        in result.stdout
    )
    (row,) = json.loads(run("diff", verify, copy, "--json").stdout)["rows"]
    assert (row["kind"], row["step"], row["field"]) == ("changed", "half-a-day", "span")
    with pytest.raises(UsageError, match="no FLOW@VERSION"):
        run("diff", verify, "no/such.yaml")


def test_diff_of_published_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    """FLOW@VERSION is what was published as that version; without a version the one in force."""
    entries, registry = {}, Registry()
    for offset, span in enumerate(("1h", "2h")):
        text = definition(flow_file(BASE.replace("wait: 1h", f"wait: {span}")).flow)
        file = flow_file(BASE).flow
        record = flow_published("acme", file.flow, "", text, by="anna", allowed={})
        change = change_of(record)
        entry = FlowEntry(offset, record, change if not hasattr(change, "reason") else None)
        registry = registry.apply(entry).registry
        entries[offset] = entry
    monkeypatch.setattr("streams.cli.flow_force.in_force", lambda *_: InForce(registry, entries, 2))
    monkeypatch.setattr(InForce, "workspace", lambda *_: "acme")
    assert "pause waits 2 h instead of 1 h" in run("diff", "example@1", "example@2").stdout
    assert run("diff", "example@2", "example").exit_code == 0
    for missing in ("example@3", "nothing@1"):
        with pytest.raises(UsageError):
            run("diff", "example@1", missing)
