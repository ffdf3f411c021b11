"""The helper that stories are told with says what it found, and finds what is wrong."""

import pytest

from schemas.types.facts import InputNoted, JourneyStarted, MessageNoted, SendCommanded
from streams.core.testing import event, fact, given, message, stop, workspace
from tests.core.flows import flow, send


def test_then_takes_exactly_these_facts() -> None:
    """One too many, one too few, another field: an error that lists both."""
    story = given().when(message())
    story.then(fact(MessageNoted, direction="in"))
    with pytest.raises(AssertionError, match=r"expected:\n.*InputNoted.*\ncame:\n.*MessageNoted"):
        story.then(InputNoted)
    with pytest.raises(AssertionError):
        story.then(MessageNoted, MessageNoted)
    with pytest.raises(AssertionError):
        story.then(fact(MessageNoted, direction="out"))


def test_then_nothing_finds_something() -> None:
    """And the other way round."""
    given().when().then_nothing()
    with pytest.raises(AssertionError, match=r"expected:\n  nothing"):
        given().when(message()).then_nothing()
    with pytest.raises(AssertionError, match=r"came:\n  nothing"):
        given().when().then(MessageNoted)


def test_then_some_takes_facts_in_their_order() -> None:
    """Others may stand between them."""
    story = given(flow(send("hello"))).when(event("go"))
    story.then_some(JourneyStarted, fact(SendCommanded, step="hello"))
    with pytest.raises(AssertionError, match="in order"):
        story.then_some(SendCommanded, JourneyStarted)


def test_then_no_takes_none_of_a_kind() -> None:
    """Or says what came."""
    story = given().when(message()).then_no(InputNoted)
    with pytest.raises(AssertionError, match="no MessageNoted was expected"):
        story.then_no(MessageNoted)


def test_a_story_may_be_about_any_contact_of_any_workspace() -> None:
    """Flow commands are of that workspace."""
    story = given(settings=workspace(id="shop"), contact="shop/bob").when(stop(), message())
    assert story.state.contact == "shop/bob"
    assert story.registry.stopped("shop", "f", None)


def test_what_was_sent_must_have_been() -> None:
    """By any step, or by one."""
    with pytest.raises(AssertionError, match=r"nothing was sent$"):
        given().sent()
    with pytest.raises(AssertionError, match="nothing was sent by other"):
        given(flow(send("hello"))).when(event("go")).sent("other")
