"""ClickHouse's native TCP protocol: bytes on the wire, packets, and nothing about SQL.

Source: ClickHouse `src/Core/Protocol.h` and `src/Server/TCPHandler.cpp` at revision 54440.
"""

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from clickhouse_driver.bufferedreader import BufferedReader

__all__ = [
    "REVISION",
    "ClientPacket",
    "Hello",
    "ProtocolError",
    "Query",
    "QueryError",
    "ServerPacket",
    "Setting",
    "WireReader",
    "exception_packet",
    "hello_packet",
    "profile_packet",
    "progress_packet",
    "read_hello",
    "read_query",
    "read_text",
    "read_varint",
    "text",
    "varint",
]

# Settings as strings (54429), but no interserver secret (54441), custom serialization (54454) or
# addendum (54458): the blocks of `FORMAT Native` go through unchanged.
REVISION = 54440

# The longest text a client may send in one piece (a query, a setting's value), in bytes.
_TEXT_LIMIT = 1 << 30
_VARINT_BYTES = 10


class ClientPacket(IntEnum):
    """What a client sends."""

    HELLO = 0
    QUERY = 1
    DATA = 2
    CANCEL = 3
    PING = 4


class ServerPacket(IntEnum):
    """What the server sends."""

    HELLO = 0
    DATA = 1
    EXCEPTION = 2
    PROGRESS = 3
    PONG = 4
    END_OF_STREAM = 5
    PROFILE_INFO = 6


class ProtocolError(Exception):
    """What came is not the protocol: the connection cannot be used any further."""


class QueryError(Exception):
    """A query failed, with ClickHouse's own error code; the connection goes on."""

    def __init__(self, code: int, message: str, name: str = "DB::Exception") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.name = name


@dataclass(frozen=True, slots=True)
class Hello:
    """A client's first packet."""

    client: str
    revision: int
    database: str
    user: str
    password: str


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting that came with a query; an important one that nobody knows is an error."""

    value: str
    important: bool


@dataclass(frozen=True, slots=True)
class Query:
    """A query packet, without the data blocks that follow it."""

    text: str
    settings: dict[str, Setting]
    compressed: bool


class WireReader(BufferedReader):  # type: ignore[misc]  # the driver's Cython reader has no types
    """A buffered reader over `fill`, which returns the next bytes, or none at the end.

    Between `mark` and `taken` it keeps what it has read, so a block can be handed on as it came.
    """

    def __init__(self, fill: Callable[[], bytearray]) -> None:
        super().__init__(1)
        self._fill = fill
        self._pieces: list[bytes] | None = None
        self._start = 0
        self.buffer = bytearray()
        self.position = 0
        self.current_buffer_size = 0

    def read_into_buffer(self) -> None:
        """Get more bytes; raises EOFError when there are none.

        `position` is left alone: the callers, all in the base class, still need it and set it to 0 after.
        """
        if self._pieces is not None:
            self._pieces.append(bytes(self.buffer[self._start : self.current_buffer_size]))
            self._start = 0
        self.buffer = self._fill()
        self.current_buffer_size = len(self.buffer)
        if not self.current_buffer_size:
            raise EOFError

    def mark(self) -> None:
        """Keep what is read from here on."""
        self._pieces, self._start = [], self.position

    def taken(self) -> bytes:
        """What was read since `mark`."""
        if self._pieces is None:
            raise RuntimeError("taken() without mark()")
        pieces, self._pieces = self._pieces, None
        return b"".join([*pieces, bytes(self.buffer[self._start : self.position])])


def varint(number: int) -> bytes:
    """An unsigned integer as LEB128."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def text(value: str) -> bytes:
    """A string with its length in bytes before it."""
    raw = value.encode()
    return varint(len(raw)) + raw


def read_varint(reader: WireReader) -> int:
    """The counterpart of `varint`; raises ProtocolError beyond 64 bits."""
    number = 0
    for shift in range(0, 7 * _VARINT_BYTES, 7):
        byte: int = reader.read_one()
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number
    raise ProtocolError("a number is longer than 64 bits")


def read_text(reader: WireReader) -> str:
    """The counterpart of `text`; raises ProtocolError if it is too long or no UTF-8."""
    size = read_varint(reader)
    if size > _TEXT_LIMIT:
        raise ProtocolError(f"a text of {size} bytes is longer than {_TEXT_LIMIT}")
    try:
        return bytes(reader.read(size)).decode()
    except UnicodeDecodeError as error:
        raise ProtocolError(f"a text of {size} bytes is not UTF-8: {error}") from error


def read_hello(reader: WireReader) -> Hello:
    """The first packet of a connection, its number included."""
    packet = read_varint(reader)
    if packet != ClientPacket.HELLO:
        raise ProtocolError(
            f"the first packet is {packet}, not Hello: is this a client of the native protocol?"
        )
    client = read_text(reader)
    read_varint(reader), read_varint(reader)  # the client's version
    revision = read_varint(reader)
    return Hello(client, revision, read_text(reader), read_text(reader), read_text(reader))


def read_query(reader: WireReader) -> Query:
    """A query packet, after its number."""
    read_text(reader)  # query id: chDB draws its own
    _skip_client_info(reader)
    settings: dict[str, Setting] = {}
    while name := read_text(reader):
        flags = read_varint(reader)
        settings[name] = Setting(read_text(reader), important=bool(flags & 1))
    read_varint(reader)  # stage: always complete
    compressed = bool(read_varint(reader))
    return Query(read_text(reader), settings, compressed)


def _skip_client_info(reader: WireReader) -> None:
    if not reader.read_one():  # no query kind: nothing follows
        return
    for _ in range(3):  # initial user, query id, address
        read_text(reader)
    reader.read_one()  # interface
    for _ in range(3):  # operating system's user, host, client
        read_text(reader)
    for _ in range(3):  # the client's major, minor, revision
        read_varint(reader)
    read_text(reader)  # quota key
    read_varint(reader)  # the client's patch


def hello_packet(version: Sequence[int], timezone: str, display_name: str) -> bytes:
    """The answer to a Hello; `version` is (major, minor, patch)."""
    major, minor, patch = version
    numbers = varint(major) + varint(minor) + varint(REVISION)
    return (
        varint(ServerPacket.HELLO)
        + text("ClickHouse")
        + numbers
        + text(timezone)
        + text(display_name)
        + varint(patch)
    )


def exception_packet(error: QueryError) -> bytes:
    """An error, as ClickHouse writes it: the message repeats the class's name."""
    body = struct.pack("<i", error.code) + text(error.name) + text(f"{error.name}: {error.message}")
    no_stack_trace, no_nested = text(""), b"\0"
    return varint(ServerPacket.EXCEPTION) + body + no_stack_trace + no_nested


def progress_packet(counts: Sequence[int]) -> bytes:
    """What was done since the last: (rows read, bytes read, rows to read, rows written, bytes written)."""
    return varint(ServerPacket.PROGRESS) + b"".join(map(varint, counts))


def profile_packet(rows: int, blocks: int, size: int) -> bytes:
    """What a query's result was: rows, blocks and bytes; nothing is said about LIMIT."""
    limit_unknown = b"\0" + varint(0) + b"\0"
    return varint(ServerPacket.PROFILE_INFO) + varint(rows) + varint(blocks) + varint(size) + limit_unknown
