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
    "nothing is held about {}": "没有关于 {0} 的数据",
    "these are no heads of the audit": "这不是审计链的末端文件",
    "the audit is not as it was written: {} faults": "审计已被改动：{0} 处异常",
    "see docs/how-to/member-rights.md": "见 docs/how-to/member-rights.md",
    "there is no request {}": "没有申请 {0}",
    "a request says what is wrong": "申请须写明何处有误",
    "nothing would be corrected": "没有指定任何更正",
    "--withdraw, --events or --roster": "--withdraw、--events 或 --roster",
    "an event would not count: {}: {}": "事件不会被采纳：{0}：{1}",
    "an event is about another member": "事件属于其他成员",
    "a decision needs a reason": "决定须写明理由",
    "the request is {} already": "申请已是 {0} 状态",
    "not valid rules of retention: {}": "保存期规则无效：{0}",
    "the rule of retention for {} is not sound": "表 {0} 的保存期规则有误",
    "{} may be set to less than {}": "{0} 可被设为少于 {1}",
    "the rules of retention are not those of the tables about persons": "保存期规则与涉及个人的表不一致",
    "the audit must be kept at least {} days": "审计须至少保存 {0} 天",
    "openssl rand -hex 32": "可用 openssl rand -hex 32 生成",
}
