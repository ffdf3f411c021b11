"""Splits, changes and loops: walked on every way, and drawn."""

from streams.core.testing import START
from streams.flows.definition import definition, read_definition
from streams.flows.diagram import picture
from streams.flows.diagram_mermaid import mermaid
from streams.flows.diagram_svg import svg
from streams.flows.paths import paths
from streams.flows.simulate import simulate
from streams.flows.timeline import timeline
from streams.flows.trial import AgentWrites, Known, Timed, Trial
from tests.flows.sources import WORKSPACE, flow_file

TEST = """
steps:
  - id: test
    split:
      arms:
        a: {weight: 3, steps: [{id: one, send: {channel: sms, text: Uno}}]}
        b: {weight: 1, steps: [{id: mark, tag: [vip]}]}
      hold_out: 1
  - {id: note, set: [{var: n, to: 3}, {attribute: until, to: {now: +2d}}, {var: ok, to: true}]}
  - {id: clear, untag: old}
  - {id: last, send: {channel: sms, text: Due}}
"""
TIMES = """
trigger: [{message: {keyword: [ordine, pacco]}}, {message: {pattern: 'ORD-[0-9]+'}}]
steps:
  - {id: monday, wait: {until: 10:00, days: [mon, thu], zone: business}}
  - {id: morning, wait: {until: 09:00}}
  - {id: hand, assign: {agent: ag-1, priority: high}}
  - {id: team, assign: {team: orders}}
  - {id: round, assign: {round_robin: [x, y]}}
"""
LOOP = """
steps:
  - {id: hello, send: {channel: sms, text: Ciao}}
  - {id: answer, customer_response: {within: 1h, on_response: [end]}}
  - {id: again, go_to: {step: answer, max: 2}}
  - {id: bye, send: {channel: sms, text: Addio}}
"""


def test_each_arm_is_a_way_and_who_is_held_out_gets_nothing() -> None:
    """The messages are those that go out on that way."""
    found = paths(flow_file(TEST).flow)
    assert [(each.choices, each.messages) for each in found.paths] == [
        (("test: a",), ("one", "last")),
        (("test: b",), ("last",)),
        (("test: held out",), ()),
    ]
    assert found.most_messages == 2


def test_a_loop_is_walked_as_often_as_it_may_be() -> None:
    """Each turn waits again; then the way goes on behind it."""
    found = paths(flow_file(LOOP).flow)
    longest = max(found.paths, key=lambda each: len(each.steps))
    assert longest.steps == (
        "hello", "answer", "again", "answer", "again", "answer", "again", "bye",
    )  # fmt: skip
    assert longest.longest == 3 * 3_600_000
    assert len(found.paths) == 4


def test_ways_that_are_cut_still_have_a_bound() -> None:
    """No more messages than the loop's turns times the flow's."""
    whole, cut = paths(flow_file(LOOP).flow), paths(flow_file(LOOP).flow, most=1)
    assert cut.cut
    assert cut.most_messages >= whole.most_messages
    assert cut.longest >= whole.longest


def test_the_picture_says_what_the_steps_do() -> None:
    """Weights on the arms, tags, values, the step that is gone to."""
    for part, words in (
        (TEST, ["a · 3 of 5", "b · 1 of 5", "held out · 1 of 5", "tag vip", "take away old", "n = 3",
                "until = now +2d", "ok = true"]),
        (LOOP, ["go to answer, at most 2 times"]),
        (TIMES, ["until 10:00 on mon, thu (business)", "wait until 09:00", "assign to ag-1", "high priority",
                 "assign to team orders", "assign to one of x, y", "says “ordine” or “pacco”"]),
    ):  # fmt: skip
        drawn = picture(read_definition(definition(flow_file(part).flow)))
        assert svg(drawn)
        text = mermaid(drawn)
        assert [word for word in words if word not in text] == []


def test_a_time_of_day_takes_up_to_the_gap_between_its_days() -> None:
    """From Thursday to Monday four days at most, and then one more."""
    (way,) = paths(flow_file(TIMES).flow).paths
    assert (way.shortest, way.longest) == (0, 5 * 86_400_000)


def test_a_wait_for_something_has_two_ways() -> None:
    """It happens, at any time until then, or it does not; the picture says what."""
    file = flow_file(
        "steps: [{id: paid, wait_for: {event: order.paid, within: 1d, "
        "no_event: [{id: hello, send: {channel: sms, text: Ciao}}]}}]"
    )
    happens, silent = paths(file.flow).paths
    assert (happens.shortest, happens.longest, happens.messages) == (0, 86_400_000, ())
    assert (silent.shortest, silent.messages) == (86_400_000, ("hello",))
    text = mermaid(picture(read_definition(definition(file.flow))))
    assert "wait for event order.paid" in text
    assert "it happens" in text


def test_the_timeline_tells_what_the_steps_do() -> None:
    """The arm, what was changed, to whom the conversation goes, what is waited for."""
    file = flow_file(
        """
steps:
  - {id: test, split: {arms: {a: {weight: 1}}}}
  - {id: mark, tag: [vip]}
  - {id: clear, untag: [old]}
  - {id: note, set: [{var: n, to: 3}, {attribute: city, to: Roma}, {attribute: gone, to: {var: none}}]}
  - {id: hand, assign: {team: orders}}
  - {id: paid, wait_for: {event: order.paid, within: 1h}}
"""
    )
    contact = Known(tags=("old",), attributes={"gone": "x"})
    trial = Trial(
        START, contact, (Timed(0, AgentWrites(text="ciao", channel="whatsapp", conversation="c1")),)
    )
    said = [line.what for line in timeline(simulate(definition(file.flow), WORKSPACE, trial))]
    for words in (
        "test goes down a",
        "mark changes +vip",
        "clear changes -old",
        "note changes city, gone (taken away)",
        "note changes n",
        "hand assigns the conversation to team orders",
        "paid waits until",
    ):
        assert [each for each in said if each.startswith(words)], (words, said)
