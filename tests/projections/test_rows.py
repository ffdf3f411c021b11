"""Facts become rows: each field where it belongs, and nothing that a person said or is called."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.client import connected
from projections.inserts import fits
from projections.rows import rows_of
from projections.tables import SOURCES, TABLES, ClockRow, FactRow, SendRow, WaitClosedRow
from schemas.types import facts
from schemas.types.facts import Cause, ClockAdvanced, ContactErased, DeliveryNoted, MessageNoted
from streams.log.settings import Settings
from tests.projections.log import CAUSE, cancelled, made_up_log, message, responded, timed_out, wait_of
from tests.schemas.records import any_record

KINDS: list[type[msgspec.Struct]] = sorted(
    (cls for cls in vars(facts).values() if isinstance(cls, type) and issubclass(cls, msgspec.Struct)),
    key=lambda cls: cls.__name__,
)
FACTS = [cls for cls in KINDS if cls is not Cause]

PRIVATE = {
    "sealed", "agent", "requested_by", "because", "entry_key", "set", "unset", "tags_added", "tags_removed",
    "refused", "team", "provider_id", "name", "language", "zone",
}  # fmt: skip
"""Fields that hold, or may hold, what a person wrote, is called or is known by."""
PRIVATE_REASONS = {"ContactErased", "SendFailed", "DeliveryNoted", "FlowCommandApplied"}
"""Facts whose `reason` was written by an operator or a provider."""


def any_fact(name: str) -> st.SearchStrategy[Any]:
    """A fact of this record with any values."""
    return any_record("facts", record=name)


@pytest.mark.parametrize("kind", FACTS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_every_fact_has_one_row_of_facts(kind: type[msgspec.Struct], data: st.DataObject) -> None:
    """Whatever its values, it stands in `facts` once, under its own name, place and time."""
    fact = data.draw(any_fact(kind.__name__))
    rows = rows_of(fact, 3, 17)
    assert rows == rows_of(fact, 3, 17)
    (row,) = [row for row in rows if isinstance(row, FactRow)]
    assert (row.partition, row.offset, row.fact, row.at, row.id) == (3, 17, kind.__name__, fact.at, fact.id)
    assert len(rows) <= 2
    assert {TABLES[type(row)] for row in rows} == {
        table for table, sources in SOURCES.items() if not sources or kind.__name__ in sources
    }


@pytest.mark.parametrize("kind", FACTS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_nothing_personal_becomes_a_row(kind: type[msgspec.Struct], data: st.DataObject) -> None:
    """Whatever stands in a sealed or free field of a fact, its rows are the same."""
    private = set(PRIVATE)
    if kind.__name__ in PRIVATE_REASONS:
        private.add("reason")
    one, other = data.draw(any_fact(kind.__name__)), data.draw(any_fact(kind.__name__))
    changes = {name: getattr(other, name) for name in private & set(kind.__struct_fields__)}
    assert rows_of(msgspec.structs.replace(one, **changes), 0, 0) == rows_of(one, 0, 0)


@pytest.mark.clickhouse
def test_rows_have_the_columns_of_their_tables(projected: Settings) -> None:
    """Each row class names its table's columns, all of them, in their order."""
    with connected(projected) as client:
        for kind, table in TABLES.items():
            described = client.execute(f"DESCRIBE TABLE {table}")
            assert [column[0] for column in described] == list(kind._fields), table


def test_a_closing_tells_all_of_its_wait() -> None:
    """One row of a closing fact says when the wait was opened and began, and how it ended."""
    opened = wait_of(1, 1_000_000)
    later = {"prompted_at": 1_005_000, "deadline": 9_000_000, "due": 9_010_000}
    for fact, outcome in (
        (responded(opened, 1_065_000, **later), "responded"),
        (timed_out(opened, **later), "timed_out"),
        (cancelled(opened, 1_070_000, "exit", **later), "cancelled"),
    ):
        (row,) = [row for row in rows_of(fact, 0, 5) if isinstance(row, WaitClosedRow)]
        assert (row.outcome, row.opened_at, row.started_at, row.due) == (
            outcome,
            1_000_000,
            1_005_000,
            9_010_000,
        )
        assert row.response_ms == (60_000 if outcome == "responded" else 0)
        assert row.lateness_ms == (700 if outcome == "timed_out" else 0)
        assert row.reason == ("exit" if outcome == "cancelled" else "")


def test_a_receipts_failure_is_not_a_sends() -> None:
    """What a channel accepted and could not deliver is undelivered; failed is what it never accepted."""
    fact = DeliveryNoted(
        id="d", contact="acme/c", at=5, cause=CAUSE, flow="f", version=1, journey="j", step="s", command="p",
        channel="sms", status="failed", reason="+39 347 1234567 is not in service", commanded_at=1,
    )  # fmt: skip
    (row,) = [row for row in rows_of(fact, 0, 0) if isinstance(row, SendRow)]
    assert row.event == "undelivered"
    assert "347" not in repr(rows_of(fact, 0, 0))


def test_a_contact_id_may_hold_slashes() -> None:
    """The workspace ends at the first slash of the key; the rest is the contact."""
    fact = message(1, 5, contact="acme/shop/77")
    assert {(row.workspace, row.contact) for row in rows_of(fact, 0, 0) if not isinstance(row, ClockRow)} == {
        ("acme", "shop/77")
    }


def test_numbers_without_room_are_seen() -> None:
    """A negative time or an hour that no day has would stop an insert; the row says so beforehand."""
    assert not all(map(fits, rows_of(message(1, -1), 0, 0)))
    assert not all(map(fits, rows_of(wait_of(1, 5, local_hour=24), 0, 0)))
    for place in made_up_log(1, waits=30):
        assert all(map(fits, rows_of(place.fact, place.partition, place.offset)))


def test_facts_about_a_partition_have_no_contact() -> None:
    """A clock belongs to no workspace; an erasure keeps its contact, and not who asked for it."""
    clock = ClockAdvanced(
        id="c", at=9, cause=CAUSE, partition=4, clock=9, settled=8, engine="0.1.0", tzdata="2025.2"
    )
    rows = rows_of(clock, 4, 1)
    assert [type(row) for row in rows] == [FactRow, ClockRow]
    assert isinstance(rows[0], FactRow)
    assert (rows[0].workspace, rows[0].contact) == ("", "")
    erased = ContactErased(
        id="e", contact="acme/c", at=9, cause=CAUSE, requested_by="Anna Neri", reason="she asked on the phone"
    )
    assert not any(word in repr(rows_of(erased, 0, 0)) for word in ("Anna", "phone"))


def test_a_message_keeps_who_answers_whom() -> None:
    """Its id, what it replies to, and whether its channel is threaded stand in its row."""
    fact = message(2, 5, reply_to="m1", threaded=True)
    assert isinstance(fact, MessageNoted)
    _, row = rows_of(fact, 0, 0)
    assert (row.message, row.reply_to, row.threaded) == ("m2", "m1", True)  # type: ignore[union-attr]
