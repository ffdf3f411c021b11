"""Pages of the project, taken apart."""

import re
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["PAGES", "README", "ROOT", "Block", "blocks", "links"]

ROOT: Final = Path(__file__).resolve().parents[2]
README: Final = ROOT / "README.md"
PAGES: Final = (README, *sorted((ROOT / "docs").rglob("*.md")))
_BLOCK: Final = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK: Final = re.compile(r"\]\(([^)\s]+)\)")


class Block(NamedTuple):
    """A fenced block: its language, and what it says."""

    language: str
    text: str


def blocks(page: Path) -> list[Block]:
    """The page's fenced blocks, in order."""
    return [Block(*found.groups()) for found in _BLOCK.finditer(page.read_text(encoding="utf-8"))]


def links(page: Path) -> list[str]:
    """Where its links and pictures point, code left out."""
    return _LINK.findall(_BLOCK.sub("", page.read_text(encoding="utf-8")))
