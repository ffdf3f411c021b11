"""A partition's contacts as its decider sees them: store, cache, and the open transaction on top."""

from typing import Any, Final

from schemas.types.records import ContactKey
from streams.engine.deadlines import Deadlines
from streams.engine.deciding import StateCodec
from streams.engine.envelope import Kept, pack, unpack
from streams.engine.store import Store
from streams.log.sealing import DataKey, Keyring

__all__ = ["PartitionContacts"]

_CACHED: Final = 20_000


class _Held:
    """A contact in memory. `indexed`: the index has an entry for it at or before this; None: it need not."""

    __slots__ = ("data_key", "erased", "indexed", "key", "state")

    def __init__(self, state: Any, key: ContactKey | None, indexed: int | None) -> None:
        self.state = state
        self.erased = False
        self.key = key
        self.indexed = indexed
        self.data_key: DataKey | None = None


class PartitionContacts:
    """Implements the core's `Contacts`. Changes stand here until `settle`, after the commit; an aborted
    transaction throws the whole object away. One thread.
    """

    def __init__(self, store: Store, states: StateCodec, keyring: Keyring) -> None:
        self._store = store
        self._states = states
        self._keyring = keyring
        self._deadlines = Deadlines(store)
        self._cache: dict[str, _Held] = {}
        self._touched: dict[str, None] = {}
        self._keys: list[tuple[str, ContactKey | None]] = []

    def get(self, contact: str) -> Any:
        """The contact's state; None if it has none."""
        return self._held(contact).state

    def put(self, contact: str, state: Any) -> None:
        """The contact's state from here on; None erases it, its data key too."""
        held = self._held(contact)
        held.state = state
        self._touched[contact] = None
        if held.erased:
            # The last decision's facts were sealed by now.
            held.key = held.data_key = None
        held.erased = state is None
        if held.erased:
            self._keys.append((contact, None))
        self._index(contact, held)

    def soonest(self) -> tuple[int, str] | None:
        """The soonest (due, contact) of the partition, checked against the states."""
        while (first := self._deadlines.first()) is not None:
            due, contact = first
            held = self._held(contact)
            actual = self._due(held)
            if actual == due:
                return first
            self._deadlines.remove(due, contact)
            if actual is not None and actual > due:
                self._deadlines.add(actual, contact)
                held.indexed = actual
        return None

    def key_of(self, contact: str) -> DataKey:
        """The contact's data key, made now if it has none. Raises `MasterKeyError`.

        Of an erased contact: the key that it had, else one that nobody keeps.
        """
        held = self._held(contact)
        if held.data_key is None:
            if held.key is not None:
                held.data_key = self._keyring.unwrap(held.key)
            else:
                held.data_key, held.key = self._keyring.new()
                if not held.erased:
                    self._keys.append((contact, held.key))
                    self._touched[contact] = None
        return held.data_key

    def changed(self) -> list[tuple[str, bytes | None]]:
        """The envelope of each contact that the open transaction touched; None: erased."""
        return [(contact, self._envelope(self._cache[contact])) for contact in self._touched]

    @property
    def keys(self) -> list[tuple[str, ContactKey | None]]:
        """Data keys made and destroyed in the open transaction, in that order."""
        return self._keys

    def settle(self, changed: list[tuple[str, bytes | None]], position: bytes, changelog_offset: int) -> None:
        """The transaction was committed: writes it to the store and forgets what is oldest in the cache."""
        self._store.write(changed, self._deadlines.changes, position, changelog_offset)
        erased = [contact for contact, envelope in changed if envelope is None]
        if erased:
            self._store.purge()
            for contact in erased:
                del self._cache[contact]
        self._deadlines.settle()
        self._touched.clear()
        self._keys = []
        while len(self._cache) > _CACHED:
            del self._cache[next(iter(self._cache))]

    def _held(self, contact: str) -> _Held:
        held = self._cache.pop(contact, None)
        if held is None:
            held = self._load(contact)
        self._cache[contact] = held  # the youngest stands last
        return held

    def _load(self, contact: str) -> _Held:
        data = self._store.get(contact)
        if data is None:
            return _Held(None, None, None)
        kept = unpack(data)
        return _Held(self._states.decode(kept.state), kept.key, kept.soonest)

    def _due(self, held: _Held) -> int | None:
        return None if held.state is None else self._states.soonest(held.state)

    def _index(self, contact: str, held: _Held) -> None:
        due = self._due(held)
        if due == held.indexed:
            return
        if due is None or held.indexed is None or due < held.indexed:
            if held.indexed is not None:
                self._deadlines.remove(held.indexed, contact)
            if due is not None:
                self._deadlines.add(due, contact)
            held.indexed = due

    def _envelope(self, held: _Held) -> bytes | None:
        if held.state is None:
            return None
        return pack(Kept(self._due(held), held.key, self._states.encode(held.state)))
