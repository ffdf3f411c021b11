"""What happened, against what flows look for: waits and exits of running journeys, and entries."""

import msgspec

from schemas.types.facts import BranchTaken, EntryRefused, JourneyStarted
from schemas.types.value import Value
from streams.core.conditions import Subjects, ask, holds
from streams.core.draft import Draft
from streams.core.ids import derived, journey_id
from streams.core.journeys import advance, cancel_pending, end
from streams.core.program import END, Match, WaitFor
from streams.core.registry import Published
from streams.core.state import MAX_JOURNEYS, Journey, Timer

__all__ = ["Happening", "awaited", "enter", "exits", "happened", "triggers"]


class Happening(msgspec.Struct, frozen=True, gc=False):
    """Something that flows may look for. One input can be several: a message, and an opt-out."""

    kind: str
    name: str | None = None
    """The event's name, first, the tag, opened|assigned|closed, the purpose; None: nothing more to tell."""
    properties: dict[str, Value] = {}
    channel: str | None = None
    conversation: str | None = None
    kept: bool = True
    """Whether a journey that it starts keeps the properties; a message's text is only looked at."""
    vars: dict[str, Value] = {}
    words: str = ""
    """Of a message: what it says, as `folding.words` gives it."""
    entry: str | None = None
    """What a journey that it starts is told apart by; None: the input or the deadline that made it."""


def happened(draft: Draft, happening: Happening) -> None:
    """What waits for it first, then exit rules, then triggers."""
    awaited(draft, happening)
    exits(draft, happening)
    triggers(draft, happening)


def awaited(draft: Draft, happening: Happening) -> None:
    """Takes on each journey that stood waiting for this before the decision began."""
    for journey in list(draft.state.journeys.values()):
        step = _waits_for(draft, journey)
        if step is None or not _matches(draft, step.match, happening):
            continue
        if _concerns(step.match, journey, happening):
            because = {"kind": step.match.kind, "name": step.match.name or "any"}
            cancel_pending(draft, journey, "happened")
            at = draft.at(journey, step.id, journey.visit)
            draft.emit(BranchTaken(**at, branch="on_event", because=because))
            advance(draft, journey.id, step.on_event, meant_at=draft.now)


def _waits_for(draft: Draft, journey: Journey) -> WaitFor | None:
    """The step at which the journey waits for something to happen; None if it was not there before."""
    pending, before = journey.pending, draft.before.journeys.get(journey.id)
    if before is None or before.pending != pending or not isinstance(pending, Timer):
        return None
    if pending.kind != "wait_for":
        return None
    return draft.step(journey.flow, journey.version, journey.step, WaitFor)


def exits(draft: Draft, happening: Happening) -> None:
    """Ends each running journey that has an exit rule for this."""
    for journey in list(draft.state.journeys.values()):
        rule = _exit_of(draft, journey, happening)
        if rule is not None:
            end(draft, journey, "exit", {"kind": rule.kind, "name": rule.name or "any"})


def _exit_of(draft: Draft, journey: Journey, happening: Happening) -> Match | None:
    for match in draft.published(journey).program.exits:
        if _matches(draft, match, happening) and _concerns(match, journey, happening):
            return match
    return None


def _concerns(match: Match, journey: Journey, happening: Happening) -> bool:
    """Whether it is about this journey: the same properties, and of a conversation the same thread."""
    if any(
        name not in journey.properties or journey.properties[name] != happening.properties.get(name)
        for name in match.same
    ):
        return False
    return (
        match.kind != "conversation"
        or journey.conversation is None
        or (journey.channel, journey.conversation) == (happening.channel, happening.conversation)
    )


def _matches(draft: Draft, match: Match, happening: Happening) -> bool:
    return (
        match.kind == happening.kind
        and (match.name in (None, "any", happening.name) or _opts_out_of_all(happening))
        and (not match.channels or happening.channel in match.channels)
        and (not match.keywords or any(each in happening.words for each in match.keywords))
        and (match.pattern is None or match.pattern.search(str(happening.properties["text"])) is not None)
        and (match.where is None or holds(match.where, _subjects(draft, happening)))
    )


def _opts_out_of_all(happening: Happening) -> bool:
    """True for what is every purpose's opt-out at once."""
    return happening.kind == "opted_out" and happening.name == "any"


def _subjects(draft: Draft, happening: Happening) -> Subjects:
    """What a condition can ask about before there is a journey."""
    state = draft.state
    return Subjects(
        now=draft.now,
        zone=draft.zone,
        language=draft.language,
        properties=happening.properties,
        attributes=state.attributes,
        vars=happening.vars,
        tags=state.tags,
        channel=happening.channel,
        answers={},
        last_answer=None,
    )


def triggers(draft: Draft, happening: Happening) -> None:
    """Starts the flows that look for this; each at most once, the highest priority first."""
    names = ("marketing", "service", "urgent") if _opts_out_of_all(happening) else (happening.name,)
    found = [
        trigger
        for name in names
        for trigger in draft.registry.triggered(draft.workspace, happening.kind, name)
    ]
    tried: set[str] = set()
    for published, match in found:
        flow = published.program.flow
        if flow not in tried and _matches(draft, match, happening):
            tried.add(flow)
            enter(draft, published, happening)


def enter(draft: Draft, published: Published, happening: Happening) -> None:
    """The contact enters the flow, or a fact says why not."""
    program = published.program
    because: dict[str, str] = {}
    key, reason, until = None, "", None
    if program.enter.key is not None:
        value = happening.properties.get(program.enter.key)
        key = None if value is None else derived(draft.contact, program.flow, str(value))
        reason = "no_key" if key is None else ""
    if not reason and program.enter.when is not None:
        reason = "" if ask(program.enter.when, _subjects(draft, happening), because) else "when"
    if not reason:
        reason, until = _refused(draft, published, key)
    if reason:
        draft.emit(
            EntryRefused(
                **draft.head(),
                flow=program.flow,
                version=published.version,
                reason=reason,
                until=until,
                because=because,
            )
        )
        return
    _start(draft, published, happening, key)


def _refused(draft: Draft, published: Published, key: str | None) -> tuple[str, int | None]:
    """Why the contact may not enter now (empty: it may), and until when, if that is a matter of time."""
    program, state = published.program, draft.state
    flow = draft.registry.flows[draft.workspace, program.flow]
    if flow.retired or flow.paused:
        return "retired" if flow.retired else "paused", None
    again = program.enter.again
    if again != "always" or key is not None:
        for journey in state.journeys.values():
            if journey.flow == program.flow and journey.entry_key == key:
                return "running" if key is None else "duplicate_key", None
    last = state.entries.get(program.flow if key is None else f"{program.flow}\0{key}")
    if last is not None and again == "never":
        return "again", None
    if last is not None and again == "after" and last + program.enter.after_ms > draft.now:
        return "again", last + program.enter.after_ms
    return ("limit", None) if len(state.journeys) >= MAX_JOURNEYS else ("", None)


def _start(draft: Draft, published: Published, happening: Happening, key: str | None) -> None:
    program = published.program
    journey = journey_id(draft.contact, program.flow, happening.entry or draft.cause_name)
    sealed: dict[str, object] = {}
    if happening.kept and happening.properties:
        sealed["properties"] = happening.properties
    if program.vars or happening.vars:
        sealed["vars"] = {**dict(program.vars), **happening.vars}
    first = program.steps[0].id if program.steps else ""
    draft.emit(
        JourneyStarted(
            **draft.head(),
            sealed=sealed or None,
            flow=program.flow,
            version=published.version,
            journey=journey,
            step=first,
            trigger=happening.kind,
            entry_key=key,
            conversation=happening.conversation,
            channel=happening.channel,
            rules=program.rules,
        )
    )
    advance(draft, journey, 0 if program.steps else END, meant_at=draft.now)
