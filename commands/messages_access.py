"""Errors about roles, tokens and what may be asked of aggregates, in Chinese; see ``messages``."""

from __future__ import annotations

ACCESS: dict[str, str] = {
    "there is no role {}": "没有角色 {0}",
    "a {} is a {}, not a {}": "{0} 的类别是 {1}，不是 {2}",
    "a {} sees {}, not {}": "{0} 的详细程度是 {1}，不是 {2}",
    "own records are those of a member, and of no organisation": "本人记录须指定成员，不带组织",
    "a {} needs an organisation": "{0} 须指定组织",
    "a {} has no organisation": "{0} 不带组织",
    "a token must last longer than nothing": "令牌有效期须大于零",
    "a label is one line": "备注只能有一行",
    "organisation {} is not in the roster": "名册中没有组织 {0}",
    "a {} belongs to {}; {} is {}": "{0} 须属于 {1}；{2} 是 {3}",
    "member {} is not in the roster": "名册中没有成员 {0}",
    "there is no principal {}": "没有编号为 {0} 的令牌",
    "the embedded engine has one user, its owner": "嵌入式引擎只有一个用户，即其所有者",
    "SQL for others needs a ClickHouse server; --dry-run prints what it would get": (
        "供他人使用 SQL 须有 ClickHouse 服务器；--dry-run 打印将写入的内容"
    ),
    "{} can't be asked for aggregates: it is about single members": "{0} 涉及个别成员，不能按汇总范围查询",
    "aggregates can't be asked by {}: the difference of two answers would be about few": (
        "汇总查询不能按 {0} 筛选：两次结果相减会涉及少数人"
    ),
    "aggregates of {} are asked by whole quarters that are over": "{0} 的汇总须按已结束的完整季度查询",
    "--from 2026-01-01 --to 2026-03-31": "例如 --from 2026-01-01 --to 2026-03-31",
    "aggregates of {} are asked of the scope's organisation as a whole": "{0} 的汇总只能对范围内的整个组织查询",
    "leave out --org, or name the organisation of the scope": "去掉 --org，或写范围所在的组织",
    "{} does not answer a scope of detail {}": "{0} 不能按“{1}”的详细程度查询",
    "it answers {}": "可查询的详细程度：{0}",
    "{} can't be asked for {} detail": "{0} 不能按“{1}”的详细程度查询",
    "it can for {}": "可查询的详细程度：{0}",
    "ask without it": "请去掉后再查",
    "ask {}": "可查询 {0}",
    "ask branch-day or branches": "可查询 branch-day 或 branches",
}

DETAILS = {"own": "本人", "named": "具名", "aggregate": "汇总"}
"""Levels of detail, as people read them in an error."""
