"""What is known of a contact: changed by inputs, bounded, its values sealed."""

from schemas.types.facts import ContactChanged, ConversationNoted
from streams.core.testing import conversation, event, fact, given, message, update, workspace
from tests.core.flows import flow, send


def test_attributes_tags_and_addresses_change() -> None:
    """Names stand in the fact, values are sealed."""
    story = given().when(
        update(
            attributes={"name": "Anna", "age": 7}, tags_added=["vip"], addresses={"sms": "+39"}, language="it"
        )
    )
    story.then(
        fact(
            ContactChanged,
            set=["age", "name"],
            tags_added=["vip"],
            channels=["sms"],
            language="it",
            sealed={"attributes": {"age": 7, "name": "Anna"}, "addresses": {"sms": "+39"}},
        )
    )
    state = story.state
    assert (state.attributes, state.tags, state.addresses) == (
        {"age": 7, "name": "Anna"},
        ("vip",),
        {"sms": "+39"},
    )


def test_they_can_be_taken_away() -> None:
    """By name; an empty address; an attribute set to nothing."""
    story = given().when(
        update(attributes={"a": 1, "b": 2, "c": 3}, tags_added=["x", "y"], addresses={"sms": "1"})
    )
    story.when(
        update(attributes={"b": None}, unset=["a", "z"], tags_removed=["x", "z"], addresses={"sms": ""})
    )
    story.then(fact(ContactChanged, set=[], unset=["a", "b"], tags_removed=["x"], channels=["sms"]))
    assert (story.state.attributes, story.state.tags, story.state.addresses) == ({"c": 3}, ("y",), {})


def test_what_is_set_and_unset_at_once_is_set() -> None:
    """The value counts."""
    story = given().when(update(attributes={"a": 1}), update(attributes={"a": 2}, unset=["a"]))
    assert story.state.attributes == {"a": 2}


def test_attributes_beyond_sixteen_kilobytes_are_refused_by_name() -> None:
    """What fits is kept, in the order of names; a value that is there can be replaced."""
    story = given().when(update(attributes={"a": "x" * 10_000, "b": "y" * 10_000, "c": 1}))
    story.then(fact(ContactChanged, set=["a", "c"], refused=["b"]))
    story.when(update(attributes={"a": "x", "b": "y" * 10_000})).then(fact(ContactChanged, set=["a", "b"]))


def test_tags_and_addresses_beyond_their_number_are_refused_by_name() -> None:
    """100 tags, 16 addresses, 512 characters."""
    story = given().when(update(tags_added=[f"t{number:03}" for number in range(101)]))
    story.then(fact(ContactChanged, refused=["t100"]))
    story.when(update(tags_added=["new", "x" * 600, ""], tags_removed=["t000"]))
    story.then(fact(ContactChanged, tags_added=["new"], refused=["", "x" * 512]))
    assert len(story.state.tags) == 100
    story.when(update(addresses={f"c{number:02}": "a" for number in range(17)} | {"c00": "b" * 600}))
    assert len(story.state.addresses) == 16
    story.when(update(addresses={"late": "x", "c01": "z"})).then(
        fact(ContactChanged, channels=["c01"], refused=["late"])
    )
    story.when(update(addresses={"y" * 600: "x"})).then(
        fact(ContactChanged, channels=[], refused=["y" * 512])
    )


def test_an_unknown_zone_or_language_is_refused() -> None:
    """The old one stays."""
    story = given().when(update(zone="Europe/Rome", language="it"))
    story.when(update(zone="../../etc/passwd", language="")).then(
        fact(ContactChanged, zone=None, language=None, refused=["zone", "language"])
    )
    assert (story.state.zone, story.state.language) == ("Europe/Rome", "it")


def test_a_contact_without_a_language_or_a_zone_has_the_workspaces() -> None:
    """Until it says its own."""
    story = given(flow(send("hello")), settings=workspace(zone="Asia/Tokyo", language="ja")).when(event("go"))
    assert (story.sent().language, story.sent().variables["contact.zone"]) == ("ja", "Asia/Tokyo")
    story.when(update(language="it", zone="Europe/Rome"), event("go"))
    assert (story.sent().language, story.sent().variables["contact.zone"]) == ("it", "Europe/Rome")


def test_conversations_are_noted_and_the_last_of_a_channel_remembered() -> None:
    """Opened, assigned to whom, closed."""
    story = given().when(
        conversation("opened", "c1"), conversation("assigned", "c1"), conversation("closed", "c1")
    )
    story.then(
        fact(ConversationNoted, event="opened", channel="whatsapp", conversation="c1"),
        fact(ConversationNoted, event="assigned"),
        fact(ConversationNoted, event="closed"),
    )
    assert not story.state.conversations["whatsapp"].open


def test_a_message_opens_its_conversation() -> None:
    """Where the platform says nothing of it."""
    story = given().when(message(conversation="c9"))
    assert story.state.conversations["whatsapp"].open
    assert story.state.conversations["whatsapp"].id == "c9"
