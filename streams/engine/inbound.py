"""From a record of the inbound topic to an entry that the core decides, or to a dead letter."""

from typing import Final

from schemas.types.inputs import AgentMessageSent, MessageReceived, Tick
from schemas.wire import Codec, UndecodableError
from streams.core.partition import Entry
from streams.engine.contacts import PartitionContacts
from streams.engine.dead_letters import RejectedError
from streams.engine.transport import InboundRecord
from streams.log.partitioner import partition_of

__all__ = ["InboundReader"]

# A character takes at most four bytes: shorter texts need not be encoded to be measured.
_BYTES_A_CHARACTER: Final = 4


class InboundReader:
    """Reads the records of one partition. Raises `RejectedError` for what becomes a dead letter."""

    def __init__(
        self,
        *,
        codec: Codec,
        contacts: PartitionContacts,
        partition: int,
        partitions: int,
        max_text_bytes: int,
    ) -> None:
        self._codec = codec
        self._contacts = contacts
        self._partition = partition
        self._partitions = partitions
        self._max_text_bytes = max_text_bytes

    def entry(self, record: InboundRecord) -> Entry:
        """The decoded record. One without a key has no contact: what that means is the core's to say."""
        try:
            decoded = self._codec.decode(record.value)
        except UndecodableError as error:
            raise RejectedError(error.reason, error.detail) from None
        if type(decoded) is Tick:
            return Entry(record.offset, record.timestamp, None, decoded)
        if isinstance(decoded, MessageReceived | AgentMessageSent):
            self._check_text(decoded.text)
        return Entry(record.offset, record.timestamp, self._contact(record), decoded)

    def _contact(self, record: InboundRecord) -> str | None:
        if record.key is None:
            return None
        try:
            contact = record.key.decode()
        except UnicodeDecodeError as error:
            raise RejectedError("bad_contact", f"the key is no UTF-8 ({error.reason})") from None
        belongs = partition_of(record.key, self._partitions)
        if belongs != self._partition and self._contacts.get(contact) is None:
            raise RejectedError(
                "wrong_partition",
                f"by murmur2 its key belongs on partition {belongs} of {self._partitions}: the producer "
                "partitions otherwise",
            )
        return contact

    def _check_text(self, text: str) -> None:
        if len(text) * _BYTES_A_CHARACTER > self._max_text_bytes:
            size = len(text.encode(errors="surrogatepass"))
            if size > self._max_text_bytes:
                raise RejectedError(
                    "text_too_long", f"{size:,} bytes; ATTESA_MAX_TEXT_BYTES is {self._max_text_bytes:,}"
                )
