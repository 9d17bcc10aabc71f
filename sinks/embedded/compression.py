"""Content codings of HTTP bodies, incremental in both directions.

``br`` is offered when the ``brotli`` package is installed. ``lz4`` means the LZ4 frame format, as on a server.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Protocol

import zstandard

from sinks.embedded.errors import ServerException, server_exception


class Coder(Protocol):
    """Turns a stream of chunks into another; ``finish`` gives what is left."""

    def feed(self, chunk: bytes) -> bytes:
        """Bytes that ``chunk`` completes, possibly none."""

    def finish(self) -> bytes:
        """The end of the stream."""


class _Identity:
    def feed(self, chunk: bytes) -> bytes:
        return chunk

    def finish(self) -> bytes:
        return b""


class _Wrapped:
    """An object of a compression library, as a Coder."""

    def __init__(self, feed: Callable[[bytes], bytes], finish: Callable[[], bytes], head: bytes = b"") -> None:
        self._feed, self._finish, self._head = feed, finish, head

    def feed(self, chunk: bytes) -> bytes:
        head, self._head = self._head, b""
        return head + self._feed(chunk)

    def finish(self) -> bytes:
        head, self._head = self._head, b""
        return head + self._finish()


class _Members:
    """Decoder for codings whose streams may be several frames one after another (zstd, lz4, gzip)."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make, self._decoder = make, make()
        self._fresh = True

    def feed(self, chunk: bytes) -> bytes:
        out = []
        while chunk:
            if self._decoder.eof:
                self._decoder = self._make()
            out.append(self._decoder.decompress(chunk))
            self._fresh = False
            chunk = self._decoder.unused_data if self._decoder.eof else b""
        return b"".join(out)

    def finish(self) -> bytes:
        if not self._fresh and not self._decoder.eof:
            raise ValueError("the compressed stream ends early")
        return b""


_lz4: Any = import_module("lz4.frame")  # has no type stubs


def _brotli() -> Any:
    return import_module("brotli") if find_spec("brotli") else None


def _lz4_encoder(_level: int) -> Coder:
    frame = _lz4.LZ4FrameCompressor()
    return _Wrapped(frame.compress, frame.flush, head=frame.begin())


def _zlib_encoder(bits: int) -> Callable[[int], Coder]:
    def make(level: int) -> Coder:
        packer = zlib.compressobj(level, zlib.DEFLATED, bits)
        return _Wrapped(packer.compress, packer.flush)

    return make


def _zstd_encoder(level: int) -> Coder:
    packer = zstandard.ZstdCompressor(level=level).compressobj()
    return _Wrapped(packer.compress, packer.flush)


def _br_encoder(level: int) -> Coder:
    packer = _brotli().Compressor(quality=level)
    return _Wrapped(packer.process, packer.finish)


def _br_decoder() -> Coder:
    unpacker = _brotli().Decompressor()
    return _Wrapped(unpacker.process, lambda: b"")


# On loopback the fastest coding serves best, so lz4 comes before the denser ones.
_ENCODERS: dict[str, Callable[[int], Coder]] = {
    "lz4": _lz4_encoder,
    "zstd": _zstd_encoder,
    "br": _br_encoder,
    "gzip": _zlib_encoder(31),
    "deflate": _zlib_encoder(15),
}
_DECODERS: dict[str, Callable[[], Coder]] = {
    "lz4": lambda: _Members(_lz4.LZ4FrameDecompressor),
    "zstd": lambda: _Members(lambda: zstandard.ZstdDecompressor().decompressobj()),
    "br": _br_decoder,
    "gzip": lambda: _Members(lambda: zlib.decompressobj(31)),
    "deflate": lambda: _Members(lambda: zlib.decompressobj(15)),
}


def choose(accept: str) -> str:
    """The coding to answer with for an ``Accept-Encoding`` header; empty for none."""
    wanted = {}
    for part in accept.lower().split(","):
        name, _, quality = part.strip().partition(";")
        wanted[name.strip()] = quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    for name in _ENCODERS:
        if wanted.get(name) and (name != "br" or find_spec("brotli")):
            return name
    return ""


def encoder(name: str, level: int = 3) -> Coder:
    """Encoder for a coding that ``choose`` returned; ``level`` is ``http_zlib_compression_level``."""
    return _ENCODERS[name](max(1, min(9, level))) if name else _Identity()


def decoder(name: str) -> Coder:
    """Decoder for a request's ``Content-Encoding``.

    Raises ServerException 89 when the coding is unknown or its library is missing.
    """
    name = name.strip().lower()
    if name in ("", "identity"):
        return _Identity()
    if name not in _DECODERS or (name == "br" and not find_spec("brotli")):
        raise server_exception(89, "UNKNOWN_COMPRESSION_METHOD", f"Unknown compression method: {name}")
    return _DECODERS[name]()


def bad_body(name: str, error: Exception) -> ServerException:
    """What is told to a client whose body does not decode."""
    return server_exception(354, "ZLIB_INFLATE_FAILED", f"Cannot decode the {name} body of the request: {error}")
