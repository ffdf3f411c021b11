"""Writes `schemas/types/*.py` and `schemas/ids.json`: `python -m schemas.generate [--check | --amend]`.

The .avsc files are the contract; the Python types are made from the newest version of each, so that the two
cannot disagree. A version without an id gets the next one. `--check` writes nothing and exits 1 when a file
on disk is not what would be written. `--amend` is for versions that were never released: their ids stand for
what their files say now.
"""

import json
import sys
import textwrap
from pathlib import Path
from typing import Any

from schemas.catalog import Catalog, fingerprint
from schemas.registry import GivenId, read_ids

HERE = Path(__file__).parent
LINE = 110
KINDS = {
    "inputs": (
        "Input",
        "What happened, and ticks: the records of the inbound topic.",
        ("inputs", "outcomes"),
    ),
    "flow_commands": (
        "FlowCommand",
        "What operators say: the records of the flows topic.",
        ("flow_commands",),
    ),
    "facts": (
        "Fact",
        "What the engine decided, in the past tense: the records of the facts topic.",
        ("facts",),
    ),
    "commands": ("Command", "Things for the world to do: the records of the commands topic.", ("commands",)),
    "records": ("Record", "Records beside the way of an event: keys, attempts, imports.", ("records",)),
}
PRIMITIVE = {
    "string": "str",
    "long": "int",
    "int": "int",
    "double": "float",
    "boolean": "bool",
    "bytes": "bytes",
    "null": "None",
}
HEAD = '''"""{doc}

Made from the .avsc files by `python -m schemas.generate`: change those, not this. They are the wire format:
a class, its Avro record and its folder share one name.
"""

{imports}
'''


def python_type(avro: Any) -> str:
    """The annotation of an Avro type. Timestamps are ints, ms since the epoch, UTC."""
    match avro:
        case list() if "double" in avro and "boolean" in avro:
            return "Value"
        case list():
            return " | ".join(
                sorted((python_type(member) for member in avro), key=lambda name: name == "None")
            )
        case {"type": "array", "items": items}:
            return f"list[{python_type(items)}]"
        case {"type": "map", "values": values}:
            return f"dict[str, {python_type(values)}]"
        case {"type": "record", "name": name}:
            return str(name)
        case {"type": primitive} | primitive:
            return PRIMITIVE[primitive]


def docstring(text: str, *, of_class: bool = False) -> list[str]:
    """The lines of a docstring, indented once, none over LINE characters."""
    lines = textwrap.wrap(
        f'"""{text}"""',
        LINE - 4,
        initial_indent="    ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    if of_class and len(lines) > 1:
        return [*lines[:-1], lines[-1].removesuffix('"""'), '    """']
    return lines


def literal(default: Any) -> str:
    """A default as the formatter would write it."""
    return json.dumps(default, ensure_ascii=False) if isinstance(default, str) else repr(default)


def class_source(schema: dict[str, Any], *, sealed: bool) -> str:
    """The class of one record."""
    lines = [f"class {schema['name']}(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):"]
    lines += [*docstring(schema["doc"], of_class=True), ""]
    for field in schema["fields"]:
        annotation = "Sealed | None" if sealed and field["name"] == "sealed" else python_type(field["type"])
        default = f" = {literal(field['default'])}" if "default" in field else ""
        lines += [f"    {field['name']}: {annotation}{default}", *docstring(field["doc"])]
    return "\n".join(lines)


def module_source(files: Catalog, kind: str) -> str:
    """The whole text of one module of types."""
    union, doc, folders = KINDS[kind]
    schemas = [files.newest(name).schema for folder in folders for name in files.names(folder)]
    names = [schema["name"] for schema in schemas]
    is_facts = kind == "facts"
    classes: list[str] = []
    if is_facts:
        cause = next(f["type"] for f in schemas[0]["fields"] if f["name"] == "cause")
        classes.append(class_source(cause, sealed=False))
        names.insert(0, "Cause")
    classes += [class_source(schema, sealed=is_facts) for schema in schemas]
    body = "\n\n\n".join(classes)
    imports = ["import msgspec"]
    shared = [name for name in ("Sealed", "Value") if f"{name}" in body.replace('"""', "")]
    used = [name for name in shared if f": {name}" in body or f", {name}]" in body]
    if used:
        imports += ["", f"from schemas.types.value import {', '.join(used)}"]
    members = [name for name in names if name != "Cause"]
    listing = "\n".join(f'    "{name}",' for name in sorted([*names, union]))
    head = HEAD.format(doc=doc, imports="\n".join(imports))
    alias = f"{union} = {' | '.join(members)}"
    if len(alias) > LINE:
        alias = f"{union} = (\n    " + "\n    | ".join(members) + "\n)"
    summary = f'"""{doc}"""'
    return f"{head}\n__all__ = [\n{listing}\n]\n\n\n{body}\n\n\n{alias}\n{summary}\n"


def ids_source(files: Catalog, *, amend: bool) -> str:
    """The whole text of `ids.json`: a line for each version there ever was, in the order of their ids."""
    given = dict(read_ids(files.folder))
    for found in files:
        key = (found.name, found.version)
        if key not in given:
            free = max((line.id for line in given.values()), default=0) + 1
            given[key] = GivenId(free, fingerprint(found.schema))
        elif amend:
            given[key] = GivenId(given[key].id, fingerprint(found.schema))
    lines = {
        f"{record}/{version}": line._asdict()
        for (record, version), line in sorted(given.items(), key=lambda item: item[1].id)
    }
    body = ",\n".join(f"  {json.dumps(name)}: {json.dumps(line)}" for name, line in lines.items())
    return f"{{\n{body}\n}}\n"


def main(arguments: list[str]) -> int:
    """Writes or checks every file; the exit code."""
    files = Catalog()
    made = {HERE / "types" / f"{kind}.py": module_source(files, kind) for kind in KINDS}
    made[HERE / "ids.json"] = ids_source(files, amend="--amend" in arguments)
    stale = []
    for path, text in made.items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(path.name)
            if "--check" not in arguments:
                path.write_text(text, encoding="utf-8")
    if stale and "--check" in arguments:
        sys.stderr.write(
            f"schemas: {', '.join(stale)} differ from the .avsc files; run python -m schemas.generate\n"
        )
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
