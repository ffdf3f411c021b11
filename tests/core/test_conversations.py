"""Steps about a conversation: it is to be assigned."""

from schemas.types.commands import AssignConversation
from schemas.types.facts import ConversationAssignCommanded
from streams.core.program import Assign, Match
from streams.core.story import Story
from streams.core.testing import conversation, event, fact, given, message
from tests.core.flows import facts_of, flow


def assigned(story: Story) -> list[AssignConversation]:
    """The assignments that were commanded."""
    return [command for command in story.commands if isinstance(command, AssignConversation)]


def test_the_triggers_conversation_is_assigned_to_an_agent() -> None:
    """With the priority that the step states."""
    step = Assign("hand", agents=("ag-7",), priority="high")
    story = given(flow(step, triggers=(Match("message", "any"),)))
    story.when(message(conversation="c1"))
    (command,) = assigned(story)
    assert (command.agent, command.team, command.priority) == ("ag-7", None, "high")
    assert (command.channel, command.conversation, command.step) == ("whatsapp", "c1", "hand")
    story.then_some(fact(ConversationAssignCommanded, command=command.id, agent="ag-7"))


def test_without_one_the_last_is_assigned_to_a_team() -> None:
    """An event brings no conversation of its own."""
    story = given(flow(Assign("hand", team="orders")))
    story.when(conversation("opened", "c9"), event("go"))
    (command,) = assigned(story)
    assert (command.team, command.agent, command.conversation) == ("orders", None, "c9")


def test_with_no_conversation_at_all_nothing_is_commanded() -> None:
    """The fact says so."""
    story = given(flow(Assign("hand", team="orders")))
    story.when(event("go")).then_some(fact(ConversationAssignCommanded, conversation=None, channel=None))
    assert assigned(story) == []


def test_of_several_agents_a_contact_has_always_the_same() -> None:
    """By a hash; between them they have all contacts."""

    def agent_of(contact: str) -> str | None:
        story = given(flow(Assign("hand", agents=("a", "b", "c"))), contact=contact)
        story.when(conversation("opened", "c1"), event("go"), event("go"))
        first, again = facts_of(story, ConversationAssignCommanded)
        assert first.agent == again.agent
        return first.agent

    assert {agent_of(f"acme/c{n}") for n in range(24)} == {"a", "b", "c"}
