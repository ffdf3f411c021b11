"""A journey's run through its steps, its timers and its end."""

from collections.abc import Iterator
from typing import assert_never

from schemas.types.facts import (
    BranchTaken,
    JourneyEnded,
    TimerCancelled,
    TimerFired,
    TimerSet,
)
from streams.core.changes import change_tags, set_values
from streams.core.conditions import Answer, Subjects, ask
from streams.core.conversations import assign, close
from streams.core.draft import MAX_STEPS, Draft
from streams.core.program import (
    END,
    Assign,
    CloseConversation,
    CustomerResponse,
    End,
    GoTo,
    If,
    Send,
    SetValues,
    Split,
    Step,
    Tag,
    Wait,
    WaitFor,
)
from streams.core.sends import named_zone, send
from streams.core.splits import go_to, split
from streams.core.state import ContactState, Held, Journey, Timer
from streams.core.state import Wait as OpenWait
from streams.core.waits import cancel_wait, open_wait, time_out
from streams.core.zones import next_time

__all__ = ["advance", "cancel_pending", "end", "fire", "subjects"]


def advance(
    draft: Draft, journey_id: str, index: int | None, *, meant_at: int, visit: int | None = None
) -> None:
    """Takes the journey from step to step until it stands or ends.

    `meant_at`: the moment at which it should have got here, for late sends. `visit`: the first step is
    decided anew, as this visit.
    """
    while index is not None:
        journey = draft.state.journeys[journey_id]
        if index == END:
            end(draft, journey, "completed")
            return
        step = draft.published(journey).program.steps[index]
        if draft.steps >= MAX_STEPS:
            end(draft, journey, "step_limit", {"steps": str(MAX_STEPS)})
            return
        draft.steps += 1
        number = visit if visit is not None else journey.visits.get(step.id, 0) + 1
        index, visit = _take(draft, journey, step, number, meant_at), None


def _take(  # noqa: C901, PLR0911, PLR0912 - one arm a step
    draft: Draft, journey: Journey, step: Step, visit: int, meant_at: int
) -> int | None:
    """Takes one step; the index of the next, or None if the journey stands or has ended."""
    match step:
        case Send():
            return send(draft, journey, step, visit=visit, meant_at=meant_at)
        case CustomerResponse():
            return open_wait(draft, journey, step, visit=visit)
        case Wait():
            draft.emit(TimerSet(**draft.at(journey, step.id, visit), kind="wait", due=_until(draft, step)))
            return None
        case WaitFor():
            due = draft.now + step.within_ms
            draft.emit(TimerSet(**draft.at(journey, step.id, visit), kind="wait_for", due=due))
            return None
        case If():
            return _branch(draft, journey, step, visit)
        case Tag():
            return change_tags(draft, journey, step, visit)
        case SetValues():
            return set_values(draft, journey, step, visit, subjects(draft, journey))
        case Split():
            return split(draft, journey, step, visit)
        case GoTo():
            return go_to(draft, journey, step, visit)
        case CloseConversation():
            return close(draft, journey, step, visit)
        case Assign():
            return assign(draft, journey, step, visit)
        case End():
            end(draft, journey, step.reason, step=step.id, visit=visit)
            return None
        case _:
            assert_never(step)


def _until(draft: Draft, step: Wait) -> int:
    """When a wait step's time is over."""
    if step.until is None:
        return draft.now + step.span_ms
    zone = named_zone(draft, step.until.zone)
    return next_time(zone, draft.now, step.until.minutes, step.until.days)


def subjects(draft: Draft, journey: Journey) -> Subjects:
    """What a condition of a running journey can ask about."""
    state = draft.state
    return Subjects(
        now=draft.now,
        zone=draft.zone,
        language=draft.language,
        properties=journey.properties,
        attributes=state.attributes,
        vars=journey.vars,
        tags=state.tags,
        channel=journey.last_channel or journey.channel,
        answers=journey.answers,
        last_answer=journey.last_answer,
        arms=journey.arms,
        came_of=dict(_came_of(state, journey)),
        visits=journey.visits,
    )


def _came_of(state: ContactState, journey: Journey) -> Iterator[tuple[str, str]]:
    """What became of the sends of a journey, by step; of those that are still remembered."""
    for step, prompt in journey.prompts.items():
        sent = state.sends.get(prompt.command) if prompt.command is not None else None
        if sent is not None and "failed" in (sent.outcome, sent.receipt):
            yield step, "failed"
        elif sent is not None and sent.receipt is not None:
            yield step, sent.receipt


def _branch(draft: Draft, journey: Journey, step: If, visit: int) -> int:
    """The first way whose condition holds, else the other."""
    asked = subjects(draft, journey)
    because: Answer = {}
    name, follows = "else", step.otherwise
    for way in step.branches:
        if ask(way.condition, asked, because):
            name, follows = way.name, way.next
            break
    draft.emit(BranchTaken(**draft.at(journey, step.id, visit), branch=name, because=because))
    return follows


def fire(draft: Draft, journey: Journey, pending: OpenWait | Timer) -> None:
    """The journey's deadline fell due: an answer did not come, or a moment did."""
    match pending:
        case OpenWait():
            follows = time_out(draft, journey, pending)
            advance(draft, journey.id, follows, meant_at=pending.due)
        case Timer():
            draft.emit(
                TimerFired(
                    **draft.at(journey, journey.step, journey.visit),
                    kind=pending.kind,
                    opened_at=pending.opened_at,
                    due=pending.due,
                    lateness_ms=draft.now - pending.due,
                )
            )
            published = draft.published(journey)
            index = published.index[journey.step]
            step = published.program.steps[index]
            if isinstance(step, Wait):
                advance(draft, journey.id, step.next, meant_at=pending.due)
            elif isinstance(step, WaitFor):
                advance(draft, journey.id, step.no_event, meant_at=pending.due)
            else:
                advance(draft, journey.id, index, meant_at=pending.due, visit=journey.visit)
        case _:
            assert_never(pending)


def cancel_pending(draft: Draft, journey: Journey, reason: str) -> None:
    """What the journey waits for is waited for no more."""
    pending = journey.pending
    match pending:
        case OpenWait():
            cancel_wait(draft, journey, pending, reason)
        case Timer():
            draft.emit(
                TimerCancelled(
                    **draft.at(journey, journey.step, journey.visit),
                    kind=pending.kind,
                    opened_at=pending.opened_at,
                    due=pending.due,
                    reason=reason,
                )
            )
        case Held() | None:
            pass
        case _:
            assert_never(pending)


def end(
    draft: Draft,
    journey: Journey,
    reason: str,
    because: dict[str, str] | None = None,
    *,
    step: str | None = None,
    visit: int | None = None,
) -> None:
    """The journey is over. What it waited for is cancelled first, for the same reason."""
    cancel_pending(draft, journey, reason)
    draft.emit(
        JourneyEnded(
            **draft.at(journey, step or journey.step, visit or journey.visit),
            reason=reason,
            trigger=journey.trigger,
            started_at=journey.started_at,
            duration_ms=draft.now - journey.started_at,
            because=because or {},
        )
    )
