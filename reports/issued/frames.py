"""Frames as bytes to keep, and as a hash of what they say."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import msgspec
import polars as pl
from polars import selectors

from reports.issued.source import Snapshot
from sinks.read.generations import GenerationInfo

ROWS_A_STEP = 50_000


class _Kept(msgspec.Struct, forbid_unknown_fields=True):
    """A snapshot without its frames: what the register keeps of it."""

    generation: dict[str, Any]
    imports: dict[str, int]
    frames: dict[str, str]
    options: dict[str, str]


def content_hash(snapshot: Snapshot) -> str:
    """SHA-256 over calls, columns and rows: independent of how they are stored, and of versions of libraries."""
    digest = hashlib.sha256()
    digest.update(msgspec.json.encode([snapshot.generation.number, snapshot.generation.timezone]))
    digest.update(msgspec.json.encode([snapshot.generation.rules, sorted(snapshot.imports.items())]))
    for call, frame in sorted(snapshot.frames.items()):
        digest.update(msgspec.json.encode([call, [[n, str(t)] for n, t in frame.schema.items()], frame.height]))
        # Days and instants as numbers: their text is a matter of taste.
        numbers = frame.with_columns(selectors.temporal().to_physical(), selectors.binary().bin.encode("hex"))
        for part in numbers.iter_slices(ROWS_A_STEP):
            digest.update(part.write_ndjson().encode())
    return digest.hexdigest()


def packed(snapshot: Snapshot) -> tuple[str, dict[str, bytes]]:
    """The snapshot as JSON that names its frames by hash, and those frames as Parquet by the SHA-256 of the bytes."""
    data: dict[str, bytes] = {}
    names: dict[str, str] = {}
    for call, frame in snapshot.frames.items():
        buffer = io.BytesIO()
        frame.write_parquet(buffer, compression="zstd")
        content = buffer.getvalue()
        names[call] = hashlib.sha256(content).hexdigest()
        data[names[call]] = content
    kept = _Kept(asdict(snapshot.generation), dict(snapshot.imports), names, dict(snapshot.options))
    return msgspec.json.encode(kept).decode(), data


def names_of(text: str) -> frozenset[str]:
    """Hashes of the frames that a packed snapshot names."""
    return frozenset(msgspec.json.decode(text, type=_Kept).frames.values()) if text else frozenset()


def unpacked(text: str, data: Mapping[str, bytes]) -> Snapshot:
    """The inverse of ``packed``; ``data`` holds at least the frames that it names."""
    kept = msgspec.json.decode(text, type=_Kept)
    frames = {call: pl.read_parquet(io.BytesIO(data[name])) for call, name in kept.frames.items()}
    return Snapshot(GenerationInfo(**kept.generation), kept.imports, frames, kept.options)
