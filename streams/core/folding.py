"""Folding: the one way in which text is compared without case and accents."""

import unicodedata

__all__ = ["fold"]


def fold(text: str) -> str:
    """Text without case, accents and surrounding space: `È FINITO` and `e finito` are the same."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(character for character in decomposed if not unicodedata.combining(character))
    return " ".join(bare.split())
