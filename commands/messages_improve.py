"""Chinese texts of errors about improvements; see ``messages.py``."""

from __future__ import annotations

IMPROVE: dict[str, str] = {
    "an improvement comes from a suggestion or names a problem": "整改事项须出自报告的建议，或写明问题（二者取一）",
    "--suggestion or --problem": "--suggestion 或 --problem",
    "improvements are switched off here": "此处没有启用整改事项",
    "add improvement to families": "请在设置 families 中加入 improvement",
    "a suggestion is one of the report of a period": "建议出自某一时段的报告",
    "--from and --to": "--from 与 --to",
    "the report has {} suggestions": "报告有 {0} 条建议",
    "there is no such improvement": "没有这个整改事项",
    "the improvement is open": "该整改事项尚未销号",
    "the improvement is closed": "该整改事项已销号",
    "xuejing improve reopen, if it goes on": "如须继续，请用 xuejing improve reopen",
    "the same improvement is open": "同一问题已有未销号的整改事项",
    "{} lies ahead": "{0} 尚未到来",
    "the improvement was raised on {}": "该整改事项 {0} 才提出",
    "the latest step was taken on {}": "最近一步在 {0}，不能早于它",
    "the due day lies before {}": "期限早于 {0}",
    "--on enters a step afterwards": "补登以前的步骤，请用 --on 写明日期",
    "the knowledge point or question is missing": "请写明是哪个知识点或哪道题目",
    "{} is not in the catalogue": "目录中没有 {0}",
    "{} is not below {}": "{0} 不在 {1} 之下",
}
