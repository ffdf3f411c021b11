"""Reading a located tree: what every reader of a part of the grammar does.

A reader never stops at an error: it notes a finding, puts a stand-in where the value should be, and goes on.
A tree with errors is thrown away whole, so that no stand-in is ever used.
"""

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any, TypeVar

from streams.flows.finding import Finding
from streams.flows.parsing import scalars
from streams.flows.parsing.located import Items, Leaf, Node, Pairs, Place

__all__ = ["Fields", "Reading"]

T = TypeVar("T")
S = TypeVar("S", bound=str)


class Reading:
    """One file being read: its findings so far, and where each part of the tree stands."""

    def __init__(self, file: str) -> None:
        """Of a file by that name."""
        self.file = file
        self.findings: list[Finding] = []
        self.places: dict[tuple[int, str], Place] = {}
        """By the identity of a part of the tree and a field's name (empty: the part itself)."""

    def error(self, place: Place, code: str, message: str, advice: str) -> None:
        """Notes an error."""
        self.findings.append(
            Finding(
                file=self.file,
                line=place.line,
                column=place.column,
                code=code,
                severity="error",
                message=message,
                advice=advice,
            )
        )

    def locate(self, part: T, fields: "Fields | Node") -> T:
        """Remembers where a part of the tree and its fields stand; gives the part back."""
        node = fields.node if isinstance(fields, Fields) else fields
        self.places[id(part), ""] = node.place
        if isinstance(node, Pairs):
            for name, value in node.pairs.items():
                self.places[id(part), name] = value.place
        return part

    def fields(
        self,
        node: Node,
        what: str,
        known: Iterable[str],
        *,
        required: Iterable[str] = (),
        later: Iterable[str] = (),
    ) -> "Fields":
        """A mapping's fields, each key checked: unknown, not available yet, missing."""
        if not isinstance(node, Pairs):
            self.error(
                node.place,
                "ATT008",
                f"{what} is a mapping, here stands {_kind(node)}",
                f"Write it with keys: {', '.join(known)}",
            )
            return Fields(self, Pairs({}, {}, node.place), what, None)
        known, later = tuple(known), tuple(later)
        meant: set[str] = set()
        for name, place in node.keys.items():
            if name in later:
                meant.add(name)
                self.not_yet(place, f"`{name}` of {what}")
            elif name not in known:
                near = get_close_matches(name, (*known, *later), n=1)
                meant.update([name, *near])
                advice = f"Did you mean `{near[0]}`?" if near else f"Known are {', '.join(known)}"
                self.error(place, "ATT005", f"{what} has no `{name}`", advice)
        for name in required:
            if name not in node.pairs and name not in meant:
                self.error(node.place, "ATT007", f"{what} needs `{name}`", f"Add `{name}:`")
        return Fields(self, node, what, frozenset(meant))

    def not_yet(self, place: Place, what: str) -> None:
        """Notes what the grammar has and this version does not."""
        self.error(
            place,
            "ATT006",
            f"{what} is not available yet",
            "It is part of the grammar and comes in a later version; take it out for now",
        )

    def items(self, node: Node) -> tuple[Node, ...]:
        """A list's nodes; a single one may stand bare."""
        return node.items if isinstance(node, Items) else (node,)

    def scalar(self, node: Node, what: str, parse: Callable[[str], T], stand_in: T) -> T:
        """Text read by `parse`, whose ValueError becomes the finding."""
        text = self.text(node, what, also=(int, float))
        if text is None:
            return stand_in
        try:
            return parse(text)
        except ValueError as error:
            self.error(node.place, "ATT009", f"{what}: {text[:60]!r} cannot be read", _sentence(str(error)))
            return stand_in

    def text(self, node: Node, what: str, *, also: tuple[type, ...] = ()) -> str | None:
        """Text as it stands; None, with a finding, if it is none."""
        if isinstance(node, Leaf) and isinstance(node.value, str) and node.value.strip():
            return node.value
        if isinstance(node, Leaf) and type(node.value) in also:
            return str(node.value)
        self.error(
            node.place,
            "ATT008",
            f"{what} is text, here stands {_kind(node)}",
            "Write text, in quotes if need be",
        )
        return None

    def one_of(self, node: Node, what: str, choices: tuple[T, ...]) -> T:
        """One of a closed set of words."""
        value = node.value if isinstance(node, Leaf) else None
        for choice in choices:
            if value == choice and isinstance(value, str):
                return choice
        shown = repr(value) if isinstance(node, Leaf) else _kind(node)
        near = get_close_matches(str(value), [str(choice) for choice in choices], n=1)
        hint = f"Did you mean `{near[0]}`?" if near else f"Write one of {', '.join(map(str, choices))}"
        self.error(node.place, "ATT009", f"{what} cannot be {shown[:60]}", hint)
        return choices[0]

    def boolean(self, node: Node, what: str) -> bool:
        """True or false."""
        if isinstance(node, Leaf) and isinstance(node.value, bool):
            return node.value
        self.error(
            node.place, "ATT008", f"{what} is true or false, here stands {_kind(node)}", "Write true or false"
        )
        return False

    def integer(self, node: Node, what: str, least: int, most: int) -> int:
        """A whole number within bounds."""
        if isinstance(node, Leaf) and type(node.value) is int and least <= node.value <= most:
            return node.value
        shown = repr(node.value)[:60] if isinstance(node, Leaf) else _kind(node)
        self.error(
            node.place, "ATT009", f"{what} cannot be {shown}", f"Write a whole number from {least} to {most}"
        )
        return least

    def literal(self, node: Node, what: str) -> Any:
        """Text, a number, true or false."""
        if isinstance(node, Leaf) and node.value is not None:
            return node.value
        self.error(
            node.place,
            "ATT008",
            f"{what} is a single value, here stands {_kind(node)}",
            "Write text, a number, true or false; for nothing, ask `exists` or `empty`",
        )
        return ""

    def texts(self, node: Node, what: str) -> dict[str, str]:
        """Liquid, or a mapping from language to liquid; without a language under `*`."""
        if not isinstance(node, Pairs):
            return {"*": self.text(node, what, also=(int, float)) or ""}
        if not node.pairs:
            self.error(node.place, "ATT008", f"{what} has no language", "Write it as `it: …`")
        found = {}
        for name, value in node.pairs.items():
            language = (
                name
                if name == "*"
                else self.scalar(Leaf(name, node.keys[name]), f"a language of {what}", scalars.language, "en")
            )
            found[language] = self.text(value, f"{what} in {name}", also=(int, float)) or ""
        return found


class Fields:
    """The fields of one mapping, each read by a method of `Reading`; a default if it is not there."""

    def __init__(self, reading: Reading, node: Pairs, what: str, meant: frozenset[str] | None) -> None:
        """Of that mapping. `meant`: keys that a finding has named already; None: it is no mapping at all."""
        self.meant = meant
        self.reading = reading
        self.node = node
        self.what = what

    def __contains__(self, name: str) -> bool:
        """Whether the key stands there."""
        return name in self.node.pairs

    def __getitem__(self, name: str) -> Node:
        """Its value's node; a missing one is a null at the mapping's place, so that reading goes on."""
        return self.node.pairs.get(name, Leaf(None, self.node.place))

    def one_kind(
        self, kinds: tuple[S, ...], *, missing: tuple[str, str] | None = None, instead: tuple[str, ...] = ()
    ) -> S | None:
        """Which of these keys stands there; a finding and None for more than one.

        With `missing` (message, advice) for none as well, unless a finding has named one of them, or one of
        `instead`, already.
        """
        order = list(self.node.pairs)
        found = sorted((kind for kind in kinds if kind in self), key=order.index)
        if len(found) > 1:
            self.reading.error(
                self.node.keys[found[1]],
                "ATT010",
                f"{self.what} has both `{found[0]}` and `{found[1]}`",
                "Keep one of the two",
            )
        explained = self.meant is None or not self.meant.isdisjoint((*kinds, *instead))
        if not found and missing is not None and not explained:
            self.reading.error(self.node.place, "ATT007", *missing)
        return found[0] if len(found) == 1 else None

    def get(self, name: str, read: Callable[[Node, str], T], default: T) -> T:
        """The field read by `read(node, what)`; the default if it is not there."""
        if name not in self:
            return default
        return read(self[name], f"`{name}` of {self.what}")

    def scalar(self, name: str, parse: Callable[[str], T], default: T) -> T:
        """The field read by a scalar's parser."""
        return self.get(name, lambda node, what: self.reading.scalar(node, what, parse, default), default)

    def one_of(self, name: str, choices: tuple[T, ...], default: T) -> T:
        """The field, one of a closed set of words."""
        return self.get(name, lambda node, what: self.reading.one_of(node, what, choices), default)

    def boolean(self, name: str) -> bool:
        """The field, true or false; false if it is not there."""
        return self.get(name, self.reading.boolean, False)

    def text(self, name: str) -> str | None:
        """The field as text; None if it is not there."""
        return self.get(name, lambda node, what: self.reading.text(node, what, also=(int, float)), None)

    def each(self, name: str, read: Callable[[Node, str], T]) -> tuple[T, ...]:
        """The field as a list (a single one may stand bare), each read by `read(node, what)`."""
        if name not in self:
            return ()
        return tuple(read(node, f"`{name}` of {self.what}") for node in self.reading.items(self[name]))


def _kind(node: Node) -> str:  # noqa: PLR0911 - one a kind
    """What stands there, in an author's words."""
    match node:
        case Items():
            return "a list"
        case Pairs():
            return "a mapping"
        case Leaf(value=None):
            return "nothing"
        case Leaf(value=bool()):
            return "true or false"
        case Leaf(value=str(text)) if not text.strip():
            return "empty text"
        case Leaf(value=str()):
            return "text"
        case Leaf():
            return "a number"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
