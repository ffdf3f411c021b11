"""The ready flows, compiled and lived through by the core: each does what its seed says."""

from streams.core.testing import (
    HOUR,
    MINUTE,
    SECOND,
    START,
    Story,
    agent_message,
    consent,
    conversation,
    event,
    given,
    message,
    outcome,
    passes,
    update,
)
from streams.flows import compile_definition, compile_workspace, workspace_definition
from streams.flows.definition import Templates, read_definition
from streams.flows.files import LIBRARY, lint, read_workspace_file, ready_flows
from streams.flows.templates import render

WORKSPACE = read_workspace_file(LIBRARY / "workspace.yaml")[0]
SETTINGS = compile_workspace(workspace_definition(WORKSPACE))
GRACE = 11 * SECOND


def story_of(name: str) -> Story:
    """The ready flow, published on the example workspace."""
    text = lint(ready_flows()[name] / "flow.yaml", WORKSPACE).publishable({})[1]
    return given(compile_definition("acme", text), settings=SETTINGS)


def templates_of(name: str) -> Templates:
    """Its templates, as the dispatcher has them."""
    return read_definition(lint(ready_flows()[name] / "flow.yaml", WORKSPACE).publishable({})[1]).templates


def sent(story: Story) -> list[str]:
    """The templates that were commanded, in order."""
    return [command.template or "" for command in story.commands if hasattr(command, "template")]


def test_nudge_and_close_to_its_end() -> None:
    """Silence for an hour: a nudge; five minutes more: a goodbye, and the conversation is closed."""
    story = story_of("nudge-after-reply")
    story.when(agent_message(conversation="c1"), passes(59 * MINUTE))
    assert sent(story) == []
    story.when(passes(1 * MINUTE + GRACE))
    assert sent(story) == ["ancora-aperta"]
    story.when(outcome("accepted"), passes(5 * MINUTE + GRACE))
    assert sent(story) == ["ancora-aperta", "chiudiamo"]
    (closed,) = story.closed()
    assert closed.conversation == "c1"


def test_nudge_and_close_answered_in_the_first_hour() -> None:
    """The customer writes: nothing is sent."""
    story = story_of("nudge-after-reply")
    story.when(
        agent_message(conversation="c1"), passes(30 * MINUTE), message(conversation="c1"), passes(4 * HOUR)
    )
    assert sent(story) == []
    assert story.closed() == []


def test_nudge_and_close_answered_after_the_nudge() -> None:
    """The condition ends it: no goodbye, no close."""
    story = story_of("nudge-after-reply")
    story.when(agent_message(conversation="c1"), passes(HOUR + GRACE), outcome("accepted"))
    story.when(message(conversation="c1"), passes(4 * HOUR))
    assert sent(story) == ["ancora-aperta"]
    assert story.closed() == []


def test_nudge_and_close_ends_when_somebody_else_closes() -> None:
    """The exit rule: a closed conversation is not nudged."""
    story = story_of("nudge-after-reply")
    story.when(agent_message(conversation="c1"), conversation("closed", "c1"), passes(4 * HOUR))
    assert sent(story) == []


def test_nudge_and_close_of_the_seed_starts_on_the_customers_message() -> None:
    """The variant that the seed has: after one message and an hour without a second, the nudge."""
    story = story_of("nudge-and-close")
    story.when(message(conversation="c1"), passes(HOUR + GRACE))
    assert sent(story) == ["ancora-aperta"]


def test_verify_purchase_answered_gets_the_guide() -> None:
    """Product X and an answer within two hours: the advanced guide, no reminder."""
    story = story_of("verify-purchase")
    story.when(update(addresses={"whatsapp": "+39 1"}), event("order.completed", product="espresso-x"))
    assert sent(story) == ["verifica-acquisto"]
    story.when(outcome("accepted"), passes(HOUR), message("sì, grazie"), passes(24 * HOUR))
    assert sent(story) == ["verifica-acquisto", "guida-avanzata"]


def test_verify_purchase_unanswered_is_reminded_after_twelve_hours() -> None:
    """Silence for two hours, twelve more, and not at night: the reminder comes in the morning."""
    story = story_of("verify-purchase")
    story.when(update(addresses={"whatsapp": "+39 1"}), event("order.completed", product="espresso-x"))
    story.when(outcome("accepted"), passes(2 * HOUR + GRACE), passes(11 * HOUR))
    assert sent(story) == ["verifica-acquisto"]
    story.when(passes(9 * HOUR))  # 11:00 in Rome plus fourteen hours is after nine in the evening
    assert sent(story) == ["verifica-acquisto", "sollecito"]
    at = story.sent("sollecito").not_before
    rome = (at - START) // MINUTE + 11 * 60  # minutes from that Monday's midnight in Rome
    assert 24 * 60 + 8 * 60 <= rome <= 24 * 60 + 8 * 60 + 10


def test_verify_purchase_is_about_that_product_alone() -> None:
    """Another product starts nothing; a refund ends what runs."""
    story = story_of("verify-purchase")
    story.when(event("order.completed", product="grinder"), passes(24 * HOUR))
    assert sent(story) == []
    story.when(event("order.completed", product="espresso-x"), outcome("accepted"), event("order.refunded"))
    story.when(passes(48 * HOUR))
    assert sent(story) == ["verifica-acquisto"]


def test_abandoned_cart_is_one_mail_after_a_day() -> None:
    """To who has said yes to marketing, for the cart that was not bought."""
    story = story_of("abandoned-cart")
    story.when(update(addresses={"email": "anna@example.com"}), consent("marketing", granted=True))
    story.when(event("cart.item_added", cart_id="k1"), event("cart.item_added", cart_id="k2"))
    story.when(passes(3 * HOUR), event("order.completed", cart_id="k2"), passes(20 * HOUR))
    assert sent(story) == []
    story.when(passes(2 * HOUR))
    assert sent(story) == ["carrello"]
    story.when(passes(72 * HOUR))
    assert sent(story) == ["carrello"]


def test_abandoned_cart_asks_for_consent() -> None:
    """Marketing without consent is not sent."""
    story = story_of("abandoned-cart")
    story.when(update(addresses={"email": "anna@example.com"}), event("cart.item_added", cart_id="k1"))
    story.when(passes(48 * HOUR))
    assert sent(story) == []


def test_what_a_send_carries_is_what_its_template_needs() -> None:
    """The command's variables render the message, in the contact's language, with its own name."""
    story = story_of("verify-purchase")
    story.when(
        update(addresses={"whatsapp": "+39 1"}, attributes={"name": "Anna", "shoe": 38}, language="en"),
        event("order.completed", product="espresso-x", product_name="Espresso X"),
    )
    command = story.sent()
    assert command.variables == {"contact.name": "Anna", "event.product_name": "Espresso X"}
    rendered = render(
        templates_of("verify-purchase"), command.template or "", command.language, command.variables
    )
    assert rendered.text.startswith("Hi Anna! Your Espresso X is on its way.")
