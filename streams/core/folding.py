"""Folding: the one way in which text is compared without case and accents."""

import re
import unicodedata

__all__ = ["bare", "fold", "words"]

_WORD = re.compile(r"\w+")


def fold(text: str) -> str:
    """Text without case, accents and surrounding space: `È FINITO` and `e finito` are the same."""
    return " ".join(bare(text.casefold()).split())


def words(text: str) -> str:
    """The words of a text, folded, a space before and behind each: ` e finito `. Empty if it has none.

    Whether a text says something, whole words in order, is whether this of the one is in this of the other.
    """
    found = _WORD.findall(fold(text))
    return f" {' '.join(found)} " if found else ""


def bare(text: str) -> str:
    """Text without accents, its case and spaces as they are: so a pattern is made before it is compiled."""
    if text.isascii():
        return text
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(character for character in decomposed if not unicodedata.combining(character))
