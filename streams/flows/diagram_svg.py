"""A flow's picture as SVG: from top to bottom, ways side by side, nothing over anything else.

Flows are blocks within blocks, so a card's ways stand next to each other and meet again below: each block
takes a rectangle of its own, and no line crosses a card. Lengths are in CSS pixels. Fonts are the reader's,
so widths are estimated, rather too wide than too narrow.
"""

import unicodedata
from collections.abc import Iterator
from typing import Final
from xml.sax.saxutils import escape, quoteattr

import msgspec

from streams.flows.diagram import Card, Lane, Picture

__all__ = ["svg", "text_width", "wrapped"]

CARD: Final = 270
PAD: Final = 12
GAP: Final = 34
BETWEEN: Final = 30
MARGIN: Final = 28
LINE: Final = 17
LABEL_WIDTH: Final = 170
LEAST: Final = 560
"""The narrowest picture: its notes want room."""
_NARROW = frozenset("ijl.,:;'|!()[]{}It‘’“”·-/f ")
_WIDE = frozenset("mwMWOQ@%—…")

_STYLE = """
  text { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #1c2733 }
  text.flow { font-size: 21px; font-weight: 700 } text.name { font-size: 14px; font-weight: 600 }
  text.head, text.more, text.word, text.way-label { font-size: 12.5px }
  text.head { fill: #3f5266 } text.more { fill: #35414d } text.word { fill: #5b6d7f }
  text.way-label { fill: #24435f; font-weight: 600 }
  .paper, .label rect { fill: #ffffff }
  .way { fill: none; stroke: #64788b; stroke-width: 1.5 } .tip { marker-end: url(#tip) }
  .box { fill: #ffffff; stroke: #64788b; stroke-width: 1.4 }
  .notes .box { fill: #f6f8fa; stroke: #d5dde4 } .trigger .box { fill: #e9f5ec; stroke: #3c8a55 }
  .send .box { fill: #e8f1fb; stroke: #3a76b5 }
  .wait .box, .customer_response .box { fill: #fdf3dc; stroke: #b98416 }
  .if .box { fill: #f1ecfa; stroke: #7d5fb2 } .close_conversation .box { fill: #eef1f4 }
  .end .box, .over .box { fill: #34424f; stroke: #34424f }
  .end text, .over text { fill: #ffffff }
""".strip("\n")
_TIP = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
    'orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="#64788b"/></marker></defs>'
)


def text_width(text: str, size: float = 13, *, bold: bool = False) -> float:
    """About how wide a text is drawn, px: no font that readers have is much wider."""
    ems = 0.0
    for character in text:
        if character in _NARROW:
            ems += 0.38
        elif character in _WIDE or unicodedata.east_asian_width(character) in "WF":
            ems += 1.0
        else:
            ems += 0.72 if character.isupper() else 0.61
    return ems * size * (1.08 if bold else 1)


def wrapped(text: str, width: float, size: float = 13, *, bold: bool = False, most: int = 4) -> list[str]:
    """The text in lines no wider than that; at most so many, the last one then ends in `…`."""
    lines, line = [], ""
    for word in _words(text, width, size, bold=bold):
        longer = f"{line} {word}" if line else word
        if line and text_width(longer, size, bold=bold) > width:
            lines.append(line)
            longer = word
        line = longer
    lines.append(line)
    if len(lines) <= most:
        return lines
    last = lines[most - 1]
    while last and text_width(last + "…", size, bold=bold) > width:
        last = last[:-1]
    return [*lines[: most - 1], last.rstrip() + "…"]


def _words(text: str, width: float, size: float, *, bold: bool) -> Iterator[str]:
    """The words, cut where one alone is too wide."""
    for word in text.split():
        rest = word
        while text_width(rest, size, bold=bold) > width:
            cut = len(rest)
            while cut > 1 and text_width(rest[:cut], size, bold=bold) > width:
                cut -= 1
            yield rest[:cut]
            rest = rest[cut:]
        if rest:
            yield rest


class _Text(msgspec.Struct, frozen=True):
    kind: str
    text: str


class _Block(msgspec.Struct, frozen=True):
    """Cards below each other around one axis: how far they reach to its left and right, and down."""

    cards: tuple["_Laid", ...]
    left: float
    right: float
    height: float


class _Way(msgspec.Struct, frozen=True):
    """A lane with room for its label; `axis` counts from the card's axis."""

    lane: Lane
    label: list[str]
    block: _Block
    axis: float

    @property
    def label_height(self) -> float:
        return len(self.label) * LINE + 8


class _Laid(msgspec.Struct, frozen=True):
    """A card with its text wrapped and its ways laid out below it."""

    card: Card
    width: float
    own: float
    """The height of the card alone."""
    text: tuple[_Text, ...]
    ways: tuple[_Way, ...]
    left: float
    right: float
    height: float


def _lay(card: Card) -> _Laid:
    inner = CARD - 2 * PAD
    width: float = CARD
    if card.kind == "end":
        text = [_Text("head", line) for line in wrapped(card.head, inner, 12.5, most=2)]
        width = max(text_width(each.text, 12.5) for each in text) + 4 * PAD
    else:
        text = [_Text("head", line) for line in wrapped(card.head, inner, 12.5, most=5)]
        text += [_Text("name", line) for line in wrapped(card.title, inner, 14, bold=True, most=2)]
        text += [_Text("more", part) for line in card.lines for part in wrapped(line, inner, 12.5, most=3)]
    own = len(text) * LINE + 2 * PAD - 4
    ways = tuple(_spread([_way(lane) for lane in card.lanes]))
    left = max([width / 2, *(way.block.left - way.axis for way in ways)])
    right = max([width / 2, *(way.block.right + way.axis for way in ways)])
    below = max((GAP + way.label_height + way.block.height + GAP / 2 for way in ways), default=0)
    return _Laid(card, width, own, tuple(text), ways, left, right, own + below)


def _way(lane: Lane) -> _Way:
    label = wrapped(lane.label, LABEL_WIDTH, 12.5, bold=True, most=4)
    half = max(text_width(line, 12.5, bold=True) for line in label) / 2 + 6
    block = _stack(lane.cards)
    roomy = _Block(block.cards, max(block.left, half), max(block.right, half), block.height)
    return _Way(lane, label, roomy, 0)


def _spread(ways: list[_Way]) -> Iterator[_Way]:
    """The ways side by side, the card above the middle between the first and the last."""
    if not ways:
        return
    axes, x = [], 0.0
    for way in ways:
        axes.append(x + way.block.left)
        x += way.block.left + way.block.right + BETWEEN
    middle = (axes[0] + axes[-1]) / 2
    for way, axis in zip(ways, axes, strict=True):
        yield _Way(way.lane, way.label, way.block, axis - middle)


def _stack(cards: tuple[Card, ...]) -> _Block:
    laid = tuple(_lay(card) for card in cards)
    height = sum(each.height for each in laid) + GAP * max(0, len(laid) - 1)
    left = max((each.left for each in laid), default=0)
    right = max((each.right for each in laid), default=0)
    return _Block(laid, left, right, height)


def svg(picture: Picture) -> str:
    """The picture as an SVG document, on white."""
    block = _stack(picture.cards)
    width = max(block.left + block.right, LEAST) + 2 * MARGIN
    axis = MARGIN + block.left + max(0.0, (width - 2 * MARGIN - block.left - block.right) / 2)
    drawing = _Drawing()
    y = drawing.header(picture, width)
    y = drawing.trigger(picture, axis, y, width)
    drawing.way(f"M{axis:g},{y:g} V{y + GAP:g}", tip=True)
    y = drawing.block(block, axis, y + GAP)
    if picture.goes_on:
        drawing.way(f"M{axis:g},{y:g} V{y + GAP:g}", tip=True)
        y = drawing.over(axis, y + GAP)
    height = y + MARGIN
    size = f'width="{width:.0f}" height="{height:.0f}"'
    label = quoteattr(f"The flow {picture.title}")
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} viewBox="0 0 {width:.0f} {height:.0f}"',
        f' role="img" aria-label={label}>',
        f"<title>{escape(picture.title)}</title>",
        f"<style>\n{_STYLE}\n</style>",
        _TIP,
        f'<rect class="paper" {size}/>',
        *drawing.lines,
        *drawing.shapes,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


class _Drawing:
    """What has been drawn so far: lines below, shapes over them."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.shapes: list[str] = []

    def way(self, path: str, *, tip: bool = False) -> None:
        self.lines.append(f'<path class="way{" tip" if tip else ""}" d="{path}"/>')

    def text(self, kind: str, x: float, y: float, text: str, *, middle: bool = False) -> None:
        anchor = ' text-anchor="middle"' if middle else ""
        self.shapes.append(f'<text class="{kind}" x="{x:g}" y="{y:g}"{anchor}>{escape(text)}</text>')

    def box(self, x: float, y: float, width: float, height: float, radius: float) -> None:
        self.shapes.append(
            f'<rect class="box" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{radius:g}"/>'
        )

    def header(self, picture: Picture, width: float) -> float:
        """Title and notes; where what follows may begin."""
        y = MARGIN + 12.0
        for line in wrapped(picture.title, width - 2 * MARGIN, 21, bold=True, most=2):
            self.text("flow", MARGIN, y, line)
            y += 26
        if picture.title != picture.flow:
            self.text("word", MARGIN, y - 4, picture.flow)
            y += 16
        words = max(text_width(f"{word}:", 12.5) for word, _ in picture.notes) + 10
        inner = min(width - 2 * MARGIN, 900) - 2 * PAD
        rows = [(word, wrapped(said, inner - words, 12.5)) for word, said in picture.notes]
        height = sum(len(lines) for _, lines in rows) * LINE + 2 * PAD - 4
        self.shapes.append('<g class="notes">')
        self.box(MARGIN, y, inner + 2 * PAD, height, 8)
        at = y + PAD + 10
        for word, lines in rows:
            self.text("word", MARGIN + PAD, at, f"{word}:")
            for line in lines:
                self.text("more", MARGIN + PAD + words, at, line)
                at += LINE
        self.shapes.append("</g>")
        return y + height + GAP * 0.7

    def trigger(self, picture: Picture, axis: float, y: float, width: float) -> float:
        """What starts a journey; its lower edge."""
        room = min(axis - MARGIN, width - MARGIN - axis, 220) * 2 - 2 * PAD
        lines = [part for each in picture.triggers for part in wrapped(each, room, 14, bold=True)]
        wide = max(text_width(line, 14, bold=True) for line in [*lines, "starts on"]) + 2 * PAD
        height = (len(lines) + 1) * LINE + 2 * PAD - 4
        self.shapes.append('<g class="trigger">')
        self.box(axis - wide / 2, y, wide, height, 16)
        self.text("head", axis, y + PAD + 10, "starts on", middle=True)
        for number, line in enumerate(lines, 1):
            self.text("name", axis, y + PAD + 10 + number * LINE, line, middle=True)
        self.shapes.append("</g>")
        return y + height

    def over(self, axis: float, y: float) -> float:
        """Where a journey that has run through all of it ends; its lower edge."""
        self.shapes.append('<g class="over">')
        self.box(axis - 34, y, 68, 30, 15)
        self.text("head", axis, y + 19, "done", middle=True)
        self.shapes.append("</g>")
        return y + 30

    def block(self, block: _Block, axis: float, y: float) -> float:
        """The cards of a block, from y on; where it ends."""
        for number, laid in enumerate(block.cards):
            if number:
                self.way(f"M{axis:g},{y:g} V{y + GAP:g}", tip=True)
                y += GAP
            y = self.card(laid, axis, y)
        return y

    def card(self, laid: _Laid, axis: float, y: float) -> float:
        card = laid.card
        self.shapes.append(f'<g class="card {card.kind}" data-step={quoteattr(card.step)}>')
        self.shapes.append(f"<title>{escape(f'{card.step}: {card.head}')}</title>")
        radius = 15 if card.kind == "end" else 8
        self.box(axis - laid.width / 2, y, laid.width, laid.own, radius)
        for number, each in enumerate(laid.text):
            middle = card.kind == "end"
            x = axis if middle else axis - laid.width / 2 + PAD
            self.text(each.kind, x, y + PAD + 10 + number * LINE, each.text, middle=middle)
        self.shapes.append("</g>")
        bottom, meet = y + laid.own, y + laid.height
        for way in laid.ways:
            self.lane(way, axis, axis + way.axis, bottom, meet)
        return meet if laid.ways else bottom

    def lane(self, way: _Way, axis: float, x: float, top: float, meet: float) -> None:
        """One way from the card's lower edge down to where the ways meet, or to where it ends."""
        bus = top + GAP / 2
        start = top + GAP + way.label_height
        label_y = top + GAP * 0.75
        self.way(f"M{axis:g},{top:g} V{bus:g} H{x:g} V{start:g}", tip=bool(way.block.cards))
        self.shapes.append('<g class="label">')
        wide = max(text_width(line, 12.5, bold=True) for line in way.label)
        self.shapes.append(
            f'<rect x="{x - wide / 2 - 3:g}" y="{label_y:g}" width="{wide + 6:g}" '
            f'height="{len(way.label) * LINE:g}"/>'
        )
        for number, line in enumerate(way.label):
            self.text("way-label", x, label_y + 12 + number * LINE, line, middle=True)
        self.shapes.append("</g>")
        end = self.block(way.block, x, start)
        if way.lane.goes_on:
            self.way(f"M{x:g},{end:g} V{meet:g} H{axis:g}")
