"""Writes `schemas/types/*.py` from the newest .avsc of each record: `python -m schemas.generate [--check]`.

The .avsc files are the contract; the Python types are made from them, so that the two cannot disagree.
`--check` writes nothing and exits 1 when a file on disk is not what would be written.
"""

import json
import sys
import textwrap
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
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


def newest(folder: Path) -> dict[str, Any]:
    """The schema of the highest version in a record's folder."""
    path = max(folder.glob("*.avsc"), key=lambda p: int(p.stem))
    schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return schema


def python_type(avro: Any) -> str:
    """The annotation of an Avro type. Timestamps are ints, ms since the epoch, UTC."""
    if isinstance(avro, list):
        members = {json.dumps(member) for member in avro}
        if json.dumps("double") in members and json.dumps("boolean") in members:
            return "Value"
        return " | ".join(sorted((python_type(member) for member in avro), key=lambda name: name == "None"))
    if isinstance(avro, str):
        return PRIMITIVE[avro]
    match avro["type"]:
        case "array":
            return f"list[{python_type(avro['items'])}]"
        case "map":
            return f"dict[str, {python_type(avro['values'])}]"
        case "record":
            return str(avro["name"])
        case other:
            return PRIMITIVE[other]


def class_source(schema: dict[str, Any], *, sealed: bool) -> str:
    """The class of one record."""
    lines = [f"class {schema['name']}(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag=True):"]
    lines += [f'    """{schema["doc"]}"""', ""]
    for field in schema["fields"]:
        annotation = "Sealed | None" if sealed and field["name"] == "sealed" else python_type(field["type"])
        default = f" = {field['default']!r}" if "default" in field else ""
        lines += [f"    {field['name']}: {annotation}{default}"]
        lines += textwrap.wrap(
            f'"""{field["doc"]}"""',
            106,
            initial_indent="    ",
            subsequent_indent="    ",
            break_long_words=False,
        )
    return "\n".join(lines)


def module_source(kind: str) -> str:
    """The whole text of one module of types."""
    union, doc, folders = KINDS[kind]
    schemas = [newest(folder) for name in folders for folder in sorted((HERE / "avsc" / name).iterdir())]
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
    alias = f"{union} = (\n    " + "\n    | ".join(members) + "\n)"
    summary = f'"""{doc}"""'
    return f"{head}\n__all__ = [\n{listing}\n]\n\n\n{body}\n\n\n{alias}\n{summary}\n"


def main(arguments: list[str]) -> int:
    """Writes or checks every module; the exit code."""
    stale = []
    for kind in KINDS:
        path = HERE / "types" / f"{kind}.py"
        text = module_source(kind)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(path.name)
            if "--check" not in arguments:
                path.write_text(text, encoding="utf-8")
    if stale and "--check" in arguments:
        sys.stderr.write(
            f"schemas/types: {', '.join(stale)} differ from the .avsc files; run python -m schemas.generate\n"
        )
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
