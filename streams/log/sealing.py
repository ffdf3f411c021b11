"""Personal values under keys that can be destroyed.

Each contact has a random data key. What is personal in its facts is sealed under it by AES-SIV (RFC 5297)
with the fact's id as associated data: deterministic, so a replay gives the same bytes, and no sealed value
can be moved to another fact. The data key itself is kept wrapped by a master key (AES key wrap, RFC 3394); a
tombstone for it makes every value sealed under it unreadable for ever.
"""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from schemas.types.records import ContactKey
from streams.log.errors import MasterKeyError
from streams.log.settings import Settings

__all__ = ["DataKey", "Keyring", "SealError", "keyring", "load_or_create_master_key", "master_key_from_hex"]

MASTER_KEY_BYTES: Final = 32
DATA_KEY_BYTES: Final = 64
"""AES-256-SIV takes two keys of 32 bytes."""

_VARIABLE: Final = "ATTESA_MASTER_KEY"


class SealError(ValueError):
    """Bytes that do not open under this key and this associated data."""


class DataKey:
    """A contact's key, unwrapped. Its representation shows nothing of it."""

    __slots__ = ("_cipher", "_key")

    def __init__(self, key: bytes) -> None:
        if len(key) != DATA_KEY_BYTES:
            raise ValueError(f"a data key has {DATA_KEY_BYTES} bytes, not {len(key)}")
        self._key = key
        self._cipher = AESSIV(key)

    def seal(self, plain: bytes, about: bytes) -> bytes:
        """The same bytes for the same key, plain text and associated data; 16 bytes longer than `plain`."""
        return self._cipher.encrypt(plain, [about])

    def open(self, sealed: bytes, about: bytes) -> bytes:
        """What was sealed. Raises `SealError`."""
        try:
            return self._cipher.decrypt(sealed, [about])
        except (InvalidTag, ValueError) as error:
            raise SealError("does not open under this key") from error

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DataKey) and secrets.compare_digest(self._key, other._key)

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        return "DataKey(…)"


class Keyring:
    """Master keys by name: one wraps what is new, all unwrap what they wrapped.

    To change the master key, put the new one in as the writing one and keep the old one beside it until
    nothing is wrapped under its name any more (`rewrap`).
    """

    def __init__(
        self, master_key: bytes, name: str = "main", others: Mapping[str, bytes] | None = None
    ) -> None:
        self.name = name
        self._masters = {**(others or {}), name: master_key}
        for named, key in self._masters.items():
            if len(key) != MASTER_KEY_BYTES:
                raise MasterKeyError(
                    f"master key {named} has {len(key)} bytes, it must have {MASTER_KEY_BYTES}"
                )

    def new(self) -> tuple[DataKey, ContactKey]:
        """A new contact's random key, and the record that keeps it."""
        key = secrets.token_bytes(DATA_KEY_BYTES)
        return DataKey(key), self._wrap(key)

    def unwrap(self, kept: ContactKey) -> DataKey:
        """The key in a record. Raises `MasterKeyError` without the right master key."""
        return DataKey(self._unwrap(kept))

    def rewrap(self, kept: ContactKey) -> ContactKey:
        """The same data key under the writing master key; the record itself if it is so already."""
        return kept if kept.master == self.name else self._wrap(self._unwrap(kept))

    def _wrap(self, key: bytes) -> ContactKey:
        return ContactKey(wrapped=aes_key_wrap(self._masters[self.name], key), master=self.name)

    def _unwrap(self, kept: ContactKey) -> bytes:
        master = self._masters.get(kept.master)
        if master is None:
            raise MasterKeyError(
                f"a contact's key is wrapped by the master key named {kept.master!r}, and only "
                f"{', '.join(sorted(self._masters))} is set; add it to ATTESA_OLD_MASTER_KEYS"
            )
        try:
            return aes_key_unwrap(master, kept.wrapped)
        except (InvalidUnwrap, ValueError) as error:
            raise MasterKeyError(
                f"the master key {kept.master!r} is not the one that wrapped this contact's key; "
                f"set {_VARIABLE} to the one that this prefix was written with"
            ) from error

    def __repr__(self) -> str:
        return f"Keyring({self.name}, {len(self._masters)} master keys)"


def keyring(settings: Settings) -> Keyring:
    """The keyring of the settings. Raises `MasterKeyError` where no master key is set."""
    if settings.master_key is None:
        raise MasterKeyError(
            f"no master key: set {_VARIABLE} to 64 hexadecimal digits (openssl rand -hex 32) and keep it "
            "safe; without it personal values can neither be written nor read"
        )
    others = {
        name: master_key_from_hex(key.get_secret_value(), f"ATTESA_OLD_MASTER_KEYS: {name}")
        for name, key in settings.old_master_keys.items()
    }
    return Keyring(
        master_key_from_hex(settings.master_key.get_secret_value(), _VARIABLE),
        settings.master_key_name,
        others,
    )


def master_key_from_hex(text: str, where: str) -> bytes:
    """32 bytes from 64 hexadecimal digits. `MasterKeyError` says `where`, never the text."""
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != MASTER_KEY_BYTES:
        raise MasterKeyError(f"{where} must be {2 * MASTER_KEY_BYTES} hexadecimal digits")
    return key


def load_or_create_master_key(path: Path) -> str:
    """The master key (hex) of an embedded stack: the line `ATTESA_MASTER_KEY=…` of an .env-like file.

    Makes the key, and the file with mode 0600, where there is none. Two processes
    that come at once get the same key. Raises `MasterKeyError` for a file that others can read or whose key
    is malformed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return _kept_master_key(path)
    except FileNotFoundError:
        pass
    fresh = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(
        os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii"
    ) as file:
        file.write(f"{_VARIABLE}={secrets.token_hex(MASTER_KEY_BYTES)}\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        # Whoever links first made the key: unlike a rename, a link never replaces another's.
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    return _kept_master_key(path)


def _kept_master_key(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        if os.fstat(file.fileno()).st_mode & 0o077:
            raise MasterKeyError(f"{path} holds the master key and others can read it; run chmod 600 {path}")
        lines = file.read().splitlines()
    for line in lines:
        name, found, value = line.partition("=")
        if found and name.strip().removeprefix("export ") == _VARIABLE:
            return master_key_from_hex(value, f"{path}: {_VARIABLE}").hex()
    raise MasterKeyError(f"{path}: has no line {_VARIABLE}=…; take the file away to have a new key made")
