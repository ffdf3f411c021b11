"""What flows become: the program, step by step, of the flows of the grammar and of its parts."""

import pytest

from streams.core import program as core
from streams.flows import Finding, FlowFile, compile_definition, definition, parse
from streams.flows.template_files import TemplateFiles
from tests.flows.sources import TEMPLATES, flow_file

NUDGE_AND_CLOSE = """
flow: nudge-and-close
trigger: {message: any}
exit_on: [{conversation: closed}]
steps:
  - customer_response: {within: 1h, on_response: [end]}
  - {id: nudge, send: {text: "La conversazione è ancora aperta: ci sei?"}}
  - {id: after-nudge, customer_response: {within: 5m}}
  - if: {responded: after-nudge}
    then: [end]
    else: [{send: {text: "Chiudiamo la conversazione."}}, close_conversation]
"""
VERIFY_PURCHASE = """
flow: verify-purchase
title: Verifica dell'acquisto
trigger: {event: order.completed, where: {property: product, equals: espresso-x}}
enter:
  again: {after: 30d}
exit_on: [{event: order.refunded}]
policies:
  purpose: service
  quiet_hours: "21:00-08:00"
  cap: {messages: 3, per: 7d}
  late: {skip_after: 6h}
steps:
  - send: {channel: whatsapp, template: ciao}
  - customer_response:
      within: 2h
      on_response:
        - {id: guide, send: {text: Ecco la guida}}
      no_response:
        - wait: 12h
        - {id: remind, send: {text: Tutto bene?}}
"""


def compiled(part: str, templates: TemplateFiles = TEMPLATES) -> core.Program:
    """The program of a flow that says `part`."""
    return compile_definition("acme", definition(flow_file(part).flow, templates.templates))


def steps(part: str) -> tuple[core.Step, ...]:
    """Its steps."""
    return compiled(f"steps:\n{part}").steps


def test_nudge_and_close() -> None:
    """The grammar's first flow: an hour, a nudge, five minutes, a condition, a goodbye, the close."""
    program = compiled(NUDGE_AND_CLOSE)
    plain = core.Policies()
    assert program.steps == (
        core.CustomerResponse("customer-response-1", 3_600_000, on_response=1, no_response=2),
        core.End("end-1"),
        core.Send("nudge", (), "nudge", plain, variables=(), next=3),
        core.CustomerResponse("after-nudge", 300_000, on_response=4, no_response=4),
        core.If("if-1", (core.Branch("then", core.Test("responded", "after-nudge"), 5),), otherwise=6),
        core.End("end-2"),
        core.Send("send-2", (), "send-2", plain, variables=(), next=7),
        core.CloseConversation("close-conversation-1"),
    )
    assert program.triggers == (core.Match("message", "any"),)
    assert program.exits == (core.Match("conversation", "closed"),)
    assert program.enter == core.Enter()
    assert (program.workspace, program.flow, program.rules) == ("acme", "nudge-and-close", 1)


def test_verify_purchase() -> None:
    """The design's flow: its trigger's filter, its policies, both ways of the answer, and where they end."""
    program = compiled(VERIFY_PURCHASE)
    policies = core.Policies(
        purpose="service",
        quiet_hours=core.QuietHours(1260, 480),
        caps=(core.Cap(3, 604_800_000),),
        skip_after_ms=21_600_000,
        given=("purpose", "quiet_hours", "skip_after_ms"),
    )
    assert program.steps == (
        core.Send("ciao", ("whatsapp",), "ciao", policies, variables=(), next=1),
        core.CustomerResponse("customer-response-1", 7_200_000, on_response=2, no_response=3),
        core.Send("guide", (), "guide", policies, variables=()),
        core.Wait("wait-1", 43_200_000, next=4),
        core.Send("remind", (), "remind", policies, variables=()),
    )
    where = core.Test("property", "product", "equals", "espresso-x")
    assert program.triggers == (core.Match("event", "order.completed", where),)
    assert program.exits == (core.Match("event", "order.refunded"),)
    assert program.enter == core.Enter("after", 2_592_000_000)


@pytest.mark.parametrize(
    ("text", "later"),
    [
        (
            """
flow: abandoned-cart
trigger: {absence: {after: {event: cart.item_added}, of: {event: order.completed, same: cart_id}, within: 24h}}
enter: {again: {after: 7d}, key: cart_id}
exit_on: [{event: order.completed, same: cart_id}]
policies: {purpose: marketing, quiet_hours: 21:00-08:00}
steps: [{send: {channel: email, template: carrello, media: "{{ event.photo }}", buttons: [{text: Al carrello, url: "{{ event.url }}"}]}}]
""",  # noqa: E501 - as it stands in the grammar
            [(3, "`absence`"), (7, "`media`"), (7, "`buttons`")],
        ),
        (
            """
flow: expiry
trigger: {date: {attribute: expires_on, before: [7d, 2d, 0d], at: 10:00}}
exit_on: [{event: subscription.renewed}]
steps: [{send: {channel: email, template: scadenza, vars: {giorni: "{{ event.days }}"}, buttons: [{text: Rinnova, url: "{{ contact.renew_url }}"}]}}]
""",  # noqa: E501 - as it stands in the grammar
            [(3, "`date`"), (5, "`buttons`")],
        ),
    ],
)
def test_what_is_not_available_yet_is_said_and_nothing_else(text: str, later: list[tuple[int, str]]) -> None:
    """The grammar's other two flows: each part that comes later is a located finding, the rest is right."""
    found = parse(text, "flow.yaml")
    assert isinstance(found, list)
    assert {finding.code for finding in found} == {"ATT006"}
    assert [(finding.line, finding.message.split(" of ")[0]) for finding in found] == later
    assert all("not available yet" in finding.message for finding in found)


def test_a_branch_that_runs_off_its_end_goes_on_after_its_step() -> None:
    """From whatever depth, to the next step of the nearest block that has one; else to the end."""
    row = steps(
        """
  - if: {tag: a}
    then:
      - customer_response: {within: 1h, on_response: [{id: deep, wait: 1m}]}
    else_if:
      - {if: {tag: b}, then: {id: middle, wait: 2m}}
      - {if: {tag: c}}
  - {id: after, wait: 3m}
"""
    )
    index = {step.id: at for at, step in enumerate(row)}
    assert row[index["deep"]] == core.Wait("deep", 60_000, next=index["after"])
    assert row[index["middle"]] == core.Wait("middle", 120_000, next=index["after"])
    assert row[index["after"]] == core.Wait("after", 180_000, next=core.END)
    answer = row[index["customer-response-1"]]
    assert isinstance(answer, core.CustomerResponse)
    assert (answer.on_response, answer.no_response) == (index["deep"], index["after"])
    branching = row[0]
    assert isinstance(branching, core.If)
    assert [(b.name, b.next) for b in branching.branches] == [
        ("then", index["customer-response-1"]),
        ("else_if-1", index["middle"]),
        ("else_if-2", index["after"]),
    ]
    assert branching.otherwise == index["after"]


def test_ids_that_nobody_wrote() -> None:
    """The template's name if one send only names it, else the kind and its place among its kind."""
    row = steps(
        """
  - send: {channel: sms, template: ciao}
  - {id: named, wait: 1h}
  - wait: 2h
  - send: {channel: email, template: carrello}
  - if: {tag: a}
    then: [{send: {channel: email, template: carrello}}, end]
  - close_conversation
"""
    )
    assert [step.id for step in row] == [
        "ciao", "named", "wait-2", "send-2", "if-1", "send-3", "end-1", "close-conversation-1",
    ]  # fmt: skip


def test_policies_lie_step_over_flow_key_by_key() -> None:
    """A send's own purpose, then its policies, then the flow's; what none states is the workspace's."""
    program = compiled(
        """
policies: {purpose: marketing, quiet_hours: 21:00-08:00, priority: 10, cap: {messages: 1, per: 1d}}
steps:
  - {id: a, send: {channel: sms, text: x, purpose: urgent}, policies: {purpose: service, quiet_hours: off}}
  - id: b
    send: {channel: sms, text: x}
    policies: {late: send_anyway, cap: [{messages: 2, per: 1w, channel: sms}]}
"""
    )
    first, second = program.steps
    assert isinstance(first, core.Send)
    assert isinstance(second, core.Send)
    assert first.policies == core.Policies(
        "urgent", None, (core.Cap(1, 86_400_000),), priority=10, given=("priority", "purpose", "quiet_hours")
    )
    assert second.policies == core.Policies(
        "marketing",
        core.QuietHours(1260, 480),
        (core.Cap(2, 604_800_000, "sms"),),
        skip_after_ms=None,
        priority=10,
        given=("priority", "purpose", "quiet_hours", "skip_after_ms"),
    )
    workspace = core.Policies(priority=90, skip_after_ms=1, quiet_hours=core.QuietHours(0, 60))
    over = first.policies.over(workspace)
    assert (over.priority, over.skip_after_ms, over.quiet_hours) == (10, 1, None)


def test_quiet_hours_in_full() -> None:
    """Every key of the long form."""
    (send,) = compiled(
        """
policies:
  quiet_hours: {hours: 13:00-15:30, days: [sun, sat, sat], zone: Europe/Rome, then: skip,
                by_purpose: {urgent: send, marketing: skip}, jitter: 0s}
steps: {id: a, send: {channel: sms, text: x}}
"""
    ).steps
    assert isinstance(send, core.Send)
    assert send.policies.quiet_hours == core.QuietHours(
        780, 930, (6, 7), "Europe/Rome", "skip", (("marketing", "skip"), ("urgent", "send")), 0
    )


def test_conditions() -> None:
    """Lists are all of it; operands are literals, tuples, references, moments; folded where asked."""
    (branching,) = steps(
        """
  if:
    - {tag: vip}
    - any: [{attribute: age, gte: 18}, {not: {property: a.b, in: [1, x, true]}}]
    - {attribute: city, equals: ROMA, fold: true}
    - {attribute: born, before: {now: -18y}}
"""
        .replace("-18y", "-30d")
    )  # fmt: skip
    assert isinstance(branching, core.If)
    assert branching.branches[0].condition == core.All(
        (
            core.Test("tag", "vip"),
            core.Any_(
                (
                    core.Test("attribute", "age", "gte", 18),
                    core.Not(core.Test("property", "a.b", "in", (1, "x", True))),
                )
            ),
            core.Test("attribute", "city", "equals", "roma", fold=True),
            core.Test("attribute", "born", "before", core.FromNow(-2_592_000_000)),
        )
    )


@pytest.mark.parametrize(
    ("asked", "operator", "operand"),
    [
        ("{var: x, not_equals: {attribute: y}}", "not_equals", core.Reference("attribute", "y")),
        ("{var: x, not_in: a}", "not_in", ("a",)),
        ("{var: x, contains: a}", "contains", "a"),
        ("{var: x, starts_with: a}", "starts_with", "a"),
        ("{var: x, ends_with: {property: p}}", "ends_with", core.Reference("property", "p")),
        ("{var: x, gt: 1.5}", "gt", 1.5),
        ("{var: x, lt: {var: z}}", "lt", core.Reference("var", "z")),
        ("{var: x, lte: 0}", "lte", 0),
        ("{var: x, between: [1, 2]}", "between", (1, 2)),
        ("{var: x, after: 2026-12-25T10:00}", "after", "2026-12-25T10:00"),
        ("{var: x, on: 2026-12-25}", "on", "2026-12-25"),
        ("{var: x, has: a}", "has", "a"),
        ("{var: x, has_any: [È, b], fold: true}", "has_any", ("e", "b")),
        ("{var: x, has_all: [a]}", "has_all", ("a",)),
        ("{var: x, exists: false}", "exists", False),
        ("{var: x, empty: true}", "empty", True),
    ],
)
def test_each_operator(asked: str, operator: str, operand: object) -> None:
    """Each operator of the grammar, and its operand's form."""
    (branching,) = steps(f"  if: {asked}")
    assert isinstance(branching, core.If)
    test = branching.branches[0].condition
    assert isinstance(test, core.Test)
    assert (test.subject, test.name, test.operator, test.operand) == ("var", "x", operator, operand)


def test_patterns_are_compiled_and_folded() -> None:
    """A pattern is RE2; with fold it finds folded text whatever its case and accents."""
    plain, folded = (
        steps(f"  if: {{var: x, matches: 'perch[éè]', fold: {fold}}}")[0] for fold in ("false", "true")
    )
    assert isinstance(plain, core.If)
    assert isinstance(folded, core.If)
    exact, loose = (each.branches[0].condition for each in (plain, folded))
    assert isinstance(exact, core.Test)
    assert isinstance(loose, core.Test)
    assert exact.operand.search("ma perché no")
    assert not exact.operand.search("ma perche no")
    assert loose.operand.search("ma perche no")


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("close_conversation", core.CloseConversation("close-conversation-1")),
        (
            "{close_conversation: {conversation: last}}",
            core.CloseConversation("close-conversation-1", "last"),
        ),
        ("end", core.End("end-1")),
        ("{end: {reason: served}}", core.End("end-1", "served")),
        ("{id: x, end: }", core.End("x")),
        ("{wait: PT1H30M}", core.Wait("wait-1", 5_400_000)),
        (
            "{customer_response: {within: 1d, any_channel: true, reactions: true, prompt: none}}",
            core.CustomerResponse(
                "customer-response-1", 86_400_000, any_channel=True, reactions=True, prompt=""
            ),
        ),
    ],
)
def test_each_step_alone(step: str, expected: core.Step) -> None:
    """Bare and full forms of the steps; END follows."""
    assert steps(f"  {step}") == (expected,)


@pytest.mark.parametrize(
    ("trigger", "expected"),
    [
        ("manual", core.Match("manual")),
        (
            "{message: first, channel: [sms, email]}",
            core.Match("message", "first", channels=("sms", "email")),
        ),
        ("{agent_message: any}", core.Match("agent_message", "any")),
        ("{conversation: opened}", core.Match("conversation", "opened")),
        ("{tag_added: vip}", core.Match("tag_added", "vip")),
        ("{opted_out: marketing}", core.Match("opted_out", "marketing")),
        ("{event: a.b, same: [x, y]}", core.Match("event", "a.b", same=("x", "y"))),
    ],
)
def test_each_trigger(trigger: str, expected: core.Match) -> None:
    """What may start a journey may end one, manual apart."""
    assert compiled(f"trigger: [{trigger}]\nsteps: end").triggers == (expected,)
    if trigger != "manual":
        assert compiled(f"exit_on: {trigger}\nsteps: end").exits == (expected,)


@pytest.mark.parametrize(
    ("enter", "expected"),
    [
        ("{again: never}", core.Enter("never")),
        ("{again: always, key: cart_id}", core.Enter("always", key="cart_id")),
        ("{when: {tag: vip}}", core.Enter(when=core.Test("tag", "vip"))),
    ],
)
def test_each_entry(enter: str, expected: core.Enter) -> None:
    """Who enters again, by which key, on which condition."""
    assert compiled(f"enter: {enter}").enter == expected


def test_variables_that_a_send_needs() -> None:
    """All paths that its texts name, in any language, with what its `vars` need, without what they set."""
    (send,) = steps(
        """
  send:
    channel: sms
    text: {it: "{{ contact.name }} {{ vars.total }}", en: "{{ event.order.id }} {{ vars.level }}"}
    subject: "{{ conversation.id }}"
    vars: {total: "{{ event.total }} EUR"}
"""
    )
    assert isinstance(send, core.Send)
    assert send.variables == (
        "contact.name",
        "conversation.id",
        "event.order.id",
        "event.total",
        "vars.level",
    )


def test_a_lookup_by_a_computed_name_needs_all() -> None:
    """Where it cannot be told which values a text names, it gets all of them."""
    (send,) = steps("  send: {channel: sms, text: '{{ event[vars.which] }}'}")
    assert isinstance(send, core.Send)
    assert send.variables is None


def test_the_flows_channel_is_its_sends() -> None:
    """A send's own channel comes before the flow's; the flow's variables go along."""
    program = compiled(
        "channel: email\nvars: {b: 1, a: [x, y]}\nsteps: [{id: a, send: {text: x}}, {id: b, send: {text: x, "
        "channel: [sms, whatsapp]}}]"
    )
    assert [step.channels for step in program.steps if isinstance(step, core.Send)] == [
        ("email",), ("sms", "whatsapp"),
    ]  # fmt: skip
    assert program.vars == (("a", ["x", "y"]), ("b", 1))


def test_the_content_is_of_what_it_says_not_of_how() -> None:
    """Order, comments, quotes and spelled-out single lists change no hash; a word does."""
    one = compiled("steps: [{id: a, send: {channel: sms, text: Ciao}}]  # here\ntitle: T").content
    two = compiled('title: "T"\nsteps:\n  send: {text: Ciao, channel: [sms]}\n  id: a').content
    three = compiled("title: T\nsteps: [{id: a, send: {channel: sms, text: Ciao!}}]").content
    assert one == two
    assert one != three


def test_findings_name_the_nearest_known_key() -> None:
    """A slip of the finger is answered with the word that was meant."""
    found = parse("flow: a\ntrigger: manual\nsteps: [{sned: {text: x}}]", "f.yaml")
    assert isinstance(found, list)
    (finding,) = (each for each in found if each.code == "ATT005")
    assert isinstance(finding, Finding)
    assert finding.advice == "Did you mean `send`?"
    assert (finding.line, finding.column) == (3, 10)
    assert not isinstance(found, FlowFile)


def test_steps_that_change_what_is_known() -> None:
    """`tag`, `untag`, `set`: literals, references, moments from now."""
    assert steps(
        """
  - {id: a, tag: [vip, new]}
  - {id: b, untag: old}
  - id: c
    set:
      - {var: n, to: 3}
      - {attribute: city, to: {property: address.city}}
      - {var: until, to: {now: +2d}}
"""
    ) == (
        core.Tag("a", add=("vip", "new"), next=1),
        core.Tag("b", remove=("old",), next=2),
        core.SetValues(
            "c",
            (
                core.Assignment("var", "n", 3),
                core.Assignment("attribute", "city", core.Reference("property", "address.city")),
                core.Assignment("var", "until", core.FromNow(172_800_000)),
            ),
        ),
    )


def test_a_split_and_a_way_back() -> None:
    """Arms go on after the split; who is held out goes there at once; a `go_to` knows its step's place."""
    row = steps(
        """
  - id: test
    split:
      arms:
        a: {weight: 3, steps: [{id: one, wait: 1h}]}
        b: {weight: 1}
      hold_out: 2
  - {id: after, wait: 1d}
  - {id: again, go_to: {step: test, max: 3}}
  - {id: once-more, go_to: after}
  - {if: {arm: test, in: [a, hold_out]}, then: end}
"""
    )
    assert row[:5] == (
        core.Split("test", (core.Arm("a", 3, 1), core.Arm("b", 1, 2)), 2, 2),
        core.Wait("one", 3_600_000, next=2),
        core.Wait("after", 86_400_000, next=3),
        core.GoTo("again", 0, 3, 4),
        core.GoTo("once-more", 2, 10, 5),
    )
    assert isinstance(row[5], core.If)
    assert row[5].branches[0].condition == core.Test("arm", "test", "in", ("a", "hold_out"))


def test_a_way_to_nowhere_does_not_compile() -> None:
    """The review refuses it before; a definition from elsewhere is refused alike."""
    with pytest.raises(ValueError, match="goes to x, which is no step"):
        steps("  - {id: again, go_to: x}")


def test_what_a_message_says() -> None:
    """Keywords as words, folded; a pattern compiled; both of any message."""
    program = compiled(
        "trigger: [{message: {keyword: [Ordine, dov'è]}}, {message: {pattern: 'ORD-[0-9]+'}, channel: sms}]"
    )
    first, second = program.triggers
    assert first == core.Match("message", "any", keywords=(" ordine ", " dov e "))
    assert (second.name, second.channels, second.keywords) == ("any", ("sms",), ())
    assert second.pattern.search("il mio ORD-12")
    assert not second.pattern.search("ord-12")


def test_assignments_and_times_of_day() -> None:
    """An agent is a round of one; `until` is the next such time."""
    assert steps(
        """
  - {id: a, assign: {agent: ag-1, priority: high}}
  - {id: b, assign: {team: orders}}
  - {id: c, assign: {round_robin: [x, y]}}
  - {id: d, wait: {until: 10:00}}
  - {id: e, wait: {until: 09:30, days: [fri, mon], zone: business}}
"""
    ) == (
        core.Assign("a", ("ag-1",), None, "high", next=1),
        core.Assign("b", team="orders", next=2),
        core.Assign("c", ("x", "y"), next=3),
        core.Wait("d", 0, 4, core.Until(600)),
        core.Wait("e", 0, core.END, core.Until(570, (1, 5), "business")),
    )


def test_a_wait_for_something_that_happens() -> None:
    """A match with its filter, and a way for each of the two."""
    assert steps(
        """
  - id: paid
    wait_for: {event: order.paid, where: {property: total, gt: 0}, same: order, within: 1d, on_event: [end]}
  - {id: after, wait: 1h}
"""
    ) == (
        core.WaitFor(
            "paid",
            core.Match("event", "order.paid", core.Test("property", "total", "gt", 0), ("order",)),
            86_400_000,
            on_event=1,
            no_event=2,
        ),
        core.End("end-1"),
        core.Wait("after", 3_600_000),
    )
