"""A wait until a time of day: the next one after now, in the zone that is named."""

import pytest

from schemas.types.facts import TimerFired, TimerSet
from streams.core.program import Until, Wait
from streams.core.testing import DAY, HOUR, MINUTE, START, event, fact, given, passes, update, workspace
from streams.core.zones import next_time
from tests.core.flows import flow


@pytest.mark.parametrize(
    ("until", "after"),
    [
        (Until(12 * 60), HOUR),  # Rome is an hour ahead: it is 11:00 there
        (Until(11 * 60), DAY),  # now is not after now
        (Until(11 * 60 + 1), MINUTE),
        (Until(12 * 60, zone="business"), 2 * HOUR),
        (Until(20 * 60, zone="Asia/Tokyo"), HOUR),
        (Until(12 * 60, days=(3,)), 2 * DAY + HOUR),
        (Until(10 * 60, days=(1,)), 7 * DAY - HOUR),
        (Until(12 * 60, days=(1, 5)), HOUR),
    ],
)
def test_a_wait_is_over_at_the_next_such_time(until: Until, after: int) -> None:
    """Stories begin on Monday at 10:00 UTC."""
    story = given(flow(Wait("until", until=until)), settings=workspace())
    story.when(update(zone="Europe/Rome"), event("go")).then_some(
        fact(TimerSet, step="until", kind="wait", due=START + after)
    )
    story.when(passes(after)).then_some(fact(TimerFired, step="until", lateness_ms=0))


def test_where_clocks_change_the_time_is_the_walls() -> None:
    """10:00 on the day after the change is 23 hours behind 10:00 the day before."""
    saturday = 1_774_688_400_000  # 28 March 2026, 10:00 in Rome
    assert next_time("Europe/Rome", saturday, 600, (1, 2, 3, 4, 5, 6, 7)) == saturday + 23 * HOUR
