"""Columns that results have in common, each described once."""

from __future__ import annotations

from schemas.reference.columns import Text

from .query import Column, Type


def _c(name: str, type_: Type, zh: str, en: str, unit: str = "") -> tuple[str, Column]:
    return name, Column(name, type_, Text(zh, en), unit)


COMMON: dict[str, Column] = dict(
    [
        _c("member_id", "text", "成员编号", "member"),
        _c("org_id", "text", "当日所属组织；空 = 名册中当日无所属", "organisation on that day; '' = none in the roster"),
        _c("category", "text", "当日人员类别", "category of the member on that day"),
        _c("course_id", "text", "课程；空 = 全部课程合计", "course; '' = over all courses"),
        _c("day", "day", "当地日期", "local day"),
        _c("study_seconds", "number", "学习时长：各学习区间的并集", "length of the union of study intervals", "s"),
        _c("sessions", "integer", "当日开始的学习次数（间隔不超过 30 分钟算一次）", "study sessions that start on the day"),
        _c("answers", "integer", "计入的作答数", "answers that count"),
        _c("graded", "integer", "其中已评分", "of these, graded"),
        _c("correct", "integer", "其中答对", "of these, right"),
        _c("score", "number", "得分", "points", "points"),
        _c("max_score", "number", "应得满分（未评分者不计）", "possible points; not graded ones don't count", "points"),
        _c("response_ms", "integer", "作答用时合计", "time spent on answers that report it", "ms"),
        _c("timed_answers", "integer", "有用时记录的作答数", "answers with a time above 0"),
        _c("wrong_questions", "integer", "答错的不同题目数", "distinct questions answered wrong"),
        _c("version", "integer", "背后不同事件的个数，随变化增大", "grows with every change of what is behind the row"),
        _c("overlap_seconds", "number", "区间之和减去并集", "sum of the intervals minus their union", "s"),
        _c("active_seconds", "number", "有焦点记录的区间中，处于焦点的时长", "time in focus, of intervals that report it", "s"),
        _c("open_seconds", "number", "有焦点记录的区间的时长", "length of intervals that report time in focus", "s"),
        _c("events", "integer", "计入的事件数", "events that count"),
        _c("capped", "integer", "超过 4 小时、只计最后 4 小时的区间数", "intervals cut to their last 4 hours"),
        _c("first_at", "time", "首次学习开始或作答", "start of the first study or answer"),
        _c("last_at", "time", "最后学习结束或作答", "end of the last study or answer"),
        _c("hour_seconds", "numbers", "24 个数：当地各小时内的学习时长", "24 values: study time by local hour", "s"),
        _c("members", "integer", "当日所属成员数", "members who belong to it on the day"),
        _c("active_members", "integer", "其中有计入事件者", "of these, with an event that counts"),
        _c("question_id", "text", "题目编号", "question"),
        _c("exam_id", "text", "考试编号；空 = 练习", "exam; '' = practice"),
        _c("attempt", "integer", "第几次，自 1 起；不适用为 0", "attempt, from 1; 0 where there is none"),
        _c("at", "time", "发生时间", "when it happened"),
        _c("received_at", "time", "首次收到的时间", "first receipt"),
        _c("response", "texts", "所选选项", "chosen options"),
        _c("knowledge_points", "texts", "知识点：事件所写，否则取题库", "knowledge points: the event's, else the catalogue's"),
        _c("event_id", "text", "事件编号", "event"),
        _c("kind", "text", "题型", "kind of question"),
        _c("text", "text", "题干", "what the question says"),
        _c("text_en", "text", "英文题干", "what it says in English"),
        _c("options", "texts", "选项 A 至 F 的文字", "texts of the options A to F"),
        _c("answer_key", "text", "正确答案", "key"),
        _c("explanation", "text", "解析", "explanation"),
        _c("exam_ids", "texts", "包含该题的考试", "exams that contain the question"),
        _c("status", "text", "党员状态", "status of the member"),
        _c("name", "text", "名称", "name"),
        _c("valid_from", "day", "首日，含；空 = 自始", "first day, included; empty = since ever"),
        _c("valid_to", "day", "末日，不含；空 = 至今", "first day no longer included; empty = until further notice"),
    ]
)  # fmt: skip


def columns(*listed: str | tuple[str, Type, str, str] | tuple[str, Type, str, str, str]) -> tuple[Column, ...]:
    """Columns by name from ``COMMON``, or as (name, type, zh, en[, unit])."""
    return tuple(COMMON[c] if isinstance(c, str) else _c(*c)[1] for c in listed)
