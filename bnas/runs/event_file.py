"""TensorBoard's event files: scalars as protocol buffers, framed as TFRecord.

Written by hand, because the libraries that write them load PyTorch and put the machine's name into
the file's. The messages are Event (wall_time = 1, step = 2, file_version = 3, summary = 5), Summary
(value = 1) and Value (tag = 1, simple_value = 2) of TensorFlow's event.proto and summary.proto. A
record is its length as a 64-bit integer, that one's checksum, the message, and its checksum, all
little-endian.
"""

import struct
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final

# Fields of a message: their number, and how the value is written.
_DOUBLE, _BYTES, _FLOAT, _INTEGER = 1, 2, 5, 0
_HEADER: Final = struct.Struct("<QI")
_CHECKSUM: Final = struct.Struct("<I")


def beginning(wall_time: float) -> bytes:
    """The record that every event file begins with."""
    return _record(_field(1, _DOUBLE, struct.pack("<d", wall_time)) + _text(3, b"brain.Event:2"))


def scalars(values: Mapping[str, float], *, step: int, wall_time: float) -> bytes:
    """One record with all scalars of a step, by their tags."""
    summary = b"".join(
        _text(1, _text(1, tag.encode()) + _field(2, _FLOAT, struct.pack("<f", value)))
        for tag, value in values.items()
    )
    head = _field(1, _DOUBLE, struct.pack("<d", wall_time)) + _field(2, _INTEGER, _varint(step))
    return _record(head + _text(5, summary))


def steps(content: bytes) -> Iterator[tuple[int, int]]:
    """The step of each whole record, 0 for the first, and where the record ends, in bytes.

    Ends where a record is cut off or, as after a power cut, is not what was written.
    """
    place = 0
    while place + _HEADER.size <= len(content):
        length, _ = _HEADER.unpack_from(content, place)
        end = place + _HEADER.size + length + _CHECKSUM.size
        message = content[place + _HEADER.size : end - _CHECKSUM.size]
        if content[place:end] != _record(message):
            return
        yield _step(message), end
        place = end


def _step(event: bytes) -> int:
    """The step of a message that `scalars` wrote; that of `beginning` has none, which is 0."""
    after_time = 1 + struct.calcsize("<d")
    if event[after_time] != 2 << 3 | _INTEGER:
        return 0
    value = 0
    for shift, byte in enumerate(event[after_time + 1 :]):
        value |= (byte & 0x7F) << 7 * shift
        if byte < 0x80:
            break
    return value


def _record(message: bytes) -> bytes:
    length = struct.pack("<Q", len(message))
    return length + _checksum(length) + message + _checksum(message)


def _field(number: int, kind: int, value: bytes) -> bytes:
    return bytes([number << 3 | kind]) + value


def _text(number: int, value: bytes) -> bytes:
    return _field(number, _BYTES, _varint(len(value)) + value)


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the highest bit says that another byte follows."""
    content = bytearray()
    while value >= 0x80:
        content.append(value & 0x7F | 0x80)
        value >>= 7
    content.append(value)
    return bytes(content)


def _checksum(content: bytes) -> bytes:
    """CRC-32C, rotated and shifted so that a checksum of data with checksums is no weaker."""
    table = _crc_table()
    crc = 0xFFFFFFFF
    for byte in content:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return _CHECKSUM.pack(((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


@lru_cache(maxsize=1)
def _crc_table() -> tuple[int, ...]:
    """What each byte does to a CRC-32C (the reflected polynomial of Castagnoli)."""
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
        table.append(crc)
    return tuple(table)
