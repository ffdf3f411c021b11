"""A facts topic made up: seeded, consistent as the engine's is, and awkward where it may be.

Prompts accepted late and in another hour than the wait opened in, fallbacks to another channel, waits without
a prompt, prompts never accepted, partitions whose clocks differ, offsets with gaps where markers stood.
"""

import random
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import msgspec

from schemas.types.facts import (
    BranchTaken,
    Cause,
    ClockAdvanced,
    DeliveryNoted,
    Fact,
    InputNoted,
    JourneyEnded,
    JourneyStarted,
    MessageNoted,
    PromptSent,
    ResponseReceived,
    ResponseTimedOut,
    SendCommanded,
    SendFailed,
    SendPostponed,
    SendSuppressed,
    TimerSet,
    WaitCancelled,
    WaitOpened,
)

__all__ = ["DAY", "HOUR", "START", "Placed", "made_up_log", "message", "placed", "wait_of"]

HOUR: Final = 3_600_000
DAY: Final = 24 * HOUR
START: Final = 1_740_787_200_000
"""2025-03-01, midnight UTC."""
SPAN: Final = 16 * DAY
"""How long the made-up log goes on."""
GRACE: Final = 10_000
CAUSE: Final = Cause(topic="t.inbound", partition=0, offset=0, input="s/1")


class Placed(NamedTuple):
    """A fact and its place in the facts topic."""

    partition: int
    offset: int
    fact: Fact


def placed(*facts: Fact, partition: int = 0, settled: int | None = None) -> list[Placed]:
    """The facts one after another, then the partition's clock if `settled` is given."""
    rows = [Placed(partition, offset, fact) for offset, fact in enumerate(facts)]
    if settled is not None:
        rows.append(Placed(partition, len(facts), clock(partition, settled)))
    return rows


def clock(partition: int, settled: int) -> ClockAdvanced:
    """The partition's clock, settled to itself."""
    return ClockAdvanced(
        id=f"clock-{partition}-{settled}",
        at=settled,
        cause=CAUSE,
        partition=partition,
        clock=settled,
        settled=settled,
        engine="0.1.0",
        tzdata="2025.2",
    )


def message(number: int, said_at: int, **fields: Any) -> MessageNoted:
    """A message of contact `acme/c`; inbound unless `direction` says out."""
    values: dict[str, Any] = {
        "id": f"noted-{number}",
        "contact": "acme/c",
        "at": said_at,
        "cause": CAUSE,
        "direction": "in",
        "message": f"m{number}",
        "channel": "whatsapp",
        "author": "customer" if fields.get("direction", "in") == "in" else "agent",
        "occurred_at": said_at,
        "said_at": said_at,
    }
    return MessageNoted(**(values | fields))


def wait_of(number: int, opened_at: int, within_ms: int = HOUR, **fields: Any) -> WaitOpened:
    """A wait of contact `acme/c` on a prompt accepted at its opening, unless `fields` say otherwise."""
    values: dict[str, Any] = {
        "id": f"opened-{number}",
        "contact": "acme/c",
        "at": opened_at,
        "cause": CAUSE,
        "flow": "nudge",
        "version": 1,
        "journey": f"j{number}",
        "step": "ask",
        "wait": f"w{number}",
        "prompt": f"p{number}",
        "channel": "whatsapp",
        "opened_at": opened_at,
        "prompted_at": opened_at,
        "deadline": opened_at + within_ms,
        "due": opened_at + within_ms + GRACE,
        "within_ms": within_ms,
        "local_hour": 12,
        "local_weekday": 3,
    }
    return WaitOpened(**(values | fields))


def close(opened: WaitOpened, kind: Callable[..., Fact], at: int, **fields: Any) -> Fact:
    """The closing of a wait, which repeats it."""
    values = msgspec.structs.asdict(opened) | {"id": f"closed-{opened.wait}", "at": at}
    return kind(**(values | fields))


def responded(opened: WaitOpened, said_at: int, *, at: int | None = None, **fields: Any) -> Fact:
    """Answered in time."""
    began = fields.get("prompted_at", opened.prompted_at)
    began = opened.opened_at if began is None else began
    return close(
        opened,
        ResponseReceived,
        said_at if at is None else at,
        message=f"answer-{opened.wait}",
        said_at=said_at,
        response_ms=max(0, said_at - began),
        matched_by="channel",
        **fields,
    )


def timed_out(opened: WaitOpened, **fields: Any) -> Fact:
    """Not answered in time; decided a moment after it was due."""
    due = fields.get("due", opened.due)
    return close(opened, ResponseTimedOut, due + 700, lateness_ms=700, **fields)


def cancelled(opened: WaitOpened, at: int, reason: str = "exit", **fields: Any) -> Fact:
    """Ended without either."""
    return close(opened, WaitCancelled, at, reason=reason, **fields)


def made_up_log(seed: int, *, waits: int = 300, contacts: int = 120, partitions: int = 3) -> list[Placed]:
    """A whole facts topic over sixteen days: each partition in its order, one after another."""
    rng = random.Random(seed)
    by_partition: dict[int, list[Fact]] = {partition: [] for partition in range(partitions)}
    for number in range(waits):
        contact = rng.randrange(contacts)
        by_partition[contact % partitions].extend(_journey(rng, number, _contact(contact)))
    for number in range(waits):
        contact = rng.randrange(contacts)
        by_partition[contact % partitions].extend(_conversation(rng, number, _contact(contact)))
    log = []
    end = START + SPAN
    for partition, facts in by_partition.items():
        # The clocks differ, and beyond the slowest there are facts that no report may count yet.
        last = end - partition * DAY
        in_order = sorted((fact for fact in facts if fact.at <= last), key=lambda fact: fact.at)
        for middle in (len(in_order) // 3, len(in_order) // 2):
            in_order.insert(middle, clock(partition, in_order[middle].at))
        offset = 0
        for fact in [*in_order, clock(partition, last)]:
            log.append(Placed(partition, offset, fact))
            offset += rng.choice((1, 1, 1, 2))
    return log


def _contact(number: int) -> str:
    return f"{'acme' if number % 3 else 'zeta'}/c{number}"


def _journey(rng: random.Random, number: int, contact: str) -> list[Fact]:
    """A journey of one send and one wait."""
    opened_at = START + rng.randrange(SPAN)
    common: dict[str, Any] = {
        "contact": contact,
        "cause": CAUSE,
        "flow": rng.choice(("nudge", "verify", "cart")),
        "version": rng.choice((1, 2)),
        "journey": f"j{number:06}",
        "step": rng.choice(("ask", "ask-again")),
    }
    send: dict[str, Any] = common | {
        "command": f"p{number:06}",
        "channel": rng.choice(("whatsapp", "sms")),
        "template": rng.choice(("hello", None)),
        "purpose": "service",
    }
    facts = _beginning(rng, number, opened_at, common)
    facts += [
        InputNoted(id=f"in{number}", at=opened_at, contact=contact, cause=CAUSE, record="MessageReceived"),
    ]
    if rng.random() < 0.1:
        not_sent = {name: value for name, value in send.items() if name != "command"}
        until = opened_at + HOUR
        unsent: Fact = (
            SendPostponed(**not_sent, id=f"sp{number}", at=opened_at, reason="quiet_hours", until=until)
            if number % 2
            else SendSuppressed(
                **not_sent, id=f"ss{number}", at=opened_at, reason=rng.choice(("cap", "late"))
            )
        )
        return [*facts, unsent]
    wait = wait_of(
        number,
        opened_at,
        rng.choice((5 * 60_000, HOUR, 2 * HOUR, 3 * DAY)),
        **common,
        wait=f"w{number:06}",
        prompt=send["command"],
        prompt_step="hello",
        channel=send["channel"],
        template=send["template"],
        arm=rng.choice((None, "a", "b")),
        local_hour=rng.randrange(24),
        local_weekday=rng.randrange(1, 8),
    )
    facts.append(
        SendCommanded(
            id=f"sc{number}", at=opened_at, language="it", not_before=0, not_after=opened_at + DAY, **send
        )
    )
    shape = rng.choice(("no_prompt", "at_once", "at_once", "at_once", "later", "later", "never", "fallback"))
    if shape == "no_prompt":
        wait = msgspec.structs.replace(wait, prompt=None, prompted_at=None, template=None, channel=None)
        return [*facts, wait, *_ending(rng, wait, {}, opened_at)]
    if shape == "at_once":
        sent = PromptSent(
            id=f"ps{number}", at=opened_at, commanded_at=opened_at, accepted_at=opened_at, **send
        )
        return [*facts, sent, wait, *_receipts(rng, sent), *_ending(rng, wait, {}, opened_at)]
    # Until it is accepted the deadline is the send's not_after.
    wait = msgspec.structs.replace(
        wait, prompted_at=None, deadline=opened_at + DAY, due=opened_at + DAY + GRACE
    )
    if shape == "never":
        failed_at = opened_at + rng.randrange(DAY)
        failed = SendFailed(
            id=f"sf{number}",
            at=failed_at,
            commanded_at=opened_at,
            outcome=rng.choice(("failed", "failed", "expired", "stopped", "unknown")),
            reason="http 500",
            **send,
        )
        if rng.random() < 0.3:
            return [*facts, wait]
        return [*facts, wait, failed, cancelled(wait, failed_at, "prompt_failed")]
    accepted_at = opened_at + rng.randrange(1, 20 * HOUR)
    if shape == "fallback":
        send |= {"channel": "email", "command": f"{send['command']}-2"}
    sent = PromptSent(
        id=f"ps{number}", at=accepted_at + 50, commanded_at=opened_at, accepted_at=accepted_at, **send
    )
    moved: dict[str, Any] = {
        "prompt": send["command"],
        "channel": send["channel"],
        "prompted_at": accepted_at,
        "deadline": accepted_at + wait.within_ms,
        "due": accepted_at + wait.within_ms + GRACE,
        "local_hour": rng.randrange(24),
        "local_weekday": rng.randrange(1, 8),
    }
    return [*facts, wait, sent, *_receipts(rng, sent), *_ending(rng, wait, moved, accepted_at)]


def _beginning(rng: random.Random, number: int, opened_at: int, common: dict[str, Any]) -> list[Fact]:
    """The journey's start; of some, an hour's pause and a branch before its send."""
    started_at = opened_at if number % 3 else opened_at - rng.randrange(HOUR)
    trigger = rng.choice(("message", "event"))
    if number % 3:
        return [JourneyStarted(id=f"js{number}", at=started_at, trigger=trigger, rules=1, **common)]
    paused, branched = common | {"step": "pause"}, common | {"step": "which"}
    return [
        JourneyStarted(id=f"js{number}", at=started_at, trigger=trigger, rules=1, **paused),
        TimerSet(id=f"ts{number}", at=started_at, kind="wait", due=opened_at, **paused),
        BranchTaken(id=f"bt{number}", at=opened_at, branch="then", **branched),
    ]


def _receipts(rng: random.Random, sent: PromptSent) -> list[Fact]:
    """What the channel says of a message later."""
    statuses = rng.choice(((), ("delivered",), ("delivered", "read"), ("read",), ("failed",)))
    return [
        DeliveryNoted(
            id=f"dn{sent.command}{status}",
            contact=sent.contact,
            at=sent.at + 1_000 * (place + 1),
            cause=CAUSE,
            flow=sent.flow,
            version=sent.version,
            journey=sent.journey,
            step=sent.step,
            command=sent.command,
            channel=sent.channel,
            status=status,
            commanded_at=sent.commanded_at,
        )
        for place, status in enumerate(statuses)
    ]


def _ending(rng: random.Random, wait: WaitOpened, moved: dict[str, Any], began: int) -> list[Fact]:
    """How the wait ends, and the journey with it; for some never."""
    what = rng.random()
    closing: Fact
    if what < 0.45:
        said_at = began + int(wait.within_ms * rng.random() ** 3)
        closing = responded(wait, said_at, at=said_at + rng.randrange(5_000), **moved)
    elif what < 0.8:
        closing = timed_out(wait, **moved)
    elif what < 0.9:
        closing = cancelled(wait, began + int(wait.within_ms * rng.random()), **moved)
    else:
        return []
    journey: dict[str, Any] = {
        "contact": wait.contact,
        "cause": CAUSE,
        "flow": wait.flow,
        "version": wait.version,
        "journey": wait.journey,
    }
    more: list[Fact] = []
    ended_at, last = closing.at, wait.step
    if rng.random() < 0.4:
        # On to another step, and back to one where it may have been.
        ended_at, last = closing.at + rng.randrange(1, DAY), "pause"
        more = [
            BranchTaken(id=f"ba{wait.wait}", at=closing.at, step="after", branch="else", **journey),
            TimerSet(
                id=f"ta{wait.wait}", at=closing.at, step=last, visit=2, kind="wait", due=ended_at, **journey
            ),
        ]
    ended = JourneyEnded(
        id=f"je{wait.wait}",
        at=ended_at,
        step=last,
        reason=rng.choice(("completed", "completed", "thanked", "exit", "step_limit")),
        trigger="message",
        started_at=wait.opened_at,
        duration_ms=ended_at - wait.opened_at,
        **journey,
    )
    return [closing, *more, *([ended] if rng.random() < 0.8 else [])]


def _conversation(rng: random.Random, number: int, contact: str) -> list[Fact]:
    """A few messages back and forth, threaded on one channel and not on the other."""
    threaded = rng.random() < 0.5
    at = START + rng.randrange(SPAN - DAY)
    facts: list[Fact] = []
    spoken: list[str] = []
    for turn in range(rng.randrange(1, 6)):
        at += int(2 * DAY * rng.random() ** 4) + rng.choice((0, 1_000))
        is_out = rng.random() < 0.5
        name = f"{number}-{turn}"
        facts.append(
            message(
                0,
                at,
                id=f"mn{name}",
                at=at + rng.randrange(3_000),
                contact=contact,
                message=name,
                channel="twitter" if threaded else "whatsapp",
                threaded=threaded,
                direction="out" if is_out else "in",
                author=rng.choice(("agent", "automation")) if is_out else "customer",
                kind=rng.choice(("text", "text", "text", "text", "reaction", "receipt")),
                reply_to=rng.choice(spoken) if spoken and rng.random() < 0.7 else None,
                flow="nudge" if is_out and rng.random() < 0.5 else None,
            )
        )
        spoken.append(name)
    return facts
