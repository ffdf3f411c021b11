"""The canonical form of flow, workspace and scenario files: one way to lay them out, comments kept.

Two spaces a level, lists set in under their key; keys in the order in which the guide names them; quotes only
where they are needed; a mapping or list in braces stays on its line where it fits. What a file means does not
change: the result is read again and compared before it is given back.
"""

import json
import re
from itertools import count, takewhile
from typing import Any, Final

from schemas.errors import AttesaError
from streams.flows.format_tree import Alias, Collection, Entry, Laid, Text, document
from streams.flows.parsing.located import Items, Leaf, Node, Pairs, core_scalar, load

__all__ = ["FormatError", "formatted"]

WIDTH: Final = 110
_MATCH = (
    "event",
    "message",
    "agent_message",
    "conversation",
    "tag_added",
    "opted_out",
    "where",
    "same",
    "channel",
)
_STEP = (
    *(
        "id",
        "title",
        "send",
        "wait",
        "customer_response",
        "wait_for",
        "if",
        "then",
        "else_if",
        "else",
        "split",
    ),
    *(
        "set",
        "tag",
        "untag",
        "assign",
        "webhook",
        "close_conversation",
        "start_flow",
        "go_to",
        "end",
        "policies",
    ),
)
_KNOWN = ("zone", "language", "attributes", "tags", "untag", "consent")
_QUIET = ("hours", "days", "zone", "then", "by_purpose", "jitter")
_ORDERS: Final[dict[str, tuple[str, ...]]] = {
    "flow": (
        *(
            "flow",
            "grammar",
            "title",
            "trigger",
            "enter",
            "exit_on",
            "goal",
            "still_valid",
            "channel",
            "vars",
        ),
        *("policies", "steps"),
    ),
    "workspace": (
        *(
            "workspace",
            "zone",
            "language",
            "channels",
            "hours",
            "holidays",
            "policies",
            "stop_words",
            "consent",
        ),
        *("remember", "attribution_window", "delivery", "grace"),
    ),
    "scenario": ("scenario", "flow", "start", "contact", "do", "expect", "exactly"),
    "trigger": (*_MATCH, "absence", "date", "inactivity", "schedule"),
    "exit_on": _MATCH,
    "enter": ("again", "key", "when"),
    "policies": ("purpose", "quiet_hours", "send_window", "cap", "late", "priority"),
    "quiet_hours": _QUIET,
    "send_window": _QUIET,
    "cap": ("messages", "per", "channel", "purpose"),
    **dict.fromkeys(("steps", "then", "else", "on_response", "no_response", "on_event", "no_event"), _STEP),
    "else_if": ("if", "then"),
    "send": (
        *("channel", "template", "text", "subject", "vars", "media", "buttons", "purpose", "fallback"),
        *("fallback_after", "on_failed", "on_unknown"),
    ),
    "customer_response": (
        *("within", "prompt", "any_channel", "reactions", "matching", "save_as", "remind"),
        *("on_response", "no_response"),
    ),
    "contact": _KNOWN,
    "set": _KNOWN,
    "do": ("at", "event", "message", "agent_message", "delivery", "conversation", "start", "set"),
    "expect": ("at", "within"),
}
"""Under which key (of a list: the list's) which keys come first, in this order; others stay as they stand."""
_UNSAFE_FIRST = frozenset("?:,[]{}#&*!|>'\"%@`")
_UNSAFE = re.compile(r":\s|\s#|:$|^-(?:\s|$)|^(?:---|\.\.\.)")


class FormatError(AttesaError):
    """A file cannot be laid out anew without changing what it means; it is left as it is."""


def formatted(text: str, file: str) -> str:
    """The text in its canonical form. Raises `Unreadable` if it is no YAML of ours, `FormatError`.

    `formatted(formatted(text)) == formatted(text)`, and both read as the same tree.
    """
    meant = load(text, file)
    root, rest = document(text.replace("\r\n", "\n").removeprefix("\ufeff"))
    anchored = _anchored(root)
    lines = _Writer(ordered=not anchored).document(root, rest)
    made = "\n".join(lines) + "\n"
    if _bare(load(made, file)) != _bare(meant):
        raise FormatError(f"{file}: laid out anew it would mean something else, so it was left as it is")
    return made


def _anchored(node: Laid) -> bool:
    """Whether an anchor stands anywhere: an alias must stay behind it, so nothing changes places."""
    if isinstance(node, Collection):
        return node.anchor is not None or any(_anchored(entry.value) for entry in node.entries)
    return isinstance(node, Alias) or node.anchor is not None


def _bare(node: Node) -> Any:
    """What a file says, without places and without the order of keys."""
    match node:
        case Leaf(value=value):
            return type(value).__name__, value
        case Items(items=items):
            return [_bare(each) for each in items]
        case Pairs(pairs=pairs):
            return {name: _bare(each) for name, each in pairs.items()}


class _Writer:
    def __init__(self, *, ordered: bool) -> None:
        self.ordered = ordered

    def document(self, root: Laid, rest: list[str]) -> list[str]:
        if not isinstance(root, Collection):
            return [self.inline(root, flow=False) or "null", *rest]
        names = [entry.key.value for entry in root.entries if entry.key is not None]
        kind = next((name for name in ("scenario", "workspace", "flow") if name in names), "")
        if not root.entries:
            return ["{}" if root.mapping else "[]", *rest]
        # What stands on top of the file is about the file, whichever key comes first.
        head, root.entries[0].before = root.entries[0].before, []
        return [*head, *self.entries(root, 0, kind), *rest]

    def entries(self, node: Collection, indent: int, kind: str) -> list[str]:
        """The lines of a collection in block form. `kind`: the key that it stands under."""
        pad, lines = " " * indent, list[str]()
        beside: dict[int, str] = {}
        for number, entry in enumerate(self.sorted(node, kind)):
            if entry.blank and number:
                lines.append("")
            self.settle(entry, f"{pad}-", kind)
            lines += [f"{pad}{comment}" for comment in entry.before]
            if entry.beside is not None:
                beside[len(lines)] = entry.beside
            lines += self.entry(entry, indent, kind)
        _lay_beside(lines, beside)
        return lines

    def settle(self, entry: Entry, lead: str, kind: str) -> None:
        """Of an item that begins on the line of its first entry: whose the comments there are."""
        value = entry.value
        if entry.key is not None or not isinstance(value, Collection) or value.anchor is not None:
            return
        if not self.fits(value, lead, kind):
            first = self.sorted(value, kind)[0]
            entry.before, first.before = [*entry.before, *first.before], []
            if first.beside is None:
                entry.beside, first.beside = None, entry.beside

    def sorted(self, node: Collection, kind: str) -> list[Entry]:
        order = _ORDERS.get(kind, ())
        if not node.mapping or not self.ordered:
            return node.entries
        place = {name: at for at, name in enumerate(order)}
        found = sorted(node.entries, key=lambda e: place.get(e.key.value if e.key else "", len(order)))
        if found and found != node.entries:
            # An empty line belongs to a place, not to the key that stood behind it.
            for entry, stood in zip(found, [each.blank for each in node.entries], strict=True):
                entry.blank = stood
        return found

    def entry(self, entry: Entry, indent: int, kind: str) -> list[str]:
        pad = " " * indent
        name = None if entry.key is None else self.inline(entry.key, flow=False)
        under = kind if name is None else (entry.key.value if entry.key is not None else "")
        lead = f"{pad}-" if name is None else f"{pad}{name}:"
        value = entry.value
        anchor = f" &{value.anchor}" if isinstance(value, Text | Collection) and value.anchor else ""
        if isinstance(value, Text) and (block := _literal(value)) is not None:
            inner = [f"{' ' * (indent + 2)}{line}" if line else "" for line in block[1]]
            return [f"{lead}{anchor} {block[0]}", *inner]
        if isinstance(value, Collection) and not self.fits(value, lead, under):
            lines = self.entries(value, indent + 2, under)
            if name is None and not anchor:
                return [f"{lead} {lines[0].lstrip()}", *lines[1:]]
            return [f"{lead}{anchor}", *lines]
        said = self.inline(value, flow=False, kind=under)
        if not said and name is None:
            said = "null"
        return [f"{lead} {said}" if said else lead]

    def fits(self, value: Collection, lead: str, kind: str) -> bool:
        """Whether it stays on its line: empty, or in braces, without comments, and short enough."""
        if not value.entries:
            return True
        if not value.flow or value.commented:
            return False
        said = self.inline(value, flow=False, kind=kind)
        return "\n" not in said and len(lead) + 1 + len(said) <= WIDTH

    def inline(self, node: Laid, *, flow: bool, kind: str = "") -> str:
        """A node on one line."""
        match node:
            case Alias():
                return f"*{node.name}"
            case Text():
                anchor = f"&{node.anchor} " if node.anchor else ""
                return f"{anchor}{_scalar(node, flow=flow)}".rstrip()
            case Collection():
                anchor = f"&{node.anchor} " if node.anchor else ""
                parts = [self.pair(entry, kind) for entry in self.sorted(node, kind)]
                opening, closing = "{}" if node.mapping else "[]"
                return f"{anchor}{opening}{', '.join(parts)}{closing}"

    def pair(self, entry: Entry, kind: str) -> str:
        if entry.key is None:
            return self.inline(entry.value, flow=True, kind=kind) or "null"
        said = self.inline(entry.value, flow=True, kind=entry.key.value) or "null"
        return f"{self.inline(entry.key, flow=True)}: {said}"


def _lay_beside(lines: list[str], comments: dict[int, str]) -> None:
    """Puts comments at the end of their lines, those of neighbouring lines below each other."""
    for first in [at for at in comments if at - 1 not in comments]:
        run = list(takewhile(comments.__contains__, count(first)))
        column = max(len(lines[at]) for at in run) + 3
        for at in run:
            lines[at] = f"{lines[at]:<{column}}{comments[at]}"


def _scalar(text: Text, *, flow: bool) -> str:
    """A scalar: plain where it reads as the same, else in quotes. Nothing is empty."""
    value = core_scalar(text.value) if text.plain else text.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str):
        return text.value
    return value if _plain(value, flow=flow) else _quoted(value)


def _plain(value: str, *, flow: bool) -> bool:
    """Whether a text can stand without quotes."""
    return (
        value.isprintable()
        and value == value.strip()
        and isinstance(core_scalar(value), str)
        and value[0] not in _UNSAFE_FIRST
        and _UNSAFE.search(value) is None
        and not (flow and any(each in ",[]{}" for each in value))
    )


def _quoted(value: str) -> str:
    """In double quotes; in single ones where that saves escapes."""
    if value.isprintable() and "'" not in value and ('"' in value or "\\" in value):
        return f"'{value}'"
    said = json.dumps(value, ensure_ascii=False)
    return "".join(each if each.isprintable() else _escaped(each) for each in said)


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _literal(text: Text) -> tuple[str, list[str]] | None:
    """A text of several lines as a block: its header and its lines; None if it must be quoted."""
    value = text.value
    body = value.removesuffix("\n")
    lines = body.split("\n")
    awkward = text.plain or "\n" not in value or body.endswith("\n") or not body.strip()
    if awkward or lines[0][:1] in {" ", ""} or not all(line.isprintable() for line in lines):
        return None
    return "|" if value.endswith("\n") else "|-", lines
