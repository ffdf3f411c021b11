"""Any record: hypothesis strategies made from the schemas themselves."""

from typing import Any

import msgspec
from hypothesis import strategies as st

from schemas.catalog import catalog
from schemas.types import commands, facts, flow_commands, inputs, records

__all__ = ["any_record", "class_of", "values_of"]

_CLASSES = {
    name: cls
    for module in (inputs, flow_commands, facts, commands, records)
    for name, cls in vars(module).items()
    if isinstance(cls, type) and issubclass(cls, msgspec.Struct)
}


def class_of(record: str) -> type[msgspec.Struct]:
    """The class of a record."""
    return _CLASSES[record]


def values_of(avro: Any) -> st.SearchStrategy[Any]:  # noqa: PLR0911 - one case a type
    """Any value of an Avro type. NaN is left out, since it equals nothing, not even itself."""
    match avro:
        case list():
            return st.one_of([values_of(member) for member in avro])
        case {"type": "record", "fields": fields}:
            return st.fixed_dictionaries({field["name"]: values_of(field["type"]) for field in fields})
        case {"type": "array", "items": items}:
            return st.lists(values_of(items), max_size=4)
        case {"type": "map", "values": values}:
            return st.dictionaries(st.text(max_size=20), values_of(values), max_size=4)
        case "null":
            return st.none()
        case "boolean":
            return st.booleans()
        case "int":
            return st.integers(-(2**31), 2**31 - 1)
        case "long" | {"type": "long"}:
            return st.integers(-(2**63), 2**63 - 1)
        case "double":
            return st.floats(allow_nan=False)
        case "string":
            return st.text(max_size=60)
        case "bytes":
            return st.binary(max_size=60)
        case other:
            raise NotImplementedError(other)


@st.composite
def any_record(draw: st.DrawFn, *kinds: str, record: str | None = None) -> msgspec.Struct:
    """A record of these kinds with any values that its newest schema has room for."""
    name = record or draw(st.sampled_from(catalog().names(*kinds)))
    fields = draw(values_of(catalog().newest(name).schema))
    if "cause" in fields:
        fields["cause"] = facts.Cause(**fields["cause"])
    return class_of(name)(**fields)
