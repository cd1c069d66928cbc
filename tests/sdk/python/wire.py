"""Requests and answers as bytes: event streams, and forms that no library would write."""

import contextlib
import json
import socket
import uuid
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx2
import schemas


@dataclass
class Event:
    name: str | None
    data: str

    def json(self) -> dict:
        return json.loads(self.data)


def events_of(text: str) -> list[Event]:
    """The events of a stream; fails on what breaks clients (ids, retries, events without data)."""
    assert text.endswith("\n\n"), "the stream ends in an unfinished event"
    events = []
    for block in text.split("\n\n")[:-1]:
        name, data = None, []
        for line in block.split("\n"):
            if line.startswith(":"):
                continue
            field, _, value = line.partition(": ")
            assert field in ("event", "data"), f"odd line {line[:80]!r}"
            assert value not in ("", "{}"), f"empty {field}"
            if field == "data":
                data.append(value)
            else:
                name = value
        assert len(data) == 1, f"{len(data)} data lines in {block[:80]!r}"
        events.append(Event(name, data[0]))
    return events


def check_stream_headers(answer: httpx2.Response) -> None:
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "no-cache" in answer.headers["cache-control"]
    assert answer.headers["x-accel-buffering"] == "no"
    assert answer.headers["x-request-id"]
    assert "content-encoding" not in answer.headers


@dataclass
class Part:
    """A part of a form, its headers written out."""

    headers: list[str]
    body: bytes

    @classmethod
    def text(cls, name: str, value: str, *more: str) -> "Part":
        return cls([f'Content-Disposition: form-data; name="{name}"', *more], value.encode())

    @classmethod
    def file(cls, name: str, body: bytes, filename: str | None = "blob", media_type: str | None = "image/png") -> "Part":
        disposition = f'Content-Disposition: form-data; name="{name}"'
        if filename is not None:
            disposition += f'; filename="{filename}"'
        return cls([disposition, *([f"Content-Type: {media_type}"] if media_type else [])], body)


def form(parts: list[Part], boundary: str = "", preamble: bytes = b"", epilogue: bytes = b"") -> tuple[bytes, str]:
    """A body and its boundary."""
    boundary = boundary or f"----{uuid.uuid4().hex}"
    body = preamble
    for part in parts:
        head = "".join(f"{line}\r\n" for line in part.headers)
        body += f"--{boundary}\r\n{head}\r\n".encode() + part.body + b"\r\n"
    return body + f"--{boundary}--\r\n".encode() + epilogue, boundary


def send_raw(url: str, head: list[str], pieces: list[bytes], seconds: float = 20) -> tuple[int, dict[str, str], bytes]:
    """Sends lines of a head and pieces of a body as they are, and reads the answer to the end of the connection."""
    place = urlsplit(url)
    with socket.create_connection((place.hostname, place.port), timeout=seconds) as wire:
        wire.sendall("".join(f"{line}\r\n" for line in [*head, ""]).encode())
        # A server may stop listening, but what it said must still arrive.
        with contextlib.suppress(BrokenPipeError):
            for piece in pieces:
                wire.sendall(piece)
        received = b""
        while piece := wire.recv(65536):
            received += piece
    top, _, body = received.partition(b"\r\n\r\n")
    status, *lines = top.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if headers.get("transfer-encoding") == "chunked":
        body = dechunked(body)
    code = int(status.split(" ")[1])
    if code != 100 and not headers.get("content-type", "").startswith("text/event-stream"):
        schemas.note(" ".join(head[0].split(" ")[:2]), code, headers, body)
    return code, headers, body


def dechunked(rest: bytes) -> bytes:
    """What a body in chunked transfer coding says."""
    body = b""
    while True:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        if length == 0:
            return body
        body, rest = body + rest[:length], rest[length + 2 :]


def chunked(pieces: list[bytes]) -> list[bytes]:
    """A body in chunked transfer coding."""
    return [f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in pieces if piece] + [b"0\r\n\r\n"]
