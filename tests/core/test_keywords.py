"""Flows that look for what a message says: words, patterns."""

import pytest
import re2

from schemas.types.facts import JourneyEnded, JourneyStarted
from streams.core.folding import words
from streams.core.program import Match
from streams.core.testing import DAY, given, message
from tests.core.flows import facts_of, flow, pause_for


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Dov'è il mio ORDINE?", True),
        ("ordine", True),
        ("ordinè!", True),
        ("riordine", False),
        ("ordini", False),
        ("voglio parlare con un   operatore", True),
        ("parlare a un operatore", False),
        ("???", False),
    ],
)
def test_a_keyword_is_whole_words_without_case_and_accents(text: str, *, said: bool) -> None:
    """Of several, any."""
    match = Match("message", "any", keywords=(words("Ordine"), words("parlare con un operatore")))
    story = given(flow(pause_for(DAY), triggers=(match,)))
    story.when(message(text))
    assert bool(facts_of(story, JourneyStarted)) is said


def test_a_pattern_is_found_anywhere_in_the_text() -> None:
    """As it is written: case counts unless the pattern says otherwise."""
    match = Match("message", "any", pattern=re2.compile("ORD-[0-9]+"))
    story = given(flow(pause_for(DAY), exits=(match,), triggers=(Match("message", "first"),)))
    story.when(message("ord-12"))
    assert facts_of(story, JourneyStarted)
    story.when(message("x ord-12"))
    assert not facts_of(story, JourneyEnded)
    story.when(message("il mio ORD-12, grazie"))
    assert facts_of(story, JourneyEnded)[0].reason == "exit"


def test_words_of_nothing_are_none() -> None:
    """No text says them."""
    assert words("?!") == ""
    assert words(" È  finito. ") == " e finito "
