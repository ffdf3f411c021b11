"""The format of the data set 'Customer Support on Twitter': one CSV row a message.

Columns: tweet_id, author_id, inbound (True: from a customer), created_at (`Tue Oct 31 22:10:47 +0000 2017`),
text, response_tweet_id, in_response_to_tweet_id. A customer's message belongs to its author; a brand's to the
author that it answers, else to the first whom it mentions, else to a contact of its own. A conversation is a
contact and a brand.
"""

import csv
import re
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from schemas.types.inputs import AgentMessageSent, MessageReceived
from streams.imports.rows import ImportRefusedError, LeftOut, Row

__all__ = ["CHANNEL", "read"]

CHANNEL = "twitter"
COLUMNS = ("tweet_id", "author_id", "inbound", "created_at", "text", "in_response_to_tweet_id")
MONTHS = {
    name: at
    for at, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1
    )
}
WHEN = re.compile(r"\w{3} (\w{3}) (\d\d) (\d\d):(\d\d):(\d\d) \+0000 (\d{4})")
MENTION = re.compile(r"@(\w+)")


def read(path: Path, *, workspace: str, scratch: sqlite3.Connection) -> Iterator[Row | LeftOut]:
    """The file's messages, in the file's order. Authors are looked up on disk (`scratch`), not in memory."""
    _index_authors(path, scratch)
    for line, row in _rows(path):
        at = _time(row["created_at"])
        if at is None:
            yield LeftOut("no_time", line, f"created_at is {row['created_at']!r}")
        elif not row["tweet_id"] or not row["author_id"]:
            yield LeftOut("no_id", line, "tweet_id or author_id is empty")
        elif not row["text"].strip():
            yield LeftOut("no_text", line)
        else:
            yield _message(row, at, workspace, _author(scratch, row["in_response_to_tweet_id"]))


def _message(row: dict[str, str], at: int, workspace: str, answered: tuple[str, bool] | None) -> Row:
    """One message; `answered` is the author of the message that it answers and whether that is a customer."""
    mentioned = MENTION.search(row["text"])
    reply_to = row["in_response_to_tweet_id"] or None
    if row["inbound"] == "True":
        contact = row["author_id"]
        brand = answered[0] if answered and not answered[1] else mentioned[1] if mentioned else "none"
        record: MessageReceived | AgentMessageSent = MessageReceived(
            source="twcs",
            id=row["tweet_id"],
            occurred_at=at,
            channel=CHANNEL,
            conversation=f"{contact}:{brand}",
            text=row["text"],
            reply_to=reply_to,
        )
    else:
        brand = row["author_id"]
        contact = answered[0] if answered else mentioned[1] if mentioned else f"alone-{row['tweet_id']}"
        record = AgentMessageSent(
            source="twcs",
            id=row["tweet_id"],
            occurred_at=at,
            channel=CHANNEL,
            conversation=f"{contact}:{brand}",
            text=row["text"],
            agent=brand,
            reply_to=reply_to,
        )
    return Row(at=at, contact=f"{workspace}/{contact}", record=record)


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Line numbers and rows; a file without the columns is refused."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or [])]
        if missing:
            raise ImportRefusedError(
                f"{path}:1: not in the twcs format: no column {', '.join(missing)}; "
                f"found {', '.join(reader.fieldnames or ['nothing'])}. Other formats: whatsapp, jsonl."
            )
        for row in reader:
            yield reader.line_num, {name: row[name] or "" for name in COLUMNS}


def _index_authors(path: Path, scratch: sqlite3.Connection) -> None:
    """Who wrote which message, on disk: a brand may answer a message that stands later in the file."""
    scratch.execute("CREATE TABLE author (tweet TEXT PRIMARY KEY, author TEXT, customer INT) WITHOUT ROWID")
    scratch.executemany(
        "INSERT OR IGNORE INTO author VALUES (?, ?, ?)",
        ((row["tweet_id"], row["author_id"], row["inbound"] == "True") for _, row in _rows(path)),
    )


def _author(scratch: sqlite3.Connection, tweet: str) -> tuple[str, bool] | None:
    found = scratch.execute("SELECT author, customer FROM author WHERE tweet = ?", (tweet,)).fetchone()
    return (found[0], bool(found[1])) if found else None


def _time(text: str) -> int | None:
    """In ms UTC; None if it is not a time. Read by hand: strptime's names follow the process's locale."""
    found = WHEN.fullmatch(text)
    if not found or found[1] not in MONTHS:
        return None
    day, hour, minute, second, year = (int(found[at]) for at in range(2, 7))
    try:
        moment = datetime(year, MONTHS[found[1]], day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return int(moment.timestamp()) * 1000
