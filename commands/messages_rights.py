"""Errors about members' rights, the audit and keys, in Chinese; see ``messages``."""

from __future__ import annotations

RIGHTS: dict[str, str] = {
    "the secret is not the one with which members were erased": "密钥与删除成员时所用的不同",
    "the secret is not the one with which the audit was written": "密钥与写审计时所用的不同",
    "all processes need the same: setting member_key, or the file member.key": (
        "所有进程须用同一密钥：设置 member_key，或文件 member.key"
    ),
    "the secret must be at least 64 hexadecimal digits": "密钥至少须有 64 位十六进制数字",
    "a rebuild is under way": "正在重建指标",
    "let it finish, then repeat": "请待其结束，然后重试",
    "rows of the member are left: {}": "仍有该成员的行：{0}",
    "end what writes them, then repeat": "请先停止写入它们的程序，然后重试",
    "no member is named": "没有指定成员",
    "xuejing forget MEMBER, or --again": "xuejing forget 成员编号，或 --again",
    "openssl rand -hex 32": "可用 openssl rand -hex 32 生成",
}
