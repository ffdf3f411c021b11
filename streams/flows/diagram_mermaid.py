"""A flow's picture as a Mermaid flowchart, for pages that draw it themselves."""

from streams.flows.diagram import Card, Picture

__all__ = ["mermaid"]

_SHAPES = {
    "send": ("[", "]"),
    "wait": ("([", "])"),
    "customer_response": ("([", "])"),
    "if": ("{{", "}}"),
    "close_conversation": ("[", "]"),
    "end": ("((", "))"),
}
_OTHER = ("[", "]")


def mermaid(picture: Picture) -> str:
    """The picture as Mermaid source; triggers on top, notes as comments and in a card of their own."""
    drawing = _Drawing()
    lines = ["---", f"title: {_title(picture.title)}", "---", "flowchart TD"]
    starts = "<br>".join(["starts on", *map(_text, picture.triggers)])
    drawing.lines.append(f'start(["{starts}"])')
    notes = "<br>".join(_text(f"{word}: {said}") for word, said in picture.notes)
    drawing.lines.append(f'notes>"{notes}"]')
    ends = drawing.block(picture.cards, [("start", "")])
    if picture.goes_on:
        drawing.lines.append('done(["done"])')
        drawing.join(ends, "done")
    return "\n".join([*lines, *(f"  {line}" for line in drawing.lines), ""])


def _text(text: str) -> str:
    """As Mermaid takes it between double quotes."""
    escaped = text.replace("&", "#amp;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")
    return escaped.replace("`", "#96;")


def _title(title: str) -> str:
    return '"' + title.replace("\\", "\\\\").replace('"', '\\"') + '"'


class _Drawing:
    """Nodes and edges so far. A loose end is a node and the label of the edge that leaves it."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.count = 0

    def join(self, ends: list[tuple[str, str]], node: str) -> None:
        for source, label in ends:
            said = f'|"{_text(label)}"|' if label else ""
            self.lines.append(f"{source} -->{said} {node}")

    def block(self, cards: tuple[Card, ...], ends: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """The cards one after the other; the loose ends behind the last."""
        for card in cards:
            name = f"s{self.count}"
            self.count += 1
            opening, closing = _SHAPES.get(card.kind, _OTHER)
            said = [card.head] if card.kind == "end" else [card.title, card.head, *card.lines]
            self.lines.append(f'{name}{opening}"{"<br>".join(map(_text, said))}"{closing}')
            self.join(ends, name)
            if card.lanes:
                ends = [end for lane in card.lanes for end in self.block(lane.cards, [(name, lane.label)])]
            else:
                ends = [] if card.kind == "end" else [(name, "")]
        return ends
