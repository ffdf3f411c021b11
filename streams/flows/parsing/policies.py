"""Reading policies."""

from typing import get_args

from streams.flows.model import CapRule, LateRule, PolicyRules, Purpose, QuietRule, Then
from streams.flows.parsing import scalars
from streams.flows.parsing.located import Leaf, Node
from streams.flows.parsing.reading import Reading

__all__ = ["PURPOSES", "policies"]

PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
THENS: tuple[Then, ...] = get_args(Then)


def policies(reading: Reading, node: Node, what: str) -> PolicyRules:
    """What one level (workspace, flow, step) states."""
    known = ("purpose", "quiet_hours", "cap", "late", "priority")
    fields = reading.fields(node, what, known, later=("send_window",))
    return reading.locate(
        PolicyRules(
            purpose=fields.one_of("purpose", PURPOSES, None),
            quiet_hours=fields.get("quiet_hours", lambda node, _: _quiet(reading, node), None),
            cap=fields.each("cap", lambda node, _: _cap(reading, node)) if "cap" in fields else None,
            late=fields.get("late", lambda node, _: _late(reading, node), None),
            priority=fields.get("priority", lambda node, what: reading.integer(node, what, 0, 100), None),
        ),
        fields,
    )


def _quiet(reading: Reading, node: Node) -> QuietRule:
    """`21:00-08:00`, `off`, or the long form."""
    if isinstance(node, Leaf):
        off = node.value == "off"
        return QuietRule(None if off else reading.scalar(node, "`quiet_hours`", scalars.hours, (0, 1)))
    fields = reading.fields(
        node, "`quiet_hours`", ("hours", "days", "zone", "then", "by_purpose", "jitter"), required=("hours",)
    )
    days = fields.each("days", lambda node, what: reading.scalar(node, what, scalars.day, 1))
    rule = QuietRule(
        hours=fields.scalar("hours", scalars.hours, (0, 1)),
        zone=fields.scalar("zone", scalars.zone, "contact"),
        then=fields.one_of("then", THENS, "postpone"),
        by_purpose=fields.get("by_purpose", lambda node, _: _by_purpose(reading, node), {}),
        jitter=fields.scalar("jitter", scalars.span_or_nothing, 600_000),
        **({"days": tuple(sorted(set(days)))} if "days" in fields else {}),
    )
    if not rule.days:
        reading.error(
            fields["days"].place,
            "ATT008",
            "`days` is an empty list",
            "Write at least one day, or leave it out",
        )
    return reading.locate(rule, fields)


def _by_purpose(reading: Reading, node: Node) -> dict[Purpose, Then]:
    fields = reading.fields(node, "`by_purpose`", PURPOSES)
    return {name: fields.one_of(name, THENS, "postpone") for name in PURPOSES if name in fields}


def _cap(reading: Reading, node: Node) -> CapRule:
    fields = reading.fields(
        node, "`cap`", ("messages", "per", "channel", "purpose"), required=("messages", "per")
    )
    return reading.locate(
        CapRule(
            messages=fields.get("messages", lambda node, what: reading.integer(node, what, 1, 1000), 1),
            per=fields.scalar("per", scalars.span, 1),
            channel=fields.scalar("channel", scalars.identifier, "") or None,
            purpose=fields.one_of("purpose", PURPOSES, None),
        ),
        fields,
    )


def _late(reading: Reading, node: Node) -> LateRule:
    if isinstance(node, Leaf) and node.value == "send_anyway":
        return LateRule(None)
    fields = reading.fields(node, "`late`", ("skip_after",), required=("skip_after",))
    return LateRule(fields.scalar("skip_after", scalars.span, 1))
