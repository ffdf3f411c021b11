"""Headers of records: CloudEvents 1.0 in Kafka's binary mode, and W3C trace context.

The value of a record is its Avro body, as `content-type` says; the rest of the event is in headers named
`ce_…`. Everything is derived from the record, so a replay writes the same headers.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final
from urllib.parse import quote

__all__ = ["CONTENT_TYPE", "Header", "child_traceparent", "headers_for", "traceparent_in"]

Header = tuple[str, bytes]

CONTENT_TYPE: Final = b"application/avro"
OWN_SOURCE: Final = "attesa"
"""The source of what Attesa itself says, where a record names none."""

_CONSTANT: Final[tuple[Header, ...]] = (("ce_specversion", b"1.0"), ("content-type", CONTENT_TYPE))
_TRACEPARENT: Final = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(-.*)?"
)


def headers_for(record: Any, key: bytes | None, *, traceparent: str | None = None) -> list[Header]:
    """The headers of a record under its key. About 1 µs.

    `ce_id`, `ce_source` and `ce_time` are the record's own where it has them; `ce_subject` is its key, which
    for records about a contact is `workspace/contact_id`. What has no id of its own (a tick) has no `ce_id`
    that would tell two of them apart, so it gets none of these headers but the trace.
    """
    headers: list[Header] = []
    event_id = getattr(record, "id", None)
    if event_id is not None:
        headers += _CONSTANT
        headers.append(("ce_id", event_id.encode()))
        headers.append(("ce_source", _source(getattr(record, "source", OWN_SOURCE))))
        headers.append(("ce_type", _type(type(record).__name__)))
        at = getattr(record, "occurred_at", None)
        time = _time(at if at is not None else getattr(record, "at", None))
        if time is not None:
            headers.append(("ce_time", time))
        if key is not None:
            headers.append(("ce_subject", key))
    if traceparent is not None:
        headers.append(("traceparent", traceparent.encode()))
    return headers


def traceparent_in(
    headers: Iterable[tuple[str, str | bytes | None]] | dict[str, str | bytes | None] | None,
) -> str | None:
    """The valid `traceparent` among a record's headers; None if there is none."""
    for name, value in headers.items() if isinstance(headers, dict) else headers or ():
        if name == "traceparent" and value is not None:
            text = value.decode("ascii", "replace") if isinstance(value, bytes) else value
            return text if _TRACEPARENT.fullmatch(text) else None
    return None


def child_traceparent(parent: str | None, of: str) -> str:
    """The trace context of what was made from `parent`; `of` is its id.

    Within the same trace the span's id is a hash of `of`: a replay names the same span. Without a parent the
    trace is derived too, and not marked as sampled.
    """
    span = blake2b(of.encode(), digest_size=8).hexdigest()
    found = _TRACEPARENT.fullmatch(parent) if parent is not None else None
    if found is None:
        return f"00-{blake2b(of.encode(), digest_size=16).hexdigest()}-{span}-00"
    return f"00-{found[1]}-{span}-{found[2]}"


@lru_cache(maxsize=1_024)
def _source(source: str) -> bytes:
    """A URI reference, as CloudEvents wants it."""
    return quote(source, safe=":/?#[]@!$&'()*+,;=%~").encode()


@lru_cache(maxsize=256)
def _type(record: str) -> bytes:
    return f"attesa.{record}".encode()


def _time(ms: int | None) -> bytes | None:
    """RFC 3339 in UTC; None for a claim that no calendar has."""
    second = None if ms is None else _second(ms // 1_000)
    return None if second is None or ms is None else b"%b.%03dZ" % (second, ms % 1_000)


@lru_cache(maxsize=4_096)
def _second(second: int) -> bytes | None:
    """The second's date and time: many records share one, and a calendar costs more than the rest."""
    try:
        return datetime.fromtimestamp(second, UTC).isoformat()[:19].encode()
    except (ValueError, OverflowError, OSError):
        return None
