"""The fold of facts about sends: commanded, not made, accepted, failed, reported."""

from msgspec.structs import replace

from schemas.types.facts import DeliveryNoted, PromptSent, SendCommanded, SendFailed, SendSuppressed
from streams.core.state import MAX_SENDS, ContactState, Counted, Journey, Prompt, Sent, Wait

__all__ = ["accepted", "commanded", "delivered", "failed", "suppressed"]

_GIVEN_BACK = frozenset({"failed", "expired", "stopped"})


def commanded(state: ContactState, fact: SendCommanded) -> ContactState:
    """The send is remembered by its command, counts in its caps, and is its journey's prompt."""
    sent = Sent(
        command=fact.command,
        journey=fact.journey,
        flow=fact.flow,
        version=fact.version,
        step=fact.step,
        visit=fact.visit,
        channel=fact.channel,
        template=fact.template,
        purpose=fact.purpose,
        conversation=fact.conversation,
        commanded_at=fact.at,
        not_after=fact.not_after,
        heard=state.heard_count,
    )
    counted = tuple(each for each in state.counted if each.until > fact.at)
    if fact.counted_ms:
        until = fact.at + fact.counted_ms
        counted = (
            *counted,
            Counted(fact.at, fact.command, fact.flow, fact.channel, fact.purpose, until),
        )
    journey = state.journeys[fact.journey]
    moved = replace(
        journey,
        step=fact.step,
        visit=fact.visit,
        visits={**journey.visits, fact.step: fact.visit},
        prompts={**journey.prompts, fact.step: Prompt(fact.command, fact.channel, fact.template)},
        prompt=fact.step,
        last_command=fact.command,
        last_channel=fact.channel,
    )
    return replace(
        state,
        journeys={**state.journeys, journey.id: moved},
        sends={**_room(state), fact.command: sent},
        counted=counted,
    )


def _room(state: ContactState) -> dict[str, Sent]:
    """The sends, one fewer if they are as many as may be."""
    if len(state.sends) < MAX_SENDS:
        return state.sends
    awaited = {
        journey.pending.prompt for journey in state.journeys.values() if isinstance(journey.pending, Wait)
    }
    done = (
        sent.command
        for sent in state.sends.values()
        if sent.outcome is not None and sent.command not in awaited
    )
    oldest = next(done, next(iter(state.sends)))
    return {command: sent for command, sent in state.sends.items() if command != oldest}


def suppressed(state: ContactState, fact: SendSuppressed) -> ContactState:
    """A send that was not made is the prompt only where none was made since the last customer_response."""
    journey = state.journeys[fact.journey]
    prompts = {**journey.prompts, fact.step: Prompt(None, fact.channel, fact.template, fact.reason)}
    made = journey.prompt is not None and journey.prompts[journey.prompt].command is not None
    moved = replace(
        journey,
        step=fact.step,
        visit=fact.visit,
        visits={**journey.visits, fact.step: fact.visit},
        prompts=prompts,
        prompt=journey.prompt if made else fact.step,
    )
    return replace(state, journeys={**state.journeys, journey.id: moved})


def accepted(state: ContactState, fact: PromptSent) -> ContactState:
    """The send has left; the time of a wait that stands on it runs from its acceptance."""
    sent = replace(
        state.sends[fact.command],
        outcome="accepted",
        accepted_at=fact.accepted_at,
        provider_id=fact.provider_id,
    )
    state = replace(state, sends={**state.sends, fact.command: sent})
    journey = state.journeys.get(fact.journey)
    if journey is None:
        return state
    wait = journey.pending
    if not isinstance(wait, Wait) or wait.prompt != fact.command:
        return state
    deadline = max(fact.accepted_at, wait.opened_at) + wait.within_ms
    due = deadline + wait.due - wait.deadline
    moved = replace(wait, prompted_at=fact.accepted_at, deadline=deadline, due=due)
    return _pending(state, journey, moved)


def _pending(state: ContactState, journey: Journey, wait: Wait) -> ContactState:
    return replace(state, journeys={**state.journeys, journey.id: replace(journey, pending=wait)})


def failed(state: ContactState, fact: SendFailed) -> ContactState:
    """The send did not leave, or nobody knows; one that did not counts in no cap."""
    sent = replace(state.sends[fact.command], outcome=fact.outcome)
    state = replace(state, sends={**state.sends, fact.command: sent})
    return _uncount(state, fact.command) if fact.outcome in _GIVEN_BACK else state


def delivered(state: ContactState, fact: DeliveryNoted) -> ContactState:
    """A receipt; one that says failed gives back what its send counts. What was read stays read."""
    sent = state.sends.get(fact.command)
    if sent is not None and sent.receipt != "read":
        state = replace(state, sends={**state.sends, fact.command: replace(sent, receipt=fact.status)})
    return _uncount(state, fact.command) if fact.status == "failed" else state


def _uncount(state: ContactState, command: str) -> ContactState:
    return replace(state, counted=tuple(each for each in state.counted if each.command != command))
