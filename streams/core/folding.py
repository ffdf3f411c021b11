"""Folding: the one way in which text is compared without case and accents."""

import unicodedata

__all__ = ["bare", "fold"]


def fold(text: str) -> str:
    """Text without case, accents and surrounding space: `È FINITO` and `e finito` are the same."""
    return " ".join(bare(text.casefold()).split())


def bare(text: str) -> str:
    """Text without accents, its case and spaces as they are: so a pattern is made before it is compiled."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(character for character in decomposed if not unicodedata.combining(character))
