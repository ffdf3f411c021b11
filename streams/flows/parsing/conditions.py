"""Reading conditions and matches."""

from typing import Any

import re2

from streams.core.folding import words
from streams.flows.model import AllOf, AnyOf, Asked, Cond, Happening, MatchKind, NoneOf
from streams.flows.parsing import scalars
from streams.flows.parsing.located import Items, Leaf, Node, Pairs
from streams.flows.parsing.reading import Fields, Reading

__all__ = ["MATCHES", "channels", "condition", "happening", "reference"]

VALUES = ("property", "attribute", "var")
"""Subjects that have a value, which operators ask about and references look up."""
COMPARED = (*VALUES, "arm")
"""Subjects that operators ask about."""
STATES = ("tag", "responded", "entered", "delivered", "read", "failed", "channel", "language")
"""Subjects that hold or do not."""
LATER = ("consent", "last_message", "business", "did")

TEXT = ("contains", "starts_with", "ends_with")
NUMBER = ("gt", "gte", "lt", "lte")
MOMENT = ("before", "after", "on")
LISTED = ("in", "not_in", "has_any", "has_all")
FLAG = ("exists", "empty")
OPERATORS = ("equals", "not_equals", *LISTED, *TEXT, "matches", *NUMBER, "between", *MOMENT, "has", *FLAG)
FOLDABLE = ("equals", "not_equals", *LISTED, *TEXT, "matches", "has")

MATCHES: tuple[MatchKind, ...] = (
    "event",
    "message",
    "agent_message",
    "conversation",
    "tag_added",
    "opted_out",
)


def condition(reading: Reading, node: Node, what: str) -> Cond:
    """A condition: a list is all of it."""
    if isinstance(node, Items):
        return reading.locate(AllOf(_several(reading, node, what)), node)
    if isinstance(node, Pairs) and (
        group := next((k for k in ("all", "any", "not") if k in node.pairs), None)
    ):
        fields = reading.fields(node, what, (group,))
        if group == "not":
            return reading.locate(NoneOf(condition(reading, fields["not"], what)), fields)
        several = _several(reading, fields[group], what)
        return reading.locate(AllOf(several) if group == "all" else AnyOf(several), fields)
    return _asked(reading, node, what)


def _several(reading: Reading, node: Node, what: str) -> tuple[Cond, ...]:
    nodes = reading.items(node)
    if not nodes:
        reading.error(node.place, "ATT008", f"{what} is an empty list", "Write at least one condition")
    return tuple(condition(reading, each, what) for each in nodes)


def _asked(reading: Reading, node: Node, what: str) -> Cond:
    """One subject with at most one operator."""
    fields = reading.fields(
        node, what, ("all", "any", "not", *COMPARED, *STATES, *OPERATORS, "fold"), later=LATER
    )
    subjects = (*COMPARED, *STATES)
    missing = f"{what} asks about nothing", f"Start with one of {', '.join(subjects)}, or all, any, not"
    subject = fields.one_kind(subjects, missing=missing, instead=LATER)
    if subject is None:
        return Asked("property", "")
    operator = fields.one_kind(OPERATORS)
    if operator is not None and subject in STATES:
        reading.error(
            fields.node.keys[operator],
            "ATT011",
            f"`{subject}` holds or does not: it takes no `{operator}`",
            f"Write it alone, or {{not: {{{subject}: …}}}}",
        )
    fold = fields.boolean("fold")
    if fold and operator not in FOLDABLE:
        reading.error(
            fields["fold"].place,
            "ATT011",
            "`fold` folds the case of text, and nothing here compares text",
            f"Use it with one of {', '.join(FOLDABLE)}",
        )
    operand = None if operator is None else _operand(reading, fields[operator], operator)
    return reading.locate(Asked(subject, _name(reading, fields, subject), operator, operand, fold), fields)


def _name(reading: Reading, fields: Fields, subject: str) -> str:
    match subject:
        case "channel":
            return fields.scalar(subject, scalars.identifier, "")
        case "language":
            return fields.scalar(subject, scalars.language, "")
        case "arm" | "entered" | "delivered" | "read" | "failed":
            return fields.scalar(subject, scalars.identifier, "")
        case "responded":
            return fields.scalar(subject, scalars.identifier, "last")
        case _:
            return reading.scalar(fields[subject], f"`{subject}`", scalars.name, "")


def _operand(reading: Reading, node: Node, operator: str) -> Any:  # noqa: PLR0911 - one line an operator
    """The operand by its operator's kind, as written."""
    what = f"`{operator}`"
    if operator in FLAG:
        return reading.boolean(node, what)
    if operator == "matches":
        return reading.scalar(node, what, _pattern, "")
    if operator in LISTED:
        if isinstance(node, Items) and not node.items:
            reading.error(node.place, "ATT008", f"{what} has an empty list", "Write at least one value")
        return [_value(reading, each, what) for each in reading.items(node)]
    if operator == "between":
        both = [_number(reading, each, what) for each in reading.items(node)]
        if len(both) != 2:
            reading.error(
                node.place, "ATT008", f"{what} takes two values, here are {len(both)}", "Write [from, to]"
            )
        return both
    if operator in NUMBER:
        return _number(reading, node, what)
    if operator in MOMENT:
        return _moment(reading, node, what)
    if operator in TEXT and not isinstance(node, Pairs):
        return reading.text(node, what, also=(int, float)) or ""
    return _value(reading, node, what)


def _value(reading: Reading, node: Node, what: str) -> Any:
    """A literal or a reference."""
    return reference(reading, node, what) if isinstance(node, Pairs) else reading.literal(node, what)


def _number(reading: Reading, node: Node, what: str) -> Any:
    if isinstance(node, Pairs):
        return reference(reading, node, what)
    if isinstance(node, Leaf) and type(node.value) in {int, float}:
        return node.value
    reading.error(
        node.place,
        "ATT009",
        f"{what} compares numbers",
        "Write a number without quotes, or {attribute: …}; for dates use before and after",
    )
    return 0


def _moment(reading: Reading, node: Node, what: str) -> Any:
    if isinstance(node, Pairs):
        return reference(reading, node, what, now=True)
    parse = scalars.iso_date if what == "`on`" else scalars.iso_moment
    return reading.scalar(node, what, parse, "")


def reference(reading: Reading, node: Pairs, what: str, *, now: bool = False) -> dict[str, str]:
    """`{property|attribute|var: …}`, and with `now` `{now: …}` too."""
    kinds = (*VALUES, "now") if now else VALUES
    fields = reading.fields(node, what, kinds)
    missing = f"{what} looks up nothing", f"Write one of {', '.join(kinds)}"
    kind = fields.one_kind(kinds, missing=missing, instead=tuple(node.pairs))
    if kind is None:
        return {}
    if kind == "now":
        reading.scalar(fields["now"], "`now`", scalars.offset, 0)
    return {kind: reading.scalar(fields[kind], f"`{kind}`", scalars.name, "")}


def _pattern(text: str) -> str:
    """A re2 pattern, as it stands."""
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(text, options=options)
    except re2.error as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else error
        raise ValueError(f"an RE2 pattern is expected: {reason}") from None
    return text


def channels(reading: Reading, node: Node, what: str) -> tuple[str, ...]:
    """One channel's name or several."""
    return tuple(reading.scalar(each, what, scalars.identifier, "") for each in reading.items(node))


def happening(
    reading: Reading,
    node: Node,
    what: str,
    *,
    also: tuple[MatchKind, ...] = (),
    later: tuple[str, ...] = (),
    beside: tuple[str, ...] = (),
    required: tuple[str, ...] = (),
) -> Happening:
    """A match: something that happens at an instant. `also` are words that may stand bare (manual),
    `beside` keys that somebody else reads.
    """
    nothing = Happening("manual")
    if isinstance(node, Leaf) and node.value in also:
        return reading.locate(nothing, node)
    fields = reading.fields(
        node, what, (*MATCHES, *also, "where", "same", "channel", *beside), required=required, later=later
    )
    kinds = (*MATCHES, *also)
    missing = f"{what} says nothing that can happen", f"Start with one of {', '.join(kinds)}"
    kind = fields.one_kind(kinds, missing=missing, instead=later)
    if kind is None:
        return nothing
    keyword: tuple[str, ...] = ()
    pattern: str | None = None
    match kind:
        case "manual":
            reading.error(
                fields.node.keys["manual"], "ATT008", "`manual` stands bare", "Write `manual` alone"
            )
            return nothing
        case "message":
            name, keyword, pattern = _message(reading, fields["message"])
        case "agent_message":
            name = fields.one_of(kind, ("any",), "any")
        case "conversation":
            name = fields.one_of(kind, ("opened", "assigned", "closed"), "opened")
        case "opted_out":
            name = fields.one_of(kind, ("any", "marketing", "service", "urgent"), "any")
        case _:
            name = reading.scalar(fields[kind], f"`{kind}`", _one_name, "")
    return reading.locate(
        Happening(
            kind=kind,
            name=name,
            where=fields.get("where", lambda node, what: condition(reading, node, what), None),
            same=fields.each("same", lambda node, what: reading.scalar(node, what, scalars.name, "")),
            channel=fields.get("channel", lambda node, what: channels(reading, node, what), ()),
            keyword=keyword,
            pattern=pattern,
        ),
        fields,
    )


def _one_name(text: str) -> str:
    if text == "any":
        raise ValueError("name one: there is no `any` here")
    return scalars.name(text)


def _message(reading: Reading, node: Node) -> tuple[str, tuple[str, ...], str | None]:
    """Any or first; of any, the words or the pattern that it has."""
    if not isinstance(node, Pairs):
        return reading.one_of(node, "`message`", ("any", "first")), (), None
    fields = reading.fields(node, "`message`", ("keyword", "pattern"))
    fields.one_kind(
        ("keyword", "pattern"), missing=("`message` says nothing", "Write any, first, keyword: or pattern:")
    )
    if "keyword" in fields and not reading.items(fields["keyword"]):
        reading.error(fields["keyword"].place, "ATT008", "`keyword` is an empty list", "Name a word")
    keyword = fields.each("keyword", lambda node, what: reading.scalar(node, what, _keyword, ""))
    return "any", keyword, fields.scalar("pattern", _pattern, "") or None


def _keyword(text: str) -> str:
    if not words(text):
        raise ValueError("a keyword has letters or digits")
    return scalars.name(text)
