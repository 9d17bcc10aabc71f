"""What a request carries: decompressed within bounds, and split into the bytes of its events.

Three shapes: one JSON object or an array; NDJSON; and an envelope ``{"key", "token", "sent_at", "events": […]}`` for
``navigator.sendBeacon``, which can set no headers.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import datetime

import msgspec
import zstandard

from .keys import Refused

MAX_BODY = 1 << 20
MAX_PLAIN = 8 << 20
MAX_EVENTS = 1000


class Envelope(msgspec.Struct):
    """A flush with what other clients put into headers."""

    events: list[msgspec.Raw]
    key: str = ""
    token: str = ""
    sent_at: datetime | None = None


class _Probe(msgspec.Struct):
    events: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_envelope = msgspec.json.Decoder(Envelope).decode
_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_probe = msgspec.json.Decoder(_Probe).decode
_flat = msgspec.json.Decoder().decode


@dataclass(slots=True)
class Flush:
    """Events of one request, each on one line."""

    lines: list[bytes]
    key: str = ""
    token: str = ""
    sent_at: datetime | None = None


def plain(body: bytes, coding: str) -> bytes:
    """The body without its Content-Encoding. Raises Refused; never holds more than ``MAX_PLAIN`` bytes."""
    coding = coding.strip().lower()
    if coding in ("", "identity"):
        return body
    try:
        if coding in ("gzip", "x-gzip"):
            reader = zlib.decompressobj(31)
            found = reader.decompress(body, MAX_PLAIN + 1)
            whole = reader.eof and not reader.unused_data
        elif coding == "zstd":
            stream = zstandard.ZstdDecompressor(max_window_size=MAX_PLAIN).decompressobj(read_across_frames=False)
            found, whole = _zstd(stream, body)
        else:
            raise Refused(415, "unsupported_encoding", f"Content-Encoding {coding[:40]} is not gzip or zstd")
    except (zlib.error, zstandard.ZstdError) as error:
        raise Refused(400, "bad_encoding", f"the body is not {coding}: {error}") from None
    if len(found) > MAX_PLAIN:
        raise Refused(413, "too_large", f"more than {MAX_PLAIN} bytes when decompressed")
    if not whole:
        raise Refused(400, "bad_encoding", f"the {coding} body is cut or followed by something")
    return found


def _zstd(stream: zstandard.ZstdDecompressionObj, body: bytes) -> tuple[bytes, bool]:
    # In small pieces: the library has no bound on what one call gives, and 512 bytes expand to 64 MiB at the most.
    parts: list[bytes] = []
    size = 0
    for at in range(0, len(body), 512):
        if stream.eof:
            return b"".join(parts), False
        parts.append(stream.decompress(body[at : at + 512]))
        size += len(parts[-1])
        if size > MAX_PLAIN:
            break
    return b"".join(parts), stream.eof and not stream.unused_data


def flush_of(body: bytes) -> Flush:
    """The events of a body, each as its own bytes. Raises Refused when it is none of the shapes. A line that is not
    JSON is an event like the others: it gets a verdict of its own."""
    text = body.strip()
    if not text:
        raise Refused(400, "empty", "the body holds no events")
    if text[:1] == b"[":
        try:
            return _bounded(Flush([_line(bytes(raw)) for raw in _array(text)]))
        except (msgspec.DecodeError, RecursionError) as error:
            raise Refused(400, "malformed", f"not a JSON array: {error}") from None
    if b'"events"' in text:
        try:
            if _probe(text).events is not msgspec.UNSET:
                found = _envelope(text)
                return _bounded(
                    Flush([_line(bytes(raw)) for raw in found.events], found.key, found.token, found.sent_at)
                )
        except msgspec.ValidationError as error:
            if b"\n" not in text:
                raise Refused(400, "malformed", f"not an envelope: {error}") from None
        except (msgspec.DecodeError, RecursionError):
            pass  # several lines: NDJSON
    if b"\n" not in text:
        return Flush([text])
    try:
        _flat(text)
    except (msgspec.DecodeError, RecursionError):
        return _bounded(Flush([line.strip() for line in text.split(b"\n") if line.strip()]))
    return Flush([_line(text)])


def _line(raw: bytes) -> bytes:
    # A line break between the tokens of an event would make two lines of it in Kafka.
    return msgspec.json.format(raw, indent=-1) if b"\n" in raw else raw


def _bounded(flush: Flush) -> Flush:
    if len(flush.lines) > MAX_EVENTS:
        raise Refused(413, "too_many", f"{len(flush.lines)} events, at most {MAX_EVENTS} a request")
    if not flush.lines:
        raise Refused(400, "empty", "the body holds no events")
    return flush
