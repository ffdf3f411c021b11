"""What is said of the contact itself: what is known of it, its consent, its conversations, its erasure."""

from typing import assert_never

from schemas.types.facts import ContactChanged, ContactErased, ConversationNoted
from schemas.types.inputs import (
    ConsentChanged,
    ContactUpdated,
    ConversationAssigned,
    ConversationClosed,
    ConversationOpened,
    EraseContact,
)
from streams.core.consent import record_consent
from streams.core.draft import Draft
from streams.core.entries import Happening, happened
from streams.core.fitting import fitting_tags, fitting_values
from streams.core.journeys import end
from streams.core.refusals import MAX_ID
from streams.core.state import MAX_CHANNELS
from streams.core.zones import is_zone

__all__ = ["consent", "consent_changed", "conversation", "erase", "update"]

MAX_REFUSED = 100
"""So many names of what did not fit stand in a fact: an update may hold any number."""


def update(draft: Draft, record: ContactUpdated) -> None:
    """What is known of the contact changes; what does not fit is refused by name, the rest is kept."""
    refused: list[str] = []
    kept = {name: value for name, value in draft.state.attributes.items() if name not in record.unset}
    attributes = fitting_values(kept, record.attributes, refused)
    addresses = _addresses(draft, record, refused)
    added = fitting_tags(draft.state.tags, record.tags_added, record.tags_removed, refused)
    removed = sorted(set(record.tags_removed) & set(draft.state.tags))
    gone = {*record.unset, *(name for name, value in record.attributes.items() if value is None)}
    unset = sorted((gone - set(attributes)) & set(draft.state.attributes))
    zone, language = record.zone, record.language
    if zone is not None and not is_zone(zone):
        refused, zone = [*refused, "zone"], None
    if language is not None and not 0 < len(language) <= MAX_ID:
        refused, language = [*refused, "language"], None
    sealed: dict[str, object] = {}
    if attributes:
        sealed["attributes"] = attributes
    if addresses:
        sealed["addresses"] = addresses
    draft.emit(
        ContactChanged(
            **draft.head(),
            sealed=sealed or None,
            set=sorted(attributes),
            unset=unset,
            tags_added=added,
            tags_removed=removed,
            channels=sorted(addresses),
            language=language,
            zone=zone,
            refused=[name[:MAX_ID] for name in refused[:MAX_REFUSED]],
        )
    )
    for tag in added:
        happened(draft, Happening(kind="tag_added", name=tag))


def _addresses(draft: Draft, record: ContactUpdated, refused: list[str]) -> dict[str, str]:
    """Those of channels that there is room for; an empty one takes its channel's away."""
    channels = set(draft.state.addresses)
    new: dict[str, str] = {}
    for channel in sorted(record.addresses):
        address = record.addresses[channel]
        fits = len(address) <= MAX_ID and (channel in channels or len(channels) < MAX_CHANNELS)
        if fits and len(channel) <= MAX_ID:
            channels.add(channel)
            new[channel] = address
        else:
            refused.append(channel)
    return new


def consent(draft: Draft, record: ConsentChanged) -> None:
    """Consent given or taken back by other ways than a message."""
    record_consent(draft, purpose=record.purpose, channel=record.channel, granted=record.granted, by="input")
    for each in consent_changed(draft, record.purpose, record.channel, granted=record.granted):
        happened(draft, each)


def consent_changed(draft: Draft, purpose: str, channel: str | None, *, granted: bool) -> list[Happening]:
    """Ends the marketing journeys of a contact that wants none; what flows may look for in it."""
    if granted:
        return []
    if channel is None and purpose in ("marketing", "any"):
        for journey in list(draft.state.journeys.values()):
            if draft.published(journey).marketing:
                end(draft, journey, "opted_out", {"purpose": purpose})
    return [Happening(kind="opted_out", name=purpose, channel=channel)]


def conversation(
    draft: Draft, record: ConversationOpened | ConversationAssigned | ConversationClosed
) -> None:
    """A conversation was opened, assigned or closed."""
    agent, team = None, None
    match record:
        case ConversationOpened():
            event = "opened"
        case ConversationAssigned():
            event, agent, team = "assigned", record.agent, record.team
        case ConversationClosed():
            event = "closed"
        case _:
            assert_never(record)
    draft.emit(
        ConversationNoted(
            **draft.head(),
            event=event,
            channel=record.channel,
            conversation=record.conversation,
            agent=agent,
            team=team,
        )
    )
    happening = Happening(
        kind="conversation", name=event, channel=record.channel, conversation=record.conversation
    )
    happened(draft, happening)


def erase(draft: Draft, record: EraseContact) -> None:
    """Closes what is open; then nothing is left."""
    for journey in list(draft.state.journeys.values()):
        end(draft, journey, "erased")
    draft.emit(
        ContactErased(
            **draft.head(),
            # Cut and not refused: no erasure fails for its words.
            requested_by=record.requested_by[:MAX_ID],
            reason=record.reason[:MAX_ID],
        )
    )
