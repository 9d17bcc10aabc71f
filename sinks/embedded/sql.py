"""What the HTTP interface must know of a statement before the engine sees it: no more than a token scan.

The engine parses SQL; this module only finds where a statement's clauses are, so that a result can be streamed in
the format it asks for and an INSERT's data can be told from its text. Everything is bytes: SQL over HTTP may
carry values that are not UTF-8.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from sinks.embedded.errors import server_exception

_TOKEN = re.compile(
    rb"""(?P<skip>\s+|--[^\n]*|\#[!\x20][^\n]*|/\*.*?\*/)
       |(?P<quoted>'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`(?:[^`\\]|\\.|``)*`|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
       |(?P<word>[A-Za-z_0-9\x80-\xff][\w\x80-\xff]*)
       |(?P<other>.)""",
    re.DOTALL | re.VERBOSE,
)
_OPEN, _CLOSE = frozenset(b"([{"), frozenset(b")]}")

READS = frozenset((b"SELECT", b"WITH", b"FROM", b"SHOW", b"DESCRIBE", b"DESC", b"EXPLAIN", b"EXISTS", b"CHECK"))
_STREAMED = frozenset((b"SELECT", b"WITH", b"FROM"))


@dataclass(frozen=True)
class Token:
    """A token outside whitespace and comments; ``upper`` is empty for quoted text."""

    kind: str
    upper: bytes
    start: int
    end: int
    depth: int


@dataclass(frozen=True)
class Statement:
    """One statement of a request.

    ``text`` has neither inline data nor a final semicolon. ``format`` is the format clause's name: of the result,
    or of the data when ``has_data``; ``data_at`` is where the data begins in the request's bytes. ``format_at``
    is where a FORMAT clause starts in ``text``, or where one may be put (-1 = at the end).
    """

    kind: bytes
    text: bytes
    format: str | None = None
    format_at: int = -1
    has_data: bool = False
    data_at: int = 0
    settings_at: int = -1
    input_call: tuple[int, int] | None = None
    has_totals: bool = False

    @property
    def query(self) -> bytes:
        """``text`` without its FORMAT clause and what follows it."""
        return self.text if self.format_at < 0 else self.text[: self.format_at]

    @property
    def is_read(self) -> bool:
        """Whether it reads only, as far as its first word says."""
        return self.kind in READS

    @property
    def makes_state(self) -> bool:
        """Whether it leaves something in its session."""
        return self.kind == b"SET" or (self.kind == b"CREATE" and b"TEMPORARY" in self.text[:200].upper())

    @property
    def is_select(self) -> bool:
        """Whether the engine can stream its result."""
        return self.kind in _STREAMED


def tokens(sql: bytes) -> Iterator[Token]:
    """Tokens of ``sql`` in order, with the bracket depth that each is at."""
    depth = 0
    for match in _TOKEN.finditer(sql):
        kind = match.lastgroup or ""
        if match.group("quoted") is not None:
            yield Token("quoted", b"", match.start(), match.end(), depth)
        elif kind == "word":
            yield Token("word", match.group().upper(), match.start(), match.end(), depth)
        elif kind == "other":
            char = match.group()[0]
            if char in _CLOSE:
                depth -= 1
            yield Token("other", match.group(), match.start(), match.end(), depth)
            if char in _OPEN:
                depth += 1


def parse(sql: bytes) -> Statement:
    """Find the clauses of the one statement in ``sql``.

    Raises ServerException 62 for an empty request or for several statements, 358 for ``INTO OUTFILE``.
    """
    scan = tokens(sql)
    first = next((token for token in scan if token.upper != b"("), None)
    if first is None:
        raise server_exception(62, "SYNTAX_ERROR", "Syntax error: failed at position 1 (end of query): . Empty query")
    if first.upper == b"INSERT":
        return _parse_insert(sql, scan)
    return _parse_other(sql, first.upper, scan)


def _parse_other(sql: bytes, kind: bytes, scan: Iterator[Token]) -> Statement:
    outer: list[Token] = []
    end, totals = len(sql), False
    for token in scan:
        if token.upper == b";" and token.depth == 0:
            _only_statement(sql, token, scan)
            end = token.start
            break
        if token.depth <= 0:
            outer.append(token)
        if (
            kind == b"WITH"
            and token.upper == b"INTO"
            and outer[-2:-1]
            and outer[-2].upper == b"INSERT"
            and not token.depth
        ):
            return _parse_insert(sql, scan)
        totals = totals or token.upper == b"TOTALS"
    format_name, format_at = None, -1
    for index in range(len(outer) - 2, -1, -1):
        name, after = outer[index + 1], outer[index + 2] if index + 2 < len(outer) else None
        if outer[index].upper == b"FORMAT" and name.kind == "word" and (after is None or after.upper == b"SETTINGS"):
            format_name = sql[name.start : name.end].decode("ascii", "replace")
            format_at = outer[index].start
            break
    if kind in READS:
        for left, right in pairwise(outer):
            if left.upper == b"INTO" and right.upper == b"OUTFILE":
                raise server_exception(358, "INTO_OUTFILE_NOT_ALLOWED", "INTO OUTFILE is not allowed")
    return Statement(kind, sql[:end], format_name, format_at, has_totals=totals)


def _parse_insert(sql: bytes, scan: Iterator[Token]) -> Statement:
    """INSERT: its data starts after VALUES or after FORMAT and its name; SELECT and WITH mean there is none,
    unless the SELECT reads ``input('…')``."""
    name = next(scan, None)
    while name is not None and name.upper in (b"INTO", b"TABLE", b"FUNCTION"):
        name = next(scan, None)
    before, selects, settings_at = b"", False, -1
    input_call: tuple[int, int] | None = None
    for token in scan:
        last, before = before, token.upper
        if token.upper == b"INPUT" and selects:
            input_call = (token.start, token.end)
        if token.upper == b";" and token.depth == 0:
            _only_statement(sql, token, scan)
            return Statement(b"INSERT", sql[: token.start])
        if token.depth > 0 or token.kind != "word" or last == b".":
            continue
        if token.upper == b"VALUES" and not selects:
            return Statement(b"INSERT", sql[: token.start], "Values", token.start, True, token.end, settings_at)
        if token.upper in (b"SELECT", b"WITH", b"WATCH", b"EXPLAIN"):
            selects = True
        elif token.upper == b"SETTINGS" and not selects and settings_at < 0:
            settings_at = token.start
        elif token.upper == b"INFILE" and last == b"FROM":
            raise server_exception(
                48, "NOT_IMPLEMENTED", "Query has infile and was sent directly to server; send the data in the body"
            )
        elif token.upper == b"FORMAT":
            word_token = next(scan, None)
            if word_token is None or word_token.kind != "word":
                continue
            if selects and input_call is None:
                return Statement(b"INSERT", sql)
            start = _after_format(sql, word_token.end)
            word = sql[word_token.start : word_token.end].decode("ascii", "replace")
            return Statement(b"INSERT", sql[: token.start], word, token.start, True, start, settings_at, input_call)
    return Statement(b"INSERT", sql)


def _after_format(sql: bytes, position: int) -> int:
    """Data starts after the line break that follows the format's name, else after the blanks."""
    end = len(sql)
    while position < end and sql[position] in b" \t\f":
        position += 1
    if position < end and sql[position] == 0x0D:
        position += 1
    if position < end and sql[position] == 0x0A:
        position += 1
    return position


def _only_statement(sql: bytes, semicolon: Token, scan: Iterator[Token]) -> None:
    for token in scan:
        if token.upper != b";":
            raise server_exception(
                62,
                "SYNTAX_ERROR",
                "Syntax error (Multi-statements are not allowed): failed at position "
                f"{semicolon.start + 1} (end of query): {sql[semicolon.start :][:60].decode('utf-8', 'replace')}",
            )
