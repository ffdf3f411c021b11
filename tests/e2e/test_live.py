"""A live day in small: every process, a prompt that is answered, one that is not, and the report of both."""

import json

import pytest

from schemas.types.facts import PromptSent, ResponseReceived, ResponseTimedOut, SendCommanded
from schemas.types.inputs import ContactUpdated, CustomerEvent, MessageReceived
from tests.e2e.command import PARTITIONS, Attesa, wait_until
from tests.e2e.flows import ASK, WORKSPACE
from tests.e2e.log import Log

pytestmark = [pytest.mark.kafka, pytest.mark.clickhouse, pytest.mark.slow]

PROCESSES = ("worker", "ticker", "dispatcher", "projector")


def test_a_prompt_its_answer_and_its_silence(attesa: Attesa) -> None:
    """From `attesa topics apply` to the report; SIGTERM ends every process with exit 0."""
    made = attesa("topics", "apply", "--json").rows
    assert {row["result"] for row in made} == {"created"}
    assert {row["result"] for row in attesa("topics", "apply", "--json").rows} == {"kept"}
    running = {name: attesa.start(name) for name in PROCESSES}
    log = Log(attesa.kafka, attesa.prefix)

    workspace = attesa.write("workspace.yaml", WORKSPACE.format(grace="1s"))
    configured = attesa("workspace", "publish", workspace, "--timeout", "60", "--json").rows
    assert configured == [{"workspace": "bottega", "result": "applied", "partitions": PARTITIONS}]
    flow = attesa.write("ask.yaml", ASK.format(within="8s"))
    (published,) = attesa("flow", "publish", flow, "--json").rows
    assert (published["flow"], published["version"], published["result"]) == ("ask", 1, "applied")
    assert published["partitions"] == PARTITIONS
    (again,) = attesa("flow", "publish", flow, "--json").rows
    assert (again["version"], again["result"]) == (1, "nothing_new")
    (listed,) = attesa("flow", "ls", "--json").rows
    assert (listed["flow"], listed["state"]) == ("ask", "in force")

    for name in ("anna", "bruno"):
        attesa.produce((f"bottega/{name}", _named(name)), (f"bottega/{name}", _ordered(name)))
    wait_until("Anna's prompt is accepted", lambda: log.facts(PromptSent, "bottega/anna"))
    attesa.produce(("bottega/anna", _message("anna")))
    wait_until("Bruno's silence is a fact", lambda: log.facts(ResponseTimedOut, "bottega/bruno"))
    (answered,) = log.facts(ResponseReceived)
    assert answered.contact == "bottega/anna"
    assert answered.response_ms < answered.within_ms
    (silent,) = log.facts(ResponseTimedOut)
    accepted = {fact.contact: fact.accepted_at for fact in log.facts(PromptSent) if fact.step == "question"}
    assert silent.deadline == accepted["bottega/bruno"] + silent.within_ms
    assert answered.prompted_at == accepted["bottega/anna"]

    def both() -> bool | None:
        rows = attesa("report", "response-rate", "--by", "flow,step", "--json").rows
        return [
            (row["flow"], row["step"], row["matured_responded"], row["matured_timed_out"]) for row in rows
        ] == [("ask", "answer", 1, 1)] or None

    wait_until("the report has both", both)
    (row,) = attesa("report", "response-rate", "--json").rows
    assert (row["opened"], row["pending"], row["rate"]) == (2, 0, 0.5)
    wait_until("both closing words are accepted", lambda: len(log.facts(PromptSent)) == 4 or None)
    assert sorted(_sent(attesa)) == [
        ("anna", "Ciao Anna, tutto bene con l'ordine A-anna?"),
        ("anna", "Grazie!"),
        ("bruno", "Ci sei?"),
        ("bruno", "Ciao Bruno, tutto bene con l'ordine A-bruno?"),
    ]
    assert len(log.facts(SendCommanded)) == 4
    told = [row["fact"] for row in attesa("contact", "timeline", "bottega/anna", "--json").rows]
    order = [told.index(f) for f in ("SendCommanded", "WaitOpened", "PromptSent", "ResponseReceived")]
    assert order == sorted(order)

    for name, process in running.items():
        assert process.stop() == 0, f"{name}:\n{process.log[-3000:]}"
        assert "Traceback" not in process.log, f"{name}:\n{process.log[-3000:]}"


def _sent(attesa: Attesa) -> list[tuple[str, str]]:
    lines = (attesa.data_dir / "sent.jsonl").read_text(encoding="utf-8").splitlines()
    return [(each["contact"].split("/")[1], each["text"]) for each in map(json.loads, lines)]


def _named(name: str) -> ContactUpdated:
    return ContactUpdated(
        source="crm",
        id=f"{name}-name",
        occurred_at=0,
        attributes={"name": name.title()},
        addresses={"whatsapp": f"+39 {name}"},
    )


def _ordered(name: str) -> CustomerEvent:
    return CustomerEvent(
        source="shop",
        id=f"{name}-o",
        occurred_at=0,
        name="order.completed",
        properties={"order": f"A-{name}"},
    )


def _message(name: str) -> MessageReceived:
    # A claim of 1970 is out of bounds: the broker's own time counts.
    return MessageReceived(source="gateway", id=f"{name}-1", occurred_at=0, channel="whatsapp", text="Sì!")
