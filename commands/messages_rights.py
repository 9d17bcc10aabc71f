"""Errors about members' rights, the audit and keys, in Chinese; see ``messages``."""

from __future__ import annotations

RIGHTS: dict[str, str] = {
    "the secret is not the one with which members were erased": "密钥与删除成员时所用的不同",
    "the secret is not the one with which the audit was written": "密钥与写审计时所用的不同",
    "all processes need the same: setting member_key, or the file member.key": (
        "所有进程须用同一密钥：设置 member_key，或文件 member.key"
    ),
    "the secret must be at least 64 hexadecimal digits": "密钥至少须有 64 位十六进制数字",
    "openssl rand -hex 32": "可用 openssl rand -hex 32 生成",
}
