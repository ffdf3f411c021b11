"""The JSON Schema (draft 7) of flow and workspace files, for editors: completion, hovers, slips underlined.

It is what the parser reads, written down once more for machines; a test holds the two together: whatever the
parser takes is valid here, and the keys of each mapping are the parser's own. It is not stricter than that:
what only makes sense or not is the review's.
"""

from typing import Any

from streams.flows.parsing import conditions, flow, policies, steps, workspace
from streams.flows.parsing.scalars import DAYS

__all__ = ["flow_schema", "workspace_schema"]

Schema = dict[str, Any]

DRAFT = "http://json-schema.org/draft-07/schema#"
SPAN = r"^(?:(?:[0-9]+[smhdw])+|P(?:[0-9]+W)?(?:[0-9]+D)?(?:T(?:[0-9]+H)?(?:[0-9]+M)?(?:[0-9]+S)?)?)$"
TIME = r"^(?:[01][0-9]|2[0-3]):[0-5][0-9]$"
HOURS = r"^(?:[01][0-9]|2[0-3]):[0-5][0-9]-(?:[01][0-9]|2[0-3]):[0-5][0-9]$"


def _text(meaning: str, pattern: str | None = None, *, plain: bool = False) -> Schema:
    """Text; with `plain` a bare number is read as text too."""
    found: Schema = {"type": ["string", "number"] if plain else "string", "description": meaning}
    return {**found, "pattern": pattern} if pattern else found


def _ref(name: str) -> Schema:
    return {"$ref": f"#/definitions/{name}"}


def _one_of(meaning: str, *words: str) -> Schema:
    return {"enum": list(words), "description": meaning}


def _some(item: Schema, least: int = 0) -> Schema:
    """A list; a single one may stand bare."""
    return {"anyOf": [item, {"type": "array", "items": item, "minItems": least}]}


def _mapping(meaning: str, properties: dict[str, Schema], *required: str) -> Schema:
    found: Schema = {
        "type": "object",
        "description": meaning,
        "properties": properties,
        "additionalProperties": False,
    }
    return {**found, "required": list(required)} if required else found


def _named(meaning: str, value: Schema) -> Schema:
    """A mapping whose keys are the author's own."""
    return {"type": "object", "description": meaning, "additionalProperties": value}


ID = r"^[a-z0-9][a-z0-9-]{0,62}$"
FLAG: Schema = {"type": "boolean"}
WEIGHT: Schema = {"type": "integer", "minimum": 1, "maximum": steps.MAX_WEIGHT}
LITERAL: Schema = {"type": ["string", "number", "boolean"]}


def _scalars() -> dict[str, Schema]:
    return {
        "id": _text("a–z, 0–9 and -, at most 63", ID, plain=True),
        "span": _text("90m, 1h30m, 7d, or ISO 8601: PT90M", SPAN),
        "hours": _text("HH:MM-HH:MM, start in, end out; may cross midnight", HOURS),
        "day": _one_of("A weekday", *DAYS),
        "channel": _text("A channel of the workspace", ID, plain=True),
        "purpose": _one_of("urgent ignores quiet hours and caps", *policies.PURPOSES),
        "name": _text("As the platform calls it", plain=True),
        "liquid": _text("Liquid: sees contact.*, event.*, vars.*, conversation.*, business.*", plain=True),
        "texts": {"anyOf": [_ref("liquid"), _named("Language, or *, to liquid", _ref("liquid"))]},
        "variables": _named("Name to liquid", {"anyOf": [_ref("liquid"), FLAG]}),
        "value": {
            "anyOf": [
                LITERAL,
                *(
                    _mapping(f"The {kind} of that name", {kind: _ref("name")}, kind)
                    for kind in conditions.VALUES
                ),
            ]
        },
    }


def _condition() -> Schema:
    value, number = _ref("value"), {"anyOf": [{"type": "number"}, {"type": "object"}]}
    moment = {"anyOf": [_text("An ISO 8601 date or date-time"), {"type": "object"}]}
    operands: dict[str, Schema] = {
        **dict.fromkeys(("equals", "not_equals", "has"), value),
        **dict.fromkeys(conditions.LISTED, _some(value, 1)),
        **dict.fromkeys(conditions.TEXT, value),
        "matches": _text("An RE2 pattern", plain=True),
        **dict.fromkeys(conditions.NUMBER, number),
        "between": {"type": "array", "items": number, "minItems": 2, "maxItems": 2},
        **dict.fromkeys(conditions.MOMENT, moment),
        **dict.fromkeys(conditions.FLAG, FLAG),
    }
    subjects = {name: _ref("name") for name in (*conditions.COMPARED, *conditions.STATES)}
    group = _some(_ref("condition"), 1)
    single = _mapping(
        "One subject with at most one operator; without one: it is there and not false",
        {**subjects, **operands, "fold": {**FLAG, "description": "Takes no notice of case and accents"}},
    )
    return {
        "anyOf": [
            {"type": "array", "items": _ref("condition"), "minItems": 1, "description": "All of it"},
            *(_mapping(f"{word} of it", {word: group}, word) for word in ("all", "any")),
            _mapping("It does not hold", {"not": _ref("condition")}, "not"),
            {**single, "minProperties": 1},
        ]
    }


def _match() -> Schema:
    kinds: dict[str, Schema] = {
        "event": _ref("name"),
        "message": {
            "anyOf": [
                _one_of("first: it opens a conversation", "any", "first"),
                _mapping(
                    "One that says this",
                    {
                        "keyword": _some(_text("Whole words, case and accents aside", plain=True), 1),
                        "pattern": _text("An RE2 pattern, found anywhere", plain=True),
                    },
                ),
            ]
        },
        "agent_message": _one_of("A message of ours", "any"),
        "conversation": _one_of("What became of it", "opened", "assigned", "closed"),
        "tag_added": _ref("name"),
        "opted_out": _one_of("Of which purpose", "any", *policies.PURPOSES),
    }
    beside = {
        "where": _ref("condition"),
        "same": _some({**_ref("name")}),
        "channel": _some(_ref("channel")),
    }
    return _mapping("Something that happens at an instant", {**kinds, **beside})


def _policies() -> Schema:
    then = _one_of("What becomes of a send in these hours", *policies.THENS)
    quiet = _mapping(
        "Hours in which nothing is sent",
        {
            "hours": _ref("hours"),
            "days": _some(_ref("day"), 1),
            "zone": _text("contact, business or an IANA name"),
            "then": then,
            "by_purpose": _mapping("Another `then` for a purpose", dict.fromkeys(policies.PURPOSES, then)),
            "jitter": _ref("span"),
        },
        "hours",
    )
    cap = _mapping(
        "At most so many messages in a sliding span",
        {
            "messages": {"type": "integer", "minimum": 1, "maximum": 1000},
            "per": _ref("span"),
            "channel": _ref("channel"),
            "purpose": _ref("purpose"),
        },
        "messages",
        "per",
    )
    late = _mapping("Skips what is later than this", {"skip_after": _ref("span")}, "skip_after")
    return _mapping(
        "Step over flow over workspace, key by key",
        {
            "purpose": _ref("purpose"),
            "quiet_hours": {"anyOf": [{"enum": ["off"]}, _ref("hours"), quiet]},
            "cap": _some(cap),
            "late": {"anyOf": [{"enum": ["send_anyway"]}, late]},
            "priority": {"type": "integer", "minimum": 0, "maximum": 100},
        },
    )


def _assigned() -> Schema:
    now = _mapping("So far from now", {"now": _text("+2d, -30d or 0d")}, "now")
    return {"anyOf": [_ref("value"), now]}


def _step() -> Schema:
    block = _some(_ref("step"))
    kinds: dict[str, Schema] = {
        "send": _mapping(
            "Sends a message: a template, or a text that stands here",
            {
                "channel": _some(_ref("channel")),
                "template": _ref("id"),
                "text": _ref("texts"),
                "subject": _ref("texts"),
                "vars": _ref("variables"),
                "purpose": _ref("purpose"),
                "on_unknown": _one_of("When nobody knows whether it went out", "hold", "resend"),
            },
        ),
        "wait": {
            "anyOf": [
                _ref("span"),
                _mapping(
                    "Until the next such time",
                    {
                        "until": _text("HH:MM", TIME),
                        "days": _some(_ref("day"), 1),
                        "zone": _text("contact, business or an IANA name"),
                    },
                    "until",
                ),
            ]
        },
        "customer_response": _mapping(
            "Waits for the contact's answer",
            {
                "within": _ref("span"),
                "on_response": block,
                "no_response": block,
                "any_channel": FLAG,
                "reactions": FLAG,
                "prompt": _text("The step whose message is waited on, or none", ID, plain=True),
            },
            "within",
        ),
        "wait_for": _mapping(
            "Waits until something happens",
            {
                **_match()["properties"],
                "within": _ref("span"),
                "on_event": block,
                "no_event": block,
            },
            "within",
        ),
        "if": _ref("condition"),
        "split": _mapping(
            "Sends a contact down one arm, by chance but always the same",
            {
                "arms": {
                    **_named("Name to arm", _mapping("An arm", {"weight": WEIGHT, "steps": block}, "weight")),
                    "minProperties": 1,
                },
                "hold_out": {**WEIGHT, "description": "The weight of those to whom nothing is sent"},
            },
            "arms",
        ),
        "set": _some(
            _mapping(
                "A journey's variable or a contact's attribute, and its value",
                {"var": _ref("name"), "attribute": _ref("name"), "to": _assigned()},
                "to",
            ),
            1,
        ),
        "tag": _some(_ref("name"), 1),
        "untag": _some(_ref("name"), 1),
        "go_to": {
            "anyOf": [
                _ref("id"),
                _mapping(
                    "A step, and how many times at most",
                    {
                        "step": _ref("id"),
                        "max": {"type": "integer", "minimum": 1, "maximum": steps.MAX_VISITS},
                    },
                    "step",
                ),
            ]
        },
        "assign": _mapping(
            "Assigns the conversation",
            {
                "agent": _ref("name"),
                "team": _ref("name"),
                "round_robin": _some({**_ref("name")}, 1),
                "priority": _one_of("How soon", *steps.PRIORITIES),
            },
        ),
        "close_conversation": {
            "anyOf": [
                {"type": "null"},
                _mapping("Which one", {"conversation": _one_of("Which one", *steps.WHICH)}),
            ]
        },
        "end": {"anyOf": [{"type": "null"}, _mapping("Why", {"reason": _ref("name")}, "reason")]},
    }
    beside = {"id": _ref("id"), "title": _ref("name"), "policies": _ref("policies")}
    way = _mapping("Another condition", {"if": _ref("condition"), "then": block}, "if")
    branches = {"then": block, "else_if": _some(way), "else": block}
    return {
        "anyOf": [
            {"enum": ["close_conversation", "end"]},
            *(
                _mapping(kind, {kind: body, **beside, **(branches if kind == "if" else {})}, kind)
                for kind, body in kinds.items()
            ),
        ]
    }


def _enter() -> Schema:
    again = [
        _one_of("after_exit: once the last journey is over", "never", "after_exit", "always"),
        _mapping("Since the last entry", {"after": _ref("span")}, "after"),
    ]
    return _mapping(
        "Who may enter again, and when",
        {"again": {"anyOf": again}, "key": _ref("name"), "when": _ref("condition")},
    )


def flow_schema() -> Schema:
    """The schema of a flow file."""
    value = {
        "anyOf": [
            {**LITERAL, "type": [*LITERAL["type"], "null"]},
            {"type": "array", "items": {"type": "string"}},
        ]
    }
    properties = {
        "flow": _ref("id"),
        "grammar": {"type": "integer", "minimum": 1, "maximum": flow.GRAMMAR},
        "title": _ref("name"),
        "trigger": _some({"anyOf": [{"enum": ["manual"]}, _ref("match")]}, 1),
        "enter": _enter(),
        "exit_on": _some(_ref("match")),
        "channel": _ref("channel"),
        "vars": _named("The journey's variables at its start", value),
        "policies": _ref("policies"),
        "steps": _some(_ref("step"), 1),
    }
    return {
        "$schema": DRAFT,
        "title": "Attesa flow",
        **_mapping("What happens to one contact", properties, "flow", "trigger", "steps"),
        "definitions": {
            **_scalars(),
            "condition": _condition(),
            "match": _match(),
            "policies": _policies(),
            "step": _step(),
        },
    }


def workspace_schema() -> Schema:
    """The schema of a workspace file."""
    channel = _mapping(
        "How messages of this channel go out",
        {
            "via": _one_of("console prints, webhook posts, file writes a line each", *workspace.VIAS),
            "sender": _ref("name"),
            "rate": {"type": "integer", "minimum": 1, "maximum": 100_000, "description": "Messages a second"},
            "threaded": {**FLAG, "description": "Only a reply that names the message answers it"},
            "url": _text("webhook: where to", "^https?://"),
            "timeout": _ref("span"),
            "idempotent": {**FLAG, "description": "webhook: the endpoint honours the idempotency key"},
            "path": _text("file: which one", plain=True),
        },
        "via",
    )
    properties = {
        "workspace": _ref("id"),
        "zone": _text("The business's, an IANA name"),
        "language": _text("For contacts that have none"),
        "channels": {**_named("Name to channel", channel), "minProperties": 1},
        "hours": _mapping("When the business is open", dict.fromkeys(DAYS, _some(_ref("hours")))),
        "holidays": _mapping("Days on which it is not", {"dates": _some(_text("YYYY-MM-DD"))}),
        "policies": _ref("policies"),
        "stop_words": _named("Language to words that take consent back", _some(_ref("name"))),
        "consent": _mapping("What marketing needs", {"marketing": _one_of("", "opt_in", "opt_out")}),
        "attribution_window": _ref("span"),
        "delivery": _one_of("assumed: a history, nothing leaves", "real", "assumed"),
        "grace": _ref("span"),
    }
    needed = ("workspace", "zone", "language", "channels")
    return {
        "$schema": DRAFT,
        "title": "Attesa workspace",
        **_mapping("A tenant", properties, *needed),
        "definitions": {**_scalars(), "policies": _policies()},
    }
