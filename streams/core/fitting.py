"""What a contact's state has room for: attributes, variables and tags that do not fit are refused by name."""

from collections.abc import Collection, Mapping

import msgspec

from schemas.types.value import Value
from streams.core.refusals import MAX_ID
from streams.core.state import MAX_ATTRIBUTE_BYTES, MAX_TAGS

__all__ = ["fitting_tags", "fitting_values"]

_size = msgspec.msgpack.Encoder().encode


def fitting_values(
    kept: Mapping[str, Value], new: Mapping[str, Value], refused: list[str]
) -> dict[str, Value]:
    """Those that fit beside what is kept, in the order of their names. One without a value is left out."""
    all_of_it = dict(kept)
    fit: dict[str, Value] = {}
    for name in sorted(new):
        value = new[name]
        if value is None:
            continue
        if len(_size({**all_of_it, name: value})) > MAX_ATTRIBUTE_BYTES:
            refused.append(name)
        else:
            all_of_it[name] = fit[name] = value
    return fit


def fitting_tags(
    there: Collection[str], add: Collection[str], remove: Collection[str], refused: list[str]
) -> list[str]:
    """The new ones that there is room for once `remove` is gone."""
    room = MAX_TAGS - len(set(there) - set(remove))
    wanted = sorted(set(add) - set(there) - set(remove))
    fit = [tag for tag in wanted if 0 < len(tag) <= MAX_ID]
    refused.extend(tag for tag in wanted if tag not in fit)
    refused.extend(fit[room:])
    return fit[:room]
