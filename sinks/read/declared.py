"""Every query that can be asked by name. The SQL of each is in ``sql/``, in a file of the same name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from schemas.reference.columns import Text

from .columns import columns
from .query import Query
from .scope import Detail

_PERIOD = frozenset({"first", "last"})
_WHO = frozenset({"org", "member", "category"})
_NAMED: frozenset[Detail] = frozenset({"own", "named"})
_ANY: frozenset[Detail] = frozenset({"own", "named", "aggregate"})


def _by_name(queries: Iterable[Query]) -> Mapping[str, Query]:
    return {q.name: q for q in queries}


_DAILY = ("study_seconds", "answers", "correct", "score", "max_score")
_OF_QUESTION = ("kind", "text", "text_en", "options", "answer_key")

QUERIES: Mapping[str, Query] = _by_name(
    (
        Query(
            name="member-day",
            title=Text("成员日指标", "Member days"),
            description=Text(
                "每名成员每天学了多久、答题如何：每门课程一行，另有一行为全部课程合计。没有任何计入内容的日子不列。",
                "How long each member studied on each day, and how they answered: one row per course and one over all "
                "courses. Days on which nothing counts are left out.",
            ),
            columns=columns(
                "member_id", "org_id", "course_id", "day", "study_seconds", "sessions", "answers", "correct", "score",
                "max_score", "response_ms", "wrong_questions", "version", "graded", "overlap_seconds",
                "active_seconds", "open_seconds", "timed_answers", "events", "capped", "first_at", "last_at",
                "hour_seconds", "category",
            ),
            filters=_PERIOD | _WHO | {"course"},
            details=_NAMED,
        ),
        Query(
            name="branch-day",
            title=Text("组织日指标", "Organisation days"),
            description=Text(
                "每个组织每天的学习与答题：不给 --org 时每个有直属成员的组织一行；给出时汇总到该组织（含下级）。"
                "成员按当日所属计算。",
                "What was studied and answered in each organisation on each day: without --org one row per organisation "
                "with members of its own; with it rolled up to that organisation and what is below it. Members count "
                "where they belonged on the day.",
            ),
            columns=columns(
                ("org_id", "text", "组织", "organisation"), "course_id", "day", "members", "active_members", *_DAILY,
                "version", "graded", "sessions", "response_ms", "timed_answers", "wrong_questions", "events",
            ),
            filters=_PERIOD | _WHO | {"course"},
            details=frozenset({"named", "aggregate"}),
        ),
        Query(
            name="events",
            title=Text("事件", "Events"),
            description=Text(
                "存档中计入的每个事件一行，如客户端所发；withdrawn 表示已被撤回或替换。同一编号的多个内容只取计入的一个。",
                "One row per event that counts, as it was sent; withdrawn tells that it was taken back or replaced. Of "
                "several bodies under one id, the one that counts.",
            ),
            columns=columns(
                "event_id", ("event_type", "text", "类型", "study, answer, error or withdraw"), "member_id", "org_id",
                "category", ("course_id", "text", "课程", "course"), ("unit_id", "text", "单元", "unit"), "day", "at",
                "received_at", ("duration_ms", "integer", "时长或作答用时", "length, or time on the question", "ms"),
                ("beat_ms", "integer", "心跳周期", "heartbeat period", "ms"),
                ("active_ms", "integer", "处于焦点的时长", "time in focus", "ms"), "question_id", "exam_id", "attempt",
                "response", ("correct", "boolean", "对、错，空 = 未评分", "right or wrong; empty = not graded"), "score",
                "max_score", "knowledge_points",
                ("answer_id", "text", "错误所属的作答", "the answer that an error belongs to"),
                ("expected", "text", "错误给出的正确答案", "right answer named by an error"),
                ("kind", "text", "错误类型", "kind of error"),
                ("target_event_id", "text", "被撤回或替换的事件", "event that it takes back or replaces"),
                ("reason", "text", "撤回原因", "why it was taken back"),
                ("withdrawn", "boolean", "是否已被撤回或替换", "whether it was taken back or replaced"),
                ("source", "text", "应用与版本", "app and version"), ("device_id", "text", "设备", "device"),
                ("session_id", "text", "客户端会话", "client session"),
                ("skew_ms", "integer", "已校正的时钟误差", "clock error, already corrected", "ms"),
            ),
            filters=_PERIOD | _WHO | {"course", "exam"},
            details=_NAMED,
        ),
        Query(
            name="answers",
            title=Text("作答", "Answers"),
            description=Text(
                "每次计入的作答一行（未找到作答的错误记录也算一次答错）：对应错误已并入，撤回的与同次考试中被后来作答取代的不列。",
                "One row per answer that counts (an error that found no answer is a wrong answer): errors are merged in; "
                "withdrawn answers, and those replaced by a later one in the same attempt, are left out.",
            ),
            columns=columns(
                "member_id", "org_id", "category", ("course_id", "text", "课程", "course"), "question_id", "exam_id",
                "attempt", "day", "at",
                ("correct", "boolean", "对、错，空 = 未评分", "right or wrong; empty = not graded"), "score",
                "max_score", ("response_ms", "integer", "作答用时；空 = 未知", "time on the question; empty = unknown", "ms"),
                "response", "knowledge_points",
                ("from_error", "boolean", "来自未找到作答的错误记录", "an error that found no answer"), "event_id",
            ),
            filters=_PERIOD | _WHO | {"course", "exam"},
            details=_NAMED,
        ),
        Query(
            name="wrong-questions",
            title=Text("错题", "Wrong questions"),
            description=Text(
                "期内答错过的题目及其题干、选项、答案与解析：每名成员每题一行；只看汇总时每题一行，members 为答错人数。",
                "Questions answered wrong in the period, with text, options, key and explanation: one row per member and "
                "question; for a scope of aggregates one per question, members being those who got it wrong.",
            ),
            columns=columns(
                "member_id", "org_id", "category", ("course_id", "text", "课程", "course"), "question_id",
                ("members", "integer", "答错的人数", "members who got it wrong"),
                ("wrong_answers", "integer", "答错次数", "wrong answers"),
                ("answers", "integer", "这些成员对该题的作答次数", "answers of these members to the question"),
                ("first_wrong_at", "time", "首次答错", "first time wrong"),
                ("last_wrong_at", "time", "最后一次答错", "last time wrong"),
                ("last_wrong_response", "texts", "最后一次答错所选", "options chosen the last time"),
                ("later_right", "integer", "其后又答对的人数（一人时 0 或 1）", "members of these who were right after that"),
                *_OF_QUESTION, "explanation", "knowledge_points", "exam_ids",
            ),
            filters=_PERIOD | _WHO | {"course", "exam"},
            details=_ANY,
        ),
        Query(
            name="questions",
            title=Text("题目统计", "Questions"),
            description=Text(
                "每题：作答次数与人数、得分率（已评分作答的得分/满分）、平均用时、最常选的错误选项。",
                "Per question: answers and members, facility (points / possible points of graded answers), mean time, and "
                "the wrong answer chosen most.",
            ),
            columns=columns(
                ("course_id", "text", "课程", "course"), "question_id", "answers", "graded", "correct",
                ("members", "integer", "作答人数", "members who answered"),
                ("members_wrong", "integer", "答错过的人数", "members who got it wrong at least once"),
                ("facility", "number", "得分率，0–1；空 = 无已评分作答", "points / possible points, 0–1; empty = none graded"),
                ("mean_response_ms", "number", "平均用时（有记录者）", "mean time of answers that report it", "ms"),
                ("most_chosen_wrong", "text", "最常选的错误答案，多选以 ; 分隔", "wrong answer chosen most, joined by ';'"),
                ("most_chosen_wrong_answers", "integer", "选它的次数", "how often"),
                ("course_title", "text", "课程名称", "title of the course"),
                *_OF_QUESTION, "knowledge_points", "exam_ids",
            ),
            filters=_PERIOD | _WHO | {"course", "exam"},
            details=_ANY,
        ),
        Query(
            name="exams",
            title=Text("考试成绩", "Exams"),
            description=Text(
                "每名成员每次考试一行：得分、满分（含题库中未作答的题）、作答题数、用时。归于最后一次作答所在的日子。",
                "One row per member and attempt at an exam: points, possible points (questions of the catalogue that were "
                "not answered included), questions answered, time. It belongs to the day of its last answer.",
            ),
            columns=columns(
                ("exam_id", "text", "考试编号", "exam"), ("title", "text", "考试名称", "title of the exam"),
                ("course_id", "text", "课程", "course"), "member_id", "org_id", "category", "attempt", "day",
                ("began_at", "time", "首题开始作答（最早的作答时间减其用时）", "earliest answer minus its time"),
                ("ended_at", "time", "最后作答", "last answer"),
                ("duration_ms", "integer", "自开始至最后作答", "from the beginning to the last answer", "ms"),
                "response_ms", "score",
                ("max_score", "number", "满分：已评分作答的满分加未作答题的满分",
                 "possible points: of graded answers, plus those of questions not answered", "points"),
                ("exam_max_score", "number", "题库所写的考试满分；空 = 未写", "maximum named by the catalogue", "points"),
                ("answered", "integer", "作答的题数", "questions answered"), "graded", "correct",
                ("questions", "integer", "题数：题库所列与已作答者", "questions: listed in the catalogue or answered"),
            ),
            filters=_PERIOD | _WHO | {"course", "exam"},
            details=_NAMED,
        ),
        Query(
            name="rejected",
            title=Text("被拒记录", "Rejected lines"),
            description=Text(
                "收到但不计入的每一行，连同原因与位置。成员无法读出的行只有系统操作者可见。",
                "Every line that was received and does not count, with the reason and its place. Lines whose member could "
                "not be read are for the operator only.",
            ),
            columns=columns(
                "received_at", ("reason", "text", "原因代码", "reason"), ("detail", "text", "字段、值与规则", "field, value and rule"),
                "member_id", "org_id", "event_id", ("status", "text", "处理：open、retried、discarded", "open, retried or discarded"),
                ("raw", "bytes", "原文", "the line as received"), ("cluster", "text", "Kafka 集群", "Kafka cluster"),
                ("topic", "text", "Kafka 主题", "Kafka topic"), ("partition", "integer", "Kafka 分区", "Kafka partition"),
                ("offset", "integer", "Kafka 位移", "Kafka offset"), ("line", "integer", "消息内行号，自 0 起", "line in the message, from 0"),
            ),
            filters=_PERIOD | _WHO,
            details=_NAMED,
        ),
        Query(
            name="silent",
            title=Text("无记录者", "Silent"),
            description=Text(
                "期内没有任何计入事件的成员，以及直属成员均无事件的组织。给出课程时，指没有该课程的事件。",
                "Members without any event that counts in the period, and organisations whose own members all have none. "
                "With a course: none of that course.",
            ),
            columns=columns(
                ("kind", "text", "member 或 organisation", "member or organisation"),
                ("org_id", "text", "组织（成员：期内最后所属）", "organisation (of a member: the last of the period)"),
                ("member_id", "text", "成员；组织行为空", "member; '' for an organisation"), "category", "status",
                ("members", "integer", "期内属于该组织的成员数", "members who belonged to it in the period"),
            ),
            filters=_PERIOD | _WHO | {"course"},
            details=_ANY,
        ),
        Query(
            name="ledger",
            title=Text("台账", "Ledger"),
            description=Text(
                "收到的行与去向：lines = forwarded + rejected + duplicates + archived。只供系统操作者。",
                "What was received and what became of it: lines = forwarded + rejected + duplicates + archived. For the "
                "operator only.",
            ),
            columns=columns(
                ("lines", "integer", "收到的非空行", "non-empty lines received"),
                ("valid", "integer", "解码并通过准入", "decoded and admitted"),
                ("rejected", "integer", "不计入的行（含同号冲突）", "lines that don't count, conflicts included"),
                ("forwarded", "integer", "转发到成员所在分区（在那里再计一行）", "sent on to their member's partition, counted again there"),
                ("duplicates", "integer", "重复收到的行", "lines of events that were there already"),
                ("late", "integer", "发生一天以后才收到", "received more than a day after they occurred"),
                ("archived", "integer", "存档中的不同事件", "distinct events in the archive"),
                ("open", "integer", "被拒且待处理", "rejected and not yet decided"),
                ("messages", "integer", "Kafka 消息数", "Kafka messages"),
                ("last_received_at", "time", "最后收到的时间", "last receipt"),
            ),
            filters=_PERIOD,
            details=frozenset({"named"}),
        ),
        Query(
            name="freshness",
            title=Text("数据时点", "Freshness"),
            description=Text(
                "数据截至何时、按何定义与名册版本计算。",
                "How current the store is, and with which definitions and roster it is read.",
            ),
            columns=columns(
                ("generation", "integer", "指标代号", "generation of the metrics"),
                ("timezone", "text", "时区", "zone of local days"),
                ("last_received_at", "time", "最后收到消息的时间；空 = 尚无", "last receipt; empty = none yet"),
                ("messages", "integer", "Kafka 消息数", "Kafka messages"),
                ("lines", "integer", "收到的行", "lines received"),
                ("roster_import", "integer", "名册版本，0 = 无", "version of the roster, 0 = none"),
                ("roster_recorded_at", "time", "名册导入时间", "when the roster was imported"),
                ("catalogue_import", "integer", "目录版本，0 = 无", "version of the catalogue, 0 = none"),
                ("catalogue_recorded_at", "time", "目录导入时间", "when the catalogue was imported"),
                ("asked_at", "time", "查询时间", "when it was asked"),
            ),
            filters=frozenset(),
            details=_ANY,
        ),
        Query(
            name="members",
            title=Text("成员", "Members"),
            description=Text("名册中的成员与所属时期。", "Members of the roster and the periods of their memberships."),
            columns=columns(
                "member_id", "name", ("org_id", "text", "组织", "organisation"), ("category", "text", "人员类别", "category"),
                ("role", "text", "党内职务", "role"), "status", "valid_from", "valid_to",
            ),
            filters=_PERIOD | _WHO,
            details=_NAMED,
        ),
        Query(
            name="organisations",
            title=Text("组织", "Organisations"),
            description=Text("组织树，每个时期一行。", "The organisation tree, one row a period."),
            columns=columns(
                ("org_id", "text", "组织", "organisation"), ("parent_id", "text", "上级；空 = 最高一级", "above; '' = the top"),
                "name", ("kind", "text", "组织类型", "kind of organisation"), "valid_from", "valid_to",
            ),
            filters=frozenset({"org"}),
            details=_ANY,
        ),
    )
)  # fmt: skip
"""Queries by name, in the order in which they are listed."""
