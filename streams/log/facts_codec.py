"""Facts on the wire: like any record, but their personal values are sealed under the contact's key."""

from typing import Any, cast

import msgspec

from schemas.registry import Registry
from schemas.types.facts import Fact
from schemas.wire import Codec
from streams.log.errors import SealBrokenError
from streams.log.sealing import DataKey, SealError

__all__ = ["FactCodec"]

_pack = msgspec.msgpack.Encoder(order="deterministic")


class FactCodec:
    """Encodes facts and seals them, decodes facts and opens them. Safe between threads.

    The plain text is MessagePack with sorted keys, so that the same values give the same bytes; and unlike
    JSON it keeps every float.
    """

    def __init__(self, *, registry: Registry | None = None) -> None:
        self._codec = Codec(("facts",), registry=registry)

    def encode(self, fact: Fact, key: DataKey | None) -> bytes:
        """The fact's bytes. `ValueError` where it has personal values and there is no key to seal them."""
        personal = getattr(fact, "sealed", None)
        if personal is None:
            return self._codec.encode(fact)
        if key is None:
            raise ValueError(f"{type(fact).__name__} {fact.id} has personal values and the contact no key")
        sealed = key.seal(_pack.encode(personal), fact.id.encode())
        return self._codec.encode(msgspec.structs.replace(fact, sealed=sealed))

    def decode(self, data: bytes | None, key: DataKey | None) -> Fact:
        """The fact in these bytes, `sealed` opened; None where there is no key (the contact was erased).

        Raises `UndecodableError` for bytes that are no fact, `SealBrokenError` for values that do not open
        under this key.
        """
        fact = self._codec.decode(data)
        sealed = getattr(fact, "sealed", None)
        if sealed is None:
            return cast("Fact", fact)
        return cast("Fact", msgspec.structs.replace(fact, sealed=_opened(fact.id, sealed, key)))

    def sealed_of(self, data: bytes | None) -> tuple[Fact, bytes | None]:
        """The fact without its personal values, and these as they stand on the wire: for whoever compares."""
        fact = self._codec.decode(data)
        sealed = getattr(fact, "sealed", None)
        if sealed is None:
            return fact, None
        return cast("Fact", msgspec.structs.replace(fact, sealed=None)), sealed


def _opened(fact: str, sealed: bytes, key: DataKey | None) -> dict[str, Any] | None:
    if key is None:
        return None
    try:
        plain: dict[str, Any] = msgspec.msgpack.decode(key.open(sealed, fact.encode()))
    except (SealError, msgspec.DecodeError) as error:
        raise SealBrokenError(fact, f"its personal values do not open: {error}") from error
    return plain
