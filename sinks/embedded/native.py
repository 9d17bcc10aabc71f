"""Native blocks as a server writes them to a client that names a protocol version.

chDB writes Native without the block header and with ``DateTime('Zone')`` cut to ``DateTime``, as servers do for
clients that name no version. clickhouse-connect names one, and reads the zone of a column from its type.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from sinks.embedded.errors import server_exception

Patch: TypeAlias = Callable[[bytes, int], bytes]
Columns: TypeAlias = Sequence[tuple[str, str]]

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


def rows_of(block: bytes) -> int:
    """Number of rows that a block says it has."""
    position, numbers = 0, []
    for _ in range(2):
        value = shift = 0
        while True:
            byte = block[position]
            position += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        numbers.append(value)
    return numbers[1]


def patcher(columns: Callable[[], Columns]) -> Patch:
    """A function of (block, rows) that adds the block header and the zones of DateTime columns.

    ``columns`` gives the result's columns, (name, type), in order; it is asked once, and only if a block has a
    plain DateTime column, for asking costs a query.
    """
    known: Columns | None = None

    def patch(block: bytes, rows: int) -> bytes:
        nonlocal known
        if rows_of(block) != rows:
            raise server_exception(
                48, "NOT_IMPLEMENTED", "The embedded engine gave several blocks where one was expected"
            )
        if _PLAIN in block:
            if known is None:
                known = columns()
            block = _with_zones(block, rows, known)
        return BLOCK_INFO + block

    return patch


def _with_zones(block: bytes, rows: int, columns: Columns) -> bytes:
    """Give DateTime columns their declared types.

    Where a column starts is known only by decoding all before it, so it is looked for; the same bytes may stand
    in somebody's text, but then not with four bytes a row and the next column's head, or the end, behind them.
    """
    start = 0
    for index, (name, declared) in enumerate(columns):
        if not declared.startswith("DateTime("):
            continue
        head = _text(name) + _PLAIN
        following = b""
        if index + 1 < len(columns):
            next_name, next_type = columns[index + 1]
            following = _text(next_name) + _text("DateTime" if next_type.startswith("DateTime(") else next_type)
        found = block.find(head, start)
        while found >= 0:
            end = found + len(head) + 4 * rows
            if (block.startswith(following, end)) if following else end == len(block):
                break
            found = block.find(head, found + 1)
        if found < 0:
            raise server_exception(
                1002, "UNKNOWN_EXCEPTION", f"Column {name} is not where its type says in a Native block"
            )
        block = block[:found] + _text(name) + _text(declared) + block[found + len(head) :]
        start = found
    return block


def _text(value: str) -> bytes:
    data = value.encode("utf-8", "surrogateescape")
    return leb128(len(data)) + data
