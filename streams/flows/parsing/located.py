"""YAML 1.2 text into a tree in which everything knows its line and column.

Only data: no tags, no merge keys. The limits below stop files that would take the machine down before anybody
has read them.
"""

import math
import re
from collections.abc import Iterator
from typing import Any, NamedTuple, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from streams.flows.finding import Finding

__all__ = ["Items", "Leaf", "Node", "Pairs", "Place", "Unreadable", "core_scalar", "decode", "load"]

MAX_BYTES = 1_000_000
MAX_NODES = 50_000
"""Nodes after aliases are followed: a billion laughs stay a few thousand."""
MAX_DEPTH = 60


class Place(NamedTuple):
    """A position in a file, both from 1."""

    line: int
    column: int


Scalar = bool | int | float | str | None


class Leaf(NamedTuple):
    """A scalar: None, bool, int, float (finite) or str by YAML 1.2's core schema."""

    value: Scalar
    place: Place


class Items(NamedTuple):
    """A list."""

    items: tuple["Node", ...]
    place: Place


class Pairs(NamedTuple):
    """A mapping, keys as text, in the file's order."""

    pairs: dict[str, "Node"]
    keys: dict[str, Place]
    place: Place


Node = Leaf | Items | Pairs


class Unreadable(Exception):  # noqa: N818 - it is what the text is
    """The text cannot be read as YAML; holds the one finding that says why."""

    def __init__(self, finding: Finding) -> None:
        """With the finding."""
        super().__init__(str(finding))
        self.finding = finding


def decode(data: bytes, file: str) -> str:
    """A file's bytes as text; `Unreadable` if it is too long or not UTF-8."""
    if len(data) > MAX_BYTES:
        _fail(
            file,
            Place(1, 1),
            "ATT002",
            f"the file has {len(data):,} bytes, more than {MAX_BYTES:,}",
            "Split it: one flow a file, long texts as templates",
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        _fail(
            file,
            Place(line, column),
            "ATT003",
            f"the byte 0x{data[error.start]:02x} is not UTF-8",
            "Save the file as UTF-8",
        )


def load(text: str, file: str) -> Node:
    """The one document in `text`; `Unreadable` if it is not one, or not within the limits."""
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        _fail(
            file,
            Place(1, 1),
            "ATT002",
            f"the file is longer than {MAX_BYTES:,} bytes",
            "Split it: one flow a file, long texts as templates",
        )
    return _Loader(text, file).document()


def _fail(file: str, place: Place, code: str, message: str, advice: str) -> NoReturn:
    raise Unreadable(
        Finding(
            file=file,
            line=place.line,
            column=place.column,
            code=code,
            severity="error",
            message=message,
            advice=advice,
        )
    )


class _Loader:
    """Builds the tree from ruamel's events; remembers where it is, for errors without a mark."""

    def __init__(self, text: str, file: str) -> None:
        self.file = file
        self.text = text
        self.place = Place(1, 1)
        self.anchors: dict[str, tuple[Node, int]] = {}
        """By name: the node and how many nodes it holds."""
        self.nodes = 0
        self.events = self._events()

    def _events(self) -> Iterator[Event]:
        """The parser's events; whatever it raises becomes a finding."""
        try:
            for event in YAML(typ="safe", pure=True).parse(self.text):
                mark = event.start_mark
                self.place = Place(mark.line + 1, mark.column + 1)
                yield event
        except ReaderError as error:
            before = self.text[: error.position]
            place = Place(before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)
            self.fail(
                f"the character U+{_code_point(error.character):04X} is not allowed in YAML",
                "Take it out, or write it as an escape in double quotes",
                at=place,
            )
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = Place(mark.line + 1, mark.column + 1) if mark else self.place
            problem = " ".join(str(part) for part in (error.problem or error.context,) if part)
            self.fail(f"this is not YAML: {problem}", _advice(self.text, place), at=place)
        except Unreadable:
            raise
        except Exception as error:  # noqa: BLE001 - the parser is not ours, and no text may bring the program down
            self.fail(f"this is not YAML: {type(error).__name__} {error}".rstrip(), "Look at this line")

    def fail(self, message: str, advice: str, *, at: Place | None = None, code: str = "ATT001") -> NoReturn:
        _fail(self.file, at or self.place, code, message, advice)

    def document(self) -> Node:
        """The tree of the only document."""
        root: Node | None = None
        for event in self.events:
            if isinstance(event, DocumentStartEvent):
                if root is not None:
                    self.fail("a second document starts here", "Keep one document a file")
                if event.version not in {None, (1, 2)} or event.tags:
                    self.fail("only YAML 1.2 without tag directives is read", "Take the % lines out")
                root = self.node(next(self.events), 0)
        if root is None:
            self.fail("the file is empty", "Start with `flow: <id>` or `workspace: <id>`", at=Place(1, 1))
        return root

    def node(self, event: Event, depth: int) -> Node:
        """The node that starts with `event`."""
        if isinstance(event, AliasEvent):
            return self.alias(str(event.anchor))
        place, before = self.place, self.nodes
        self.count(1)
        if depth > MAX_DEPTH:
            self.fail(f"deeper than {MAX_DEPTH} levels", "Make it flatter", code="ATT002")
        self.refuse_tag(event)
        match event:
            case ScalarEvent():
                node: Node = Leaf(self.scalar(event), place)
            case SequenceStartEvent():
                node = Items(tuple(self.sequence(depth)), place)
            case MappingStartEvent():
                node = self.mapping(place, depth)
            case _:
                self.fail("this is not YAML", "Look at this line")
        if event.anchor:
            self.anchors[str(event.anchor)] = node, self.nodes - before
        return node

    def alias(self, name: str) -> Node:
        """What the anchor holds; it must be complete, so that no node holds itself."""
        if name not in self.anchors:
            self.fail(f"the alias *{name} has no complete anchor before it", f"Write &{name} before it")
        node, size = self.anchors[name]
        self.count(size)
        return node

    def count(self, nodes: int) -> None:
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            self.fail(
                f"more than {MAX_NODES:,} values",
                "Repeat less with anchors, or split the file",
                code="ATT002",
            )

    def refuse_tag(self, event: Any) -> None:
        if event.tag not in {None, "!"}:
            self.fail(f"the tag {str(event.tag)[:60]} is not read", "Write the value without a tag")

    def sequence(self, depth: int) -> Iterator[Node]:
        while not isinstance(event := next(self.events), SequenceEndEvent):
            yield self.node(event, depth + 1)

    def mapping(self, place: Place, depth: int) -> Pairs:
        pairs: dict[str, Node] = {}
        keys: dict[str, Place] = {}
        while not isinstance(event := next(self.events), MappingEndEvent):
            at = self.place
            key = self.node(event, depth + 1)
            if not isinstance(key, Leaf):
                self.fail("a key must be plain text", "Write `key: value`", at=at)
            name = _key(key.value)
            if name in pairs:
                self.fail(
                    f"`{name}` stands here a second time, first on line {keys[name].line}",
                    "Keep one of the two",
                    at=at,
                    code="ATT004",
                )
            keys[name] = at
            pairs[name] = self.node(next(self.events), depth + 1)
        return Pairs(pairs, keys, place)

    def scalar(self, event: ScalarEvent) -> Scalar:
        """By the core schema if it is plain, else text."""
        text = str(event.value)
        if any("\ud800" <= character <= "\udfff" for character in text) or "\x00" in text:
            self.fail("half a character, or a null character, stands in this text", "Write the text anew")
        value = core_scalar(text) if event.style is None and event.tag is None else text
        if isinstance(value, float) and not math.isfinite(value):
            self.fail(f"{text} is not a number one can compare", "Write a finite number")
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            self.fail(f"{text[:30]} does not fit into 64 bits", "Write it as text, in quotes")
        return value


def _key(value: Scalar) -> str:
    """A key as text, as the author sees it."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case _:
            return str(value)


_INT = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_LONGEST_NUMBER = 400
"""Characters: Python refuses to read longer integers, and nobody means them."""


def core_scalar(text: str) -> Scalar:  # noqa: PLR0911 - one line a kind
    """YAML 1.2's core schema, and nothing more: dates, `on` and `10:00` are text."""
    if text in {"", "~", "null", "Null", "NULL"}:
        return None
    if text in {"true", "True", "TRUE"}:
        return True
    if text in {"false", "False", "FALSE"}:
        return False
    if len(text) > _LONGEST_NUMBER:
        return text
    if _INT.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text):
        return int(text, 0)
    if _HEX.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


def _code_point(character: Any) -> int:
    """The parser says a character now as text, now as a number."""
    return character if isinstance(character, int) else ord(str(character)[:1])


def _advice(text: str, place: Place) -> str:
    """What to do about broken YAML, from what stands on the line."""
    lines = text.splitlines()
    line = lines[place.line - 1] if place.line <= len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "Indent with spaces: YAML takes no tabs there"
    return "Look at this line and the one before: indentation, a missing colon or quote"
