"""Steps that change what is known: tags, attributes, variables."""

from schemas.types.facts import (
    ContactChanged,
    JourneyEnded,
    JourneyStarted,
    SendCommanded,
    VariablesSet,
)
from streams.core.program import (
    END,
    Assignment,
    Enter,
    FromNow,
    Match,
    Reference,
    SetValues,
    Tag,
)
from streams.core.state import MAX_ATTRIBUTE_BYTES, MAX_TAGS
from streams.core.testing import DAY, MINUTE, event, fact, given, passes, start, update
from tests.core.flows import asks, branch, facts_of, flow, pause_for, send


def test_a_tag_is_added_and_another_taken_away() -> None:
    """A fact with journey and step; tags that are there, or are not, change nothing."""
    story = given(flow(Tag("mark", add=("vip", "new"), next=1), Tag("clear", remove=("old", "gone"))))
    story.when(update(tags_added=["old", "new"]), event("go"))
    marked, cleared = facts_of(story, ContactChanged)[1:]
    assert (marked.tags_added, marked.tags_removed, marked.step, marked.visit) == (["vip"], [], "mark", 1)
    assert (cleared.tags_added, cleared.tags_removed, cleared.step) == ([], ["old"], "clear")
    assert marked.journey == cleared.journey is not None
    assert story.state.tags == ("new", "vip")


def test_a_tag_that_does_not_fit_is_refused_by_name() -> None:
    """The journey goes on."""
    story = given(flow(Tag("mark", add=("one-more",), next=1), send("hello")))
    story.when(update(tags_added=[f"t{n:03}" for n in range(MAX_TAGS)]), event("go"))
    story.then_some(
        fact(ContactChanged, refused=["one-more"], tags_added=[]), fact(SendCommanded, step="hello")
    )


def test_a_tag_that_a_step_adds_is_looked_for_once_the_steps_are_taken() -> None:
    """Exit rules first, then triggers; the flow's own journey too."""
    marks = flow(Tag("mark", add=("vip",), next=1), pause_for(DAY), exits=(Match("tag_added", "vip"),))
    greets = flow(send("hello"), name="greets", triggers=(Match("tag_added", "vip"),), enter=Enter("always"))
    story = given(marks, greets)
    story.when(event("go"))
    kinds = [type(found).__name__ for found in story.facts]
    assert kinds.index("TimerSet") < kinds.index("JourneyEnded") < kinds.index("SendCommanded")
    assert facts_of(story, JourneyEnded)[0].reason == "exit"
    assert facts_of(story, JourneyStarted)[1].trigger == "tag_added"


def test_two_tags_of_one_step_start_two_journeys_of_their_own() -> None:
    """Their ids are not the same, though one input made both."""
    marks = flow(Tag("mark", add=("a", "b")))
    greets = flow(
        pause_for(DAY),
        name="greets",
        triggers=(Match("tag_added", "a"), Match("tag_added", "b")),
        enter=Enter("always"),
    )
    story = given(marks, greets)
    story.when(event("go"))
    started = [found.journey for found in facts_of(story, JourneyStarted) if found.flow == "greets"]
    assert len(set(started)) == 2
    assert len(story.state.journeys) == 2


def test_flows_that_tag_in_a_ring_come_to_an_end() -> None:
    """The bound of steps that one input may take holds over all of them."""
    one = flow(Tag("a", remove=("x",), next=1), Tag("b", add=("y",)), triggers=(Match("tag_added", "x"),))
    other = flow(
        Tag("c", remove=("y",), next=1),
        Tag("d", add=("x",)),
        name="other",
        triggers=(Match("tag_added", "y"),),
        enter=Enter("always"),
    )
    story = given(one, other)
    story.when(update(tags_added=["x"]))
    assert facts_of(story, JourneyEnded)[-1].reason == "step_limit"
    assert story.state.journeys == {}


def test_set_takes_literals_references_and_moments() -> None:
    """In order: a later value sees the earlier ones; values stand in `sealed` alone."""
    values = (
        Assignment("var", "n", 3),
        Assignment("var", "copy", Reference("var", "n")),
        Assignment("attribute", "city", Reference("property", "city")),
        Assignment("var", "where", Reference("attribute", "city")),
        Assignment("attribute", "until", FromNow(2 * DAY)),
    )
    story = given(flow(SetValues("note", values, 1), pause_for(MINUTE)))
    story.when(event("go", city="Forlì"))
    changed, variables = facts_of(story, ContactChanged)[0], facts_of(story, VariablesSet)[0]
    assert changed.set == ["city", "until"]
    assert changed.sealed == {"attributes": {"city": "Forlì", "until": "2026-03-04T10:00:00+00:00"}}
    assert (variables.set, variables.step) == (["copy", "n", "where"], "note")
    assert variables.sealed == {"vars": {"n": 3, "copy": 3, "where": "Forlì"}}
    (journey,) = story.state.journeys.values()
    assert journey.vars == {"n": 3, "copy": 3, "where": "Forlì"}
    assert story.state.attributes["city"] == "Forlì"


def test_what_is_set_is_asked_later() -> None:
    """By conditions of the journey."""
    story = given(
        flow(
            SetValues("note", (Assignment("var", "step", "second"),), 1),
            branch(asks("var", "step", "equals", "second"), 2),
            send("hello"),
        )
    )
    story.when(event("go")).then_some(fact(SendCommanded, step="hello"))


def test_a_value_that_is_missing_takes_the_name_away() -> None:
    """Attribute and variable alike; one that was not there is not named."""
    values = (
        Assignment("attribute", "city", Reference("property", "gone")),
        Assignment("attribute", "never", Reference("property", "gone")),
        Assignment("var", "v", Reference("var", "gone")),
    )
    story = given(flow(SetValues("note", values, 1), pause_for(MINUTE)))
    story.when(update(attributes={"city": "Roma"}), start("f", vars={"v": 1}))
    story.then_some(
        fact(ContactChanged, unset=["city"], set=[], sealed=None),
        fact(VariablesSet, unset=["v"], set=[], sealed=None),
    )
    assert story.state.attributes == {}
    assert next(iter(story.state.journeys.values())).vars == {}


def test_a_value_that_does_not_fit_is_refused_by_name() -> None:
    """The one that is there stays."""
    big = "x" * MAX_ATTRIBUTE_BYTES
    values = (Assignment("attribute", "a", big), Assignment("var", "v", big))
    story = given(flow(SetValues("note", values, 1), pause_for(MINUTE)))
    story.when(update(attributes={"a": "small"}), start("f", vars={"v": 1}))
    story.then_some(fact(ContactChanged, refused=["a"]), fact(VariablesSet, refused=["v"]))
    assert story.state.attributes == {"a": "small"}
    assert next(iter(story.state.journeys.values())).vars == {"v": 1}
    story.when(passes(MINUTE)).then_some(fact(JourneyEnded, reason="completed"))


def test_the_end_follows() -> None:
    """A step that is the last one ends its journey."""
    story = given(flow(Tag("mark", add=("vip",), next=END)))
    story.when(event("go")).then_some(fact(JourneyEnded, reason="completed"))


def test_a_step_that_sets_attributes_alone_says_nothing_of_variables() -> None:
    """One fact for each kind that it sets."""
    story = given(flow(SetValues("note", (Assignment("attribute", "a", 1),))))
    story.when(event("go")).then_some(fact(ContactChanged, set=["a"]))
    assert facts_of(story, VariablesSet) == []
