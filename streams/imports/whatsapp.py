"""The text that WhatsApp exports of a chat, with Italian or English dates.

    31/10/2025, 22:10 - Anna Rossi: Buonasera        Android
    [31/10/25, 22:10:05] Anna Rossi: Buonasera       iPhone
    10/31/25, 10:10 PM - Anna Rossi: Good evening    English (US)

Lines without a date go on with the message before. The order of day and month is read off the whole file:
one number over 12 tells it; where none does, it must be said. Times are local: the zone must be said. A
contact's id is a hash of the name in the file, so that no name or phone number becomes a key.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Literal

from schemas.types.inputs import AgentMessageSent, MessageReceived
from streams.imports.rows import ImportRefusedError, LeftOut, Row

__all__ = ["CHANNEL", "Dates", "read"]

CHANNEL = "whatsapp"
SOURCE = "whatsapp-export"
Dates = Literal["it", "en"]
"""it: day before month; en: month before day."""

HEAD = re.compile(
    "\u200e?\\[?(\\d{1,2})[/.-](\\d{1,2})[/.-](\\d{4}|\\d{2}),? (\\d{1,2})[:.](\\d{2})(?:[:.](\\d{2}))?"
    "(?:[ \u202f]?([AaPp])\\.?[Mm]\\.?)?(?:\\] | - )(.*)",
    re.DOTALL,
)
SAID = re.compile(r"([^:]{1,80}): ?(.*)", re.DOTALL)
OMITTED = re.compile(
    "\u200e?<?(?:media omessi|media omitted"
    "|(?:immagine|video|audio|sticker|documento|gif|scheda contatto) omess[oae]"
    "|(?:image|video|audio|sticker|document|gif|contact card) omitted)>?",
    re.IGNORECASE,
)


def read(
    path: Path, *, workspace: str, agents: frozenset[str], zone: tzinfo, dates: Dates | None
) -> Iterator[Row | LeftOut]:
    """The chat's messages in the file's order; those of `agents` (names as in the file) are the business's.

    A business's message belongs to the customer who wrote last before it, else to the chat's first. Exports
    tell no more than the minute or second: messages of one instant are set one millisecond apart, so that
    they keep their order.
    """
    order = dates or _order(path)
    to = _first_customer(path, agents)
    seen: Counter[str] = Counter()
    last = previous = 0
    for line, head, body in _entries(path):
        if head is None:
            yield LeftOut("before_first_message", line, body[:60])
            continue
        name, text = _said(body)
        if name is None:
            yield LeftOut("system_message", line, body[:60])
            continue
        at = _time(head, order, zone)
        if at is None:
            yield LeftOut("no_time", line, body[:60])
            continue
        last = last + 1 if at == previous else at
        previous = at
        to = to if name in agents else name
        identity = _identity(f"{at}\0{name}\0{text}", seen)
        yield Row(
            at=last,
            contact=f"{workspace}/{_opaque(to)}",
            record=_record(name, text, last, identity, to, agents),
        )


def _record(
    name: str, text: str, at: int, identity: str, to: str, agents: frozenset[str]
) -> MessageReceived | AgentMessageSent:
    if name in agents:
        return AgentMessageSent(
            source=SOURCE,
            id=identity,
            occurred_at=at,
            channel=CHANNEL,
            conversation=_opaque(to),
            text=text,
            agent=_opaque(name),
        )
    media = OMITTED.fullmatch(text) is not None
    return MessageReceived(
        source=SOURCE,
        id=identity,
        occurred_at=at,
        channel=CHANNEL,
        conversation=_opaque(to),
        text="" if media else text,
        kind="media" if media else "text",
        media="omitted" if media else None,
    )


def _identity(content: str, seen: Counter[str]) -> str:
    """A hash of when, who, what, and which of equal ones: the same in a later export of the chat."""
    digest = hashlib.blake2b(content.encode(), digest_size=12).hexdigest()
    seen[digest] += 1
    return digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"


def _said(body: str) -> tuple[str | None, str]:
    """Who said it and what; nobody for what WhatsApp itself says."""
    said = SAID.fullmatch(body)
    return (said[1].strip().lstrip("\u200e~\u202a"), said[2].strip("\u200e\n")) if said else (None, body)


def _first_customer(path: Path, agents: frozenset[str]) -> str:
    """The first in the chat who is not the business; a chat where that cannot be told is refused."""
    names = dict.fromkeys(
        name for _, head, body in _entries(path) if head is not None and (name := _said(body)[0]) is not None
    )
    if not names:
        raise ImportRefusedError(
            f"{path}: no message of a WhatsApp export in it. A line looks like "
            "'31/10/2025, 22:10 - Anna: Buonasera' or '[31/10/25, 22:10:05] Anna: Buonasera'."
        )
    listed = ", ".join(names)
    unknown = agents - names.keys()
    if not agents or unknown:
        wrong = f"{', '.join(sorted(unknown))} did not write in it" if unknown else "who is the business?"
        raise ImportRefusedError(f"{path}: {wrong}; say --agent NAME, with a name of: {listed}")
    customers = [name for name in names if name not in agents]
    if not customers:
        raise ImportRefusedError(f"{path}: only the business wrote in it ({listed}); there is no customer")
    return customers[0]


def _opaque(name: str) -> str:
    return "wa-" + hashlib.blake2b(name.encode(), digest_size=8).hexdigest()


def _entries(path: Path) -> Iterator[tuple[int, re.Match[str] | None, str]]:
    """Line number, head and body of each entry; lines without a head belong to the one before."""
    start, head, body = 0, None, ""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        for line, text in enumerate(file, 1):
            match = HEAD.match(text)
            if match is None and head is not None:
                body += text
                continue
            if head is not None:
                yield start, head, body.rstrip("\n")
            if match is None:
                if text.strip():
                    yield line, None, text
                continue
            start, head, body = line, match, match[8]
    if head is not None:
        yield start, head, body.rstrip("\n")


def _order(path: Path) -> Dates:
    """Whether day or month stands first, from the file alone."""
    first = second = False
    for _, head, _ in _entries(path):
        if head is not None:
            first |= int(head[1]) > 12
            second |= int(head[2]) > 12
            if first or second:
                break
    if first == second:
        raise ImportRefusedError(
            f"{path}: its dates can be read as day/month and as month/day, and no number over 12 tells "
            "which; say --dates it (day first) or --dates en (month first)"
        )
    return "it" if first else "en"


def _time(head: re.Match[str], order: Dates, zone: tzinfo) -> int | None:
    """In ms UTC; None if there is no such day or hour. An hour that exists twice is the first of the two."""
    day, month = (int(head[1]), int(head[2])) if order == "it" else (int(head[2]), int(head[1]))
    year = int(head[3]) + (2000 if len(head[3]) == 2 else 0)
    hour = int(head[4])
    if head[7]:
        hour = hour % 12 + (12 if head[7] in "Pp" else 0)
    try:
        moment = datetime(year, month, day, hour, int(head[5]), int(head[6] or 0), tzinfo=zone)
    except ValueError:
        return None
    return int(moment.timestamp() * 1000)
