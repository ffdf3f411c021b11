"""Compressed frames of the native protocol: LZ4 with a CityHash128 before it, where both are installed.

Without `lz4` and `clickhouse-cityhash` the server declines compression; it never answers in plain bytes
to a client that asked for frames.
"""

import struct
from collections.abc import Iterator

from deploy.embedded.clickhouse.protocol import ProtocolError, QueryError, WireReader

try:
    from clickhouse_cityhash.cityhash import CityHash128
    from lz4 import block as lz4
except ImportError:
    lz4 = None

__all__ = ["available", "compress", "declined", "decompress"]

_LZ4 = 0x82
_CHECKSUM, _HEAD = 16, 9  # bytes: the hash; method, size with this head, size unpacked
_FRAME = 1 << 20  # bytes of plain data in a frame
_FRAME_LIMIT = 1 << 30  # ClickHouse's own limit (DBMS_MAX_COMPRESSED_SIZE)
_UNKNOWN_COMPRESSION_METHOD = 89


def available() -> bool:
    """Whether frames can be written and read here."""
    return lz4 is not None


def declined() -> QueryError:
    """What a client that asks for compression is told where it is not available."""
    message = (
        "the embedded ClickHouse has no compression here: connect with compression=False, "
        "or install the packages lz4 and clickhouse-cityhash beside it"
    )
    return QueryError(_UNKNOWN_COMPRESSION_METHOD, message)


def compress(plain: bytes) -> Iterator[bytes]:
    """`plain` as frames of up to 1 MiB each."""
    for start in range(0, len(plain), _FRAME):
        part = plain[start : start + _FRAME]
        packed = lz4.compress(part, store_size=False)
        frame = struct.pack("<BII", _LZ4, len(packed) + _HEAD, len(part)) + packed
        yield _checksum(frame) + frame


def decompress(reader: WireReader) -> bytearray:
    """The plain bytes of the next frame; raises ProtocolError for a broken one."""
    checksum, head = bytes(reader.read(_CHECKSUM)), bytes(reader.read(_HEAD))
    method, size, plain_size = struct.unpack("<BII", head)
    if not _HEAD <= size <= _FRAME_LIMIT or plain_size > _FRAME_LIMIT:
        raise ProtocolError(f"a compressed frame says that it has {size} bytes, {plain_size} unpacked")
    body = bytes(reader.read(size - _HEAD))
    if _checksum(head + body) != checksum:
        raise ProtocolError("the checksum of a compressed frame does not match")
    match method:
        case 0x82:
            return bytearray(lz4.decompress(body, uncompressed_size=plain_size))
        case 0x02:
            return bytearray(body)
        case _:
            raise ProtocolError(f"compression method {method:#x} is not known here: use compression='lz4'")


def _checksum(frame: bytes) -> bytes:
    number: int = CityHash128(frame)
    return struct.pack("<QQ", number >> 64, number & 0xFFFF_FFFF_FFFF_FFFF)
