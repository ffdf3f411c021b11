"""Local time: offsets, local hours, and what a wall time means where clocks change."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from streams.core.policies import next_quiet, quiet_until
from streams.core.zones import HOUR, MINUTE, _offset, _zone, is_zone, local_hour, moment, offset_at, weekday
from tests.core.flows import night

ROME = "Europe/Rome"


def utc(*parts: int) -> int:
    """A moment in UTC, ms."""
    return int(datetime(*parts, tzinfo=UTC).timestamp() * 1000)  # type: ignore[arg-type,misc]


@given(
    st.sampled_from(
        [ROME, "America/Sao_Paulo", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kathmandu", "UTC"]
    ),
    st.integers(0, utc(2045, 1, 1) // 1000),
)
def test_offsets_are_those_of_the_data(name: str, second: int) -> None:
    """The cached spans say what the data says, at any second."""
    assert offset_at(name, second * 1000) == _offset(_zone(name), second * 1000)


def test_zones_are_those_of_the_data() -> None:
    """And nothing else: no paths, no system zones."""
    assert is_zone(ROME)
    assert not is_zone("../zones")
    assert not is_zone("localtime")


def test_the_local_hour_and_weekday() -> None:
    """Monday 2 March 2026, 23:30 UTC is Tuesday half past midnight in Rome."""
    assert local_hour(ROME, utc(2026, 3, 2, 23, 30)) == (0, 2)
    assert local_hour("UTC", utc(2026, 3, 1, 5)) == (5, 7)
    assert weekday(0) == 4


def test_a_wall_time_that_the_clock_jumps_over_is_the_jump() -> None:
    """29 March 2026, 02:30 never happens in Rome: 01:00 UTC."""
    assert moment(ROME, utc(2026, 3, 29, 2, 30)) == utc(2026, 3, 29, 1)
    assert moment(ROME, utc(2026, 3, 29, 2, 30), last=True) == utc(2026, 3, 29, 1)


def test_a_wall_time_that_happens_twice_is_the_first_or_the_last() -> None:
    """25 October 2026, 02:30 in Rome: at 00:30 and at 01:30 UTC."""
    assert moment(ROME, utc(2026, 10, 25, 2, 30)) == utc(2026, 10, 25, 0, 30)
    assert moment(ROME, utc(2026, 10, 25, 2, 30), last=True) == utc(2026, 10, 25, 1, 30)


def test_any_other_wall_time_happens_once() -> None:
    """Whichever is asked for."""
    for last in (False, True):
        assert moment(ROME, utc(2026, 3, 2, 12), last=last) == utc(2026, 3, 2, 11)


def test_quiet_hours_hold_over_midnight() -> None:
    """Start in, end out."""
    hours = night()
    assert quiet_until(hours, "UTC", utc(2026, 3, 2, 20, 59)) is None
    assert quiet_until(hours, "UTC", utc(2026, 3, 2, 21)) == utc(2026, 3, 3, 8)
    assert quiet_until(hours, "UTC", utc(2026, 3, 3, 7, 59)) == utc(2026, 3, 3, 8)
    assert quiet_until(hours, "UTC", utc(2026, 3, 3, 8)) is None


def test_quiet_hours_within_a_day() -> None:
    """13:00 to 15:00."""
    hours = night(start=13 * 60, end=15 * 60)
    assert quiet_until(hours, "UTC", utc(2026, 3, 2, 14)) == utc(2026, 3, 2, 15)
    assert quiet_until(hours, "UTC", utc(2026, 3, 2, 16)) is None


def test_quiet_hours_of_no_length_never_hold() -> None:
    """Start and end are the same minute."""
    hours = night(start=0, end=0)
    assert quiet_until(hours, "UTC", utc(2026, 3, 2)) is None
    assert next_quiet(hours, "UTC", utc(2026, 3, 2)) is None


def test_quiet_hours_last_as_long_as_they_can_where_clocks_go_back() -> None:
    """Ending at 02:30 they end at the second 02:30; starting at 02:30 they start at the first."""
    assert quiet_until(night(end=150), ROME, utc(2026, 10, 25, 0, 45)) == utc(2026, 10, 25, 1, 30)
    hours = night(start=150, end=5 * 60)
    assert quiet_until(hours, ROME, utc(2026, 10, 25, 0, 30)) == utc(2026, 10, 25, 4)


def test_quiet_hours_that_end_in_a_jump_end_with_it() -> None:
    """02:30 never happens: they end when the clock jumps from 02:00 to 03:00."""
    assert quiet_until(night(end=150), ROME, utc(2026, 3, 29, 0, 59)) == utc(2026, 3, 29, 1)
    assert quiet_until(night(end=150), ROME, utc(2026, 3, 29, 1)) is None


def test_the_next_quiet_hours() -> None:
    """Today's, tomorrow's, or next week's."""
    assert next_quiet(night(), "UTC", utc(2026, 3, 2, 10)) == utc(2026, 3, 2, 21)
    assert next_quiet(night(), "UTC", utc(2026, 3, 2, 21)) == utc(2026, 3, 3, 21)
    assert next_quiet(night(days=(1,)), "UTC", utc(2026, 3, 2, 22)) == utc(2026, 3, 9, 21)
    assert next_quiet(night(), ROME, utc(2026, 3, 2, 10)) == utc(2026, 3, 2, 20)


@given(
    st.integers(utc(2026, 1, 1) // MINUTE, utc(2027, 1, 1) // MINUTE),
    st.integers(0, 1439),
    st.integers(0, 1439),
)
def test_quiet_hours_end_after_they_hold(minute: int, start: int, end: int) -> None:
    """Whatever the hours and whatever the clock does: their end is later, and it is not quiet then."""
    at = minute * MINUTE
    hours = night(start=start, end=end)
    until = quiet_until(hours, ROME, at)
    if until is not None:
        assert at < until <= at + 25 * HOUR
        assert quiet_until(hours, ROME, until) is None
