"""Keys, seals, and what happens without them."""

import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.types.facts import Cause, ContactChanged, ContactErased, Fact
from streams.log.errors import MasterKeyError, SealBrokenError
from streams.log.facts_codec import FactCodec
from streams.log.sealing import DataKey, Keyring, SealError, keyring, load_or_create_master_key
from streams.log.settings import load

RING = Keyring(b"m" * 32)
CAUSE = Cause(topic="attesa.inbound", partition=0, offset=7, input="gateway/m1")


def changed(**sealed: object) -> ContactChanged:
    """A fact with personal values."""
    return ContactChanged(
        id="f" * 32, contact="w/c", at=0, cause=CAUSE, set=list(sealed), sealed=dict(sealed)
    )


@given(plain=st.binary(max_size=200), about=st.binary(min_size=1, max_size=40))
def test_what_is_sealed_opens_again(plain: bytes, about: bytes) -> None:
    """And twice the same comes out the same: a replay gives the same bytes."""
    key, _ = RING.new()
    sealed = key.seal(plain, about)
    assert key.open(sealed, about) == plain
    assert key.seal(plain, about) == sealed
    assert len(sealed) == len(plain) + 16


def test_nothing_else_opens() -> None:
    """Another contact's key, another fact's id, a changed byte, too few bytes."""
    key, _ = RING.new()
    other, _ = RING.new()
    sealed = key.seal(b"Anna", b"fact-1")
    for opener, data, about in [
        (other, sealed, b"fact-1"),
        (key, sealed, b"fact-2"),
        (key, bytes([sealed[0] ^ 1]) + sealed[1:], b"fact-1"),
        (key, b"", b"fact-1"),
        (key, sealed[:15], b"fact-1"),
    ]:
        with pytest.raises(SealError):
            opener.open(data, about)


def test_the_cipher_is_the_standards() -> None:
    """RFC 5297's construction with AES-256: the same bytes as OpenSSL's AES-256-SIV through another door."""
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV  # noqa: PLC0415 - the reference, here only

    raw = bytes(range(64))
    assert DataKey(raw).seal(b"plain", b"id") == AESSIV(raw).encrypt(b"plain", [b"id"])


def test_keys_are_random_and_come_back_from_their_record() -> None:
    """Each contact has its own."""
    key, kept = RING.new()
    again, _ = RING.new()
    assert RING.unwrap(kept) == key
    assert key != again
    assert kept.master == "main"
    assert repr(key) == "DataKey(…)"


def test_a_new_master_key_writes_and_the_old_one_still_reads() -> None:
    """Rotation: what the old one wrapped opens, and can be wrapped anew; then the old one can go."""
    key, kept = Keyring(b"o" * 32, "2024").new()
    ring = Keyring(b"n" * 32, "2025", {"2024": b"o" * 32})
    assert ring.unwrap(kept) == key
    assert ring.new()[1].master == "2025"
    moved = ring.rewrap(kept)
    assert Keyring(b"n" * 32, "2025").unwrap(moved) == key
    assert ring.rewrap(moved) is moved


def test_a_wrong_or_missing_master_key_is_said() -> None:
    """By name, with the setting; never a key."""
    _, kept = RING.new()
    with pytest.raises(MasterKeyError, match="ATTESA_MASTER_KEY"):
        Keyring(b"x" * 32).unwrap(kept)
    with pytest.raises(MasterKeyError, match="ATTESA_OLD_MASTER_KEYS"):
        Keyring(b"x" * 32, "other").unwrap(kept)
    with pytest.raises(MasterKeyError, match="31 bytes"):
        Keyring(b"x" * 31)


def test_the_keyring_comes_from_the_settings() -> None:
    """The writing key, its name, and the old ones."""
    ring = keyring(load(master_key="ab" * 32, master_key_name="b", old_master_keys={"a": "cd" * 32}))
    _, kept = Keyring(b"\xcd" * 32, "a").new()
    ring.unwrap(kept)
    assert ring.new()[1].master == "b"


@pytest.mark.parametrize("wrong", ["", "ab" * 31, "zz" * 32, "ab" * 33])
def test_a_malformed_master_key_is_wrong_usage(wrong: str) -> None:
    """The error says what it must be, and does not print it."""
    with pytest.raises(MasterKeyError, match="64 hexadecimal digits") as raised:
        keyring(load(master_key=wrong))
    assert raised.value.exit_code == 2
    assert not wrong or wrong not in str(raised.value)


def test_without_a_master_key_nothing_is_made_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """There is no default key."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ATTESA_MASTER_KEY", raising=False)
    with pytest.raises(MasterKeyError, match="openssl rand -hex 32"):
        keyring(load())


def test_an_embedded_stack_makes_its_key_once(tmp_path: Path) -> None:
    """In a file that only its owner reads; the second time it is the same."""
    path = tmp_path / "stack" / "attesa.env"
    made = load_or_create_master_key(path)
    assert load_or_create_master_key(path) == made
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() == f"ATTESA_MASTER_KEY={made}\n"
    assert len(bytes.fromhex(made)) == 32
    assert os.listdir(path.parent) == ["attesa.env"]  # noqa: PTH208 - names alone


def test_two_that_come_at_once_get_the_same_key(tmp_path: Path) -> None:
    """Whoever comes second takes the first's."""
    barrier = threading.Barrier(8)
    made: list[str] = []

    def come() -> None:
        barrier.wait()
        made.append(load_or_create_master_key(tmp_path / "attesa.env"))

    threads = [threading.Thread(target=come) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 8
    assert len(set(made)) == 1


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """With the command that mends it."""
    path = tmp_path / "attesa.env"
    load_or_create_master_key(path)
    path.chmod(0o644)
    with pytest.raises(MasterKeyError, match="chmod 600"):
        load_or_create_master_key(path)


@pytest.mark.parametrize("text", ["", "OTHER=1\n", "ATTESA_MASTER_KEY=abc\n"])
def test_a_key_file_without_a_key_is_refused(tmp_path: Path, text: str) -> None:
    """Never overwritten: it may be the only copy of something."""
    path = tmp_path / "attesa.env"
    path.touch(0o600)
    path.write_text(text)
    with pytest.raises(MasterKeyError, match="ATTESA_MASTER_KEY"):
        load_or_create_master_key(path)
    assert path.read_text() == text


def test_other_lines_of_the_key_file_are_left_alone(tmp_path: Path) -> None:
    """It may be an .env file with more in it."""
    path = tmp_path / "attesa.env"
    path.touch(0o600)
    path.write_text(f"# mine\nATTESA_PREFIX=x\nATTESA_MASTER_KEY={'ab' * 32}\n")
    assert load_or_create_master_key(path) == "ab" * 32


def test_a_facts_personal_values_are_sealed_on_the_wire() -> None:
    """Not a byte of them is plain, and they come back as they were."""
    key, _ = RING.new()
    fact = changed(name="Anna Rossi", phone="+39333", vip=True, score=1.5, n=None, tags=["a", "b"])
    data = FactCodec().encode(fact, key)
    assert b"Anna" not in data
    assert b"+39333" not in data
    assert FactCodec().decode(data, key) == fact


def test_the_same_fact_gives_the_same_bytes() -> None:
    """Whatever the order in which its values were put together."""
    key, _ = RING.new()
    one, two = changed(a=1, b=2), changed(b=2, a=1)
    assert FactCodec().encode(one, key) == FactCodec().encode(
        ContactChanged(id=two.id, contact=two.contact, at=0, cause=CAUSE, set=["a", "b"], sealed=two.sealed),
        key,
    )


def test_without_the_key_a_fact_is_read_and_stays_closed() -> None:
    """What an erased contact's facts are: there, and unreadable."""
    key, _ = RING.new()
    data = FactCodec().encode(changed(name="Anna"), key)
    fact = FactCodec().decode(data, None)
    assert isinstance(fact, ContactChanged)
    assert fact.sealed is None
    assert fact.set == ["name"]


def test_the_seal_can_be_read_unopened() -> None:
    """For whoever compares facts byte for byte."""
    key, _ = RING.new()
    data = FactCodec().encode(changed(name="Anna"), key)
    fact, sealed = FactCodec().sealed_of(data)
    assert fact.sealed is None  # type: ignore[union-attr]
    assert sealed is not None
    assert sealed in data


def test_a_seal_that_does_not_open_is_an_error() -> None:
    """Never nothing, never garbage."""
    key, _ = RING.new()
    other, _ = RING.new()
    with pytest.raises(SealBrokenError, match="f" * 32):
        FactCodec().decode(FactCodec().encode(changed(name="Anna"), key), other)


def test_personal_values_need_a_key() -> None:
    """The shell made a mistake: nothing is written plain."""
    with pytest.raises(ValueError, match="the contact no key"):
        FactCodec().encode(changed(name="Anna"), None)


def test_a_fact_without_personal_values_needs_none() -> None:
    """Most facts."""
    fact: Fact = ContactErased(
        id="1", contact="w/c", at=0, cause=CAUSE, requested_by="ticket 1", reason="asked"
    )
    assert FactCodec().decode(FactCodec().encode(fact, None), None) == fact
