"""Errors about members' rights, the audit and keys, in Chinese; see ``messages``."""

from __future__ import annotations

RIGHTS: dict[str, str] = {
    "there is no secret for keyed hashes of members": "没有设置成员散列密钥",
    "the same for all processes: openssl rand -hex 32": "所有进程须用同一密钥，可用 openssl rand -hex 32 生成",
    "the secret must be at least 64 hexadecimal digits": "密钥至少须有 64 位十六进制数字",
    "openssl rand -hex 32": "可用 openssl rand -hex 32 生成",
}
