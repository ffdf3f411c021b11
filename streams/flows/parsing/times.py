"""Reading the moments that steps wait for."""

from streams.flows.model import Until
from streams.flows.parsing import scalars
from streams.flows.parsing.located import Leaf, Node, Pairs
from streams.flows.parsing.reading import Reading

__all__ = ["until"]

EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)


def until(reading: Reading, node: Node, what: str) -> Until:
    """`{until: time, days?, zone?}`: the next such time after now."""
    fields = reading.fields(node, what, ("until", "days", "zone"), required=("until",), later=("if_past",))
    minutes = fields.get("until", lambda node, what: _time(reading, node, what), 0)
    if "days" in fields and not reading.items(fields["days"]):
        reading.error(fields["days"].place, "ATT008", "`days` is an empty list", "Name a day, as mon")
    days = fields.each("days", lambda node, what: reading.scalar(node, what, scalars.day, 1))
    zone = fields.scalar("zone", scalars.zone, "contact")
    return reading.locate(Until(minutes, tuple(sorted(set(days))) or EVERY_DAY, zone), fields)


def _time(reading: Reading, node: Node, what: str) -> int:
    """A time of day. What else the grammar lets a step wait for comes later."""
    if isinstance(node, Pairs) or (isinstance(node, Leaf) and node.value == "business_open"):
        reading.not_yet(node.place, f"anything but a time of day in {what}")
        return 0
    return reading.scalar(node, what, scalars.minutes, 0)
