"""CloudEvents and trace headers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.types.inputs import MessageReceived, Tick
from streams.log.headers import child_traceparent, headers_for, traceparent_in

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def message(source: str = "gateway", at: int = 1_700_000_000_123) -> MessageReceived:
    """A message of that source and time."""
    return MessageReceived(source=source, id="m1", occurred_at=at, channel="sms", text="sì")


def test_a_record_is_a_cloud_event() -> None:
    """Binary mode of the Kafka binding: attributes in headers, the body's type in content-type."""
    assert dict(headers_for(message(), b"w/c", traceparent=PARENT)) == {
        "ce_specversion": b"1.0",
        "ce_id": b"m1",
        "ce_source": b"gateway",
        "ce_type": b"attesa.MessageReceived",
        "ce_time": b"2023-11-14T22:13:20.123Z",
        "ce_subject": b"w/c",
        "content-type": b"application/avro",
        "traceparent": PARENT.encode(),
    }


def test_a_tick_is_no_event_of_anybody() -> None:
    """It has no id."""
    assert headers_for(Tick(ticker="t", flows_through=0), None) == []


def test_a_source_becomes_a_uri_reference() -> None:
    """Blanks and accents are escaped, a URI stays one."""
    assert dict(headers_for(message("il mio è"), None))["ce_source"] == b"il%20mio%20%C3%A8"
    assert dict(headers_for(message("https://x.it/a?b=c#d"), None))["ce_source"] == b"https://x.it/a?b=c#d"


@pytest.mark.parametrize("at", [2**62, -(2**62), 253_402_300_800_000])
def test_a_time_that_no_calendar_has_is_left_out(at: int) -> None:
    """A claim may be any number; the record still goes."""
    assert "ce_time" not in dict(headers_for(message(at=at), None))


def test_times_before_the_epoch_are_right() -> None:
    """Milliseconds count up, also below zero."""
    assert dict(headers_for(message(at=-1), None))["ce_time"] == b"1969-12-31T23:59:59.999Z"


def test_a_year_has_four_digits() -> None:
    """RFC 3339, also for claims from long ago."""
    assert dict(headers_for(message(at=-62_135_596_800_000), None))["ce_time"] == b"0001-01-01T00:00:00.000Z"


def test_a_child_stays_in_its_trace() -> None:
    """Trace and flags are the parent's, the span is its own and the same at every replay."""
    child = child_traceparent(PARENT, "fact-1")
    assert child[:36] == PARENT[:36]
    assert child[-2:] == "01"
    assert child != PARENT
    assert child == child_traceparent(PARENT, "fact-1") != child_traceparent(PARENT, "fact-2")


@given(st.one_of(st.none(), st.text()))
def test_without_a_valid_parent_a_trace_begins(parent: str | None) -> None:
    """Derived, well formed, not sampled."""
    child = child_traceparent(parent, "fact-1")
    assert traceparent_in([("traceparent", child)]) == child
    assert child.endswith("-00")


@pytest.mark.parametrize(
    "text",
    [
        "",
        PARENT.upper(),
        PARENT + "0",
        "ff" + PARENT[2:],
        "00-" + "0" * 32 + PARENT[35:],
        PARENT[:36] + "0" * 16 + "-01",
    ],
)
def test_a_malformed_traceparent_is_none(text: str) -> None:
    """As W3C asks: it is ignored, not repaired."""
    assert traceparent_in([("traceparent", text.encode())]) is None
    assert traceparent_in([("other", PARENT.encode())]) is None
    assert traceparent_in(None) is None
