"""One record a line: `type` (an input's record name), `contact`, and the record's own fields as in its .avsc.

    {"type": "MessageReceived", "contact": "c1", "source": "gateway", "id": "m1",
     "occurred_at": 1700000000000, "channel": "whatsapp", "text": "ciao"}

`occurred_at` is ms UTC or an ISO 8601 text with its offset; it is the record's time. What a line lacks or has
too much is said with the line's number, and the line is left out.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from schemas.types import inputs
from streams.imports.rows import LeftOut, Row

__all__ = ["read"]

TYPES: dict[str, Any] = {
    name: getattr(inputs, name) for name in inputs.__all__ if name not in {"Input", "Tick"}
}


def read(path: Path, *, workspace: str) -> Iterator[Row | LeftOut]:
    """The file's records in the file's order. An empty line is nothing."""
    with path.open("rb") as file:
        for line, raw in enumerate(file, 1):
            if raw.strip():
                yield _row(raw, line, workspace)


def _row(raw: bytes, line: int, workspace: str) -> Row | LeftOut:
    try:
        fields = json.loads(raw)
    except ValueError as error:
        return LeftOut("not_json", line, str(error))
    if not isinstance(fields, dict):
        return LeftOut("not_json", line, "not an object")
    try:
        return _record(fields, workspace)
    except _BadLineError as bad:
        return LeftOut(bad.reason, line, str(bad))


def _record(fields: dict[str, Any], workspace: str) -> Row:
    kind = TYPES.get(str(fields.pop("type", "")))
    if kind is None:
        raise _BadLineError("unknown_type", f"type must be one of {', '.join(sorted(TYPES))}")
    contact = fields.pop("contact", None)
    if not isinstance(contact, str) or not contact:
        raise _BadLineError("no_contact", "contact must be a text")
    unknown = fields.keys() - set(kind.__struct_fields__)
    if unknown:
        raise _BadLineError("unknown_field", f"{kind.__name__} has no field {', '.join(sorted(unknown))}")
    try:
        if isinstance(fields.get("occurred_at"), str):
            fields["occurred_at"] = _milliseconds(fields["occurred_at"])
        record = msgspec.convert({**fields, "type": kind.__name__}, kind)
    except (msgspec.ValidationError, ValueError) as error:
        raise _BadLineError("bad_record", f"{kind.__name__}: {error}") from None
    key = contact if contact.startswith(f"{workspace}/") else f"{workspace}/{contact}"
    return Row(at=record.occurred_at, contact=key, record=record)


class _BadLineError(Exception):
    """A line that no record is made of."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def _milliseconds(text: str) -> int:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(
            f"occurred_at {text!r} has no offset from UTC; write it as 2026-01-31T09:00:00+01:00"
        )
    return round(moment.timestamp() * 1000)
