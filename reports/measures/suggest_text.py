"""The words of a suggestion, Chinese and English. Nothing here judges: a text names the figure and the offer."""

from __future__ import annotations

from typing import Literal

from reports.measures.suggest import Evidence, Finding, Kind, Reason, Suggestion

Lang = Literal["zh", "en"]

ACTIONS: dict[Kind, tuple[str, str]] = {
    "review_question": ("建议复习题目 {subject}", "Review question {subject}"),
    "review_topic": ("建议复习知识点 {subject}", "Review the knowledge point {subject}"),
    "discuss_topic": ("建议在支部讨论知识点 {subject}", "Discuss the knowledge point {subject} in the branch"),
    "offer_help": ("可以询问 {subject} 是否需要帮助", "Ask {subject} whether help would be welcome"),
    "repair_question": ("建议检查题目 {subject}", "Check question {subject}"),
}

REASONS: dict[Reason, tuple[str, str]] = {
    "lapsed": ("解决后又答错 {value:.0f} 次", "went wrong again {value:.0f} time(s) after it was resolved"),
    "repeat_error": (
        "{n} 次答错中有 {value:.0f} 次选了同样的错误选项",
        "{value:.0f} of {n} wrong answers repeated an earlier wrong choice",
    ),
    "second_answer_due": (
        "已答对一次，换一天再答对一次即可解决",
        "answered right once; a second right answer on another day resolves it",
    ),
    "still_open": ("未解决已 {days:.0f} 天", "open for {days:.0f} day(s)"),
    "not_mastered": (
        "根据 {n} 次作答（不计过快作答），掌握概率为 {value:.0%}",
        "probability of mastery {value:.0%} from {n} answers (rapid ones left out)",
    ),
    "confuses_branch": (
        "{n} 人中首次作答答错的占 {value:.0%}（95% 区间 {low:.0%}–{high:.0%}）",
        "{value:.0%} of {n} members got their first answer wrong (95% interval {low:.0%}–{high:.0%})",
    ),
    "not_started": (
        "课程 {detail} 尚未开始，学习期限已过去 {value:.0%}",
        "course {detail} not begun with {value:.0%} of its time gone",
    ),
    "behind_hours": (
        "已完成 {value:.1f} 学时，按均匀进度应为 {other:.1f} 学时",
        "{value:.1f} credit hours done; an even pace would be {other:.1f}",
    ),
    "long_open_questions": (
        "{value:.0f} 道错题长期未解决，最久 {other_days:.0f} 天",
        "{value:.0f} wrong questions open for long, the longest for {other_days:.0f} days",
    ),
    "negative_discrimination": (
        "答对者的其余得分反而更低：相关系数 {value:.2f}（n = {n}）",
        "those who got it right scored lower elsewhere: correlation {value:.2f} (n = {n})",
    ),
    "weak_key": (
        "正确选项 {detail} 与其余得分的相关系数仅 {value:.2f}",
        "key {detail} correlates only {value:.2f} with the rest score",
    ),
    "attractive_distractor": (
        "错误选项 {detail} 吸引了得分较高者：相关系数 {value:.2f}",
        "wrong option {detail} attracts those who know more: correlation {value:.2f}",
    ),
    "idle_distractor": (
        "错误选项 {detail} 几乎无人选择（{value:.0%}）",
        "wrong option {detail} is hardly chosen ({value:.0%})",
    ),
    "drifted": (
        "难度较上次标定变化 {value:+.2f}（95% 区间 {low:+.2f} 至 {high:+.2f}）",
        "difficulty moved by {value:+.2f} since the last calibration (95% interval {low:+.2f} to {high:+.2f})",
    ),
    "too_hard": (
        "仅 {value:.0%} 得分（n = {n}），低于可用难度",
        "facility {value:.0%} (n = {n}): harder than is useful",
    ),
    "too_easy": (
        "{value:.0%} 得分（n = {n}），几乎不能区分",
        "facility {value:.0%} (n = {n}): tells hardly anyone apart",
    ),
}

SHARED: frozenset[Reason] = frozenset({"behind_hours", "long_open_questions", "confuses_branch"})
"""Reasons whose figures make one sentence; the others get a sentence for each figure."""

DAY_S = 86_400


def _sentence(reason: Reason, one: Evidence, other: Evidence | None, lang: Lang) -> str:
    text = REASONS[reason][0 if lang == "zh" else 1]
    second = 0.0 if other is None else other.value
    return text.format(
        value=one.value, n=one.n, low=one.low, high=one.high, detail=one.detail, days=one.value / DAY_S,
        other=second, other_days=second / DAY_S,
    )  # fmt: skip


def reason_texts(finding: Finding, lang: Lang = "zh") -> list[str]:
    """Sentences for one finding."""
    if finding.reason in SHARED:
        other = finding.evidence[1] if len(finding.evidence) > 1 else None
        return [_sentence(finding.reason, finding.evidence[0], other, lang)]
    return [_sentence(finding.reason, one, None, lang) for one in finding.evidence]


def text(suggestion: Suggestion, lang: Lang = "zh", *, name: str | None = None) -> str:
    """One line: what to do and why. ``name`` is what the reader calls the subject (a title, a person's name)."""
    action = ACTIONS[suggestion.kind][0 if lang == "zh" else 1].format(subject=name or suggestion.subject)
    reasons = [sentence for finding in suggestion.findings for sentence in reason_texts(finding, lang)]
    return f"{action}：{'；'.join(reasons)}。" if lang == "zh" else f"{action}: {'; '.join(reasons)}."
