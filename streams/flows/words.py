"""Parts of a flow in words: what pictures, timelines and differences say to people who do not read YAML."""

from typing import Any, assert_never

from streams.flows.model import (
    AllOf,
    AnyOf,
    Asked,
    CapRule,
    Cond,
    EnterRule,
    Happening,
    MatchKind,
    NoneOf,
    PolicyRules,
    QuietRule,
    Texts,
    Waiting,
)
from streams.flows.parsing.scalars import DAYS

__all__ = [
    "beginning",
    "clock",
    "condition_words",
    "enter_words",
    "happening_words",
    "policy_words",
    "span_words",
    "texts_words",
    "wait_words",
]

_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000), ("ms", 1))
_OPERATORS = {
    "equals": "is",
    "not_equals": "is not",
    "in": "is one of",
    "not_in": "is none of",
    "contains": "contains",
    "starts_with": "starts with",
    "ends_with": "ends with",
    "matches": "matches",
    "gt": ">",
    "gte": "≥",
    "lt": "<",
    "lte": "≤",
    "between": "is between",
    "before": "is before",
    "after": "is after",
    "on": "is on",
    "has": "has",
    "has_any": "has any of",
    "has_all": "has all of",
}
_EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)


def span_words(ms: int) -> str:
    """A span as people say it: `2 h`, `1 h 30 min`, `36 h`, `30 d`. Days from two on."""
    if ms == 0:
        return "0 s"
    parts, rest = [], abs(ms)
    for unit, size in _UNITS:
        if unit == "d" and rest < 2 * size:
            continue
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}")
    return ("−" if ms < 0 else "") + " ".join(parts)


def clock(minutes: int) -> str:
    """Minutes from midnight as `HH:MM`."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def wait_words(step: Waiting) -> str:
    """How long a wait step waits: `2 h`, `until 10:00 on Monday (business)`."""
    if step.until is None:
        return span_words(step.span)
    named = [DAYS[day - 1] for day in step.until.days]
    days = "" if len(named) == len(DAYS) else f" on {', '.join(named)}"
    zone = "" if step.until.zone == "contact" else f" ({step.until.zone})"
    return f"until {clock(step.until.time)}{days}{zone}"


def beginning(text: str, most: int) -> str:
    """The beginning of a text, on one line, at most so many characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def texts_words(texts: Texts | None, language: str | None = None) -> str:
    """One of the texts: in that language, else for any, else the first there is."""
    if not texts:
        return ""
    return texts.get(language or "*") or texts.get("*") or next(iter(texts.values()))


def condition_words(condition: Cond, *, within: bool = False) -> str:
    """A condition as a sentence without its end. `within` another one it stands in parentheses if need be."""
    match condition:
        case AllOf() | AnyOf():
            word = " and " if isinstance(condition, AllOf) else " or "
            said = word.join(condition_words(each, within=True) for each in condition.of)
            return f"({said})" if within and len(condition.of) > 1 else said
        case NoneOf():
            return f"not ({condition_words(condition.of)})"
        case Asked():
            return _asked_words(condition)
        case _:
            assert_never(condition)


def _asked_words(asked: Asked) -> str:  # noqa: PLR0911 - one a subject
    match asked.subject:
        case "responded":
            return "the last wait was answered" if asked.name == "last" else f"{asked.name} was answered"
        case "delivered" | "read" | "failed":
            return (
                f"{asked.name} was {asked.subject}" if asked.subject != "failed" else f"{asked.name} failed"
            )
        case "entered":
            return f"the journey has been at {asked.name}"
        case "tag":
            return f"the contact has the tag {asked.name}"
        case "channel":
            return f"the channel is {asked.name}"
        case "language":
            return f"the language is {asked.name}"
        case subject:
            whose = {"attribute": "the contact’s ", "var": "the variable "}.get(subject, "")
            return f"{whose}{asked.name} {_operation(asked)}"


def _operation(asked: Asked) -> str:
    match asked.operator:
        case None:
            return "is there"
        case "exists":
            return "is there" if asked.operand else "is not there"
        case "empty":
            return "is empty" if asked.operand else "is not empty"
        case operator:
            said = f"{_OPERATORS.get(operator, operator.replace('_', ' '))} {_operand(asked.operand)}"
            return f"{said} (case and accents aside)" if asked.fold else said


def _operand(operand: Any) -> str:
    match operand:
        case list():
            return ", ".join(_operand(each) for each in operand)
        case {"now": offset}:
            return "now" if str(offset).strip("+-")[:1] == "0" else f"now {offset}"
        case dict():
            (subject, name), *_ = operand.items()
            return {"attribute": "the contact’s ", "var": "the variable "}.get(subject, "") + str(name)
        case bool():
            return str(operand).lower()
        case _:
            return str(operand)


def happening_words(happening: Happening) -> str:
    """A trigger or an exit rule."""
    said = _kind_words(happening.kind, happening.name)
    if happening.keyword:
        said += f" that says {' or '.join(f'“{each}”' for each in happening.keyword)}"
    if happening.pattern is not None:
        said += f" that has the pattern {happening.pattern}"
    if happening.channel:
        said += f" on {' or '.join(happening.channel)}"
    if happening.where is not None:
        said += f", where {condition_words(happening.where)}"
    if happening.same:
        said += f", of the same {', '.join(happening.same)}"
    return said


def _kind_words(kind: MatchKind, name: str | None) -> str:  # noqa: PLR0911 - one a kind
    match kind:
        case "event":
            return f"event {name}"
        case "message":
            return "first message of a conversation" if name == "first" else "message from the contact"
        case "agent_message":
            return "message from an agent"
        case "conversation":
            return f"conversation {name}"
        case "tag_added":
            return f"tag {name} added"
        case "opted_out":
            return "opt-out" if name in {None, "any"} else f"opt-out of {name}"
        case "manual":
            return "by hand"
        case _:
            assert_never(kind)


def enter_words(enter: EnterRule | None) -> str:
    """Who may enter, and when again."""
    if enter is None:
        return "again after the journey has ended"
    again = enter.again
    match "after_exit" if again is None else again.rule:
        case "never":
            said = "once and never again"
        case "always":
            said = "every time"
        case "after" if again is not None and again.after is not None:
            said = f"again {span_words(again.after)} after the last entry"
        case _:
            said = "again after the journey has ended"
    if enter.key is not None:
        said += f", for each {enter.key}"
    return said if enter.when is None else f"{said}, if {condition_words(enter.when)}"


def policy_words(rules: PolicyRules | None) -> dict[str, str]:
    """What a level states, by key; empty where it states nothing."""
    if rules is None:
        return {}
    said: dict[str, str] = {}
    if rules.purpose is not None:
        said["purpose"] = rules.purpose
    if rules.quiet_hours is not None:
        said["quiet hours"] = _quiet(rules.quiet_hours)
    if rules.cap is not None:
        said["cap"] = "; ".join(_cap(cap) for cap in rules.cap) or "none"
    if rules.late is not None:
        after = rules.late.skip_after
        said["late"] = "sent however late" if after is None else f"skipped {span_words(after)} late"
    if rules.priority is not None:
        said["priority"] = str(rules.priority)
    return said


def _quiet(rule: QuietRule) -> str:
    if rule.hours is None:
        return "off"
    start, end = rule.hours
    said = f"{clock(start)}–{clock(end)}"
    if rule.days != _EVERY_DAY:
        said += f" on {', '.join(DAYS[day - 1] for day in rule.days)}"
    if rule.zone != "contact":
        said += " by the business’s clock" if rule.zone == "business" else f" in {rule.zone}"
    said += f", {rule.then}"
    others = [f"{purpose} {then}" for purpose, then in sorted(rule.by_purpose.items())]
    if others:
        said += f" ({', '.join(others)})"
    return said if rule.jitter == 600_000 else f"{said}, spread over {span_words(rule.jitter)}"


def _cap(cap: CapRule) -> str:
    kind = " ".join(each for each in (cap.purpose, cap.channel) if each)
    return f"{cap.messages} {kind + ' ' if kind else ''}messages in {span_words(cap.per)}"
