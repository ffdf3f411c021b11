"""A client's socket: packets and blocks in and out, compressed where the client's query asked for it."""

import select
import socket
import threading

from deploy.embedded.clickhouse import compression, native
from deploy.embedded.clickhouse.native import Block
from deploy.embedded.clickhouse.protocol import (
    ClientPacket,
    ProtocolError,
    ServerPacket,
    WireReader,
    read_text,
    read_varint,
    text,
    varint,
)

__all__ = ["Wire"]

_RECEIVE_BYTES = 1 << 20
# BlockInfo: field 1, is_overflows = 0; field 2, bucket_num = -1; the end.
_BLOCK_INFO = b"\x01\x00\x02\xff\xff\xff\xff\x00"


class Wire:
    """Both directions of a client's socket. One thread reads; any may `send`, a packet at a time.

    `compressed` holds for the blocks of the present query. Reading raises EOFError at the client's end.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.compressed = False
        self.reader = WireReader(self._receive)
        self._frames = WireReader(lambda: compression.decompress(self.reader))
        self._scratch = bytearray(_RECEIVE_BYTES)
        self._sending = threading.Lock()

    def send(self, packet: bytes) -> None:
        """Send a whole packet; blocks as long as the client does not read."""
        with self._sending:
            self.socket.sendall(packet)

    def send_block(self, raw: bytes) -> None:
        """Send a block in a Data packet."""
        head, body = varint(ServerPacket.DATA) + text(""), _BLOCK_INFO + raw
        self.send(b"".join((head, *compression.compress(body))) if self.compressed else head + body)

    def read_data(self) -> tuple[str, Block]:
        """The next Data packet: the table's name, and the block."""
        number = read_varint(self.reader)
        if number != ClientPacket.DATA:
            raise ProtocolError(f"packet {number} came where a block of rows was expected")
        name = read_text(self.reader)
        reader = self._frames if self.compressed else self.reader
        while field := read_varint(reader):  # BlockInfo
            reader.read(1 if field == 1 else 4)
        return name, native.read_block(reader)

    def read_tables(self) -> dict[str, list[Block]]:
        """The blocks of external tables that follow each query, by table, up to the empty one."""
        tables: dict[str, list[Block]] = {}
        while True:
            name, block = self.read_data()
            if not block.columns:
                return tables
            tables.setdefault(name, []).append(block)

    def wants_cancel(self) -> bool:
        """Whether a Cancel, or the client's end, is what comes next; takes nothing from it.

        For another thread, while the one that reads is busy with a query.
        """
        unread = self.reader.buffer[self.reader.position : self.reader.current_buffer_size]
        if unread:  # it came in one piece with the query
            return bool(unread[0] == ClientPacket.CANCEL)
        try:
            if not select.select([self.socket], [], [], 0)[0]:
                return False
            return self.socket.recv(1, socket.MSG_PEEK) in {b"", bytes([ClientPacket.CANCEL])}
        except (OSError, ValueError):  # reset, or closed since by its own thread
            return True

    def _receive(self) -> bytearray:
        return self._scratch[: self.socket.recv_into(self._scratch)]
