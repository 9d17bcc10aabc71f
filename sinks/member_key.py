"""The secret of keyed hashes: from a setting, or from a file that is made once in the data folder."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from schemas.errors import ConfigError
from schemas.keyed import MemberKey
from schemas.settings import Settings

KEY_FILE = "member.key"


def member_key(settings: Settings) -> MemberKey:
    """The key of ``settings``: the setting ``member_key``, else ``member.key`` in the data folder, which is made (mode
    0600) where there is none. Raises ConfigError for a secret that is too short.

    Processes on several machines need the setting; those that have another secret than the store's hashes were made
    with are told so by whoever uses the hashes.
    """
    if settings.member_key:
        return _key(settings.member_key, "member_key")
    path = settings.folder / KEY_FILE
    if not path.exists():
        _make(path)
    return _key(path.read_text("ascii").strip(), str(path))


def _key(text: str, where: str) -> MemberKey:
    try:
        return MemberKey(bytes.fromhex(text))
    except ValueError:
        raise ConfigError(
            "the secret must be at least 64 hexadecimal digits", where=where, hint="openssl rand -hex 32"
        ) from None


def _make(path: Path) -> None:
    """Write a new secret. Of processes that do so at once, one wins and all read the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_hex(32) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        temporary.unlink()
