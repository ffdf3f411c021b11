"""Values that attributes, event properties and variables may have."""

from typing import Any

__all__ = ["Sealed", "Value"]

Value = None | bool | int | float | str | list[str]
"""A flat value: nested ones come flattened, keys joined by dots."""

Sealed = dict[str, Any]
"""Personal values of a fact, plain: the shell seals them on the way out and opens them on the way in."""
