"""The demo's customers are made up, the same ones each time, and as troublesome as real ones."""

from collections import Counter

from schemas.types.inputs import ContactUpdated, MessageReceived
from streams.demo.customers import DAY, ZONES, two_weeks

END = 1_780_300_800_000
"""2026-06-01T08:00Z."""


def test_the_same_seed_gives_the_same_lives() -> None:
    """Whoever sees something in the demo can see it again; another seed is another shop."""
    rows = list(two_weeks(seed=7, end=END, customers=30))
    assert rows == list(two_weeks(seed=7, end=END, customers=30))
    assert rows != list(two_weeks(seed=8, end=END, customers=30))


def test_they_live_two_weeks_in_the_order_of_time() -> None:
    """The log of a history has no way back, and ends where the demo's clock ends."""
    times = [row.at for row in two_weeks(seed=7, end=END, customers=30)]
    assert times == sorted(times)
    assert END - 14 * DAY <= times[0] <= times[-1] < END


def test_they_are_as_troublesome_as_real_ones() -> None:
    """Zones and channels, opt-outs, messages that come twice, that come late, that claim another time."""
    rows = list(two_weeks(seed=7, end=END, customers=200))
    said = [(row.at, row.record) for row in rows if isinstance(row.record, MessageReceived)]
    told = [row.record for row in rows if isinstance(row.record, ContactUpdated)]
    assert {record.zone for record in told} == {zone for zone, *_ in ZONES}
    assert {channel for record in told for channel in record.addresses} >= {"whatsapp", "email"}
    assert "STOP" in {record.text for _, record in said}
    assert max(Counter(record.id for _, record in said).values()) > 1
    claims = [at - record.occurred_at for at, record in said]
    assert min(claims) < 0 < max(claims)
