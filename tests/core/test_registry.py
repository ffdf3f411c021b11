"""What is in force: versions, kill switches, triggers; the same wherever it is folded."""

from typing import Any

import pytest

from schemas.types.flow_commands import (
    AutomationsStarted,
    AutomationsStopped,
    AutoReplyConfigured,
    FlowCommand,
    FlowEnded,
    FlowPaused,
    FlowPublished,
    FlowResumed,
    FlowRetired,
    PresenceChanged,
    WorkspaceConfigured,
)
from streams.core.memory import MemoryFlowLog
from streams.core.partition import registry_through
from streams.core.program import Match, Policies, Send
from streams.core.registry import Applied, FlowEntry, Registry, step_of
from streams.core.testing import workspace
from tests.core.flows import asked, flow, send

SAID: dict[str, Any] = {"by": "anna", "at": 0, "workspace": "acme"}


def said(kind: Any, id_: str, **fields: Any) -> FlowEntry:
    """A flow command without content."""
    made: FlowCommand = kind(id=id_, **SAID, **fields)
    return FlowEntry(0, made)


def published(id_: str, program: Any, **fields: Any) -> FlowEntry:
    """A FlowPublished."""
    record = FlowPublished(
        id=id_, **SAID, flow=program.flow, source="", definition="", content="", grammar=1, rules=1
    )
    return FlowEntry(**{"offset": 0, "record": record, "change": program, **fields})


def configured(id_: str, settings: Any) -> FlowEntry:
    """A WorkspaceConfigured."""
    return FlowEntry(0, WorkspaceConfigured(id=id_, **SAID, source="", definition="", content=""), settings)


def came(applied: Applied) -> tuple[str, int | None, str | None]:
    """What it came to."""
    return applied.result, applied.version, applied.reason


def test_a_published_flow_is_version_one_and_counts_up() -> None:
    """Versions are counted here, so two publishers cannot race."""
    one = Registry().apply(published("1", asked()))
    assert came(one) == ("applied", 1, None)
    two = one.registry.apply(published("2", flow(send("x"), content="other"), offset=7))
    assert came(two) == ("applied", 2, None)
    known = two.registry.flow("acme", "f")
    assert known is not None
    assert (known.current.version, known.current.offset) == (2, 7)
    assert two.registry.version("acme", "f", 1).program == asked()
    assert one.registry.flow("acme", "f").current.version == 1  # type: ignore[union-attr]


def test_content_that_is_in_force_is_nothing_new() -> None:
    """Whoever publishes it."""
    one = Registry().apply(published("1", asked())).registry
    assert came(one.apply(published("2", asked()))) == ("nothing_new", 1, None)


def test_a_command_is_taken_once() -> None:
    """The same id again is nothing new, whatever it says."""
    one = Registry().apply(published("1", asked())).registry
    assert came(one.apply(published("1", flow(content="other")))) == ("nothing_new", 1, None)
    two = one.apply(said(PresenceChanged, "2", agent="a", online=True)).registry
    assert came(two.apply(said(PresenceChanged, "2", agent="a", online=True))) == ("nothing_new", None, None)
    assert came(two.apply(said(FlowPaused, "1", flow="other"))) == ("nothing_new", None, None)


def test_what_could_not_be_compiled_is_refused() -> None:
    """With the reason; its id is taken."""
    refused = Registry().apply(published("1", asked(), change=None, refused="bad"))
    assert came(refused) == ("refused", None, "bad")
    assert came(refused.registry.apply(published("1", asked()))) == ("nothing_new", None, None)


def test_what_was_not_compiled_at_all_is_an_error() -> None:
    """The flow log compiles before it hands out."""
    with pytest.raises(ValueError, match="was not compiled"):
        Registry().apply(published("1", asked(), change=None))


def test_pause_resume_and_retire_are_recorded() -> None:
    """Twice is nothing new; an unknown flow is refused."""
    registry = Registry().apply(published("1", asked())).registry
    paused = registry.apply(said(FlowPaused, "2", flow="f"))
    assert came(paused) == ("applied", 1, None)
    assert came(paused.registry.apply(said(FlowPaused, "3", flow="f"))) == ("nothing_new", 1, None)
    resumed = paused.registry.apply(said(FlowResumed, "4", flow="f"))
    assert came(resumed) == ("applied", 1, None)
    retired = resumed.registry.apply(said(FlowRetired, "5", flow="f"))
    assert came(retired) == ("applied", 1, None)
    assert retired.registry.triggers == {}
    assert came(registry.apply(said(FlowPaused, "6", flow="other"))) == ("refused", None, "unknown_flow")


def test_a_new_version_of_a_paused_flow_is_paused() -> None:
    """Publishing is no resume; of a retired one it opens entries again."""
    registry = Registry().apply(published("1", asked())).registry
    registry = registry.apply(said(FlowPaused, "2", flow="f")).registry
    registry = registry.apply(said(FlowRetired, "3", flow="f")).registry
    again = registry.apply(published("4", asked()))
    assert came(again) == ("applied", 2, None)
    known = again.registry.flow("acme", "f")
    assert known is not None
    assert (known.paused, known.retired) == (True, False)


def test_kill_switches_are_recorded() -> None:
    """Thrown twice is nothing new; another scope's cannot take it back."""
    thrown = Registry().apply(said(AutomationsStopped, "1", channel="sms"))
    assert came(thrown) == ("applied", None, None)
    assert thrown.registry.stopped("acme", "f", "sms")
    assert not thrown.registry.stopped("acme", "f", "email")
    assert not thrown.registry.stopped("other", "f", "sms")
    assert came(thrown.registry.apply(said(AutomationsStopped, "2", channel="sms")))[0] == "nothing_new"
    assert came(thrown.registry.apply(said(AutomationsStarted, "3")))[0] == "nothing_new"
    taken = thrown.registry.apply(said(AutomationsStarted, "4", channel="sms"))
    assert came(taken)[0] == "applied"
    assert not taken.registry.stopped("acme", "f", "sms")


@pytest.mark.parametrize(
    "entry",
    [
        said(FlowEnded, "1", flow="f"),
        said(AutoReplyConfigured, "1", autoreply="a", source="", definition="", content=""),
        said(PresenceChanged, "1", agent="a", online=True),
    ],
)
def test_what_this_version_cannot_do_is_refused(entry: FlowEntry) -> None:
    """Nobody is told that it holds."""
    assert came(Registry().apply(entry)) == ("refused", None, "not_supported")


def test_a_workspace_is_configured_whole() -> None:
    """The same settings again are nothing new."""
    one = Registry().apply(configured("1", workspace()))
    assert came(one) == ("applied", None, None)
    assert came(one.registry.apply(configured("2", workspace())))[0] == "nothing_new"
    assert came(one.registry.apply(configured("3", workspace(language="it"))))[0] == "applied"
    assert one.registry.workspace("acme") == workspace()
    assert one.registry.workspace("other") is None


def test_the_first_workspace_says_whether_the_prefix_is_a_history() -> None:
    """Another may not differ."""
    assert not Registry().history
    one = Registry().configure(workspace(delivery="assumed"))
    assert one.registry.history
    other = one.registry.configure(workspace(id="other", delivery="real"))
    assert came(other) == ("refused", None, "delivery is assumed on this prefix")


def test_a_workspaces_policies_hold_for_what_its_flows_do_not_state() -> None:
    """Also of flows that were published before it was configured anew."""
    registry = Registry().configure(workspace()).registry
    registry = registry.publish(flow(send("a", 1), send("b", policies={"purpose": "service"}))).registry
    other = flow(send("x"), name="other")
    elsewhere = Registry().publish(other).registry
    assert not elsewhere.version("acme", "other", 1).marketing
    registry = registry.configure(workspace(policies=Policies(purpose="marketing", priority=70))).registry
    found = registry.version("acme", "f", 1)
    assert [found.policies[0].purpose, found.policies[1].purpose] == ["marketing", "service"]
    assert (found.marketing, found.priority) == (False, 70)
    other_workspace = registry.configure(workspace(id="else")).registry
    assert other_workspace.version("acme", "f", 1) is found


def test_triggers_are_found_by_kind_and_name() -> None:
    """Those of any name and those of that name, by priority."""
    anything = flow(send("a"), name="any", triggers=(Match(kind="message", name="any"),))
    first = flow(
        send("b", policies={"priority": 90}), name="first", triggers=(Match(kind="message", name="first"),)
    )
    registry = Registry().publish(anything).registry.publish(first).registry
    names = [found.program.flow for found, _ in registry.triggered("acme", "message", "first")]
    assert names == ["first", "any"]
    assert [found.program.flow for found, _ in registry.triggered("acme", "message", None)] == ["any"]
    assert list(registry.triggered("other", "message", None)) == []
    assert list(registry.triggered("acme", "event", "x")) == []


def test_a_step_is_looked_up_with_its_kind() -> None:
    """Another kind is an error: a fact and its flow version do not go together."""
    registry = Registry().publish(asked()).registry
    assert step_of(registry, "acme", "f", 1, "hello", Send).id == "hello"
    with pytest.raises(TypeError, match="acme/f 1: the step answer is no Send"):
        step_of(registry, "acme", "f", 1, "answer", Send)
    assert (asked().index("answer"), asked().index("gone")) == (1, None)


def test_a_registry_is_rebuilt_from_the_log() -> None:
    """Through an offset, without facts."""
    entries = [
        configured("1", workspace()),
        published("2", asked(), offset=1),
        said(FlowPaused, "3", flow="f"),
    ]
    log = MemoryFlowLog([FlowEntry(at, each.record, each.change) for at, each in enumerate(entries)])
    assert registry_through(log, 0) == Registry()
    assert not registry_through(log, 2).flow("acme", "f").paused  # type: ignore[union-attr]
    assert registry_through(log, 3).flow("acme", "f").paused  # type: ignore[union-attr]
