"""A small record: what an ordinary agent must read fast enough to be a fair peer."""

import io
from typing import Any

import fastavro

_SCHEMA = fastavro.parse_schema(
    {
        "type": "record",
        "name": "FiveFields",
        "fields": [
            {"name": "event_id", "type": "string"},
            {"name": "contact_id", "type": "string"},
            {"name": "ts", "type": "long"},
            {"name": "channel", "type": "string"},
            {"name": "text", "type": "string"},
        ],
    }
)


def encode(number: int, contact: str) -> bytes:
    """The record of that number."""
    out = io.BytesIO()
    fastavro.schemaless_writer(
        out,
        _SCHEMA,
        {
            "event_id": f"e{number:010d}",
            "contact_id": contact,
            "ts": 1_700_000_000_000 + number,
            "channel": "whatsapp",
            "text": f"vorrei informazioni sul mio ordine numero {number} grazie",
        },
    )
    return out.getvalue()


def decode(data: bytes) -> dict[str, Any]:
    """Its fields."""
    found: Any = fastavro.schemaless_reader(io.BytesIO(data), _SCHEMA, None)
    return dict(found)
