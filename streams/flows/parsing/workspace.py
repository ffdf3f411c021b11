"""Reading a workspace file."""

from typing import get_args

from streams.flows.finding import Finding
from streams.flows.model import Channel, Consent, OpenHours, Via, Workspace
from streams.flows.parsing import scalars
from streams.flows.parsing.located import Leaf, Node, Pairs, Unreadable, load
from streams.flows.parsing.policies import policies
from streams.flows.parsing.reading import Fields, Reading

__all__ = ["parse_workspace"]

_LONGEST_CALL_MS = 60_000

VIAS: tuple[Via, ...] = get_args(Via)
KEYS = (
    "workspace",
    "zone",
    "language",
    "channels",
    "hours",
    "holidays",
    "policies",
    "stop_words",
    "consent",
    "attribution_window",
    "delivery",
    "grace",
)


def parse_workspace(text: str, file: str) -> Workspace | list[Finding]:
    """A workspace file as a typed tree, or what is wrong with it, in the file's order. Never raises."""
    try:
        root = load(text, file)
    except Unreadable as unreadable:
        return [unreadable.finding]
    reading = Reading(file)
    workspace = _workspace(reading, root)
    return sorted(set(reading.findings)) or workspace


def _workspace(reading: Reading, root: Node) -> Workspace:
    fields = reading.fields(
        root, "a workspace", KEYS, required=("workspace", "zone", "language", "channels"), later=("remember",)
    )
    workspace = Workspace(
        workspace=fields.scalar("workspace", scalars.identifier, ""),
        zone=fields.scalar("zone", scalars.place_zone, "UTC"),
        language=fields.scalar("language", scalars.language, "en"),
        channels=fields.get("channels", lambda node, _: _channels(reading, node), {}),
        hours=fields.get("hours", lambda node, _: _hours(reading, node), ()),
        holidays=fields.get("holidays", lambda node, _: _holidays(reading, node), ()),
        policies=fields.get("policies", lambda node, what: policies(reading, node, what), None),
        stop_words=fields.get("stop_words", lambda node, _: _stop_words(reading, node), {}),
        consent=fields.get("consent", lambda node, _: _consent(reading, node), None),
        attribution_window=fields.scalar("attribution_window", scalars.span, 86_400_000),
        delivery=fields.one_of("delivery", ("real", "assumed"), "real"),
        grace=fields.scalar("grace", scalars.span_or_nothing, 10_000),
    )
    for cap in workspace.policies.cap or () if workspace.policies else ():
        if cap.channel is not None and cap.channel not in workspace.channels:
            reading.error(
                reading.places[id(cap), "channel"],
                "ATT009",
                f"there is no channel {cap.channel} to count messages of",
                f"Name one of {', '.join(workspace.channels)}, or leave it out for all",
            )
    return workspace


def _named(reading: Reading, node: Node, what: str, example: str) -> Pairs:
    """A mapping whose keys are the author's own; an empty one and a finding if it is none."""
    if isinstance(node, Pairs) and node.pairs:
        return node
    reading.error(
        node.place, "ATT008", f"{what} is a mapping with at least one key", f"Write it as {example}"
    )
    return Pairs({}, {}, node.place)


def _channels(reading: Reading, node: Node) -> dict[str, Channel]:
    named = _named(reading, node, "`channels`", "`console: {via: console}`")
    return {
        reading.scalar(Leaf(name, named.keys[name]), "a channel's name", scalars.identifier, name): _channel(
            reading, value, name
        )
        for name, value in named.pairs.items()
    }


def _channel(reading: Reading, node: Node, name: str) -> Channel:
    fields = reading.fields(
        node,
        f"the channel `{name}`",
        ("via", "sender", "rate", "threaded", "url", "timeout", "idempotent", "path"),
        required=("via",),
    )
    via = fields.one_of("via", VIAS, "console")
    _needs(reading, fields, via, "webhook", "url")
    _needs(reading, fields, via, "file", "path")
    for option in ("timeout", "idempotent"):
        _belongs(reading, fields, via, "webhook", option)
    return Channel(
        via=via,
        sender=fields.text("sender"),
        rate=fields.get("rate", lambda node, what: reading.integer(node, what, 1, 100_000), None),
        threaded=fields.boolean("threaded"),
        url=fields.scalar("url", scalars.url, "") or None,
        timeout=fields.get("timeout", lambda node, what: reading.scalar(node, what, _timeout, 1), None),
        idempotent=fields.boolean("idempotent"),
        path=fields.text("path"),
    )


def _timeout(text: str) -> int:
    """A span of a minute at most: a call holds its contact up meanwhile."""
    if (ms := scalars.span(text)) > _LONGEST_CALL_MS:
        raise ValueError("a call may take a minute at most")
    return ms


def _needs(reading: Reading, fields: Fields, via: str, kind: str, option: str) -> None:
    """`option` stands beside `via: kind`, and nowhere else."""
    if via == kind and option not in fields:
        reading.error(
            fields.node.place,
            "ATT007",
            f"{fields.what} needs `{option}`, since it goes via {kind}",
            f"Add `{option}:`",
        )
    _belongs(reading, fields, via, kind, option)


def _belongs(reading: Reading, fields: Fields, via: str, kind: str, option: str) -> None:
    """`option` stands beside `via: kind` alone."""
    if via != kind and option in fields:
        reading.error(
            fields.node.keys[option],
            "ATT011",
            f"`{option}` belongs to `via: {kind}`",
            f"Take it out, or write `via: {kind}`",
        )


def _hours(reading: Reading, node: Node) -> tuple[OpenHours, ...]:
    fields = reading.fields(node, "`hours`", scalars.DAYS)
    return tuple(
        OpenHours(
            day, fields.each(name, lambda node, what: reading.scalar(node, what, scalars.hours, (0, 1)))
        )
        for day, name in enumerate(scalars.DAYS, 1)
        if name in fields
    )


def _holidays(reading: Reading, node: Node) -> tuple[str, ...]:
    fields = reading.fields(node, "`holidays`", ("dates",), later=("country", "subdivision"))
    dates = fields.each("dates", lambda node, what: reading.scalar(node, what, scalars.iso_date, ""))
    return tuple(sorted(set(dates)))


def _stop_words(reading: Reading, node: Node) -> dict[str, tuple[str, ...]]:
    named = _named(reading, node, "`stop_words`", "`it: [stop, basta]`")
    return {
        reading.scalar(Leaf(name, named.keys[name]), "a language", scalars.language, name): tuple(
            reading.scalar(each, "a stop word", scalars.name, "") for each in reading.items(words)
        )
        for name, words in named.pairs.items()
    }


def _consent(reading: Reading, node: Node) -> Consent:
    fields = reading.fields(node, "`consent`", ("marketing",))
    return Consent(fields.one_of("marketing", ("opt_in", "opt_out"), "opt_in"))
