"""Tokens: ``xj_ID_SECRET``. The secret is shown once; what is kept is the id and a hash of the whole.

The secret has 256 random bits, so that its plain SHA-256 can't be searched for: a slow hash as of passwords would add
nothing but time to every request.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import NamedTuple

PREFIX = "xj"
"""What tokens begin with, so that scans for secrets find them."""
ID_BYTES, SECRET_BYTES = 8, 32
_FORM = re.compile(rf"{PREFIX}_([0-9a-f]{{{2 * ID_BYTES}}})_[0-9a-f]{{{2 * SECRET_BYTES}}}", re.ASCII)


class NewToken(NamedTuple):
    """A token that was just made: ``text`` is for its bearer, and kept nowhere."""

    principal_id: str
    text: str
    hash: str


def new_token() -> NewToken:
    """A token from the system's source of randomness."""
    principal_id = secrets.token_hex(ID_BYTES)
    text = f"{PREFIX}_{principal_id}_{secrets.token_hex(SECRET_BYTES)}"
    return NewToken(principal_id, text, _hash(text))


def token_id(token: str) -> str | None:
    """The principal that a token names, None where it has not the form of one."""
    found = _FORM.fullmatch(token)
    return found.group(1) if found else None


def matches(token: str, kept: str) -> bool:
    """Whether a token is the one that a hash is of; takes as long for a wrong one as for the right one."""
    return hmac.compare_digest(_hash(token), kept)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
