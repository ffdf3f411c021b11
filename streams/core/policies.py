"""What may hold a send back: quiet hours, caps, lateness. Pure questions about moments; `sends` asks them.

Quiet hours run by the wall clock of their zone. Where clocks change they last as long as they can: they start
at the first showing of their start, end at the last showing of their end; a jumped one is the jump.
"""

from collections.abc import Iterator

from streams.core.ids import spread
from streams.core.program import Cap, Policies, QuietHours
from streams.core.state import ContactState, Counted
from streams.core.zones import DAY, MINUTE, local, moment, weekday

__all__ = ["FOREVER_MS", "counted_ms", "full_cap", "late_limit", "next_quiet", "quiet_rule", "quiet_until"]

FOREVER_MS = 7 * DAY
"""How long a send with no other limit may wait for its turn: as long as commands are kept."""


def quiet_rule(policies: Policies) -> tuple[QuietHours, str] | None:
    """The quiet hours that hold for the send and what they do (postpone or skip); None if none do."""
    quiet = policies.quiet_hours
    if quiet is None or policies.purpose == "urgent":
        return None
    then = dict(quiet.by_purpose).get(policies.purpose, quiet.then)
    return None if then == "send" else (quiet, then)


def _spans(quiet: QuietHours, zone: str, at: int, *, days: int) -> Iterator[tuple[int, int]]:
    """The quiet spans that start from the local day before `at` on: first moment in, first moment out."""
    today = local(zone, at) // DAY * DAY
    length = 0 if quiet.end > quiet.start else DAY
    if quiet.start == quiet.end:
        return
    for day in range(today - DAY, today + days * DAY, DAY):
        if weekday(day) in quiet.days:
            start = moment(zone, day + quiet.start * MINUTE)
            end = moment(zone, day + length + quiet.end * MINUTE, last=True)
            yield start, end


def quiet_until(quiet: QuietHours, zone: str, at: int) -> int | None:
    """When the quiet hours that hold at this moment end; None if none hold."""
    return max((end for start, end in _spans(quiet, zone, at, days=1) if start <= at < end), default=None)


def next_quiet(quiet: QuietHours, zone: str, at: int) -> int | None:
    """When the next quiet hours start after this moment; None if they start on no day."""
    return next((start for start, _ in _spans(quiet, zone, at, days=9) if start > at), None)


def spread_over(quiet: QuietHours, end: int, *key: str | int) -> int:
    """The moment after quiet hours at which a postponed send is decided anew."""
    return end + spread(quiet.jitter_ms, *key)


def late_limit(policies: Policies, meant_at: int) -> int | None:
    """The last moment at which a send that was meant for `meant_at` is still made; None: any."""
    return None if policies.skip_after_ms is None else meant_at + policies.skip_after_ms


def _holds(cap: Cap, channel: str, purpose: str) -> bool:
    return cap.channel in (None, channel) and cap.purpose in (None, purpose)


def _counts(cap: Cap, sent: Counted, flow: str | None, now: int) -> bool:
    return (
        sent.at > now - cap.per_ms
        and (flow is None or sent.flow == flow)
        and _holds(cap, sent.channel, sent.purpose)
    )


def _caps(own: Policies, workspace: Policies, flow: str, channel: str) -> Iterator[tuple[Cap, str | None]]:
    """The caps that hold for a send, and the flow whose sends each counts (None: all)."""
    if own.purpose == "urgent":
        return
    yield from ((cap, flow) for cap in own.caps if _holds(cap, channel, own.purpose))
    yield from ((cap, None) for cap in workspace.caps if _holds(cap, channel, own.purpose))


def full_cap(
    state: ContactState, own: Policies, workspace: Policies, flow: str, channel: str, now: int
) -> dict[str, str] | None:
    """Why a cap holds the send back, in values; None if none does."""
    for cap, counted in _caps(own, workspace, flow, channel):
        count = sum(_counts(cap, sent, counted, now) for sent in state.counted)
        if count >= cap.messages:
            return {
                "cap": f"{cap.messages} in {cap.per_ms} ms",
                "of": "workspace" if counted is None else "flow",
                "counted": str(count),
            }
    return None


def counted_ms(own: Policies, workspace: Policies, flow: str, channel: str) -> int:
    """The longest span in which the send counts for a cap, ms; 0 if for none."""
    return max((cap.per_ms for cap, _ in _caps(own, workspace, flow, channel)), default=0)
