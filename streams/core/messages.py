"""A message from the contact, and one that a person sent to it.

One message has many takers, in this order: consent words, waits, exit rules, triggers. Automatic ones trigger
nothing.
"""

from schemas.types.facts import MessageNoted
from schemas.types.inputs import AgentMessageSent, MessageReceived
from schemas.types.value import Value
from streams.core.consent import record_consent, word_of
from streams.core.contacts import consent_changed
from streams.core.draft import Draft
from streams.core.entries import Happening, awaited, exits, happened, triggers
from streams.core.folding import words
from streams.core.journeys import advance
from streams.core.received import said_at
from streams.core.refusals import ANSWERING
from streams.core.state import Heard
from streams.core.waits import answered, note_late

__all__ = ["agent_message", "message"]


def message(draft: Draft, record: MessageReceived) -> None:
    """A message from the contact."""
    said = said_at(record.occurred_at, draft.received.timestamp)
    opens = _is_first(draft, record)
    channel = draft.settings.channel(record.channel)
    draft.emit(
        MessageNoted(
            **draft.head(),
            direction="in",
            message=record.id,
            channel=record.channel,
            conversation=record.conversation,
            author="customer",
            kind=record.kind,
            reply_to=record.reply_to,
            threaded=channel is not None and channel.threaded,
            occurred_at=record.occurred_at,
            said_at=said,
            clamped=said != record.occurred_at,
        )
    )
    happenings: list[Happening] = []
    word = word_of(record.text, draft.settings) if record.kind in ANSWERING else None
    if word is not None:
        record_consent(
            draft, purpose="marketing", channel=None, granted=word, by="keyword", message=record.id
        )
        happenings += consent_changed(draft, "marketing", None, granted=word)
    _take(draft, record, said)
    if record.kind in ANSWERING:
        happenings.append(_happening(record, opens=opens))
    for each in happenings:
        awaited(draft, each)
    for each in happenings:
        exits(draft, each)
    for each in happenings:
        triggers(draft, each)


def _take(draft: Draft, record: MessageReceived, said: int) -> None:
    """The waits that it answers, and those that it is too late for."""
    if not draft.state.journeys and not draft.state.late:
        return
    heard = Heard(
        record.id,
        record.channel,
        record.conversation,
        record.kind,
        record.reply_to,
        said,
        draft.state.heard_count,
    )
    going_on = answered(draft, heard)
    note_late(draft, heard)
    for journey, index in going_on:
        advance(draft, journey, index, meant_at=draft.now)


def _is_first(draft: Draft, record: MessageReceived) -> bool:
    """True if it opens a conversation: its thread is not open; without threads: the channel is new."""
    if record.conversation is None:
        return record.channel not in draft.state.last_in
    known = draft.state.conversations.get(record.channel)
    return known is None or not known.open or known.id != record.conversation


def _happening(record: MessageReceived, *, opens: bool) -> Happening:
    properties: dict[str, Value] = {"text": record.text, "kind": record.kind, "channel": record.channel}
    if record.button is not None:
        properties["button"] = record.button
    return Happening(
        kind="message",
        name="first" if opens else None,
        properties=properties,
        channel=record.channel,
        conversation=record.conversation,
        kept=False,
        words=words(record.text),
    )


def agent_message(draft: Draft, record: AgentMessageSent) -> None:
    """A message that a person, or the platform's own automation, sent to the contact."""
    said = said_at(record.occurred_at, draft.received.timestamp)
    channel = draft.settings.channel(record.channel)
    draft.emit(
        MessageNoted(
            **draft.head(),
            direction="out",
            message=record.id,
            channel=record.channel,
            conversation=record.conversation,
            author="automation" if record.automatic else "agent",
            agent=record.agent,
            reply_to=record.reply_to,
            threaded=channel is not None and channel.threaded,
            occurred_at=record.occurred_at,
            said_at=said,
            clamped=said != record.occurred_at,
        )
    )
    if not record.automatic:
        happening = Happening(
            kind="agent_message",
            properties={"text": record.text, "agent": record.agent, "channel": record.channel},
            channel=record.channel,
            conversation=record.conversation,
            kept=False,
        )
        happened(draft, happening)
