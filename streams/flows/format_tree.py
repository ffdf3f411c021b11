"""A YAML file as its author laid it out: values as written, and the comments with what they stand beside."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.events import (
    AliasEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

__all__ = ["Alias", "Collection", "Entry", "Laid", "Text", "document"]


class Text(msgspec.Struct):
    """A scalar."""

    value: str
    plain: bool
    anchor: str | None = None


class Alias(msgspec.Struct):
    """`*name`."""

    name: str


class Entry(msgspec.Struct):
    """A key and its value, or an item of a list, with its comments."""

    key: Text | None
    value: "Laid"
    line: int
    before: list[str] = []
    """Comments on lines of their own."""
    beside: str | None = None
    """The comment at the end of its line."""
    blank: bool = False
    """An empty line stood before it, or before its comments."""
    inline: bool = False
    """It stands within braces or brackets."""

    @property
    def commented(self) -> bool:
        """Whether a comment stands with it or within it."""
        inner = isinstance(self.value, Collection) and self.value.commented
        return bool(self.before) or self.beside is not None or inner


class Collection(msgspec.Struct):
    """A mapping or a list."""

    mapping: bool
    entries: list[Entry]
    flow: bool
    """Written in braces or brackets."""
    anchor: str | None = None

    @property
    def commented(self) -> bool:
        """Whether a comment stands within it."""
        return any(entry.commented for entry in self.entries)


Laid = Text | Alias | Collection


class _Comment(msgspec.Struct, frozen=True):
    line: int
    text: str
    alone: bool


def document(text: str) -> tuple[Laid, list[str]]:
    """The tree of a file that is known to be read, and the comments after its end."""
    lines = text.split("\n")
    builder = _Builder(text, lines)
    yaml = YAML(typ="rt", pure=True)
    events = iter([event for event in yaml.parse(text) if _matters(event)])
    root = builder.node(next(events), events)
    return root, builder.attach()


def _matters(event: Event) -> bool:
    return isinstance(
        event,
        ScalarEvent
        | AliasEvent
        | MappingStartEvent
        | MappingEndEvent
        | SequenceStartEvent
        | SequenceEndEvent,
    )


class _Builder:
    """Makes entries of events; remembers them in the file's order, and where scalars stand."""

    def __init__(self, text: str, lines: list[str]) -> None:
        self.text = text
        self.lines = lines
        self.entries: list[Entry] = []
        self.braces = 0
        self.spans: list[tuple[int, int]] = []
        self.starts = [0]
        for line in lines:
            self.starts.append(self.starts[-1] + len(line) + 1)

    def node(self, event: Any, events: Iterator[Any]) -> Laid:
        anchor = str(event.anchor) if event.anchor else None
        match event:
            case AliasEvent():
                return Alias(str(event.anchor))
            case ScalarEvent():
                self.spans.append(self.span(event))
                return Text(str(event.value), event.style is None, anchor)
            case MappingStartEvent():
                made = Collection(True, [], bool(event.flow_style), anchor)
                self.braces += made.flow
                while not isinstance(key := next(events), MappingEndEvent):
                    entry = self.entry(key.start_mark.line)
                    name = self.node(key, events)
                    entry.key = name if isinstance(name, Text) else None
                    entry.value = self.node(next(events), events)
                    made.entries.append(entry)
                self.braces -= made.flow
                return made
            case _:
                made = Collection(False, [], bool(event.flow_style), anchor)
                self.braces += made.flow
                while not isinstance(item := next(events), SequenceEndEvent):
                    entry = self.entry(item.start_mark.line)
                    entry.value = self.node(item, events)
                    made.entries.append(entry)
                self.braces -= made.flow
                return made

    def entry(self, line: int) -> Entry:
        made = Entry(None, Alias(""), line, before=[], inline=self.braces > 0)
        self.entries.append(made)
        return made

    def span(self, event: Any) -> tuple[int, int]:
        """From where to where a scalar's text reaches; of a block, its lines alone."""
        start, end = event.start_mark.index, event.end_mark.index
        if event.style not in {"|", ">"}:
            return start, end
        first = event.start_mark.line + 1
        last, deep = first, None
        for number in range(first, len(self.lines)):
            line = self.lines[number]
            if not line.strip():
                continue
            indent = len(line) - len(line.lstrip(" "))
            deep = indent if deep is None else deep
            if indent < deep or self.starts[number] >= end:
                break
            last = number + 1
        return self.starts[first], self.starts[min(last, len(self.lines))]

    def comments(self) -> Iterator[_Comment]:
        spans = sorted(self.spans)
        at = 0
        for found in _HASH.finditer(self.text):
            index = found.start()
            while at < len(spans) and spans[at][1] <= index:
                at += 1
            if at < len(spans) and spans[at][0] <= index:
                continue
            line = self.text.count("\n", 0, index)
            said = self.lines[line]
            if said.lstrip().startswith("#"):
                if index == self.starts[line] + len(said) - len(said.lstrip()):
                    yield _Comment(line, said.strip(), alone=True)
            elif "#" not in self.text[self.starts[line] : index] or not self.inside(line, index, spans):
                yield _Comment(line, self.text[index : self.starts[line] + len(said)].rstrip(), alone=False)

    def inside(self, line: int, index: int, spans: list[tuple[int, int]]) -> bool:
        """Whether an earlier `#` on the line had begun a comment already."""
        for found in _HASH.finditer(self.text, self.starts[line], index):
            if not any(start <= found.start() < end for start, end in spans):
                return True
        return False

    def attach(self) -> list[str]:
        """Lays each comment to its entry; those after the last entry are given back."""
        rest: list[str] = []
        first: dict[int, Entry] = {}
        for entry in self.entries:
            first.setdefault(entry.line, entry)
        ordered = sorted(first)
        comments = list(self.comments())
        for comment in comments:
            beside = None if comment.alone else self.standing(comment.line)
            if beside is not None and beside.beside is None:
                beside.beside = comment.text
                continue
            after = next((line for line in ordered if line > comment.line), None)
            (rest if after is None else first[after].before).append(comment.text)
        alone = {each.line for each in comments if each.alone}
        for line, entry in first.items():
            above = line - 1
            while above in alone:
                above -= 1
            entry.blank = above >= 0 and not self.lines[above].strip()
        return rest

    def standing(self, line: int) -> Entry | None:
        """The last entry outside of braces that begins on that line, or before it where none does."""
        before = [entry for entry in self.entries if entry.line <= line and not entry.inline]
        return before[-1] if before else None


_HASH = re.compile(r"(?:(?<=\s)|^)#", re.MULTILINE)
