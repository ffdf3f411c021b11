"""One contact's facts, read from the log, and each told in a line."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from schemas.types import facts as f
from schemas.types.facts import Fact
from schemas.types.records import ContactKey
from schemas.wire import Codec
from streams.log.errors import MasterKeyError, TopicMissingError
from streams.log.facts_codec import FactCodec
from streams.log.partitioner import key_of, partition_of
from streams.log.readers import read_to_end
from streams.log.sealing import DataKey, keyring
from streams.log.settings import Settings
from streams.log.topics import Topics, listing

__all__ = ["Told", "cause_of", "facts_of", "key_in_log", "tell"]

SPANS: Final = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000))


class Told(msgspec.Struct, frozen=True):
    """A fact with its own place in the log."""

    fact: Fact
    partition: int
    offset: int


def facts_of(settings: Settings, contact: str) -> Iterator[Told]:
    """The facts of `workspace/contact_id` in the order of the log; personal values opened where the key is.

    Reads the contact's partition of the facts topic to its end: about 200,000 records a second. Raises
    `TopicMissingError`, `NotReachableError`.
    """
    topics, key = Topics(settings.prefix), key_of(contact)
    partitions = listing(settings.kafka, settings.prefix).get(topics.facts)
    if partitions is None:
        raise TopicMissingError(topics.facts)
    partition = partition_of(key, partitions)
    data_key = key_in_log(settings, contact, partition)
    codec = FactCodec()
    for batch in read_to_end(settings.kafka, topics.facts, [partition]):
        for message in batch:
            if message.key() == key:
                yield Told(codec.decode(message.value(), data_key), partition, message.offset() or 0)


def key_in_log(settings: Settings, contact: str, partition: int) -> DataKey | None:
    """The contact's data key; None if it has none, was erased, or no master key is set."""
    topics, key = Topics(settings.prefix), key_of(contact)
    codec = Codec(kinds=("records",))
    wrapped: ContactKey | None = None
    for batch in read_to_end(settings.kafka, topics.keys, [partition]):
        for message in batch:
            if message.key() == key:
                value = message.value()
                wrapped = None if value is None else msgspec.convert(codec.decode(value), ContactKey)
    if wrapped is None:
        return None
    try:
        return keyring(settings).unwrap(wrapped)
    except MasterKeyError:
        return None


def tell(fact: Fact) -> str:  # noqa: C901, PLR0911, PLR0912 - one line a fact: a table in the form of a match
    """What a fact says, in a line, without times and without personal values."""
    match fact:
        case f.MessageNoted(direction="in"):
            return f"wrote by {fact.channel}" + (f", answering {fact.reply_to}" if fact.reply_to else "")
        case f.MessageNoted():
            return f"{fact.author} wrote by {fact.channel}"
        case f.JourneyStarted():
            return f"entered {fact.flow} v{fact.version} by {fact.trigger}"
        case f.JourneyEnded():
            return f"left {fact.flow} after {_span(fact.duration_ms)}: {fact.reason}"
        case f.JourneyHeld():
            return f"stands still in {fact.flow} at {fact.step}: {fact.reason}"
        case f.EntryRefused():
            return f"did not enter {fact.flow}: {fact.reason}"
        case f.SendCommanded():
            return f"{fact.flow}: {fact.template} is to go out by {fact.channel}"
        case f.SendPostponed():
            return f"{fact.flow}: {fact.template} waits for its hour: {fact.reason}"
        case f.SendSuppressed():
            return f"{fact.flow}: {fact.template} was not sent: {fact.reason}"
        case f.PromptSent():
            return f"{fact.flow}: {fact.template} was accepted by {fact.channel}"
        case f.SendFailed():
            return f"{fact.flow}: {fact.template} did not go out: {fact.outcome}, {fact.reason}"
        case f.DeliveryNoted():
            return f"{fact.flow}: {fact.template} was {fact.status}"
        case f.WaitOpened():
            return f"{fact.flow}: waits {_span(fact.within_ms)} for an answer"
        case f.ResponseReceived():
            return f"{fact.flow}: answered after {_span(fact.response_ms)}"
        case f.ResponseTimedOut():
            return f"{fact.flow}: did not answer within {_span(fact.within_ms)}"
        case f.WaitCancelled():
            return f"{fact.flow}: the wait ended: {fact.reason}"
        case f.WaitSkipped():
            return f"{fact.flow}: no wait, nothing was sent: {fact.reason}"
        case f.LateResponseReceived():
            return f"{fact.flow}: answered too late, after {_span(fact.response_ms)}"
        case f.TimerSet():
            return f"{fact.flow}: waits at {fact.step}"
        case f.TimerFired():
            return f"{fact.flow}: goes on at {fact.step}"
        case f.TimerCancelled():
            return f"{fact.flow}: waits no more at {fact.step}: {fact.reason}"
        case f.BranchTaken():
            return f"{fact.flow}: {fact.step} goes {fact.branch}"
        case f.ArmTaken():
            return f"{fact.flow}: {fact.step} " + (
                "is held out" if fact.held_out else f"takes arm {fact.arm}"
            )
        case f.VariablesSet():
            changed = [*fact.set, *fact.unset, *(f"{name} (refused)" for name in fact.refused)]
            return f"{fact.flow}: {fact.step} sets {', '.join(changed) or 'nothing'}"
        case f.ConversationAssignCommanded():
            to = fact.agent or fact.team
            return f"{fact.flow}: " + (
                f"the conversation is to go to {to}" if fact.conversation else "no conversation to assign"
            )
        case f.ConversationCloseCommanded():
            return f"{fact.flow}: the conversation is to be closed"
        case f.ConsentRecorded():
            return f"consent to {fact.purpose} {'given' if fact.granted else 'taken back'} by {fact.by}"
        case f.ConversationNoted():
            return f"conversation {fact.event}"
        case f.ContactChanged():
            changed = [*fact.set, *fact.unset, *fact.tags_added, *fact.tags_removed, *fact.channels]
            return f"known of the contact: {', '.join(changed) or 'language or zone'}"
        case f.InputNoted():
            return f"{fact.name or fact.record} noted"
        case f.ContactErased():
            return "erased"
        case _:
            return type(fact).__name__


def _span(ms: int) -> str:
    """A span as a person says it: its two largest units."""
    parts: list[str] = []
    rest = max(0, ms)
    for unit, size in SPANS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"


def cause_of(fact: Any) -> str:
    """Where a fact comes from: topic-partition@offset, and the deadline that fell due if one did."""
    cause: f.Cause = fact.cause
    return f"{cause.topic}-{cause.partition}@{cause.offset}" + (" (due)" if cause.timer else "")
