"""The store, the index of deadlines, the envelope and the limits, without a broker."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.types.records import ContactKey
from streams.engine import deadlines as module
from streams.engine.contacts import PartitionContacts
from streams.engine.dead_letters import WINDOW, Limits
from streams.engine.deadlines import Deadlines
from streams.engine.envelope import Kept, pack, soonest_of, unpack
from streams.engine.errors import ChangelogError, TooManyDeadLettersError
from streams.engine.store import Store
from streams.log.sealing import Keyring
from tests.integration.engine.toy import ToyContacts, ToyCore, ToyState

KEYRING = Keyring(bytes(32))


@given(
    soonest=st.none() | st.integers(0, 2**63),
    key=st.none()
    | st.builds(
        ContactKey, wrapped=st.binary(min_size=1, max_size=200), master=st.text(min_size=1, max_size=20)
    ),
    state=st.binary(max_size=200),
)
def test_the_envelope_round_trips(soonest: int | None, key: ContactKey | None, state: bytes) -> None:
    """What is packed is what is unpacked; the soonest due is read without the rest."""
    data = pack(Kept(soonest, key, state))
    assert unpack(data) == (soonest, key, state)
    assert soonest_of(data) == soonest


def test_an_envelope_of_a_newer_version() -> None:
    """It is refused with what to do, not misread."""
    with pytest.raises(ChangelogError, match="version 9"):
        unpack(b"\x09" + bytes(20))


def test_a_store_is_behind_the_changelog_and_never_ahead(tmp_path: Path) -> None:
    """What is written stands there after reopening, with the changelog's offset of the same batch."""
    store = Store(tmp_path / "p0")
    assert (store.offset, store.position, store.age_s) == (None, None, 0.0)
    store.write([("w/a", pack(Kept(7, None, b"s")))], {(7, "w/a"): True}, b"pos", 42)
    store.close()
    store = Store(tmp_path / "p0")
    assert (store.offset, store.position) == (42, b"pos")
    assert unpack(store.get("w/a") or b"").state == b"s"
    assert store.deadlines_after(None, 10) == [(7, "w/a")]
    store.throw_away()
    assert (store.offset, store.get("w/a"), store.deadlines_after(None, 10)) == (None, None, [])
    store.close()


def test_the_index_is_refilled_from_the_changelog(tmp_path: Path) -> None:
    """Applying records makes index entries in the order of (due, contact)."""
    store = Store(tmp_path / "p0")
    dues = {b"w/c": 5, b"w/a": 9, b"w/b": 5, b"w/none": None}
    store.apply({key: pack(Kept(due, None, b"")) for key, due in dues.items()}, 4)
    assert store.deadlines_after(None, 2) == [(5, "w/b"), (5, "w/c")]
    assert store.deadlines_after((5, "w/c"), 2) == [(9, "w/a")]
    store.close()


def test_a_purge_leaves_nothing_in_the_files(tmp_path: Path) -> None:
    """Neither the tables nor the log of RocksDB hold what was erased; the rest stays; a crash before it is
    made good.
    """
    store = Store(tmp_path / "p0")
    secret = bytes(range(100, 160))
    for number in range(200):
        kept = pack(Kept(None, None, secret if number == 7 else b"other%d" % number))
        store.write([(f"w/{number}", kept)], {}, b"", number)
    store.close()
    store = Store(tmp_path / "p0")
    store.write([("w/7", None)], {}, b"", 200)
    store.close()
    store = Store(tmp_path / "p0")
    assert any(secret in path.read_bytes() for path in (tmp_path / "p0").iterdir() if path.is_file())
    assert store.purge() == 1
    assert store.purge() == 0
    store.close()
    assert not any(secret in path.read_bytes() for path in (tmp_path / "p0").iterdir() if path.is_file())
    store = Store(tmp_path / "p0")
    assert store.get("w/7") is None
    assert store.get("w/8") is not None
    store.close()


def test_many_erased_are_purged_at_once(tmp_path: Path) -> None:
    """A hundred erasures leave nothing either."""
    store = Store(tmp_path / "p0")
    secret = bytes(range(60, 120))
    store.write([(f"w/{n}", pack(Kept(None, None, secret + b"%d" % n))) for n in range(100)], {}, b"", 1)
    store.write([(f"w/{n}", None) for n in range(100)], {}, b"", 2)
    assert store.purge() == 100
    store.close()
    assert not any(secret in path.read_bytes() for path in (tmp_path / "p0").iterdir() if path.is_file())


STEP = st.tuples(
    st.sampled_from(("put", "put", "put", "erase", "fire", "commit", "reopen")),
    st.integers(0, 12),
    st.none() | st.integers(0, 30),
)


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(STEP, max_size=60))
def test_contacts_are_those_of_a_dict(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int | None]]
) -> None:
    """States and the soonest deadline are always those of the toy's dict, through commits, losses and small
    windows.
    """
    window, most = module._WINDOW, module._MOST_IN_MEMORY
    module._WINDOW, module._MOST_IN_MEMORY = 2, 4  # type: ignore[misc]
    store = Store(tmp_path_factory.mktemp("store") / "p0")
    try:
        _follow(store, steps)
    finally:
        module._WINDOW, module._MOST_IN_MEMORY = window, most  # type: ignore[misc]
        store.close()


def _follow(store: Store, steps: list[tuple[str, int, int | None]]) -> None:
    model, committed = ToyContacts(), dict[str, ToyState]()
    contacts = PartitionContacts(store, ToyCore().states, KEYRING)
    for offset, (what, number, due) in enumerate(steps):
        contact = f"w/{number}"
        match what:
            case "put":
                for one in (model, contacts):
                    one.put(contact, ToyState(count=offset, due=due))
            case "erase":
                for one in (model, contacts):
                    one.put(contact, None)
            case "fire":
                if (first := model.soonest()) is not None:
                    for one in (model, contacts):
                        one.put(first[1], ToyState(count=offset, due=due))
            case "commit":
                contacts.settle(contacts.changed(), b"", offset)
                committed = dict(model.states)
            case _:
                # An aborted transaction: the object is thrown away, the store has what was committed.
                contacts = PartitionContacts(store, ToyCore().states, KEYRING)
                model.states = dict(committed)
        assert contacts.get(contact) == model.get(contact)
        assert contacts.soonest() == model.soonest()


def test_ten_thousand_deadlines_come_in_order(tmp_path: Path) -> None:
    """More than fit the window, some taken away, some added while it is read."""
    store = Store(tmp_path / "p0")
    store.apply({b"w/%05d" % n: pack(Kept(n % 977, None, b"")) for n in range(10_000)}, 1)
    deadlines = Deadlines(store)
    expected = sorted((n % 977, f"w/{n:05d}") for n in range(10_000))
    found = []
    while (first := deadlines.first()) is not None:
        found.append(first)
        deadlines.remove(*first)
        if len(found) == 5_000:
            deadlines.add(2_000, "w/late")
            deadlines.add(expected[5_000][0], "w/!first")
    behind = sorted([*expected[5_000:], (expected[5_000][0], "w/!first"), (2_000, "w/late")])
    assert found == expected[:5_000] + behind
    store.close()


def _limits(in_a_row: int = 5, share: float = 0.001) -> Limits:
    return Limits(in_a_row=in_a_row, share=share, topic="t", partition=0)


def test_failures_in_a_row() -> None:
    """They count over commits; a good one between them begins anew."""
    limits = _limits(share=1.0)
    limits.check([True] * 4)
    limits.add([True] * 4)
    limits.check([False, True, True])
    with pytest.raises(TooManyDeadLettersError, match="5 inputs in a row"):
        limits.check([True])


def test_the_share_is_of_the_last_ten_thousand() -> None:
    """Old failures fall off."""
    limits = _limits(in_a_row=100)
    limits.add([True, False] * 10)
    with pytest.raises(TooManyDeadLettersError, match="11 of the last 21"):
        limits.check([True])
    limits.add([False] * WINDOW)
    limits.check([True])
    limits.add([True, False] * 10)
    with pytest.raises(TooManyDeadLettersError):
        limits.check([True])


def test_a_contact_that_is_erased_seals_its_last_facts(tmp_path: Path) -> None:
    """With the key it had, or with one that nobody keeps; coming back it has another, also in one
    transaction.
    """
    store = Store(tmp_path / "p0")
    contacts = PartitionContacts(store, ToyCore().states, KEYRING)
    contacts.put("w/a", ToyState())
    first = contacts.key_of("w/a")
    contacts.put("w/a", None)
    assert contacts.key_of("w/a") == first
    contacts.put("w/a", ToyState())
    second = contacts.key_of("w/a")
    assert second != first
    assert [kept is None for _, kept in contacts.keys] == [False, True, False]
    contacts.settle(contacts.changed(), b"", 1)
    contacts = PartitionContacts(store, ToyCore().states, KEYRING)
    assert contacts.key_of("w/a") == second
    contacts.put("w/never", None)
    assert contacts.key_of("w/never") is not None
    assert [contact for contact, _ in contacts.keys] == ["w/never"]
    store.close()
