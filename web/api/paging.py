"""Pages of an answer, and the token that continues it. Pure.

Rows that are sorted by member continue within a member, so that a page costs what it holds and rows of others that
arrive meanwhile shift nothing. The rest continues behind a number of rows.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import NamedTuple

import polars as pl

from schemas.errors import InputError

MOST_SKIPPED = 10_000_000
"""Rows that a page may leave out before it begins."""


class Cursor(NamedTuple):
    """Where a page begins: at the member ``since``, None: at the first, and there behind ``skip`` rows."""

    since: str | None = None
    skip: int = 0


START = Cursor()


def encode(cursor: Cursor, question: str) -> str:
    """The token of a cursor. ``question``: a digest of what was asked, so that a token is not used for another."""
    text = json.dumps([1, question, cursor.since, cursor.skip], ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(token: str, question: str) -> Cursor:
    """The cursor of a token. Raises InputError for one that is none, or of another question.

    Nothing depends on who made it: a token says where to go on, and what may be seen is decided by the scope alone.
    """
    try:
        padded = token + "=" * (-len(token) % 4)
        found = json.loads(base64.b64decode(padded.encode(), altchars=b"-_", validate=True))
        version, asked, since, skip = found
        known = version == 1 and isinstance(asked, str) and (since is None or isinstance(since, str))
        if not known or type(skip) is not int or not 0 <= skip <= MOST_SKIPPED:
            raise ValueError
        if since is not None:
            since.encode()  # lone surrogates are no text
    except (binascii.Error, ValueError, TypeError, RecursionError):
        raise InputError("this is no page token of ours", where="page", hint="take it from the header Link") from None
    if asked != question:
        raise InputError(
            "the page token belongs to another question", where="page", hint="repeat all parameters of the first page"
        )
    return Cursor(since, skip)


def cut(frame: pl.DataFrame, cursor: Cursor, size: int, *, by_member: bool) -> tuple[pl.DataFrame, Cursor | None]:
    """The page, and where the next one begins (None: there is none).

    ``frame``: the rows from ``cursor.since`` on, at least ``cursor.skip + size + 1`` of them where there are so many.
    """
    end = cursor.skip + size
    rows = frame.slice(cursor.skip, size)
    if frame.height <= end or not size:
        return rows, None
    if not by_member:
        return rows, Cursor(None, end)
    members = frame["member_id"].head(end)
    return rows, Cursor(members[-1], int((members == members[-1]).sum()))
