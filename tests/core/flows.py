"""Small flows to tell stories with. Steps name the next by its index, as compiled flows do."""

from typing import Any, TypeVar

from schemas.types.facts import Fact
from streams.core.program import (
    END,
    Branch,
    Cap,
    Condition,
    CustomerResponse,
    Enter,
    If,
    Match,
    Policies,
    Program,
    QuietHours,
    Send,
    Step,
    Test,
    Wait,
)
from streams.core.testing import HOUR, Story

__all__ = ["GO", "ask", "asked", "asks", "branch", "capped", "facts_of", "flow", "night", "pause_for", "send"]

F = TypeVar("F", bound=Fact)

GO = Match(kind="event", name="go")
"""The trigger of most flows here."""


def send(id_: str = "hello", follows: int = END, **fields: Any) -> Send:
    """A send by whatsapp; `policies` as keyword arguments of Policies."""
    rules = fields.pop("policies", {})
    channels = fields.pop("channels", ("whatsapp",))
    template = fields.pop("template", f"t-{id_}")
    return Send(
        id=id_,
        channels=channels,
        template=template,
        policies=Policies(**rules, given=tuple(sorted(set(rules) - {"caps"}))),
        next=follows,
        **fields,
    )


def ask(id_: str = "answer", *, within: int = HOUR, yes: int = END, no: int = END, **fields: Any) -> Step:
    """A customer_response."""
    return CustomerResponse(id=id_, within_ms=within, on_response=yes, no_response=no, **fields)


def pause_for(span: int, follows: int = END, id_: str = "pause") -> Step:
    """A wait step."""
    return Wait(id=id_, span_ms=span, next=follows)


def branch(condition: Condition, then: int, otherwise: int = END, id_: str = "which") -> Step:
    """An if with one way."""
    return If(id=id_, branches=(Branch("then", condition, then),), otherwise=otherwise)


def flow(*steps: Step, name: str = "f", **fields: Any) -> Program:
    """A flow that the event `go` starts, as often as it comes."""
    defaults: dict[str, Any] = {"triggers": (GO,), "enter": Enter(again="always")}
    return Program(
        workspace="acme",
        flow=name,
        content=fields.pop("content", f"content of {name}"),
        rules=1,
        steps=steps,
        **{**defaults, **fields},
    )


def asked(**fields: Any) -> Program:
    """Sends `hello`, waits an hour for the answer: then `thanks`, else `again`."""
    return flow(
        send("hello", 1),
        ask("answer", yes=2, no=3, **fields),
        send("thanks"),
        send("again"),
    )


def night(**fields: Any) -> QuietHours:
    """Quiet from 21:00 to 08:00, without jitter."""
    return QuietHours(**{"start": 21 * 60, "end": 8 * 60, "jitter_ms": 0, **fields})


def capped(messages: int, per: int, **fields: Any) -> Cap:
    """A cap."""
    return Cap(messages=messages, per_ms=per, **fields)


def asks(subject: str, name: str, operator: str | None = None, operand: Any = None, **fields: Any) -> Test:
    """A condition."""
    return Test(subject=subject, name=name, operator=operator, operand=operand, **fields)


def facts_of(story: Story, kind: type[F]) -> list[F]:
    """All facts of a kind so far."""
    return [found for found in story.all_facts if isinstance(found, kind)]
