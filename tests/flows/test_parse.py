"""Flow files into the tree: places, kinds, required and unknown keys, what is not available yet."""

import pytest

from streams.flows import Finding, FlowFile, parse
from streams.flows.model import Branching, Respond, Sending
from tests.flows.sources import flow_file, whole


def codes(part: str) -> set[tuple[str, int]]:
    """The code and column of each finding of a flow that says `part`, all of them on its line."""
    text = whole(part)
    found = findings(text)
    assert {finding.line for finding in found} == {len(text.splitlines())}
    return {(finding.code, finding.column) for finding in found}


def findings(text: str) -> list[Finding]:
    """What is wrong with a file."""
    found = parse(text, "flow.yaml")
    assert isinstance(found, list), "it parses"
    return found


def test_every_part_knows_its_place() -> None:
    """Steps, ways and conditions stand where they start; a field where its value stands."""
    file = flow_file(
        """flow: example
trigger: {agent_message: any}
steps:
  - send: {channel: sms, text: Ciao}
  - id: ask
    customer_response: {within: 1h, on_response: end}
  - if: {tag: vip}
    then: end
"""
    )
    send, ask, branching = file.flow.steps
    assert isinstance(send, Sending)
    assert isinstance(ask, Respond)
    assert isinstance(branching, Branching)
    assert file.place(send) == (4, 5)
    assert file.place(send, "text") == (4, 32)
    assert file.place(ask, "within") == (6, 33)
    assert file.place(branching.ways[0].when) == (7, 9)
    assert file.place(file.flow, "trigger") == (2, 10)
    assert file.place(object()) == (1, 1)


def test_all_findings_of_a_file_come_at_once_and_in_order() -> None:
    """An author mends a file in one go."""
    found = findings("flow: A\ntrigger: {mesage: any}\nsteps:\n  - wait: 3x\n  - send: {}\n  - nap: 1h\n")
    assert [(each.line, each.code) for each in found] == [
        (1, "ATT009"), (2, "ATT005"), (4, "ATT009"), (5, "ATT007"), (6, "ATT005"), (6, "ATT007"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "later",
    [
        "goal: {event: order.completed}",
        "still_valid: {tag: vip}",
        "trigger: {absence: {}}",
        "trigger: {date: {attribute: a}}",
        "trigger: {inactivity: {for: 30d}}",
        "trigger: {schedule: {daily: true}}",
        "policies: {send_window: 09:00-18:00}",
        "steps: [{wait_for: {delivery: read, within: 1h}}]",
        "steps: [{set: {var: a, to: '{{ event.x }}'}}]",
        "steps: [{webhook: {url: 'https://a.it'}}]",
        "steps: [{start_flow: other}]",
        "steps: [start_flow]",
        "steps: [{wait: {until: business_open}}]",
        "steps: [{wait: {until: {attribute: a}}}]",
        "steps: [{send: {text: a, channel: {by: {urgency: high}}}}]",
        *(
            f"steps: [{{send: {{text: a, {key}}}}}]"
            for key in ("media: x", "buttons: []", "fallback: sms", "fallback_after: 1h", "on_failed: end")
        ),
        *(
            f"steps: [{{customer_response: {{within: 1h, {key}}}}}]"
            for key in ("save_as: x", "matching: {}", "remind: []")
        ),
        *(
            f"steps: [{{if: {{{key}: x}}, then: end}}]"
            for key in (
                "consent",
                "last_message",
                "business",
                "did",
            )
        ),
    ],
)
def test_the_rest_of_the_grammar_is_not_available_yet(later: str) -> None:
    """What the grammar has and this version has not is refused by its name, and as nothing else."""
    found = findings(whole(later))
    assert {finding.code for finding in found} == {"ATT006"}
    assert all("not available yet" in finding.message for finding in found)


@pytest.mark.parametrize(
    ("part", "where"),
    [
        ("steps: []", ("ATT008", 8)),
        ("steps: [{}]", ("ATT007", 9)),
        ("steps: [3]", ("ATT008", 9)),
        ("steps: [fly]", ("ATT008", 9)),
        ("steps: [{wait: 1h, send: {text: a}}]", ("ATT010", 20)),
        ("steps: [{wait: 0s}]", ("ATT009", 16)),
        ("steps: [{wait: }]", ("ATT008", 15)),
        ("steps: [{wait: [1h]}]", ("ATT008", 16)),
        ("steps: [{id: A b, wait: 1h}]", ("ATT009", 14)),
        (f"steps: [{{title: {'x' * 201}, wait: 1h}}]", ("ATT009", 17)),
        (f"steps: [{'end, ' * 1_001}]", ("ATT002", 5_009)),
        ("steps: [{send: {text: ''}}]", ("ATT008", 23)),
        ("steps: [{send: {text: {}}}]", ("ATT008", 23)),
        ("steps: [{send: {text: {italiano: a}}}]", ("ATT009", 24)),
        ("steps: [{send: {text: a, purpose: fun}}]", ("ATT009", 35)),
        ("steps: [{send: {text: a, on_unknown: retry}}]", ("ATT009", 38)),
        ("steps: [{send: {text: a, vars: [a]}}]", ("ATT008", 32)),
        ("steps: [{send: {text: a, vars: {a-b: x}}}]", ("ATT009", 33)),
        ("steps: [{send: {text: a, template: b}}]", ("ATT010", 26)),
        ("steps: [{send: {template: ../secret}}]", ("ATT009", 27)),
        ("steps: [{send: {text: a}, then: end}]", ("ATT005", 27)),
        ("steps: [{customer_response: {}}]", ("ATT007", 29)),
        ("steps: [{customer_response: {within: 1h, any_channel: yes}}]", ("ATT008", 55)),
        ("steps: [{if: }]", ("ATT008", 13)),
        ("steps: [{if: {}, then: end}]", ("ATT007", 14)),
        ("steps: [{if: [], then: end}]", ("ATT008", 14)),
        ("steps: [{if: {all: []}, then: end}]", ("ATT008", 20)),
        ("steps: [{if: {tag: a, attribute: b}, then: end}]", ("ATT010", 23)),
        ("steps: [{if: {attribute: a, gt: 1, lt: 3}, then: end}]", ("ATT010", 36)),
        ("steps: [{if: {attribute: a, gt: '1'}, then: end}]", ("ATT009", 33)),
        ("steps: [{if: {attribute: a, between: [1]}, then: end}]", ("ATT008", 38)),
        ("steps: [{if: {attribute: a, equals: }, then: end}]", ("ATT008", 36)),
        ("steps: [{if: {attribute: a, equals: {tag: b}}, then: end}]", ("ATT005", 38)),
        ("steps: [{if: {attribute: a, equals: {}}, then: end}]", ("ATT007", 37)),
        ("steps: [{if: {attribute: a, equals: {now: 0d}}, then: end}]", ("ATT005", 38)),
        ("steps: [{if: {attribute: a, before: domani}, then: end}]", ("ATT009", 37)),
        ("steps: [{if: {attribute: a, before: {now: 2d}}, then: end}]", ("ATT009", 43)),
        ("steps: [{if: {attribute: a, matches: '('}, then: end}]", ("ATT009", 38)),
        ("steps: [{if: {attribute: a, matches: '(?=x)'}, then: end}]", ("ATT009", 38)),
        ("steps: [{if: {attribute: a, exists: sì}, then: end}]", ("ATT008", 37)),
        ("steps: [{if: {attribute: a, in: []}, then: end}]", ("ATT008", 33)),
        ("steps: [{if: {attribute: a, gt: 1, fold: true}, then: end}]", ("ATT011", 42)),
        ("steps: [{if: {tag: a, exists: true}, then: end}]", ("ATT011", 23)),
        ("steps: [{if: {language: italiano}, then: end}]", ("ATT009", 25)),
        ("steps: [{if: {tag: a}, else_if: [{then: end}]}]", ("ATT007", 34)),
        ("steps: [{end: {}}]", ("ATT007", 15)),
        ("steps: [{close_conversation: {conversation: mine}}]", ("ATT009", 45)),
        ("trigger: []", ("ATT008", 10)),
        ("trigger: {event: any}", ("ATT009", 18)),
        ("trigger: {manual: true}", ("ATT008", 11)),
        ("trigger: {message: second}", ("ATT009", 20)),
        ("trigger: {message: {}}", ("ATT007", 20)),
        ("trigger: {event: a, message: any}", ("ATT010", 21)),
        ("trigger: {where: {tag: a}}", ("ATT007", 10)),
        ("exit_on: manual", ("ATT008", 10)),
        ("grammar: 2", ("ATT009", 10)),
        ("enter: {again: sometimes}", ("ATT009", 16)),
        ("enter: {again: {after: }}", ("ATT008", 23)),
        ("vars: [a]", ("ATT008", 7)),
        ("vars: {a: {b: c}}", ("ATT008", 11)),
        ("vars: {a b: c}", ("ATT009", 8)),
        ("policies: {quiet_hours: 25:00-08:00}", ("ATT009", 25)),
        ("policies: {quiet_hours: {hours: 21:00-08:00, zone: Roma}}", ("ATT009", 52)),
        ("policies: {cap: {messages: 0, per: 1d}}", ("ATT009", 28)),
        ("policies: {late: never}", ("ATT008", 18)),
        ("policies: {priority: high}", ("ATT009", 22)),
    ],
)  # fmt: skip
def test_what_is_wrong_has_its_place(part: str, where: tuple[str, int]) -> None:
    """Each wrong value is found where it stands, and nothing else is said."""
    assert codes(part if part.startswith("trigger") else f"trigger: {{agent_message: any}}\n{part}") == {
        where
    }


def test_a_root_that_is_no_mapping() -> None:
    """A list or a text is no flow."""
    assert {finding.code for finding in findings("- a")} == {"ATT008"}
    assert {finding.code for finding in findings("flow")} == {"ATT008"}


def test_a_misspelled_key_is_not_missing_too() -> None:
    """What was meant is said once."""
    (finding,) = findings("flow: a\ntriger: manual\nsteps: end")
    assert (finding.code, finding.advice) == ("ATT005", "Did you mean `trigger`?")


def test_a_single_item_may_stand_bare() -> None:
    """Triggers, exits, channels, steps, branches and caps take one or a list."""
    one = flow_file(
        "trigger: {message: any, channel: sms}\nexit_on: {conversation: closed}\n"
        "policies: {cap: {messages: 1, per: 1d}}\nsteps: {id: a, send: {channel: sms, text: x}}"
    )
    many = flow_file(
        "trigger: [{message: any, channel: [sms]}]\nexit_on: [{conversation: closed}]\n"
        "policies: {cap: [{messages: 1, per: 1d}]}\nsteps: [{id: a, send: {channel: [sms], text: x}}]"
    )
    assert one.flow == many.flow


def test_numbers_may_be_text() -> None:
    """A title or a message that is a number is the text of it."""
    file = flow_file("title: 2026\nsteps: [{id: a, send: {channel: sms, text: 42}}]")
    (send,) = file.flow.steps
    assert isinstance(send, Sending)
    assert (file.flow.title, send.text) == ("2026", {"*": "42"})


def test_a_finding_reads_as_compilers_write() -> None:
    """File, line, column, severity, code, what is so, what to do."""
    (finding,) = findings("flow: a\ntrigger: manual\nsteps: [{wait: 3x}]")
    assert str(finding) == (
        "flow.yaml:3:16: error ATT009: `wait`: '3x' cannot be read. "
        "A span is integers with s, m, h, d or w, as 90m or 1h30m, or ISO 8601, as PT90M"
    )


def test_aliases_are_read_where_they_are_used() -> None:
    """The same branch twice by an anchor is two steps, with ids of their own unless they are named."""
    file = parse(
        "flow: a\ntrigger: {agent_message: any}\nsteps:\n"
        "  - if: {tag: a}\n    then: &bye [{wait: 1h}, end]\n    else: *bye\n",
        "flow.yaml",
    )
    assert isinstance(file, FlowFile)
    named = findings("flow: a\ntrigger: manual\nsteps: [&x {id: same, wait: 1h}, *x]")
    assert {finding.code for finding in named} == {"ATT012"}


@pytest.mark.parametrize(
    ("part", "code", "column"),
    [
        ("steps: [{tag: []}]", "ATT008", 15),
        ("steps: [{set: []}]", "ATT008", 15),
        ("steps: [{set: {to: 1}}]", "ATT007", 15),
        ("steps: [{set: {var: a, attribute: b, to: 1}}]", "ATT010", 24),
        ("steps: [{set: {var: a b, to: 1}}]", "ATT009", 21),
        ("steps: [{set: {var: a}}]", "ATT007", 15),
        ("steps: [{set: {var: a, to: [1]}}]", "ATT008", 28),
        ("steps: [{set: {var: a, to: {now: soon}}}]", "ATT009", 34),
        ("steps: [{split: {arms: {}}}]", "ATT008", 24),
        ("steps: [{split: {arms: {a: {}}}}]", "ATT007", 28),
        ("steps: [{split: {arms: {a: {weight: 0}}}}]", "ATT009", 37),
        ("steps: [{split: {arms: {hold_out: {weight: 1}}}}]", "ATT009", 25),
        ("steps: [{split: {hold_out: 1}}]", "ATT007", 17),
        ("steps: [{go_to: {max: 3}}]", "ATT007", 17),
        ("steps: [{go_to: {step: a, max: 0}}]", "ATT009", 32),
        ("steps: [go_to]", "ATT008", 9),
        ("steps: [{wait_for: {event: a}}]", "ATT007", 20),
        ("steps: [{wait_for: {within: 1h}}]", "ATT007", 20),
        ("steps: [{wait_for: 1h}]", "ATT008", 20),
        ("steps: [{wait_for: {event: a, within: 1h, on_evnt: end}}]", "ATT005", 43),
        ("steps: [{assign: {}}]", "ATT007", 18),
        ("steps: [{assign: {agent: a, team: b}}]", "ATT010", 29),
        ("steps: [{assign: {round_robin: []}}]", "ATT008", 32),
        ("steps: [{assign: {agent: a, priority: top}}]", "ATT009", 39),
        ("steps: [{wait: {until: 9}}]", "ATT009", 24),
        ("steps: [{wait: {until: 09:00, days: []}}]", "ATT008", 37),
        ("steps: [{wait: {until: 09:00, days: monday}}]", "ATT009", 37),
        ("steps: [{wait: {until: 09:00, zone: Rome}}]", "ATT009", 37),
        ("steps: [{wait: {days: mon}}]", "ATT007", 16),
        ("trigger: {message: {keyword: '?'}}", "ATT009", 30),
        ("trigger: {message: {keyword: []}}", "ATT008", 30),
        ("trigger: {message: {pattern: '('}}", "ATT009", 30),
        ("trigger: {message: {keyword: a, pattern: b}}", "ATT010", 33),
        ("steps: [{if: {arm: a b, equals: a}, then: end}]", "ATT009", 20),
    ],
)
def test_steps_that_choose_and_change(part: str, code: str, column: int) -> None:
    """What is wrong in them stands at its place."""
    found = findings(whole(part))
    assert [(each.code, each.column) for each in found] == [(code, column)]
