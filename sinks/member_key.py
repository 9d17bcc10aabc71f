"""The secret of keyed hashes: from a setting, or from a file that is made once beside the embedded store."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from schemas.errors import ConfigError
from schemas.keyed import MemberKey
from schemas.settings import Settings

KEY_FILE = "member.key"


def member_key(settings: Settings) -> MemberKey:
    """The key of ``settings``. Without the setting ``member_key`` it is read from ``member.key`` in the data folder,
    which is made (mode 0600) where there is none and the store is the embedded one.

    Raises ConfigError: on servers, where every process must have the same secret, it has to be set.
    """
    if settings.member_key:
        return _key(settings.member_key, "member_key")
    path = settings.folder / KEY_FILE
    if not path.exists():
        if not settings.embedded_store:
            raise ConfigError(
                "there is no secret for keyed hashes of members",
                where="member_key",
                hint="the same for all processes: openssl rand -hex 32",
            )
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
