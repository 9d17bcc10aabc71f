"""Native blocks as a server writes them to a client that names a protocol version.

chDB writes Native without the block header and with ``DateTime('Zone')`` cut to ``DateTime``, as servers do for
clients that name no version. clickhouse-connect names one, and reads the zone of a column from its type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

Patch: TypeAlias = Callable[[bytes, int], bytes]

# is_overflows = 0 (field 1), bucket_num = -1 (field 2), end of fields.
BLOCK_INFO = bytes((1, 0, 2, 0xFF, 0xFF, 0xFF, 0xFF, 0))
PROTOCOL_WITH_ZONES = 54337
_PLAIN = b"\x08DateTime"


def leb128(value: int) -> bytes:
    """Variable-length integer as Native has it."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _text(value: str) -> bytes:
    data = value.encode()
    return leb128(len(data)) + data


def patcher(zoned: Callable[[], Mapping[str, str]]) -> Patch:
    """A function of (block, rows) that adds the block header and the zones of DateTime columns.

    ``zoned`` is asked, once and only if a block has plain DateTime columns, for the columns whose declared type
    is ``DateTime('Zone')``: name → type.
    """
    replacements: list[tuple[bytes, bytes]] | None = None

    def patch(block: bytes, _rows: int) -> bytes:
        nonlocal replacements
        if _PLAIN in block:
            if replacements is None:
                replacements = [
                    (_text(name) + _PLAIN, _text(name) + _text(declared)) for name, declared in zoned().items()
                ]
            for plain, full in replacements:
                block = block.replace(plain, full, 1)
        return BLOCK_INFO + block

    return patch
