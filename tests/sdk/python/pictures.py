"""Small pictures to send, and a look at those that come back."""

import base64
import struct
import zlib
from dataclasses import dataclass

PNG = b"\x89PNG\r\n\x1a\n"


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(side: int = 32, colour: tuple[int, ...] = (200, 80, 40), hole: bool = False) -> bytes:
    """A PNG of one colour; with `hole` it has an alpha channel whose upper half is transparent."""
    kind = 6 if hole else 2
    rows = b""
    for y in range(side):
        alpha = (bytes([0 if y < side // 2 else 255])) if hole else b""
        rows += b"\0" + (bytes(colour) + alpha) * side
    head = struct.pack(">IIBBBBB", side, side, 8, kind, 0, 0, 0)
    return PNG + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")


def large_png(least: int) -> bytes:
    """A PNG padded with a text chunk to at least this many bytes."""
    whole = png()
    return whole[:33] + _chunk(b"tEXt", b"Comment\0" + b"x" * least) + whole[33:]


def without_metadata(data: bytes) -> bytes:
    """A PNG without the chunks that are not needed to decode it: what a platform may see of a caller's picture."""
    kept, at = data[:8], 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        if data[at + 4 : at + 5].isupper():
            kept += data[at : at + 12 + length]
        at += 12 + length
    return kept


def data_uri(picture: bytes, media_type: str = "image/png") -> str:
    return f"data:{media_type};base64,{base64.b64encode(picture).decode()}"


@dataclass
class Seen:
    format: str
    width: int
    height: int


def look(data: bytes) -> Seen:
    """Format and size of a whole PNG, JPEG or WebP; fails on anything else."""
    if data.startswith(PNG):
        return _png(data)
    if data.startswith(b"\xff\xd8"):
        return _jpeg(data)
    assert data[:4] == b"RIFF" and data[8:12] == b"WEBP", f"no picture: {data[:16]!r}"
    assert len(data) == struct.unpack("<I", data[4:8])[0] + 8, "cut WebP"
    return Seen("webp", 0, 0)


def _png(data: bytes) -> Seen:
    at, width, height, pixels, name = 8, 0, 0, b"", b""
    while name != b"IEND":
        length, name = struct.unpack(">I4s", data[at : at + 8])
        content = data[at + 8 : at + 8 + length]
        (crc,) = struct.unpack(">I", data[at + 8 + length : at + 12 + length])
        assert crc == zlib.crc32(name + content), f"wrong CRC in {name!r}"
        if name == b"IHDR":
            width, height = struct.unpack(">II", content[:8])
        if name == b"IDAT":
            pixels += content
        at += 12 + length
    assert at == len(data), "bytes after the end"
    assert zlib.decompress(pixels), "no pixels"
    return Seen("png", width, height)


def _jpeg(data: bytes) -> Seen:
    assert data.endswith(b"\xff\xd9"), "cut JPEG"
    at = 2
    while True:
        assert data[at] == 0xFF, "no marker where one must be"
        marker = data[at + 1]
        (length,) = struct.unpack(">H", data[at + 2 : at + 4])
        if marker in range(0xC0, 0xD0) and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return Seen("jpeg", width, height)
        at += 2 + length
