"""What stands for a member where their id must not: a keyed hash, and the seal of the audit.

Whoever holds the secret can tell whether a given id is meant; without it, ids can't be found by trying them all.
"""

from __future__ import annotations

import hashlib
import hmac

LEAST_BYTES = 32
"""A secret is at least as long as what SHA-256 gives."""


class MemberKey:
    """HMAC-SHA-256 under one secret, with a domain for each use. The secret appears in no repr."""

    __slots__ = ("_secret", "check")

    def __init__(self, secret: bytes) -> None:
        """Raises ValueError for a secret of fewer than ``LEAST_BYTES``."""
        if len(secret) < LEAST_BYTES:
            raise ValueError(f"the secret has {len(secret)} bytes, fewer than {LEAST_BYTES}")
        self._secret = secret
        self.check = self._digest(b"check", b"")[:16]
        """tells keys apart without telling anything about them; kept beside what was made with one"""

    def of(self, member_id: str) -> str:
        """What stands for a member: 32 hexadecimal digits."""
        return self._digest(b"member", member_id.encode())[:32]

    def seal(self, content: bytes) -> str:
        """Seal of an entry of the audit: 64 hexadecimal digits."""
        return self._digest(b"audit", content)

    def _digest(self, domain: bytes, content: bytes) -> str:
        return hmac.new(self._secret, domain + b"\0" + content, hashlib.sha256).hexdigest()
