"""Workers share the partitions; the one that is left has the right state."""

import pytest

from schemas.types.facts import MessageNoted, ResponseReceived, ResponseTimedOut, WaitOpened
from schemas.types.inputs import ContactUpdated, CustomerEvent, MessageReceived
from tests.e2e.command import PARTITIONS, Attesa, Running, wait_until
from tests.e2e.flows import ASK, SILENCE, WORKSPACE
from tests.e2e.log import Log, canonical

pytestmark = [pytest.mark.kafka, pytest.mark.crash, pytest.mark.slow]

CONTACTS = [f"bottega/c{number:03}" for number in range(120)]


def _open(worker: Running) -> int:
    return worker.log.count("the partition is open")


def test_one_of_two_is_killed_and_the_other_takes_over(attesa: Attesa) -> None:
    """Kill -9 with waits open: facts, commands and states are what the core alone makes of the log."""
    attesa("topics", "apply")
    attesa("workspace", "publish", attesa.write("w.yaml", WORKSPACE.format(grace="1s")), "--no-wait")
    attesa.write("flows/silence.yaml", SILENCE.format(within="8s"))
    attesa.write("flows/ask.yaml", ASK.format(within="5s"))
    ticker = attesa.start("ticker")
    first = attesa.start("worker", data_dir=str(attesa.folder / "first"))
    second = attesa.start("worker", data_dir=str(attesa.folder / "second"))
    log = Log(attesa.kafka, attesa.prefix)
    wait_until("both have partitions", lambda: (_open(first) and _open(second)) or None)
    attesa("flow", "publish", attesa.folder / "flows", "--timeout", "60")
    attesa.produce(*((contact, _named(contact)) for contact in CONTACTS))
    attesa.produce(*((contact, _ordered(contact)) for contact in CONTACTS[::3]))
    attesa.produce(*((contact, _message(contact, 0)) for contact in CONTACTS))
    wait_until("waits are open", lambda: len(log.facts(WaitOpened)) >= len(CONTACTS) or None)

    first.kill()
    attesa.produce(*((contact, _message(contact, 1)) for contact in CONTACTS[::2]))

    def all_closed() -> bool | None:
        done = log.facts((ResponseReceived, ResponseTimedOut))
        return (len(log.facts(MessageNoted)) >= 180 and len(done) >= len(CONTACTS)) or None

    wait_until("the other closes every wait without a prompt", all_closed)
    assert ticker.stop() == 0, ticker.log[-3000:]
    assert second.stop() == 0, second.log[-3000:]
    attesa.worker_to_end(data_dir=str(attesa.folder / "second"))

    facts, commands, states = log.decided()
    assert canonical(log.facts()) == canonical(facts)
    assert canonical(log.commands()) == canonical(commands)
    assert log.states() == states
    assert len(states) == len(CONTACTS)
    assert _open(second) >= PARTITIONS


def _named(contact: str) -> ContactUpdated:
    return ContactUpdated(
        source="crm",
        id=f"{contact}-n",
        occurred_at=0,
        attributes={"name": contact[-3:]},
        addresses={"sms": "0"},
    )


def _ordered(contact: str) -> CustomerEvent:
    return CustomerEvent(
        source="shop", id=f"{contact}-o", occurred_at=0, name="order.completed", properties={"order": "A1"}
    )


def _message(contact: str, number: int) -> MessageReceived:
    return MessageReceived(
        source="gateway", id=f"{contact}-{number}", occurred_at=0, channel="whatsapp", text="Ciao"
    )
